"""UN/CEFACT Cross Industry Invoice, as EN 16931-3-3 binds it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from examples.invoices.elements import iban, totals_by_currency

if TYPE_CHECKING:
    from examples.invoices.elements import Element

INVOICE = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
PREFIXES = {
    "rsm": INVOICE,
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
}


def read(document: Element) -> dict[str, Any]:
    """The fields of an `Invoice` from a document that is valid against its schema."""
    header = document.one("rsm:ExchangedDocument", "BT-1")
    trade = document.one("rsm:SupplyChainTradeTransaction", "BG-25")
    agreement = trade.one("ram:ApplicableHeaderTradeAgreement", "BG-4")
    settlement = trade.one("ram:ApplicableHeaderTradeSettlement", "BG-22")
    totals = settlement.one("ram:SpecifiedTradeSettlementHeaderMonetarySummation", "BG-22")
    currency = settlement.one("ram:InvoiceCurrencyCode", "BT-5").text
    accounting = settlement.words("ram:TaxCurrencyCode", "BT-6")
    vat_total, vat_accounting = totals_by_currency(totals.all("ram:TaxTotalAmount"), currency, accounting, document)
    document.refuse_any(".//ram:ParentLineID", "EN 16931 has no lines below lines")
    seller = agreement.one("ram:SellerTradeParty", "BG-4")
    buyer = agreement.one("ram:BuyerTradeParty", "BG-7")
    due = settlement.maybe("ram:SpecifiedTradePaymentTerms/ram:DueDateDateTime/udt:DateTimeString", "BT-9")
    return {
        "number": header.one("ram:ID", "BT-1").text,
        "type_code": header.one("ram:TypeCode", "BT-3").text,
        "issued": header.one("ram:IssueDateTime/udt:DateTimeString", "BT-2").day(),
        "due": due.day() if due else None,
        "currency": currency,
        "order": agreement.words("ram:BuyerOrderReferencedDocument/ram:IssuerAssignedID", "BT-13"),
        "preceding": tuple(
            reference.text for reference in settlement.all("ram:InvoiceReferencedDocument/ram:IssuerAssignedID")
        ),
        "supplier": seller.one("ram:Name", "BT-27").text,
        "supplier_id": "".join(seller.one("ram:SpecifiedTaxRegistration/ram:ID[@schemeID='VA']", "BT-31").text.split()),
        "supplier_country": seller.one("ram:PostalTradeAddress/ram:CountryID", "BT-40").text,
        "buyer": buyer.one("ram:Name", "BT-44").text,
        "iban": iban(
            settlement.one_of(
                "ram:SpecifiedTradeSettlementPaymentMeans/ram:PayeePartyCreditorFinancialAccount/ram:IBANID", "BT-84"
            )
        ),
        "lines": [_line(line) for line in trade.all("ram:IncludedSupplyChainTradeLineItem")],
        "allowances": _allowance_charges(settlement, charge=False),
        "charges": _allowance_charges(settlement, charge=True),
        "vat": [_vat(part) for part in settlement.all("ram:ApplicableTradeTax")],
        "line_net_total": totals.amount("ram:LineTotalAmount", "BT-106"),
        "allowance_total": totals.amount_or_zero("ram:AllowanceTotalAmount", "BT-107"),
        "charge_total": totals.amount_or_zero("ram:ChargeTotalAmount", "BT-108"),
        "net_total": totals.amount("ram:TaxBasisTotalAmount", "BT-109"),
        "vat_total": vat_total.decimal() if vat_total else None,
        "vat_total_accounting": vat_accounting.decimal() if vat_accounting else None,
        "accounting_currency": accounting,
        "gross_total": totals.amount("ram:GrandTotalAmount", "BT-112"),
        "prepaid": totals.amount_or_zero("ram:TotalPrepaidAmount", "BT-113"),
        "rounding": totals.amount_or_zero("ram:RoundingAmount", "BT-114"),
        "payable": totals.amount("ram:DuePayableAmount", "BT-115"),
    }


def _line(line: Element) -> dict[str, Any]:
    price = line.one("ram:SpecifiedLineTradeAgreement/ram:NetPriceProductTradePrice", "BT-146")
    quantity = line.one("ram:SpecifiedLineTradeDelivery/ram:BilledQuantity", "BT-129")
    settlement = line.one("ram:SpecifiedLineTradeSettlement", "BT-131")
    base = price.amount_or_none("ram:BasisQuantity", "BT-149")
    return {
        "id": line.one("ram:AssociatedDocumentLineDocument/ram:LineID", "BT-126").text,
        "item": line.one("ram:SpecifiedTradeProduct/ram:Name", "BT-153").text,
        "quantity": quantity.decimal(),
        "unit": quantity.required_attribute("unitCode", "BT-130"),
        "price": price.amount("ram:ChargeAmount", "BT-146"),
        "price_base_quantity": Decimal(1) if base is None else base,
        "allowances": _allowance_charges(settlement, charge=False),
        "charges": _allowance_charges(settlement, charge=True),
        "net": settlement.amount("ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount", "BT-131"),
        "vat_category": settlement.one("ram:ApplicableTradeTax/ram:CategoryCode", "BT-151").text,
        "vat_rate": settlement.amount_or_none("ram:ApplicableTradeTax/ram:RateApplicablePercent", "BT-152"),
    }


def _allowance_charges(place: Element, *, charge: bool) -> list[dict[str, Any]]:
    """The allowances or the charges that stand directly in the settlement of the document or the line."""
    return [
        {
            "amount": each.amount("ram:ActualAmount", "BT-92, BT-99, BT-136, BT-141"),
            "base": each.amount_or_none("ram:BasisAmount", "BT-93, BT-100, BT-137, BT-142"),
            "percent": each.amount_or_none("ram:CalculationPercent", "BT-94, BT-101, BT-138, BT-143"),
            "reason": each.words("ram:Reason", "BT-97, BT-104, BT-139, BT-144"),
            "vat_category": each.words("ram:CategoryTradeTax/ram:CategoryCode", "BT-95, BT-102"),
            "vat_rate": each.amount_or_none("ram:CategoryTradeTax/ram:RateApplicablePercent", "BT-96, BT-103"),
        }
        for each in place.all("ram:SpecifiedTradeAllowanceCharge")
        if each.truth("ram:ChargeIndicator/udt:Indicator", "BG-20, BG-21, BG-27, BG-28") is charge
    ]


def _vat(part: Element) -> dict[str, Any]:
    return {
        "category": part.one("ram:CategoryCode", "BT-118").text,
        "rate": part.amount_or_none("ram:RateApplicablePercent", "BT-119"),
        "taxable": part.amount("ram:BasisAmount", "BT-116"),
        "tax": part.amount("ram:CalculatedAmount", "BT-117"),
        "exemption": part.words("ram:ExemptionReason", "BT-120"),
    }
