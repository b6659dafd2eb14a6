"""Answers to measure, made up."""

from datetime import UTC, datetime, timedelta

from abpo_sdk.gates.guarding.conduct import Answered

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
DECLARED = "works agreement 2026-04, section 3"


def answered(n, person="maria@acme", outcome="pay", *, role="controller", reads=10, at=None, **more):
    """The n-th answer of a person, a minute after the one before."""
    shown = NOON + n * MINUTE if at is None else at
    values = {"proposed": "pay", "shown": shown, "gate": "approval", "opened": NOON, **more}
    return Answered(
        review=f"r-{n}", role=role, person=person, outcome=outcome, answered=shown + reads * SECOND, **values
    )
