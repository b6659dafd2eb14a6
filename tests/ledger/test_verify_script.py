"""The script for auditors needs nothing of ours, ends with the right code and one line, and a fault in it would be seen."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk.ledger import Checkpoint, Ledger, Signer
from abpo_sdk.ledger.transparency.checkpoint import sign_checkpoint
from abpo_sdk.testing.clock import FakeClock
from tests.ledger import bundles
from tests.ledger.bundles import GOOD, SCRIPT, Case, by_script, encoded


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return bundles.case_of(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return bundles.script()


@pytest.fixture
def bundle(case: Case, tmp_path: Path) -> Path:
    path = tmp_path / "bundle.jsonl"
    path.write_bytes(b"".join(case.lines))
    return path


@pytest.fixture
def anchored(case: Case, tmp_path: Path) -> Path:
    path = tmp_path / "anchor.txt"
    path.write_text("".join(f"{note}\n" for note in case.notes))
    return path


def run(*arguments: object) -> tuple[int, str]:
    """The exit code and what was printed, of the script in a process of its own that cannot see this library."""
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", str(SCRIPT), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
        timeout=60,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_it_is_short_and_imports_the_standard_library_and_cryptography_alone() -> None:
    source = SCRIPT.read_text()
    assert len(source.splitlines()) <= 170
    imported = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).partition(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}


def test_it_says_what_it_verified(bundle: Path, case: Case, anchored: Path) -> None:
    signer = "+".join(case.key.split("+")[:2])
    said = (
        "verified: 12 entries in 4 chains; payloads missing, as they were swept: 6\n"
        "all entries under its checkpoint are in the bundle: 12 of 12\n"
        f"signed by {signer}; 4 checkpoints, each grown from the one before it\n"
    )
    others = "of this ledger, 0 given up when it was reopened, 0 newer than the bundle\n"
    assert run(bundle, case.key) == (0, f"{said}anchored checkpoints: 0 {others}")
    assert run(bundle, case.key, anchored) == (0, f"{said}anchored checkpoints: 4 {others}")


def test_it_names_the_first_thing_that_is_wrong(bundle: Path, case: Case, anchored: Path) -> None:
    lines = case.parsed()
    lines[bundles.at(lines, "B ä", 1)]["payload"] = "{}"
    bundle.write_bytes(encoded(lines))
    assert run(bundle, case.key) == (1, "broken at 'B ä', entry 1: its payload or salt is not what was written\n")
    bundle.write_bytes(b"".join(case.lines)[:-1])
    assert run(bundle, case.key) == (1, "broken at 'C', entry 3: it is missing, or cut off\n")
    other = str(Signer.generate("example.org/ledger").verifier)
    code, said = run(bundle, other)
    assert (code, said.startswith("broken at the manifest: it names example.org/ledger+")) == (1, True)


def test_it_ends_with_2_where_it_cannot_tell(bundle: Path, case: Case, tmp_path: Path, script: ModuleType) -> None:
    nothing = "nothing verified: "
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("some text\n\nof somebody\n\n")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\n\n\xff\n\n")
    for arguments in (
        (bundle, ""),
        (bundle, "key"),
        (bundle, case.key[:-1]),
        (bundle, case.key.replace("example", "example2")),
        (bundle, f"{case.key} {Signer.generate('other').verifier}"),
        (tmp_path / "none", case.key),
        (tmp_path, case.key),
        (bundle, case.key, tmp_path / "none"),
        (bundle, case.key, tmp_path / "empty"),
        (bundle, case.key, tmp_path / "bytes"),
        (bundle, case.key, tmp_path / "text"),
        (bundle, case.key, bundle),
        (bundle, case.key, tmp_path),
        (tmp_path / "empty", case.key),
        (tmp_path / "bytes", case.key),
        (tmp_path / "text", case.key),
    ):
        code, said = in_process(script, *arguments)
        assert (code, said.startswith(nothing), said.count("\n")) == (2, True, 1), arguments
        assert not any(raw in said for raw in ("Errno", "unpack", "Error")), said
    for key in ("key", "a+b+c", case.key[:-1], "+".join(case.key.split("+")[:2])):
        assert in_process(script, bundle, key) == (2, f"{nothing}the key is not name+id+key\n")
    assert in_process(script, tmp_path, case.key) == (2, f"{nothing}{tmp_path} cannot be read: Is a directory\n")


def test_without_what_it_needs_it_says_how_it_is_used(bundle: Path, case: Case, anchored: Path) -> None:
    for arguments in ((), ("--help",), ("-h",), (bundle,), (bundle, case.key, anchored, "more")):
        assert run(*arguments) == (2, 'usage: python verify.py BUNDLE "KEY" [ANCHORED]\n')


def test_a_member_that_is_missing_is_named_in_words(bundle: Path, case: Case) -> None:
    for number, name, where in ((0, "size", "the manifest"), (2, "consistency", "checkpoint 1")):
        lines = case.parsed()
        del lines[number][name]
        bundle.write_bytes(encoded(lines))
        assert run(bundle, case.key) == (1, f"broken at {where}: it lacks the member {name}\n")
    lines = case.parsed()
    del lines[bundles.at(lines, "B ä", 1)]["payload"]
    bundle.write_bytes(encoded(lines))
    assert run(bundle, case.key) == (1, "broken at 'B ä', entry 1: it lacks the member payload\n")


def test_of_one_it_is_said_in_the_singular(tmp_path: Path, script: ModuleType) -> None:
    with closing(Ledger("sqlite://", clock=FakeClock())) as ledger:
        bundles.write_run(ledger, "A", ("step",))
        ledger.export(tmp_path / "a")
        code, said = in_process(script, tmp_path / "a", ledger.verifier)
    assert (code, said.splitlines()[0]) == (0, "verified: 1 entry in 1 chain; no payload is missing")
    assert said.splitlines()[2].endswith("; 1 checkpoint")


def in_process(script: ModuleType, *arguments: object) -> tuple[int, str]:
    said: list[str] = []
    script.print = lambda text: said.append(f"{text}\n")  # type: ignore[attr-defined]
    code: int = script.main([str(argument) for argument in arguments], [])
    return code, "".join(said)


def test_anchored_checkpoints_are_read_from_a_file(
    bundle: Path, case: Case, anchored: Path, script: ModuleType
) -> None:
    content = anchored.read_text()
    anchored.write_text(content + case.notes[0][:-20])  # what a crash left unfinished
    code, said = in_process(script, bundle, case.key, anchored)
    assert (code, "anchored checkpoints: 4 of this ledger" in said) == (0, True)
    anchored.write_text(content.replace("\n9\n", "\n8\n"))
    assert in_process(script, bundle, case.key, anchored)[0] == 1
    with closing(Ledger("sqlite://", clock=FakeClock())) as ledger:
        ledger.seal()
        anchored.write_text(f"{ledger.checkpoint()}\n")
    assert in_process(script, bundle, case.key, anchored)[0] == 1
    anchored.write_text(content + "some text\n\nof somebody\n\n")
    assert in_process(script, bundle, case.key, anchored)[0] == 2


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_garbage_is_one_line_and_a_code(
    data: st.DataObject, case: Case, script: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path, content = tmp_path_factory.getbasetemp() / "garbage", b"".join(case.lines)
    start = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:start] + data.draw(st.binary(min_size=1, max_size=50)))
    code, said = in_process(script, path, case.key)
    expected = 1 if bundles.said_of(path.read_bytes()) == "broken" else 2
    assert (code, said.count("\n")) == (expected, 1)


@pytest.mark.parametrize(
    "garbage", [b"", b"\0" * 100, b"[" * 200_000, b'{"a":' * 200_000 + b"\n", b"1" * 20_000 + b"\n"]
)
def test_garbage_in_a_process_of_its_own(garbage: bytes, case: Case, tmp_path: Path) -> None:
    for number, content in enumerate((garbage, case.lines[0] + garbage)):
        (tmp_path / f"{number}").write_bytes(content)
        code, said = run(tmp_path / f"{number}", case.key)
        assert (code, said.count("\n")) == (1 if number else 2, 1)


# faults in the script that the edits must show

Forged = Callable[[Case], Iterator[tuple[bytes, str, tuple[str, ...], bundles.Found]]]

MUTANTS = [
    ('need(canonical.encode() + b"\\n" == line, "it is not the canonical JSON of what should stand there")', "pass"),
    ('need(base64.b64encode(base64.b64decode(text)).decode() == text, "base64 is not in its one spelling")', "pass"),
    ("digest()[:8] == number", "digest()"),
    ("public.verify(raw[4:], text.encode())", "pass"),
    ("need(signed and", "need(True and"),
    ("signed = signed or name == origin", "signed = True"),
    ("need(len(raw) > 4,", "need(True,"),
    (
        'need(0 <= index <= last and all(re.fullmatch("[0-9a-f]{64}", item) for item in proof), "its proof is malformed")',
        "pass",
    ),
    ("0 <= index <= last", "index <= last"),
    ('need(last, "its proof is too long")', "pass"),
    ('need(not last, "its proof is too short")', "pass"),
    ("if index & 1 or index == last:", "if index & 1:"),
    ("""b'"format":"abpo-bundle/1"' in (line := file.readline(2**30))""", "(line := file.readline(2**30))"),
    ('need(all(map(NOTE.fullmatch, notes)), "the file of anchored checkpoints holds none, or something else")', "pass"),
    ('(signer.split("+")[0], size) == (manifest["origin"], manifest["size"])', "True"),
    ("type(chain) is str and type(length) is int and length > 0", "True"),
    ("== sorted(set(order))", "is not None"),
    ("(chain != OWN, chain) for chain, _ in chains", "(True, chain) for chain, _ in chains"),
    ("== (old_root, new_root)", "[1] == new_root or True"),
    ("grew = not proof and old <= new and (old < new or old_root == new_root)", "grew = not proof"),
    ("grew = not proof and", "grew ="),
    ('need(len(past) > 1 and line["checkpoint"] == manifest["checkpoint"],', "need(len(past) > 1,"),
    ("need(place == (1, chain, position, previous),", "need(place[1:] == (chain, position, previous),"),
    ("need(place == (1, chain, position, previous),", "need(place[:3] == (1, chain, position),"),
    ('[1] == root, "it is not under the checkpoint")', '[1], "it is not under the checkpoint")'),
    ('excused = chain != OWN and header["at"]', 'excused = header["at"]'),
    ('need(excused, "its payload is missing, and nothing says that it was swept")', "pass"),
    ('header["at"] < before.get(header["kind"], "")', 'header["at"] < max(before.values(), default="")'),
    ('before.get(header["kind"], "")', 'before.get(header["kind"], "~")'),
    ("if payload is None and salt is None:", "if payload is None:"),
    ("same and re.fullmatch(", "re.fullmatch("),
    ('need(same and re.fullmatch("[0-9a-f]{32}", salt),', "need(same,"),
    ('need(not file.read(1), "more stands there than the manifest names")', "pass"),
    ("in past + lost or known[0] > size", "in past + lost or True"),
    ('b"\\x01" + beside + root', 'b"\\x01" + root + beside'),
    ('sha256(b"\\x00" + raw)', "sha256(raw)"),
    ('if chain == OWN and header["kind"] == "swept":', "if False:"),
    ('if chain == OWN and header["kind"] == "reopened":', "if False:"),
]


def forged(
    case: Case, signer: Signer, reopened: tuple[Case, tuple[str, ...]]
) -> Iterator[tuple[bytes, str, tuple[str, ...], bundles.Found]]:
    """Bundles, each with the key, anchored notes and what must be found; good ones and bad ones."""
    yield b"".join(case.lines), case.key, case.notes, GOOD
    yield b"".join(reopened[0].lines), reopened[0].key, reopened[1], GOOD
    for name, edit, place in bundles.edits():
        lines = case.parsed()
        edit(lines)
        yield encoded(lines), case.key, (), ("unverified" if name in bundles.NO_BUNDLE else "broken", *place)
    for _, made, found in bundles.owners_bundles(signer):
        yield b"".join(made.lines), made.key, (), found
    content = b"".join(case.lines)
    yield content[:-1], case.key, (), ("broken", "C", 3)
    yield content.replace(b'{"header"', b'{ "header"', 1), case.key, (), ("broken", "$ledger", 0)
    yield content.replace(b"\n", b"\r\n"), case.key, (), ("broken", None, None)
    none = ("broken", None, None)
    for change in (
        lambda note: note[:-3] + ("A" if note[-3] != "A" else "E") + note[-2:],  # both are base64, whatever stood there
        lambda note: note[:-3] + chr(ord(note[-3]) + 1) + note[-2:],  # beyond what base64 needs
        lambda note: note + "— example.net/witness AAAAAA==\n",
        lambda note: note.replace("\n12\n", "\n13\n"),
        lambda note: note.replace("\n\n", "\n\n— example.net/witness AAAAAAAA\n").rpartition("— example.org")[0],
    ):
        lines = case.parsed()
        lines[4]["checkpoint"] = lines[0]["checkpoint"] = change(lines[4]["checkpoint"])
        yield encoded(lines), case.key, (), none
    yield content, case.key, (sign_checkpoint(Checkpoint("example.org/ledger", 9, bytes(32)), signer),), none
    lines = case.parsed()
    for origin, size, root in (
        ("example.org/ledger", 9, bytes(32)),
        ("example.com/other", 12, None),
        ("example.org/ledger", 12, bytes(32)),
    ):
        lines = case.parsed()
        true_root = Checkpoint.parse(lines[4]["checkpoint"].split("\n\n")[0] + "\n").root
        text = Checkpoint(origin, size, root or true_root).text()
        number = {9: 3, 12: 4}[size]
        lines[number]["checkpoint"] = signer.sign(text)
        yield encoded(lines), case.key, (), none
        if number == 4:
            lines[0]["checkpoint"] = lines[4]["checkpoint"]
            yield encoded(lines), case.key, (), none
    lines = case.parsed()
    lines[4]["checkpoint"] = lines[4]["checkpoint"] + lines[4]["checkpoint"].split("\n\n")[1]
    yield encoded(lines), case.key, (), none
    yield content, case.key, ("some text\n\nof somebody\n",), bundles.UNVERIFIED
    name, number, key = case.key.split("+", 2)
    yield content, f"{name}+{bundles.flipped(number)}+{key}", (), bundles.UNVERIFIED


@pytest.fixture(scope="module")
def suite(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, list[tuple[bytes, str, tuple[str, ...], bundles.Found]]]:
    directory = tmp_path_factory.mktemp("suite")
    signer = Signer.generate("example.org/ledger")
    with closing(Ledger("sqlite://", clock=FakeClock(), signer=signer)) as ledger:
        bundles.fill(ledger)
        ledger.export(directory / "a")
        case = Case(
            bundles.lines_of(directory / "a"), ledger.verifier, tuple(row.note for row in ledger.store.checkpoints())
        )
    return directory / "bundle", list(forged(case, signer, reopened_case(directory, signer)))


def reopened_case(directory: Path, signer: Signer) -> tuple[Case, tuple[str, ...]]:
    """A bundle of a ledger that was reopened, and what its anchor has, of which one is lost."""
    from abpo_sdk.ledger import CallableAnchor

    lost = sign_checkpoint(Checkpoint("example.org/ledger", 4, bytes(32)), signer)
    anchor = CallableAnchor(lambda _: None, lambda: lost)
    with closing(Ledger("sqlite://", clock=FakeClock(), signer=signer, anchor=anchor)) as ledger:
        assert ledger.frozen
        ledger.reopen(by="cfo", because="the disk broke")
        bundles.write_run(ledger, "A", ("step",) * 5)
        ledger.export(directory / "b")
        return Case(bundles.lines_of(directory / "b"), ledger.verifier, ()), (lost,)


def test_the_suite_holds_for_the_script_and_for_the_library(
    suite: tuple[Path, list[tuple[bytes, str, tuple[str, ...], bundles.Found]]], script: ModuleType
) -> None:
    path, cases = suite
    for number, (content, key, notes, expected) in enumerate(cases):
        path.write_bytes(content)
        assert by_script(script, path, key, notes) == expected, number
        assert bundles.by_library(path, key, notes) == expected, number


@pytest.mark.parametrize(("fragment", "replacement"), MUTANTS)
def test_a_fault_in_the_script_is_noticed(
    fragment: str, replacement: str, suite: tuple[Path, list[tuple[bytes, str, tuple[str, ...], bundles.Found]]]
) -> None:
    source = SCRIPT.read_text()
    assert source.count(fragment) == 1, f"{fragment!r} occurs {source.count(fragment)} times"
    mutant = bundles.script(source.replace(fragment, replacement))
    path, cases = suite
    for content, key, notes, expected in cases:
        path.write_bytes(content)
        if by_script(mutant, path, key, notes) != expected:
            return
    pytest.fail("nothing noticed it")
