"""What a static check found, and how it is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from abpo_sdk.conditions.kinds import written
from abpo_sdk.policies.hit_policies import Values
from abpo_sdk.policies.rules import written_out

Kind = Literal["unreachable", "contradiction", "overlap", "gap", "redundant", "mixed inputs", "incomplete"]
Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a check found.

    Args:
        kind: "unreachable": a row that can never decide; "contradiction": a row whose own condition can never hold, or two rows
            with the same condition and different outputs; "overlap": two rows that match a case and must not; "gap": cases
            that no row covers; "redundant": a row without which the table decides the same; "mixed inputs": what the
            check took as a yes or no of its own; "incomplete": what it did not look at.
        level: "error": wrong, or sure to fail in use; "warning": perhaps so; "note": good to know.
        rows: the rows that it is about, numbered from 1.
        text: it in words.
        counterexample: a case that shows it, as a mapping of the inputs; None where there is none.
        exact: whether it is certain. False: it depends on whether conditions that mix inputs can hold together.
    """

    kind: Kind
    level: Level
    rows: tuple[int, ...]
    text: str
    counterexample: Mapping[str, Any] | None = field(default=None, hash=False)
    exact: bool = True

    @property
    def shown(self) -> str:
        """The case that shows it, in words; empty where there is none."""
        if self.counterexample is None:
            return ""
        return f" (such as {', '.join(flat(self.counterexample))})"

    def __str__(self) -> str:
        return f"{self.level}: {self.text}"


def flat(case: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """A case in words, input by input: "order.total 700"."""
    for name, value in case.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name} {'(missing)' if value is None else written(value)}"


def listed(rows: Sequence[int], most: int = 8) -> str:
    """Numbers of rows: "1, 2, 3 and 40 more"."""
    shown = ", ".join(map(str, rows[:most]))
    return f"{shown} and {len(rows) - most:,} more" if len(rows) > most else shown


def named(rows: Sequence[int]) -> str:
    """Rows by their numbers from 0: "row 3", "rows 1, 2"."""
    return f"row{'s' * (len(rows) != 1)} {listed([row + 1 for row in rows])}"


def given(values: Values) -> str:
    """What a row gives, in quotes."""
    return ", ".join(repr(written_out(value)) for value in values)


def limited(found: list[Finding], limit: int, what: str) -> list[Finding]:
    """The first findings, and the rest of them in one."""
    if len(found) <= limit:
        return found
    rest = found[limit:]
    rows = tuple(finding.rows[0] for finding in rest)
    text = f"{len(rest):,} more {what}: {listed(rows, 20)}"
    return [*found[:limit], Finding(rest[0].kind, rest[0].level, rows, text)]
