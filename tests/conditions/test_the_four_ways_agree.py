"""One condition, evaluated on a case, on a frame, as a text, and as regions: all four say the same."""

import re
from dataclasses import asdict, dataclass
from decimal import Decimal

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk.conditions import Condition, Reading, fields
from abpo_sdk.conditions.condition import Not
from abpo_sdk.conditions.regions.space import regions_of


@dataclass
class Case:
    n: int
    m: int
    d: Decimal


c = fields(Case)
NUMBERS = st.sampled_from([c.n, c.m, c.d])
LIMITS = st.integers(-1500, 1500) | st.decimals(-3, 3, places=1)
SIGNS = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
LEAVES = (
    st.builds(lambda sign, field, limit: SIGNS[sign](field, limit), st.sampled_from(list(SIGNS)), NUMBERS, LIMITS)
    | st.builds(lambda sign, a, b: SIGNS[sign](a, b), st.sampled_from(list(SIGNS)), NUMBERS, NUMBERS)
    | st.builds(lambda field, limits: field.is_in(*limits), NUMBERS, st.lists(LIMITS, min_size=1, max_size=3))
    | st.builds(lambda field, a, b: field.between(min(a, b), max(a, b)), NUMBERS, LIMITS, LIMITS)
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(lambda a, b: a & b, inner, inner)
        | st.builds(lambda a, b: a | b, inner, inner)
        | st.builds(lambda a: ~a, inner)
        | st.builds(Not, inner)
    ),
    max_leaves=5,
)
CASES = st.builds(Case, n=st.integers(-1500, 1500), m=st.integers(-3, 3), d=st.decimals(-3, 3, places=1))


def what_the_text_says(text: str) -> bool:
    """The truth of a text such as "n 1,400 > 1,000 and not (m is 2)", by Python's own reading of its figures."""
    text = re.sub(r"(?<=\d),(?=\d)", "", text)
    text = re.sub(r"\b[nmd] is (?:[nmd] )?-?[\d.]+", "True", text)  # what is said so is equal
    text = re.sub(r"\b[nmd] (?=-?\d)", "", text)
    text = re.sub(r"in \(([^()]*)\)", r"in (\1,)", text)
    return bool(eval(re.sub(r"-?\d+(?:\.\d+)?", lambda figure: f"Decimal('{figure[0]}')", text), {"Decimal": Decimal}))


@settings(max_examples=300, deadline=None)
@given(CONDITIONS, st.lists(CASES, min_size=1, max_size=4))
def test_a_case_a_frame_a_text_and_regions_say_the_same_of_a_condition(condition: Condition, cases: list[Case]) -> None:
    space = regions_of([condition])
    on_frame = condition.holds_frame(pd.DataFrame([asdict(case) for case in cases]))
    assert not on_frame.missing.any()
    assert not on_frame.mistyped.any()
    for case, in_frame in zip(cases, on_frame.holds, strict=True):
        holds = condition.holds(case)
        assert in_frame == holds
        assert what_the_text_says(condition.text(case)) is holds
        assert space.holds[0].holds(*space.place(Reading(case))) is holds
