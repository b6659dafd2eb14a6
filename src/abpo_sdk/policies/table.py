"""Decision tables: rules that are read top down."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

from abpo_sdk.conditions import Condition, Reading
from abpo_sdk.conditions.condition import models_of
from abpo_sdk.errors import DefinitionError
from abpo_sdk.policies.policy import Policy, check_storable
from abpo_sdk.values.canonical import canonical_bytes
from abpo_sdk.values.decision import Decision, Reason
from abpo_sdk.values.traversal import is_typed_dict

HitPolicy = Literal["FIRST"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of a table: where the condition holds, the outcome follows."""

    when: Condition
    then: str
    because: str
    name: str | None = None


def rule(when: Condition, *, then: str, because: str, name: str | None = None) -> Rule:
    """A row of a decision table.

    Args:
        when: the condition under which it applies.
        then: the outcome.
        because: the reason, in words that the person concerned may read.
        name: a stable name for the reason's code; default: the row's number.

    Raises:
        DefinitionError: something of it is empty, or `when` is no condition.
    """
    if not isinstance(when, Condition):
        raise DefinitionError(f"rule({when!r}, ...): give a condition, such as fields(Invoice).total > 10_000")
    if not then or not because.strip():
        raise DefinitionError(f"the rule for ({when.text()}) needs an outcome (then=) and a reason (because=)")
    return Rule(when, then, because, name)


class DecisionTable(Policy):
    """A policy made of rules: of those whose condition holds, the first decides (hit policy FIRST).

    Args:
        name: the policy's name.
        rules: the rows, top down; all about one model.
        otherwise: the outcome where no rule applies.
        owner: who answers for it.
        hit_policy: FIRST: the first row that applies decides, and rows below it are not looked at.

    Raises:
        DefinitionError: no rules, something that is no rule, rules about several models, an unknown hit policy.

    >>> from pydantic import BaseModel
    >>> from abpo_sdk.conditions import fields
    >>> class Claim(BaseModel):
    ...     amount: int
    >>> small = rule(fields(Claim).amount <= 500, then="pay", because="the claim is small")
    >>> decision = DecisionTable("claims", small, otherwise="refer")(Claim(amount=120))
    >>> decision.outcome, decision.reasons[0].condition
    ('pay', 'amount 120 <= 500')
    """

    def __init__(
        self, name: str, *rules: Rule, otherwise: str, owner: str | None = None, hit_policy: HitPolicy = "FIRST"
    ) -> None:
        if hit_policy != "FIRST":
            raise DefinitionError(f"table {name!r}: hit policy {hit_policy!r} is not known; there is FIRST")
        if not name or not rules or not otherwise:
            raise DefinitionError(
                f"table {name!r} needs a name, at least one rule, and otherwise= for cases that no rule covers"
            )
        for row in rules:
            if not isinstance(row, Rule):
                raise DefinitionError(
                    f"table {name!r} was given {row!r} as a rule; write rule(condition, then=..., because=...), one after the other"
                )
        models = models_of(r.when for r in rules)
        if len(models) != 1:
            raise DefinitionError(
                f"table {name!r} has rules about {', '.join(m.__name__ for m in models) or 'no field'}; a table is about one model"
            )
        self.name = name
        self.owner = owner
        self.rules = rules
        self.otherwise = otherwise
        self.hit_policy = hit_policy
        self.case_type: type = models[0]
        self.outcomes = tuple(dict.fromkeys((*(r.then for r in rules), otherwise)))
        self.version = self._hash()
        if is_typed_dict(self.case_type):
            check_storable(self.case_type, what=f"table {name!r}")

    def _hash(self) -> str:
        rows = [{"because": r.because, "name": r.name, "then": r.then, "when": r.when.structure()} for r in self.rules]
        content: dict[str, Any] = {
            "hit_policy": self.hit_policy,
            "name": self.name,
            "otherwise": self.otherwise,
            "rules": rows,
        }
        return hashlib.sha256(canonical_bytes(content)).hexdigest()[:16]

    def decide(self, case: Any) -> Decision:
        """The decision about a case, by the first rule that applies."""
        reading = Reading(case)
        for number, row in enumerate(self.rules, start=1):
            if row.when.evaluate(reading):
                return self._decision(case, row.then, self._reason(row, number, case), reading)
        reason = Reason(rank=1, code=f"{self.name}.otherwise", text="no rule applies", stage=self.name)
        return self._decision(case, self.otherwise, reason, reading)

    def changes(self, decision: Decision) -> tuple[str, ...]:
        """What would have to be otherwise for another outcome: for each row that gives one, what it asks for and is not so.

        Each is about one row as it is written. Whether the case can be changed so, and what else would change with it, the
        table does not know.

        Args:
            decision: a decision about a case of the table's type, such as it comes to a gate: `Gate(..., changes=table.changes)`.

        Raises:
            MissingInput, MistypedInput: its case is none of the table's.

        >>> from pydantic import BaseModel
        >>> from abpo_sdk.conditions import fields
        >>> class Claim(BaseModel):
        ...     amount: int
        >>> small = rule(fields(Claim).amount <= 500, then="pay", because="the claim is small")
        >>> claims = DecisionTable("claims", small, otherwise="refer")
        >>> claims.changes(claims(Claim(amount=900)))
        ("'pay' if amount 900 <= 500",)
        """
        from abpo_sdk.policies.missing import changes  # seldom asked

        return tuple(dict.fromkeys(changes(self.rules, self.otherwise, self._typed(decision.case))))

    def _reason(self, row: Rule, number: int, case: Any) -> Reason:
        field = next(row.when.fields(), None)
        factor = None if field is None else field.name
        value = None if field is None else field.written(Reading(case)).removeprefix(f"{factor} ")
        return Reason(
            rank=1,
            code=f"{self.name}.{row.name or number}",
            text=row.because,
            factor=factor,
            value=value,
            stage=self.name,
            condition=row.when.text(case),
        )

    def _decision(self, case: Any, outcome: str, reason: Reason, reading: Reading) -> Decision:
        return Decision(
            policy=self.name,
            version=self.version,
            outcome=outcome,
            proposed=outcome,
            outcomes=self.outcomes,
            confidence=1.0,
            reasons=(reason,),
            case=case,
            inputs=reading.read_of(self.case_type),
            owner=self.owner,
        )

    def __repr__(self) -> str:
        return f"<table {self.name}, {len(self.rules)} rules, version {self.version}>"
