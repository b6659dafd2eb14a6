"""Counts per group: all that an audit needs to keep of the decisions that it saw."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from abpo_sdk.auditors.names import Column, Key, as_key, as_set, column_name, group_name, sort_key
from abpo_sdk.auditors.tally import CELLS, Tally
from abpo_sdk.errors import AuditError

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["GroupCounts"]

_MOST = 1 << 60  # seven cells below this bound, and the sum of two such cells, fit into 64 bits


@dataclass(frozen=True, eq=False, repr=False)
class GroupCounts:
    """How many decisions each group has, by outcome and truth; a value that merges by `+`.

    A selected case is one with a favourable outcome. Where the truth is known, a case is one of four: true
    negative, false positive, false negative, true positive. Where it is not, the case counts as `favourable` or
    `unfavourable` alone, which is enough for selection rates. Cases without a decision are `undecided` and belong to
    no rate. `a + b` is what counting both at once would give, in any order, so that batches, streams and
    parts that were counted elsewhere all give the same report.

    Rows without a value in a column form the group `"(missing)"` of that column; a category of a Categorical that
    does not occur is a group of zeros.

    Args:
        keys: one (column, group) pair a row; sorted when the value is made.
        cells: integers of shape (number of keys, 7), the columns being `CELLS`; none negative, all below 2**60.

    Raises:
        AuditError: a key occurs twice, or the cells have another shape or hold anything but such integers.

    Example:
        >>> a = GroupCounts.from_cells({"DE": {"favourable": 6, "unfavourable": 4}}, by="country")
        >>> b = GroupCounts.from_cells({"DE": {"favourable": 1}, "FR": {"unfavourable": 2}}, by="country")
        >>> a + b
        GroupCounts(country: DE 7 of 11, FR 0 of 2)
    """

    keys: tuple[Key, ...] = ()
    cells: NDArray[np.int64] = field(default=())  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        import numpy as np

        keys = [as_key(*key) for key in self.keys]
        if len(set(keys)) < len(keys):
            twice = next(key for place, key in enumerate(keys) if key in keys[:place])
            raise AuditError(f"the group {twice[1]!r} of {twice[0]!r} is counted twice; add the two up by `+`")
        try:
            cells = np.array(self.cells, dtype=np.int64).reshape(len(keys), len(CELLS))
            exact = np.array_equal(cells, np.asarray(self.cells).reshape(cells.shape))
        except (OverflowError, TypeError, ValueError):
            exact = False
        if not exact or (cells < 0).any() or (cells >= _MOST).any():
            raise AuditError(
                f"counts must be {len(CELLS)} integers a group ({', '.join(CELLS)}), none negative, "
                f"all below 2**60; got {self.cells!r}"
            )
        order = sorted(range(len(keys)), key=lambda place: sort_key(keys[place]))
        cells = cells[order] if order else cells
        cells.flags.writeable = False
        object.__setattr__(self, "keys", tuple(keys[place] for place in order))
        object.__setattr__(self, "cells", cells)

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        by: Sequence[Column],
        favourable: Hashable | Collection[Hashable],
        outcome: str = "outcome",
        truth: str | None = None,
        favourable_truth: Hashable | Collection[Hashable] = 1,
        undecided: Collection[Hashable] = (),
    ) -> GroupCounts:
        """Count the decisions of a frame; its memory does not grow with the number of rows.

        Args:
            frame: a DataFrame, or a mapping of column names to columns of equal length; one row a decision.
            by: the columns to group by; a tuple of columns is their intersection.
            favourable: the outcome that is favourable to the case, or a set of them.
            outcome: the column of outcomes; a missing outcome is undecided.
            truth: the column that says what was right, if it is known; a missing truth is unknown.
            favourable_truth: the value, or set of values, of `truth` for which the favourable outcome was right.
            undecided: outcomes that are no decision yet.

        Raises:
            AuditError: a column is not there, or holds values that are not hashable.

        Example:
            >>> frame = {"country": ["DE", "FR", None], "outcome": ["pay", "refer", "reject"]}
            >>> GroupCounts.from_frame(frame, by=["country"], favourable="pay", undecided={"refer"})
            GroupCounts(country: DE 1 of 1, FR 0 of 0, (missing) 0 of 1)
        """
        tally = Tally(
            frame,
            by=by,
            outcome=outcome,
            favourable=as_set(favourable, "favourable"),
            truth=truth,
            favourable_truth=as_set(favourable_truth, "favourable_truth"),
            undecided=as_set(undecided, "undecided"),
        )
        return cls(tally.keys, tally.cells)

    @classmethod
    def from_cells(cls, cells: Mapping[Hashable, Mapping[str, int]], *, by: Column = "group") -> GroupCounts:
        """Counts that were counted elsewhere, such as by a `GROUP BY` in a database.

        Args:
            cells: for each group, its counts by name (`CELLS`); what is not named is zero. None is `"(missing)"`.
            by: the column that the groups come from.

        Raises:
            AuditError: a cell has an unknown name, or no count for its value.
        """
        for group, counted in cells.items():
            unknown = [name for name in counted if name not in CELLS]
            if unknown:
                raise AuditError(f"the group {group!r} has a count {unknown[0]!r}; the counts are: {', '.join(CELLS)}")
        rows = [[counted.get(name, 0) for name in CELLS] for counted in cells.values()]
        return cls(tuple((by, group) for group in cells), rows)  # type: ignore[arg-type]

    def __add__(self, other: GroupCounts) -> GroupCounts:
        """Both together; groups that only one of them has are kept."""
        if not isinstance(other, GroupCounts):
            return NotImplemented
        import numpy as np

        places = {key: place for place, key in enumerate(dict.fromkeys(self.keys + other.keys))}
        cells = np.zeros((len(places), len(CELLS)), dtype=np.int64)
        for part in (self, other):
            if part.keys:
                cells[[places[key] for key in part.keys]] += part.cells
        return GroupCounts(tuple(places), cells)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GroupCounts):
            return NotImplemented
        return self.keys == other.keys and self.cells.tobytes() == other.cells.tobytes()

    def __hash__(self) -> int:
        return hash((self.keys, self.cells.tobytes()))

    def __repr__(self) -> str:
        told = [
            f"{column_name(column)}: "
            + ", ".join(f"{group_name(g)} {k} of {n}" for (_, g), k, n in zip(of.keys, of.selected, of.n, strict=True))
            for column in self.columns
            for of in [self.of(column)]
        ]
        return f"GroupCounts({'; '.join(told)})"

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that groups were formed by, sorted."""
        return tuple(dict.fromkeys(column for column, _ in self.keys))

    def of(self, column: Column) -> GroupCounts:
        """The groups of one column alone; empty if it was not counted."""
        rows = [place for place, (name, _) in enumerate(self.keys) if name == column]
        return GroupCounts(tuple(self.keys[place] for place in rows), self.cells[rows])

    @property
    def groups(self) -> tuple[Hashable, ...]:
        """The group of each row."""
        return tuple(group for _, group in self.keys)

    def cell(self, *names: str) -> NDArray[np.int64]:
        """The sum of the named cells, one integer a row."""
        cells: NDArray[np.int64] = self.cells[:, [CELLS.index(name) for name in names]].sum(axis=1)
        return cells

    @property
    def tn(self) -> NDArray[np.int64]:
        """True negatives: unfavourable, and rightly so; one integer a row."""
        return self.cell("tn")

    @property
    def fp(self) -> NDArray[np.int64]:
        """False positives: favourable, and wrongly so."""
        return self.cell("fp")

    @property
    def fn(self) -> NDArray[np.int64]:
        """False negatives: unfavourable, and wrongly so."""
        return self.cell("fn")

    @property
    def tp(self) -> NDArray[np.int64]:
        """True positives: favourable, and rightly so."""
        return self.cell("tp")

    @property
    def unfavourable(self) -> NDArray[np.int64]:
        """Unfavourable decisions whose truth is unknown."""
        return self.cell("unfavourable")

    @property
    def favourable(self) -> NDArray[np.int64]:
        """Favourable decisions whose truth is unknown."""
        return self.cell("favourable")

    @property
    def undecided(self) -> NDArray[np.int64]:
        """Cases without a decision, or without an outcome."""
        return self.cell("undecided")

    @property
    def selected(self) -> NDArray[np.int64]:
        """Favourable decisions, truth known or not."""
        return self.cell("fp", "tp", "favourable")

    @property
    def n(self) -> NDArray[np.int64]:
        """Decisions, truth known or not; the undecided do not count."""
        return self.cell(*CELLS[:-1])
