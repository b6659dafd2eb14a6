"""Ways to write one and the same id, made by other means than those that compare ids."""

import unicodedata

from hypothesis import strategies as st

LOOKALIKES = {
    "a": "аα",
    "c": "с",
    "e": "е",
    "h": "һ",
    "i": "іι",
    "j": "јϳ",
    "o": "оοօ",
    "p": "рρ",
    "s": "ѕ",
    "v": "ν",
    "x": "х",
    "y": "у",
    "A": "АΑ",
    "B": "ВΒ",
    "C": "С",
    "E": "ЕΕ",
    "H": "НΗ",
    "I": "ІΙ",
    "K": "КΚ",
    "M": "МΜ",
    "O": "ОΟ",
    "P": "РΡ",
    "T": "ТΤ",
    "X": "ХΧ",
    "Z": "Ζ",
}
"""For letters of the Latin script, Cyrillic, Greek and Armenian ones that are drawn as they are."""

UNSEEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u202a\u202c\u202e\u2066\u2069\u034f\ufe0f\u0000"

IDS = st.from_regex(r"\A[a-z][a-z0-9éñü]{0,8}(\.[a-z]{1,6})?@[a-z]{1,8}\Z")


@st.composite
def spellings_of(draw, person):
    """The id with case, width, lookalikes, accents, unseen characters and spaces changed at will."""
    written = []
    for plain in person:
        letter = draw(st.sampled_from([plain, plain, plain.upper()]))
        choices = [letter, letter, *LOOKALIKES.get(letter, "")]
        if "!" <= letter <= "~":
            choices.append(chr(ord(letter) + 0xFEE0))  # its fullwidth form
        written.append(draw(st.sampled_from(choices)) + draw(st.sampled_from(["", "", "", *UNSEEN])))
    text = unicodedata.normalize(draw(st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"])), "".join(written))
    return draw(st.sampled_from(["", " ", "\u00a0", "\t"])) + text + draw(st.sampled_from(["", " ", "\u3000", "\n"]))
