"""Signed notes open with a known key alone, and unchanged."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk.errors import NoteInvalid, StoreUnavailable
from abpo_sdk.ledger.transparency import note as real
from abpo_sdk.ledger.transparency.note import Note, Signer, Verifier, open_note
from tests.ledger.mutants import mutant

# https://c2sp.org/signed-note, "Example" and its first note (whose key is not published)
FOO = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
FOO_NOTE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""
POEM = """Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
"""
# documentation and tests of golang.org/x/mod/sumdb/note
PETER_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = """If you think cryptography is the answer to your problem,
then you don't know what your problem is.
"""
BY_PETER = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
BY_ENOCH = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
PETER_NOTE = f"{TEXT}\n{BY_PETER}"
WRONG_LENGTH = "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY=="
WRONG_ALGORITHM = "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
# what sum.golang.org, the checksum database of Go, signed with its published key
GOLANG = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
GOLANG_NOTE = """go.sum database tree
15081221
BoMMe1wd25Tco0mYGROkyqxHZWx+hcSCtMV315Lu6Lg=

— sum.golang.org Az3grilD7vQqTrv66jRgKM84Y80KTprrSt4bKmiOPxgmS5ZVBTeCl6dUvjYnN13R+C8j0jGY1WnUADGMkok3U0m2Zgo=
"""

BAD_NAMES = ["", "a b", "a+b", "a\tb", "a\nb", "a\x00b", "a\x1fb", "a\x85b", "a\xa0b", "a\u2003b", "a\u2028b", "\u3000"]


def refuses(call: Callable[..., Any], *arguments: Any, match: str | None = None) -> None:
    with pytest.raises(NoteInvalid, match=match):
        call(*arguments)


def keyed(name: str, key_id: str, key: bytes) -> str:
    return f"{name}+{key_id}+{base64.b64encode(key).decode()}"


# what holds of the module, and of no mutant of it


def published_notes_open(note: ModuleType) -> None:
    for key, signed, text in (
        (FOO, FOO_NOTE, "This is an example message.\n"),
        (PETER, PETER_NOTE, TEXT),
        (ENOCH, f"{TEXT}\n{BY_ENOCH}", TEXT),
        (GOLANG, GOLANG_NOTE, GOLANG_NOTE.partition("\n\n")[0] + "\n"),
    ):
        verifier = note.Verifier.parse(key)
        assert str(verifier) == key
        opened = note.open_note(signed, [verifier])
        assert opened.text == text
        assert [s.key for s in opened.signatures] == ["+".join(key.split("+")[:2])]
        assert note.open_note(signed.encode(), [verifier]) == opened


def published_signatures_are_made_again(note: ModuleType) -> None:
    signer = note.Signer.parse(PETER_PRIVATE)
    assert str(signer.verifier) == PETER
    assert signer.sign(TEXT) == PETER_NOTE
    assert signer.private_text() == PETER_PRIVATE


def a_text_that_ends_with_empty_lines_or_looks_signed_comes_back(note: ModuleType) -> None:
    signer = note.Signer.parse(PETER_PRIVATE)
    for text in ("\n", "\n\n\n", "a\n\n", "a\n\nb\n", f"a\n\n{BY_PETER}", f"\n{BY_ENOCH}\n", "è — ü\x7f\n"):
        assert note.open_note(signer.sign(text), [signer.verifier]).text == text


def what_was_changed_is_refused(note: ModuleType) -> None:
    verifiers = [note.Verifier.parse(PETER)]
    refuses(
        note.open_note, PETER_NOTE.replace("answer", "anwser"), verifiers, match="PeterNeumann.c74f20a3 does not ver"
    )
    refuses(note.open_note, PETER_NOTE.replace("ZJkuBS9", "ZJkuBS8"), verifiers, match="does not verify")
    refuses(note.open_note, "\n" + PETER_NOTE, verifiers, match="does not verify")


def a_wrong_signature_of_a_known_key_is_refused_whoever_else_signed(note: ModuleType) -> None:
    verifiers = [note.Verifier.parse(PETER), note.Verifier.parse(ENOCH)]
    wrong = BY_ENOCH.replace("eBzmZa0", "eBzmZa1")
    refuses(note.open_note, f"{TEXT}\n{BY_PETER}{wrong}", verifiers, match="EnochRoot.af0cfe78 does not verify")
    refuses(note.open_note, f"{TEXT}\n{BY_PETER}{BY_PETER.replace('ZJku', 'ZJkv')}", verifiers, match="does not verify")
    refuses(note.open_note, f"{TEXT}\n— PeterNeumann x08go/ZJkg==\n", verifiers, match="does not verify")
    assert note.open_note(f"{TEXT}\n{BY_PETER}{wrong}", verifiers[:1]).text == TEXT


def signatures_of_unknown_keys_are_ignored(note: ModuleType) -> None:
    peter = note.Verifier.parse(PETER)
    same_name = "— PeterNeumann AAAAAAAA\n"
    same_id = BY_PETER.replace("PeterNeumann", "Peter")
    opened = note.open_note(f"{TEXT}\n{same_name}{BY_PETER}{BY_ENOCH}{same_id}", [peter])
    assert [s.name for s in opened.signatures] == ["PeterNeumann"]


def a_key_counts_once(note: ModuleType) -> None:
    peter = note.Verifier.parse(PETER)
    opened = note.open_note(f"{TEXT}\n{BY_PETER}{BY_ENOCH}{BY_PETER}", [peter, peter, note.Verifier.parse(ENOCH)])
    assert [s.name for s in opened.signatures] == ["PeterNeumann", "EnochRoot"]


def a_note_that_no_known_key_signed_is_refused_by_the_names_of_those_that_did(note: ModuleType) -> None:
    refuses(note.open_note, PETER_NOTE, [note.Verifier.parse(ENOCH)], match="PeterNeumann.c74f20a3.*EnochRoot.af0cfe78")
    refuses(note.open_note, PETER_NOTE, [], match="known is none")
    refuses(note.open_note, POEM, [note.Verifier.parse(FOO)], match=r"quasimodo.example/salvatore.367ba04b")
    refuses(note.open_note, PETER_NOTE.replace("— Peter", "— Pieter"), [note.Verifier.parse(PETER)], match="Pieter")


def malformed_notes_are_refused(note: ModuleType) -> None:
    verifiers = [note.Verifier.parse(PETER)]
    for malformed, match in (
        ("", "does not end with a newline"),
        (TEXT, "no empty line"),
        (f"{TEXT}{BY_PETER}", "no empty line"),
        (f"{TEXT}\n", "signature line"),
        (f"{TEXT}\n\n", "signature line"),
        (f"{TEXT}\n{BY_PETER}\n", "signature line"),
        (PETER_NOTE.removesuffix("\n"), "does not end with a newline"),
        (f"{PETER_NOTE}Unexpected line.\n", "'Unexpected line.' is no signature line"),
        (PETER_NOTE.replace("— Peter", "- Peter"), "signature line"),
        (PETER_NOTE.replace("— Peter", "Peter"), "signature line"),
        (PETER_NOTE.replace("— Peter", "—Peter"), "signature line"),
        (PETER_NOTE.replace("— Peter", "—  Peter"), "no name"),
        (PETER_NOTE.replace("— Peter", "— Pe\u2003ter"), "no name"),
        (PETER_NOTE.replace("— Peter", "— Pe+ter"), "no name"),
        (PETER_NOTE.replace("Neumann x08go", "Neumann  x08go"), "not base64"),
        (PETER_NOTE.replace("JnAM=", "JnAM"), "not base64"),
        (PETER_NOTE.replace("JnAM=", "JnAM=="), "not base64"),
        (PETER_NOTE.replace("JnAM=", "JnAN="), "not base64"),  # bits beyond the last byte
        (PETER_NOTE.replace("JnAM=", "JnAM= "), "not base64"),
        (PETER_NOTE.replace("x08go/", "x08go_"), "not base64"),
        (f"{TEXT}\n— PeterNeumann \n", "no more than a key id"),
        (f"{TEXT}\n— PeterNeumann x08gow==\n", "no more than a key id"),
        (f"{TEXT}\n— PeterNeumann\n", "signature line"),
        ("\x01" + PETER_NOTE, r"control character '\\x01'"),
        (PETER_NOTE.replace("\n", "\r\n"), r"control character '\\r'"),
        (PETER_NOTE.replace("you think", "you\tthink"), r"control character '\\t'"),
        (b"\xff" + PETER_NOTE.encode(), "UTF-8"),
        ("\ud800" + PETER_NOTE, "UTF-8"),
        (b"\xed\xa0\x80" + PETER_NOTE.encode(), "UTF-8"),
    ):
        refuses(note.open_note, malformed, verifiers, match=match)


def too_much_is_refused(note: ModuleType) -> None:
    peter = note.Verifier.parse(PETER)
    assert note.open_note(f"{TEXT}\n{BY_ENOCH * 99}{BY_PETER}", [peter]).text == TEXT
    refuses(note.open_note, f"{TEXT}\n{BY_ENOCH * 100}{BY_PETER}", [peter], match="101 signatures")
    signer = note.Signer.parse(PETER_PRIVATE)
    largest = "é" * ((1_000_000 - len(f"\n\n{BY_PETER}".encode())) // 2) + "\n"
    assert note.open_note(signer.sign(largest), [peter]).text == largest
    refuses(signer.sign, "éé" + largest, match="more than 1000000")
    refuses(note.open_note, "éé" + largest + "\n" + BY_PETER, [peter], match="more than 1000000")


def bad_verifier_keys_are_refused(note: ModuleType) -> None:
    raw = base64.b64decode(PETER.split("+", 2)[2])
    for bad, match in (
        (PETER.replace("c74f20a3", "c74f20a4"), "c74f20a3, but the verifier key says c74f20a4"),
        (PETER.replace("PeterNeumann", "PeterNeuman"), "key id"),
        (PETER.replace("ARpc", "ARpd"), "key id"),
        (PETER.replace("c74f20a3", "C74F20A3"), "lowercase"),
        (PETER.replace("c74f20a3", "c74f20a"), "8 lowercase"),
        (PETER.replace("c74f20a3", "c74f20a3\n"), "8 lowercase"),
        (WRONG_LENGTH, "not base64"),  # bits beyond the last byte, too
        (WRONG_LENGTH.replace("KEY==", "KEQ=="), "36 bytes; Ed25519 has 32"),
        (keyed("a", hashlib.sha256(b"a\n" + raw[:32]).hexdigest()[:8], raw[:32]), "31 bytes"),
        (WRONG_ALGORITHM, "65 instead of 01"),
        (keyed("PeterNeumann", "c74f20a3", b"\x04" + raw[1:]), "04 instead of 01"),
        ("PeterNeumann+c74f20a3+", "none instead of 01"),
        (PETER + "\n", "not base64"),
        (" " + PETER, "the name in the verifier key is none"),
        ("PeterNeumann", "name.id.key"),
        ("", "name.id.key"),
        (PETER_PRIVATE, "key id"),
    ):
        refuses(note.Verifier.parse, bad, match=match)


def bad_private_keys_are_refused(note: ModuleType) -> None:
    for bad, match in (
        (PETER_PRIVATE.replace("c74f20a3", "c74f20a4"), "key id"),
        (PETER_PRIVATE.replace("PeterNeumann", "PeterNeuman"), "key id"),
        (PETER_PRIVATE.replace("AYEK", "AoEK"), "02 instead of 01"),
        (PETER_PRIVATE.removesuffix("KDFz"), "29 bytes"),
        (PETER_PRIVATE.replace("PRIVATE", "private"), "begins with"),
        (PETER, "begins with"),
        ("", "begins with"),
    ):
        refuses(note.Signer.parse, bad, match=match)


def bad_names_are_refused(note: ModuleType) -> None:
    for name in [*BAD_NAMES, "a\ud800"]:
        refuses(note.Verifier, name, bytes(32), match="no name of a key")
        refuses(note.Signer.generate, name, match="no name of a key")
        refuses(note.Verifier.parse, keyed(name, "00000000", b"\x01" + bytes(32)))
    refuses(note.Verifier, "a", bytes(31), match="31 bytes")


def texts_that_cannot_stand_in_a_note_are_not_signed(note: ModuleType) -> None:
    signer = note.Signer.parse(PETER_PRIVATE)
    for text in ("", "a", "a\r\n", "\x00\n", "\x1f\n", "\ud800\n"):
        refuses(signer.sign, text)


def two_keys_of_one_name_and_id_are_refused(note: ModuleType) -> None:
    by_id: dict[bytes, bytes] = {}
    for number in count():
        key = hashlib.sha256(str(number).encode()).digest()
        key_id = hashlib.sha256(b"a\n\x01" + key).digest()[:4]
        other = by_id.setdefault(key_id, key)
        if other != key:
            break
    verifiers = [note.Verifier("a", key), note.Verifier("a", other)]
    refuses(note.open_note, PETER_NOTE, [note.Verifier.parse(PETER), *verifiers], match="two different keys")


def a_file_is_asked_for_the_name_of_its_key(note: ModuleType) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "key")
        made = note.Signer.create_file(path, "example.org")
        assert note.Signer.from_file(path).verifier == made.verifier
        assert note.Signer.from_file(path, "example.org").private_text() == made.private_text()
        refuses(note.Signer.from_file, path, "example.com", match="'example.org', not of 'example.com'")
        refuses(note.Signer.create_file, path, "example.com", match="'example.org', not of 'example.com'")


PROPERTIES = [
    published_notes_open,
    published_signatures_are_made_again,
    a_text_that_ends_with_empty_lines_or_looks_signed_comes_back,
    what_was_changed_is_refused,
    a_wrong_signature_of_a_known_key_is_refused_whoever_else_signed,
    signatures_of_unknown_keys_are_ignored,
    a_key_counts_once,
    a_note_that_no_known_key_signed_is_refused_by_the_names_of_those_that_did,
    malformed_notes_are_refused,
    too_much_is_refused,
    bad_verifier_keys_are_refused,
    bad_private_keys_are_refused,
    bad_names_are_refused,
    texts_that_cannot_stand_in_a_note_are_not_signed,
    two_keys_of_one_name_and_id_are_refused,
    a_file_is_asked_for_the_name_of_its_key,
]

MUTANTS = [
    ("note", "if verifier.key_id.hex() != key_id:", "if False:"),
    ("note", "if not known[signature.key].verifies(text, signature.value):", "if False:"),
    ("note", "            return False\n        return True", "            return True\n        return True"),
    ("note", "    if not verified:", "    if False:"),
    ("note", "!= verifier:", "is None:"),
    ("note", 'b"\\n" + ED25519 + self.public_key', 'b"\\n" + self.public_key'),
    ("note", 'self.name.encode() + b"\\n" + ED', 'b"\\n" + ED'),
    ("note", "if name is not None and signer.verifier.name != name:", "if False:"),
    ("note", "if len(self.public_key) != KEY_BYTES:", "if False:"),
    ("note", "        check_name(self.name)\n", ""),
    ("note", 'if not text.endswith("\\n"):', "if False:"),
    ("note", "        check_note(text)\n", ""),
    ("note", "if not text.startswith(PRIVATE):", "if False:"),
    ("note", "        if signature.key in known:", "        if signature.key in known and not verified:"),
    ("note_syntax", "if raw[:1] != ED25519:", "if False:"),
    ("note_syntax", "if len(raw) != 1 + KEY_BYTES:", "if False:"),
    ("note_syntax", "if not KEY_ID.fullmatch(key_id):", "if not KEY_ID.match(key_id):"),
    ("note_syntax", " or base64.b64encode(raw).decode() != text", ""),
    ("note_syntax", 'content.rpartition("\\n\\n")', 'content.partition("\\n\\n")'),
    ("note_syntax", "if not content.endswith", "if False and content.endswith"),
    ("note_syntax", "if len(lines) > MAX_SIGNATURES:", "if False:"),
    ("note_syntax", "if len(raw) > MAX_NOTE_BYTES:", "if len(text) > MAX_NOTE_BYTES:"),
    ("note_syntax", "if found := CONTROL.search(text):", "if found := None:"),
    ("note_syntax", "\\x1f]", "\\x1e]"),
    ("note_syntax", "any(c.isspace() for c in name)", '" " in name'),
    ("note_syntax", "if len(raw) <= KEY_ID_BYTES:", "if len(raw) < KEY_ID_BYTES:"),
    ("note_syntax", "if not line.startswith(DASH) or not space:", "if not space:"),
    ("note_syntax", 'return f"{self.name}+{self.key_id.hex()}"', "return self.name"),
]


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda holds: holds.__name__)
def test_of_notes(holds: Callable[[ModuleType], None]) -> None:
    holds(real)


@pytest.mark.parametrize(("of", "fragment", "replacement"), MUTANTS)
def test_a_mistake_in_the_source_is_noticed(of: str, fragment: str, replacement: str) -> None:
    broken = mutant(of, fragment, replacement, give="note")
    noticed = []
    for holds in PROPERTIES:
        try:
            holds(broken)
        except (Exception, pytest.fail.Exception):
            noticed.append(holds.__name__)
            break
    assert noticed


def test_a_copy_without_mistake_has_all_the_properties() -> None:
    copy = mutant("note", "PRIVATE = ", "PRIVATE = ", give="note")
    for holds in PROPERTIES:
        holds(copy)


# any text, any name, any change

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters="+"), min_size=1)
LINES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="".join(map(chr, range(32)))))
TEXTS = st.lists(LINES, min_size=1).map(lambda lines: "".join(f"{line}\n" for line in lines))


@given(NAMES, TEXTS)
def test_whatever_is_signed_opens_with_the_keys_text_and_with_no_other_key(name: str, text: str) -> None:
    signer, other = Signer.generate(name), Signer.generate(name)
    again = Signer.parse(signer.private_text())
    signed = again.sign(text)
    assert signed == signer.sign(text)
    verifier = Verifier.parse(str(signer.verifier))
    assert verifier == signer.verifier
    assert hash(verifier) == hash(signer.verifier)
    assert open_note(signed, [other.verifier, verifier]).text == text
    with pytest.raises(NoteInvalid, match="no known key"):
        open_note(signed, [other.verifier])


def opened_or_none(note: bytes, verifiers: list[Verifier]) -> Note | None:
    try:
        return open_note(note, verifiers)
    except NoteInvalid:
        return None


@pytest.mark.parametrize("note", [FOO_NOTE, PETER_NOTE, f"{TEXT}\n{BY_PETER}{BY_ENOCH}", GOLANG_NOTE])
def test_no_flip_of_a_single_bit_gives_another_text(note: str) -> None:
    verifiers = [Verifier.parse(key) for key in (FOO, PETER, GOLANG)]
    text = open_note(note, verifiers).text
    raw = note.encode()
    for bit in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        opened = opened_or_none(bytes(flipped), verifiers)
        assert opened is None or (opened.text == text and BY_ENOCH in note)


@given(st.data())
def test_no_change_of_a_few_bytes_gives_another_text(data: st.DataObject) -> None:
    verifiers = [Verifier.parse(PETER)]
    raw = PETER_NOTE.encode()
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, min(len(raw), start + 5)))
    changed = raw[:start] + data.draw(st.binary(max_size=5)) + raw[end:]
    opened = opened_or_none(changed, verifiers)
    assert opened is None or opened.text == TEXT


@given(st.one_of(st.text(), st.binary(), TEXTS))
def test_anything_else_is_refused(note: str | bytes) -> None:
    with pytest.raises(NoteInvalid):
        open_note(note, [Verifier.parse(PETER)])


@settings(max_examples=300)
@given(st.one_of(st.text(), st.text(alphabet="PRIVATE+KEY=a01 \n")))
def test_a_text_that_is_no_key_is_refused(text: str) -> None:
    for parse in (Verifier.parse, Signer.parse):
        with pytest.raises(NoteInvalid):
            parse(text)


@pytest.mark.parametrize(("parse", "key"), [(Verifier.parse, PETER), (Signer.parse, PETER_PRIVATE)])
def test_no_part_of_a_key_is_a_key(parse: Callable[[str], object], key: str) -> None:
    for start in range(len(key)):
        for end in range(start + 1, len(key) + 1):
            if end - start < len(key):
                refuses(parse, key[start:end])
    for at, character in enumerate(key):
        refuses(parse, key[:at] + chr(ord(character) + 1) + key[at + 1 :])


# the private key stays private


def test_no_representation_and_no_error_shows_the_private_key(tmp_path: Path) -> None:
    signer = Signer.parse(PETER_PRIVATE)
    secret = PETER_PRIVATE.split("+", 4)[4]
    assert repr(signer) == str(signer) == f"<Signer {PETER}>"
    bare = f"PRIVATE+KEY+{secret}"
    for number, text in enumerate(
        [secret, bare, PETER_PRIVATE + "x", PETER_PRIVATE.replace("c74f20a3+", ""), secret * 2]
    ):
        path = tmp_path / str(number)
        path.write_text(text)
        with pytest.raises(NoteInvalid, match="holds no private key") as caught:
            Signer.from_file(path)
        assert not any(secret[at : at + 5] in str(caught.value) for at in range(len(secret) - 5))


def test_a_key_file_can_be_read_by_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Signer.create_file(tmp_path / "key", "example.org")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["key"]


def test_a_key_file_that_is_there_is_read_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(PETER_PRIVATE + "\n")
    assert str(Signer.create_file(path, "PeterNeumann").verifier) == PETER
    path.write_text("a shopping list\n")
    with pytest.raises(NoteInvalid, match="holds no private key"):
        Signer.create_file(path, "PeterNeumann")
    assert path.read_text() == "a shopping list\n"


def test_a_bad_name_makes_no_file(tmp_path: Path) -> None:
    refuses(Signer.create_file, tmp_path / "key", "our ledger")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", PETER.encode(), PETER_PRIVATE.encode() + b"\n\n"])
def test_a_file_without_a_private_key_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(NoteInvalid, match=r"key' holds no private key"):
        Signer.from_file(tmp_path / "key")


def test_a_missing_key_file_or_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"key' cannot be read"):
        Signer.from_file(tmp_path / "key")
    with pytest.raises(StoreUnavailable, match=r"missing/key' cannot be made"):
        Signer.create_file(tmp_path / "missing" / "key", "example.org")


def test_a_key_file_that_may_not_be_read_or_made_is_named(
    open_directory: Path, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    Signer.create_file(open_directory / "key", "example.org")
    open_directory.chmod(0o555)
    with unprivileged():
        with pytest.raises(StoreUnavailable, match=r"other' cannot be made"):
            Signer.create_file(open_directory / "other", "example.org")
        if os.getuid() == 0:
            with pytest.raises(StoreUnavailable, match=r"key' cannot be read"):
                Signer.from_file(open_directory / "key")


def test_a_dangling_link_is_no_place_for_a_key(tmp_path: Path) -> None:
    (tmp_path / "key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        Signer.create_file(tmp_path / "key", "example.org")
    assert not (tmp_path / "elsewhere").exists()


CREATE = """
import sys
from abpo_sdk.ledger.transparency.note import Signer
Signer.generate("warm")
print("ready", flush=True)
sys.stdin.readline()
print(Signer.create_file(sys.argv[1], "example.org").verifier)
"""


def test_of_several_processes_that_make_a_key_file_at_once_all_get_one_key(tmp_path: Path) -> None:
    path = tmp_path / "key"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CREATE, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = {process.communicate(timeout=60)[0] for process in processes}
    assert answers == {f"{Signer.from_file(path).verifier}\n"}
    assert [file.name for file in tmp_path.iterdir()] == ["key"]


DIES = """
import resource, signal, sys
from abpo_sdk.ledger.transparency.note import Signer
Signer.generate("warm")
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (40, 40))
Signer.create_file(sys.argv[1], "example.org")
"""


def test_a_process_that_dies_while_it_writes_a_key_leaves_no_half_of_it(tmp_path: Path) -> None:
    path = tmp_path / "key"
    died = subprocess.run([sys.executable, "-B", "-c", DIES, str(path)], check=False)
    assert died.returncode == -signal.SIGXFSZ
    assert not path.exists()
    assert Signer.create_file(path, "example.org").verifier == Signer.from_file(path).verifier


def test_importing_the_module_loads_no_cryptography() -> None:
    script = "import sys, abpo_sdk.ledger.transparency.checkpoint; print([m for m in sys.modules if m.startswith('cryptography')])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
