"""Where each value that a decision used came from, and what is honestly not known."""

import hashlib
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, Personal, Source, fields, process, rule, step


class Kind(StrEnum):
    NEW = "new"


class Order(BaseModel):
    number: str
    ordered: Decimal


class Invoice(BaseModel):
    number: str
    supplier: str
    total: Decimal
    iban: Annotated[str, Personal("bank account", subject_field="supplier")] = "DE02120300000000202051"
    fee: Annotated[Decimal, Personal("fee", subject_field="supplier")] = Decimal(7)
    note: str | None = None


class Match(BaseModel):
    invoice: Invoice
    order: Order
    limit: Decimal = Decimal(100)


i, m = fields(Invoice), fields(Match)
payment = DecisionTable("payment", rule(i.total <= 1000, then="pay", because="small"), otherwise="refer")
careful = DecisionTable(
    "careful",
    rule((i.iban == "DE00") | (i.fee > 100) | i.note.is_missing(), then="refer", because="odd"),
    otherwise="pay",
)
matching = DecisionTable(
    "matching",
    rule((m.invoice.total == m.order.ordered) & (m.invoice.total > m.limit), then="pay", because="as ordered"),
    otherwise="refer",
)
approval = Gate("approval", when=i.total > 500, to="controller")


@step(reads="file:{document}")
def read(document: Path) -> Invoice:
    return Invoice.model_validate_json(document.read_text())


@step(reads=["orders:{number}", "prices:{number}/{currency}"])
def find_order(number: str, currency: str = "EUR") -> Order:
    return Order(number=number, ordered=Decimal(700))


@step(pure=True)
def clean(invoice: Invoice) -> Invoice:
    return invoice


@step
def kinds() -> tuple[list[Kind], tuple[int, ...]]:
    return [Kind.NEW], ()


@process
def pay(document: Path) -> str:
    return approval(payment(read(document))).outcome


@process
def pay_cleaned(document: Path) -> str:
    return payment(clean(read(document))).outcome


@process
def pay_given(invoice: Invoice) -> str:
    return payment(invoice).outcome


@process
def pay_carefully(invoice: Invoice) -> str:
    return careful(invoice).outcome


@process
def pay_matched(document: Path) -> str:
    invoice = read(document)
    return matching(Match(invoice=invoice, order=find_order(invoice.number))).outcome


@process
def pay_made_up(number: int) -> str:
    invoice = Invoice(number="1", supplier="S", total=Decimal(number))
    return payment(invoice).outcome + careful(invoice).outcome


@process
def pay_changed(document: Path) -> str:
    return payment(read(document).model_copy(update={"total": Decimal(1)})).outcome


@process
def pay_mapping(number: int) -> str:
    kinds()
    return by_kind({"kinds": (Kind.NEW,), "nothing": (), "total": Decimal(1)}).outcome


class Mapped(BaseModel):
    kinds: tuple[Kind, ...]
    nothing: tuple[int, ...]
    total: Decimal


by_kind = DecisionTable("by kind", rule(fields(Mapped).total > 0, then="pay", because="x"), otherwise="refer")


@process
def two_decisions(document: Path) -> str:
    invoice = read(document)
    return approval(payment(invoice)).outcome + careful(invoice).outcome


@process
def inner(invoice: Invoice) -> str:
    return payment(invoice).outcome


@process
def outer(document: Path) -> str:
    return inner(read(document))


@pytest.fixture
def document(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    document = Path("INV-7.json")
    document.write_text(Invoice(number="INV-7", supplier="S-1", total=Decimal(700)).model_dump_json())
    return document


def digest(document):
    return hashlib.sha256(document.read_bytes()).hexdigest()


def test_a_field_goes_back_to_the_step_the_file_and_the_argument(runtime, document):
    run = runtime.start(pay, document, id="INV-7")
    run.review.answer("refer", by=runtime.someone("controller"), because="x")
    assert str(run.lineage()) == "\n".join(
        [
            "INV-7 (pay)",
            "└─ decision payment: refer, decided by controller@test (lineage complete)",
            "   └─ total 700",
            "      └─ step read",
            f"         ├─ file:INV-7.json (sha256 {digest(document)[:12]}...)",
            "         └─ argument of pay",
        ]
    )


def test_it_is_the_same_from_the_runtime_from_the_run_and_after_a_replay(runtime, document):
    run = runtime.start(two_decisions, document, id="R")
    before = run.lineage().decisions[0].fields
    run.review.answer("pay", by=runtime.someone("controller"), because="x")
    assert runtime.lineage("R") == run.lineage()
    first, second = run.lineage().decisions
    assert first.fields == before
    assert first.decided_by == "controller@test"
    assert second.decided_by == "policy"
    assert [f.origin.name for f in (*first.fields, *second.fields)] == ["read"] * len((*first.fields, *second.fields))


def test_the_source_of_a_file_has_the_digest_of_what_was_read(runtime, document):
    read_digest = digest(document)
    run = runtime.start(pay, document)
    document.write_text("something else")
    [decision] = run.lineage().decisions
    [field] = decision.fields
    assert field.origin.sources == (Source("file", "INV-7.json", read_digest),)
    assert field.origin.records == field.origin.sources


def test_an_argument_of_the_process_is_an_origin(runtime):
    run = runtime.start(pay_given, Invoice(number="1", supplier="S", total=Decimal(12400)))
    [decision] = run.lineage().decisions
    [field] = decision.fields
    assert (field.value, field.origin.kind, field.origin.name, field.origin.sources) == (
        "12,400",
        "argument",
        "pay_given",
        (),
    )
    assert decision.coverage == "complete"


def test_a_chain_of_steps_is_followed_to_its_records(runtime, document):
    run = runtime.start(pay_cleaned, document)
    [field] = run.lineage().decisions[0].fields
    assert (field.origin.name, [origin.name for origin in field.origin.inputs]) == ("clean", ["read"])
    assert field.origin.sources == ()
    assert [str(record) for record in field.origin.records] == ["file:INV-7.json"]


def test_what_was_made_in_the_process_is_not_known_and_says_so(runtime):
    run = runtime.start(pay_made_up, 5, id="R")
    first, second = run.lineage().decisions
    assert first.coverage == second.coverage == "partial"
    assert first.unknown == ("total",)
    assert set(second.unknown) == {
        "iban",
        "fee",
        "note",
    }  # that another decision read it before makes it no better known
    assert "decision payment: pay, decided by the policy (lineage partial, not known: total)" in str(run.lineage())
    assert "total 5" in str(run.lineage())
    assert "not known: made in the process itself" in str(run.lineage())


def test_a_copy_that_was_changed_is_not_what_the_step_gave(runtime, document):
    run = runtime.start(pay_changed, document)
    assert run.lineage().decisions[0].coverage == "partial"


def test_a_model_put_together_from_two_steps_goes_back_to_both(runtime, document):
    run = runtime.start(pay_matched, document, id="R")
    [decision] = run.lineage().decisions
    origins = {field.name: field.origin and field.origin.name for field in decision.fields}
    assert origins == {"invoice.total": "read", "order.ordered": "find_order", "limit": None}
    made_here = ("limit", "number of step find_order", "currency of step find_order")
    assert (decision.coverage, decision.unknown) == ("partial", made_here)
    assert "number: not known" in str(run.lineage())
    [ordered] = [field for field in decision.fields if field.name == "order.ordered"]
    assert [str(source) for source in ordered.origin.sources] == ["orders:INV-7", "prices:INV-7/EUR"]


def test_what_is_one_object_everywhere_is_no_sign_of_where_it_came_from(runtime):
    run = runtime.start(pay_mapping, 1, id="R")
    decision_entry = next(entry for entry in run.entries if entry.kind == "decision")
    assert "from" not in decision_entry.content


def test_personal_values_are_masked_whatever_their_type(runtime):
    run = runtime.start(pay_carefully, Invoice(number="1", supplier="S", total=Decimal(1)))
    shown = {field.name: field.value for field in run.lineage().decisions[0].fields}
    assert shown == {"iban": "<bank account>", "fee": "<fee>", "note": "(missing)"}
    assert "DE02" not in str(run.lineage())
    assert "DE02" not in run.lineage()._repr_html_()


def test_the_values_of_sub_processes_are_followed_too(runtime, document):
    run = runtime.start(outer, document)
    [decision] = run.lineage().decisions
    assert decision.fields[0].origin.name == "read"
    assert decision.coverage == "complete"


def test_a_decision_is_found_under_its_id(runtime, document):
    run = runtime.start(pay, document, id="2026/7")
    run.review.answer("refer", by=runtime.someone("controller"), because="x")
    [decision] = run.lineage().decisions
    assert decision.id == runtime.decisions("payment").decision_id[0]
    assert (decision.outcome, decision.decided_by) == ("refer", "controller@test")


def test_a_run_without_decisions_has_a_lineage_without_branches(runtime):
    @process(name="idle")
    def idle(number: int) -> int:
        return number

    lineage = runtime.start(idle, 1, id="R").lineage()
    assert (lineage.decisions, str(lineage)) == ((), "R (idle)")


def test_the_html_is_nested_and_escaped(runtime):
    run = runtime.start(pay_given, Invoice(number="1", supplier="S", total=Decimal(1)), id="<script>")
    html = run.lineage()._repr_html_()
    assert "&lt;script&gt;" in html
    assert "<script>" not in html
    assert html.count("<details") == html.count("</details>") == 3


def unreadable(number: int, *, at: Any) -> int:
    return number


def test_a_record_that_cannot_be_named_is_an_incident_that_names_the_template(runtime):
    bad = step(reads="orders:{at.number}")(unreadable)

    def body(number: int) -> int:
        return bad(number, at=object())

    run = runtime.start(process(name="body")(body), 1)
    assert run.incident.error.startswith(
        "LineageError: step 'unreadable': reads='orders:{at.number}' has no value for this call"
    )
