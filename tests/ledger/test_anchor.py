"""What was published to an anchor stays readable, whatever happens to the process that publishes."""

from __future__ import annotations

import resource
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abpo_sdk.errors import DefinitionError, NoteInvalid, StoreUnavailable
from abpo_sdk.ledger.transparency.anchor import Anchor, CallableAnchor, FileAnchor
from abpo_sdk.ledger.transparency.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from abpo_sdk.ledger.transparency.note import Signer

SIGNER = Signer.parse("PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")
NAME = SIGNER.verifier.name
NOTES = [sign_checkpoint(Checkpoint(NAME, size, bytes([size]) * 32), SIGNER) for size in range(4)]
WITNESSED = NOTES[1] + "— witness.example AAAAAAAA\n— Zeuge.é AAAAAAAA\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "anchor.txt"


def published(path: Path, *notes: str) -> FileAnchor:
    anchor = FileAnchor(path)
    for note in notes:
        anchor.publish(note)
    return anchor


# what every anchor does


def in_memory() -> CallableAnchor:
    kept: list[str] = []
    return CallableAnchor(kept.append, lambda: kept[-1] if kept else None)


@pytest.fixture(params=["file", "callable"])
def anchor(request: pytest.FixtureRequest, path: Path) -> Anchor:
    return FileAnchor(path) if request.param == "file" else in_memory()


def test_an_anchor_to_which_nothing_was_published_has_no_notes(anchor: Anchor) -> None:
    assert list(anchor.notes()) == []


def test_the_last_note_that_was_published_comes_last(anchor: Anchor) -> None:
    for note in NOTES:
        anchor.publish(note)
        last = list(anchor.notes())[-1]
        assert last == note
    assert open_checkpoint(last, [SIGNER.verifier], origin=NAME).size == 3


@pytest.mark.parametrize("note", ["", "Hello.\n", NOTES[0].removesuffix("\n"), NOTES[0].replace("—", "-")])
def test_what_is_no_note_is_not_published(anchor: Anchor, note: str) -> None:
    with pytest.raises(NoteInvalid):
        anchor.publish(note)
    assert list(anchor.notes()) == []


# the file


def test_a_file_has_all_notes_oldest_first(path: Path) -> None:
    anchor = published(path, *NOTES, WITNESSED, NOTES[0])
    assert anchor.notes() == FileAnchor(str(path)).notes() == [*NOTES, WITNESSED, NOTES[0]]


def test_a_file_is_text_that_a_person_can_read(path: Path) -> None:
    published(path, NOTES[1], NOTES[2])
    assert path.read_text() == f"{NOTES[1]}\n{NOTES[2]}\n"
    assert stat.S_IMODE(path.stat().st_mode) & 0o600 == 0o600
    assert repr(FileAnchor(path)) == f"FileAnchor({str(path)!r})"


@pytest.mark.parametrize("text", ["a\n\nb\n", "\n", "a\n\n", "— a\n", "a\n— b\n"])
def test_a_note_that_could_not_be_told_from_its_neighbours_is_not_published(path: Path, text: str) -> None:
    with pytest.raises(NoteInvalid, match="could not be told apart"):
        FileAnchor(path).publish(SIGNER.sign(text))
    with pytest.raises(NoteInvalid, match="could not be told apart"):
        FileAnchor(path).publish(NOTES[0] + NOTES[1])
    assert not path.exists()


def test_an_empty_file_takes_notes(path: Path) -> None:
    path.touch()
    assert FileAnchor(path).notes() == []
    assert published(path, NOTES[1]).notes() == [NOTES[1]]


def test_a_file_cut_anywhere_reads_as_its_first_notes_and_takes_the_next(path: Path) -> None:
    notes = [NOTES[1], WITNESSED, NOTES[2]]
    published(path, *notes)
    whole = path.read_bytes()
    ends = [len("".join(f"{note}\n" for note in notes[:number]).encode()) for number in range(4)]
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        kept = notes[: sum(end <= cut for end in ends) - 1]
        assert FileAnchor(path).notes() == kept
        assert published(path, NOTES[3]).notes() == [*kept, NOTES[3]]


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters="+"), min_size=1)
LINES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(lambda line: line[0] != "—")


@given(st.lists(st.tuples(NAMES, st.lists(LINES, min_size=1)), max_size=4), st.data())
def test_any_notes_come_back_and_a_cut_leaves_the_first_of_them(
    written: list[tuple[str, list[str]]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "anchor.txt")
        path.touch()
        notes = [Signer.generate(name).sign("\n".join([*lines, ""])) for name, lines in written]
        assert published(path, *notes).notes() == notes
        content = path.read_bytes()
        path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
        kept = FileAnchor(path).notes()
        assert kept == notes[: len(kept)]


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda text: "\n" + text, 1),
        (lambda text: text.replace("\n\n", "\n", 1), 4),
        (lambda text: text.replace("\n\n", "\n\n\n", 1), 5),
        (lambda text: text.replace("JEM", "J€M", 1).replace("— Peter", "— Pe ter", 1), 5),
        (lambda text: text.replace("— Peter", "- Peter", 1), 5),
        (lambda text: text.replace("=\n\nPeter", "=\nPeter", 1), 6),
        (lambda text: text.replace("\n1\n", "\n\x001\n"), 8),
        (lambda text: text.replace("\n1\n", "\n1\r\n"), 8),
        (lambda text: text + "— stray\n", 13),
        (lambda text: text + "Peter\n\nstray\n", 15),
    ],
)
def test_what_is_no_note_in_the_middle_is_refused_by_its_line(
    path: Path, damage: Callable[[str], str], line: int
) -> None:
    published(path, NOTES[0], NOTES[1])
    damaged = damage(path.read_text())
    assert damaged != path.read_text()
    path.write_text(damaged)
    with pytest.raises(NoteInvalid, match=rf"line {line} of .*anchor\.txt"):
        FileAnchor(path).notes()


def test_bytes_that_are_no_text_are_refused_by_their_line(path: Path) -> None:
    published(path, NOTES[0])
    path.write_bytes(b"\xff" + path.read_bytes())
    with pytest.raises(NoteInvalid, match=r"line 1 of .*UTF-8"):
        FileAnchor(path).notes()


@pytest.mark.parametrize(
    "content",
    ["a shopping list", "milk\neggs\n", "PeterNeumann\n\nmilk\n", "\n", "a\x00b\n", NAME[:5] + "X", "x" * 3_000_000],
)
def test_a_file_of_something_else_stays_as_it_is(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(NoteInvalid):
        FileAnchor(path).publish(NOTES[0])
    assert path.read_text() == content


def test_what_cannot_be_an_unfinished_note_after_the_others_is_not_cut_off(path: Path) -> None:
    published(path, NOTES[0])
    for stray in ("PeterNeumann\n\nstray\n", "x" * 1_100_000):
        content = f"{NOTES[0]}\n{stray}"
        path.write_text(content)
        with pytest.raises(NoteInvalid, match="anchor"):
            FileAnchor(path).publish(NOTES[1])
        assert path.read_text() == content


def test_many_notes_and_large_ones_are_published(path: Path) -> None:
    large = SIGNER.sign("x" * 900_000 + "\n")
    notes = [*NOTES * 50, large, large, NOTES[0], large, large]
    path.write_text("".join(f"{note}\n" for note in notes) + large[:-1])
    assert published(path, NOTES[3]).notes() == [*notes, NOTES[3]]


# disks and permissions


def test_a_missing_directory_is_not_made_and_not_taken_for_an_empty_anchor(tmp_path: Path) -> None:
    anchor = FileAnchor(tmp_path / "share" / "anchor.txt")
    with pytest.raises(StoreUnavailable, match=r"nothing was published to .*anchor\.txt"):
        anchor.publish(NOTES[0])
    with pytest.raises(StoreUnavailable, match=r"share/anchor\.txt' cannot be read"):
        anchor.notes()
    assert list(tmp_path.iterdir()) == []


def test_a_directory_is_no_anchor(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="nothing was published"):
        FileAnchor(tmp_path).publish(NOTES[0])
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        FileAnchor(tmp_path).notes()


def test_a_file_that_may_not_be_written_takes_nothing_and_can_be_read(
    open_directory: Path, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    path = open_directory / "anchor.txt"
    anchor = published(path, NOTES[0])
    path.chmod(0o444)
    open_directory.chmod(0o555)
    with unprivileged():
        with pytest.raises(StoreUnavailable, match="nothing was published"):
            anchor.publish(NOTES[1])
        with pytest.raises(StoreUnavailable, match="nothing was published"):
            FileAnchor(open_directory / "new.txt").publish(NOTES[1])
        assert anchor.notes() == [NOTES[0]]


@pytest.mark.parametrize("room", [0, 1, 100, len(NOTES[1].encode())])
def test_a_full_disk_takes_nothing(path: Path, room: int) -> None:
    anchor = published(path, NOTES[0])
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + room, limits[1]))
    try:
        with pytest.raises(StoreUnavailable, match="nothing was published"):
            anchor.publish(NOTES[1])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert published(path, NOTES[2]).notes() == [NOTES[0], NOTES[2]]


# several at once, and dying ones

PUBLISH = """
import resource, signal, sys
from abpo_sdk.ledger.transparency.anchor import FileAnchor
from abpo_sdk.ledger.transparency.checkpoint import Checkpoint, sign_checkpoint
from abpo_sdk.ledger.transparency.note import Signer
path, name, many, room = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
signer, anchor = Signer.generate(name), FileAnchor(path)
if room:
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
print("ready", flush=True)
sys.stdin.readline()
for size in range(many):
    anchor.publish(sign_checkpoint(Checkpoint(name, size, bytes(32)), signer))
    print(size, flush=True)
"""


def publisher(path: Path, name: str, many: int, room: int = 0) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-B", "-c", PUBLISH, str(path), name, str(many), str(room)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def sizes(anchor: Anchor, name: str) -> list[int]:
    texts = [note.splitlines() for note in anchor.notes()]
    return [int(lines[1]) for lines in texts if lines[0] == name]


def test_two_processes_that_publish_at_once_keep_all_notes_whole(path: Path) -> None:
    processes = [publisher(path, name, 40) for name in ("one", "two")]
    for process in processes:
        go(process)
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    anchor = FileAnchor(path)
    assert sizes(anchor, "one") == sizes(anchor, "two") == list(range(40))
    assert len(anchor.notes()) == 80


def test_many_threads_that_publish_and_read_at_once_see_whole_notes(path: Path) -> None:
    anchor = FileAnchor(path)
    start = threading.Barrier(4)
    lengths: list[list[int]] = []

    def work() -> None:
        start.wait()
        seen = []
        for note in NOTES:
            anchor.publish(note)
            seen.append(len(anchor.notes()))
        lengths.append(seen)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [seen == sorted(set(seen)) for seen in lengths] == [True] * 4
    assert sorted(anchor.notes()) == sorted(NOTES * 4)


def test_after_kill_9_the_file_has_every_note_whose_publication_returned(path: Path) -> None:
    for number in range(3):
        process = publisher(path, f"run{number}", 1_000_000)
        go(process)
        assert process.stdout is not None
        for _ in range(10 + number):
            process.stdout.readline()
        process.kill()
        told, _ = process.communicate()
        assert process.returncode == -signal.SIGKILL
        returned = 10 + number + sum(line.endswith("\n") for line in told.splitlines(keepends=True))
        found = sizes(FileAnchor(path), f"run{number}")
        assert found == list(range(len(found)))
        assert len(found) in (returned, returned + 1)
    assert published(path, NOTES[0]).notes()[-1] == NOTES[0]


@pytest.mark.parametrize("room", [1, 30, 100, 131, 150])
def test_a_process_that_dies_within_a_write_leaves_the_notes_before_it(path: Path, room: int) -> None:
    before = published(path, NOTES[1]).notes()
    size = path.stat().st_size
    process = publisher(path, "dying", 1, size + room)
    go(process)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGXFSZ
    assert path.stat().st_size == size + room
    assert FileAnchor(path).notes() == before
    assert published(path, NOTES[2]).notes() == [*before, NOTES[2]]


# functions


def test_without_reading_back_a_callable_anchor_has_no_notes() -> None:
    kept: list[str] = []
    anchor = CallableAnchor(kept.append)
    anchor.publish(NOTES[0])
    assert kept == [NOTES[0]]
    assert anchor.notes() is None


@pytest.mark.parametrize("thing", [b"a note", 7, [NOTES[0]]])
def test_what_latest_gives_is_a_text_or_nothing(thing: Any) -> None:
    with pytest.raises(DefinitionError, match="gives the last note as text, or None"):
        CallableAnchor(print, lambda: thing).notes()


def test_what_the_functions_raise_travels_out_as_it_is() -> None:
    class Unreachable(Exception):
        pass

    def fail(*_: object) -> str | None:
        raise Unreachable

    anchor = CallableAnchor(fail, fail)
    with pytest.raises(Unreachable):
        anchor.publish(NOTES[0])
    with pytest.raises(Unreachable):
        anchor.notes()


def test_what_nobody_would_await_is_no_anchor() -> None:
    async def send(note: str) -> None:
        raise AssertionError

    async def last() -> str | None:
        raise AssertionError

    with pytest.raises(DefinitionError, match=r"`publish`.*nobody would await"):
        CallableAnchor(send)
    with pytest.raises(DefinitionError, match=r"`latest`.*nobody would await"):
        CallableAnchor(print, last)  # type: ignore[arg-type]

    class Later:
        def __await__(self) -> Iterator[None]:
            raise AssertionError

    for publish in (lambda note: send(note), lambda note: Later()):
        with pytest.raises(DefinitionError, match="nothing was published"):
            CallableAnchor(publish).publish(NOTES[0])


def test_what_cannot_be_called_is_no_anchor() -> None:
    with pytest.raises(DefinitionError, match=r"`publish`.*'witness'"):
        CallableAnchor("witness")  # type: ignore[arg-type]
    with pytest.raises(DefinitionError, match=r"`latest`.*''"):
        CallableAnchor(print, "")  # type: ignore[arg-type]
