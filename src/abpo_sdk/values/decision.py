"""The decision record, the unit of everything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Self

POLICY = "policy"
"""The value of `Decision.decided_by` where the policy decided alone."""

ABSTAIN = "abstain"
"""The outcome by which a policy says that it cannot decide; a policy need not know it."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason of a decision, in a shape that rules, models and people share.

    Args:
        rank: 1 for the principal reason.
        code: a stable identifier of the reason, such as the rule's name.
        text: the reason in words.
        factor: the field (business column) that it is about, if it is about one.
        value: what that field held, as text, personal values masked.
        stage: the policy or gate that it is from.
        source: where the value came from; of a person's answer, the person.
        condition: the condition that held, with the values of the case.
        amount: how much it contributed, where it has an amount (a model's contribution).
        unit: the unit of `amount`.
        actionable: whether the person concerned could change it; None where nobody said.
    """

    rank: int
    code: str
    text: str
    factor: str | None = None
    value: str | None = None
    stage: str | None = None
    source: str | None = None
    condition: str | None = None
    amount: float | None = None
    unit: str | None = None
    actionable: bool | None = None


Explanation = Callable[..., tuple[tuple[Reason, ...], tuple[str, ...]]]
"""Gives the reasons of a decision, and the fields that were read."""


class _Deferred:
    """Where a decision keeps what it is like, and how it is explained, until somebody asks."""

    __slots__ = ("_later",)
    _later: tuple[Decision, Explanation, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Decision(_Deferred):
    """What was decided about a case, why, by which version of which policy, and who answers for it.

    A policy makes it; a gate may hand it to a person, whose answer then stands as `outcome`.

    Args:
        policy: the policy's name.
        version: the content hash of the policy as it was.
        outcome: what stands.
        proposed: what the policy proposed; differs from `outcome` where a person decided otherwise.
        outcomes: every outcome that the policy knows.
        confidence: between 0 and 1; 1.0 for a table of rules.
        calibrated: whether `confidence` is a probability that was checked against outcomes.
        reasons: in order of rank.
        case: the case as it was decided upon.
        inputs: the fields of the case that were actually read, as dotted names.
        owner: who answers for the policy.
        decided_by: "policy", or the id of the person whose answer stands.
        gate: the last gate that the decision passed.
        id: where the ledger has it; None until it is recorded.
        at: when it was recorded; None until then.
        output: what it gives beside its outcome, by name, such as the amount that is to be paid; a person may correct it.
            Texts, numbers, truths, `Decimal`s, dates, times and durations; nothing personal.
    """

    policy: str
    version: str
    outcome: str
    proposed: str
    outcomes: tuple[str, ...]
    confidence: float
    reasons: tuple[Reason, ...]
    case: Any = field(repr=False)
    inputs: tuple[str, ...]
    owner: str | None = None
    calibrated: bool = False
    decided_by: str = POLICY
    gate: str | None = None
    id: str | None = None
    at: datetime | None = None
    output: Mapping[str, Any] | None = None

    def giving(self, **output: Any) -> Self:
        """The decision with what it gives beside its outcome, which a gate shows and a person may correct.

        >>> sure = Decision("p", "1", "pay", "pay", ("pay",), 1.0, (), None, ())
        >>> sure.giving(amount=700).output
        {'amount': 700}
        """
        return replace(self, output={**(self.output or {}), **output})

    def about(self, case: object, explain: Explanation, /, *of: Any) -> Decision:
        """A decision like this one about another case, which is explained when somebody asks for its reasons or inputs.

        It costs a fifth of what a decision costs that has all its fields from the start.

        Args:
            case: the other case.
            explain: gives the reasons and the fields that were read.
            of: what `explain` is called with: what the decision stood on, and not a case that may change meanwhile.

        >>> small = Decision("p", "1", "pay", "pay", ("pay",), 1.0, (), None, ())
        >>> paid = small.about({"amount": 7}, lambda amount: ((Reason(1, "p.1", f"{amount} is small"),), ("amount",)), 7)
        >>> paid.policy, paid.reasons[0].text, paid.inputs
        ('p', '7 is small', ('amount',))
        """
        decision = _new(Decision)
        _put(decision, "case", case)
        _put(decision, "outcome", self.outcome)
        _put(decision, "_later", (self, explain, of))
        return decision

    def __getattr__(self, name: str) -> Any:
        if name == "reasons" or name == "inputs":
            _, explain, of = self._later
            reasons, inputs = explain(*of)
            _put(self, "reasons", reasons)
            _put(self, "inputs", inputs)
            return reasons if name == "reasons" else inputs
        if name.startswith("_") or name not in _FIELDS:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        value = getattr(self._later[0], name)
        if name == "output" and value is not None:
            value = dict(value)  # which a caller may change, and of this decision alone
        _put(self, name, value)
        return value


_new, _put = object.__new__, object.__setattr__
_FIELDS = frozenset(f.name for f in fields(Decision))
