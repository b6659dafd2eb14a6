"""The gate: a condition under which a person must decide."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta

from abpo_sdk.conditions import Condition
from abpo_sdk.conditions.condition import constants_for
from abpo_sdk.errors import DefinitionError, UnknownOutcome
from abpo_sdk.ledger.decisions import encode_case, encode_decision
from abpo_sdk.ledger.recorder import Call, Occurrence, recorder
from abpo_sdk.values.canonical import canonical_bytes
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.encoded import Digest, Encoded, JsonValue
from abpo_sdk.values.review import Review

LONGEST = timedelta(days=36_525)

OUTCOMES = frozenset({"outcome", "proposed"})
"""The fields of a decision that hold an outcome."""


@dataclass(frozen=True, slots=True)
class Check:
    """Whether a gate asks for a person, and the conditions that held, with the values of the case."""

    needed: bool
    why: tuple[str, ...] = ()


class Gate:
    """Puts decisions before a person where its condition holds, and lets the others through.

    Inside a run, a decision that needs a person parks the run until the answer is there. Outside, it raises
    `ReviewRequired`, which carries the review.

    Args:
        name: the gate's name.
        when: the condition, over the case and the decision (`fields(Decision)`).
        to: the role that is asked.
        due: how long they have; None for no limit.
        escalate_to: the role that is asked instead when they did not answer in time.

    Raises:
        DefinitionError: no condition or role; a due time that is not positive, or without a role to escalate
            to, or the other way round.

    >>> from abpo_sdk.conditions import fields
    >>> gate = Gate("approval", when=fields(Decision).confidence < 0.9, to="controller")
    >>> sure = Decision("p", "1", "pay", "pay", ("pay",), 1.0, (), None, ())
    >>> gate(sure).gate, gate.check(sure).needed
    ('approval', False)
    """

    def __init__(
        self, name: str, *, when: Condition, to: str, due: timedelta | None = None, escalate_to: str | None = None
    ) -> None:
        if not isinstance(when, Condition):
            raise DefinitionError(
                f"gate {name!r}: when={when!r} is no condition; write one such as fields(Invoice).total > 10_000"
            )
        if not name or not to:
            raise DefinitionError(f"gate {name!r} needs a name and a role to ask (to=)")
        if due is not None and due > LONGEST:
            raise DefinitionError(
                f"gate {name!r}: due={due} is longer than {LONGEST.days} days; leave it out for no limit"
            )
        if due is not None and due <= timedelta(0):
            raise DefinitionError(f"gate {name!r}: due={due} leaves no time to answer")
        if (due is None) is not (escalate_to is None):
            raise DefinitionError(
                f"gate {name!r}: due= and escalate_to= belong together: who is asked when the time is over?"
            )
        self.name = name
        self.when = when
        self.to = to
        self.due = due
        self.escalate_to = escalate_to
        self._outcomes = {str(o) for o in constants_for(when, Decision, OUTCOMES)}
        self.version = self._hash()

    def _hash(self) -> str:
        content = {
            "due": self.due.total_seconds() if self.due else None,
            "escalate_to": self.escalate_to,
            "name": self.name,
            "to": self.to,
            "when": self.when.structure(),
        }
        return hashlib.sha256(canonical_bytes(content)).hexdigest()[:16]

    def check(self, decision: Decision) -> Check:
        """Whether a person must look at a decision, and why; nothing is recorded.

        Raises:
            MissingInput, MistypedInput: the case lacks what the condition needs.
            UnknownOutcome: the condition asks about an outcome that the policy does not know, so it could never hold.
        """
        for outcome in sorted(self._outcomes):
            check_outcome(outcome, decision.outcomes, what=f"gate {self.name!r} asks about an outcome")
        things = (decision, decision.case)
        return Check(needed=True, why=self.when.because(*things)) if self.when.holds(*things) else Check(needed=False)

    def __call__(self, decision: Decision) -> Decision:
        """The decision as it stands after this gate.

        Raises:
            ReviewRequired: outside a run, where a person must decide.
            NobodyHolds: in a run, where nobody could be asked.
        """
        encoded: list[Encoded] = []

        def inputs(digest: Digest) -> Encoded:
            if not encoded:
                encoded.append(encode_decision(decision, encode_case(decision.case, digest)))
            return encoded[0]

        def record(check: Check, _: Occurrence | None) -> tuple[Encoded, Check]:
            return Encoded({"decision": decision.id, "needed": check.needed, "why": list(check.why)}), check

        def restore(tree: JsonValue, _: Occurrence) -> Check:
            return Check(tree["needed"], tuple(tree["why"]))

        call: Call[Check] = Call(
            kind="gate", name=self.name, inputs=inputs, record=record, restore=restore, arguments={"": decision.case}
        )
        check = recorder().perform(call, lambda: self.check(decision))
        if not check.needed:
            return replace(decision, gate=self.name)
        answer = recorder().ask(
            Review(self.name, self.to, decision, check.why, due_in=self.due, escalate_to=self.escalate_to)
        )
        return answer.apply(decision, gate=self.name)

    def __repr__(self) -> str:
        return f"<gate {self.name}: {self.when.text()} goes to {self.to}>"


def check_outcome(outcome: object, known: tuple[str, ...], *, what: str) -> None:
    """Refuse an outcome that the policy does not know.

    Raises:
        UnknownOutcome: naming it and those that are known.
    """
    if outcome not in known:
        raise UnknownOutcome(f"{what}: the policy does not know the outcome {outcome!r}; it knows {', '.join(known)}")
