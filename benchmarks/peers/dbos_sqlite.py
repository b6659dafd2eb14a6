"""The process on DBOS Transact, its system database an SQLite file.

Two ways to wait for a person. In segments: the workflow ends where a person is asked, and the answer starts the rest as
another workflow under an id that follows from the first. With `recv`: the workflow is alive in a thread until `send` reaches it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy
from dbos import DBOS, DBOSConfig, SetWorkflowID

from benchmarks import invoice_steps
from benchmarks.invoice_steps import Invoice
from benchmarks.peers.engine import Durability, use_log

extract = DBOS.step(name="extract")(invoice_steps.extract)
validate = DBOS.step(name="validate")(invoice_steps.validate)
classify = DBOS.step(name="classify")(invoice_steps.classify)
decide = DBOS.step(name="decide")(invoice_steps.decide)
post = DBOS.step(name="post")(invoice_steps.post)

ARRIVED = threading.Semaphore(0)
"""Released by each workflow that has come to the point where it waits for a message."""


@DBOS.workflow(name="handle")
def handle(invoice: Invoice) -> Invoice:
    return post(decide(classify(validate(extract(invoice))), "approve"))


@DBOS.workflow(name="until_approval")
def until_approval(invoice: Invoice) -> Invoice:
    return classify(validate(extract(invoice)))


@DBOS.workflow(name="from_approval")
def from_approval(invoice: Invoice, decision: str) -> Invoice:
    return post(decide(invoice, decision))


@DBOS.workflow(name="with_message")
def with_message(invoice: Invoice) -> Invoice:
    checked = classify(validate(extract(invoice)))
    ARRIVED.release()
    return post(decide(checked, DBOS.recv("approval", timeout_seconds=7 * 86_400)))


class Segments:
    """DBOS as its guide sets it up, an approval between two workflows."""

    packages = ("dbos", "sqlalchemy")
    parked_status: tuple[str, ...] = ("SUCCESS",)
    parked_name = "until_approval"

    def open(self, directory: Path) -> None:
        logging.disable(logging.WARNING)
        self._path = directory / "dbos.sqlite"
        self._pragmas: Durability | None = None
        sqlalchemy.event.listen(sqlalchemy.pool.Pool, "checkin", self._look)
        config: DBOSConfig = {
            "name": "benchmark",
            "system_database_url": f"sqlite:///{self._path}",
            "application_version": "1",  # as the guide advises where code is deployed again under open workflows
            "log_level": "ERROR",
        }
        DBOS(config=config)
        DBOS.launch()
        self._handles: dict[str, Any] = {}

    def _look(self, connection: Any, *_: object) -> None:
        """Asks one of its own connections, once."""
        if self._pragmas is None:
            cursor = connection.cursor()
            (synchronous,) = cursor.execute("PRAGMA synchronous").fetchone()
            (journal,) = cursor.execute("PRAGMA journal_mode").fetchone()
            cursor.close()
            self._pragmas = Durability(int(synchronous), str(journal))

    def path(self) -> Path:
        return self._path

    def durability(self) -> Durability:
        assert self._pragmas is not None, "no connection has been used yet"
        return self._pragmas

    def run(self, identifier: str, invoice: Invoice) -> Invoice:
        with SetWorkflowID(identifier):
            return handle(invoice)

    def park(self, identifier: str, invoice: Invoice) -> None:
        with SetWorkflowID(identifier):
            until_approval(invoice)

    def waiting(self) -> Sequence[str]:
        found = DBOS.list_workflows(
            status=list(self.parked_status), name=self.parked_name, load_input=False, load_output=False
        )
        answered = {one.workflow_id for one in DBOS.list_workflows(name="from_approval", load_input=False)}
        return [one.workflow_id for one in found if f"{one.workflow_id}-approved" not in answered]

    def answer(self, shown: str) -> Invoice:
        checked: Invoice = DBOS.retrieve_workflow(shown).get_result()
        with SetWorkflowID(f"{shown}-approved"):
            return from_approval(checked, "approve")

    def close(self) -> None:
        DBOS.destroy(workflow_completion_timeout_sec=0)


class Messages(Segments):
    """DBOS with `recv` and `send`, the way of its guide: a thread for each workflow that waits."""

    parked_status = ("PENDING", "ENQUEUED")  # enqueued: not recovered yet
    parked_name = "with_message"

    def park(self, identifier: str, invoice: Invoice) -> None:
        with SetWorkflowID(identifier):
            self._handles[identifier] = DBOS.start_workflow(with_message, invoice)
        assert ARRIVED.acquire(timeout=60), "a workflow did not get as far as its approval"

    def answer(self, shown: str) -> Invoice:
        DBOS.send(shown, "approve", "approval")
        return self._result(shown)

    def answer_all(self, shown: Sequence[str]) -> Sequence[Invoice]:
        """Send all before waiting for any, since each alone waits until the next poll."""
        for one in shown:
            DBOS.send(one, "approve", "approval")
        return [self._result(one) for one in shown]

    def _result(self, shown: str) -> Invoice:
        handle = self._handles.get(shown) or DBOS.retrieve_workflow(shown)
        result: Invoice = handle.get_result()
        return result


class SegmentsWithLog(Segments):
    """The same on a file that was put into write-ahead mode first, which its guide does not do."""

    def open(self, directory: Path) -> None:
        use_log(directory / "dbos.sqlite")
        super().open(directory)
