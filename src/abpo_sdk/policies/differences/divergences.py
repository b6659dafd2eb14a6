"""The cases that two tables decide differently, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

from abpo_sdk.policies.checks.findings import flat


@dataclass(frozen=True, slots=True)
class Divergence:
    """Cases for which two tables decide differently, and all in the same way.

    Args:
        where: the cases in words; empty where it is every case.
        before: what the old table gives, in words.
        after: what the new one gives.
        example: one of them, as a mapping of the inputs; None where none was found, so that there may be none.
    """

    where: str
    before: str
    after: str
    example: Mapping[str, Any] | None = field(default=None, hash=False)

    def __str__(self) -> str:
        such = (
            f"such as {', '.join(flat(self.example))}"
            if self.example is not None
            else "cannot tell whether there is such a case"
        )
        return f"where {self.where or 'anything holds'}: {self.before} became {self.after} ({such})"


@dataclass(frozen=True, slots=True)
class Divergences:
    """All cases for which two tables decide differently: in which the outcome, the output, or whether there is one differs.

    Cases are those whose values are as their types declare; a value may be missing where its type says so, or where a
    condition asks for that.

    Args:
        regions: the cases, by what becomes of them.
        more: how many more regions there are than are listed.
        doubts: what was not looked at, and why.
    """

    regions: tuple[Divergence, ...]
    more: int = 0
    doubts: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether the regions are all cases that are decided otherwise, and in each of them there is one."""
        return not self.more and not self.doubts and all(region.example is not None for region in self.regions)

    def __bool__(self) -> bool:
        """Whether there is, or may be, a case that is decided otherwise."""
        return bool(self.regions or self.more or self.doubts)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        if not self.regions:
            yield "no case is decided otherwise" if self.exact else "cannot tell whether a case is decided otherwise"
        else:
            yield "decided otherwise:"
        yield from (f"- {region}" for region in self.regions)
        if self.more:
            yield f"- and {self.more:,} more regions of cases"
        yield from (f"- {doubt}" for doubt in self.doubts)

    def _repr_html_(self) -> str:
        head, *rest = self._lines()
        items = "".join(f"<li>{escape(line.removeprefix('- '))}</li>" for line in rest)
        return f"<p>{escape(head)}</p>" + (f"<ul>{items}</ul>" if items else "")
