"""A case type with a field of every sort, and strategies for conditions, expressions and trees about it."""

import datetime as dt
import enum
from decimal import Decimal
from typing import Any, Literal

from hypothesis import strategies as st
from typing_extensions import TypedDict

from abpo_sdk.conditions import fields
from abpo_sdk.policies.feel import syntax


class Grade(enum.Enum):
    A = "a"
    B = "b c"
    C = "c"


Applicant = TypedDict("Applicant", {"Age": int, "is member": bool})
Case = TypedDict(
    "Case",
    {
        "Age": int,
        "Pre-bureau/Risk Category": int,
        "Ordered": Decimal,
        "ratio": float,
        "Risk": Literal["Low", "Medium", "High"],
        "grade": Grade,
        "ok": bool,
        "name": str | None,
        "date of birth": dt.date,
        "at": dt.datetime,
        "took": dt.timedelta,
        "not after": dt.date,
        "Applicant": Applicant,
        "anything": Any,
        "tags": list[str],
    },
)
NAMES = {name: fields(Case)[name] for name in Case.__annotations__}

decimals = st.decimals(min_value=-(10**6), max_value=10**6, places=3)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
moments = st.datetimes(timezones=st.just(dt.UTC) | st.just(dt.timezone(dt.timedelta(hours=-3, minutes=-30))))
durations = st.timedeltas()
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "Age": st.integers(-(10**33), 10**33) | st.integers(-3, 3),
    "Pre-bureau/Risk Category": st.integers(-3, 3),
    "Ordered": decimals,
    "ratio": st.floats(allow_nan=False, allow_infinity=False),
    "Risk": st.sampled_from(["Low", "Medium", "High"]),
    "grade": st.sampled_from(Grade),
    "ok": st.booleans(),
    "name": texts,
    "date of birth": st.dates(),
    "not after": st.dates(),
    "at": moments,
    "took": durations,
}
ORDERED = ["Age", "Pre-bureau/Risk Category", "Ordered", "ratio", "date of birth", "not after", "at", "took"]
OTHERS = {
    "Age": [NAMES["Pre-bureau/Risk Category"], NAMES["Applicant"]["Age"] * 2 - 1],
    "Pre-bureau/Risk Category": [NAMES["Age"], abs(NAMES["Age"] - 7)],
    "Ordered": [NAMES["Age"] * Decimal("0.02"), NAMES["Ordered"] / (NAMES["Age"] - 3)],
    "ratio": [NAMES["ratio"] * 0.5, -NAMES["ratio"]],
    "date of birth": [NAMES["not after"], NAMES["not after"] + dt.timedelta(days=3)],
    "not after": [NAMES["date of birth"]],
    "at": [NAMES["at"] - NAMES["took"]],
    "took": [NAMES["took"] * 2],
}

cases = st.fixed_dictionaries(
    {
        **VALUES,
        "Age": st.integers(-3, 8),
        "name": st.none() | st.sampled_from(["a", "b"]),
        "took": st.timedeltas(dt.timedelta(-9), dt.timedelta(9)),
        "at": st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC)),  # noqa: DTZ001
        "Applicant": st.fixed_dictionaries({"Age": st.integers(-3, 8), "is member": st.booleans()}),
    }
)


@st.composite
def asked_of(draw, name):
    """A condition about one field, as a cell may ask it."""
    field = NAMES[name]
    constant = VALUES[name]
    shape = draw(st.sampled_from(["equal", "unequal", "among", "order", "interval", "other", "missing"]))
    if shape == "missing" and name == "name":
        return field.is_missing()
    if name in ORDERED and shape in ("order", "interval", "other"):
        bound = st.sampled_from(OTHERS[name]) if shape == "other" else constant
        if shape == "interval":
            low, high = draw(constant), draw(constant)
            below = field <= high if draw(st.booleans()) else field < high
            return (field >= low if draw(st.booleans()) else field > low) & below
        operator = draw(st.sampled_from(["__lt__", "__le__", "__gt__", "__ge__", "__eq__"]))
        return getattr(field, operator)(draw(bound))
    if shape == "among":
        return field.is_in(draw(st.lists(constant, min_size=2, max_size=4, unique=True)))
    return field != draw(constant) if shape == "unequal" else field == draw(constant)


@st.composite
def conditions(draw, names=tuple(VALUES), depth=3):
    """Any condition over the fields."""
    if depth == 0 or draw(st.booleans()):
        return draw(asked_of(draw(st.sampled_from(names))))
    shape = draw(st.sampled_from(["and", "or", "not"]))
    one = draw(conditions(names, depth - 1))
    if shape == "not":
        return ~one
    other = draw(conditions(names, depth - 1))
    return one & other if shape == "and" else one | other


literals = st.builds(
    syntax.Literal,
    st.none() | st.booleans() | decimals | texts | st.dates() | moments | durations,
)
names = st.sampled_from(sorted(set(NAMES) - {"Applicant"})).map(syntax.Name)
paths = st.sampled_from(["Age", "is member"]).map(lambda name: syntax.Path(syntax.Name("Applicant"), name))
KEYS = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=5)


def _larger(part):
    operators = st.sampled_from(["+", "-", "*", "/", "**"])
    compare = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
    intervals = st.builds(syntax.Interval, part, part, st.booleans(), st.booleans())
    tests = st.lists(part | intervals | st.builds(syntax.Endpoint, compare, part), min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(syntax.Arithmetic, operators, part, part),
        part.filter(lambda p: not (isinstance(p, syntax.Literal) and isinstance(p.value, Decimal))).map(
            syntax.Negation
        ),
        st.builds(syntax.Comparison, compare, part, part),
        st.builds(syntax.Both, part, part),
        st.builds(syntax.Either, part, part),
        st.builds(syntax.Not, part),
        st.builds(syntax.Among, part, tests),
        st.builds(syntax.Call, st.sampled_from(["abs", "max"]), st.lists(part, max_size=3).map(tuple)),
        st.builds(syntax.Choice, part, part, part),
        st.lists(part, max_size=3).map(tuple).map(syntax.Items),
        st.dictionaries(KEYS, part, max_size=2).map(lambda d: syntax.Entries(tuple(d.items()))),
    )


trees = st.recursive(literals | names | paths | st.just(syntax.Input()), _larger, max_leaves=8)
