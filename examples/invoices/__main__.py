"""The main job: every invoice of the inbox from file to booked, past a policy, a person and a ledger."""

import os
import shlex
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from abpo_sdk import Decision, Run
from abpo_sdk.auditors import BiasAuditor
from abpo_sdk.errors import DuplicateRun
from examples.invoices.office import HERE, Office, open_office
from examples.invoices.pay import pay_invoice
from examples.invoices.people import PEOPLE

OUT = Path("out") / "invoices"
STYLES = {"pay": "green", "credit": "green", "reject": "red", "incident": "bold red", "waiting": "yellow"}


def main() -> None:
    """Run the demonstration."""
    console = Console(width=None if sys.stdout.isatty() else 110, highlight=False)
    with open_office(OUT, people=PEOPLE) as office:
        before = len(office.erp.bookings())
        inbox = Path(os.path.relpath(HERE / "inbox"))
        documents = sorted(inbox.glob("*.xml"), key=lambda document: document.stem)
        runs = []
        for document in track(documents, description=f"{len(documents)} invoices", console=console):
            try:
                runs.append(office.runtime.start(pay_invoice, document, id=document.stem))
            except DuplicateRun as error:  # the file was changed since its run; the others go on
                console.print(f"[red]{document.name}[/]: {escape(str(error))}")
        console.print(table_of(runs, "Where each invoice stands"))
        if answered := answer_elsewhere(office.directory):
            console.print(f"\n[bold]{answered} reviews[/] answered for maria@acme by another process\n")
            console.print(table_of(runs, "Where each invoice stands after the answers"))
        show_evidence(console, office, booked=len(office.erp.bookings()) - before)


def answer_elsewhere(directory: Path) -> int:
    """Let another process answer what waits."""
    done = subprocess.run(
        [sys.executable, "-m", "examples.invoices.people", str(directory)], check=True, capture_output=True, text=True
    )
    return int(done.stdout)


def table_of(runs: list[Run[str | None]], title: str) -> Table:
    """A table of runs: what became of each, over how much, why, and who decided."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in ("invoice", "amount", "outcome", "first reason", "decided by"):
        table.add_column(column, no_wrap=column != "first reason", justify="right" if column == "amount" else "left")
    for run in runs:
        amount, outcome, reason, by = row_of(run)
        styled = f"[{STYLES.get(outcome, 'yellow')}]{outcome}[/]"
        table.add_row(escape(run.id), amount, styled, escape(reason), escape(by))
    return table


def row_of(run: Run[str | None]) -> tuple[str, str, str, str]:
    """Amount, outcome, first reason and decider of a run."""
    if run.status == "incident" and run.incident is not None:
        return "", "incident", run.incident.error, "nobody yet"
    if run.status == "waiting":
        review = run.review
        unsure = review.decision.outcome == "refer"
        reason = review.decision.reasons[0].text if unsure else "; ".join(review.why)
        return amount_of(review.decision), "waiting", reason, f"put to {review.to}"
    [decision] = run.decisions
    first = decision.reasons[0]
    detail = f" ({first.value})" if first.code == "payment.arithmetic" else ""
    return amount_of(decision), decision.outcome, first.text + detail, decision.decided_by


def amount_of(decision: Decision) -> str:
    """What is to be paid, or with a minus credited, as the document states it."""
    invoice = decision.case["invoice"]
    sign = -1 if invoice["kind"] == "credit note" else 1
    return f"{sign * Decimal(invoice['payable']):,.2f} {invoice['currency']}"


def show_evidence(console: Console, office: Office, *, booked: int) -> None:
    """Lineage, verification, the bias audit, and where everything is."""
    runtime = office.runtime
    console.print("\n[bold]Where one decision came from[/]")
    console.print(str(runtime.lineage("FAK-26-2207")), markup=False, soft_wrap=True)
    show_ledger(console, office)
    console.print("\n[bold]The bias audit, by the supplier's country[/]")
    report = BiasAuditor(by=["country"], favourable="pay").audit(runtime.decisions("payment"), undecided=["credit"])
    console.print(str(report), markup=False, soft_wrap=True)
    console.print(
        f"\n[bold]{booked} bookings made now[/], {len(office.erp.bookings())} in all; none is ever made twice."
    )
    console.print(
        f"Everything is in {office.directory}/: ledger.db (with its keys and signer), checkpoints.txt, evidence.jsonl,\n"
        "erp.db, orders.db"
    )


def show_ledger(console: Console, office: Office) -> None:
    """Seal and verify the ledger, hold it against what was booked, and export what an auditor needs."""
    ledger = office.runtime.ledger
    ledger.seal()
    console.print("\n[bold]The ledger, sealed, anchored and verified[/]", str(ledger.verify()), sep="\n")
    bookings = pd.DataFrame({"key": office.erp.keys()})
    problems = ledger.reconcile(bookings, outcomes={"pay", "credit"}, policy="payment")
    console.print(f"{len(bookings)} bookings held against the decisions: {len(problems)} that do not fit")
    bundle = office.directory / "evidence.jsonl"
    ledger.export(bundle)
    script = HERE.parents[1] / "docs" / "verify.py"
    command = [
        shortest(sys.executable),
        shortest(script),
        bundle,
        ledger.verifier,
        office.directory / "checkpoints.txt",
    ]
    console.print(
        f"An auditor verifies {bundle} with the public key;\nthe script needs the package cryptography alone:\n"
        f"  {shlex.join(str(word) for word in command)}",
        markup=False,
        soft_wrap=True,
    )


def shortest(path: str | Path) -> str:
    """A path from here or from the root, whichever is shorter."""
    return min(os.path.relpath(path), str(path), key=len)


if __name__ == "__main__":
    main()
