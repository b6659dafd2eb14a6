"""What has changed in the rows of a table, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from abpo_sdk.conditions import Condition
from abpo_sdk.conditions.condition import Both, row_of
from abpo_sdk.policies.checks.findings import given
from abpo_sdk.policies.differences.row_alignment import Alignment, Row, aligned, meaning_of, rows_of
from abpo_sdk.policies.hit_policies import BY_PRIORITY
from abpo_sdk.policies.meaning import hashed
from abpo_sdk.policies.rules import Output, Value
from abpo_sdk.policies.table import DecisionTable

What = Literal[
    "name", "owner", "case type", "hit policy", "aggregation", "output", "default", "row added", "row removed", "row moved",
    "row renamed", "condition", "result", "reason",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that has changed.

    Args:
        what: which sort of thing.
        text: it in words.
        row: where it is about a row, its number in the new table, from 1; None where that does not have it.
        was: the row's number in the old table; None where that does not have it.
        before: what stood there, in words; None where nothing did.
        after: what stands there now; None where nothing does.
    """

    what: What
    text: str
    row: int | None = None
    was: int | None = None
    before: str | None = None
    after: str | None = None

    def __str__(self) -> str:
        return self.text


def row_changes(old: DecisionTable, new: DecisionTable) -> Iterator[Change]:
    """What has changed in the rows, from the top of the new table down; then what was removed."""
    before, after = rows_of(old), rows_of(new)
    alignment = aligned(before, after)
    pairs = {now: was for was, now in alignment.pairs}
    for row in after:
        if row.number in alignment.added:
            yield _added(row, after, new)
        else:
            yield from _of_row(before[pairs[row.number]], row, old, new, alignment)
    for number in alignment.removed:
        yield _removed(before[number], old)


def _added(row: Row, rows: list[Row], table: DecisionTable) -> Change:
    place = f"after {_label(rows[row.number - 1])}" if row.number else "at the top"
    content = _content(row, table)
    return Change("row added", f"{_label(row)} was added {place}: {content}", row=row.number + 1, after=content)


def _removed(row: Row, table: DecisionTable) -> Change:
    content = _content(row, table)
    return Change(
        "row removed", f"{_label(row)} of the old table was removed: {content}", was=row.number + 1, before=content
    )


def _content(row: Row, table: DecisionTable) -> str:
    gives = ", ".join(
        _result(output, value, table) for output, value in zip(table.outputs, table.values[row.number], strict=True)
    )
    return f"if {row.rule.when.text()}, then {gives}, because {row.rule.because}"


def _label(row: Row, was: int | None = None) -> str:
    marks = [row.rule.name, f"was row {was + 1}" if was not in (None, row.number) else None]
    marked = ", ".join(filter(None, marks))
    return f"row {row.number + 1}" + (f" ({marked})" if marked else "")


def _of_row(
    old: Row, new: Row, old_table: DecisionTable, new_table: DecisionTable, alignment: Alignment
) -> Iterator[Change]:
    label = _label(new, old.number)

    def change(what: What, text: str, before: str | None, after: str | None) -> Change:
        return Change(what, f"{label}: {text}", new.number + 1, old.number + 1, before, after)

    if (old.number, new.number) in alignment.moved:
        way = _way((old.number, new.number), alignment)
        text = f"{label} moved {way}; {_order(new_table)}"
        yield Change("row moved", text, new.number + 1, old.number + 1, str(old.number + 1), str(new.number + 1))
    if old.rule.name != new.rule.name:
        before, after = (row.rule.name or "no name" for row in (old, new))
        yield change("row renamed", f"its name {before} became {after}", before, after)
    if old.when != new.when:
        for text, before_text, after_text in _cells(old.rule.when, new.rule.when, old_table, new_table):
            yield change("condition", text, before_text, after_text)
    for text, before_text, after_text in _results(old, new, old_table, new_table):
        yield change("result", text, before_text, after_text)
    if old.rule.because != new.rule.because:
        before, after = old.rule.because, new.rule.because
        yield change("reason", f"its reason {before!r} became {after!r}", before, after)


def _way(pair: tuple[int, int], alignment: Alignment) -> str:
    """Whether a row moved up or down among those that stayed."""
    stayed = [other for other in alignment.pairs if other not in alignment.moved]
    before, after = sum(was < pair[0] for was, _ in stayed), sum(now < pair[1] for _, now in stayed)
    return "up" if (after, pair[1]) < (before, pair[0]) else "down"


def _order(table: DecisionTable) -> str:
    """What the order of rows means in a table."""
    if table.hit_policy == "FIRST":
        return "under FIRST, of rows that match a case together the upper one decides"
    if table.hit_policy in BY_PRIORITY:
        return f"under {table.hit_policy} the order of rows counts only among those of equal priority"
    if table.hit_policy == "ANY":
        return "under ANY the order of rows changes no outcome, only which row's reason is given"
    if table.hit_policy == "UNIQUE" or table.aggregation:
        way = f" with {table.aggregation}" if table.aggregation else ""
        return f"under {table.hit_policy}{way} the order of rows changes no decision"
    return f"under {table.hit_policy} what rows give is listed in their order"


Text = tuple[str, str | None, str | None]
"""A change of a row in words, what stood there, and what stands there."""


def _cells(old: Condition, new: Condition, old_table: DecisionTable, new_table: DecisionTable) -> Iterator[Text]:
    """The parts of a condition that have changed, by the inputs that they are about."""
    before, after = _parts(old, old_table), _parts(new, new_table)
    common = [key for key in before if key in after]
    gone = [before[key] for key in before if key not in common]
    come = [after[key] for key in after if key not in common]
    if not gone and not come:
        yield f"asks the same in another order: {new.text()}", old.text(), new.text()
        return
    alone = len(gone) == len(come) == 1
    for part in gone:
        about = {field.name for field in part.fields()}
        other = next((one for one in come if alone or {field.name for field in one.fields()} == about), None)
        if other is None:
            yield f"no longer asks for {part.text()}", part.text(), None
        else:
            come.remove(other)
            yield f"{part.text()} became {other.text()}", part.text(), other.text()
    for part in come:
        yield f"also asks for {part.text()}", None, part.text()


def _parts(condition: Condition, table: DecisionTable) -> dict[str, Condition]:
    """What a condition asks for together, each by what it means."""
    parts = row_of(condition) if isinstance(condition, Both) else [condition]
    return {meaning_of(part, table.case_type): part for part in parts}


def _results(old: Row, new: Row, old_table: DecisionTable, new_table: DecisionTable) -> Iterator[Text]:
    """What a row gives otherwise; outputs that the new table does not have are told of once."""
    before = dict(zip((output.name for output in old_table.outputs), old_table.values[old.number], strict=True))
    if len(before) == len(new_table.outputs) == 1:
        before = {new_table.outputs[0].name: next(iter(before.values()))}
    for output, value in zip(new_table.outputs, new_table.values[new.number], strict=True):
        after = _result(output, value, new_table)
        if output.name not in before:
            yield f"also gives {after}", None, after
        elif hashed([before[output.name]]) != hashed([value]):
            was = given((before[output.name],))
            yield f"gives {after} instead of {was}", was, given((value,))


def _result(output: Output, value: Value, table: DecisionTable) -> str:
    """What a row gives for an output; named where there are several."""
    return f"{output.name} {given((value,))}" if len(table.outputs) > 1 else given((value,))
