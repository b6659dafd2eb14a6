"""What a person says about a run that cannot go on by itself, checked and recorded."""

from __future__ import annotations

from typing import Any

from abpo_sdk.errors import IncidentError, RationaleMissing
from abpo_sdk.gates import People
from abpo_sdk.ledger import Ledger
from abpo_sdk.ledger.entry import Kind
from abpo_sdk.ledger.erasure import run_subject
from abpo_sdk.ledger.own_entries import under_living_keys
from abpo_sdk.ledger.rows import RunRow
from abpo_sdk.runtime.segment import life_draft
from abpo_sdk.values.encoded import PersonalValue
from abpo_sdk.values.encoding import Codec


def record_resolution(
    ledger: Ledger, people: People, row: RunRow, *, position: int, action: str, by: str, because: str, value: Any = None
) -> None:
    """Record that a person resolves an incident: "retry", "supply" (with the value) or "abandon".

    Raises:
        NotPermitted: the person is not known.
        RationaleMissing: there is no reason.
        IncidentError: the run is no incident, or no step raised whose value could be supplied.
    """
    run = row.id
    people.check_known(by, f"resolve the incident of run {run!r}")
    if not isinstance(because, str) or not because.strip():
        raise RationaleMissing(f"to resolve the incident of run {run!r}, say because=...")
    payload: dict[str, Any] = {"action": action, "because": because, "by": by}
    personal: Any = ()
    if action == "supply":
        encoded = Codec(type(value), where="the supplied value").encode(value)
        payload["value"], personal = encoded.tree, encoded.within("value")
        if not personal:  # nobody said whose it is, and the step that it stands for records it under its own marks
            personal = (PersonalValue(("value",), "supplied value", run_subject(run)),)
    with ledger.writing() as writer:
        entries = writer.tx.entries(run)
        if not writer.tx.select(RunRow, equal={"id": run, "status": "incident"}):
            raise IncidentError(f"run {run!r} is no incident any more; look at its status")
        last = next(entry for entry in reversed(entries) if entry.kind == "incident")
        if last.position != position:
            raise IncidentError(f"run {run!r} is another incident now; look at run.incident again")
        incident = last.content
        if action == "supply":
            if incident["place"] is None:
                raise IncidentError(f"run {run!r}: no step raised, so there is no value to supply; retry or abandon it")
            payload |= {"scope": incident["scope"], "ordinal": incident["ordinal"]}
        kind: Kind = "abandoned" if action == "abandon" else "resolved"
        draft = life_draft(entries, kind, row.process, payload, ledger.clock.now(), personal)
        writer.append_encrypted(run, under_living_keys(ledger.vault, writer.tx, [(draft, ledger.encrypted(draft))]))
