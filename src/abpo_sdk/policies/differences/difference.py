"""What has changed from one decision table to another, in words, and for which cases that makes a difference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from html import escape

from abpo_sdk.errors import DefinitionError
from abpo_sdk.policies.checks.findings import given
from abpo_sdk.policies.differences.compared_tables import divergences
from abpo_sdk.policies.differences.divergences import Divergences
from abpo_sdk.policies.differences.row_changes import Change, What, row_changes
from abpo_sdk.policies.hit_policies import BY_PRIORITY
from abpo_sdk.policies.meaning import hashed
from abpo_sdk.policies.rules import Output
from abpo_sdk.policies.table import DecisionTable


@dataclass(frozen=True, eq=False)
class Difference:
    """What has changed from one decision table to another; made by `diff`.

    Args:
        old: the one.
        new: the other.
        changes: all that has changed: of the table, then of the rows, from the top of the new table down.
        limit: so many regions of cases that are decided otherwise are described.
    """

    old: DecisionTable
    new: DecisionTable
    changes: tuple[Change, ...]
    limit: int = 20

    @property
    def same(self) -> bool:
        """Whether both are the same version: nothing has changed but the owner at most."""
        return self.old.version == self.new.version

    def __bool__(self) -> bool:
        """Whether anything has changed."""
        return bool(self.changes)

    @cached_property
    def decides_otherwise(self) -> Divergences:
        """The cases that the two decide differently, whatever was changed; none for what was only written differently."""
        return divergences(self.old, self.new, self._deciding(), limit=self.limit)

    def _deciding(self) -> tuple[list[int], list[int]] | None:
        """The rows that can make a difference; None where all of them can."""
        if any(
            change.what in ("hit policy", "aggregation", "output", "default", "case type") for change in self.changes
        ):
            return None
        about_rows = [
            c for c in self.changes if c.what in ("row added", "row removed", "row moved", "condition", "result")
        ]
        return (
            sorted({change.was - 1 for change in about_rows if change.was is not None}),
            sorted({change.row - 1 for change in about_rows if change.row is not None}),
        )

    def __str__(self) -> str:
        return "\n".join([self._title(), *(f"- {change.text}" for change in self.changes)])

    def _title(self) -> str:
        shown = f"table {self.old.name!r}, version {self.old.version}"
        if self.same:
            return f"{shown}: the same version" + (", and nothing else has changed" if not self.changes else "")
        other = f"{self.new.name!r}, " if self.new.name != self.old.name else ""
        return f"{shown}, became {other}version {self.new.version}"

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{escape(change.text)}</li>" for change in self.changes)
        return f"<p>{escape(self._title())}</p>" + (f"<ul>{items}</ul>" if items else "")


def diff(old: DecisionTable, new: DecisionTable, *, limit: int = 20) -> Difference:
    """What has changed from one decision table to another.

    Rows are taken for the same by their name; those without one by their content, and then by what they have in common with
    rows near by. So a row that was inserted changes no other one.

    Args:
        old: the one.
        new: the other.
        limit: so many regions of cases that are decided otherwise are described.

    Returns:
        The changes in words, and, when it is asked, the cases that are decided otherwise.

    Raises:
        DefinitionError: one of them is no decision table.

    >>> from pydantic import BaseModel
    >>> from abpo_sdk import fields, rule
    >>> class Claim(BaseModel):
    ...     amount: int
    >>> def claims(limit):
    ...     small = rule(fields(Claim).amount <= limit, then="pay", because="the claim is small", name="small")
    ...     return DecisionTable("claims", small, otherwise="refer")
    >>> difference = diff(claims(500), claims(800))
    >>> [str(change) for change in difference.changes]
    ['row 1 (small): amount <= 500 became amount <= 800']
    >>> print(difference.decides_otherwise)
    decided otherwise:
    - where amount in (500..800]: 'refer' became 'pay' (such as amount 650)
    """
    for table in (old, new):
        if not isinstance(table, DecisionTable):
            raise DefinitionError(f"diff({old!r}, {new!r}): {table!r} is no decision table")
    return Difference(old, new, (*_of_tables(old, new), *row_changes(old, new)), limit)


def _of_tables(old: DecisionTable, new: DecisionTable) -> Iterator[Change]:
    if old.name != new.name:
        yield _became("name", "name", repr(old.name), repr(new.name))
    if old.owner != new.owner:
        before, after = (table.owner or "nobody" for table in (old, new))
        yield Change("owner", f"owner: {before} became {after} (no part of the version)", before=before, after=after)
    if old.case_type.__name__ != new.case_type.__name__:
        yield _became("case type", "cases", old.case_type.__name__, new.case_type.__name__)
    if old.hit_policy != new.hit_policy:
        yield _became("hit policy", "hit policy", old.hit_policy, new.hit_policy)
    if old.aggregation != new.aggregation:
        yield _became("aggregation", "aggregation", old.aggregation or "none", new.aggregation or "none")
    yield from _of_outputs(old, new)
    before, after = _default(old), _default(new)
    if _hashed_default(old) != _hashed_default(new):
        yield _became("default", "what a case gets that no row covers", before, after)


def _became(what: What, called: str, before: str, after: str) -> Change:
    return Change(what, f"{called}: {before} became {after}", before=before, after=after)


def _default(table: DecisionTable) -> str:
    return "nothing, which is an error" if table.default is None else given(table.default)


def _hashed_default(table: DecisionTable) -> object:
    return None if table.default is None else hashed(table.default)


def _of_outputs(old: DecisionTable, new: DecisionTable) -> Iterator[Change]:
    before, after = ({output.name: output for output in table.outputs} for table in (old, new))
    if len(before) == len(after) == 1 and before != after and set(before) != set(after):
        (was,), (now,) = before, after
        yield Change("output", f"output {was!r} is now called {now!r}", before=was, after=now)
        after = {was: after[now]}
    for name in before:
        if name not in after:
            yield Change("output", f"output {name!r} was removed", before=name)
    for name, output in after.items():
        if name not in before:
            yield Change("output", f"output {name!r} was added", after=name)
        elif hashed(before[name].values) != hashed(output.values):
            yield _of_values(before[name], output, new)
    kept = [name for name in before if name in after]
    if kept != [name for name in after if name in before]:
        text = f"the outputs come in another order, the first being the decision's outcome: {', '.join(after)}"
        yield Change("output", text, before=", ".join(before), after=", ".join(after))


def _of_values(old: Output, new: Output, table: DecisionTable) -> Change:
    before, after = (given(output.values) or "any value" for output in (old, new))
    text = f"output {new.name!r}: its values were {before}, and are {after}"
    if sorted(hashed(old.values)) == sorted(hashed(new.values)):
        counts = table.hit_policy in BY_PRIORITY
        text += f"; under {table.hit_policy} their order {'decides' if counts else 'changes no decision'}"
    return Change("output", text, before=before, after=after)
