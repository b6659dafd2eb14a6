"""What is looked up once gives the same answers, errors and records as looking up everything for every case."""

import copy
import datetime as dt
import enum
import math
import operator
import pickle
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, localcontext
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from typing_extensions import TypedDict

from abpo_sdk.conditions import Reading, fields
from abpo_sdk.conditions.comparisons import Comparison, Membership, Missing
from abpo_sdk.conditions.condition import Both, Either, Not, constants_for
from abpo_sdk.conditions.kinds import unfit
from abpo_sdk.conditions.nodes import AbsoluteNode, ArithmeticNode, ConstantNode
from abpo_sdk.errors import ConditionError, InputError, MissingInput, MistypedInput, UnknownField
from abpo_sdk.values import Money, Personal

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
SIGNS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne}
SUMS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Tone(enum.StrEnum):
    LOUD = "loud"


class Gauge(float, enum.Enum):
    HALF = 0.5
    BROKEN = math.nan


class Count(int):
    """An integer of another class."""


@dataclass
class Inner:
    rank: Any = 1


INNER = Inner


@dataclass
class Case:
    n: int
    d: Decimal
    x: float
    t: str
    b: bool
    s: Literal["open", "shut"]
    k: Literal[1, 2]
    colour: Colour
    gauge: Gauge
    day: dt.date
    at: dt.datetime
    wait: dt.timedelta
    anything: Any
    tags: list[str]
    secret: Annotated[int, Personal("a secret", subject_field="t")]


class Wider(Case):
    """A case of a class that descends from the model."""


class Row(TypedDict, total=False):
    n: int
    d: Decimal
    x: float
    t: str
    s: Literal["open", "shut"]
    at: dt.datetime
    secret: Annotated[int, Personal("a secret", subject_field="t")]


c, r = fields(Case), fields(Row)

VALUES = st.sampled_from(
    [
        *(None, 0, 1, -3, True, False, Count(2), 10**30, 0.5, 1.0, -0.0, math.nan, math.inf),
        *(
            Decimal("0.5"),
            Decimal(1),
            Decimal("NaN"),
            Decimal("sNaN"),
            Decimal("-Infinity"),
            "",
            "a",
            "open",
            "1",
            Tone.LOUD,
        ),
        *(Colour.RED, Gauge.HALF, Gauge.BROKEN, NOON, NOON.replace(tzinfo=None), NOON.date(), dt.timedelta(hours=1)),
        *(b"a", [], ["a"], (), {}, {"rank": 1}, object, Inner()),
    ]
)
LEAVES = [
    *(c.n > 1, c.n == 2.0, c.n * 2 - 1 <= 5, abs(c.n) >= 3, c.n / (c.n - 1) > 1, c.n < c.x, c.n.is_in(1, 2), c.n != 1),
    *(c.d > 1, c.d * c.n <= 3, c.d == Decimal("0.5"), c.d.is_in(Decimal(1), 2), 3 / c.d > c.n, c.d.is_missing()),
    *(c.x > 0.5, c.x != 1, c.x + c.n < 2, c.x.is_missing(), c.t == "a", c.t != "loud", c.t.is_in("a", "open")),
    *(c.b == True, c.b != True, c.s == "open", c.s.is_in("open", "shut"), c.k == 1, c.k != 2),  # noqa: E712
    *(c.colour == Colour.RED, c.colour.is_in(Colour.BLUE), c.gauge == Gauge.HALF, c.day > NOON.date()),
    *(c.at >= NOON, c.at + c.wait > NOON, c.wait > dt.timedelta(0), c.anything == 1, c.tags == ["a"], c.secret > 1),
    *(c.secret == 1, c.anything.is_missing(), c.secret * c.n > 2),
    *(
        r.n > 1,
        r.d > 1,
        r.x > 0.5,
        r.t == "a",
        r.s == "open",
        r.at > NOON,
        r.secret > 1,
        r.n.is_missing(),
        r.n + r.x > 1,
    ),
]
CONDITIONS = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: (
        st.tuples(inner, inner).map(lambda pair: pair[0] & pair[1])
        | st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1])
        | inner.map(lambda part: ~part)
    ),
    max_leaves=6,
)
DECLARED = st.fixed_dictionaries(dict.fromkeys(Case.__annotations__, VALUES))
WELL = st.fixed_dictionaries(
    {
        "n": st.integers(-4, 4),
        "d": st.decimals(-4, 4, places=1),
        "x": st.floats(-4, 4),
        "t": st.sampled_from(["a", "b"]),
        "b": st.booleans(),
        "s": st.sampled_from(["open", "shut"]),
        "k": st.sampled_from([1, 2]),
        "colour": st.sampled_from(Colour),
        "gauge": st.just(Gauge.HALF),
        "day": st.just(NOON.date()),
        "at": st.just(NOON),
        "wait": st.sampled_from([dt.timedelta(0), dt.timedelta(hours=1)]),
        "anything": VALUES,
        "tags": st.just(["a"]),
        "secret": st.integers(0, 3),
    }
)
MIXED = st.tuples(WELL, DECLARED, st.sets(st.sampled_from(sorted(Case.__annotations__)), max_size=3)).map(
    lambda drawn: {**drawn[0], **{name: drawn[1][name] for name in drawn[2]}}
)


@st.composite
def things(draw):
    """A case or one of a subclass, maybe with a field deleted; a row, maybe without some of its fields; in either order, or one alone."""
    case = draw(st.sampled_from([Case, Wider]))(**draw(MIXED | DECLARED))
    lost = draw(st.none() | st.sampled_from(sorted(Case.__annotations__)))
    if lost:
        delattr(case, lost)
    row = {name: value for name, value in draw(MIXED).items() if draw(st.integers(0, 5))}
    given = draw(st.permutations([case, row]))
    return given[: draw(st.integers(1, 2))]


def value_of(node, reading):
    if isinstance(node, ConstantNode):
        return node.value
    if isinstance(node, AbsoluteNode):
        return abs(value_of(node.part, reading))
    if isinstance(node, ArithmeticNode):
        left, right = value_of(node.left, reading), value_of(node.right, reading)
        try:
            value = SUMS[node.operator](left, right)
        except ArithmeticError as error:
            raise MistypedInput(f"{node.written(reading)} has no value: {type(error).__name__}") from error
        if unfit(value):
            raise MistypedInput(f"{node.written(reading)} is {value!r}, {unfit(value)}")
        return value
    return reading.value(node)


def slowly(condition, reading):
    """The condition, evaluated by going through it, each value checked by `Reading.value`."""
    if isinstance(condition, Both):
        return slowly(condition.left, reading) and slowly(condition.right, reading)
    if isinstance(condition, Either):
        return slowly(condition.left, reading) or slowly(condition.right, reading)
    if isinstance(condition, Not):
        return not slowly(condition.part, reading)
    if isinstance(condition, Missing):
        return reading.value(condition.field, missing_ok=True) is None
    if isinstance(condition, Membership):
        return value_of(condition.item, reading) in condition.among
    assert isinstance(condition, Comparison)
    return SIGNS[condition.operator](value_of(condition.left, reading), value_of(condition.right, reading))


def told(evaluate, given):
    """What came of it: the answer or the error, and the fields that were read."""
    reading = Reading(*given)
    try:
        said = evaluate(reading)
    except Exception as error:
        said = (type(error), str(error))
    return said, list(reading.read)


@settings(max_examples=500, deadline=None)
@given(CONDITIONS, things())
def test_the_closures_say_what_going_through_the_condition_says(condition, given):
    assert told(condition.evaluate, given) == told(lambda reading: slowly(condition, reading), given)


@settings(max_examples=200, deadline=None)
@given(CONDITIONS, things(), things())
def test_one_case_leaves_nothing_behind_for_the_next(condition, one, other):
    first = told(condition.evaluate, one)
    told(condition.evaluate, other)
    assert told(condition.evaluate, one) == first


@settings(max_examples=200, deadline=None)
@given(CONDITIONS, things())
def test_the_parts_that_hold_are_there_exactly_where_the_condition_holds(condition, given):
    said, _ = told(condition.evaluate, given)
    if isinstance(said, tuple):
        with pytest.raises(said[0]):
            list(condition.parts_that_hold(Reading(*given)))
    else:
        assert bool(list(condition.parts_that_hold(Reading(*given)))) is said


def test_a_row_of_many_alternatives_is_no_deep_nesting():
    many = c.n == 0
    for n in range(1, 3000):
        many = many | (c.n == n)
    case = Case(2999, *[None] * 14)
    assert many.holds(case)
    assert many.because(case) == ("n is 2,999",)


def test_a_condition_that_was_evaluated_can_be_copied_and_pickled():
    condition = (c.n > 1) | ~(c.t == "a") & c.s.is_in("open") & ~(c.d.is_missing() | (c.x > 1))
    case = Case(2, *[None] * 14)
    assert condition.holds(case)
    for other in (copy.copy(condition), copy.deepcopy(condition), pickle.loads(pickle.dumps(condition))):
        assert other.holds(case)
        assert other.structure() == condition.structure()


def test_the_first_thing_that_descends_from_the_model_is_read():
    class Base(BaseModel):
        n: int = 1

    class Derived(Base):
        pass

    condition = fields(Base).n == 2
    assert condition.holds(Derived(n=2), Base(n=1))
    assert not condition.holds(Base(n=1), Derived(n=2))
    with pytest.raises(InputError, match=r"a condition reads Derived.n, but was given Base"):
        (fields(Derived).n == 2).holds(Base())


def test_a_field_that_the_case_lost_is_named():
    case = Case(*[1] * 15)
    del case.n
    with pytest.raises(UnknownField, match="Case has no 'n', which Case declares"):
        (c.n > 1).holds(case)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_float_that_is_no_number_is_refused(value):
    with pytest.raises(MistypedInput, match=r"Case.x is .*, not a finite number"):
        (c.x > 1).holds(Case(1, 1, value, *[None] * 12))


def test_a_missing_value_and_a_time_without_a_zone_are_refused():
    with pytest.raises(MissingInput, match=r"Case.n is missing"):
        (c.n > 1).holds(Case(*[None] * 15))
    with pytest.raises(MistypedInput, match="a time without a zone"):
        (c.at > NOON).holds(Case(*[NOON.replace(tzinfo=None)] * 15))


def test_a_question_is_asked_once_in_a_reading():
    asked = []
    reading = Reading()

    def ask():
        asked.append(1)
        return len(asked) > 1

    assert [reading.answer("q", ask), reading.answer("q", ask)] == [False, False]
    assert reading.answer("other", ask)
    assert len(asked) == 2


def test_the_constants_of_every_part_are_found():
    condition = ~((c.n > 1) & (c.n > 2)) | c.n.is_in(3, 4) | (c.t == "a") | c.n.is_missing()
    assert constants_for(condition, Case, frozenset({"n"})) == {1, 2, 3, 4}


def test_errors_of_conditions_are_condition_errors():
    assert issubclass(InputError, ConditionError)


def test_a_choice_that_is_no_number_is_refused():
    case = Case(*[None] * 15)
    case.gauge = Gauge.BROKEN
    with pytest.raises(MistypedInput, match="not a finite number"):
        (c.gauge == Gauge.HALF).holds(case)


def test_a_case_that_is_a_mapping_besides_is_read_by_its_items():
    class Items(Case, dict):
        """A case whose items count."""

    case = Items(*[1] * 15)
    case["n"] = 5
    assert (c.n == 5).holds(case)


class Sums(BaseModel):
    exact: Decimal = Decimal("-12.345")
    price: Money = Money.of(Decimal("12.35"), "EUR")
    count: int = 0


S = fields(Sums)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (S.exact * 2 < Decimal("-24.6"), True),
        (S.exact - 1 == Decimal("-13.345"), True),
        (S.exact / 4 == Decimal("-3.08625"), True),
        (abs(S.exact) == Decimal("12.345"), True),
        (abs(S.price - Money.of(20, "EUR")) * 2 == Money.of(Decimal("15.30"), "EUR"), True),
        (S.price / Money.of(3, "EUR") > 4, True),
    ],
)
@pytest.mark.parametrize("traps", [[], [Inexact]])
def test_the_callers_context_of_decimals_changes_no_answer(condition, holds, traps):
    assert condition.holds(Sums()) is holds
    with localcontext(Context(prec=2, traps=traps)):
        assert condition.holds(Sums()) is holds


def test_an_integer_of_any_length_is_written():
    case = Sums(count=10**5_000)
    condition = S.count > -(10**5_000)
    assert condition.holds(case)
    long = "100" + ",000" * 1_666
    assert condition.text(case) == f"count {long} > -{long}"
    with pytest.raises(MistypedInput, match=r"Sums\.exact is a list that cannot be written, a list where decimal"):
        (S.exact > 1).holds(Sums.model_construct(exact=[10**5_000]))
