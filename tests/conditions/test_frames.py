"""What a condition says of the rows of a frame, and of what it cannot say it."""

import datetime as dt
from decimal import Decimal
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from abpo_sdk import Decision
from abpo_sdk.conditions import always, fields
from abpo_sdk.conditions.condition import Condition
from abpo_sdk.errors import DefinitionError, MistypedInput
from tests.conditions.rows_one_by_one import asked_at_once, asked_one_by_one


class Supplier(BaseModel):
    country: str
    rating: int | None = None


class Invoice(BaseModel):
    total: Decimal
    lines: int = 1
    rate: float = 0.5
    kind: Literal["goods", "services"] = "goods"
    paid_at: dt.datetime | None = None
    supplier: Supplier | None = None


i = fields(Invoice)


def said(condition, **columns):
    frame = pd.DataFrame(columns)
    at_once = list(asked_at_once(condition, frame))
    assert at_once == list(asked_one_by_one(condition, frame, Invoice))
    return at_once


def test_floats_stand_for_the_decimals_that_they_are_written_as():
    assert said(i.total == Decimal("0.1"), total=[0.1, 0.1 + 1e-18, 0.2]) == ["holds", "holds", "does not"]
    assert said(i.total >= Decimal("0.1"), total=[np.nextafter(0.1, 0), 0.1]) == ["does not", "holds"]
    assert said(i.total > Decimal("0.10000000000000000001"), total=[0.1, np.nextafter(0.1, 1)]) == ["does not", "holds"]


def test_large_integers_are_told_from_their_neighbours():
    at = 2**53
    assert said(i.lines > float(at), total=[1, 1], lines=[at, at + 1]) == ["does not", "holds"]
    assert said(i.lines * i.lines > 4, total=[1, 1], lines=[2**40, 2]) == ["holds", "does not"]
    assert said(i.lines < Decimal("1E+30"), total=[1], lines=[2**63 - 1]) == ["holds"]


def test_an_empty_cell_is_missing_even_where_the_field_has_a_default():
    for nothing in (None, np.nan, pd.NA, pd.NaT):
        assert said(i.total > 1, total=[5, 5], lines=pd.Series([2, nothing], dtype=object)) == ["holds", "missing"]


def test_a_column_that_is_not_there_is_the_fields_default_or_missing():
    assert said(i.lines == 1, total=[5]) == ["holds"]
    assert said(i.lines == 1, lines=[1, 1]) == ["missing", "missing"]


def test_a_number_that_would_be_cut_is_mistyped():
    assert said(i.lines > 1, total=[1, 1, 1], lines=[2.0, 2.5, np.inf]) == ["holds", "mistyped", "mistyped"]


def test_a_bool_for_a_number_is_mistyped():
    assert said(i.lines > 0, total=[1], lines=[True]) == ["mistyped"]
    assert said(i.lines > 0, total=[1, 1], lines=pd.Series([1, True], dtype=object)) == ["holds", "mistyped"]


def test_a_value_that_is_no_choice_is_mistyped():
    assert said(i.kind == "goods", total=[1, 1], kind=["goods", "gods"]) == ["holds", "mistyped"]


def test_infinity_and_a_time_without_a_zone_are_mistyped_where_they_are_read():
    assert said(i.rate > 0, total=[1, 1], rate=[1.0, np.inf]) == ["holds", "mistyped"]
    assert said(i.total > 0, total=[1], rate=[np.inf]) == ["holds"]
    times = pd.to_datetime(["2026-03-01"])
    assert said(i.paid_at > dt.datetime(2026, 1, 1, tzinfo=dt.UTC), total=[1], paid_at=times) == ["mistyped"]
    assert said(i.paid_at > dt.datetime(2026, 1, 1, tzinfo=dt.UTC), total=[1], paid_at=times.tz_localize("UTC")) == [
        "holds"
    ]


def test_what_is_not_reached_is_not_missing():
    late = (i.total > 100) & (i.supplier.rating > 3)
    columns = {"total": [5, 500, 500], "supplier.country": ["DE"] * 3, "supplier.rating": [np.nan, np.nan, 4]}
    assert said(late, **columns) == ["does not", "missing", "holds"]
    assert said((i.total < 100) | (i.supplier.rating > 3), **columns) == ["holds", "missing", "holds"]
    assert said(~late, **columns) == ["holds", "missing", "does not"]


def test_a_nested_model_is_dotted_columns_or_a_column_of_mappings():
    abroad = i.supplier.country != "DE"
    whole = [{"country": "DE"}, {"country": "FR"}, None, {}, {"country": 5}]
    found = ["does not", "holds", "missing", "missing", "mistyped"]
    assert said(abroad, total=[1] * 5, supplier=whole) == found
    dotted = {"supplier.country": ["DE", "FR", None], "supplier.rating": [1.0, 2.0, np.nan]}
    assert said(abroad, total=[1] * 3, **dotted) == found[:3]
    assert said(i.supplier.is_missing(), total=[1] * 3, **dotted) == ["does not", "does not", "holds"]


def test_the_field_that_is_missing_is_named():
    frame = pd.DataFrame({"total": [1, 1, None], "supplier": [None, {"country": "DE"}, None]})
    truth = (i.supplier.rating > 1).holds_frame(frame)
    assert truth.missing.all()
    assert truth.field.tolist() == ["supplier", "supplier.rating", "total"]


def test_a_quotient_without_a_value_is_mistyped_and_named_by_the_condition():
    truth = (i.rate / i.lines > 1).holds_frame(pd.DataFrame({"total": [1, 1], "rate": [4.0, 4.0], "lines": [0, 2]}))
    assert truth.mistyped.tolist() == [True, False]
    assert truth.field[0] == "rate / lines > 1"


def test_texts_are_alike_in_every_dtype():
    for dtype in ("str", "object", "category", "string", "string[pyarrow]"):
        kinds = pd.Series(["goods", "services"], dtype=dtype)
        assert said(i.kind == "goods", total=[1, 1], kind=kinds) == ["holds", "does not"]


def test_times_of_a_zone_that_sets_its_clocks_back_compare_as_python_has_it():
    twice = pd.to_datetime(["2026-10-25 00:30", "2026-10-25 01:30"], utc=True).tz_convert("Europe/Berlin")
    for moment in twice:
        said(i.paid_at == moment.to_pydatetime(), total=[1, 1], paid_at=twice)
        said(i.paid_at <= dt.datetime(2026, 10, 25, 1, tzinfo=dt.UTC), total=[1, 1], paid_at=twice)


class Aliased(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    size: int = Field(alias="Size", ge=0)
    name: str = "none"


def test_a_column_is_called_by_the_alias_and_taken_with_the_models_own_settings():
    a = fields(Aliased)
    frame = pd.DataFrame({"Size": [3, -1], "name": [" x ", "x"], "other": [1, 2]})
    assert list(asked_at_once(a.name == "x", frame)) == ["holds", "mistyped"]
    assert list(asked_one_by_one(a.name == "x", frame, Aliased)) == ["holds", "mistyped"]


class Order(BaseModel):
    ordered: int
    billed: int

    @model_validator(mode="after")
    def billed_what_was_ordered(self):
        if self.billed > self.ordered:
            raise ValueError("more than was ordered")
        return self


def test_of_a_model_with_a_validator_each_row_is_made_a_case():
    frame = pd.DataFrame({"ordered": [5, 5], "billed": [4, 6]})
    truth = (fields(Order).billed > 3).holds_frame(frame)
    assert truth.by_row
    assert (truth.holds.tolist(), truth.mistyped.tolist()) == ([True, False], [False, True])


class LinesTotal(Condition):
    """Reads a field that it does not name."""

    def compiled(self):
        return lambda reading: reading.thing(next(self.fields())).lines > 2

    def written(self, reading):
        return "more than two lines"

    def structure(self):
        return {"op": "lines"}

    def fields(self):
        yield from (i.total > 0).fields()


def test_a_condition_of_an_unknown_kind_is_asked_of_each_case():
    assert said(LinesTotal() & (i.total > 1), total=[5, 5, 0], lines=[3, 2, 3]) == ["holds", "does not", "does not"]


def test_what_is_no_frame_of_one_models_cases_is_refused():
    with pytest.raises(MistypedInput, match="of type dict; give a pandas DataFrame"):
        (i.total > 1).holds_frame({"total": [1]})
    with pytest.raises(MistypedInput, match="2 columns 'total'"):
        (i.total > 1).holds_frame(pd.DataFrame([[1, 2]], columns=["total", "total"]))
    with pytest.raises(DefinitionError, match="about Invoice, Decision"):
        ((i.total > 1) & (fields(Decision).outcome == "pay")).holds_frame(pd.DataFrame({"total": [1]}))


def test_a_condition_that_reads_nothing_says_the_same_of_every_row():
    assert always.holds_frame(pd.DataFrame({"total": [1, None]})).holds.tolist() == [True, True]
    assert always.holds_frame(pd.DataFrame()).holds.tolist() == []
