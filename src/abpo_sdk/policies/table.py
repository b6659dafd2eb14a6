"""Decision tables: rows of conditions, what each gives, and a hit policy that says which of those that match count."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from abpo_sdk.conditions import Reading
from abpo_sdk.conditions.condition import models_of
from abpo_sdk.errors import DefinitionError, NoRuleApplies, TableInvalid
from abpo_sdk.ledger.recorder import in_force
from abpo_sdk.policies.forms import TableForms
from abpo_sdk.policies.hit_policies import (
    SINGLE,
    Aggregation,
    HitPolicy,
    Values,
    check_hit_policy,
    counting,
)
from abpo_sdk.policies.meaning import hashed
from abpo_sdk.policies.policy import check_storable
from abpo_sdk.policies.reasons import reasons_of
from abpo_sdk.policies.results import Results, Row
from abpo_sdk.policies.rules import Output, Rule, Value, given, outputs_of, values_of, written_out
from abpo_sdk.values.canonical import canonical_bytes
from abpo_sdk.values.decision import Decision, Reason
from abpo_sdk.values.traversal import is_typed_dict

if TYPE_CHECKING:
    import pandas as pd

    from abpo_sdk.policies.checks.findings import Finding
    from abpo_sdk.policies.counterfactuals.why_not import WhyNot
    from abpo_sdk.policies.frames.deciding import FrameTable
    from abpo_sdk.policies.matching import Match, Matcher

_KEPT = 4096
"""So many sets of matching rows are kept with what follows from them."""
_OF_PROCESS = frozenset({"_matcher", "_explicable", "_frames"})


@dataclass(frozen=True, slots=True)
class _Hit:
    """The rows that count, and the decision that follows from them about no case yet."""

    rows: tuple[int, ...]
    decision: Decision


class DecisionTable(TableForms):
    """A policy made of rules; the hit policy says which of those that match a case decide.

    Rows are read top down and each condition from left to right. A value that is reached and missing, or of another type than
    declared, is an error; it never leads to the default.

    Args:
        name: the policy's name.
        rules: the rows, top down; all about one model.
        otherwise: what a case gets that no rule covers: the outcome, or the value of each output by its name. None: there is no
            default, and such a case is `NoRuleApplies`.
        owner: who answers for it.
        hit_policy: FIRST: the first row that matches decides, and rows below it are not looked at. UNIQUE: only one may match.
            ANY: several may, if they give the same. PRIORITY: the one whose output comes first among the output's `values`.
            RULE ORDER, OUTPUT ORDER, COLLECT: all that match count, in the order of the rows, of the values, of the rows.
        aggregation: of COLLECT: "sum", "min", "max" or "count" of what the rows give, in place of a list.
        outputs: the outputs, by name or as `Output` with the values that they may have; None: as the rows name them, or
            one that is called "outcome".
        case_type: the model that the rules are about; needed only where no condition refers to a field.
        strict: refuse the table where `check()` finds an error in it.

    Raises:
        DefinitionError: no rules, something that is no rule, rules about several models, outputs that differ from row to row, a hit
            policy that is not known or does not fit.
        TableInvalid: `strict`, and rows contradict one another, can never decide, overlap where they must not, or leave gaps.

    >>> from pydantic import BaseModel
    >>> from abpo_sdk import fields, rule
    >>> class Claim(BaseModel):
    ...     amount: int
    >>> small = rule(fields(Claim).amount <= 500, then="pay", because="the claim is small")
    >>> decision = DecisionTable("claims", small, otherwise="refer")(Claim(amount=120))
    >>> decision.outcome, decision.reasons[0].condition
    ('pay', 'amount 120 <= 500')

    The first output is the decision's `outcome`, as text. Further ones, and a first one that is no text, are in `output`:

    >>> points = DecisionTable(
    ...     "risk",
    ...     rule(fields(Claim).amount > 100, then=2, because="not small"),
    ...     rule(fields(Claim).amount > 1_000, then=5, because="large"),
    ...     otherwise=0, hit_policy="COLLECT", aggregation="sum", outputs=["points"],
    ... )
    >>> points(Claim(amount=2_000)).outcome, points(Claim(amount=2_000)).output
    ('7', {'points': 7})
    """

    def __init__(
        self,
        name: str,
        *rules: Rule,
        otherwise: Value | Mapping[str, Value],
        owner: str | None = None,
        hit_policy: HitPolicy = "FIRST",
        aggregation: Aggregation | None = None,
        outputs: Iterable[str | Output] | None = None,
        case_type: type | None = None,
        strict: bool = False,
    ) -> None:
        if not name or not rules or otherwise in ("", {}):
            raise DefinitionError(
                f"table {name!r} needs a name, at least one rule, and otherwise= for cases that no rule covers, or None where "
                "there is no default"
            )
        for row in rules:
            if not isinstance(row, Rule):
                raise DefinitionError(
                    f"table {name!r} was given {row!r} as a rule; write rule(condition, then=..., because=...), one after the other"
                )
        self.name = name
        self.owner = owner
        self.rules = rules
        self.otherwise = None if otherwise is None else given(otherwise, f"table {name!r}: otherwise=")
        thens = [row.then for row in rules] if self.otherwise is None else [*(r.then for r in rules), self.otherwise]
        self.outputs = outputs_of(name, thens, outputs)
        self.values: tuple[Values, ...] = tuple(values_of(row.then, self.outputs) for row in rules)
        self.default: Row = None if self.otherwise is None else values_of(self.otherwise, self.outputs)
        self.hit_policy: HitPolicy = hit_policy
        self.aggregation: Aggregation | None = aggregation
        every = self.values if self.default is None else (*self.values, self.default)
        check_hit_policy(name, hit_policy, aggregation, self.outputs, every)
        self.case_type: type = self._model(case_type)
        self._results = Results(self.outputs, self.values, self.default, self.single, aggregation)
        self.outcomes = tuple(dict.fromkeys(written_out(row[0]) for row in every)) if aggregation is None else ()
        self.version = self._hash()
        self._first = hit_policy == "FIRST"
        self._hits: dict[int, _Hit] = {}
        self._copied = is_typed_dict(self.case_type)  # a caller's own dict may have anything in it, and may change
        if self._copied:
            check_storable(self.case_type, what=f"table {name!r}")
        if strict:
            self._check_strictly()

    def _check_strictly(self) -> None:
        errors = [finding for finding in self.check() if finding.level == "error"]
        if errors:
            listed = "; ".join(f"{finding.text}{finding.shown}" for finding in errors)
            raise TableInvalid(f"table {self.name!r}: {listed}")

    def _model(self, wanted: type | None) -> type:
        models = models_of(row.when for row in self.rules)
        if wanted is not None and not models:
            return wanted
        if len(models) != 1 or wanted not in (None, models[0]):
            named = ", ".join(m.__name__ for m in models) or "no field"
            raise DefinitionError(
                f"table {self.name!r} has rules about {named}; a table is about one model"
                + ("" if models else ", which case_type= names where no condition does")
            )
        return models[0]

    def _hash(self) -> str:
        rows = [
            {"because": row.because, "name": row.name, "then": hashed(values), "when": row.when.structure()}
            for row, values in zip(self.rules, self.values, strict=True)
        ]
        content: dict[str, Any] = {
            "aggregation": self.aggregation,
            "hit_policy": self.hit_policy,
            "name": self.name,
            "otherwise": None if self.default is None else hashed(self.default),
            "outputs": [{"name": output.name, "values": hashed(output.values)} for output in self.outputs],
            "rules": rows,
        }
        if not models_of(row.when for row in self.rules):  # which name it otherwise
            content["case_type"] = self.case_type.__name__
        return hashlib.sha256(canonical_bytes(content)).hexdigest()[:16]

    @property
    def single(self) -> bool:
        """Whether one row decides; by the other hit policies all rows do that match."""
        return self.hit_policy in SINGLE

    def __call__(self, case: Any) -> Decision:
        """Decide; as `Policy` has it, and sooner outside a run."""
        if not self._copied and in_force() is None:
            found = self._explicable(case)
            if found is not None:
                return self._hit_of(found[0], case).decision.about(case, self._explain, found[1])
        return super().__call__(case)

    def decide(self, case: Any) -> Decision:
        """The decision about a case."""
        found = self._explicable(case)
        if found is not None:
            return self._hit_of(found[0], case).decision.about(case, self._explain, found[1])
        reading = Reading(case)
        rows = self.rows_for(reading)
        reasons = reasons_of(self.name, self.rules, rows, Reading(case))
        return replace(self._unexplained(rows), case=case, reasons=reasons, inputs=reading.read_of(self.case_type))

    @cached_property
    def _matcher(self) -> Matcher:
        from abpo_sdk.policies.matching import Matcher  # and regions, which those who only import this need not load

        return Matcher(self.case_type, [row.when for row in self.rules])

    @cached_property
    def _explicable(self) -> Callable[[Any], Match | None]:
        """The match of a case, where the values of its inputs alone explain it."""
        return self._matcher.match if self._matcher.exact else _unanswered

    def _hit_of(self, matched: int, case: Any) -> _Hit:
        """What follows where the rows of a bit set match; kept, since few of all sets occur."""
        if self._first:
            matched &= -matched
        hit = self._hits.get(matched)
        if hit is not None:
            return hit
        rows = self._counted([row for row in range(matched.bit_length()) if matched >> row & 1], Reading(case))
        hit = _Hit(rows, self._unexplained(rows))
        if len(self._hits) < _KEPT:
            self._hits[matched] = hit
        return hit

    def _explain(self, values: tuple[Any, ...]) -> tuple[tuple[Reason, ...], tuple[str, ...]]:
        """The reasons, and what was read, of a case that had those values."""
        reading = self._matcher.reading(values)
        rows = self.rows_for(reading)
        inputs = reading.read_of(self.case_type)
        return reasons_of(self.name, self.rules, rows, reading), inputs

    def _unexplained(self, rows: tuple[int, ...]) -> Decision:
        """The decision that follows from some rows, about no case yet."""
        outcome = self._results.outcome(rows)
        return Decision(
            policy=self.name,
            version=self.version,
            outcome=outcome,
            proposed=outcome,
            outcomes=self.outcomes if outcome in self.outcomes else (*self.outcomes, outcome),
            confidence=1.0,
            reasons=(),
            case=None,
            inputs=(),
            owner=self.owner,
            output=self._results.output(rows),
        )

    def outcome(self, case: Any) -> str:
        """The outcome alone, which is worked out sooner than a decision with its reasons.

        Args:
            case: as for a call.

        Raises:
            MissingInput, MistypedInput, NoRuleApplies, HitPolicyViolated: as for a call.

        >>> from pydantic import BaseModel
        >>> from abpo_sdk import fields, rule
        >>> class Claim(BaseModel):
        ...     amount: int
        >>> small = rule(fields(Claim).amount <= 500, then="pay", because="the claim is small")
        >>> DecisionTable("claims", small, otherwise="refer").outcome({"amount": 700})
        'refer'
        """
        found = None if self._copied else self._matcher.match(case)
        if found is None:
            case = self._typed(case)
            found = self._matcher.match(case)
        return (
            self._results.outcome(self.rows_for(Reading(case)))
            if found is None
            else self._hit_of(found[0], case).decision.outcome
        )

    def result(self, case: Any) -> Any:
        """What the table gives for a case, in its own types, as DMN has it.

        Args:
            case: as for a call.

        Returns:
            One value; where there are several outputs, a dict of them by name; for RULE ORDER, OUTPUT ORDER and COLLECT without
            aggregation, a list of these.

        Raises:
            MissingInput, MistypedInput, NoRuleApplies, HitPolicyViolated: as for a call.

        >>> from pydantic import BaseModel
        >>> from abpo_sdk import fields, rule
        >>> class Claim(BaseModel):
        ...     amount: int
        >>> small = rule(fields(Claim).amount <= 500, then={"decision": "pay", "days": 14}, because="the claim is small")
        >>> DecisionTable("claims", small, otherwise={"decision": "refer", "days": 30}).result({"amount": 120})
        {'decision': 'pay', 'days': 14}
        """
        case = self._typed(case)
        found = self._matcher.match(case)
        rows = self.rows_for(Reading(case)) if found is None else self._hit_of(found[0], case).rows
        return self._results.result(rows)

    def decide_frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The decisions about all rows of a frame, each as the table decides it alone; nothing is recorded.

        Args:
            frame: one row a case, whose columns are fields of the case type, as in the history of `evaluation.backtest`: those of
                nested models by dotted names ("supplier.country"), or as a column of mappings; NaN, NaT, NA and None are
                missing values; other columns are not looked at.

        Returns:
            A frame with the same index, and the columns:
            `outcome`: the decision's, as a categorical; NA where there is none.
            `rows`: the number of the row that decided, from 1, and 0 for the default; where several rows count, a tuple of
            their numbers.
            one for each further output (and a first one that is no text), as in `Decision.output`; one that is called like a column
            here has "output." before its name.
            `missing`, `mistyped`: the field for which the table would raise `MissingInput` or `MistypedInput`, NA where it would
            not. A missing input is never hidden by a default.
            `refused`: "NoRuleApplies" or "HitPolicyViolated" where the table would raise that.

        Raises:
            MistypedInput: what is given is no DataFrame, or has a column of the case type twice.

        >>> import pandas as pd
        >>> from pydantic import BaseModel
        >>> from abpo_sdk import fields, rule
        >>> class Claim(BaseModel):
        ...     amount: int
        >>> small = rule(fields(Claim).amount <= 500, then="pay", because="the claim is small")
        >>> claims = DecisionTable("claims", small, otherwise="refer")
        >>> claims.decide_frame(pd.DataFrame({"amount": [120, 700, None]}))[["outcome", "rows", "missing"]]
          outcome  rows missing
        0     pay     1     NaN
        1   refer     0     NaN
        2     NaN  <NA>  amount
        """
        return self._frames.decide(frame)

    @cached_property
    def _frames(self) -> FrameTable:
        from abpo_sdk.policies.frames.deciding import FrameTable  # with numpy and pandas

        return FrameTable(self, self._results.outcome, self._results.output)

    def rows_for(self, reading: Reading) -> tuple[int, ...]:
        """The rows that count for what is read, by their numbers from 0, in the order in which they count.

        This is the meaning of a table, to which all quicker ways must come.

        Raises:
            MissingInput, MistypedInput: as the conditions have it.
            NoRuleApplies: no row does, and there is no default.
            HitPolicyViolated: rows match together that must not.
        """
        matched: list[int] = []
        for number, row in enumerate(self.rules):
            if row.when.evaluate(reading):
                matched.append(number)
                if self.hit_policy == "FIRST":
                    break
        return self._counted(matched, reading)

    def _counted(self, matched: Sequence[int], reading: Reading) -> tuple[int, ...]:
        if matched:
            return counting(self.name, self.hit_policy, matched, self.values, self.outputs)
        if self.default is None:
            self._refuse(reading)
        return ()

    def _refuse(self, reading: Reading) -> None:
        fields = {field.name: field for row in self.rules for field in row.when.fields()}
        shown = ", ".join(field.written(reading) for field in fields.values())
        raise NoRuleApplies(
            f"table {self.name!r} has no row for {shown or 'the case'}; add one, or say with otherwise= what such cases get"
        )

    def check(self, *, notes: bool = False, limit: int = 10) -> tuple[Finding, ...]:
        """What is wrong with the rows: those that can never decide, gaps, overlaps and contradictions, each with a case that shows it.

        Exact over the regions of single inputs; a condition that mixes inputs is a yes or no of its own, and a finding of kind
        "mixed inputs" says so. Within seconds, or with a finding of kind "incomplete".

        Args:
            notes: also say what is no fault: rows that change nothing, and which cases get the default.
            limit: of each kind, so many are described; the rest are counted.

        Returns:
            The findings, errors first; none where all is well.

        >>> from pydantic import BaseModel
        >>> from abpo_sdk import fields, rule
        >>> class Claim(BaseModel):
        ...     amount: int
        >>> a = fields(Claim).amount
        >>> rows = rule(a <= 500, then="pay", because="small"), rule(a <= 100, then="pay fast", because="very small")
        >>> [finding] = DecisionTable("claims", *rows, otherwise="refer").check()
        >>> str(finding), finding.counterexample
        ('error: row 2 can never decide: row 1 covers it', {'amount': 99})
        """
        from abpo_sdk.policies.checks.check import check  # seldom asked

        rules = [(row.when, values) for row, values in zip(self.rules, self.values, strict=True)]
        return check(rules, self.hit_policy, default=self.default, outputs=self.outputs, notes=notes, limit=limit)

    def why_not(self, case: Any, outcome: str, *, most: int = 3, limit: int = 5) -> WhyNot:
        """The smallest changes of a case that would have led to an outcome: fewest inputs, then nearest values.

        Exact over the regions of single inputs: no smaller change leads there. A condition that mixes inputs is tried with a few
        values, and is else a change of its own. Whether a case can be changed so, the table does not know. Personal values are masked
        in the text.

        Args:
            case: as for a call; a value that is missing may be among what would have to change.
            outcome: the outcome that was expected; where several rows count, one of theirs.
            most: sets of so many inputs are tried, and no larger ones.
            limit: how many ways are given.

        Raises:
            UnknownOutcome: the table never gives it.
            DefinitionError: the table's aggregation is "sum" or "count".
            MistypedInput: a value is not as declared.

        >>> from pydantic import BaseModel
        >>> from abpo_sdk import fields, rule
        >>> class Claim(BaseModel):
        ...     amount: int
        >>> small = rule(fields(Claim).amount <= 500, then="pay", because="the claim is small")
        >>> answer = DecisionTable("claims", small, otherwise="refer").why_not(Claim(amount=742), "pay")
        >>> print(answer)
        'pay' if amount: 742, needs <= 500
        >>> answer.ways[0].values
        {'amount': 500}
        """
        from abpo_sdk.policies.counterfactuals.why_not import why_not  # seldom asked

        return why_not(
            [(row.when, values) for row, values in zip(self.rules, self.values, strict=True)],
            self._typed(case),
            outcome,
            self.hit_policy,
            default=self.default,
            outputs=self.outputs,
            aggregation=self.aggregation,
            most=most,
            limit=limit,
        )

    def changes(self, decision: Decision) -> tuple[str, ...]:
        """What would have to be otherwise for another outcome: for each row that gives one, what it asks for and is not so.

        Each is about one row as it is written; for hit policies other than FIRST, `why_not` of each outcome. Whether the case can be changed so, and what else would change with it, the
        table does not know.

        Args:
            decision: a decision about a case of the table's type, such as it comes to a gate: `Gate(..., changes=table.changes)`.

        Raises:
            MissingInput, MistypedInput: its case is none of the table's.

        >>> from pydantic import BaseModel
        >>> from abpo_sdk import fields, rule
        >>> class Claim(BaseModel):
        ...     amount: int
        >>> small = rule(fields(Claim).amount <= 500, then="pay", because="the claim is small")
        >>> claims = DecisionTable("claims", small, otherwise="refer")
        >>> claims.changes(claims(Claim(amount=900)))
        ("'pay' if amount 900 <= 500",)
        """
        from abpo_sdk.policies.counterfactuals.row_by_row import changes  # seldom asked

        return tuple(dict.fromkeys(changes(self, self._typed(decision.case))))

    def __getstate__(self) -> dict[str, Any]:  # without what was written for this process alone
        return {name: value for name, value in vars(self).items() if name not in _OF_PROCESS}

    def __repr__(self) -> str:
        return f"<table {self.name}, {len(self.rules)} rules, version {self.version}>"


def _unanswered(case: Any) -> None:
    """Nothing can be told quickly."""
