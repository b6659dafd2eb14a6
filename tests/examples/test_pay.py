"""The invoice process: each document of the inbox goes where it must, and no crash loses or doubles a booking."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from abpo_sdk.errors import CrashTestFailed
from abpo_sdk.steps import BoundProcess
from abpo_sdk.testing import TestRuntime, survives_crashes
from examples.invoices.model import Invoice
from examples.invoices.office import HERE, open_office
from examples.invoices.pay import pay_invoice
from examples.invoices.people import PEOPLE, answer_all
from examples.invoices.systems import Booking, Erp, Orders

INBOX = HERE / "inbox"
ROOT = HERE.parents[1]

AT_FIRST = {
    "2026-1187": "pay",
    "2026-1203": "reject",
    "AR-26-0088": "pay",
    "AR-26-0093": "waiting",
    "F2026-0561": "pay",
    "FA-2026-00318": "pay",
    "FA-2026-00352": "waiting",
    "FAK-26-2207": "pay",
    "FAK-26-2231": "waiting",
    "FT-2026-000482": "pay",
    "FV-2026-03-0214": "waiting",
    "GS-2026-00031": "credit",
    "INV-2026-0398": "incident",
    "NC-2026-000019": "credit",
    "RE-2026-10417": "pay",
    "RE-2026-10417-2": "reject",
    "RE-2026-10466": "waiting",
}


class Office:
    """Orders and an ERP in SQLite files of their own."""

    def __init__(self) -> None:
        self.directory = tempfile.mkdtemp(prefix="abpo-office-")
        self.erp = Erp(Path(self.directory) / "erp.db")
        self.orders = Orders(Path(self.directory) / "orders.db", seed=HERE / "orders.csv")

    def close(self) -> None:
        self.erp.close()
        self.orders.close()
        shutil.rmtree(self.directory)


@pytest.fixture
def offices() -> Iterator[Callable[[], Office]]:
    made: list[Office] = []

    def make() -> Office:
        made.append(Office())
        return made[-1]

    yield make
    for office in made:
        office.close()


def bound(office: Office) -> BoundProcess[str | None]:
    return pay_invoice.bind(orders=office.orders, erp=office.erp)


def test_each_document_of_the_inbox_goes_where_it_must(runtime: TestRuntime, offices: Callable[[], Office]) -> None:
    office = offices()
    process = bound(office)
    runs = [
        runtime.start(process, document, id=document.stem)
        for document in sorted(INBOX.glob("*.xml"), key=lambda d: d.stem)
    ]
    seen = {run.id: run.decisions[0].outcome if run.status == "done" else run.status for run in runs}
    assert seen == AT_FIRST
    assert runtime.ledger.verify().chains == len(AT_FIRST)


def test_every_violated_business_rule_is_named_with_its_values(
    runtime: TestRuntime, offices: Callable[[], Office]
) -> None:
    run = runtime.start(bound(offices()), INBOX / "2026-1203.xml", id="tampered")
    [decision] = run.decisions
    assert decision.reasons[0].code == "payment.arithmetic"
    [violation] = decision.case["violations"]
    assert violation["rule"] == "BR-CO-15"
    assert violation["values"] == "gross_total 1,689.17 != net_total 1,436.00 + vat_total 253.16"


def test_a_person_is_asked_for_the_reason_that_holds(runtime: TestRuntime, offices: Callable[[], Office]) -> None:
    process = bound(offices())
    why = {
        name: runtime.start(process, INBOX / f"{name}.xml", id=name).review.why
        for name in ("RE-2026-10466", "FA-2026-00352", "FAK-26-2231")
    }
    assert why == {
        "RE-2026-10466": ("euros 15,232.00 > 10,000",),
        "FA-2026-00352": ("account is 'changed'",),
        "FAK-26-2231": ("outcome is 'refer'",),
    }


def test_the_amount_in_the_accounting_currency_is_not_taken_for_the_amount_due(
    runtime: TestRuntime, offices: Callable[[], Office]
) -> None:
    office = offices()
    run = runtime.start(bound(office), INBOX / "FAK-26-2207.xml", id="sek")
    assert run.status == "done"
    [booking] = office.erp.bookings()
    assert (booking.amount, booking.currency) == (Decimal("52500.00"), "SEK")
    assert run.decisions[0].case["euros"] == "4620.00"


def test_a_credit_note_is_booked_as_a_negative_amount(runtime: TestRuntime, offices: Callable[[], Office]) -> None:
    office = offices()
    runtime.start(bound(office), INBOX / "GS-2026-00031.xml", id="credit")
    assert [b.amount for b in office.erp.bookings()] == [Decimal("-210.63")]


def test_a_document_that_cannot_be_read_is_an_incident_that_a_person_resolves(
    runtime: TestRuntime, offices: Callable[[], Office]
) -> None:
    office = offices()
    run = runtime.start(bound(office), INBOX / "INV-2026-0398.xml", id="cut off")
    incident = run.incident
    assert incident is not None
    assert "not well-formed XML" in incident.error
    assert incident.step == "read_invoice"
    incident.abandon(by=runtime.someone("controller"), because="asked the supplier to send it again")
    assert run.status == "abandoned"
    assert runtime.start(bound(office), INBOX / "RE-2026-10417.xml", id="another").status == "done"


GOOD = (INBOX / "RE-2026-10417.xml").read_bytes()
LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE i [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><i>&c;</i>'
)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (GOOD[:700], "not well-formed XML"),
        (LAUGHS, "DOCTYPE|amplification"),
        (GOOD.replace("Altmühl".encode(), "Altmühl".encode("latin-1")), "not well-formed|encoding|UTF-8"),
        (b"just text", "XML"),
        (b"<html><body/></html>", "html"),
        (b"", "empty"),
        (re.sub(rb"<cbc:ID>RE-2026-10417</cbc:ID>", b"", GOOD), "ID|BT-1"),
        (GOOD.replace(b">2951.20<", b">NaN<"), "NaN"),
    ],
)
def test_a_bad_document_is_an_incident_and_the_next_invoice_goes_on(
    runtime: TestRuntime, offices: Callable[[], Office], tmp_path: Path, document: bytes, words: str
) -> None:
    office = offices()
    bad = tmp_path / "bad.xml"
    bad.write_bytes(document)
    run = runtime.start(bound(office), bad, id="bad")
    assert run.status == "incident"
    assert run.incident is not None
    assert re.search(words, run.incident.error), run.incident.error
    assert runtime.start(bound(office), INBOX / "RE-2026-10417.xml", id="good").status == "done"
    assert [booking.number for booking in office.erp.bookings()] == ["RE-2026-10417"]
    run.incident.abandon(by=runtime.someone("controller"), because="asked the supplier to send it again")
    assert run.status == "abandoned"
    runtime.ledger.verify()


def test_no_bank_account_stands_in_clear_in_any_file_of_the_ledger(
    tmp_path: Path, offices: Callable[[], Office]
) -> None:
    office = offices()
    with TestRuntime(f"sqlite:///{tmp_path / 'ledger.db'}") as runtime:
        for name in ("RE-2026-10417", "FA-2026-00352"):
            runtime.start(bound(office), INBOX / f"{name}.xml", id=name)
        files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    ibans = [order.iban for order in (office.orders.find("PO-4500101"), office.orders.find("PO-4500118")) if order]
    assert len(ibans) == 2
    assert [(name, iban) for name, data in files.items() for iban in ibans if iban.encode() in data] == []


def done(office: Office) -> tuple[list[Booking], list[tuple[str, str, str]]]:
    return office.erp.bookings(), office.erp.received()


@pytest.mark.parametrize(
    ("name", "points"), [("RE-2026-10417", 22), ("RE-2026-10466", 26), ("GS-2026-00031", 22), ("2026-1203", 16)]
)
def test_a_crash_anywhere_neither_loses_nor_doubles_an_effect(
    name: str, points: int, offices: Callable[[], Office]
) -> None:
    report = survives_crashes(bound, INBOX / f"{name}.xml", world=offices, effects=done, answers={"approval": "pay"})
    assert len(report.points) == points


class ForgetfulErp(Erp):
    """An ERP that ignores the key when it books."""

    calls = 0

    def book(self, booking: Booking, key: str) -> str:
        self.calls += 1
        return super().book(booking, f"{key}#{self.calls}")


class SuspiciousErp(Erp):
    """An ERP that ignores the key when it receives, so that it takes the second attempt for another document."""

    calls = 0

    def receive(self, invoice: Invoice, document: str, key: str) -> str | None:
        self.calls += 1
        return super().receive(invoice, document, f"{key}#{self.calls}")


@pytest.mark.parametrize(
    ("erp", "point"),
    [(ForgetfulErp, "after the effect of step 'book'"), (SuspiciousErp, "after the effect of step 'register'")],
)
def test_the_crash_test_catches_an_erp_that_ignores_the_key(
    erp: type[Erp], point: str, offices: Callable[[], Office]
) -> None:
    def world() -> Office:
        office = offices()
        office.erp.close()
        office.erp = erp(Path(office.directory) / "erp.db")
        return office

    with pytest.raises(CrashTestFailed, match=point):
        survives_crashes(bound, INBOX / "RE-2026-10417.xml", world=world, effects=done, answers={})


def test_answers_from_another_process_let_the_runs_go_on(tmp_path: Path) -> None:
    with open_office(tmp_path, people=PEOPLE) as office:
        run = office.runtime.start(pay_invoice, INBOX / "RE-2026-10466.xml", id="RE-2026-10466")
        assert run.status == "waiting"
        subprocess.run([sys.executable, "-m", "examples.invoices.people", str(tmp_path)], cwd=ROOT, check=True)
        assert run.status == "done"
        assert [d.decided_by for d in run.decisions] == ["maria@acme"]
        assert len(office.erp.bookings()) == 1


WORKER = """
import sys
from pathlib import Path
from examples.invoices.office import HERE, open_office
from examples.invoices.pay import pay_invoice
from examples.invoices.people import PEOPLE
with open_office(Path(sys.argv[1]), people=PEOPLE) as office:
    for document in sorted((HERE / "inbox").glob("*.xml"), key=lambda d: d.stem):
        print(document.stem, flush=True)
        office.runtime.start(pay_invoice, document, id=document.stem)
print("all", flush=True)
"""


def test_a_worker_that_is_killed_again_and_again_still_books_everything_once(tmp_path: Path) -> None:
    documents = len(list(INBOX.glob("*.xml")))
    for lines in (1, 4, 9, 13, documents + 1):  # kill it while it works on that document; the last one is let live
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert worker.stdout is not None
        for _ in range(lines):
            worker.stdout.readline()
        if lines <= documents:
            os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        worker.stdout.close()
    with open_office(tmp_path, people=PEOPLE) as office:
        answer_all(office.runtime)
        numbers = [booking.number for booking in office.erp.bookings()]
        assert sorted(numbers) == sorted(set(numbers))
        assert len(numbers) == 12
        office.runtime.ledger.verify()


def test_the_demonstration_runs_twice_and_books_nothing_twice(tmp_path: Path) -> None:
    def demonstrate() -> str:
        env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "110"}
        done = subprocess.run(
            [sys.executable, "-m", "examples.invoices"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env=env,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    first, second = demonstrate(), demonstrate()
    assert "12 bookings made now, 12 in all" in first
    assert "0 bookings made now, 12 in all" in second
    for text in (
        "17 invoices",
        "5 reviews answered",
        "decision payment: pay",
        "Bias audit: inconclusive",
        "152 sealed, 0 not yet sealed, 152 anchored",
        "12 bookings held against the decisions: 0 that do not fit",
        "18,640.00 EUR",
        "-210.63 EUR",
        "checkpoints.txt, evidence.jsonl",
    ):
        assert text in first
    assert "Where each invoice stands" in second
    assert "after the answers" not in second
    assert "reviews answered" not in second

    [command] = [line for line in second.splitlines() if "verify.py" in line]
    verified = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "verified: 152 entries in 17 chains" in verified.stdout
