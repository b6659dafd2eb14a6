"""The code that a run keeps to, and how a run goes on with other code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from abpo_sdk.errors import DefinitionError, RationaleMissing, ReplayDiverged, RunBusy
from abpo_sdk.gates import People
from abpo_sdk.ledger import Ledger, Writer
from abpo_sdk.ledger.rows import OPEN, RunRow
from abpo_sdk.runtime.lease import Leases
from abpo_sdk.runtime.pins import pins_of, why_stale
from abpo_sdk.runtime.rehearsal import Rehearsal
from abpo_sdk.runtime.segment import life_draft
from abpo_sdk.steps import BoundProcess


@dataclass(frozen=True, slots=True)
class StaleRun:
    """An open run that this runtime cannot advance.

    Args:
        id: the run.
        process: the name of its process.
        status: running, waiting or incident.
        why: what is not there: the process, or the code that the run goes on with.
    """

    id: str
    process: str
    status: str
    why: str


@dataclass(frozen=True, slots=True)
class Migration:
    """What happens when a run goes on with the code that is there now.

    Args:
        run: the run.
        before: the versions of its process, and of the policies, gates and processes that this one names.
        after: those that are there now.
        replayed: how many of its recorded calls the new code makes again, the same.
        goes_on: what the new code comes to then: calls that are new, and what it waits for; empty where it ends.
        diverges: where the new code does something else than is recorded; None where it does not.
    """

    run: str
    before: Mapping[str, str]
    after: Mapping[str, str]
    replayed: int
    goes_on: tuple[str, ...]
    diverges: str | None

    def __str__(self) -> str:
        names = dict.fromkeys((*self.before, *self.after))
        changed = ", ".join(name for name in names if self.before.get(name) != self.after.get(name))
        if self.diverges is not None:
            return f"run {self.run!r} does not fit: {self.diverges}; changed: {changed}"
        then = f"goes on with {', '.join(self.goes_on)}" if self.goes_on else "comes to its end"
        return (
            f"run {self.run!r} fits: {self.replayed} calls are made again, the same, and it {then}; changed: {changed}"
        )

    @property
    def fits(self) -> bool:
        """Whether the new code does all that is recorded, the same."""
        return self.diverges is None


def stale_runs(ledger: Ledger, processes: Mapping[str, BoundProcess[Any]]) -> Iterator[StaleRun]:
    """The open runs whose process is not among these, or not in the version that they go on with."""
    whys: dict[tuple[str, str], str] = {}
    for status in OPEN:
        for row in ledger.store.select(RunRow, equal={"status": status}, order="started_at"):
            bound = processes.get(row.process)
            if bound is not None and bound.process.version == row.version:
                continue
            if bound is None:
                why = f"its process {row.process!r} was not given to this runtime"
            else:
                why = whys.get((row.process, row.version)) or why_stale(ledger, row.id, bound.process)
                whys[row.process, row.version] = why
            yield StaleRun(row.id, row.process, row.status, why)


def rehearsed(ledger: Ledger, row: RunRow, bound: BoundProcess[Any], rehearsal: Rehearsal) -> Migration:
    """What happens when a run goes on with the code that is there now; nothing is done and nothing is written.

    Raises:
        DefinitionError: the run has ended, or goes on with this code already.
    """
    if row.status not in OPEN:
        raise DefinitionError(f"run {row.id!r} is {row.status}, so there is nothing left to migrate")
    if row.version == bound.process.version:
        raise DefinitionError(
            f"run {row.id!r} goes on with the code that is there already, so there is nothing to migrate"
        )
    before = pins_of(ledger, row.id)
    return Migration(row.id, before, bound.process.pins, rehearsal.replayed, rehearsal.goes_on, rehearsal.why_not)


def record_migration(
    ledger: Ledger,
    leases: Leases,
    people: People,
    migration: Migration,
    row: RunRow,
    version: str,
    *,
    by: str,
    because: str,
) -> None:
    """Record that a person has a run go on with other code.

    Raises:
        NotPermitted: the person is not known.
        RationaleMissing: there is no reason.
        ReplayDiverged: the other code does not fit what is recorded.
        RunBusy: a worker is at the run, or has brought it further since it was looked at.
    """
    people.check_known(by, f"migrate run {row.id!r}")
    if not isinstance(because, str) or not because.strip():
        raise RationaleMissing(f"to migrate run {row.id!r}, say because=...")
    if migration.diverges is not None:
        raise ReplayDiverged(f"run {row.id!r} cannot go on with the new code: {migration.diverges}")
    payload: dict[str, Any] = {
        "because": because,
        "before": dict(migration.before),
        "by": by,
        "pins": dict(migration.after),
        "version": version,
    }
    lease = leases.acquire(row.id, status=row.status, version=row.version)
    try:
        with ledger.writing() as writer:
            _check_unmoved(writer, row)
            draft = life_draft(writer.tx.entries(row.id), "migrated", row.process, payload, ledger.clock.now())
            writer.append_encrypted(row.id, [(draft, ledger.encrypted(draft))], lease=lease, release=True)
    except BaseException:
        leases.give_up(lease)
        raise


def _check_unmoved(writer: Writer, row: RunRow) -> None:
    if writer.tx.select(RunRow, equal={"id": row.id}) != [row]:
        raise RunBusy(f"run {row.id!r} went on meanwhile; rehearse the migration again")
