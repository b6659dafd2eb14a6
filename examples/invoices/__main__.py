"""The main job: every invoice of the inbox from file to booked, past a policy, a person and a ledger."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from abpo_sdk import Run
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
        console.print(table_of(runs, "After the policy"))
        answered = answer_elsewhere(office.directory)
        console.print(f"\n[bold]{answered} reviews[/] answered for maria@acme by another process\n")
        console.print(table_of(runs, "After the people"))
        show_evidence(console, office, booked=len(office.erp.bookings()) - before)


def answer_elsewhere(directory: Path) -> int:
    """Let another process answer what waits."""
    done = subprocess.run(
        [sys.executable, "-m", "examples.invoices.people", str(directory)], check=True, capture_output=True, text=True
    )
    return int(done.stdout)


def table_of(runs: list[Run[str | None]], title: str) -> Table:
    """A table of runs: what became of each, why, and who decided."""
    table = Table(title=title, title_justify="left")
    for column in ("invoice", "outcome", "first reason", "decided by"):
        table.add_column(column, no_wrap=column != "first reason")
    for run in runs:
        outcome, reason, by = row_of(run)
        table.add_row(escape(run.id), f"[{STYLES.get(outcome, 'yellow')}]{outcome}[/]", escape(reason), escape(by))
    return table


def row_of(run: Run[str | None]) -> tuple[str, str, str]:
    """Outcome, first reason and decider of a run."""
    if run.status == "incident" and run.incident is not None:
        return "incident", run.incident.error, "nobody yet"
    if run.status == "waiting":
        review = run.review
        unsure = review.decision.outcome == "refer"
        return (
            "waiting",
            review.decision.reasons[0].text if unsure else "; ".join(review.why),
            f"put to the {review.to}",
        )
    [decision] = run.decisions
    reason = decision.reasons[0]
    detail = f" ({reason.value})" if reason.code == "payment.arithmetic" else ""
    return decision.outcome, reason.text + detail, decision.decided_by


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
    console.print(f"Everything is in {office.directory}/: ledger.db (with its keys and signer), erp.db, orders.db")


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
    console.print(
        f"An auditor verifies {bundle} with the public key alone:\n"
        f'  python docs/verify.py {bundle} "{ledger.verifier}" {office.directory}/checkpoints.txt',
        markup=False,
        soft_wrap=True,
    )


if __name__ == "__main__":
    main()
