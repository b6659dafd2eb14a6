"""An invoice as EN 16931 describes it, whichever syntax it came in."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from abpo_sdk import Personal

Text = Annotated[str, StringConstraints(min_length=1)]
CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
CurrencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
VatCategory = Literal["S", "Z", "E", "AE", "K", "G", "O", "L", "M", "B"]


class Part(BaseModel):
    """What every part of an invoice has in common: it does not change once it is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AllowanceCharge(Part):
    """A deduction from an amount or an addition to it; which of the two is said by where it stands."""

    amount: Decimal = Field(description="BT-92, BT-99 (document), BT-136, BT-141 (line): the amount without VAT")
    base: Decimal | None = Field(default=None, description="BT-93, BT-100, BT-137, BT-142: what the percentage is of")
    percent: Decimal | None = Field(default=None, description="BT-94, BT-101, BT-138, BT-143: 5 means 5 %")
    reason: str | None = Field(default=None, description="BT-97, BT-104, BT-139, BT-144: the reason in words")
    vat_category: VatCategory | None = Field(
        default=None, description="BT-95, BT-102: None on a line, which has its own"
    )
    vat_rate: Decimal | None = Field(default=None, description="BT-96, BT-103: None on a line and in category O")


class Line(Part):
    """One line of the invoice (BG-25)."""

    id: Text = Field(description="BT-126: the line's identifier")
    item: Text = Field(description="BT-153: what was sold")
    quantity: Decimal = Field(description="BT-129: the invoiced (or credited) quantity")
    unit: Text = Field(description="BT-130: its unit, a code of UN/ECE Recommendation 20 or 21 (H87 is a piece)")
    price: Decimal = Field(description="BT-146: the net price of `price_base_quantity` units")
    price_base_quantity: Decimal = Field(gt=0, description="BT-149: how many units the price is for, 1 unless stated")
    allowances: tuple[AllowanceCharge, ...] = Field(description="BG-27: what was deducted from the line")
    charges: tuple[AllowanceCharge, ...] = Field(description="BG-28: what was added to the line")
    net: Decimal = Field(description="BT-131: the line's amount, allowances and charges included, VAT not")
    vat_category: VatCategory = Field(description="BT-151: the VAT category")
    vat_rate: Decimal | None = Field(description="BT-152: the VAT rate in percent; None in category O")


class VatBreakdown(Part):
    """What falls under one VAT category and rate (BG-23)."""

    category: VatCategory = Field(description="BT-118: the VAT category")
    rate: Decimal | None = Field(description="BT-119: the VAT rate in percent; None in category O")
    taxable: Decimal = Field(description="BT-116: the amount that is taxed")
    tax: Decimal = Field(description="BT-117: the VAT on it")
    exemption: str | None = Field(default=None, description="BT-120: why no VAT is charged, in words")


class Invoice(Part):
    """An invoice or a credit note, with amounts exactly as the document states them.

    A credit note states what the supplier owes the buyer as positive amounts, so the same arithmetic
    holds for both kinds, and only `kind` says which way the money goes. Nothing here is recomputed: whether the
    totals agree with the lines is for rules to say. Every amount is in `currency` but `vat_total_accounting`.
    """

    number: Text = Field(description="BT-1: the number the supplier gave it")
    kind: Literal["invoice", "credit note"] = Field(description="BT-3 in words")
    type_code: Text = Field(description="BT-3: the code of UNTDID 1001, such as 380 or 381")
    issued: date = Field(description="BT-2: the date of issue")
    due: date | None = Field(description="BT-9: the day payment is due")
    currency: CurrencyCode = Field(description="BT-5: the currency of the document")
    order: str | None = Field(description="BT-13: the number of the buyer's purchase order")
    preceding: tuple[str, ...] = Field(default=(), description="BT-25: the invoices that this one corrects or credits")

    supplier: Text = Field(description="BT-27: the seller's registered name")
    supplier_id: Text = Field(description="BT-31: the seller's VAT identifier, without spaces")
    supplier_country: CountryCode = Field(description="BT-40: the country of the seller's address")
    buyer: Text = Field(description="BT-44: the buyer's name")
    iban: Annotated[str | None, Personal("bank account", subject_field="supplier_id")] = Field(
        description="BT-84: the account to pay to, without spaces; None if none is given or it is no IBAN"
    )

    lines: tuple[Line, ...] = Field(min_length=1, description="BG-25: the lines")
    allowances: tuple[AllowanceCharge, ...] = Field(description="BG-20: what was deducted from the whole document")
    charges: tuple[AllowanceCharge, ...] = Field(description="BG-21: what was added to the whole document")
    vat: tuple[VatBreakdown, ...] = Field(min_length=1, description="BG-23: VAT by category and rate")

    line_net_total: Decimal = Field(description="BT-106: the sum of the lines")
    allowance_total: Decimal = Field(description="BT-107: the sum of the document's allowances, 0 if not stated")
    charge_total: Decimal = Field(description="BT-108: the sum of the document's charges, 0 if not stated")
    net_total: Decimal = Field(description="BT-109: the total without VAT")
    vat_total: Decimal | None = Field(description="BT-110: the total VAT; None if not stated")
    vat_total_accounting: Decimal | None = Field(description="BT-111: the total VAT in `accounting_currency`")
    accounting_currency: CurrencyCode | None = Field(description="BT-6: the currency the seller accounts for VAT in")
    gross_total: Decimal = Field(description="BT-112: the total with VAT")
    prepaid: Decimal = Field(description="BT-113: what was paid already, 0 if not stated")
    rounding: Decimal = Field(description="BT-114: what was added to round what is payable, 0 if not stated")
    payable: Decimal = Field(description="BT-115: what is to be paid, or in a credit note credited")
