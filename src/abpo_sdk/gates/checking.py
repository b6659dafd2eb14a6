"""Whether a gate asks for a person: what it looks at, what held, and how probable that was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from abpo_sdk.conditions import Condition, Reading
from abpo_sdk.conditions.condition import constants_for
from abpo_sdk.errors import DefinitionError, UnknownOutcome
from abpo_sdk.gates.triggers import Draw, Sampled
from abpo_sdk.values.decision import ABSTAIN, Decision

OUTCOMES = frozenset({"outcome", "proposed"})
"""The fields of a decision that hold an outcome."""


@dataclass(frozen=True, slots=True)
class Check:
    """Whether a gate asks for a person, and why.

    Args:
        needed: whether it does.
        why: the conditions that held, with the values of the case.
        probability: how probable it was, before a share was drawn at random, that a person would be asked about this
            decision. 1.0 or 0.0 where the draw could change nothing, which is also what is meant where it is left out.
            One over it is the weight of what was asked about, in an estimate for all that was decided (Horvitz and
            Thompson, A Generalization of Sampling Without Replacement, 1952).
        conditions: `why` without the values of the case, for counting.
    """

    needed: bool
    why: tuple[str, ...] = ()
    probability: float = None  # type: ignore[assignment]  # `__post_init__` fills it in
    conditions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.probability is None:
            object.__setattr__(self, "probability", 1.0 if self.needed else 0.0)


PASSES = Check(needed=False)


class Checker:
    """Checks decisions for one gate.

    Args:
        gate: the gate's name.
        when: the condition.

    Raises:
        DefinitionError: several shares are to be drawn at random.
    """

    __slots__ = ("_gate", "_holds", "_outcomes", "_sampled", "_when")

    def __init__(self, gate: str, when: Condition) -> None:
        drawn = {id(part): part for part in _leaves(when) if isinstance(part, Sampled)}
        if len(drawn) > 1:
            texts = ", ".join(part.text() for part in drawn.values())
            raise DefinitionError(
                f"gate {gate!r} draws several shares at random ({texts}), whose probabilities would mix; draw one, or use a gate for each"
            )
        self._gate = gate
        self._when = when
        self._holds = when.compiled()
        self._sampled = next(iter(drawn.values()), None)
        self._outcomes = tuple(
            sorted({str(outcome) for outcome in constants_for(when, Decision, OUTCOMES)} - {ABSTAIN})
        )

    @property
    def draws(self) -> bool:
        """Whether a share is drawn at random."""
        return self._sampled is not None

    def check(self, decision: Decision, context: Sequence[object] = (), key: str | None = None) -> Check:
        """Whether a person must look at a decision, and why; see `Gate.check`."""
        reading = self.reading(decision, context)
        if self._sampled is not None:
            return self._drawn(self._sampled, reading, key)
        if not self._holds(reading):
            return PASSES
        return Check(True, *self._why(reading))  # noqa: FBT003

    def reading(self, decision: Decision, context: Sequence[object] = ()) -> Reading:
        """What the condition may look at.

        Raises:
            DefinitionError: it is no decision, or the context leaves open what a field is of.
            UnknownOutcome: the policy does not know an outcome that the condition asks about.
        """
        if not isinstance(decision, Decision):
            raise DefinitionError(
                f"gate {self._gate!r} checks decisions, and was given a {type(decision).__name__}; let a policy decide first"
            )
        for outcome in self._outcomes:
            if outcome not in decision.outcomes:
                check_outcome(outcome, decision.outcomes, what=f"gate {self._gate!r} asks about an outcome")
        if context:
            self._check_context(decision.case, context)
        return Reading(decision, decision.case, *context)

    def _check_context(self, case: object, context: Sequence[object]) -> None:
        seen: list[type] = [Decision]
        for thing in (case, *context):
            kind = Mapping if isinstance(thing, Mapping) else type(thing)
            if kind in seen:
                raise DefinitionError(
                    f"gate {self._gate!r} was given more than one {kind.__name__}, so that a condition could not tell them apart; "
                    "give each thing of the context a type of its own"
                )
            seen.append(kind)

    def _drawn(self, sampled: Sampled, reading: Reading, key: str | None) -> Check:
        """The condition with the draw either way, so that what it was is known together with what it could have been."""
        draw = Draw(falls=False)
        falls = sampled.falls(gate=self._gate, key=key)
        reading.found[Draw] = draw
        without = self._holds(reading)
        draw.falls = True
        hit = self._holds(reading)
        draw.falls = falls
        needed = hit if falls else without
        share = sampled.share
        probability = (1.0 if hit else 0.0) if hit == without else share if hit else 1.0 - share
        return Check(True, *self._why(reading, probability)) if needed else Check(False, (), probability)  # noqa: FBT003

    def _why(self, reading: Reading, probability: float = 1.0) -> tuple[tuple[str, ...], float, tuple[str, ...]]:
        held = tuple(self._when.parts_that_hold(reading))
        return tuple(part.written(reading) for part in held), probability, tuple(part.text() for part in held)


def check_outcome(outcome: object, known: tuple[str, ...], *, what: str) -> None:
    """Refuse an outcome that the policy does not know.

    Raises:
        UnknownOutcome: naming it and those that are known.
    """
    if outcome not in known:
        raise UnknownOutcome(f"{what}: the policy does not know the outcome {outcome!r}; it knows {', '.join(known)}")


def _leaves(condition: Condition) -> Iterator[Condition]:
    parts = condition.parts()
    if not parts:
        yield condition
    for part in parts:
        yield from _leaves(part)
