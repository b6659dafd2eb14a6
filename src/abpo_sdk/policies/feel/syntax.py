"""The syntax tree of FEEL: what a text in a cell or an expression says, before anything is known of its types.

The tree holds no positions and no spelling, so that two texts that say the same have equal trees.
Source: DMN 1.5, chapter 9 (S-FEEL), and of 10.3 what `parsing.py` names.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, fields
from decimal import Decimal

LiteralValue = bool | Decimal | str | dt.date | dt.datetime | dt.timedelta | None
"""What a literal can be; numbers are exact decimals."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that stands in the text."""

    value: LiteralValue


@dataclass(frozen=True, slots=True)
class Name:
    """A name in scope, its white space normalised."""

    name: str


@dataclass(frozen=True, slots=True)
class Path:
    """A component of something: `of.name`."""

    of: Expr
    name: str


@dataclass(frozen=True, slots=True)
class Input:
    """The value of the cell's input: `?`."""


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`+`, `-`, `*`, `/` or `**` between two expressions."""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Negation:
    """The unary minus."""

    part: Expr


@dataclass(frozen=True, slots=True)
class Comparison:
    """`=`, `!=`, `<`, `<=`, `>` or `>=` between two expressions."""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Both:
    """`left and right`."""

    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Either:
    """`left or right`."""

    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Not:
    """`not(part)`."""

    part: Expr


@dataclass(frozen=True, slots=True)
class Interval:
    """`[low..high]`, each end open or closed."""

    low: Expr
    high: Expr
    low_closed: bool
    high_closed: bool


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A test of one side: `< endpoint`, `>= endpoint`, `= endpoint`, `!= endpoint`."""

    operator: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Among:
    """`value in (test, ...)`; `value between low and high` is such a one with a closed interval."""

    value: Expr
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """`function(argument, ...)`."""

    function: str
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """`if condition then one else other`."""

    condition: Expr
    one: Expr
    other: Expr


@dataclass(frozen=True, slots=True)
class Items:
    """A list: `[1, 2]`."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Entries:
    """A context: `{a: 1, "b c": 2}`."""

    entries: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True)
class UnaryTests:
    """What a cell of a table asks of its input: that one of the tests holds, or, negated, that none does.

    No tests at all (`-`, or an empty cell) hold of everything.
    """

    tests: tuple[Test, ...] = ()
    negated: bool = False


Expr = (
    Literal
    | Name
    | Path
    | Input
    | Arithmetic
    | Negation
    | Comparison
    | Both
    | Either
    | Not
    | Interval
    | Among
    | Call
    | Choice
    | Items
    | Entries
)
"""An expression."""

Test = Expr | Endpoint
"""One test of a cell."""


def parts_of(tree: Test | UnaryTests) -> Iterator[Test]:
    """The expressions that stand directly in another."""
    if isinstance(tree, Entries):
        yield from (value for _, value in tree.entries)
        return
    for field in fields(tree):
        part = getattr(tree, field.name)
        if isinstance(part, tuple):
            yield from part
        elif not isinstance(tree, Literal) and hasattr(part, "__dataclass_fields__"):
            yield part


def uses_input(tree: Test | UnaryTests) -> bool:
    """Whether `?` stands in it."""
    return isinstance(tree, Input) or any(uses_input(part) for part in parts_of(tree))
