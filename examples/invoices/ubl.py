"""UBL 2.1, Invoice and CreditNote, as EN 16931-3-2 binds it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from examples.invoices.elements import iban, totals_by_currency

if TYPE_CHECKING:
    from examples.invoices.elements import Element

INVOICE = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
CREDIT_NOTE = "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2"
PREFIXES = {
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
}


def read(document: Element) -> dict[str, Any]:
    """The fields of an `Invoice` from a document that is valid against its schema."""
    credit = document.name == "CreditNote"
    currency = document.one("cbc:DocumentCurrencyCode", "BT-5").text
    accounting = document.words("cbc:TaxCurrencyCode", "BT-6")
    # Two TaxTotal elements are allowed, one per currency and in any order: the currency tells them apart.
    vat_total, vat_accounting = totals_by_currency(
        document.all("cac:TaxTotal/cbc:TaxAmount"), currency, accounting, document
    )
    document.refuse_any(".//cac:SubInvoiceLine", "EN 16931 has no lines below lines")
    seller = document.one("cac:AccountingSupplierParty/cac:Party", "BG-4")
    buyer = document.one("cac:AccountingCustomerParty/cac:Party", "BG-7")
    totals = document.one("cac:LegalMonetaryTotal", "BG-22")
    # A credit note has no DueDate of its own.
    due = document.maybe("cac:PaymentMeans/cbc:PaymentDueDate" if credit else "cbc:DueDate", "BT-9")
    lines = document.all("cac:CreditNoteLine" if credit else "cac:InvoiceLine")
    return {
        "number": document.one("cbc:ID", "BT-1").text,
        "type_code": document.one("cbc:CreditNoteTypeCode" if credit else "cbc:InvoiceTypeCode", "BT-3").text,
        "issued": document.one("cbc:IssueDate", "BT-2").day(),
        "due": due.day() if due else None,
        "currency": currency,
        "order": document.words("cac:OrderReference/cbc:ID", "BT-13"),
        "preceding": tuple(
            reference.text for reference in document.all("cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID")
        ),
        "supplier": seller.one("cac:PartyLegalEntity/cbc:RegistrationName", "BT-27").text,
        "supplier_id": _vat_id(seller),
        "supplier_country": seller.one("cac:PostalAddress/cac:Country/cbc:IdentificationCode", "BT-40").text,
        "buyer": buyer.one("cac:PartyLegalEntity/cbc:RegistrationName", "BT-44").text,
        "iban": iban(document.one_of("cac:PaymentMeans/cac:PayeeFinancialAccount/cbc:ID", "BT-84")),
        "lines": [_line(line, credit=credit) for line in lines],
        "allowances": _allowance_charges(document, charge=False),
        "charges": _allowance_charges(document, charge=True),
        "vat": [_vat(part) for part in document.all("cac:TaxTotal/cac:TaxSubtotal")],
        "line_net_total": totals.amount("cbc:LineExtensionAmount", "BT-106"),
        "allowance_total": totals.amount_or_zero("cbc:AllowanceTotalAmount", "BT-107"),
        "charge_total": totals.amount_or_zero("cbc:ChargeTotalAmount", "BT-108"),
        "net_total": totals.amount("cbc:TaxExclusiveAmount", "BT-109"),
        "vat_total": vat_total.decimal() if vat_total else None,
        "vat_total_accounting": vat_accounting.decimal() if vat_accounting else None,
        "accounting_currency": accounting,
        "gross_total": totals.amount("cbc:TaxInclusiveAmount", "BT-112"),
        "prepaid": totals.amount_or_zero("cbc:PrepaidAmount", "BT-113"),
        "rounding": totals.amount_or_zero("cbc:PayableRoundingAmount", "BT-114"),
        "payable": totals.amount("cbc:PayableAmount", "BT-115"),
    }


def _vat_id(seller: Element) -> str:
    """The VAT identifier among the seller's tax registrations, which may also name a local tax number."""
    schemes = seller.all("cac:PartyTaxScheme")
    for scheme in schemes:
        if scheme.words("cac:TaxScheme/cbc:ID", "BT-31") == "VAT":
            return "".join(scheme.one("cbc:CompanyID", "BT-31").text.split())
    raise seller.refused("cac:PartyTaxScheme/cbc:CompanyID with the tax scheme VAT (BT-31) is missing")


def _line(line: Element, *, credit: bool) -> dict[str, Any]:
    quantity = line.one("cbc:CreditedQuantity" if credit else "cbc:InvoicedQuantity", "BT-129")
    base = line.amount_or_none("cac:Price/cbc:BaseQuantity", "BT-149")
    return {
        "id": line.one("cbc:ID", "BT-126").text,
        "item": line.one("cac:Item/cbc:Name", "BT-153").text,
        "quantity": quantity.decimal(),
        "unit": quantity.required_attribute("unitCode", "BT-130"),
        "price": line.amount("cac:Price/cbc:PriceAmount", "BT-146"),
        "price_base_quantity": Decimal(1) if base is None else base,
        "allowances": _allowance_charges(line, charge=False),
        "charges": _allowance_charges(line, charge=True),
        "net": line.amount("cbc:LineExtensionAmount", "BT-131"),
        "vat_category": line.one("cac:Item/cac:ClassifiedTaxCategory/cbc:ID", "BT-151").text,
        "vat_rate": line.amount_or_none("cac:Item/cac:ClassifiedTaxCategory/cbc:Percent", "BT-152"),
    }


def _allowance_charges(place: Element, *, charge: bool) -> list[dict[str, Any]]:
    """The allowances or the charges that stand directly in the document or the line."""
    return [
        {
            "amount": each.amount("cbc:Amount", "BT-92, BT-99, BT-136, BT-141"),
            "base": each.amount_or_none("cbc:BaseAmount", "BT-93, BT-100, BT-137, BT-142"),
            "percent": each.amount_or_none("cbc:MultiplierFactorNumeric", "BT-94, BT-101, BT-138, BT-143"),
            "reason": each.words("cbc:AllowanceChargeReason", "BT-97, BT-104, BT-139, BT-144"),
            "vat_category": each.words("cac:TaxCategory/cbc:ID", "BT-95, BT-102"),
            "vat_rate": each.amount_or_none("cac:TaxCategory/cbc:Percent", "BT-96, BT-103"),
        }
        for each in place.all("cac:AllowanceCharge")
        if each.truth("cbc:ChargeIndicator", "BG-20, BG-21, BG-27, BG-28") is charge
    ]


def _vat(part: Element) -> dict[str, Any]:
    return {
        "category": part.one("cac:TaxCategory/cbc:ID", "BT-118").text,
        "rate": part.amount_or_none("cac:TaxCategory/cbc:Percent", "BT-119"),
        "taxable": part.amount("cbc:TaxableAmount", "BT-116"),
        "tax": part.amount("cbc:TaxAmount", "BT-117"),
        "exemption": part.words("cac:TaxCategory/cbc:TaxExemptionReason", "BT-120"),
    }
