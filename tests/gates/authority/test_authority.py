"""What of a case an approval authorises."""

import enum
import json
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from datetime import timedelta
from decimal import Decimal, localcontext
from typing import Annotated, Any, TypedDict

import pytest
from pydantic import BaseModel

from abpo_sdk import Decision, Personal, fields
from abpo_sdk.errors import AmountInvalid, DefinitionError, UnknownOutcome
from abpo_sdk.gates.authority.authority import Authority
from abpo_sdk.gates.authority.spend import Spend, comparable, spend_of


class Money(enum.Enum):
    EURO = "EUR"
    YEN = "JPY"


class Invoice(BaseModel):
    number: str
    supplier: str
    total: Decimal
    pieces: int = 1
    weight: float = 1.0
    currency: str = "EUR"
    coin: Money = Money.YEN
    order: str | None = None
    contact: Annotated[str, Personal("contact", subject_field="supplier")] = ""
    salary: Annotated[Decimal, Personal("salary", subject_field="supplier")] = Decimal(0)


i = fields(Invoice)


def authority(**changes):
    settings = {
        "amount": i.total,
        "currency": "EUR",
        "kind": "invoice",
        "approves": {"pay"},
        "counterparty": i.supplier,
        "linked": i.order,
    }
    return Authority(**(settings | changes))


def decision(case=None, outcomes=("pay", "reject"), **values):
    case = case or Invoice(**({"number": "7", "supplier": "ACME", "total": Decimal("900")} | values))
    return Decision("payment", "1", outcomes[0], outcomes[0], outcomes, 1.0, (), case, ())


def unchecked(**values):
    return Invoice.model_construct(**({"number": "7", "supplier": "ACME", "order": None} | values))


def test_an_outcome_that_approves_spends_the_amount_and_another_spends_nothing():
    spend = authority().of(decision(order="4711"), outcome="pay")
    assert str(spend.money) == "900.00 EUR"
    assert (spend.kind, spend.counterparty, spend.linked, spend.within) == (
        "invoice",
        "acme",
        "4711",
        timedelta(days=7),
    )
    assert authority().of(decision(), outcome="reject") is None


def test_the_currency_may_be_a_field_and_the_amount_may_be_computed():
    assert str(authority(currency=i.currency).spend(decision(currency="JPY")).money) == "900 JPY"
    assert str(authority(currency=i.coin).spend(decision()).money) == "900 JPY"
    assert str(authority(amount=i.total * i.pieces).spend(decision(pieces=3)).money) == "2,700.00 EUR"
    assert str(authority(amount=i.pieces).spend(decision(pieces=3)).money) == "3.00 EUR"


def test_a_case_may_be_a_mapping():
    class Claim(TypedDict):
        amount: Decimal

    claims = Authority(amount=fields(Claim).amount, currency="EUR", kind="claim", approves={"pay"})
    assert claims.spend(decision({"amount": Decimal("1.5")})).money.units == 150


def test_an_amount_is_computed_exactly_or_not_at_all():
    with localcontext(prec=3):
        assert authority(amount=i.total + i.pieces).spend(decision(total=Decimal("1234.56"))).money.units == 123556
    with pytest.raises(AmountInvalid, match=r"total .* / 3 has no value: Inexact"):
        authority(amount=i.total / 3).spend(decision(total=Decimal(100)))
    with pytest.raises(AmountInvalid, match="has no value: DivisionByZero"):
        authority(amount=i.total / i.pieces).spend(decision(pieces=0))


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (unchecked(total=Decimal("NaN")), "Invoice.total is .*NaN.*, not a finite number"),
        (unchecked(total=Decimal("-Infinity")), "not a finite number"),
        (unchecked(total=Decimal(-1)), "-1 EUR is negative"),
        (unchecked(total=Decimal("0.005")), "a part of the smallest unit"),
        (unchecked(total=12.5), "a float where decimal is declared"),
        (unchecked(total=None), "total is missing"),
        (unchecked(), "has no 'total'"),
        (unchecked(total=Decimal(1), supplier=" "), "supplier is blank"),
        (unchecked(total=Decimal(1), supplier="\u200b"), "supplier is blank"),
        (unchecked(total=Decimal(1), supplier=None), "supplier is missing"),
        (unchecked(total=Decimal(1), supplier="x" * 501), "named by 501 characters"),
        ({"total": Decimal(1)}, "was given Decision, dict"),
    ],
)
def test_a_case_whose_amount_cannot_be_approved_is_refused_by_name_and_may_still_be_rejected(case, message):
    with pytest.raises(AmountInvalid, match=message):
        authority().spend(decision(case))
    assert authority().of(decision(case), outcome="reject") is None
    opened = authority().opened(decision(case))
    assert spend_of(opened, outcome="reject") is None
    with pytest.raises(AmountInvalid, match=f"'pay' approves what cannot be held against a limit.*{message}"):
        spend_of(opened, outcome="pay", amount=Decimal(1))


class Giving(Decision):
    """A decision that gives something beside its outcome."""

    output = None


def giving(**output):
    plain = decision()
    made = Giving(**{f.name: getattr(plain, f.name) for f in dataclass_fields(Decision) if f.name != "output"})
    object.__setattr__(made, "output", output)
    return made


def test_what_the_decision_gives_is_what_is_spent_and_the_case_only_where_it_gives_nothing():
    named = authority(output="amount")
    assert named.spend(giving(amount=Decimal(1200))).money.units == 120000
    assert named.spend(giving(reserve=Decimal(1200))).money.units == 90000
    assert named.spend(decision()).money.units == 90000
    assert authority().spend(giving(amount=Decimal(1200))).money.units == 90000
    with pytest.raises(AmountInvalid, match="NaN is not a finite number"):
        named.spend(giving(amount=Decimal("NaN")))
    with pytest.raises(AmountInvalid, match="is a float"):
        named.spend(giving(amount=0.1))


@pytest.mark.parametrize("currency", ["euro", "XXX", "", "eur"])
def test_a_case_in_an_unknown_currency_is_refused(currency):
    with pytest.raises(AmountInvalid, match="currency"):
        authority(currency=i.currency).spend(decision(currency=currency))


def test_what_was_opened_is_enough_to_answer_elsewhere():
    opened = json.loads(json.dumps(authority().opened(decision(order="4711"))))
    assert spend_of(opened, outcome="pay") == authority().spend(decision(order="4711"))
    assert spend_of(opened, outcome="pay", amount=Decimal("850.25")).money.units == 85025
    assert spend_of(opened, outcome="pay", amount=Decimal("850.25")) == authority().of(
        decision(order="4711"), outcome="pay", edit=Decimal("850.25")
    )


@pytest.mark.parametrize("amount", [Decimal("NaN"), Decimal(-1), Decimal("0.001"), 1.5, "1"])
def test_an_amount_that_a_reviewer_put_in_place_is_checked_like_any(amount):
    with pytest.raises(AmountInvalid):
        spend_of(authority().opened(decision()), outcome="pay", amount=amount)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": "NaN"},
        {"amount": "-1"},
        {"amount": 1.5},
        {"amount": "x"},
        {"currency": "???"},
        {"decimals": 3},
        {"within": "x"},
        {"kind": 7},
    ],
)
def test_a_spend_that_was_tampered_with_is_refused(change):
    tree = authority().spend(decision()).to_json() | change
    with pytest.raises(AmountInvalid):
        Spend.from_json(tree)
    del tree["amount"]
    with pytest.raises(AmountInvalid, match="does not say what an approval amounts to"):
        Spend.from_json(tree)


def test_an_outcome_that_the_policy_does_not_know_would_approve_past_every_limit_and_is_refused():
    with pytest.raises(
        UnknownOutcome, match="the policy 'payment' does not know the outcome 'payy'; it knows pay, reject"
    ):
        authority(approves={"pay", "payy"}).of(decision(), outcome="pay")
    with pytest.raises(UnknownOutcome):
        authority(approves={"payy"}).opened(decision())


@pytest.mark.parametrize("name", ["ACME Ltd", " acme  ltd", "ＡＣＭＥ Ltd", "AC\u200bME\tLTD", "acme\u202e ltd\n"])
def test_another_spelling_is_the_same_counterparty(name):
    assert comparable(name) == "acme ltd"


@dataclass
class Loose:
    anything: Any


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"amount": i.weight}, "amount=weight is float, not decimal or integer; declare it as Decimal"),
        ({"amount": i.supplier}, "amount=supplier is text"),
        ({"amount": fields(Loose).anything}, "amount=anything is value"),
        ({"amount": 5}, "amount=5 is none; write a field"),
        ({"amount": i.total > 3}, "is none; write a field"),
        ({"amount": i.salary}, "amount reads salary, which is personal"),
        ({"amount": i.total + i.salary}, "amount reads salary, which is personal"),
        ({"counterparty": i.contact}, "counterparty reads contact, which is personal.*an id of your own"),
        ({"linked": i.contact}, "linked reads contact, which is personal"),
        ({"currency": i.contact}, "currency reads contact, which is personal"),
        ({"linked": "4711"}, "linked='4711' is none"),
        ({"counterparty": i.total}, "counterparty=total is decimal"),
        ({"currency": "EURO"}, "the currency 'EURO' is unknown"),
        ({"currency": ""}, "there is no currency"),
        ({"currency": i.total}, "currency=total is decimal"),
        ({"minor_units": {"EUR": 0}}, "ISO 4217 gives EUR 2"),
        ({"approves": "pay"}, "approves='pay' are no outcomes"),
        ({"approves": set()}, "are no outcomes"),
        ({"kind": " "}, "names no kind"),
        ({"output": ""}, "output='' names no output"),
        ({"within": timedelta(0)}, "within=0:00:00 must be whole seconds"),
        ({"within": timedelta(seconds=1.5)}, "whole seconds"),
        ({"within": 7}, "within=7 is no duration"),
    ],
)
def test_what_is_declared_wrongly_is_refused_by_name(changes, message):
    with pytest.raises(DefinitionError, match=message):
        authority(**changes)


def test_its_structure_changes_with_whatever_changes_what_is_authorised():
    changes = [
        {}, {"amount": i.total * 2}, {"currency": "JPY"}, {"currency": i.currency}, {"kind": "claim"}, {"approves": {"pay", "reject"}},
        {"counterparty": None}, {"linked": None}, {"within": timedelta(days=8)}, {"minor_units": {"USDC": 6}},
        {"output": "amount"},
    ]  # fmt: skip
    structures = {json.dumps(authority(**change).structure(), sort_keys=True) for change in changes}
    assert len(structures) == len(changes)
    assert authority().structure() == authority().structure()
    assert {field.name for field in authority(currency=i.currency).fields()} == {
        "total",
        "currency",
        "supplier",
        "order",
    }
