"""Random conditions on random cases, against plain Python over the same tree."""

import datetime as dt
import operator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk.conditions import Reading, fields
from abpo_sdk.errors import InputError, MissingInput, MistypedInput

UTC = dt.UTC


@dataclass
class Case:
    n: int
    m: int
    d: Decimal
    e: Decimal | None
    x: float
    t: str | None
    b: bool
    s: Literal["open", "shut"]
    day: dt.date
    at: dt.datetime
    w: dt.timedelta


c = fields(Case)
small = st.integers(-4, 4)
decimals = st.decimals(-4, 4, places=1)
floats = st.sampled_from([-1.5, -0.1, 0.0, 0.1, 0.2, 0.30000000000000004, 2.5, 1e300])
days = st.dates(dt.date(2026, 1, 1), dt.date(2026, 1, 5))
moments = st.datetimes(dt.datetime(2026, 1, 1), dt.datetime(2026, 1, 3), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(minute=0, second=0, microsecond=0)
)
waits = st.sampled_from([dt.timedelta(hours=h) for h in (-24, 0, 8, 24, 48)])
CASES = st.builds(
    Case,
    n=small,
    m=small,
    d=decimals,
    e=st.none() | decimals,
    x=floats,
    t=st.none() | st.sampled_from(["a", "b"]),
    b=st.booleans(),
    s=st.sampled_from(["open", "shut"]),
    day=days,
    at=moments,
    w=waits,
)

# An expression is a tree: ("field", name), ("const", value), (operator, left, right) or ("abs", part).
ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
COMPARISONS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def named(*names):
    return st.sampled_from(names).map(lambda name: ("field", name))


def constants(strategy):
    return strategy.map(lambda value: ("const", value))


def arithmetic(leaves, operators="+-*/"):
    return st.recursive(
        leaves,
        lambda inner: st.tuples(st.sampled_from(operators), inner, inner) | st.tuples(st.just("abs"), inner),
        max_leaves=4,
    )


EXACT = arithmetic(named("n", "m", "d", "e") | constants(small | decimals), "+-*")
WHOLE = arithmetic(named("n", "m") | constants(small))
FLOATING = arithmetic(named("n", "x") | constants(small | floats))
WAITING = arithmetic(named("w") | constants(waits), "+-")
MOMENTS = named("at") | constants(moments) | st.tuples(st.sampled_from("+-"), named("at"), WAITING)
DAYS = named("day") | constants(days) | st.tuples(st.sampled_from("+-"), named("day"), WAITING)


def compared(sides, names=tuple(COMPARISONS)):
    return st.tuples(st.sampled_from(names), sides, sides)


def membership(name, values):
    return st.tuples(st.just("in"), st.just(("field", name)), st.lists(values, min_size=1, max_size=3))


ATOMS = st.one_of(
    *(compared(sides) for sides in (EXACT, WHOLE, FLOATING, WAITING, MOMENTS, DAYS)),
    compared(named("t") | constants(st.sampled_from(["a", "b", "c"])), ("==", "!=")),
    st.tuples(st.sampled_from(["==", "!="]), st.just(("field", "b")), constants(st.booleans())),
    st.tuples(st.sampled_from(["==", "!="]), st.just(("field", "s")), constants(st.sampled_from(["open", "shut"]))),
    membership("n", small),
    membership("t", st.sampled_from(["a", "b", "c"])),
    membership("d", decimals | small),
    st.sampled_from(["e", "t", "n"]).map(lambda name: ("missing", name)),
)


def has_field(tree):
    return tree[0] in ("field", "missing") or any(has_field(part) for part in tree[1:] if isinstance(part, tuple))


CONDITIONS = st.recursive(
    ATOMS.filter(has_field),
    lambda inner: st.tuples(st.sampled_from("&|"), inner, inner) | st.tuples(st.just("~"), inner),
    max_leaves=6,
)


class NoAnswer(Exception):
    """What the oracle says where a condition has no answer: `missing` or `no value`."""


def value_of(tree, case):
    head, *parts = tree
    if head == "field":
        value = getattr(case, parts[0])
        if value is None:
            raise NoAnswer("missing")
        return value
    if head == "const":
        return parts[0]
    if head == "abs":
        return abs(value_of(parts[0], case))
    left, right = (value_of(part, case) for part in parts)
    try:
        value = ARITHMETIC[head](left, right)
    except ArithmeticError:
        raise NoAnswer("no value") from None
    if value in (float("inf"), float("-inf")) or value != value:
        raise NoAnswer("no value")
    return value


def truth_of(tree, case):
    head, *parts = tree
    if head == "&":
        return truth_of(parts[0], case) and truth_of(parts[1], case)
    if head == "|":
        return truth_of(parts[0], case) or truth_of(parts[1], case)
    if head == "~":
        return not truth_of(parts[0], case)
    if head == "missing":
        return getattr(case, parts[0]) is None
    if head == "in":
        return value_of(parts[0], case) in parts[1]
    left, right = (value_of(part, case) for part in parts)
    return COMPARISONS[head](left, right)


def reads_of(tree, case):
    """The fields that Python would look at, in order."""
    seen = []

    class Watching:
        def __getattr__(self, name):
            seen.append(name)
            return getattr(case, name)

    try:
        truth_of(tree, Watching())
    except NoAnswer:
        return None
    return tuple(dict.fromkeys(seen))


def expression(tree):
    head, *parts = tree
    if head == "field":
        return c[parts[0]]
    if head == "const":
        return parts[0]
    if head == "abs":
        return abs(expression(parts[0]))
    return ARITHMETIC[head](*map(expression, parts))


def condition(tree):
    head, *parts = tree
    if head == "&":
        return condition(parts[0]) & condition(parts[1])
    if head == "|":
        return condition(parts[0]) | condition(parts[1])
    if head == "~":
        return ~condition(parts[0])
    if head == "missing":
        return c[parts[0]].is_missing()
    if head == "in":
        return expression(parts[0]).is_in(parts[1])
    return COMPARISONS[head](*map(expression, parts))


def is_plain(tree):
    """Whether Python itself would compute every part without a field, before the library sees it, without trouble."""
    if tree[0] in ("field", "const", "missing", "in"):
        return True
    if not all(is_plain(part) for part in tree[1:]):
        return False
    if has_field(tree):
        return True
    try:
        value_of(tree, None)
    except NoAnswer:
        return False
    return True


def outcome(evaluate):
    try:
        return evaluate()
    except MissingInput:
        return "missing"
    except MistypedInput:
        return "no value"
    except NoAnswer as error:
        return str(error)


WRITTEN = CONDITIONS.filter(is_plain).map(lambda tree: (tree, condition(tree)))


@settings(max_examples=400, deadline=None)
@given(WRITTEN, CASES)
def test_a_condition_holds_where_python_says_so_and_has_no_answer_where_python_has_none(written, case):
    tree, made = written
    assert outcome(lambda: made.holds(case)) == outcome(lambda: truth_of(tree, case))


@settings(max_examples=200, deadline=None)
@given(WRITTEN, CASES)
def test_exactly_the_fields_that_python_looks_at_are_remembered(written, case):
    tree, made = written
    reading = Reading(case)
    expected = reads_of(tree, case)
    if expected is not None:
        made.evaluate(reading)
        assert reading.read_of(Case) == expected


@settings(max_examples=150, deadline=None)
@given(WRITTEN, CASES)
def test_twice_not_is_the_same_condition(written, case):
    _, made = written
    assert (~~made).structure() == made.structure()
    assert outcome(lambda: (~~made).holds(case)) == outcome(lambda: made.holds(case))


@settings(max_examples=150, deadline=None)
@given(WRITTEN, CASES)
def test_not_turns_every_answer_round(written, case):
    _, made = written
    answer = outcome(lambda: made.holds(case))
    assert outcome(lambda: (~made).holds(case)) == ((not answer) if isinstance(answer, bool) else answer)


@settings(max_examples=200, deadline=None)
@given(WRITTEN, WRITTEN, CASES)
def test_the_laws_of_de_morgan_hold(one, other, case):
    a, b = one[1], other[1]
    for left, right in ((~(a & b), ~a | ~b), (~(a | b), ~a & ~b)):
        assert outcome(lambda left=left: left.holds(case)) == outcome(lambda right=right: right.holds(case))


@settings(max_examples=150, deadline=None)
@given(WRITTEN, CASES)
def test_every_condition_can_be_read_even_where_it_has_no_answer(written, case):
    _, made = written
    assert made.text(case)
    assert made.text()
    try:
        holds = made.holds(case)
    except InputError:
        return
    assert bool(made.because(case)) is holds


@settings(max_examples=150, deadline=None)
@given(CONDITIONS.filter(is_plain))
def test_a_condition_that_is_written_twice_has_one_structure(tree):
    assert condition(tree).structure() == condition(tree).structure()
