"""Small writes that share a commit: what several threads have to write at one moment is made durable at once.

A commit waits for the disk. While one thread does so, others bring their writes; the first of these then takes all of
them into the next commit. A thread that is alone pays nothing for it.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from abpo_sdk.errors import DefinitionError
from abpo_sdk.ledger.store import WITHIN_A_STEP
from abpo_sdk.ledger.writer import Writer

T = TypeVar("T")

MOST = 256
"""How many writes one commit takes."""

MANY, MOMENT = 8, 0.0001
"""From how many writes on it pays to wait a moment (in seconds) for more; below, only until the other threads have had their turn."""

WAITING, LEADS, DONE, ALONE, LEFT = range(5)
"""What becomes of a write: it waits; its thread commits for others, too; it is durable; it is to be done by itself; its thread
was interrupted."""


class _Write(Generic[T]):
    """What one thread has to write."""

    __slots__ = ("result", "state", "thread", "turn", "work")

    def __init__(self, work: Callable[[Writer], T]) -> None:
        self.work = work
        self.state = WAITING
        self.turn = threading.Lock()
        self.turn.acquire()
        self.thread = threading.get_ident()
        self.result: Any = None

    def settle(self, state: int) -> None:
        """Let its thread go on; no harm is done where this is called again."""
        try:
            self.state = state  # nothing is called between this and the release, so no interruption comes between them
            self.turn.release()
        except RuntimeError:  # it goes on already
            pass


class GroupCommit:
    """Commits writes in groups.

    Args:
        begin: begins a transaction.
    """

    def __init__(self, begin: Callable[[], Writer]) -> None:
        self._begin = begin
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[_Write[Any]] = deque()
        self._leader: int | None = None  # the thread that commits
        self._process = os.getpid()
        self._last = 0  # how many writes the last group had
        self._lender: int | None = None

    def lend(self, thread: int | None) -> None:
        """Say which thread has the transaction open for something else; None when it is over."""
        self._lender = thread

    def write(self, work: Callable[[Writer], T]) -> T:
        """Write something; it is durable, all of it, when this returns.

        Args:
            work: writes it. It is called once more in a transaction of its own where another write of its group failed, or the
                thread that wrote it was interrupted (perhaps after that was durable); so it changes nothing but what it writes,
                and notices what is there already.

        Raises:
            DefinitionError: this thread has a transaction open, and this would wait for it for ever.
            LedgerError: as `work` says.
        """
        if self._lender is not None and self._lender == threading.get_ident():
            raise DefinitionError(WITHIN_A_STEP)
        if self._process != os.getpid():  # forked off: the other process's threads are not here
            self._begin_anew()
        mine = _Write(work)
        try:
            return self._written(mine)
        finally:
            _surely(lambda: self._leave(mine))

    def _written(self, mine: _Write[T]) -> T:
        with self._lock:
            if self._leader in (None, mine.thread):  # itself: it was interrupted before it could hand over
                self._leader = mine.thread
                mine.state = ALONE
            else:
                self._waiting.append(mine)
        if mine.state == WAITING:
            mine.turn.acquire()
        if mine.state == LEADS:
            self._lead(mine)
        if mine.state == ALONE:
            return self._transact(mine.work)
        return mine.result  # type: ignore[no-any-return]

    def _lead(self, mine: _Write[Any]) -> None:
        """Commit what this thread and others have to write."""
        group = [mine]
        try:
            self._gather()
            with self._lock:
                while self._waiting and len(group) < MOST:
                    if self._waiting[0].state == WAITING:
                        group.append(self._waiting[0])
                    self._waiting.popleft()
            self._commit(group)
        finally:
            _surely(lambda: self._let_go(mine, group))

    def _gather(self) -> None:
        """Let the other threads run as long as that brings further writes."""
        before = -1
        while before != (now := len(self._waiting)) < MOST:
            before = now
            time.sleep(MOMENT if max(now, self._last) >= MANY else 0)

    def _commit(self, group: list[_Write[Any]]) -> None:
        self._last = len(group)

        def work(writer: Writer) -> None:
            for write in group:
                write.result = write.work(writer)

        try:
            self._transact(work)
        except Exception:  # noqa: BLE001  each by itself then, so that each hears of its own error alone
            for write in group:
                write.state = ALONE
        else:
            for write in group:
                write.state = DONE

    def _transact(self, work: Callable[[Writer], T]) -> T:
        """Do something in a transaction, which ends even where an interruption (Ctrl-C) comes just when it is to end.

        A `with` block would be left without its end being called, and the store's lock with it. So the end is called twice
        here, and nothing is called in between that could be interrupted itself.
        """
        block = self._begin()
        writer = block.__enter__()
        try:
            result = work(writer)
        except BaseException as error:
            try:
                block.__exit__(error.__class__, error, None)
            except BaseException:
                block.__exit__(error.__class__, error, None)
                raise
            raise
        try:
            block.__exit__(None, None, None)
        except BaseException:
            block.__exit__(None, None, None)
            raise
        return result

    def _let_go(self, mine: _Write[Any], group: list[_Write[Any]]) -> None:
        """Have another commit, and let those go on for whom this thread did."""
        with self._lock:
            self._hand_over(mine)
        for write in group:
            if write is not mine:
                write.settle(DONE if write.state == DONE else ALONE)

    def _leave(self, mine: _Write[Any]) -> None:
        """A thread goes: what it had to write is written or not, and its turn goes to another."""
        with self._lock:
            if mine.state == WAITING:
                mine.state = LEFT
            self._hand_over(mine)

    def _hand_over(self, mine: _Write[Any]) -> None:
        """Have the next one commit; or nobody, where none waits."""
        if self._leader != mine.thread:
            return
        while self._waiting and self._waiting[0].state != WAITING:
            self._waiting.popleft()
        if not self._waiting:
            self._leader = None
            return
        following = self._waiting[0]
        following.settle(LEADS)  # first, so that whatever interrupts this, there is one who commits
        self._leader = following.thread


def _surely(do: Callable[[], None]) -> None:
    """Do what may be done twice, also where an interruption (Ctrl-C) comes into it."""
    try:
        do()
    except BaseException:
        do()
        raise
