"""The gate: a condition under which a person must decide, who that is, and what is demanded of their answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from abpo_sdk.conditions import Condition
from abpo_sdk.conditions.expressions import Field
from abpo_sdk.errors import DefinitionError
from abpo_sdk.gates.asks import Asks
from abpo_sdk.gates.candidates import Asked, Candidates, asked, described, queues_of
from abpo_sdk.gates.checking import Check, Checker, check_outcome
from abpo_sdk.gates.composed import Passing
from abpo_sdk.gates.deadlines import Allowed, deadlines
from abpo_sdk.gates.guarding.guard import Guard
from abpo_sdk.gates.involvement import involvement
from abpo_sdk.gates.quorum import ONE, Quorum
from abpo_sdk.ledger.decisions import encode_case, encode_decision
from abpo_sdk.ledger.recorder import Call, Occurrence, recorder
from abpo_sdk.values.canonical import canonical_bytes
from abpo_sdk.values.code import code_version
from abpo_sdk.values.decision import POLICY, Decision
from abpo_sdk.values.encoded import Digest, Encoded, JsonValue, PersonalValue
from abpo_sdk.values.review import Review

if TYPE_CHECKING:
    from abpo_sdk.gates.authority.authority import Authority

Texts = Callable[[Decision], Iterable[str]]
"""A function of the caller's that says something about a decision, in words."""


class Gate(Passing):
    """Puts decisions before a person where its condition holds, and lets the others through.

    Inside a run, a decision that needs a person parks the run until the answer is there. Outside, it raises
    `ReviewRequired`, which carries the review. Gates compose: `a >> b` (one after the other), `a & b` (all that ask, at the
    same time), `a | b` (one of those that ask is enough).

    Args:
        name: the gate's name.
        when: the condition, over the case, the decision (`fields(Decision)`) and further context.
        to: the role that is asked; or `Candidates`; or a function from the decision to one of these, or to ids of persons.
        due: how long they have, by the clock or a business calendar (`calendar.hours(8)`); None for no limit.
        escalate_to: the role that is asked instead when they did not answer in time; several one after the other.
        quorum: how many must say the same.
        four_eyes: whether nobody may answer about a decision about which they have answered before; default: where more than
            one must say the same.
        involves: fields of the case that name persons who entered it, proposed it or are its subject; they do not decide it.
        authority: what an approval amounts to; then it is held against the limits of who gives it (`People(limits=...)`).
        rationale: whether a reason is demanded.
        expires: how long it can be answered at all; None for ever.
        remind: how long before it is due they are reminded.
        guard: what care is demanded of who answers.
        refuses: the outcome by which many reviews may be refused at once; None where none may.
        changes: says what would have to be otherwise for another outcome; shown with the review.
        similar: says which past cases are like it; shown with the review.

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
        self,
        name: str,
        *,
        when: Condition,
        to: Asked,
        due: Allowed | None = None,
        escalate_to: Any = None,
        quorum: int | Quorum = ONE,
        four_eyes: bool | None = None,
        involves: Collection[Field] = (),
        authority: Authority | None = None,
        rationale: bool = True,
        expires: Allowed | None = None,
        remind: timedelta | None = None,
        guard: Guard | None = None,
        refuses: str | None = None,
        changes: Texts | None = None,
        similar: Texts | None = None,
    ) -> None:
        if not isinstance(when, Condition):
            raise DefinitionError(
                f"gate {name!r}: when={when!r} is no condition; write one such as fields(Invoice).total > 10_000"
            )
        if not name or not to:
            raise DefinitionError(f"gate {name!r} needs a name and a role to ask (to=)")
        self.name = name
        self.when = when
        self.to = to
        self.due = due
        self.escalate_to = escalate_to
        self.quorum = quorum if isinstance(quorum, Quorum) else Quorum(quorum)
        self.four_eyes = self.quorum.n > 1 if four_eyes is None else four_eyes
        self.guard = guard or Guard()
        self.authority = authority
        if authority is not None and refuses in authority.approves:
            raise DefinitionError(
                f"gate {name!r}: refuses={refuses!r} is an outcome that its authority approves, and many are never approved at once"
            )
        self._deadlines = deadlines(name, due, escalate_to, remind, expires)
        self._involves = involvement(name, involves)
        self._rationale = rationale
        self._refuses = refuses
        self._changes, self._similar = changes, similar
        self._checker = Checker(name, when)
        self.version = self._hash()

    def _hash(self) -> str:
        """What is not declared is not in it, so that a gate that an earlier release knew has the same version."""
        first = self._deadlines.escalations[0].to if self._deadlines.escalations else None
        content: dict[str, Any] = {
            "due": self.due.total_seconds() if isinstance(self.due, timedelta) else None,
            "escalate_to": described(first) if first else None,
            "name": self.name,
            "to": self.to if isinstance(self.to, str) else _who(self.to),
            "when": self.when.structure(),
        }
        more = self._more()
        if more:
            content["asks"] = more
        return hashlib.sha256(canonical_bytes(content)).hexdigest()[:16]

    def _more(self) -> dict[str, Any]:
        """What is demanded beside one answer with a reason, as JSON."""
        said = {
            "authority": self.authority.structure() if self.authority else None,
            "four_eyes": self.four_eyes if self.four_eyes is not (self.quorum.n > 1) else None,
            "guard": self.guard.structure() if self.guard != Guard() else None,
            "involves": [field.structure() for field in self._involves.fields] or None,
            "quorum": self.quorum.structure() if self.quorum != ONE else None,
            "rationale": None if self._rationale else "none",
            "refuses": self._refuses,
            **self._deadlines.structure(),
        }
        return {name: value for name, value in said.items() if value}

    def check(self, decision: Decision, *context: object, key: str | None = None) -> Check:
        """Whether a person must look at a decision, and why; nothing is recorded.

        Args:
            decision: the decision, with its case.
            *context: further objects whose fields the condition reads.
            key: what the decision is about, such as the id of its run; by it a share is drawn.

        Raises:
            MissingInput, MistypedInput: the case lacks what the condition needs.
            UnknownOutcome: the condition asks about an outcome that the policy does not know, so it could never hold.
            DefinitionError: the condition draws a share, and nobody says what the decision is about.
        """
        return self._checker.check(decision, context, key)

    def review(self, decision: Decision, why: tuple[str, ...] = ()) -> Review:
        """The review that this gate would put before a person, to be opened with `Reviews.open`.

        Raises:
            NobodyHolds: the function that says who is asked names nobody.
        """
        first = self._deadlines.escalations[0].to if self._deadlines.escalations else None
        who = asked(self.to, decision)
        return Review(
            self.name,
            described(who),
            decision,
            why,
            due_in=self.due if isinstance(self.due, timedelta) else None,
            escalate_to=described(first) if first else None,
            terms=_Terms(self, queues_of(who)),
        )

    @property
    def further(self) -> list[tuple[str, ...]]:
        """The queues that its reviews go to when they are overdue, and that of who breaks a tie."""
        levels = [queues_of(escalation.to) for escalation in self._deadlines.escalations]
        return [*levels, queues_of(self.quorum.tie_break)] if self.quorum.tie_break else levels

    def reviews_for(self, decision: Decision, *context: object) -> tuple[Decision, tuple[Review, ...]]:
        """The decision as this gate let it through, or the reviews that it asks for; recorded, in a run."""
        encoded: list[Encoded] = []

        def inputs(digest: Digest) -> Encoded:
            if not encoded:
                shown = encode_decision(decision, encode_case(decision.case, digest))
                encoded.append(_with_context(shown, context, digest))
            return encoded[0]

        def record(check: Check, _: Occurrence | None) -> tuple[Encoded, Check]:
            said: dict[str, JsonValue] = {"decision": decision.id, "needed": check.needed, "why": list(check.why)}
            if self._checker.draws:
                said["probability"] = check.probability
            return Encoded(said), check

        def restore(tree: JsonValue, _: Occurrence) -> Check:
            return Check(tree["needed"], tuple(tree["why"]), tree.get("probability", float(tree["needed"])))

        here = recorder()
        call: Call[Check] = Call(
            kind="gate", name=self.name, inputs=inputs, record=record, restore=restore, arguments={"": decision.case}
        )

        def checked() -> Check:
            check = self.check(decision, *context, key=here.case)
            stopped = here.why_stopped(decision.policy, decision.case) if decision.decided_by == POLICY else None
            return check if stopped is None else Check(needed=True, why=(*check.why, stopped), probability=1.0)

        check = here.perform(call, checked)
        if not check.needed:
            return replace(decision, gate=self.name), ()
        return decision, (self.review(decision, check.why),)

    def __call__(self, decision: Decision, *context: object) -> Decision:
        """See `Passing.__call__`."""
        passed, reviews = self.reviews_for(decision, *context)
        if not reviews:
            return passed
        (answer,) = recorder().ask(*reviews)
        return answer.apply(decision, gate=self.name)

    def opened(
        self, decision: Decision, at: datetime, shown: Encoded, queues: Sequence[str]
    ) -> tuple[dict[str, JsonValue], tuple[PersonalValue, ...]]:
        """What the entry of a review that is opened now says of what is demanded."""
        involved, marks = self._involves.of(decision, shown)
        asks = Asks(
            quorum=self.quorum,
            four_eyes=self.four_eyes,
            rationale=self._rationale,
            involved=involved,
            authority=self.authority.opened(decision) if self.authority else None,
            guard=self.guard,
            refuses=self._refuses,
        )
        for outcome in sorted(self.quorum.veto):
            check_outcome(outcome, decision.outcomes, what=f"gate {self.name!r} has a veto with an outcome")
        if self._refuses is not None:
            check_outcome(self._refuses, decision.outcomes, what=f"gate {self.name!r} refuses with an outcome")
        terms: dict[str, JsonValue] = {
            **self._deadlines.plan(at),
            "asks": asks.structure(),
            "gate_version": self.version,
            "queues": list(queues),
        }
        for name, says in (("changes", self._changes), ("similar", self._similar)):
            if says is not None:
                terms[name] = [str(text) for text in says(decision)]
        return terms, tuple(
            PersonalValue(("asks", "involved", number), mark.label, mark.subject) for number, mark in marks.items()
        )

    def __repr__(self) -> str:
        to = self.to.__name__ if callable(self.to) else described(self.to)
        return f"<gate {self.name}: {self.when.text()} goes to {to}>"


class _Terms:
    """What a gate demands of one review: who is asked has been found out."""

    __slots__ = ("_gate", "_queues")

    def __init__(self, gate: Gate, queues: Sequence[str]) -> None:
        self._gate = gate
        self._queues = queues

    def levels(self) -> Sequence[Sequence[str]]:
        """See `Terms.levels`."""
        return [self._queues, *self._gate.further]

    def opened(
        self, decision: Decision, at: datetime, shown: Encoded
    ) -> tuple[dict[str, JsonValue], tuple[PersonalValue, ...]]:
        """See `Terms.opened`."""
        return self._gate.opened(decision, at, shown, self._queues)


def _who(to: Candidates | Callable[[Decision], Any]) -> Any:
    """Who is asked, as JSON; of a function, the version of its code."""
    return code_version(to) if callable(to) else list(queues_of(to))


def _with_context(shown: Encoded, context: Sequence[object], digest: Digest) -> Encoded:
    """What goes into a gate: the decision, and the context that its condition reads."""
    if not context:
        return shown
    parts = [encode_case(thing, digest) for thing in context]
    tree = {"context": [part.tree for part in parts], "decision": shown.tree}
    marks = [mark for number, part in enumerate(parts) for mark in part.within("context", number)]
    return Encoded(tree, (*shown.within("decision"), *marks), shown.files)
