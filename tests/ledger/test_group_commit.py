"""What several threads write at one moment shares a commit, and is kept or refused each by itself."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from abpo_sdk.errors import DefinitionError
from abpo_sdk.ledger.group_commit import GroupCommit

ROOT = Path(__file__).parents[2]


class Disk:
    """Counts commits; the first waits until it is let go, so that others come meanwhile."""

    def __init__(self) -> None:
        self.kept: list[list[Any]] = []
        self.open: list[Any] | None = None
        self.entered, self.go_on = threading.Event(), threading.Event()
        self.failing: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    @contextmanager
    def begin(self) -> Any:
        with self._lock:
            self.open = []
            self.entered.set()
            assert self.go_on.wait(30)
            yield self
            self.failing()
            self.kept.append(self.open)

    def put(self, value: Any) -> Callable[[Any], Any]:
        def work(writer: Disk) -> Any:
            if value == "bad":
                raise ValueError(value)
            assert writer.open is not None
            writer.open.append(value)
            return value

        return work


def waiting_for(group: GroupCommit, count: int) -> None:
    """Wait until so many others are queued."""
    while len(group._waiting) < count:
        pass


def at_once(disk: Disk, values: list[Any]) -> list[Any]:
    """Write the first; the others while that is being committed. What each returned or raised."""
    group = GroupCommit(disk.begin)  # type: ignore[arg-type]

    def write(value: Any) -> Any:
        try:
            return group.write(disk.put(value))  # type: ignore[arg-type]
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(values)) as pool:
        first = pool.submit(write, values[0])
        assert disk.entered.wait(30)
        rest = []
        for number, value in enumerate(values[1:], 1):
            rest.append(pool.submit(write, value))
            waiting_for(group, number)
        disk.go_on.set()
        return [future.result(30) for future in (first, *rest)]


def test_what_comes_while_another_commits_is_committed_together() -> None:
    disk = Disk()
    assert at_once(disk, list(range(9))) == list(range(9))
    assert disk.kept == [[0], [1, 2, 3, 4, 5, 6, 7, 8]]


def test_one_that_fails_takes_no_other_with_it() -> None:
    disk = Disk()
    results = at_once(disk, [0, 1, "bad", 3])
    assert [results[0], results[1], results[3]] == [0, 1, 3]
    assert isinstance(results[2], ValueError)
    assert sorted(value for commit in disk.kept for value in commit) == [0, 1, 3]


def test_where_a_commit_fails_each_hears_of_it_by_itself() -> None:
    disk = Disk()
    commits = iter([None, OSError("full"), OSError("full"), OSError("full")])

    def fail() -> None:
        error = next(commits)
        if error:
            raise error

    disk.failing = fail
    results = at_once(disk, [0, 1, 2])
    assert results[0] == 0
    assert [type(result) for result in results[1:]] == [OSError, OSError]
    assert disk.kept == [[0]]


def test_after_an_error_the_next_is_written() -> None:
    disk = Disk()
    disk.go_on.set()
    group = GroupCommit(disk.begin)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="bad"):
        group.write(disk.put("bad"))  # type: ignore[arg-type]
    assert group.write(disk.put(1)) == 1  # type: ignore[arg-type]


def test_an_interruption_of_who_commits_lets_the_others_go_on() -> None:
    disk = Disk()
    group = GroupCommit(disk.begin)  # type: ignore[arg-type]
    interruptions = iter([KeyboardInterrupt()])

    def interrupted(writer: Disk) -> str:
        for error in interruptions:
            raise error
        return "never"

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(group.write, disk.put(0))  # type: ignore[arg-type]
        assert disk.entered.wait(30)
        second = pool.submit(group.write, interrupted)  # type: ignore[arg-type]
        waiting_for(group, 1)
        third = pool.submit(group.write, disk.put(2))  # type: ignore[arg-type]
        waiting_for(group, 2)
        disk.go_on.set()
        assert (first.result(30), third.result(30)) == (0, 2)
        with pytest.raises(KeyboardInterrupt):
            second.result(30)
    assert disk.kept == [[0], [2]]


def test_a_write_within_a_write_is_refused_instead_of_waiting_for_ever() -> None:
    disk = Disk()
    disk.go_on.set()
    group = GroupCommit(disk.begin)  # type: ignore[arg-type]
    group.lend(threading.get_ident())
    with pytest.raises(DefinitionError, match="within a step that is declared with transaction=True"):
        group.write(disk.put(1))  # type: ignore[arg-type]
    group.lend(None)
    assert group.write(disk.put(1)) == 1  # type: ignore[arg-type]


def test_many_threads_lose_nothing_and_double_nothing() -> None:
    disk = Disk()
    disk.go_on.set()
    group = GroupCommit(disk.begin)  # type: ignore[arg-type]
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda number: group.write(disk.put(number)), range(3000)))  # type: ignore[arg-type]
    assert sorted(value for commit in disk.kept for value in commit) == list(range(3000))
    assert group._leader is None


def test_a_forked_process_does_not_wait_for_threads_that_it_does_not_have() -> None:
    disk = Disk()
    disk.go_on.set()
    group = GroupCommit(disk.begin)  # type: ignore[arg-type]
    group._leader = -1  # a thread of the other process was committing
    group._process = os.getpid() + 1
    assert group.write(disk.put(1)) == 1  # type: ignore[arg-type]


def test_ctrl_c_at_any_moment_loses_no_thread(tmp_path: Path) -> None:
    """In a process of its own, where it meets no locks but the ledger's: whatever measures or watches a test has some, too."""
    script = [sys.executable, "-m", "tests.ledger.interrupted_writes", str(tmp_path / "abpo.db")]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 0
