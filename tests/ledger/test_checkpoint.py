"""Checkpoints have one spelling, and open for the log that they are of."""

from __future__ import annotations

import base64
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abpo_sdk.errors import NoteInvalid
from abpo_sdk.ledger.transparency import checkpoint as real
from abpo_sdk.ledger.transparency.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from abpo_sdk.ledger.transparency.note import Signer, Verifier, open_note
from tests.ledger.mutants import mutant

# https://c2sp.org/tlog-checkpoint, first note (with the id of the key of sum.golang.org, which did not sign this text)
SOFA = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
"""
# what sum.golang.org, the checksum database of Go, signed with its published key
GOLANG = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
GOLANG_NOTE = """go.sum database tree
15081221
BoMMe1wd25Tco0mYGROkyqxHZWx+hcSCtMV315Lu6Lg=

— sum.golang.org Az3grilD7vQqTrv66jRgKM84Y80KTprrSt4bKmiOPxgmS5ZVBTeCl6dUvjYnN13R+C8j0jGY1WnUADGMkok3U0m2Zgo=
"""

ROOT = bytes(range(32))
ROOT_TEXT = base64.b64encode(ROOT).decode()
TEXT = f"example.org\n7\n{ROOT_TEXT}\n"


def refuses(call: Callable[..., Any], *arguments: Any, match: str, **options: Any) -> None:
    with pytest.raises(NoteInvalid, match=match):
        call(*arguments, **options)


# what holds of the module, and of no mutant of it


def published_checkpoints_are_read_and_written(checkpoint: ModuleType) -> None:
    for note, origin, size, root in (
        (SOFA, "example.com/behind-the-sofa", 20852163, "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="),
        (GOLANG_NOTE, "go.sum database tree", 15081221, "BoMMe1wd25Tco0mYGROkyqxHZWx+hcSCtMV315Lu6Lg="),
    ):
        text = note.partition("\n\n")[0] + "\n"
        parsed = checkpoint.Checkpoint.parse(text)
        assert parsed == checkpoint.Checkpoint(origin, size, base64.b64decode(root))
        assert parsed.text() == text


def extensions_come_back_in_order(checkpoint: ModuleType) -> None:
    parsed = checkpoint.Checkpoint.parse(f"{TEXT}two\none \n")
    assert parsed == checkpoint.Checkpoint("example.org", 7, ROOT, ("two", "one "))
    assert parsed.text() == f"{TEXT}two\none \n"


def texts_that_are_no_checkpoint_are_refused(checkpoint: ModuleType) -> None:
    for text, match in (
        ("", "ends with a newline"),
        (TEXT.removesuffix("\n"), "ends with a newline"),
        ("\n", "at least 3 lines"),
        ("example.org\n7\n", "at least 3 lines"),
        (f"\n7\n{ROOT_TEXT}\n", "not empty"),
        (f"{TEXT}\n", "not empty"),
        (f"{TEXT}\nmore\n", "not empty"),
        (f"example.org\n\n7\n{ROOT_TEXT}\n", "decimal"),
        *(
            (f"example.org\n{size}\n{ROOT_TEXT}\n", "decimal")
            for size in ("", "07", "00", "+7", "-7", "-0", " 7", "7 ", "7.0", "1e3", "0x7", "1_000", "٧", "７", "7\r")
        ),
        (f"example.org\n{'9' * 21}\n{ROOT_TEXT}\n", "decimal"),
        (f"example.org\n{2**64}\n{ROOT_TEXT}\n", "0 to 18446744073709551615"),
        ("example.org\n7\n\n", "not base64|32 bytes"),
        ("example.org\n7\nAAAA\n", "32 bytes, not 3"),
        (f"example.org\n7\n{base64.b64encode(bytes(33)).decode()}\n", "32 bytes, not 33"),
        (f"example.org\n7\n{ROOT_TEXT.removesuffix('=')}\n", "not base64"),
        (f"example.org\n7\n {ROOT_TEXT}\n", "not base64"),
        (f"example.org\n7\n{ROOT.hex()}\n", "32 bytes"),
        (f"{TEXT}mo\tre\n", "control character"),
        (f"exam\x00ple.org\n7\n{ROOT_TEXT}\n", "control character"),
    ):
        refuses(checkpoint.Checkpoint.parse, text, match=match)


def what_has_no_text_is_no_checkpoint(checkpoint: ModuleType) -> None:
    make = checkpoint.Checkpoint
    assert make("example.org", 2**64 - 1, ROOT).size == 2**64 - 1
    assert make("example.org", 0, ROOT).text() == f"example.org\n0\n{ROOT_TEXT}\n"
    refuses(make, "", 7, ROOT, match="not empty")
    refuses(make, "a\nb", 7, ROOT, match="one line each")
    refuses(make, "a\rb", 7, ROOT, match="control character")
    refuses(make, "a\ud800", 7, ROOT, match="UTF-8")
    refuses(make, "a", -1, ROOT, match="not -1")
    refuses(make, "a", 2**64, ROOT, match="0 to 18446744073709551615")
    refuses(make, "a", 7, ROOT[1:], match="32 bytes, not 31")
    refuses(make, "a", 7, ROOT, ("more", ""), match="not empty")
    refuses(make, "a", 7, ROOT, ("more\n8",), match="one line each")


def a_signed_checkpoint_opens(checkpoint: ModuleType) -> None:
    signer = checkpoint.Signer.generate("example.org")
    made = checkpoint.Checkpoint("example.org", 7, ROOT, ("more",))
    note = checkpoint.sign_checkpoint(made, signer)
    assert note.startswith(f"{TEXT}more\n\n— example.org ")
    assert checkpoint.open_checkpoint(note, [signer.verifier], origin="example.org") == made
    assert checkpoint.open_checkpoint(note.encode(), [signer.verifier], origin="example.org") == made
    refuses(checkpoint.open_checkpoint, note, [], origin="example.org", match="no known key")


def another_origin_is_neither_signed_nor_opened(checkpoint: ModuleType) -> None:
    ours, theirs = checkpoint.Signer.generate("example.org"), checkpoint.Signer.generate("example.com")
    known = [ours.verifier, theirs.verifier]
    refuses(
        checkpoint.sign_checkpoint, checkpoint.Checkpoint("example.org", 7, ROOT), theirs, match="does not sign for"
    )
    note = checkpoint.sign_checkpoint(checkpoint.Checkpoint("example.com", 7, ROOT), theirs)
    refuses(
        checkpoint.open_checkpoint, note, known, origin="example.org", match="of 'example.com', not of 'example.org'"
    )


def another_known_key_does_not_speak_for_the_log(checkpoint: ModuleType) -> None:
    ours, theirs = checkpoint.Signer.generate("example.org"), checkpoint.Signer.generate("example.com")
    note = theirs.sign(TEXT)
    known = [ours.verifier, theirs.verifier]
    refuses(checkpoint.open_checkpoint, note, known, origin="example.org", match="only by example.com")
    witnessed = ours.sign(TEXT) + note.rpartition("\n\n")[2]
    assert checkpoint.open_checkpoint(witnessed, known, origin="example.org").size == 7
    refuses(checkpoint.open_checkpoint, witnessed, known[1:], origin="example.org", match="not signed in that name")


def a_signed_note_that_is_no_checkpoint_is_refused(checkpoint: ModuleType) -> None:
    signer = checkpoint.Signer.generate("example.org")
    refuses(
        checkpoint.open_checkpoint, signer.sign("Hello.\n"), [signer.verifier], origin="example.org", match="3 lines"
    )


PROPERTIES = [
    published_checkpoints_are_read_and_written,
    extensions_come_back_in_order,
    texts_that_are_no_checkpoint_are_refused,
    what_has_no_text_is_no_checkpoint,
    a_signed_checkpoint_opens,
    another_origin_is_neither_signed_nor_opened,
    another_known_key_does_not_speak_for_the_log,
    a_signed_note_that_is_no_checkpoint_is_refused,
]

MUTANTS = [
    ("checkpoint", "if checkpoint.origin != origin:", "if False:"),
    ("checkpoint", "if all(signature.name != origin for signature in opened.signatures):", "if False:"),
    ("checkpoint", "if all(signature.name != origin for", "if any(signature.name != origin for"),
    ("checkpoint", "if checkpoint.origin != signer.verifier.name:", "if False:"),
    ("checkpoint", '"0|[1-9][0-9]{0,19}"', '"[0-9]{1,20}"'),
    ("checkpoint", '"0|[1-9][0-9]{0,19}"', r'"0|[1-9]\d{0,19}|\d"'),
    ("checkpoint", '"0|[1-9][0-9]{0,19}"', '"0|[1-9][0-9]*"'),
    ("checkpoint", "DECIMAL.fullmatch(size)", "DECIMAL.match(size)"),
    ("checkpoint", 'if not line or "\\n" in line:', 'if "\\n" in line:'),
    ("checkpoint", 'if not line or "\\n" in line:', "if not line:"),
    ("checkpoint", "            check_note(line)\n", ""),
    ("checkpoint", "if not 0 <= self.size <= MAX_SIZE:", "if not 0 <= self.size:"),
    ("checkpoint", "if not 0 <= self.size <= MAX_SIZE:", "if self.size > MAX_SIZE:"),
    ("checkpoint", "if len(self.root) != ROOT_BYTES:", "if False:"),
    ("checkpoint", 'if not text.endswith("\\n"):', "if False:"),
    ("checkpoint", "if len(lines) < 3:", "if len(lines) < 2:"),
    ("checkpoint", 'text.removesuffix("\\n").split("\\n")', "text.split()"),
    ("checkpoint", "(self.origin, self.size, root, *self.extensions))", "(self.origin, self.size, root))"),
    ("note", "if not known[signature.key].verifies(text, signature.value):", "if known:"),
]


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda holds: holds.__name__)
def test_of_checkpoints(holds: Callable[[ModuleType], None]) -> None:
    holds(real)


@pytest.mark.parametrize(("of", "fragment", "replacement"), MUTANTS)
def test_a_mistake_in_the_source_is_noticed(of: str, fragment: str, replacement: str) -> None:
    broken = mutant(of, fragment, replacement, give="checkpoint")
    noticed = []
    for holds in PROPERTIES:
        try:
            holds(broken)
        except (Exception, pytest.fail.Exception):
            noticed.append(holds.__name__)
            break
    assert noticed


def test_a_copy_without_mistake_has_all_the_properties() -> None:
    copy = mutant("checkpoint", "MAX_SIZE = ", "MAX_SIZE = ", give="checkpoint")
    for holds in PROPERTIES:
        holds(copy)


def test_a_checkpoint_of_the_go_checksum_database_is_signed_by_its_key() -> None:
    opened = open_note(GOLANG_NOTE, [Verifier.parse(GOLANG)])
    assert Checkpoint.parse(opened.text).size == 15081221


def test_the_example_of_the_specification_is_signed_by_a_key_that_is_not_known() -> None:
    with pytest.raises(NoteInvalid, match=r"signed by example.com/behind-the-sofa\+033de0ae"):
        open_checkpoint(SOFA, [Verifier.parse(GOLANG)], origin="example.com/behind-the-sofa")


# any checkpoint

LINE = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="".join(map(chr, range(32)))), min_size=1, max_size=40
)
NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters="+"), min_size=1, max_size=40
)


def checkpoints(origins: st.SearchStrategy[str]) -> st.SearchStrategy[Checkpoint]:
    return st.builds(
        Checkpoint,
        origins,
        st.integers(0, 2**64 - 1),
        st.binary(min_size=32, max_size=32),
        st.lists(LINE, max_size=3).map(tuple),
    )


@given(checkpoints(LINE))
def test_a_checkpoint_comes_back_from_its_text(checkpoint: Checkpoint) -> None:
    assert Checkpoint.parse(checkpoint.text()) == checkpoint
    assert hash(Checkpoint.parse(checkpoint.text())) == hash(checkpoint)


@given(checkpoints(NAMES), NAMES)
def test_a_signed_checkpoint_opens_under_its_origin_alone(checkpoint: Checkpoint, other: str) -> None:
    signer = Signer.generate(checkpoint.origin)
    note = sign_checkpoint(checkpoint, signer)
    assert open_checkpoint(note, [signer.verifier], origin=checkpoint.origin) == checkpoint
    if other != checkpoint.origin:
        with pytest.raises(NoteInvalid, match="not of"):
            open_checkpoint(note, [signer.verifier], origin=other)


@given(checkpoints(LINE), st.data())
def test_a_checkpoint_has_one_spelling(checkpoint: Checkpoint, data: st.DataObject) -> None:
    text = checkpoint.text()
    at = data.draw(st.integers(0, len(text)))
    changed = text[:at] + data.draw(st.text(" \n\t0+=a", max_size=2)) + text[at + data.draw(st.integers(0, 2)) :]
    try:
        parsed = Checkpoint.parse(changed)
    except NoteInvalid:
        return
    assert parsed.text() == changed
    assert (parsed == checkpoint) == (changed == text)


@given(st.text(st.sampled_from("ab\n0123456789=+/ "), max_size=80))
def test_whatever_is_read_as_a_checkpoint_is_written_the_same(text: str) -> None:
    try:
        parsed = Checkpoint.parse(text)
    except NoteInvalid:
        return
    assert parsed.text() == text
