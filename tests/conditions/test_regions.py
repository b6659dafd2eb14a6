"""Conditions as boxes of regions, against their evaluation on one case."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk.conditions import Condition, Reading, fields
from abpo_sdk.conditions.expressions import node_of
from abpo_sdk.conditions.regions.space import bits_of, regions_of
from abpo_sdk.errors import InputError, MissingInput, MistypedInput

from .test_conditions_hold_as_python_says import CASES, CONDITIONS, condition, is_plain


class Size(Enum):
    SMALL = 1
    LARGE = 2


@dataclass
class Order:
    total: Decimal
    lines: int


@dataclass
class Claim:
    amount: int
    total: Decimal
    rate: float
    country: str
    state: Literal["open", "shut"]
    size: Size
    urgent: bool
    day: dt.date
    order: Order | None = None
    note: str | None = None


c = fields(Claim)


def made(tree):
    """A condition from its tree; None where it is refused when written (unlike constants, an overflow)."""
    try:
        return condition(tree)
    except (ArithmeticError, InputError):
        return None


WRITTEN = CONDITIONS.filter(is_plain).map(made).filter(lambda written: written is not None)


@settings(max_examples=200, deadline=None)
@given(st.lists(WRITTEN, min_size=1, max_size=4), CASES, st.sampled_from([1, 3, 256]))
def test_a_condition_holds_in_its_boxes_and_nowhere_else(conditions, case, limit):
    space = regions_of(conditions, limit=limit)
    try:
        place = space.place(Reading(case))
        expected = [written.evaluate(Reading(case)) for written in conditions]
    except InputError:
        return
    assert [boxes.holds(*place) for boxes in space.holds] == expected
    assert not any(boxes.holds(*place) for boxes in space.refuses)


@settings(max_examples=150, deadline=None)
@given(st.lists(WRITTEN, min_size=1, max_size=3), CASES)
def test_where_every_input_may_be_missing_a_condition_holds_fails_or_refuses_as_it_is_read(conditions, case):
    every = [field for written in conditions for field in written.fields()]
    space = regions_of(conditions, missing=every)
    indexes = [axis.index(Reading(case).value(axis.field, missing_ok=True)) for axis in space.axes]
    truths = []
    for atom in space.atoms:
        try:
            truths.append(atom.condition.evaluate(Reading(case)))
        except MissingInput:
            truths.append(False)
        except MistypedInput:
            return
    for written, holds, refuses in zip(conditions, space.holds, space.refuses, strict=True):
        try:
            expected = "holds" if written.evaluate(Reading(case)) else "fails"
        except MissingInput:
            expected = "refuses"
        assert holds.holds(indexes, truths) is (expected == "holds")
        assert refuses.holds(indexes, truths) is (expected == "refuses")


@settings(max_examples=200, deadline=None)
@given(st.lists(WRITTEN, min_size=1, max_size=4))
def test_the_example_of_a_region_lies_in_it(conditions):
    for axis in regions_of(conditions).axes:
        for index in bits_of(axis.possible & axis.present):
            example = axis.region(index).example()
            if axis.tests and example is None:
                continue
            assert example is not None
            assert axis.index(example) == index
            for near in (index - 2, index + 2):
                close = axis.example(index, axis.example(near) if 0 <= near < axis.size else None)
                assert axis.index(close) == index


def test_between_neighbours_lies_nothing():
    space = regions_of(
        [
            c.amount > 3,
            c.amount < 4,
            c.day == dt.date(2026, 3, 1),
            c.day > dt.date(2026, 3, 2),
            c.total > 3,
            c.total < 4,
        ]
    )
    amount, day, total = space.axes
    assert amount.region(2).example() is None
    assert day.region(2).example() is None
    assert total.region(2).example() == Decimal("3.5")
    assert amount.possible == 0b11011


@pytest.mark.parametrize(
    ("written", "index", "text"),
    [
        (c.amount.is_in(100, 500), 2, "amount in (100..500)"),
        (c.amount.is_in(100, 500), 1, "amount is 100"),
        (c.amount > 500, 2, "amount > 500"),
        (c.total < 500, 0, "total < 500"),
        (c.country == "DE", 0, "country is 'DE'"),
        (c.country == "DE", 1, "country is another than 'DE'"),
        (c.state == "open", 1, "state is 'shut'"),
        (c.size == Size.LARGE, 1, "size is 2"),
        (c.urgent == True, 0, "urgent is false"),  # noqa: E712
        (c.note.is_missing(), 1, "note is missing"),
    ],
)
def test_a_region_reads_as_a_sentence(written, index, text):
    assert regions_of([written]).axes[0].region(index).text == text


def test_several_regions_read_as_one():
    [axis] = regions_of([c.amount.is_in(100, 500)]).axes
    assert axis.words(0b00111) == "amount < 500"
    assert axis.words(0b01110) == "amount in [100..500]"
    assert axis.words(0b10101) == "amount is not 100, 500"
    assert axis.words(0b10001) == "amount < 100 or amount > 500"
    assert axis.words(0b11111) == "amount is anything"
    assert axis.words(0) == "amount is nothing"
    [axis] = regions_of([c.country.is_in("DE", "FR")]).axes
    assert axis.words(0b011) == "country is one of 'DE', 'FR'"
    assert axis.words(0b101) == "country is not 'FR'"


@pytest.mark.parametrize(
    ("written", "allowed"),
    [
        (c.amount * 2 + 1 > 5, {3, 4, 5}),
        (10 - c.amount >= 8, {0, 1, 2}),
        (c.amount * 3 == 4, set()),
        (c.amount * 3 != 4, set(range(6))),
        (c.amount + c.amount <= c.amount + 3, {0, 1, 2, 3}),
        ((c.amount * 2).is_in(2, 3), {1}),
        (c.amount - c.amount == 0, set(range(6))),
    ],
)
def test_arithmetic_on_one_whole_number_is_solved(written, allowed):
    space = regions_of([written])
    [axis] = space.axes
    assert space.holds[0].exact
    for value in range(6):
        assert space.holds[0].holds([axis.index(value)]) is (value in allowed)


@pytest.mark.parametrize(("written", "holds"), [(c.total <= c.total, True), (c.country != c.country, False)])
def test_a_field_compared_with_itself_is_no_atom(written, holds):
    space = regions_of([written])
    assert space.holds[0].exact
    assert space.holds[0].holds([0]) is holds


def test_what_mixes_inputs_is_one_atom_however_it_is_turned():
    conditions = [c.amount < c.total, ~(c.amount < c.total), c.total > c.amount, c.amount >= c.total, c.total * 2 > 5]
    space = regions_of(conditions)
    assert [atom.text for atom in space.atoms] == ["amount < total", "total * 2 > 5"]
    assert [boxes.boxes[0].atoms for boxes in space.holds] == [
        ((0, True),),
        ((0, False),),
        ((0, True),),
        ((0, False),),
        ((1, True),),
    ]
    assert not space.axes
    assert not space.holds[0].exact


def test_a_condition_with_too_many_boxes_says_what_it_cut():
    names = ("amount", "total", "rate", "country", "day")
    either = [
        (c[name] == value) | (c.urgent == True)  # noqa: E712
        for name, value in zip(names, (1, 1, 1.0, "DE", dt.date(2026, 1, 1)), strict=True)
    ]
    whole = ~either[0]
    for part in either:
        whole = whole | ~part
    never = ~whole
    for part in either:
        never = never & (part | (c.state == "open") & (c.size == Size.LARGE))
    assert not regions_of([never]).holds[0].cut
    [boxes] = regions_of([never], limit=2).holds
    assert boxes.cut
    assert not boxes.exact


def test_a_field_of_an_object_that_may_be_missing_is_missing_with_it():
    space = regions_of([c.order.is_missing(), c.order.total > 5])
    order, total = space.axes
    assert (order.name, total.name, total.missing) == ("order", "order.total", True)
    assert len(space.universe) == 2
    assert space.holds[1].boxes[0].axes == ((1, 1 << 2),)
    assert space.refuses[1].boxes[0].axes == ((1, 1 << 3),)


def test_a_missing_value_for_which_no_condition_asks_is_refused():
    [axis] = regions_of([c.note == "x"]).axes
    with pytest.raises(MissingInput, match="note is missing"):
        axis.index(None)


def test_a_value_that_is_none_of_the_choices_is_refused():
    [axis] = regions_of([c.state == "open"]).axes
    with pytest.raises(MistypedInput, match="state is 'ajar'"):
        axis.index("ajar")


class EndsWith(Condition):
    """A kind of condition that the regions do not know."""

    def __init__(self, item, end):
        self.item, self.end = item, end

    def compiled(self):
        return lambda reading: str(reading.value(self.item)).endswith(self.end)

    def written(self, reading):
        return f"{self.item.written(reading)} ends with {self.end!r}"

    def structure(self):
        return {"op": "ends", "item": self.item.structure(), "end": self.end}

    def fields(self):
        yield self.item


def ends(field, end):
    return EndsWith(node_of(field), end)


def test_a_test_of_one_text_splits_the_texts_that_no_condition_names():
    space = regions_of([ends(c.country, "A"), (c.country == "USA") | ends(c.country, "2"), ~ends(c.country, "A")])
    [axis] = space.axes
    for text in ("USA", "RA", "12", "DE", ""):
        held = [boxes.holds([axis.index(text)]) for boxes in space.holds]
        assert held == [text.endswith("A"), text == "USA" or text.endswith("2"), not text.endswith("A")]
    assert all(boxes.exact for boxes in space.holds)
    assert axis.region(2).text == "country is another, where country ends with 'A' and not (country ends with '2')"
    assert axis.region(2).example() == "A"
    assert axis.region(4).example() is None  # no text ends with both, which nobody knows


def test_tests_beyond_the_fourth_are_atoms():
    space = regions_of([ends(c.country, str(number)) for number in range(6)])
    assert [boxes.exact for boxes in space.holds] == [True] * 4 + [False] * 2
    assert len(space.atoms) == 2


def test_a_condition_of_an_unknown_kind_is_exact_on_a_choice_and_an_atom_on_a_number():
    space = regions_of([ends(c.state, "t"), ends(c.amount, "0")])
    assert space.holds[0].boxes[0].axes == ((0, 0b10),)
    assert [atom.text for atom in space.atoms] == ["amount ends with '0'"]


def test_times_in_the_hour_that_a_zone_repeats_are_in_order():
    @dataclass
    class Call:
        at: dt.datetime

    zone = ZoneInfo("Europe/Berlin")
    summer, winter = (dt.datetime(2026, 10, 25, 2, 30, tzinfo=zone, fold=fold) for fold in (0, 1))
    early = summer.replace(minute=45)  # by the clock after `winter`, and an hour before it
    space = regions_of([fields(Call).at < winter, fields(Call).at >= summer])
    [axis] = space.axes
    assert [axis.index(time) for time in (summer, early, winter)] == [1, 2, 3]
    assert axis.region(2).text == "at in (2026-10-25 02:30+02:00..2026-10-25 02:30+01:00)"
    for time in (summer, early, winter):
        held = [condition.evaluate(Reading(Call(time))) for condition in space.conditions]
        assert [boxes.holds([axis.index(time)]) for boxes in space.holds] == held
