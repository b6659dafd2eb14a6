"""Decision tables: the first rule that applies decides, and the decision says why, on what and by which version."""

import datetime as dt
import math
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from abpo_sdk import DecisionTable, Personal, Policy, fields, key_scope, rule
from abpo_sdk.errors import DefinitionError, MissingInput, MistypedInput
from abpo_sdk.policies import Rule


class Invoice(BaseModel):
    total: Decimal
    ordered: Decimal | None = None
    country: str = "DE"
    supplier: str = "acme"
    iban: Annotated[str, Personal("bank account", subject_field="supplier")] = "SECRET"


i = fields(Invoice)
NEGATIVE = rule(i.total <= 0, then="reject", because="the total is not positive")
ORDERED = rule(
    abs(i.total - i.ordered) <= i.ordered * Decimal("0.02"), then="pay", because="it was ordered", name="ordered"
)
ABROAD = rule(i.country.is_in("FR", "PL"), then="pay", because="the country is known")


def table(*rules, name="payment", otherwise="refer", **more):
    return DecisionTable(name, *rules, otherwise=otherwise, **more)


PAYMENT = table(NEGATIVE, ORDERED, ABROAD, owner="head of accounts payable")


def invoice(total="100", ordered="100", **more):
    return Invoice(total=Decimal(total), ordered=None if ordered is None else Decimal(ordered), **more)


# Which rule decides


@pytest.mark.parametrize(
    ("case", "outcome", "code"),
    [
        (invoice("-1"), "reject", "payment.1"),
        (invoice("102"), "pay", "payment.ordered"),
        (invoice("103"), "refer", "payment.otherwise"),
        (invoice("103", country="PL"), "pay", "payment.3"),
        (invoice("-1", "-1", country="PL"), "reject", "payment.1"),
    ],
)
def test_the_first_rule_that_applies_decides(case, outcome, code):
    decision = PAYMENT(case)
    assert (decision.outcome, decision.reasons[0].code) == (outcome, code)


class Numbers(BaseModel):
    a: int
    b: int


n = fields(Numbers)
COMPARISONS = {"<": int.__lt__, ">": int.__gt__, "==": int.__eq__}
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.sampled_from(list(COMPARISONS)),
        st.integers(-2, 2),
        st.sampled_from(["x", "y", "z"]),
    ),
    min_size=1,
    max_size=6,
)


def condition(name, comparison, limit):
    field = n[name]
    return {"<": field < limit, ">": field > limit, "==": field == limit}[comparison]


@settings(max_examples=200, deadline=None)
@given(ROWS, st.integers(-3, 3), st.integers(-3, 3))
def test_a_table_decides_as_a_chain_of_if_and_elif_does(rows, a, b):
    made = table(*(rule(condition(*row[:3]), then=row[3], because="so") for row in rows), name="t", otherwise="none")
    expected, number, read = "none", "otherwise", []
    for position, (name, comparison, limit, then) in enumerate(rows, start=1):
        read.append(name)
        if COMPARISONS[comparison]({"a": a, "b": b}[name], limit):
            expected, number = then, position
            break
    decision = made(Numbers(a=a, b=b))
    assert decision.outcome == expected
    assert decision.reasons[0].code == f"t.{number}"
    assert decision.inputs == tuple(dict.fromkeys(read))


def test_rules_below_the_one_that_applies_are_not_looked_at():
    unanswerable = rule(i.ordered > 5, then="pay", because="never")
    assert table(NEGATIVE, unanswerable)(invoice("-1", None)).outcome == "reject"
    with pytest.raises(MissingInput, match=r"Invoice\.ordered is missing"):
        table(NEGATIVE, unanswerable)(invoice("1", None))


def test_a_missing_value_never_falls_through_to_otherwise():
    with pytest.raises(MissingInput, match=r"Invoice\.ordered is missing"):
        PAYMENT(invoice("100", None))


# What the decision says


def test_a_decision_says_everything_that_it_stands_on():
    case = invoice("12400", "12400")
    decision = PAYMENT(case)
    assert (decision.policy, decision.version, decision.owner) == (
        "payment",
        PAYMENT.version,
        "head of accounts payable",
    )
    assert (decision.outcome, decision.proposed, decision.outcomes) == ("pay", "pay", ("reject", "pay", "refer"))
    assert (decision.confidence, decision.calibrated, decision.decided_by) == (1.0, False, "policy")
    assert decision.case is case
    assert decision.inputs == ("total", "ordered")
    assert (decision.id, decision.at, decision.gate) == (None, None, None)


def test_the_reason_is_the_rules_with_the_values_of_the_case():
    [reason] = PAYMENT(invoice("12400", "12400")).reasons
    assert (reason.rank, reason.code, reason.text, reason.stage) == (1, "payment.ordered", "it was ordered", "payment")
    assert (reason.factor, reason.value) == ("total", "12,400")
    assert reason.condition == "abs(total 12,400 - ordered 12,400) <= ordered 12,400 * 0.02"


def test_where_no_rule_applies_the_reason_says_so():
    [reason] = PAYMENT(invoice("500")).reasons
    assert (reason.code, reason.text, reason.factor, reason.condition) == (
        "payment.otherwise",
        "no rule applies",
        None,
        None,
    )


@pytest.mark.parametrize(
    ("case", "inputs"),
    [
        (invoice("-1"), ("total",)),
        (invoice("100"), ("total", "ordered")),
        (invoice("500"), ("total", "ordered", "country")),
    ],
)
def test_the_inputs_are_exactly_the_fields_that_were_read(case, inputs):
    assert PAYMENT(case).inputs == inputs


def test_personal_values_are_masked_in_reasons():
    blocked = table(rule((i.iban == "SECRET") & (i.iban != "x"), then="stop", because="the account is blocked"))
    [reason] = blocked(invoice()).reasons
    assert (reason.factor, reason.value) == ("iban", "<bank account>")
    assert reason.condition == "iban is <bank account> and iban <bank account> != 'x'"
    assert "SECRET" not in repr(reason)


def test_a_rule_about_a_missing_value_gives_a_reason_although_its_other_side_has_no_answer():
    absent = table(rule(i.ordered.is_missing() | (i.ordered == 0), then="ask", because="there is no order"))
    [reason] = absent(invoice("1", None)).reasons
    assert (reason.value, reason.condition) == ("(missing)", "ordered is missing or ordered (missing) == 0")


def test_outcomes_are_named_once_in_the_order_of_the_rules():
    assert PAYMENT.outcomes == ("reject", "pay", "refer")
    assert table(NEGATIVE, otherwise="reject").outcomes == ("reject",)


def test_deciding_twice_gives_equal_decisions():
    assert PAYMENT(invoice()) == PAYMENT(invoice())


# The version


def test_the_version_is_that_of_the_content_and_not_of_the_owner_or_the_layout():
    again = DecisionTable(
        "payment",
        rule(
            i.total <= 0,
            because="the total is not positive",
            then="reject",
        ),
        ORDERED,
        rule(i["country"].is_in({"PL", "FR"}), then="pay", because="the country is known"),
        otherwise="refer",
        owner="somebody else",
    )
    assert again.version == PAYMENT.version
    assert len(PAYMENT.version) == 16


OTHERS = {
    "another name": table(NEGATIVE, ORDERED, ABROAD, name="payments"),
    "another otherwise": table(NEGATIVE, ORDERED, ABROAD, otherwise="reject"),
    "a rule less": table(NEGATIVE, ORDERED),
    "a rule twice": table(NEGATIVE, NEGATIVE, ORDERED, ABROAD),
    "another order": table(ORDERED, NEGATIVE, ABROAD),
    "another limit": table(replace(NEGATIVE, when=i.total <= 1), ORDERED, ABROAD),
    "another operator": table(replace(NEGATIVE, when=i.total < 0), ORDERED, ABROAD),
    "another field": table(replace(NEGATIVE, when=i.ordered <= 0), ORDERED, ABROAD),
    "another outcome": table(replace(NEGATIVE, then="refer"), ORDERED, ABROAD),
    "another reason": table(replace(NEGATIVE, because="it is negative"), ORDERED, ABROAD),
    "another name of a rule": table(replace(NEGATIVE, name="negative"), ORDERED, ABROAD),
    "another member": table(NEGATIVE, ORDERED, replace(ABROAD, when=i.country.is_in("FR", "IT"))),
}


def test_whatever_changes_a_decision_or_its_reasons_changes_the_version():
    versions = {what: made.version for what, made in OTHERS.items()}
    assert len({PAYMENT.version, *versions.values()}) == len(OTHERS) + 1, versions


def test_a_decision_carries_the_version_that_made_it():
    assert (
        OTHERS["another limit"](invoice("1")).version == OTHERS["another limit"].version != PAYMENT(invoice()).version
    )


# Mappings as cases


def test_a_mapping_is_a_case_like_the_object_that_it_describes():
    decision = PAYMENT({"total": "100", "ordered": 100, "country": "DE"})
    assert decision == PAYMENT(invoice())
    assert isinstance(decision.case, Invoice)


class Order(BaseModel):
    amount: Decimal
    pieces: list[int] = []
    size: tuple[str, int] = ("a", 1)


class Payee(BaseModel):
    owner: str
    iban: Annotated[str, Personal("bank account", subject_field="owner")]

    def model_post_init(self, context):
        if self.iban.startswith("XX"):
            raise ValueError(f"no account is {self.iban}")


class Claim(BaseModel):
    model_config = ConfigDict(extra="forbid")

    amount: int
    limit: float = 1.0
    certain: bool = True
    order: Order | None = None
    orders: list[Order] = []
    payee: Payee | None = None
    payees: dict[str, list[Payee]] = {}
    others: list["Claim"] = []
    either: Payee | Order | None = None
    rate: float = Field(1.0, alias="theRate")
    owner: str = "acme"
    salary: Annotated[Decimal, Personal("salary", subject_field="owner")] = Decimal(1)


CLAIMS = table(rule(fields(Claim).amount > 10, then="pay", because="large"), name="claims")


@pytest.mark.parametrize(
    ("case", "text"),
    [
        ({"amount": True}, "policy 'claims': Claim.amount is True, a bool where a number is declared"),
        ({"amount": 1, "limit": False}, "Claim.limit is False, a bool"),
        ({"amount": 1, "theRate": True}, "Claim.theRate is True"),
        ({"amount": 1, "order": {"amount": True}}, "Claim.order.amount is True"),
        ({"amount": 1, "order": {"amount": 1, "pieces": [1, True]}}, "Claim.order.pieces.1 is True"),
        ({"amount": 1, "order": {"amount": 1, "size": ("a", True)}}, "Claim.order.size.1 is True"),
        ({"amount": 1, "orders": [{"amount": 1}, {"amount": False}]}, "Claim.orders.1.amount is False"),
        (
            {"amount": "many"},
            "amount: Input should be a valid integer, unable to parse string as an integer (it is 'many')",
        ),
        ({"amount": 1.5}, "amount: Input should be a valid integer, got a number with a fractional part (it is 1.5)"),
        ({"amount": math.nan}, "amount: Input should be a finite number (it is nan)"),
        ({"amount": math.inf}, "amount: Input should be a finite number (it is inf)"),
        ({"amount": 1, "order": {"amount": "NaN"}}, "order.amount: Input should be a finite number (it is 'NaN')"),
        ({"amount": None}, "amount: Input should be a valid integer (it is None)"),
        ({"amount": [1]}, "amount: Input should be a valid integer"),
        ({"amount": 1, "order": {}, "certain": "perhaps"}, "order.amount: Field required"),
        ({"amount": 1, "amuont": 5}, "amuont: Extra inputs are not permitted"),
        ({1: 2, "amount": 1}, "Keys should be strings"),
        (5, "policy 'claims' decides about Claim, and was given a int"),
        (None, "policy 'claims' decides about Claim, and was given a NoneType"),
        (invoice(), "policy 'claims' decides about Claim, and was given a Invoice"),
    ],
)
def test_a_mapping_that_is_no_case_is_refused_and_names_field_and_value(case, text):
    with pytest.raises(MistypedInput) as error:
        CLAIMS(case)
    assert text in str(error.value)


def test_a_mapping_that_lacks_fields_names_them():
    with pytest.raises(MissingInput, match="policy 'claims': the case is no Claim: amount: Field required"):
        CLAIMS({})
    with pytest.raises(MissingInput, match=r"orders\.0\.amount: Field required"):
        CLAIMS({"amount": 1, "orders": [{}]})


def test_truth_values_stay_where_they_are_declared():
    assert CLAIMS({"amount": 1, "certain": False}).case.certain is False


@pytest.mark.parametrize(
    "case",
    [
        {"amount": 1, "salary": "SECRET"},
        {"amount": 1, "salary": ["SECRET"]},
        {"amount": "x", "salary": "SECRET"},
        {"amount": 1, "payee": "SECRET"},
        {"amount": 1, "payee": {"owner": "a", "iban": ["SECRET"]}},
        {"amount": 1, "payee": {"iban": "SECRET"}},
        {"amount": 1, "payee": {"owner": "a", "iban": "XX SECRET"}},
        {"amount": 1, "payees": {"x": [{"owner": "a", "iban": 4242}]}},
        {"amount": 1, "payees": {"x": [{"owner": 5, "iban": "SECRET"}]}},
        {"amount": 1, "payees": "SECRET"},
        {"amount": 1, "payees": {"x": "SECRET"}},
        {"amount": 1, "ibann": "SECRET"},
        {"amount": 1, "salary": True},
        {"amount": 1, "others": [{"salary": True}]},
        {"amount": 1, "either": {"owner": "a", "iban": "XX SECRET"}},
        {"amount": 1, "either": {"owner": "a", "iban": ["SECRET"]}},
    ],
)
def test_personal_values_never_stand_in_messages(case):
    with pytest.raises((MistypedInput, MissingInput)) as error:
        CLAIMS(case)
    assert not any(secret in str(error.value) for secret in ("SECRET", "4242", "True"))
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__ or error.value.__context__ is None


@dataclass
class Account:
    total: Decimal
    at: dt.datetime | None = None
    limit: float = 0.5


a = fields(Account)
ACCOUNTS = table(rule((a.total > 10) & (a.limit < 1), then="pay", because="large"), name="accounts")


def test_a_dataclass_is_checked_where_it_is_read():
    assert ACCOUNTS(Account(Decimal(11))).outcome == "pay"
    assert ACCOUNTS({"total": "11"}).case == Account(Decimal(11))
    with pytest.raises(MistypedInput, match=r"Account\.total is True, a bool where decimal is declared"):
        ACCOUNTS(Account(True))
    with pytest.raises(MistypedInput, match=r"Account.total is Decimal\('NaN'\), not a finite number"):
        ACCOUNTS(Account(Decimal("NaN")))
    with pytest.raises(MistypedInput, match=r"Account\.limit is nan"):
        ACCOUNTS({"total": 11, "limit": math.nan})
    with pytest.raises(MissingInput, match=r"Account\.total is missing"):
        ACCOUNTS(Account(None))
    assert ACCOUNTS(Account(Decimal(1), limit=math.nan)).outcome == "refer"


def test_an_object_of_a_subclass_is_a_case():
    class Credit(Invoice):
        pass

    assert PAYMENT(Credit(total=Decimal(-1))).outcome == "reject"


class Row(TypedDict):
    total: int
    note: str


def test_a_typed_dictionary_is_a_case_type():
    rows = table(rule(fields(Row).total > 10, then="pay", because="large"), name="rows")
    assert rows({"total": 11, "note": "x"}).outcome == "pay"
    with pytest.raises(MistypedInput, match=r"Row\.total is True"):
        rows({"total": True, "note": "x"})
    with pytest.raises(MissingInput, match="note: Field required"):
        rows({"total": 11})


# Refused when declared


class Marked(TypedDict):
    owner: str
    iban: Annotated[str, Personal("bank account", subject_field="owner")]


@pytest.mark.parametrize(
    ("declare", "text"),
    [
        (lambda: rule(True, then="pay", because="x"), r"rule\(True, ...\): give a condition"),
        (lambda: rule(i.country, then="pay", because="x"), "give a condition"),
        (lambda: rule(i.total > 1, then="", because="x"), r"the rule for \(total > 1\) needs an outcome"),
        (lambda: rule(i.total > 1, then="pay", because=""), r"needs an outcome \(then=\) and a reason \(because=\)"),
        (lambda: rule(i.total > 1, then="pay", because="  "), "needs an outcome"),
        (lambda: table(), "table 'payment' needs a name, at least one rule"),
        (lambda: table(NEGATIVE, name=""), "needs a name"),
        (lambda: table(NEGATIVE, otherwise=""), "otherwise= for cases that no rule covers"),
        (lambda: table(i.total > 1), "was given <condition total > 1> as a rule; write rule"),
        (lambda: table([NEGATIVE, ORDERED]), "as a rule; write rule"),
        (
            lambda: table(NEGATIVE, rule(fields(Claim).amount > 1, then="pay", because="x")),
            "table 'payment' has rules about Invoice, Claim; a table is about one model",
        ),
        (
            lambda: table(rule(fields(Marked).owner == "a", then="pay", because="x")),
            "Marked has personal fields.*could not be encrypted; make it a pydantic model or a dataclass",
        ),
    ],
)
def test_a_table_that_is_declared_wrongly_is_refused_and_told_why(declare, text):
    with pytest.raises(DefinitionError, match=text):
        declare()


# A plain callable


def test_a_table_is_a_plain_callable_in_and_outside_of_a_key_scope():
    alone = PAYMENT(invoice())
    with key_scope("INV-7"):
        assert PAYMENT(invoice()) == alone
        assert [d.outcome for d in map(PAYMENT, [invoice("-1"), invoice("500")])] == ["reject", "refer"]


def test_a_table_is_a_policy_and_shows_what_it_is():
    assert isinstance(PAYMENT, Policy)
    assert repr(PAYMENT) == f"<table payment, 3 rules, version {PAYMENT.version}>"
    assert PAYMENT.rules == (NEGATIVE, ORDERED, ABROAD)
    assert isinstance(NEGATIVE, Rule)
    assert PAYMENT.case_type is Invoice
