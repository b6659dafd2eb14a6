"""The arithmetic of EN 16931 as conditions: rules BR-CO-10 to BR-CO-17, in exact decimals."""

from decimal import Decimal

from pydantic import BaseModel

from abpo_sdk import Condition, fields
from examples.invoices.model import Invoice

CENT = Decimal("0.01")


class Totals(BaseModel):
    """The totals that an invoice states, beside the sums that its parts give."""

    sum_of_lines: Decimal
    sum_of_allowances: Decimal
    sum_of_charges: Decimal
    sum_of_vat: Decimal
    largest_vat_error: Decimal
    line_net_total: Decimal
    allowance_total: Decimal
    charge_total: Decimal
    net_total: Decimal
    vat_total: Decimal
    gross_total: Decimal
    prepaid: Decimal
    rounding: Decimal
    payable: Decimal

    @classmethod
    def of(cls, invoice: Invoice) -> "Totals":
        """The totals of an invoice, its sums taken anew."""
        return cls(
            sum_of_lines=sum((line.net for line in invoice.lines), Decimal(0)),
            sum_of_allowances=sum((a.amount for a in invoice.allowances), Decimal(0)),
            sum_of_charges=sum((c.amount for c in invoice.charges), Decimal(0)),
            sum_of_vat=sum((v.tax for v in invoice.vat), Decimal(0)),
            largest_vat_error=max(abs(v.tax - v.taxable * (v.rate or Decimal(0)) / 100) for v in invoice.vat),
            line_net_total=invoice.line_net_total,
            allowance_total=invoice.allowance_total,
            charge_total=invoice.charge_total,
            net_total=invoice.net_total,
            vat_total=invoice.vat_total if invoice.vat_total is not None else Decimal(0),
            gross_total=invoice.gross_total,
            prepaid=invoice.prepaid,
            rounding=invoice.rounding,
            payable=invoice.payable,
        )


t = fields(Totals)

BUSINESS_RULES: dict[str, tuple[Condition, str]] = {
    "BR-CO-10": (t.line_net_total == t.sum_of_lines, "the stated sum of the lines is not their sum"),
    "BR-CO-11": (t.allowance_total == t.sum_of_allowances, "the stated sum of the allowances is not their sum"),
    "BR-CO-12": (t.charge_total == t.sum_of_charges, "the stated sum of the charges is not their sum"),
    "BR-CO-13": (
        t.net_total == t.sum_of_lines - t.allowance_total + t.charge_total,
        "the total without VAT is not lines less allowances plus charges",
    ),
    "BR-CO-14": (t.vat_total == t.sum_of_vat, "the total VAT is not the sum of its breakdown"),
    "BR-CO-15": (t.gross_total == t.net_total + t.vat_total, "the total with VAT is not the total without it plus VAT"),
    "BR-CO-16": (
        t.payable == t.gross_total - t.prepaid + t.rounding,
        "the amount due is not the total less what was prepaid plus rounding",
    ),
    "BR-CO-17": (t.largest_vat_error <= CENT / 2, "the VAT of a category is not its taxable amount times its rate"),
}
"""Each business rule by its identifier: what must hold, and how its violation is called."""


class Violation(BaseModel):
    """A business rule that an invoice breaks."""

    rule: str
    text: str
    values: str


def violations(invoice: Invoice) -> tuple[Violation, ...]:
    """The business rules that an invoice breaks, each with the values that break it."""
    totals = Totals.of(invoice)
    return tuple(
        Violation(rule=identifier, text=text, values=(~condition).text(totals))
        for identifier, (condition, text) in BUSINESS_RULES.items()
        if not condition.holds(totals)
    )
