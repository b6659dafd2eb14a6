"""Conditions about what a policy read: certain fields of the case, or anything personal."""

from dataclasses import dataclass, replace
from typing import Annotated, NotRequired

import pytest
from pydantic import BaseModel
from typing_extensions import TypedDict

from abpo_sdk import Decision, DecisionTable, Gate, fields, rule
from abpo_sdk.errors import DefinitionError, InputError
from abpo_sdk.gates.fields_read import reads, reads_personal
from abpo_sdk.values import Personal

IBAN = Personal("bank account", subject_field="name")
HEALTH = Personal("health", subject_field="name")


@dataclass
class Payee:
    name: str
    iban: Annotated[str, IBAN] = "DE12"


class Applicant(BaseModel):
    name: str = "A-1"
    income: int = 10
    age: int = 40
    payee: Payee = Payee("P-1")
    other: Payee | None = None
    history: list[Payee] = []
    either: Payee | int = 0
    noted: Annotated[Payee, "a note"] | None = None
    health: Annotated[dict[str, str] | None, HEALTH] = None
    extra: dict[str, str] = {}

    @property
    def score(self):
        return self.income


class Order(BaseModel):
    total: int = 1

    @property
    def double(self):
        return 2 * self.total


a, d = fields(Applicant), fields(Decision)
GRANT = Decision("credit", "1", "grant", "grant", ("grant", "refuse"), 1.0, (), Applicant(), ())


def check(when, *inputs, case=None):
    decision = replace(GRANT, inputs=inputs, case=Applicant() if case is None else case)
    return Gate("sensitive", when=when, to="officer").check(decision)


# Certain fields


def test_a_field_that_the_policy_read_is_named():
    assert check(reads(a.age, a.income), "name", "age").why == ("the policy read age",)
    assert check(reads(a.age, a.income), "income", "age").why == ("the policy read age, income",)
    assert check(reads(a.payee.iban), "payee.iban").why == ("the policy read payee.iban <bank account>",)
    assert not check(reads(a.age), "name", "income").needed
    assert not check(reads(a.age)).needed


def test_a_field_counts_with_what_it_holds_and_with_what_holds_it():
    assert check(reads(a.payee), "payee.iban").needed
    assert check(reads(a.payee.iban), "payee").needed
    assert not check(reads(a.payee.iban), "payee.name").needed
    assert not check(reads(a.age), "agenda").needed


def test_what_a_table_read_is_seen_by_the_gate_behind_it():
    table = DecisionTable(
        "credit",
        rule(a.income < 5, then="refuse", because="the income is low"),
        rule(a.age < 18, then="refuse", because="under age"),
        otherwise="grant",
    )
    gate = Gate("sensitive", when=reads(a.age), to="officer")
    assert gate.check(table(Applicant())).needed
    assert not gate.check(table(Applicant(income=1))).needed


def test_it_combines_and_is_readable_without_a_case():
    assert (reads(a.age, a.income) & (d.outcome == "grant")).text() == (
        "the policy read one of age, income and outcome == 'grant'"
    )
    assert (~reads(a.age)).text() == "not (the policy read age)"
    assert check(~reads(a.age)).why == ("not (the policy read age)",)


def test_the_case_may_be_a_mapping():
    assert check(reads(a.age), "age", case={"age": 40}).needed
    assert not check(reads(a.age), "income", case={"age": 40}).needed


def test_a_case_of_another_type_is_refused():
    with pytest.raises(InputError, match=r"is about fields of Applicant, and the decision is about a Order"):
        check(reads(a.age), "total", case=Order())
    with pytest.raises(InputError, match=r"is about fields of Applicant, and the decision is about a Order"):
        check(reads_personal(Applicant), "total", case=Order())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: reads(), "name at least one field"),
        (lambda: reads("age"), r"reads\('age'\): name fields"),
        (lambda: reads(a), r"reads\(fields\(Applicant\)\): name fields"),
        (lambda: reads(a.age * 2), "name fields"),
        (lambda: reads(a.age > 2), "name fields"),
        (lambda: reads(a.age, fields(Order).total), "names fields of Applicant, Order; name fields of one model"),
        (lambda: reads(d.inputs), "names fields of Decision"),
        (lambda: reads_personal(int), r"fields\(<class 'int'>\)"),
        (lambda: reads_personal("Applicant"), r"fields\('Applicant'\)"),
    ],
)
def test_a_condition_about_no_field_is_refused(make, message):
    with pytest.raises(DefinitionError, match=message):
        make()


def test_the_version_changes_with_the_fields_and_not_with_their_order():
    def version(when):
        return Gate("g", when=when, to="officer").version

    conditions = [reads(a.age), reads(a.income), reads(a.age, a.income), reads_personal(), reads_personal(Applicant)]
    assert len({version(when) for when in conditions}) == len(conditions)
    assert version(reads(a.income, a.age)) == version(reads(a.age, a.income))


# Anything personal


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        (("name", "income", "age"), None),
        ((), None),
        (("payee.name",), None),
        (("extra",), None),
        (("extra.note",), None),
        (("payee.iban", "age"), "payee.iban <bank account>"),
        (("health",), "health <health>"),
        (("health.note",), "health.note <health>"),
        (("health", "payee.iban"), "health <health>, payee.iban <bank account>"),
        (("payee",), "payee (which may be)"),
        (("other.iban",), "other.iban <bank account>"),
        (("either.iban",), "either.iban <bank account>"),
        (("noted.iban",), "noted.iban <bank account>"),
        (("noted.name",), None),
        (("other.name",), None),
        (("history",), "history (which may be)"),
        (("history.0.name",), "history.0.name (which may be)"),
        (("score",), "score (which may be)"),
        (("payee.masked",), "payee.masked (which may be)"),
    ],
)
def test_what_is_personal_is_told_by_the_marks_of_the_case_and_in_doubt_assumed(inputs, why):
    expected = (f"the policy read what is personal: {why}",) if why else ()
    assert check(reads_personal(), *inputs).why == expected
    assert check(reads_personal(Applicant), *inputs).why == expected
    assert check(reads_personal(Applicant), *inputs, case={"name": "A-1"}).why == expected


def test_a_type_without_anything_personal_has_nothing_personal_to_read():
    assert not check(reads_personal(), "total", "double", case=Order()).needed


def test_a_typed_dictionary_is_named_because_its_values_do_not_name_it():
    class Row(TypedDict):
        name: str
        iban: NotRequired[Annotated[str, IBAN]]

    assert check(reads_personal(Row), "iban", case={"name": "A-1"}).needed
    assert not check(reads_personal(Row), "name", case={"name": "A-1"}).needed
    assert check(reads(fields(Row).iban), "iban", case={"name": "A-1"}).why == ("the policy read iban <bank account>",)


@pytest.mark.parametrize("case", [{"name": "A-1"}, 7])
def test_a_case_that_does_not_say_what_is_personal_is_refused(case):
    with pytest.raises(InputError, match=rf"a {type(case).__name__} does not say which of its fields are personal; "):
        check(reads_personal(), "name", case=case)


def test_a_decision_without_a_case_is_refused():
    decision = replace(GRANT, case=None, inputs=("age",))
    for when in (reads(a.age), reads_personal()):
        with pytest.raises(InputError, match="NoneType"):
            Gate("sensitive", when=when, to="officer").check(decision)


def test_no_value_shows_in_any_text():
    applicant = Applicant(health={"note": "SECRET"}, payee=Payee("P-1", iban="SECRET"))
    for when in (reads_personal(), reads(a.health, a.payee.iban)):
        assert "SECRET" not in str(check(when, "health", "payee.iban", case=applicant))
