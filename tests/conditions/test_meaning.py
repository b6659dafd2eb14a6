"""A condition's structure is what it means, not how it is written."""

import datetime as dt
import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk import DecisionTable, rule
from abpo_sdk.conditions import always, fields, never
from abpo_sdk.conditions.condition import Not
from abpo_sdk.conditions.meaning import constant
from abpo_sdk.errors import InputError

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@dataclass
class Case:
    n: int | None = 3
    m: int | None = 1
    d: Decimal | None = Decimal(2)
    x: float = 0.5
    t: str | None = "a"
    b: bool = True
    s: Literal["open", "shut"] = "open"
    at: dt.datetime = NOON
    w: dt.timedelta = dt.timedelta(hours=8)
    l: list[int] = field(default_factory=list)  # noqa: E741
    anything: Any = 1


c = fields(Case)
p, q, r = c.n > 1, c.d == 2, c.t == "a"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (c.n > 1, 1 < c.n),  # noqa: SIM300
        (c.n >= 1, 1 <= c.n),  # noqa: SIM300
        (c.n == 1, 1 == c.n),  # noqa: SIM300
        (c.d > 2, c.d > Decimal("2.0")),
        (c.d > 100, c.d > Decimal("1E+2")),
        (c.d > 0, c.d > Decimal("-0.00")),
        (c.n > 2, c.n > 2.0),
        (c.n < 0.5, c.n < Decimal("0.50")),
        (c.x == 2, c.x == 2.0),
        (c.d * 2 > 1, c.d * Decimal("2.0") > 1),
        (c.d + 1 > 1, 1 + c.d > 1),
        (2 * c.n > 1, c.n * 2 > 1),
        (3 * c.w > dt.timedelta(1), c.w * 3 > dt.timedelta(1)),
        ((p & q) & r, p & (q & r)),
        ((p | q) | r, p | (q | r)),
        (~(c.n > 1), c.n <= 1),
        (Not(c.n > 1), c.n <= 1),
        (~~p, p),
        (Not(Not(Not(p))), ~p),
        (Not(Not(c.t.is_missing())), c.t.is_missing()),
        (~(p & q), ~p | ~q),
        (~(p | q), ~p & ~q),
        (~(p & (q | r)), ~p | ~q & ~r),
        (~(~p & r) | q, p | ~r | q),
        (~(c.t.is_missing() | q), ~c.t.is_missing() & ~q),
        (c.n.is_in(1, 2), c.n.is_in([2, 1, 2, 1.0])),
        (c.t.is_in("a"), c.t == "a"),
        (~c.t.is_in("a"), c.t != "a"),
        (c.t.is_in("a", "a"), c.t == "a"),
        (c.n.between(1, 5), (c.n >= 1) & (c.n <= 5)),
        (c.n.between(1, 5) & q, (c.n >= 1) & ((c.n <= 5) & q)),
        (c.at > NOON, c.at > NOON.astimezone(dt.timezone(dt.timedelta(hours=3)))),
        (c.w == dt.timedelta(hours=24), c.w == dt.timedelta(days=1)),
        (p & always, p),
        (~always, never),
        (~(p | always), ~p & never),
        (Not(always) | p, p),
        (Not(never) & p & Not(never), p),
        ((p | always) | q, p | always),
        (Not(always) & p, never),
    ],
)
def test_what_means_the_same_has_the_same_structure(one, other):
    assert one.structure() == other.structure()
    assert json.dumps(one.structure(), sort_keys=True) == json.dumps(other.structure(), sort_keys=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (p & q, q & p),  # another one is read first, and may be missing
        (p | q, q | p),
        (c.n > c.m, c.m < c.n),
        (p & q | r, p & (q | r)),
        (c.n / 2 > 1, c.n / Decimal(2) > 1),
        (c.n * 2 > 1, c.n * 2.0 > 1),
        (c.n - 1 > 1, 1 - c.n > 1),
        (c.x > 0.1, c.x > 0.10000000000000002),
        (c.anything == 1, c.anything == "1"),
        (c.anything == 1, c.anything == True),  # noqa: E712
        (c.anything == "1", c.anything == dt.timedelta(1)),
        (c.t.is_in("a", "b"), c.t.is_in("a, b", "x")),
        (c.t.is_missing(), ~c.t.is_missing()),
        (always, never),
        (p | always, always),
    ],
)
def test_what_means_another_thing_has_another_structure(one, other):
    assert one.structure() != other.structure()


NUMBERS = (
    st.integers(-3, 3)
    | st.decimals(-3, 3, places=2)
    | st.floats(-3, 3)
    | st.sampled_from([10**20, Decimal("1E20"), 1e20])
)


@given(NUMBERS, NUMBERS)
def test_two_numbers_of_one_meaning_are_equal(one, other):
    if constant(one) == constant(other):
        assert one == other


SMALL = st.sampled_from([0, 1, 2, 1.0, Decimal("1.0"), Decimal(2)])
LEAVES = st.one_of(
    st.builds(
        lambda left, sign, right: getattr(left, sign)(right),
        st.sampled_from([c.n, c.m, c.d]),
        st.sampled_from(["__gt__", "__le__", "__eq__", "__ne__"]),
        st.sampled_from([0, 1, Decimal("1.0"), Decimal(2), c.n, c.m]),
    ),
    st.builds(
        lambda left, among: left.is_in(among), st.sampled_from([c.n, c.m]), st.lists(SMALL, min_size=1, max_size=2)
    ),
    st.builds(
        lambda of, value: c.l.any_(lambda item: item > value) if of else c.l.all_(lambda item: item > value),
        st.booleans(),
        st.sampled_from([0, 1, c.m]),
    ),
    st.builds(lambda value: c.l.count(lambda item: item > value) > 0, st.sampled_from([0, 1])),
    st.sampled_from(
        [
            c.n.is_missing(),
            c.t.is_missing(),
            c.t == "a",
            c.t.matches("a|b"),
            c.n.between(0, 1),
            c.n + 1 > 1,
            1 + c.n > 1,
            always,
            never,
        ]
    ),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: (
        st.tuples(inner, inner).map(lambda pair: pair[0] & pair[1])
        | st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1])
        | inner.map(lambda part: ~part)
        | inner.map(Not)
    ),
    max_leaves=4,
)
MAYBE = st.none() | st.integers(-1, 2)
CASES = st.builds(
    Case,
    n=MAYBE,
    m=MAYBE,
    d=st.none() | st.sampled_from([Decimal(1), Decimal(2)]),
    t=st.sampled_from([None, "a", "c"]),
    l=st.lists(st.integers(0, 2), max_size=2),
)


def said(condition, case):
    try:
        return condition.holds(case)
    except InputError as error:
        return type(error), str(error)


@pytest.fixture(scope="module")
def seen():
    """One condition of each structure that was drawn."""
    return {}


@settings(max_examples=600, deadline=None)
@given(condition=CONDITIONS, cases=st.lists(CASES, min_size=1, max_size=4))
def test_two_conditions_of_one_structure_agree_on_every_case(seen, condition, cases):
    other = seen.setdefault(json.dumps(condition.structure(), sort_keys=True), condition)
    for case in cases if other is not condition else []:
        assert said(condition, case) == said(other, case)


@settings(max_examples=200, deadline=None)
@given(CONDITIONS, CONDITIONS, CASES)
def test_the_laws_of_de_morgan_change_no_structure_and_no_answer(a, b, case):
    for one, other in ((~(a & b), ~a | ~b), (~(a | b), ~a & ~b), (~~a, a)):
        assert one.structure() == other.structure()
        assert said(one, case) == said(other, case)


def test_a_table_that_is_written_otherwise_has_the_same_version():
    def table(when):
        return DecisionTable("t", rule(when, then="pay", because="so"), otherwise="refer")

    assert table(~(p & ~q)).version == table((1 >= c.n) | (c.d == Decimal("2.00"))).version  # noqa: SIM300
    assert table(p & q).version != table(q & p).version
