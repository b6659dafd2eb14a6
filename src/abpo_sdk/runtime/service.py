"""Looks again and again for runs whose worker is gone and for times that have come, in a thread or a task."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from types import TracebackType
from typing import Self

from abpo_sdk.errors import DefinitionError
from abpo_sdk.gates import Reviews
from abpo_sdk.runtime.observing import error_fields
from abpo_sdk.runtime.worker import Worker
from abpo_sdk.steps.side_by_side import check_workers

LONGEST = 60.0
"""How many seconds a run that could not be advanced is left alone at most."""

log = logging.getLogger("abpo_sdk.runtime")


class Service:
    """Rounds in a thread, until it is stopped; what each finds to do is done by a pool of threads.

    Args:
        worker: advances runs.
        reviews: that may be overdue.
        every: how long to wait between two rounds.
        workers: how many runs are advanced at the same time.
    """

    def __init__(self, worker: Worker, reviews: Reviews, *, every: timedelta, workers: int) -> None:
        check_every(every)
        check_workers(workers, "serve")
        self._worker = worker
        self._reviews = reviews
        self._every = every.total_seconds()
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(workers, "abpo-run")
        self._at_work: dict[str, Future[None]] = {}
        self._failures: dict[str, int] = {}
        self._not_before: dict[str, float] = {}
        self.failing: dict[str, str] = {}
        """The runs that could not be advanced when that was tried last, with the type of each one's error; they are tried
        again after a pause, which grows up to a minute."""
        self.error: Exception | None = None
        """What kept the last round from being done; None where nothing did. It is tried again in the next."""
        self._thread = threading.Thread(target=self._serve, name="abpo-serve", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more, and wait until what was begun is at its next wait or end."""
        self._stopped.set()
        if self._thread is not threading.current_thread():
            self._thread.join()
        self._pool.shutdown()

    def wait(self) -> None:
        """Wait until the service ends, by `stop` of the service or of the runtime: what a worker's program does."""
        while self._thread.is_alive():
            self._thread.join(1.0)  # in parts, so that a signal is heard
        self._pool.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _serve(self) -> None:
        while not self._stopped.is_set() and not self._worker.stopped:
            try:
                self._round()
                self.error = None
            except Exception as error:  # noqa: BLE001  the next round may fare better
                self.error = error
                _tell("a round of the service failed: %s at %s", error)
            self._stopped.wait(self._every)

    def _round(self) -> None:
        self._reviews.escalate()
        self._at_work = {run: future for run, future in self._at_work.items() if not future.done()}
        for run in self._worker.to_do():
            if self._stopped.is_set():
                return
            if run not in self._at_work and time.monotonic() >= self._not_before.get(run, 0.0):
                self._at_work[run] = self._pool.submit(self._advance, run)

    def _advance(self, run: str) -> None:
        if self._stopped.is_set():
            return
        try:
            self._worker.try_advance(run)
        except BaseException as error:  # noqa: BLE001  one run's trouble is not the others'; it is tried again, later
            times = self._failures.get(run, 0)
            self._failures[run] = times + 1
            self._not_before[run] = time.monotonic() + min(LONGEST, self._every * 2**times)
            self.failing[run] = type(error).__name__
            _tell("run %r could not be advanced: %s at %s", error, run)
        else:
            for kept in (self._failures, self._not_before, self.failing):
                kept.pop(run, None)


async def serve_async(worker: Worker, *, every: timedelta) -> None:
    """Rounds in a task, until it is cancelled or the worker stops."""
    import asyncio

    check_every(every)
    while not worker.stopped:
        try:
            await worker.tick_async()
        except Exception as error:  # noqa: BLE001  the next round may fare better
            _tell("a round of the service failed: %s at %s", error)
        await asyncio.sleep(every.total_seconds())


def _tell(text: str, error: BaseException, *parts: object) -> None:
    """Log an error by its type and its lines; what it says, or was raised in the middle of, may repeat what a run works on."""
    fields = error_fields(error)
    log.warning(text, *parts, fields["error"], fields["where"], extra={"abpo.where": fields["where"]})


def check_every(every: object) -> None:
    """Refuse what is no time to wait between two rounds."""
    if not isinstance(every, timedelta) or every <= timedelta(0):
        raise DefinitionError(f"serve(every={every!r}): write a timedelta, such as timedelta(seconds=1)")
