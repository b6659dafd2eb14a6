"""Models of every sort of field, conditions about them, and frames that hold what frames hold: gaps, other types, odd values."""

import dataclasses
import datetime as dt
import enum
from decimal import Decimal
from typing import Annotated, Literal, NotRequired
from zoneinfo import ZoneInfo

import pandas as pd
from hypothesis import strategies as st
from pydantic import BaseModel, Field, field_validator
from typing_extensions import TypedDict

from abpo_sdk.values.money import Money


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Inner(BaseModel):
    k: int
    t: str | None = None


class Case(BaseModel):
    n: int
    m: int | None = None
    d: Decimal = Decimal("1.5")
    e: Decimal | None = None
    x: float = 0.5
    y: float | None = None
    t: str = "a"
    b: bool = True
    s: Literal["open", "shut"] = "open"
    c: Colour | None = None
    day: dt.date | None = None
    at: dt.datetime | None = None
    w: dt.timedelta = dt.timedelta(hours=1)
    q: Annotated[int, Field(ge=0)] = 3
    u: int | str = 7
    inner: Inner | None = None
    owner: Inner = Inner(k=5)
    tags: list[int] = Field(default_factory=list)
    price: Money | None = None
    hour: dt.time | None = None


class Checked(Case):
    @field_validator("n")
    @classmethod
    def not_three(cls, n):
        if n == 3:
            raise ValueError("three")
        return n + 1


@dataclasses.dataclass
class Flat:
    n: int
    d: Decimal
    t: str | None
    x: float = 1.0
    at: dt.datetime | None = None


class Loose(TypedDict):
    n: int
    t: NotRequired[str]
    d: NotRequired[Decimal]


BERLIN = ZoneInfo("Europe/Berlin")
small = st.integers(-3, 5)
decimals = st.decimals(-3, 5, places=1)
floats = st.sampled_from([-1.5, -0.0, 0.1, 0.3, 0.30000000000000004, 2.0, 2.5, 1e300, 5e-324, 1e22])
moments = st.datetimes(
    dt.datetime(2026, 10, 25),  # noqa: DTZ001
    dt.datetime(2026, 10, 25, 3),  # noqa: DTZ001
    timezones=st.sampled_from([dt.UTC, BERLIN]),
).map(lambda moment: moment.replace(minute=0, second=0, microsecond=0))
naive = st.just(dt.datetime(2026, 10, 25))  # noqa: DTZ001
waits = st.sampled_from([dt.timedelta(hours=h) for h in (-24, 0, 1, 48)])
days = st.dates(dt.date(2026, 10, 24), dt.date(2026, 10, 26))
nothing = st.sampled_from([None, float("nan"), pd.NaT, pd.NA, Decimal("NaN")])
odd = st.sampled_from(
    [
        True,
        1,
        "1",
        " 2",
        "2.5",
        2.0,
        2.5,
        Decimal("2"),
        float("inf"),
        "x",
        "",
        [1],
        {"k": 1},
        2**70,
        -(2**63),
        "NaN",
        b"a",
    ]
)
prices = st.builds(Money.of, st.integers(0, 3), st.sampled_from(["EUR", "EUR", "EUR", "USD"]))
hours = st.sampled_from([dt.time(0), dt.time(8), dt.time(8, 30), dt.time(23, 59)])
VALUES = {
    "n": small | st.sampled_from([2**53 + 1, 2**62, -(2**63)]),
    "m": small,
    "d": decimals | small | floats,
    "e": decimals,
    "x": floats | small,
    "y": floats,
    "t": st.sampled_from(["a", "b", "c"]),
    "b": st.booleans(),
    "s": st.sampled_from(["open", "shut", "ajar"]),
    "c": st.sampled_from(["red", "blue", Colour.RED, "green"]),
    "day": days,
    "at": moments | naive,
    "w": waits,
    "q": small,
    "u": small | st.sampled_from(["a", "1"]),
    "tags": st.lists(small, max_size=3),
    "price": prices | st.sampled_from([{"amount": "2.50", "currency": "EUR"}, {"amount": 1.5, "currency": "EUR"}]),
    "hour": hours | st.just(dt.time(8, tzinfo=dt.UTC)),
}
DTYPES = {
    "n": ["int64", "int8", "float64", "Int64", "int64[pyarrow]", "category", "uint64"],
    "m": ["int64", "float64", "Int64", "float32"],
    "d": ["int64", "float64", "Int64", "Float64", "category", "float32"],
    "e": ["int64", "float64"],
    "x": ["float64", "int64", "Float64", "Int32", "float32"],
    "y": ["float64", "int64", "category"],
    "t": ["str", "category", "string"],
    "b": ["bool", "boolean", "int64"],
    "s": ["str", "category"],
    "c": ["str", "category"],
    "day": ["datetime64[ns]", "datetime64[us]", "datetime64[s]"],
    "at": ["datetime64[ns, UTC]", "datetime64[us, Europe/Berlin]", "datetime64[ns]"],
    "w": ["timedelta64[ns]", "timedelta64[us]", "timedelta64[s]"],
    "q": ["int64", "Int64", "float64"],
    "u": ["int64", "str", "category"],
    "k": ["int64", "Int64"],
    "tags": ["object"],
    "price": ["object"],
    "hour": ["object"],
}


@st.composite
def columns(draw, name, size):
    values = VALUES["n" if name == "k" else name]
    kind = draw(st.sampled_from(["clean", "clean", "gaps", "odd"]))
    if kind == "gaps":
        values = st.one_of(values, values, nothing)
    if kind == "odd":
        values = st.one_of(values, values, nothing, odd)
    column = pd.Series(draw(st.lists(values, min_size=size, max_size=size)), dtype=object)
    dtype = draw(st.sampled_from([*DTYPES[name], "object"]))
    try:
        if "datetime64" in dtype:
            moments = pd.to_datetime(column, utc=True)
            return (moments if "," in dtype else moments.dt.tz_convert(None)).astype(dtype)
        return column.astype(dtype)
    except (TypeError, ValueError, OverflowError, AttributeError, NotImplementedError, Warning):
        return column


inners = st.none() | st.fixed_dictionaries({}, optional={"k": small | odd, "t": nothing | st.just("a")}) | odd


@st.composite
def frames(draw, names):
    size = draw(st.integers(0, 6))
    chosen = draw(st.lists(st.sampled_from(names), unique=True))
    if draw(st.integers(0, 5)):
        chosen = ["n", *(name for name in chosen if name != "n")]
    frame = pd.DataFrame(index=range(size))
    for name in chosen:
        frame[name] = draw(columns(name, size))
    if "u" in names:
        for outer in ("inner", "owner"):
            how = draw(st.sampled_from(["none", "whole", "dotted", "dotted", "partly"]))
            if how == "whole":
                frame[outer] = pd.Series(draw(st.lists(inners, min_size=size, max_size=size)), dtype=object)
            if how == "dotted":
                frame[f"{outer}.k"] = draw(columns("k", size))
            if how in ("dotted", "partly"):
                frame[f"{outer}.t"] = draw(columns("t", size))
    return frame


def compared(field, constants, operators="< <= > >= == !="):
    return st.builds(
        lambda sign, constant: (
            {
                "<": field < constant,
                "<=": field <= constant,
                ">": field > constant,
                ">=": field >= constant,
            }[sign]
            if sign in ("<", "<=", ">", ">=")
            else (field == constant if sign == "==" else field != constant)
        ),
        st.sampled_from(operators.split()),
        constants,
    )


def equal(field, constants):
    return st.builds(lambda yes, constant: field == constant if yes else field != constant, st.booleans(), constants)


def simple(c):
    number = small | st.sampled_from([2**53 + 1, 2**62 + 1, 2**63, -(2**63), 10**400])
    return st.one_of(
        compared(c.n, number | decimals),
        compared(c.n, floats),
        compared(
            c.d,
            number | decimals | st.sampled_from([Decimal("0.3"), Decimal("0.30000000000000001"), Decimal("1E+400")]),
        ),
        compared(c.x, floats | number),
        st.lists(st.sampled_from(["a", "b", "d"]), min_size=1, max_size=2).map(c.t.is_in),
        equal(c.t, st.sampled_from(["a", "d"])),
        st.sampled_from([c.n.is_missing(), c.t.is_missing(), c.d.is_missing(), c.n * 2 > c.n + 3, c.n / c.n > 0]),
        st.just(abs(c.d - c.n) <= c.d * Decimal("0.5")),
    )


def more(c):
    return st.one_of(
        compared(c.m, small),
        compared(c.e, decimals),
        compared(c.y, floats),
        compared(c.q, small),
        compared(c.day, days),
        compared(c.at, moments),
        compared(c.w, waits),
        equal(c.b, st.booleans()),
        compared(c.price, prices),
        st.lists(st.integers(0, 3), min_size=1, max_size=2).map(
            lambda n: c.price.is_in(*(Money.of(x, "EUR") for x in n))
        ),
        compared(c.hour, hours),
        st.sampled_from(["a|b", "[b-z]", ".*"]).map(c.t.matches),
        equal(c.s, st.sampled_from(["open", "shut"])),
        equal(c.c, st.sampled_from(list(Colour))),
        equal(c.u, small | st.just("a")),
        equal(c.inner.t, st.just("a")),
        compared(c.inner.k, small),
        compared(c.owner.k, small),
        st.lists(small | floats, min_size=1, max_size=3).map(c.x.is_in),
        st.lists(decimals | small, min_size=1, max_size=3).map(c.d.is_in),
        st.sampled_from(
            [
                *(field.is_missing() for field in (c.m, c.e, c.y, c.at, c.inner, c.inner.k, c.owner.t, c.owner, c.w)),
                c.n > c.m,
                c.n < c.x,
                c.x / c.n > 1,
                c.n / c.m >= 1,
                c.x * 1e308 > c.y,
                c.d == c.e,
                c.n + c.m == c.n * c.m,
                c.d > c.n,
                c.at + c.w > c.at,
                c.day - dt.timedelta(days=1) < c.day,
                c.w * 2 > c.w,
                abs(c.n) > 2,
                c.inner.k > c.owner.k,
                c.tags.any_(lambda tag: tag > c.n),
                c.tags.all_(lambda tag: tag < 3),
                c.tags.count() > 1,
                c.tags.count(lambda tag: tag > c.m) >= c.n,
                c.price * 2 > c.price,
                c.n.between(0, 2),
                c.d.between(Decimal("0.1"), c.n),
            ]
        ),
    )


def conditions(leaves):
    return st.recursive(
        leaves,
        lambda inner: (
            st.builds(lambda a, b: a & b, inner, inner)
            | st.builds(lambda a, b: a | b, inner, inner)
            | st.builds(lambda a: ~a, inner)
        ),
        max_leaves=5,
    )
