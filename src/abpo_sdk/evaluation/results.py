"""What came of one past case."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

__all__ = ["Result", "Unusable"]


class Result(NamedTuple):
    """What the policy decided about one past case, and whether the gate would have asked; or why that is not known.

    Args:
        label: the row's label in the history's index; the case's position from 0 where there is no index.
        truth: the outcome that people gave; None where it is not known.
        outcome: the policy's outcome; None where the case could not be decided.
        confidence: of the decision, between 0 and 1.
        reason: the principal reason, in words.
        code: its code, for a table the rule's.
        asked: whether the gate would have put the case before a person; None without a gate.
        why: the conditions of the gate that held, with the values of the case.
        conditions: the same without values, in the same order.
        error: why the case could not be decided; None where it was.
    """

    label: Hashable
    truth: str | None
    outcome: str | None = None
    confidence: float | None = None
    reason: str | None = None
    code: str | None = None
    asked: bool | None = None
    why: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    error: str | None = None

    @property
    def agrees(self) -> bool | None:
        """Whether the outcome is the truth; None where one of the two is not known."""
        return None if self.outcome is None or self.truth is None else self.outcome == self.truth


class Unusable(NamedTuple):
    """A past case that could not be decided: its label in the history, and why."""

    label: Hashable
    error: str
