"""What holds of every case, and what of none."""

import copy
import pickle
from dataclasses import dataclass

import pytest

from abpo_sdk.conditions import Reading, always, fields, never
from abpo_sdk.conditions.condition import constants_for, models_of
from abpo_sdk.errors import MissingInput, NoTruthValue, UnlikeTypes


@dataclass
class Case:
    count: int | None = 3


c = fields(Case)
large = c.count > 1


def test_always_holds_of_every_case_and_of_nothing_and_reads_no_field():
    reading = Reading(Case())
    assert always.evaluate(reading)
    assert always.holds()
    assert not reading.read
    assert not list(always.fields())
    assert models_of([always]) == []
    assert constants_for(always, Case, frozenset({"count"})) == set()


def test_always_and_never_are_read_as_words():
    assert always.text() == always.text(Case()) == "always"
    assert never.text() == never.text(Case()) == "never"
    assert always.because(Case()) == ("always",)
    assert never.because(Case()) == ()


def test_not_always_is_never_and_never_holds():
    assert ~always is never
    assert ~never is always
    assert not never.holds(Case())
    assert always.structure() != never.structure()


@pytest.mark.parametrize(
    ("combined", "same"),
    [
        (always & large, large),
        (large & always, large),
        (always | large, always),
        (never | large, large),
        (large | never, large),
        (never & large, never),
        (always & never, never),
        (never | always, always),
    ],
)
def test_a_combination_that_adds_nothing_is_the_condition_itself(combined, same):
    assert combined is same


def test_what_stands_on_the_left_of_always_is_still_looked_at():
    assert (large | always).holds(Case(0))
    assert not (large & never).holds(Case(5))
    for condition in (large | always, large & never):
        with pytest.raises(MissingInput):
            condition.holds(Case(None))


def test_always_stays_itself_when_it_is_copied_or_pickled():
    for condition in (always, never):
        assert copy.deepcopy(condition) is condition
        assert pickle.loads(pickle.dumps(condition)) is condition


def test_always_has_no_truth_value_and_takes_conditions_alone():
    with pytest.raises(NoTruthValue):
        bool(always)
    with pytest.raises(UnlikeTypes):
        always & True
