"""Reads FEEL: cells of decision tables (unary tests) and expressions.

Read are: literals, names, paths, `?`, arithmetic, comparisons, `and`, `or`, `not(...)`, `in`, `between`, intervals,
lists, contexts, `if`, and calls of functions by position. What FEEL has beside these is refused by name.
Source: DMN 1.5, chapter 9 and 10.3.1.2, whose rules are ordered from the loosest to the tightest binding.
"""

from __future__ import annotations

from decimal import Decimal

from abpo_sdk.policies.feel.operands import Operands
from abpo_sdk.policies.feel.syntax import (
    Among,
    Arithmetic,
    Both,
    Comparison,
    Either,
    Endpoint,
    Expr,
    Interval,
    Literal,
    Negation,
    Test,
    UnaryTests,
)
from abpo_sdk.policies.feel.tokens import Scanner, Scope

DEEPEST = 40
"""How deep parentheses, lists and functions may stand in each other."""

COMPARE = ("<=", ">=", "!=", "<", ">", "=")


def parse_unary_tests(text: str, names: Scope, place: str = "") -> UnaryTests:
    """What a cell of a decision table asks of its input.

    Args:
        text: the cell; empty or `-` asks nothing.
        names: the names in scope; a mapping says what they are, so that names of components may hold spaces as well.
        place: where the text stands; every error begins with it.

    Raises:
        FeelError: the text is not understood, or not supported; names place, text and construct.

    >>> parse_unary_tests("< 18, >= 60", [])
    UnaryTests(tests=(Endpoint(operator='<', value=Literal(value=Decimal('18'))), \
Endpoint(operator='>=', value=Literal(value=Decimal('60')))), negated=False)
    """
    parser = _Parser(Scanner(text, place), names)
    scanner = parser.scanner
    if scanner.done:
        return UnaryTests()
    start = scanner.at
    if scanner.take("-"):
        if scanner.done:
            return UnaryTests()
        scanner.at = start
    negated = parser.negated_tests()
    if negated is not None:
        return negated
    tests = parser.tests()
    parser.end()
    return UnaryTests(tests)


def parse_expression(text: str, names: Scope, place: str = "") -> Expr:
    """What an expression says.

    Args:
        text: the expression.
        names: the names in scope, as for `parse_unary_tests`.
        place: where the text stands; every error begins with it.

    Raises:
        FeelError: the text is not understood, or not supported; names place, text and construct.

    >>> parse_expression("Monthly Salary * 12", ["Monthly Salary", "Salary"])
    Arithmetic(operator='*', left=Name(name='Monthly Salary'), right=Literal(value=Decimal('12')))
    """
    parser = _Parser(Scanner(text, place), names)
    if parser.scanner.done:
        raise parser.scanner.refused("there is no expression")
    tree = parser.expression()
    parser.end()
    return tree


class _Parser(Operands):
    __slots__ = ("deep",)

    def __init__(self, scanner: Scanner, names: Scope) -> None:
        super().__init__(scanner, names)
        self.deep = 0

    def end(self) -> None:
        scanner = self.scanner
        if scanner.done:
            return
        if scanner.sign() == "[":
            raise self.unsupported("a filter `[...]`")
        if scanner.peek_word() == "instance":
            raise self.unsupported("`instance of`")
        raise scanner.refused(f"{scanner.rest()} is not understood here")

    # --- cells ---

    def negated_tests(self) -> UnaryTests | None:
        """`not(test, ...)` as a whole cell; None where the cell is something else."""
        scanner = self.scanner
        start, operators = scanner.at, self.operators
        if not self.hidden("not") and scanner.take_word("not") and scanner.take("("):
            tests = self.tests()
            scanner.need(")")
            if scanner.done:
                return UnaryTests(tests, negated=True)
        scanner.at, self.operators = start, operators
        return None

    def tests(self) -> tuple[Test, ...]:
        tests = [self.test()]
        while self.scanner.take(","):
            tests.append(self.test())
        return tuple(tests)

    def test(self) -> Test:
        operator = self.scanner.take(*COMPARE)
        if operator:
            self.count()
            return Endpoint(operator, self.sum())
        return self.expression()

    # --- expressions, loosest first ---

    def expression(self) -> Expr:
        self.deep += 1
        if self.deep > DEEPEST:
            raise self.scanner.refused(f"it is nested more than {DEEPEST} deep")
        tree = self.conjunction()
        while self.operator_word("or"):
            tree = Either(tree, self.conjunction())
        self.deep -= 1
        return tree

    def conjunction(self) -> Expr:
        tree = self.comparison()
        while self.operator_word("and"):
            tree = Both(tree, self.comparison())
        return tree

    def comparison(self) -> Expr:
        tree = self.sum()
        while True:
            operator = self.scanner.take(*COMPARE)
            if operator:
                self.count()
                right = self.sum()
                if self.scanner.sign() in COMPARE:
                    raise self.scanner.refused("a comparison of a comparison; write it as two, joined by `and`")
                tree = Comparison(operator, tree, right)
            elif self.operator_word("between"):
                low = self.sum()
                self.scanner.need_word("and")
                tree = Among(tree, (Interval(low, self.sum(), low_closed=True, high_closed=True),))
            elif self.operator_word("in"):
                tree = Among(tree, self.among())
            else:
                return tree

    def among(self) -> tuple[Test, ...]:
        """What follows `in`: one test, or several in parentheses."""
        scanner = self.scanner
        if scanner.take("("):
            tests = self.tests()
            if len(tests) == 1 and not isinstance(tests[0], Endpoint) and scanner.take(".."):
                return (self.interval("(", tests[0]),)
            scanner.need(")")
            return tests
        operator = scanner.take(*COMPARE)
        return (Endpoint(operator, self.sum()) if operator else self.sum(),)

    def sum(self) -> Expr:
        tree = self.product()
        while operator := self.scanner.take("+", "-"):
            self.count()
            tree = Arithmetic(operator, tree, self.product())
        return tree

    def product(self) -> Expr:
        tree = self.power()
        while operator := self.scanner.take("*", "/"):
            self.count()
            tree = Arithmetic(operator, tree, self.power())
        return tree

    def power(self) -> Expr:
        tree = self.negation()
        while self.scanner.take("**"):
            self.count()
            tree = Arithmetic("**", tree, self.negation())
        return tree

    def negation(self) -> Expr:
        minuses = 0
        while self.scanner.take("-"):
            self.count()
            minuses += 1
        tree = self.path()
        for _ in range(minuses):
            tree = _negated(tree)
        return tree

    # --- odds and ends ---

    def operator_word(self, word: str) -> bool:
        found = self.scanner.take_word(word) is not None
        if found:
            self.count()
        return found

    def hidden(self, word: str) -> bool:
        """Whether a name in scope that begins like a word stands here."""
        start = self.scanner.at
        name = self.scanner.name(self.names)
        self.scanner.at = start
        return name is not None and name != word


def _negated(tree: Expr) -> Expr:
    if isinstance(tree, Literal) and isinstance(tree.value, Decimal) and not tree.value.is_signed():
        return Literal(tree.value.copy_negate())  # which, unlike a minus, does not round
    return Negation(tree)
