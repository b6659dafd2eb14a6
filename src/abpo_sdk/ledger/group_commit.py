"""Small writes that share a commit: what several threads have to write at one moment is made durable at once.

A commit waits for the disk. While one thread does so, others bring their writes; the first of these then takes all of
them into the next commit. A thread that is alone pays nothing for it.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from abpo_sdk.errors import DefinitionError
from abpo_sdk.ledger.store import WITHIN_A_STEP
from abpo_sdk.ledger.writer import Writer

T = TypeVar("T")

MOST = 256
"""How many writes one commit takes."""

WAITING, LEADS, DONE, ALONE = range(4)
"""What becomes of a write: it waits; its thread commits for others, too; it is durable; it is to be done by itself."""


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
        """Let its thread go on."""
        self.state = state
        self.turn.release()


class GroupCommit:
    """Commits writes in groups.

    Args:
        begin: begins a transaction.
    """

    def __init__(self, begin: Callable[[], Writer]) -> None:
        self._begin = begin
        self._lock = threading.Lock()
        self._waiting: deque[_Write[Any]] = deque()
        self._leader: int | None = None  # the thread that commits
        self._process = os.getpid()
        self._lender: int | None = None

    def lend(self, thread: int | None) -> None:
        """Say which thread has the transaction open for something else; None when it is over."""
        self._lender = thread

    def write(self, work: Callable[[Writer], T]) -> T:
        """Write something; it is durable, all of it, when this returns.

        Args:
            work: writes it. It is called once more in a transaction of its own where another write of its group failed,
                so it changes nothing but what it writes.

        Raises:
            DefinitionError: this thread has a transaction open, and this would wait for it for ever.
            LedgerError: as `work` says.
        """
        if self._lender is not None and self._lender == threading.get_ident():
            raise DefinitionError(WITHIN_A_STEP)
        if self._process != os.getpid():  # forked off: the other process's threads are not here
            self.__init__(self._begin)  # type: ignore[misc]
        me = threading.get_ident()
        with self._lock:
            alone = self._leader in (None, me)  # itself: it was interrupted before it could hand over
            if alone:
                self._leader = me
            else:
                mine = _Write(work)
                self._waiting.append(mine)
        if alone:
            try:
                with self._begin() as writer:
                    return work(writer)
            finally:
                self._hand_over()
        self._wait(mine)
        if mine.state == LEADS:
            self._lead(mine)
        if mine.state == ALONE:
            with self._begin() as writer:
                return work(writer)
        return mine.result  # type: ignore[no-any-return]

    def _wait(self, mine: _Write[Any]) -> None:
        try:
            mine.turn.acquire()
        except BaseException:  # interrupted: what it was to write is written or not, and its turn goes to another
            with self._lock:
                waits = mine.state == WAITING and mine in self._waiting
                if waits:
                    self._waiting.remove(mine)
            if mine.state == LEADS:
                self._hand_over()
            raise

    def _lead(self, mine: _Write[Any]) -> None:
        """Commit what this thread and others have to write."""
        group = [mine]
        try:
            with self._lock:
                while self._waiting and len(group) < MOST:
                    group.append(self._waiting.popleft())
            self._commit(group)
        finally:
            self._hand_over()
            for write in group:
                if write is not mine:
                    write.settle(DONE if write.state == DONE else ALONE)

    def _commit(self, group: list[_Write[Any]]) -> None:
        try:
            with self._begin() as writer:
                for write in group:
                    write.result = write.work(writer)
        except Exception:  # noqa: BLE001  each by itself then, so that each hears of its own error alone
            for write in group:
                write.state = ALONE
        else:
            for write in group:
                write.state = DONE

    def _hand_over(self) -> None:
        """Have the next one commit; or nobody, where none waits."""
        with self._lock:
            following = self._waiting.popleft() if self._waiting else None
            self._leader = following.thread if following else None
            if following:
                following.settle(LEADS)
