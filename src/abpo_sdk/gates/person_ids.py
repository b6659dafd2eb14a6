"""Ids of persons: which are fit to be one, and which two are one and the same person's."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from abpo_sdk.errors import DefinitionError
from abpo_sdk.gates.lookalike_letters import GREEK_CAPITALS, SHAPES
from abpo_sdk.values.decision import POLICY

LONGEST_ID = 200
"""How many characters an id may have."""

UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""What is shown as nothing and is no control or format character (Unicode's Default_Ignorable_Code_Point, and the blank Braille cell)."""

REFUSED = {
    "Cc": "a control character",
    "Cf": "a format character that nobody sees",
    "Cs": "half of a character",
    "Co": "a character that every font shows as it likes",
    "Cn": "no character",
    "Zl": "a line break",
    "Zp": "a line break",
}
"""The general categories of Unicode whose characters are in no id, and what they are."""

EAST_ASIAN = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"})
"""Scripts that are written together, also with Latin letters (UTS 39, section 5.2)."""

_WORD = re.compile("[\\w\u0300-\u036f]+")


def check_person_id(text: object, what: str) -> str:
    """An id of a person as it is given, if it is fit to be one.

    Args:
        text: the id.
        what: what it is given as, such as "by=".

    Raises:
        DefinitionError: it is no text, is blank, is longer than 200 characters, says that the policy decided, begins or ends
            with a space, holds what nobody sees, or mixes letters of two scripts in one word.

    >>> check_person_id("maria@acme", "by=")
    'maria@acme'
    """
    fault = fault_of_id(text)
    if fault:
        raise DefinitionError(f"{what}: {quoted(text)} cannot be a person's id: {fault}")
    return str(text)


def check_name(text: object, what: str) -> str:
    """A name of a role, skill or group as it is given, if it is fit to be one.

    Raises:
        DefinitionError: it is no text, is blank, is longer than 200 characters, begins or ends with a space, or holds what
            nobody sees.

    >>> check_name("head of accounts payable", "a role")
    'head of accounts payable'
    """
    fault = fault_of(text)
    if fault:
        raise DefinitionError(f"{what}: {quoted(text)} cannot be a name: {fault}")
    return str(text)


def fault_of(text: object) -> str:
    r"""Why a text cannot name anything; empty where it can.

    >>> fault_of("ma\u202eria")
    'it holds U+202E, a format character that nobody sees'
    """
    if not isinstance(text, str):
        return f"it is no text, but of type {type(text).__name__}"
    if not text or not text.strip():
        return "it is blank"
    if len(text) > LONGEST_ID:
        return f"it has {len(text):,} characters, and {LONGEST_ID} are the most"
    for character in "" if text.isascii() and text.isprintable() else text:
        refused = REFUSED.get(unicodedata.category(character))
        if refused or UNSEEN.match(character):
            return f"it holds U+{ord(character):04X}, {refused or 'a character that nobody sees'}"
    if text != text.strip():
        return "it begins or ends with a space"
    return "it begins with an accent" if unicodedata.category(text[0])[0] == "M" else ""


def fault_of_id(text: object) -> str:
    """Why something cannot be a person's id; empty where it can.

    >>> fault_of_id("policy"), fault_of_id("maria@acme")
    ('it says that no person decided', '')
    """
    fault = fault_of(text)
    if fault or not isinstance(text, str):
        return fault
    if skeleton(text) == POLICY:
        return "it says that no person decided"
    for word in _WORD.findall(unicodedata.normalize("NFKD", text)) if not text.isascii() else ():
        scripts = sorted(set(_scripts(word)))
        others = [script for script in scripts if script not in EAST_ASIAN]
        if len(others) > 1 or (others not in ([], ["LATIN"]) and len(scripts) > 1):
            mixed = " and ".join(script.capitalize() for script in scripts)
            return f"{word!a} mixes {mixed} letters, some of which look alike"
    return ""


def skeleton(text: str) -> str:
    r"""What all spellings of one id have in common; for comparing, not for showing.

    Case, width, composed or decomposed accents, spaces around, what nobody sees, kinds of dash and quote, digits of other
    scripts, and letters of other scripts that look like Latin ones make no difference (the skeleton of Unicode Technical
    Standard 39, section 4, here without case). Latin letters and digits that look alike (I, l and 1; O and 0; rn and m) stay
    different, and so do letters with and without an accent: of those, two people's ids may be made.

    >>> skeleton("M\u0430ria@ACME ") == skeleton("maria@acme")  # the second letter is Cyrillic
    True
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.casefold().split())
    while (folded := _fold(text)) != text:
        text = folded
    return text


def same_person(a: str, b: str) -> bool:
    r"""Whether two ids are one person's, in whatever spelling.

    >>> same_person("maria@acme", "\uff2d\uff41\uff52\uff49\uff41@acme"), same_person("maria@acme", "mario@acme")
    (True, False)
    """
    return a == b or skeleton(a) == skeleton(b)


def shown_id(given: object) -> str:
    r"""What was given as an id, as it can be written down and shown, whatever it is; never longer than an id may be.

    >>> shown_id("maria@acme"), shown_id("ma\u202eria"), shown_id(7)
    ('maria@acme', "'ma\\u202eria'", '<int>')
    """
    if not isinstance(given, str):
        return f"<{type(given).__name__}>"[:LONGEST_ID]
    return ascii(given[:LONGEST_ID])[:LONGEST_ID] if fault_of(given) else given


def quoted(given: object) -> str:
    """What was given as an id or name, within a message."""
    if not isinstance(given, str):
        return shown_id(given)
    return repr(given) if len(given) <= LONGEST_ID else f"{given[:20]!r}..."


def _scripts(word: str) -> Iterator[str]:
    """The scripts of the letters of a word: the first word of a letter's name in Unicode says it."""
    for letter in word:
        if unicodedata.category(letter) in ("Lu", "Ll", "Lt", "Lo"):
            yield unicodedata.name(letter, "other").split()[0]


def _fold(text: str) -> str:
    text = "".join(_seen(unicodedata.normalize("NFKD", text)))
    text = _WORD.sub(lambda word: _as_written(word[0]), text).casefold()
    text = unicodedata.normalize("NFKD", text).translate(SHAPES)
    text = text.replace("i\u0307", "i").replace("j\u0307", "j")  # a Turkish capital I has its dot apart
    return unicodedata.normalize("NFKC", " ".join(text.split()))


def _seen(text: str) -> Iterator[str]:
    for character in text:
        category = unicodedata.category(character)
        if character.isspace():
            yield " "
        elif category == "Nd":
            yield str(unicodedata.decimal(character))
        elif category == "Pd":
            yield "-"
        elif category not in ("Cc", "Cf") and not UNSEEN.match(character):
            yield character


def _as_written(word: str) -> str:
    """A word among whose Latin letters Greek capitals are those that they look like; of a Greek word, case must not matter."""
    return word.translate(GREEK_CAPITALS) if "LATIN" in _scripts(word) else word
