"""A tree, drawn for a terminal or a notebook."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tree:
    """A label with branches.

    >>> print(Tree("a", (Tree("b", (Tree("c"),)), Tree("d"))))
    a
    ├─ b
    │  └─ c
    └─ d
    """

    label: str
    branches: tuple[Tree, ...] = ()

    def __str__(self) -> str:
        return "\n".join(self._lines("", ""))

    def _lines(self, before: str, below: str) -> Iterator[str]:
        first, *more = self.label.splitlines() or [""]
        yield before + first
        for line in more:  # a label of several lines stays inside its branch
            yield below + ("│  " if self.branches else "   ") + line
        for number, branch in enumerate(self.branches, 1):
            last = number == len(self.branches)
            yield from branch._lines(below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "))  # noqa: SLF001  its own kind

    def html(self) -> str:
        """The tree as nested HTML lists, everything escaped."""
        inside = "".join(branch.html() for branch in self.branches)
        label = html.escape(self.label)
        return (
            f"<details open><summary>{label}</summary><div style='margin-left:1.5em'>{inside}</div></details>"
            if inside
            else f"<div>{label}</div>"
        )
