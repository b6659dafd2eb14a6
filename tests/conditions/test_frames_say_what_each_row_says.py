"""Random conditions on random frames, against each row as a case of its own."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk.conditions import fields
from tests.conditions.frame_strategies import (
    VALUES,
    Case,
    Checked,
    Flat,
    Loose,
    compared,
    conditions,
    decimals,
    equal,
    frames,
    moments,
    more,
    simple,
    small,
)
from tests.conditions.rows_one_by_one import asked_at_once, asked_one_by_one


def agrees(condition, frame, model):
    assert list(asked_at_once(condition, frame)) == list(asked_one_by_one(condition, frame, model)), (
        frame.dtypes,
        frame.to_dict("list"),
    )


@settings(max_examples=150, deadline=None)
@given(conditions(simple(fields(Case)) | more(fields(Case))), frames(sorted(VALUES)))
def test_of_a_pydantic_model(condition, frame):
    agrees(condition, frame, Case)


@settings(max_examples=40, deadline=None)
@given(conditions(simple(fields(Checked)) | more(fields(Checked))), frames(sorted(VALUES)))
def test_of_a_model_with_a_validator_of_its_own(condition, frame):
    agrees(condition, frame, Checked)
    assert condition.holds_frame(frame).by_row


@settings(max_examples=80, deadline=None)
@given(conditions(simple(fields(Flat)) | compared(fields(Flat).at, moments)), frames(["n", "d", "t", "x", "at"]))
def test_of_a_dataclass(condition, frame):
    agrees(condition, frame, Flat)
    assert not condition.holds_frame(frame).by_row


@settings(max_examples=80, deadline=None)
@given(
    conditions(
        st.one_of(
            compared(fields(Loose).n, small),
            equal(fields(Loose).t, st.just("a")),
            compared(fields(Loose).d, decimals),
            st.just(fields(Loose).t.is_missing()),
        )
    ),
    frames(["n", "d", "t"]),
)
def test_of_a_typed_dictionary(condition, frame):
    agrees(condition, frame, Loose)
    assert not condition.holds_frame(frame).by_row


def test_of_no_rows():
    truth = (fields(Case).n > 1).holds_frame(pd.DataFrame({"n": np.array([], dtype=np.int64)}))
    assert truth.holds.tolist() == []
