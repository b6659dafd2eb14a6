"""Pay an invoice: read it, check it, match its order, decide, ask a person where one must be asked, book it once."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from abpo_sdk import Decision, DecisionTable, Gate, fields, idempotency_key, process, rule, step
from examples.invoices.model import Invoice
from examples.invoices.reading import read_invoice_xml
from examples.invoices.rules import Violation, violations
from examples.invoices.systems import Booking, Erp, Order, Orders

LIMIT = 10_000  # euros that the policy may pay without a person


class Match(BaseModel):
    """The order that an invoice refers to, if there is one."""

    order: Order | None


class Receipt(BaseModel):
    """Whether the supplier's number was received before, and with which document."""

    duplicate_of: str | None


class PaymentCase(BaseModel):
    """What is decided upon: the invoice, its order, and what comparing them gives."""

    invoice: Invoice
    order: Order | None
    country: str
    violations: tuple[Violation, ...]
    violated: str
    duplicate_of: str | None
    account: Literal["as ordered", "changed", "not stated", "not known"]
    currency: Literal["as ordered", "other", "not known"]
    net: Decimal
    ordered: Decimal | None
    euros: Decimal | None


i, d = fields(PaymentCase), fields(Decision)

payment = DecisionTable(
    "payment",
    rule(i.violated != "", then="reject", because="the amounts do not add up", name="arithmetic"),
    rule(
        ~i.duplicate_of.is_missing(),
        then="reject",
        because="the supplier's number was received before",
        name="duplicate",
    ),
    rule(i.invoice.kind == "credit note", then="credit", because="a credit note lowers what is owed", name="credit"),
    rule(i.ordered.is_missing(), then="refer", because="there is no such order", name="no order"),
    rule(i.currency != "as ordered", then="refer", because="it was ordered in another currency", name="currency"),
    rule(
        abs(i.net - i.ordered) <= i.ordered * Decimal("0.02"),
        then="pay",
        because="the net total is within 2 % of the order",
        name="match",
    ),
    rule(
        abs(i.net - i.ordered) > i.ordered * Decimal("0.02"),
        then="refer",
        because="the net total is more than 2 % off the order",
        name="deviation",
    ),
    otherwise="refer",
    owner="head of accounts payable",
)

approval = Gate(
    "approval",
    when=i.euros.is_missing()
    | (i.euros > LIMIT)
    | (i.account == "changed")
    | (d.outcome == "refer")
    | (d.confidence < 0.9),
    to="controller",
    due=timedelta(hours=8),
    escalate_to="cfo",
)


@step(reads="file:{document}")
def read_invoice(document: Path) -> Invoice:
    """Read a UBL or CII document."""
    return read_invoice_xml(document.read_bytes())


@step(reads="orders:{invoice.order}")
def match_order(invoice: Invoice, *, orders: Orders) -> Match:
    """Look up the order that the invoice refers to."""
    return Match(order=orders.find(invoice.order))


@step(reads="erp:{invoice.supplier_id}/{invoice.number}")
def register(invoice: Invoice, document: Path, *, erp: Erp) -> Receipt:
    """Take the supplier's number for this document, once; where another document has it, name that one."""
    return Receipt(duplicate_of=erp.receive(invoice, document.stem, key=idempotency_key()))


@step(pure=True)
def assess(invoice: Invoice, match: Match, receipt: Receipt) -> PaymentCase:
    """Put together what is decided upon."""
    broken, order = violations(invoice), match.order
    return PaymentCase(
        invoice=invoice,
        order=order,
        country=invoice.supplier_country,
        violations=broken,
        violated=", ".join(violation.rule for violation in broken),
        duplicate_of=receipt.duplicate_of,
        account=_account(invoice, order),
        currency="not known" if order is None else "as ordered" if order.currency == invoice.currency else "other",
        net=invoice.net_total,
        ordered=order.ordered if order else None,
        euros=_euros(invoice),
    )


@step
def book(invoice: Invoice, *, erp: Erp) -> str:
    """Book what is to be paid, or a credit note as a negative amount."""
    sign = -1 if invoice.kind == "credit note" else 1
    booking = Booking(
        number=invoice.number,
        supplier_id=invoice.supplier_id,
        amount=sign * invoice.payable,
        currency=invoice.currency,
    )
    return erp.book(booking, key=idempotency_key())


@process
def pay_invoice(document: Path, *, orders: Orders, erp: Erp) -> str | None:
    """From a file to a booking, or to a reason why not."""
    invoice = read_invoice(document)
    match = match_order(invoice, orders=orders)
    receipt = register(invoice, document, erp=erp)
    decision = approval(payment(assess(invoice, match, receipt)))
    return book(invoice, erp=erp) if decision.outcome in ("pay", "credit") else None


def _account(invoice: Invoice, order: Order | None) -> Literal["as ordered", "changed", "not stated", "not known"]:
    if invoice.iban is None:
        return "not stated"
    if order is None:
        return "not known"
    return "as ordered" if invoice.iban == order.iban else "changed"


def _euros(invoice: Invoice) -> Decimal | None:
    """What is payable in euros: at the rate at which the supplier states VAT in both currencies, if need be."""
    if invoice.currency == "EUR":
        return invoice.payable
    if invoice.accounting_currency != "EUR" or not invoice.vat_total or invoice.vat_total_accounting is None:
        return None
    return (invoice.payable * invoice.vat_total_accounting / invoice.vat_total).quantize(Decimal("0.01"))
