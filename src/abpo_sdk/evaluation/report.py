"""What a backtest found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from abpo_sdk.conditions import Condition
from abpo_sdk.conditions.condition import Either
from abpo_sdk.evaluation.results import Result, Unusable
from abpo_sdk.evaluation.shares import Share
from abpo_sdk.evaluation.wording import as_html, as_text
from abpo_sdk.gates import Gate
from abpo_sdk.policies import DecisionTable, Policy
from abpo_sdk.policies.rules import written_out

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Backtest"]

_COLUMNS = ("outcome", "truth", "agrees", "confidence", "reason", "code", "asked", "why")


@dataclass(frozen=True, repr=False, eq=False)
class Backtest:
    """What a policy would have decided about past cases; printed, it is sentences and tables.

    Made by `backtest`. What was not measured is None, never 0 or 1. Every frame is a new one.

    Args:
        policy: the policy that was run.
        gate: the gate that its decisions were checked against; None if none was given.
        truth: the name of the column with the outcomes that people gave; None if none was given.
        results: what came of each case, in the history's order.
        history: what the history held; it is shown in `cases`, and nothing is counted from it.
        truth_read: whether the policy read the column with the truth, so that agreement says nothing.

    >>> from pydantic import BaseModel
    >>> from abpo_sdk import fields, rule
    >>> from abpo_sdk.evaluation import backtest
    >>> class Claim(BaseModel):
    ...     amount: int
    >>> small = rule(fields(Claim).amount <= 500, then="pay", because="the claim is small")
    >>> claims = DecisionTable("claims", small, otherwise="refer")
    >>> found = backtest(claims, [Claim(amount=120), Claim(amount=90)], truth=["pay", "refer"])
    >>> found.agreement.value, found.asked, found.rules["cases"].to_dict()
    (0.5, None, {'claims.1': 2, 'claims.otherwise': 0})
    """

    policy: Policy
    gate: Gate | None
    truth: str | None
    results: tuple[Result, ...]
    history: pd.DataFrame
    truth_read: bool = False

    @cached_property
    def _used(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.error is None)

    @property
    def total(self) -> int:
        """How many past cases there were."""
        return len(self.results)

    @property
    def usable(self) -> int:
        """How many of them could be decided."""
        return len(self._used)

    @property
    def unusable(self) -> tuple[Unusable, ...]:
        """Those that could not be decided (or that the gate could not check), with the reason."""
        return tuple(Unusable(r.label, r.error) for r in self.results if r.error is not None)

    @property
    def agreement(self) -> Share | None:
        """The share of usable cases with known truth where the policy's outcome is that of people."""
        return Share.of(result.agrees for result in self._used)

    @property
    def truth_unknown(self) -> int | None:
        """How many usable cases have no truth, and so no part in the agreement; None if no truth was given."""
        return None if self.truth is None else sum(result.truth is None for result in self._used)

    @property
    def baseline(self) -> tuple[str, Share] | None:
        """The outcome that people gave most, and the agreement of a policy that always answers it."""
        given = Counter(result.truth for result in self._used if result.truth is not None)
        if not given:
            return None
        most = max(given, key=lambda outcome: given[outcome])
        return most, Share(given[most], given.total())

    @property
    def asked(self) -> Share | None:
        """The share of usable cases that the gate would put before a person; None without a gate."""
        return Share.of(result.asked for result in self._used)

    @property
    def agreement_alone(self) -> Share | None:
        """The agreement among the cases that would pass the gate without a person."""
        return Share.of(result.agrees for result in self._used if result.asked is False)

    @property
    def agreement_asked(self) -> Share | None:
        """The agreement (of the policy's proposal) among the cases that a person would be asked about."""
        return Share.of(result.agrees for result in self._used if result.asked)

    @property
    def confusion(self) -> pd.DataFrame | None:
        """Counts of usable cases with known truth: a row for each truth, a column for each outcome of the policy."""
        if self.truth is None:
            return None
        import pandas as pd

        pairs = Counter((r.truth, r.outcome) for r in self._used if r.truth is not None)
        columns = self._outcomes()
        table = [[pairs[truth, outcome] for outcome in columns] for truth in self.policy.outcomes]
        return pd.DataFrame(
            table, index=pd.Index(self.policy.outcomes, name="truth"), columns=pd.Index(columns, name="outcome")
        )

    @property
    def outcomes(self) -> pd.DataFrame:
        """How often each outcome was decided, those that never were included: `cases`, and their `share` of the usable."""
        import pandas as pd

        counts = Counter(r.outcome for r in self._used)
        names = self._outcomes()
        rows = [
            {"cases": counts[n], "share": counts[n] / len(self._used) if self._used else float("nan")} for n in names
        ]
        return pd.DataFrame(rows, index=pd.Index(names, name="outcome"), columns=["cases", "share"])

    @property
    def rules(self) -> pd.DataFrame:
        """How often each reason was the principal one, indexed by its code; of a table, rules that decided nothing too.

        Columns: `outcome` that it leads to, `because` its words, `cases`, of these `known` with known truth, and `agree`.
        """
        import pandas as pd

        rows: dict[str, list[Any]] = {
            code: [outcome, because, 0, 0, 0] for code, outcome, because in _declared(self.policy)
        }
        for result in self._used:
            row = rows.setdefault(result.code or "(no reason)", [result.outcome, result.reason, 0, 0, 0])
            row[2] += 1
            row[3] += result.agrees is not None
            row[4] += bool(result.agrees)
        columns = ["outcome", "because", "cases", "known", "agree"]
        return pd.DataFrame(list(rows.values()), index=pd.Index(list(rows), name="code", dtype=object), columns=columns)

    @property
    def asked_because(self) -> pd.DataFrame | None:
        """How often each condition of the gate asks, indexed by its text without values; None without a gate.

        Columns: the `role` that is asked; `cases` where the condition holds, several of which may hold of one case; and
        `alone`, where no other does, so that nobody would be asked without it.
        """
        if self.gate is None:
            return None
        import pandas as pd

        rows: dict[str, list[Any]] = {
            condition.text(): [self.gate.to, 0, 0] for condition in _alternatives(self.gate.when)
        }
        for result in self._used:
            held = set(result.conditions)
            for text in held:
                row = rows.setdefault(text, [self.gate.to, 0, 0])
                row[1] += 1
                row[2] += len(held) == 1
        index = pd.Index(list(rows), name="condition", dtype=object)
        return pd.DataFrame(list(rows.values()), index=index, columns=["role", "cases", "alone"])

    @property
    def cases(self) -> pd.DataFrame:
        """Every past case, under the history's index, with what came of it, and then the history's own columns.

        Columns: `outcome`, `truth`, `agrees`, `confidence`, `reason` in words, its `code`, `asked`, and `why` (the
        conditions of the gate that held, with values). What is not known or was not measured is missing. A column of the
        history that has the name of one of these is called `history.` and that name.
        """
        import pandas as pd

        table = pd.DataFrame(
            [
                (r.outcome, r.truth, r.agrees, r.confidence, r.reason, r.code, r.asked, "; ".join(r.why) or None)
                for r in self.results
            ],
            columns=list(_COLUMNS),
            index=self.history.index,
            dtype=object,
        ).astype({"agrees": "boolean", "asked": "boolean", "confidence": "float64"})
        own = self.history.rename(columns={name: f"history.{name}" for name in _COLUMNS})
        return pd.concat([table, own], axis=1)

    @property
    def disagreements(self) -> pd.DataFrame:
        """The rows of `cases` where the policy's outcome is not that of people."""
        cases = self.cases
        return cases[(cases["agrees"] == False).fillna(value=False)]  # noqa: E712  three values: unknown is no disagreement

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what could mislead."""
        told = []
        if self.truth_read:
            told.append(
                f"The policy reads {self.truth!r}, which is the truth: its agreement says nothing about new cases."
            )
        undeclared = [outcome for outcome in self._outcomes() if outcome not in self.policy.outcomes]
        if undeclared:
            told.append(f"The policy decided what is not among its outcomes: {', '.join(undeclared)}.")
        rules = self.rules
        dead = [str(code) for code, n in rules["cases"].items() if not n]
        if dead and self._used:
            told.append(f"{len(dead)} of {len(rules)} rules decided no case: {', '.join(dead)}.")
        if self.agreement_alone is not None and (seen := self.agreement) is not None:
            unseen = self.agreement_alone.n - self.agreement_alone.k
            told.append(f"Of {seen.n - seen.k:,} disagreements, {unseen:,} would have passed without a person.")
        return tuple(told)

    def plot(self) -> Figure:
        """Draw the confusion, and how many cases would be asked about, agreeing and disagreeing.

        Returns:
            A matplotlib figure with two axes. matplotlib is loaded here, and comes with the extra `abpo_sdk[plots]`.
        """
        from abpo_sdk.evaluation.plotting import plot_backtest

        return plot_backtest(self)

    def __str__(self) -> str:
        """All of it as plain text, at most 100 columns wide."""
        return as_text(self)

    def __repr__(self) -> str:
        return f"<Backtest of {self.policy.name}: {self.usable:,} of {self.total:,} cases usable>"

    def _repr_html_(self) -> str:
        return as_html(self)

    def _outcomes(self) -> list[str]:
        """The policy's outcomes, and any other that it gave."""
        given = (result.outcome for result in self._used if result.outcome is not None)
        return list(dict.fromkeys((*self.policy.outcomes, *given)))


def _declared(policy: Policy) -> list[tuple[str, str, str]]:
    """Code, outcome and words of each rule of a table, as its decisions have them; rules of one name are one row."""
    if not isinstance(policy, DecisionTable):
        return []
    rules: dict[str, tuple[str, str, str]] = {}
    for number, (rule, values) in enumerate(zip(policy.rules, policy.values, strict=True), start=1):
        code = f"{policy.name}.{rule.name or number}"
        rules.setdefault(code, (code, written_out(values[0]), rule.because))
    if policy.default is not None:
        otherwise = f"{policy.name}.otherwise"
        rules.setdefault(otherwise, (otherwise, written_out(policy.default[0]), "no rule applies"))
    return list(rules.values())


def _alternatives(condition: Condition) -> list[Condition]:
    """The parts of an `|`, in order; a condition that is none is its only part."""
    if isinstance(condition, Either):
        return [*_alternatives(condition.left), *_alternatives(condition.right)]
    return [condition]
