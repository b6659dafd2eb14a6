"""`cases` makes what a model takes and a ledger stores, often at an edge, and says clearly where it cannot."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired
from uuid import UUID

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FutureDate,
    HttpUrl,
    NaiveDatetime,
    PastDatetime,
    RootModel,
    TypeAdapter,
    field_validator,
    model_validator,
)
from typing_extensions import TypedDict

from abpo_sdk import Ledger, Personal
from abpo_sdk.errors import CasesRejected, DefinitionError, UnknownField
from abpo_sdk.ledger.decisions import encode_case
from abpo_sdk.testing import cases
from abpo_sdk.values.canonical import parse_json
from abpo_sdk.values.encoded import file_digest
from abpo_sdk.values.encoding import Codec
from examples.invoices.pay import PaymentCase


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Part(BaseModel):
    code: Annotated[str, Field(pattern=r"^[A-Z]{2}-\d+$", max_length=6)]
    children: list[Part] = []


@dataclasses.dataclass
class Address:
    city: Annotated[str, Field(min_length=2, max_length=12)]
    number: int = 1
    seen: list[str] = dataclasses.field(default_factory=list, init=False)


class Extras(TypedDict):
    weight: float
    note: NotRequired[str]


class Order(BaseModel):
    model_config = ConfigDict(strict=True)

    number: Annotated[str, Field(min_length=1, max_length=8)]
    amount: Annotated[Decimal, Field(gt=0, max_digits=7, decimal_places=2)] = Field(alias="Amount")
    step: Annotated[Decimal, Field(multiple_of=Decimal("0.05"), ge=-1, le=1)]
    count: Annotated[int, Field(ge=3, lt=9)]
    even: Annotated[int, Field(multiple_of=2)]
    anything: int
    ratio: Annotated[float, Field(gt=0, lt=1)]
    share: float
    colour: Colour
    kind: Literal["goods", "services"] | None
    day: Annotated[dt.date, Field(ge=dt.date(2026, 1, 1))]
    until: FutureDate
    at: AwareDatetime
    before: PastDatetime
    hour: Annotated[dt.time, Field(ge=dt.time(8), lt=dt.time(18))]
    patience: Annotated[dt.timedelta, Field(gt=dt.timedelta(0))]
    parts: Annotated[tuple[Part, ...], Field(min_length=1)]
    tags: frozenset[str]
    by_day: dict[dt.date, Decimal]
    pair: tuple[int, str]
    address: Address
    extras: Extras
    page: HttpUrl
    file: Path
    key: UUID
    code: bytes
    more: dict[str, Any]
    either: int | str
    iban: Annotated[str | None, Personal("bank account", subject_field="number")]


@given(cases(Order, near=[10_000]))
@settings(max_examples=150)
def test_a_made_case_is_valid_and_a_ledger_stores_it_as_it_is(order: Order) -> None:
    again = Order.model_validate({f: getattr(order, f) for f in Order.model_fields}, by_name=True)
    assert again == order
    codec = Codec(Order, where="the test")
    encoded, back = codec.round_trip(order)
    assert back == order
    assert codec.decode(parse_json(encoded.json)) == order


@given(cases(Order))
@settings(max_examples=100)
def test_the_limits_of_the_model_are_kept(order: Order) -> None:
    assert 0 < order.amount < 100_000
    assert order.amount == round(order.amount, 2)
    assert 3 <= order.count < 9
    assert order.even % 2 == 0
    assert abs(order.anything) < 2**53
    assert order.step % Decimal("0.05") == 0
    assert 0 < order.ratio < 1
    assert 1 <= len(order.number) <= 8
    assert 2 <= len(order.address.city) <= 12
    assert order.at.tzinfo is dt.UTC
    assert order.at.fold == 0
    assert order.before < dt.datetime.now(dt.UTC)
    assert order.until > dt.datetime.now(dt.UTC).date()
    assert dt.time(8) <= order.hour < dt.time(18)
    assert order.address.seen == []
    assert order.parts
    assert order.iban is None or order.number


@given(cases(PaymentCase, near=[10_000]))
@settings(max_examples=30)
def test_cases_of_the_example_can_be_recorded(case: PaymentCase) -> None:
    assert parse_json(encode_case(case, file_digest).json)


@pytest.mark.parametrize(
    "wanted",
    [Decimal(0), Decimal("-0.01"), Decimal("9999.99"), Decimal(10_000), Decimal("10000.01"), Decimal(10_001)],
    ids=str,
)
def test_the_constants_of_conditions_and_their_neighbours_are_among_the_cases(wanted: Decimal) -> None:
    class Claim(BaseModel):
        amount: Decimal

    assert find(cases(Claim, near=[10_000]), lambda claim: claim.amount == wanted).amount == wanted


@pytest.mark.parametrize("near", [dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC), dt.date(2026, 3, 1), "SPECIAL", 0.1])
def test_constants_of_each_kind_are_among_the_cases_of_their_fields(near: Any) -> None:
    model = dataclasses.make_dataclass("Holder", [("value", type(near))])
    assert find(cases(model, near=[near]), lambda case: case.value == near).value == near


def test_amounts_are_written_with_and_without_cents() -> None:
    class Claim(BaseModel):
        amount: Decimal

    assert str(find(cases(Claim), lambda claim: str(claim.amount) == "1.00").amount) == "1.00"
    assert str(find(cases(Claim), lambda claim: str(claim.amount) == "1").amount) == "1"


@given(
    low=st.decimals(-1000, 1000, places=3),
    size=st.decimals("0.001", 1000, places=3),
    data=st.data(),
)
@settings(max_examples=60)
def test_decimals_lie_between_any_limits(low: Decimal, size: Decimal, data: st.DataObject) -> None:
    annotation = Annotated[Decimal, Field(ge=low, lt=low + size)]
    model = dataclasses.make_dataclass("Limited", [("value", annotation)])
    assert low <= data.draw(cases(model)).value < low + size


@given(st.integers(-(2**60), 2**60), st.integers(0, 2**40), st.data())
def test_whole_numbers_lie_between_any_limits_and_within_what_json_has_exactly(
    low: int, size: int, data: st.DataObject
) -> None:
    model = dataclasses.make_dataclass("Limited", [("value", Annotated[int, Field(ge=low, le=low + size)])])
    if low > 2**53 - 1 or low + size < -(2**53 - 1):
        with pytest.raises(DefinitionError, match=r"Limited\.value: no number that a ledger can store has ge="):
            cases(model)
    else:
        value = data.draw(cases(model)).value
        assert low <= value <= low + size
        assert abs(value) < 2**53


def test_a_typed_dictionary_a_dataclass_and_a_root_model_are_models_too() -> None:
    class Names(RootModel[list[str]]):
        pass

    assert "note" in find(cases(Extras), lambda extras: "note" in extras)
    assert "note" not in find(cases(Extras), lambda extras: "note" not in extras)
    assert isinstance(find(cases(Address), lambda _: True), Address)
    assert find(cases(Names), lambda names: len(names.root) == 1).root


def test_a_field_may_be_given_as_a_value_or_as_a_strategy() -> None:
    made = cases(Address, city="Berlin", number=st.integers(5, 6))
    assert find(made, lambda address: address.number == 6) == Address("Berlin", 6)
    with pytest.raises(NoSuchExample):
        find(made, lambda address: address.city != "Berlin" or address.number not in (5, 6))


def test_a_given_field_that_may_be_left_out_is_not() -> None:
    with pytest.raises(NoSuchExample):
        find(cases(Extras, note="fragile"), lambda extras: extras.get("note") != "fragile")


def test_an_unknown_field_is_named_with_the_nearest() -> None:
    with pytest.raises(
        UnknownField, match=r"cases\(Address, town=...\): Address has no field 'town'; it has city, number"
    ):
        cases(Address, town="Berlin")
    with pytest.raises(UnknownField, match="did you mean 'number'"):
        cases(Address, nubmer=1)


def test_a_given_value_that_the_model_does_not_take_is_named() -> None:
    with pytest.raises(
        DefinitionError, match=r"cases\(Address, city=''\): Address does not take this value: .* 2 char"
    ):
        find(cases(Address, city=""), lambda _: True)


class Period(BaseModel):
    start: dt.date
    end: dt.date

    @model_validator(mode="after")
    def in_order(self) -> Period:
        if self.start > self.end:
            raise ValueError("it ends before it starts")
        return self


class Account(BaseModel):
    iban: str

    @field_validator("iban")
    @classmethod
    def checked(cls, iban: str) -> str:
        if iban != "DE02120300000000202051":
            raise ValueError("no such account")
        return iban


@given(cases(Period))
def test_what_a_validator_refuses_is_left_out(period: Period) -> None:
    assert period.start <= period.end


class Contract(BaseModel):
    number: str
    periods: list[Period]


@given(cases(Contract))
@settings(max_examples=50)
def test_nested_models_are_asked_one_by_one(contract: Contract) -> None:
    assert all(period.start <= period.end for period in contract.periods)


def test_it_fails_with_the_reason_where_nearly_all_are_refused() -> None:
    @given(cases(Account))
    @settings(database=None)
    def test(account: Account) -> None: ...

    with pytest.raises(CasesRejected, match=r"cases\(Account\): .* of .* drawn cases were refused, .* no such account"):
        test()
    given_one = cases(Account, iban="DE02120300000000202051")
    assert find(given_one, lambda _: True).iban.startswith("DE")


def test_it_fails_with_the_reason_where_no_ledger_could_store_them() -> None:
    class Visit(BaseModel):
        at: dt.datetime

    @given(cases(Visit, at=st.datetimes()))
    @settings(database=None)
    def test(visit: Visit) -> None: ...

    with pytest.raises(CasesRejected, match=r"no ledger could store it: .* a time without a zone"):
        test()


def test_types_that_nobody_knows_how_to_make_are_named_with_the_field() -> None:
    class Odd(BaseModel):
        number: complex

    class Local(BaseModel):
        at: NaiveDatetime

    class Backwards(BaseModel):
        code: Annotated[str, Field(pattern=r"^\p{Greek}+$")]

    with pytest.raises(DefinitionError, match=r"Odd\.number: nobody knows how to make a complex; give a value"):
        cases(Odd)
    with pytest.raises(
        DefinitionError, match=r"Local\.at: it takes times that are not in UTC alone; declare it as Aware"
    ):
        cases(Local)
    with pytest.raises(DefinitionError, match=r"Backwards\.code: Python cannot read its pattern"):
        cases(Backwards)
    with pytest.raises(
        DefinitionError, match=r"cases.<class .int.*: give a pydantic model, a dataclass or a typed dictionary"
    ):
        cases(int)
    with pytest.raises(DefinitionError, match=r"Narrow\.day: nothing has ge=2026-02-01, le=2026-01-01"):
        cases(
            dataclasses.make_dataclass(
                "Narrow", [("day", Annotated[dt.date, Field(ge=dt.date(2026, 2, 1), le=dt.date(2026, 1, 1))])]
            )
        )


def test_a_validator_in_an_annotation_is_asked() -> None:
    class Even(BaseModel):
        number: Annotated[int, AfterValidator(lambda number: number - number % 2)]

    assert find(cases(Even), lambda even: even.number > 1).number == 2


class Applicant(BaseModel):
    id: str | None
    name: Annotated[str | None, Personal("name", subject_field="id")]


@given(cases(Applicant))
def test_what_is_personal_has_a_subject(applicant: Applicant) -> None:
    assert applicant.name is None or applicant.id
    with Ledger("sqlite://"):
        Codec(Applicant, where="the test").round_trip(applicant)


def test_nobody_need_be_named_where_nothing_is_said_of_them() -> None:
    assert find(cases(Applicant), lambda applicant: not applicant.id).name is None


@given(cases(Part))
def test_a_model_within_itself_comes_to_an_end(part: Part) -> None:
    assert TypeAdapter(Part).validate_python(part) is part
    assert all(not inner.children for child in part.children for inner in child.children)


def test_without_hypothesis_the_error_names_what_to_install() -> None:
    script = (
        "import sys\n"
        "import abpo_sdk.testing as testing\n"
        "assert 'hypothesis' not in sys.modules\n"
        "sys.modules['hypothesis'] = None\n"
        "from pydantic import BaseModel\n"
        "try:\n    testing.cases(BaseModel)\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("DefinitionError")
    assert 'pip install "abpo_sdk[testing]"' in done.stdout
