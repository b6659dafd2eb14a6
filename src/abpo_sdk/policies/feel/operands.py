"""Operands of FEEL: what stands between two operators, from a number to a name with its path.

Source: DMN 1.5, 10.3.1.2.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from abpo_sdk.errors import FeelError
from abpo_sdk.policies.feel import literals
from abpo_sdk.policies.feel.syntax import (
    Call,
    Choice,
    Entries,
    Expr,
    Input,
    Interval,
    Items,
    Literal,
    Name,
    Not,
    Path,
)
from abpo_sdk.policies.feel.tokens import WORDS, Scanner, Scope, names_inside, normalised

OPERATORS = 200
"""How many operators one text may have; with the depth it bounds every tree."""

UNREAD = {
    "for": "a `for` loop",
    "some": "the quantifier `some`",
    "every": "the quantifier `every`",
    "function": "a function definition",
    "external": "an external function",
}
SPECIAL = ("date", "date and time", "time", "duration", "not")
"""The functions that give a literal from a text, and `not`; a name in scope hides them."""

FUNCTIONS = ("abs", "max", "min", "sum", "count")
"""The functions of FEEL that are evaluated."""


class Operands(ABC):
    """Reads one operand after the other; what an expression is, a subclass says."""

    __slots__ = ("names", "operators", "scanner")

    def __init__(self, scanner: Scanner, names: Scope) -> None:
        self.scanner = scanner
        items = names.items() if isinstance(names, Mapping) else ((name, None) for name in names)
        self.names: dict[str, Any] = {normalised(name): thing for name, thing in items}
        self.operators = 0

    @abstractmethod
    def expression(self) -> Expr:
        """The expression that stands here."""

    def count(self) -> None:
        """Take note of one more operator."""
        self.operators += 1
        if self.operators > OPERATORS:
            raise self.scanner.refused(f"it has more than {OPERATORS} operators")

    def unsupported(self, construct: str) -> FeelError:
        """The error about what FEEL has and this does not."""
        return self.scanner.refused(f"{construct} is not supported")

    def path(self) -> Expr:
        start = self.scanner.at
        tree, inside = self.operand()
        while self.scanner.take("."):
            self.count()
            if not isinstance(tree, (Name, Path, Entries, Call)):
                raise self.scanner.refused(f"{self.scanner.text[start : self.scanner.at].strip()!r} has no components")
            name = self.scanner.name(inside) if inside is not None else self.scanner.take_word(self.scanner.peek_word())
            if not name:
                known = f"; it has {', '.join(inside)}" if inside is not None else ""
                raise self.scanner.refused(f"{self.scanner.rest()} is no component of {_dotted(tree)!r}{known}")
            tree = Path(tree, name)
            inside = names_inside(_item(inside, name))
        return tree

    def operand(self) -> tuple[Expr, Scope | None]:
        """What stands between operators, and the names inside of it where these are known."""
        scanner = self.scanner
        name = scanner.name(self.names)
        if name is not None:
            return self.named(name)
        if scanner.sign() in ("(", "[", "]"):
            return self.bracketed(), None
        if scanner.take("?"):
            return Input(), None
        if scanner.take("@"):
            text = scanner.string()
            if text is None:
                raise scanner.refused(f"a text in quotes is missing after @, before {scanner.rest()}")
            return Literal(scanner.read(literals.moment_of, text)), None
        if scanner.take("{"):
            return self.entries(), None
        for value in (scanner.number(), scanner.string()):
            if value is not None:
                return Literal(value), None
        return self.worded(), None

    def named(self, name: str) -> tuple[Expr, Scope | None]:
        scanner = self.scanner
        if name in WORDS:
            raise scanner.refused(f"the name {name!r} is a word of FEEL's own, and so cannot be referred to")
        if scanner.take("("):
            return Call(name, self.arguments()), None
        return Name(name), names_inside(self.names[name])

    def worded(self) -> Expr:
        """What begins with a word that is no name in scope."""
        scanner = self.scanner
        word = scanner.peek_word()
        if word in UNREAD:
            raise self.unsupported(UNREAD[word])
        if word in ("true", "false", "null"):
            scanner.take_word(word)
            return Literal({"true": True, "false": False, "null": None}[word])
        if scanner.take_word("if"):
            condition = self.expression()
            scanner.need_word("then")
            one = self.expression()
            scanner.need_word("else")
            return Choice(condition, one, self.expression())
        function = scanner.function()
        if function is not None:
            return self.call(function)
        if word and word not in WORDS:
            words = scanner.words().split()
            name = " ".join(words[: next((i for i, w in enumerate(words) if w in WORDS), len(words))])
            known = ", ".join(repr(n) for n in list(self.names)[:12]) or "none"
            raise scanner.refused(f"the name {name!r} is not known; names in scope: {known}")
        raise scanner.refused(f"a value is missing before {scanner.rest()}")

    def call(self, function: str) -> Expr:
        """A call of one of FEEL's functions, whose parenthesis stands here."""
        scanner = self.scanner
        if function not in (*SPECIAL, *FUNCTIONS):
            raise self.unsupported(f"the function call `{function}(...)`")
        scanner.need("(")
        arguments = self.arguments()
        if function not in SPECIAL:
            return Call(function, arguments)
        if len(arguments) != 1:
            raise self.unsupported(f"`{function}(...)` with {len(arguments)} arguments")
        [argument] = arguments
        if function == "not":
            return Not(argument)
        if not isinstance(argument, Literal) or not isinstance(argument.value, str):
            raise self.unsupported(f"`{function}(...)` of anything but a text in quotes")
        if function == "time":
            raise self.unsupported("a time of day without a date")
        reader = {"date": literals.date_of, "date and time": literals.time_of, "duration": literals.duration_of}
        return Literal(scanner.read(reader[function], argument.value))

    def arguments(self) -> tuple[Expr, ...]:
        arguments: list[Expr] = []
        if self.scanner.take(")"):
            return ()
        while True:
            arguments.append(self.expression())
            if self.scanner.sign() == ":":
                raise self.unsupported("an argument by name")
            if self.scanner.need(",", ")") == ")":
                return tuple(arguments)

    def bracketed(self) -> Expr:
        """`(a)`, `[a, b]`, or an interval."""
        scanner = self.scanner
        opening = scanner.need("(", "[", "]")
        if opening == "[" and scanner.take("]"):
            return Items(())
        items = [self.expression()]
        if scanner.take(".."):
            return self.interval(opening, items[0])
        if opening == "]":
            raise scanner.refused(f"`..` is missing before {scanner.rest()}: `]` begins an interval")
        if opening == "(":
            scanner.need(")")
            return items[0]
        while scanner.need(",", "]") == ",":
            items.append(self.expression())
        return Items(tuple(items))

    def interval(self, opening: str, low: Expr) -> Interval:
        """What follows `..`."""
        self.count()
        high = self.expression()
        closing = self.scanner.need("]", ")", "[")
        return Interval(low, high, low_closed=opening == "[", high_closed=closing == "]")

    def entries(self) -> Expr:
        scanner, outer = self.scanner, self.names
        entries: dict[str, Expr] = {}
        while not scanner.take("}"):
            if entries:
                scanner.need(",")
            key = scanner.string()
            if key is None:
                end = scanner.text.find(":", scanner.at)
                key = normalised(scanner.text[scanner.at : max(end, scanner.at)])
                scanner.at = max(end, scanner.at)
            scanner.need(":")
            if not key or key in entries:
                raise scanner.refused(f"the entry {key!r} of a context is {'there twice' if key else 'without a name'}")
            entries[key] = self.expression()
            self.names = {**self.names, key: None}
        self.names = outer
        return Entries(tuple(entries.items()))


def _dotted(tree: Expr) -> str:
    return f"{_dotted(tree.of)}.{tree.name}" if isinstance(tree, Path) else getattr(tree, "name", "what stands there")


def _item(names: Scope | None, name: str) -> Any:
    """What a name stands for, however its white space is written in the scope; None where that is not known."""
    if not isinstance(names, Mapping):
        return None
    return names[name] if name in names else next(item for known, item in names.items() if normalised(known) == name)
