"""Decisions that are recorded without a run: as they are made, in the caller's own transaction, or afterwards as history."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from abpo_sdk.errors import DefinitionError, DuplicateRun
from abpo_sdk.ledger.decisions import decode_decision, encode_case, encode_decision
from abpo_sdk.ledger.encryption import same_inputs
from abpo_sdk.ledger.entry import BODY, Draft, Entry, Place, check_id
from abpo_sdk.ledger.erasure import check_said
from abpo_sdk.ledger.journal import Journal
from abpo_sdk.ledger.own_entries import under_living_keys
from abpo_sdk.ledger.recorder import Occurrence
from abpo_sdk.ledger.writer import Writer
from abpo_sdk.values.clock import to_text
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.encoded import Encoded, file_digest

PLACE = Place(BODY, 0)
AT_ONCE = 1000
"""How many decisions of a history are written in one transaction."""


def record(journal: Journal, decision: Decision, *, key: str, connection: Any = None) -> Decision:
    """Record a decision once for its key; see `Ledger.record`."""
    check_id(key, "the key of a decision")
    _check_decision(decision)
    encoded = _encoded(decision)
    now = journal.clock.now()
    draft = Draft(PLACE, "decision", decision.policy, {}, now, encoded.within("result"), encoded, {"result": encoded})
    if connection is None:
        with journal.writing() as writer:
            entry = _write_once(journal, writer, key, draft)
    else:
        entry = _write_once(journal, journal.joined(connection), key, draft)
    return decode_decision(encoded.tree, case=decision.case, occurrence=Occurrence(key, PLACE, entry.at))


def import_decisions(journal: Journal, history: Iterable[tuple[str, Decision]], *, source: str) -> int:
    """Record decisions that were made elsewhere; see `Ledger.import_decisions`."""
    check_said(source=source)
    count, batch = 0, []
    for item in history:
        if not isinstance(item, tuple) or len(item) != 2:
            raise DefinitionError(f"history holds a {type(item).__name__}; it is of pairs: a key, and a Decision")
        _check_decision(item[1])
        batch.append(item)
        if len(batch) == AT_ONCE:
            count += _import(journal, batch, source)
            batch = []
    return count + _import(journal, batch, source)


def _import(journal: Journal, history: list[tuple[str, Decision]], source: str) -> int:
    now = journal.clock.now()
    drafts = []
    for key, decision in history:
        check_id(key, "the key of a decision")
        if decision.at is None or decision.at.tzinfo is None:
            raise DefinitionError(
                f"the decision {key!r} has at={decision.at!r}; say when it was made, as a time with a zone"
            )
        encoded = _encoded(decision)
        payload = {"at": to_text(decision.at), "source": source}
        personal = encoded.within("result")
        drafts.append(
            (key, Draft(PLACE, "imported", decision.policy, payload, now, personal, encoded, {"result": encoded}))
        )
    with journal.writing() as writer:
        before = [writer.tx.head(key) for key, _ in drafts]
        for key, draft in drafts:
            _write_once(journal, writer, key, draft)
    return sum(head is None for head in before)


def _write_once(journal: Journal, writer: Writer, key: str, draft: Draft) -> Entry:
    """The entry of a key; written unless it is there."""
    entries = writer.tx.entries(key)
    if not entries:
        (first,) = under_living_keys(journal.vault, writer.tx, [(draft, journal.encrypted(draft))])
        entries = writer.begin(key, first)
    if not entries:  # another transaction has just made it
        entries = writer.tx.entries(key)
    if not entries:
        raise DuplicateRun(
            f"another transaction has recorded the key {key!r}, and this one, which is older, cannot see it; do it again"
        )
    entry = entries[0]
    same = draft.inputs is not None and entry.kind == draft.kind and same_inputs(entry, draft.inputs, journal.vault)
    if not same or entry.content.get("at") != draft.payload.get("at"):  # of history, when it was made
        raise DuplicateRun(f"the key {key!r} holds another {entry.kind}; a key stands for one decision")
    return entry


def _check_decision(decision: object) -> None:
    if not isinstance(decision, Decision):
        raise DefinitionError(
            f"a {type(decision).__name__} is no Decision; let a policy decide first: ledger.record(policy(case), key=...)"
        )


def _encoded(decision: Decision) -> Encoded:
    return encode_decision(decision, encode_case(decision.case, file_digest))
