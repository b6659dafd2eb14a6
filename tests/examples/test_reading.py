"""Reading electronic invoices: the files of the example, and what a reader must refuse."""

from __future__ import annotations

import csv
import logging
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import facturx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree
from pydantic import ValidationError

from abpo_sdk import Personal
from examples.invoices.elements import Element, UnreadableInvoice, iban
from examples.invoices.model import Invoice
from examples.invoices.reading import read_invoice_xml

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parents[2] / "examples" / "invoices"
INBOX = HERE / "inbox"
D = Decimal


def file(name: str) -> bytes:
    return (INBOX / f"{name}.xml").read_bytes()


UBL, CREDIT, CII = file("RE-2026-10417"), file("GS-2026-00031"), file("AR-26-0088")
FOREIGN = file("FAK-26-2207")


def changed(data: bytes, *changes: tuple[str, str]) -> bytes:
    """The file with each text replaced where it first stands, which it must."""
    text = data.decode()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text.encode()


@dataclass(frozen=True)
class Expected:
    """What a person reads in the file."""

    number: str
    kind: str
    supplier: str
    supplier_id: str
    country: str
    currency: str
    order: str
    issued: date
    due: date | None
    iban: str
    lines: tuple[str, ...]
    net: str
    vat: str
    gross: str
    payable: str
    breaks: frozenset[str] = field(default_factory=frozenset)


FEINWERK = ("Feinwerk Altmühl GmbH", "DE274400918", "DE")
KONTOR = ("Kontor Wiesengrund KG", "DE161700554", "DE")
VAUQUELIN = ("Ateliers Vauquelin SAS", "FR40913005582", "FR")
ALPENGLAS = ("Alpenglas Hainfeld GmbH", "ATU70144924", "AT")
VAN_DOORN = ("Van Doorn Lichttechniek B.V.", "NL862900417B01", "NL")
BURSZTYN = ("Zakład Optyczny Bursztyn Sp. z o.o.", "PL5842900716", "PL")
ORESUND = ("Öresund Renrum AB", "SE559900417301", "SE")
COLLALTO = ("Vetreria Collalto S.r.l.", "IT04417700265", "IT")

# fmt: off
EXPECTED = {
    "RE-2026-10417": Expected(
        "RE-2026-10417", "invoice", *FEINWERK, "EUR", "PO-4500101", date(2026, 3, 10), date(2026, 4, 9),
        "DE95700999000041882307", ("1370.00", "885.00", "225.00"), "2480.00", "471.20", "2951.20", "2951.20"),
    "RE-2026-10417-2": Expected(
        "RE-2026-10417", "invoice", *FEINWERK, "EUR", "PO-4500101", date(2026, 3, 10), date(2026, 4, 9),
        "DE95700999000041882307", ("1370.00", "885.00", "225.00"), "2480.00", "471.20", "2951.20", "2951.20"),
    "RE-2026-10466": Expected(
        "RE-2026-10466", "invoice", *FEINWERK, "EUR", "PO-4500107", date(2026, 3, 24), date(2026, 4, 23),
        "DE95700999000041882307", ("11560.00", "1240.00"), "12800.00", "2432.00", "15232.00", "15232.00"),
    "GS-2026-00031": Expected(
        "GS-2026-00031", "credit note", *FEINWERK, "EUR", "PO-4500101", date(2026, 3, 27), None,
        "DE95700999000041882307", ("177.00",), "177.00", "33.63", "210.63", "210.63"),
    "2026-1187": Expected(
        "2026-1187", "invoice", *KONTOR, "EUR", "PO-4500126", date(2026, 3, 19), date(2026, 4, 2),
        "DE98260999000007714500", ("463.32", "349.50", "31.35"), "829.07", "115.59", "944.66", "944.66"),
    "2026-1203": Expected(
        "2026-1203", "invoice", *KONTOR, "EUR", "PO-4500131", date(2026, 4, 1), date(2026, 4, 15),
        "DE98260999000007714500", ("1272.00", "164.00"), "1436.00", "253.16", "1689.17", "1689.17",
        breaks=frozenset({"BR-CO-15"})),
    "FA-2026-00318": Expected(
        "FA-2026-00318", "invoice", *VAUQUELIN, "EUR", "PO-4500112", date(2026, 3, 12), date(2026, 4, 11),
        "FR9099999020030004417265K42", ("2700.00", "1650.00"), "4350.00", "0.00", "4350.00", "4350.00"),
    "FA-2026-00352": Expected(
        "FA-2026-00352", "invoice", *VAUQUELIN, "EUR", "PO-4500118", date(2026, 4, 2), date(2026, 4, 16),
        "LT749990000044177268", ("3500.00", "90.00"), "3590.00", "0.00", "3590.00", "3590.00"),
    "AR-26-0088": Expected(
        "AR-26-0088", "invoice", *ALPENGLAS, "EUR", "PO-4500120", date(2026, 3, 17), date(2026, 3, 31),
        "AT739990000702311846", ("2070.00", "554.40"), "2624.40", "469.44", "3093.84", "3093.84"),
    "AR-26-0093": Expected(
        "AR-26-0093", "invoice", *ALPENGLAS, "EUR", "PO-4500123", date(2026, 3, 30), date(2026, 4, 29),
        "AT739990000702311846", ("2185.00", "1680.00"), "3865.00", "0.00", "3865.00", "3865.00"),
    "F2026-0561": Expected(
        "F2026-0561", "invoice", *VAN_DOORN, "EUR", "PO-4500134", date(2026, 3, 20), date(2026, 4, 19),
        "NL92XMPL0417720936", ("1237.83", "570.00"), "1807.83", "0.00", "1807.83", "1207.85"),
    "FV-2026-03-0214": Expected(
        "FV/2026/03/0214", "invoice", *BURSZTYN, "EUR", "PO-4500137", date(2026, 3, 25), date(2026, 4, 24),
        "PL21999000720000004417309925", ("12480.00", "6160.00"), "18640.00", "0.00", "18640.00", "18640.00"),
    "FAK-26-2207": Expected(
        "FAK-26-2207", "invoice", *ORESUND, "SEK", "PO-4500140", date(2026, 3, 23), date(2026, 4, 22),
        "SE0299900000054417208831", ("31200.00", "10800.00"), "42000.00", "10500.00", "52500.00", "52500.00"),
    "FAK-26-2231": Expected(
        "FAK-26-2231", "invoice", *ORESUND, "EUR", "PO-4500199", date(2026, 4, 7), date(2026, 5, 7),
        "SE0299900000054417208831", ("1140.00", "780.00"), "1920.00", "0.00", "1920.00", "1920.00"),
    "FT-2026-000482": Expected(
        "FT-2026-000482", "invoice", *COLLALTO, "EUR", "PO-4500142", date(2026, 3, 26), date(2026, 4, 25),
        "IT69X9999999990000004417726", ("3187.50", "1875.00"), "5025.25", "0.00", "5025.25", "5025.25"),
    "NC-2026-000019": Expected(
        "NC-2026-000019", "credit note", *COLLALTO, "EUR", "PO-4500142", date(2026, 4, 8), None,
        "IT69X9999999990000004417726", ("150.00",), "150.00", "0.00", "150.00", "150.00"),
}
# fmt: on
GOOD = sorted(EXPECTED)


def broken_rules(invoice: Invoice) -> set[str]:
    """The rules BR-CO-10 to BR-CO-17 of EN 16931 that the invoice's amounts break."""
    zero = D(0)
    vat_total = invoice.vat_total or zero
    holds = {
        "BR-CO-10": invoice.line_net_total == sum((line.net for line in invoice.lines), zero),
        "BR-CO-11": invoice.allowance_total == sum((each.amount for each in invoice.allowances), zero),
        "BR-CO-12": invoice.charge_total == sum((each.amount for each in invoice.charges), zero),
        "BR-CO-13": invoice.net_total == invoice.line_net_total - invoice.allowance_total + invoice.charge_total,
        "BR-CO-14": vat_total == sum((part.tax for part in invoice.vat), zero),
        "BR-CO-15": invoice.gross_total == invoice.net_total + vat_total,
        "BR-CO-16": invoice.payable == invoice.gross_total - invoice.prepaid + invoice.rounding,
        "BR-CO-17": all(
            part.tax == (part.taxable * (part.rate or zero) / 100).quantize(D("0.01"), ROUND_HALF_UP)
            for part in invoice.vat
        ),
    }
    return {rule for rule, kept in holds.items() if not kept}


class TestTheFilesOfTheExample:
    def test_every_file_is_expected_but_the_one_that_is_cut_off(self) -> None:
        assert {path.stem for path in INBOX.iterdir()} == {*EXPECTED, "INV-2026-0398"}

    @pytest.mark.parametrize("name", GOOD)
    def test_it_is_valid_against_its_schema(self, name: str) -> None:
        assert facturx.xml_check_xsd(file(name))

    @pytest.mark.parametrize("name", GOOD)
    def test_it_reads_as_a_person_would_read_it(self, name: str) -> None:
        invoice, expected = read_invoice_xml(file(name)), EXPECTED[name]
        assert (invoice.number, invoice.kind) == (expected.number, expected.kind)
        assert (invoice.supplier, invoice.supplier_id) == (expected.supplier, expected.supplier_id)
        assert (invoice.supplier_country, invoice.buyer) == (expected.country, "Lindenhag Optik GmbH")
        assert (invoice.currency, invoice.order, invoice.iban) == (expected.currency, expected.order, expected.iban)
        assert (invoice.issued, invoice.due) == (expected.issued, expected.due)
        assert tuple(str(line.net) for line in invoice.lines) == expected.lines
        amounts = (invoice.net_total, invoice.vat_total, invoice.gross_total, invoice.payable)
        assert tuple(map(str, amounts)) == (expected.net, expected.vat, expected.gross, expected.payable)

    @pytest.mark.parametrize("name", GOOD)
    def test_its_arithmetic_breaks_the_rules_it_is_meant_to_break(self, name: str) -> None:
        assert broken_rules(read_invoice_xml(file(name))) == EXPECTED[name].breaks

    @pytest.mark.parametrize("name", GOOD)
    def test_each_line_is_its_quantity_times_its_price(self, name: str) -> None:
        for line in read_invoice_xml(file(name)).lines:
            gross = (line.quantity * line.price / line.price_base_quantity).quantize(D("0.01"), ROUND_HALF_UP)
            deducted = sum((each.amount for each in line.allowances), D(0))
            added = sum((each.amount for each in line.charges), D(0))
            assert line.net == gross - deducted + added

    @pytest.mark.parametrize("name", GOOD)
    def test_the_bank_account_has_valid_check_digits(self, name: str) -> None:
        account = read_invoice_xml(file(name)).iban
        assert account is not None
        assert int("".join(str(int(character, 36)) for character in account[4:] + account[:4])) % 97 == 1

    def test_the_copy_is_the_same_file(self) -> None:
        assert file("RE-2026-10417-2") == file("RE-2026-10417")

    def test_the_cut_off_file_is_refused_with_the_place_where_it_ends(self) -> None:
        with pytest.raises(UnreadableInvoice, match=r"^line 90, column 19: not well-formed XML: "):
            read_invoice_xml(file("INV-2026-0398"))


class TestTheOrders:
    def orders(self) -> dict[str, dict[str, str]]:
        with (HERE / "orders.csv").open(encoding="utf-8", newline="") as rows:
            return {row["order"]: row for row in csv.DictReader(rows)}

    def test_they_fit_the_invoices_but_for_the_three_that_are_meant_to_differ(self) -> None:
        orders, differing = self.orders(), {}
        for name in GOOD:
            invoice = read_invoice_xml(file(name))
            row = orders.get(invoice.order or "")
            if row is None:
                differing[name] = "no such order"
                continue
            ordered = D(row["ordered"])
            assert (row["supplier"], row["supplier_id"]) == (invoice.supplier, invoice.supplier_id)
            assert row["currency"] == invoice.currency
            if row["iban"] != invoice.iban:
                differing[name] = "another account"
            if invoice.kind == "invoice" and abs(invoice.net_total - ordered) > ordered * D("0.02"):
                differing[name] = "another amount"
        assert differing == {
            "AR-26-0093": "another amount",
            "FA-2026-00352": "another account",
            "FAK-26-2231": "no such order",
        }


class TestWhatIsRead:
    def test_allowances_and_charges_of_the_document_and_of_a_line_are_kept_apart(self) -> None:
        invoice = read_invoice_xml(file("2026-1187"))
        [allowance], [charge] = invoice.allowances, invoice.charges
        assert (allowance.amount, allowance.reason, allowance.vat_category, allowance.vat_rate) == (
            D("25.00"), "Treuerabatt", "S", D(19),
        )  # fmt: skip
        assert (charge.amount, charge.reason) == (D("9.90"), "Versand")
        [discount] = invoice.lines[0].allowances
        assert (discount.amount, discount.base, discount.percent) == (D("51.48"), D("514.80"), D(10))
        assert (discount.vat_category, discount.vat_rate) == (None, None)
        [surcharge] = invoice.lines[2].charges
        assert surcharge.amount == D("1.50")
        assert (invoice.allowance_total, invoice.charge_total) == (D("25.00"), D("9.90"))

    def test_allowances_and_charges_of_a_cii_document(self) -> None:
        invoice = read_invoice_xml(file("FT-2026-000482"))
        [allowance], [charge] = invoice.allowances, invoice.charges
        assert (allowance.amount, allowance.base, allowance.percent) == (D("101.25"), D("5062.50"), D("2.00"))
        assert (charge.amount, charge.reason, charge.vat_category) == (D("64.00"), "Trasporto", "K")
        [discount] = read_invoice_xml(file("AR-26-0093")).lines[0].allowances
        assert (discount.amount, discount.reason) == (D("115.00"), "Mengenrabatt")

    def test_a_price_may_be_for_a_hundred(self) -> None:
        for name, line in (("2026-1187", 2), ("FT-2026-000482", 0)):
            assert read_invoice_xml(file(name)).lines[line].price_base_quantity == 100
        assert read_invoice_xml(UBL).lines[0].price_base_quantity == 1

    def test_several_vat_rates(self) -> None:
        ubl, cii = read_invoice_xml(file("2026-1187")), read_invoice_xml(CII)
        assert [(v.rate, v.taxable, v.tax) for v in ubl.vat] == [
            (D(19), D("479.57"), D("91.12")),
            (D(7), D("349.50"), D("24.47")),
        ]
        assert [(v.rate, v.taxable, v.tax) for v in cii.vat] == [
            (D(20), D("2070.00"), D("414.00")),
            (D(10), D("554.40"), D("55.44")),
        ]

    def test_why_no_vat_is_charged(self) -> None:
        [goods], [service] = read_invoice_xml(file("FA-2026-00318")).vat, read_invoice_xml(file("F2026-0561")).vat
        assert (goods.category, goods.exemption) == ("K", "Intra-community supply")
        assert (service.category, service.exemption) == ("AE", "Reverse charge")

    def test_prepaid_and_rounding(self) -> None:
        invoice = read_invoice_xml(file("F2026-0561"))
        assert (invoice.prepaid, invoice.rounding) == (D("600.00"), D("0.02"))

    def test_totals_that_are_not_stated_are_zero(self) -> None:
        for data in (UBL, CII):
            invoice = read_invoice_xml(data)
            assert {invoice.allowance_total, invoice.charge_total, invoice.prepaid, invoice.rounding} == {D(0)}
            assert invoice.vat_total_accounting is None
            assert invoice.accounting_currency is None

    def test_the_total_vat_is_the_one_in_the_currency_of_the_document(self) -> None:
        assert FOREIGN.index(b'"EUR">924.00') < FOREIGN.index(b'"SEK">10500.00')  # the wrong one stands first
        invoice = read_invoice_xml(FOREIGN)
        assert (invoice.vat_total, invoice.vat_total_accounting) == (D("10500.00"), D("924.00"))
        assert (invoice.currency, invoice.accounting_currency) == ("SEK", "EUR")

    def test_the_total_vat_of_a_cii_document_in_two_currencies(self) -> None:
        currency, total = "<ram:InvoiceCurrencyCode>", "<ram:TaxTotalAmount "
        data = changed(
            CII,
            (currency, f"<ram:TaxCurrencyCode>CZK</ram:TaxCurrencyCode>{currency}"),
            (total, f'{total}currencyID="CZK">11700.00</ram:TaxTotalAmount>{total}'),
        )
        invoice = read_invoice_xml(data)
        assert (invoice.vat_total, invoice.vat_total_accounting) == (D("469.44"), D("11700.00"))

    def test_a_cii_document_need_not_state_its_total_vat(self) -> None:
        data = changed(CII, ('<ram:TaxTotalAmount currencyID="EUR">469.44</ram:TaxTotalAmount>', ""))
        assert read_invoice_xml(data).vat_total is None

    def test_a_total_vat_without_a_currency_is_in_that_of_the_document(self) -> None:
        data = changed(CII, ('<ram:TaxTotalAmount currencyID="EUR">', "<ram:TaxTotalAmount>"))
        assert read_invoice_xml(data).vat_total == D("469.44")

    def test_a_credit_note_has_positive_amounts_and_names_what_it_credits(self) -> None:
        for name, preceding in (("GS-2026-00031", "RE-2026-10417"), ("NC-2026-000019", "FT-2026-000482")):
            invoice = read_invoice_xml(file(name))
            assert (invoice.kind, invoice.type_code, invoice.preceding) == ("credit note", "381", (preceding,))
            assert invoice.payable > 0

    def test_a_credit_note_says_when_it_is_due_in_its_payment_means(self) -> None:
        data = changed(
            CREDIT, ("<cbc:PaymentID>", "<cbc:PaymentDueDate>2026-05-01</cbc:PaymentDueDate><cbc:PaymentID>")
        )
        assert read_invoice_xml(data).due == date(2026, 5, 1)

    @pytest.mark.parametrize("data", [UBL, CII], ids=["UBL", "CII"])
    def test_spaces_in_an_account_or_a_vat_id_are_left_out(self, data: bytes) -> None:
        invoice = read_invoice_xml(data)
        account, vat_id = invoice.iban or "", invoice.supplier_id
        spaced = changed(data, (account, f" {account[:4]} {account[4:]}\n"), (vat_id, f"{vat_id[:3]} {vat_id[3:]}"))
        assert read_invoice_xml(spaced) == invoice

    def test_an_account_that_is_no_iban_is_none(self) -> None:
        assert iban("5417-2088") is None
        assert iban(None) is None
        assert read_invoice_xml(changed(UBL, ("DE95700999000041882307", "4188-2307"))).iban is None

    def test_a_date_may_have_a_time_zone(self) -> None:
        data = changed(UBL, (">2026-03-10<", ">2026-03-10+01:00<"))
        assert read_invoice_xml(data).issued == date(2026, 3, 10)

    def test_a_comment_or_an_instruction_cannot_split_a_value(self) -> None:
        for inside in ("<!-- -->", "<?go on?>", "<![CDATA[]]>"):
            assert read_invoice_xml(changed(UBL, (">2951.20<", f">29{inside}51.20<"))).gross_total == D("2951.20")

    def test_it_survives_json(self) -> None:
        for name in ("2026-1187", "FAK-26-2207"):
            invoice = read_invoice_xml(file(name))
            assert Invoice.model_validate_json(invoice.model_dump_json()) == invoice

    def test_it_does_not_change(self) -> None:
        invoice = read_invoice_xml(CII)
        with pytest.raises(ValidationError, match="frozen"):
            invoice.payable = D(0)  # type: ignore[misc]

    def test_the_account_is_marked_as_personal_to_the_supplier(self) -> None:
        assert Personal("bank account", subject_field="supplier_id") in Invoice.model_fields["iban"].metadata

    def test_every_field_names_its_business_term(self) -> None:
        for name, about in Invoice.model_fields.items():
            assert (about.description or "").startswith(("BT-", "BG-")), name


def encoded(name: str, *, mark: str = "") -> Callable[[], bytes]:
    return lambda: (mark + UBL.decode().replace('"UTF-8"', f'"{name}"')).encode(name)


class TestEncodings:
    @pytest.mark.parametrize(
        "data",
        [encoded("UTF-16"), encoded("ISO-8859-1"), encoded("UTF-8", mark="\ufeff")],
        ids=["UTF-16 with a mark", "ISO-8859-1", "UTF-8 with a mark"],
    )
    def test_what_is_declared_is_read(self, data: Callable[[], bytes]) -> None:
        assert read_invoice_xml(data()) == read_invoice_xml(UBL)

    def test_latin_1_that_calls_itself_utf_8_is_refused_with_the_line(self) -> None:
        with pytest.raises(UnreadableInvoice, match=r"^line 16, column \d+: not well-formed XML: .*encoding"):
            read_invoice_xml(UBL.decode().encode("latin-1"))

    def test_an_unknown_encoding_is_refused_by_name(self) -> None:
        with pytest.raises(UnreadableInvoice, match="x-klingon"):
            read_invoice_xml(changed(UBL, ("UTF-8", "x-klingon")))


def laughs(root: str) -> bytes:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    return f'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY e0 "ha">{entities}]>{root}'.encode()


class TestWhatIsNoInvoice:
    @pytest.mark.parametrize("data", [b"", b" \n\t "], ids=["no bytes", "blank"])
    def test_an_empty_file(self, data: bytes) -> None:
        with pytest.raises(UnreadableInvoice, match=r"^the file is empty$"):
            read_invoice_xml(data)

    @pytest.mark.parametrize("data", [b"%PDF-1.7\n", b'{"total": 1}', b"\0\0\0\0", b"PK\x03\x04"])
    def test_something_other_than_xml(self, data: bytes) -> None:
        with pytest.raises(UnreadableInvoice, match=r"^line 1, column 1: not well-formed XML"):
            read_invoice_xml(data)

    @pytest.mark.parametrize(
        ("data", "root"),
        [
            (b"<html xmlns='http://www.w3.org/1999/xhtml'><body/></html>", "'html'"),
            (b"<Order xmlns='urn:oasis:names:specification:ubl:schema:xsd:Order-2'/>", "'Order'"),
            (b"<Invoice/>", "'Invoice' in no namespace"),
            (UBL.replace(b"xsd:Invoice-2", b"xsd:Invoice-3"), "Invoice-3"),
        ],
        ids=["a web page", "an order", "no namespace", "another version"],
    )
    def test_another_document_is_named(self, data: bytes, root: str) -> None:
        with pytest.raises(
            UnreadableInvoice, match=rf"^line \d: the root element is .*{root}.*; expected a UBL Invoice"
        ):
            read_invoice_xml(data)

    @pytest.mark.parametrize(
        "doctype",
        [
            "<!DOCTYPE Invoice>",
            '<!DOCTYPE Invoice SYSTEM "http://localhost:1/invoice.dtd">',
            '<!DOCTYPE Invoice [<!ENTITY secret SYSTEM "file:///etc/passwd">]>',
            '<!DOCTYPE Invoice [<!ENTITY % more SYSTEM "file:///etc/passwd"> %more;]>',
        ],
    )
    def test_a_doctype(self, doctype: str) -> None:
        data = changed(UBL, ("<Invoice ", f"{doctype}<Invoice "))
        if "secret" in doctype:
            data = changed(data, (">RE-2026-10417<", ">&secret;<"))
        with pytest.raises(UnreadableInvoice, match="DOCTYPE"):
            read_invoice_xml(data)

    @pytest.mark.parametrize("root", ["<a>&e9;</a>", "<a b='&e9;'/>", "<a/>"], ids=["text", "attribute", "unused"])
    def test_a_billion_laughs(self, root: str) -> None:
        with pytest.raises(UnreadableInvoice, match=r"amplification|DOCTYPE"):
            read_invoice_xml(laughs(root))

    def test_a_bottomless_document(self) -> None:
        with pytest.raises(UnreadableInvoice, match="not well-formed XML: Excessive depth"):
            read_invoice_xml(b"<a>" * 100_000)


def before(mark: str, inserted: str) -> tuple[tuple[str, str], ...]:
    return ((mark, inserted + mark),)


SECOND_TOTAL_IN_CII = '<ram:TaxTotalAmount currencyID="EUR">1.00</ram:TaxTotalAmount>'
THIRD_TOTAL = '<cac:TaxTotal><cbc:TaxAmount currencyID="EUR">1.00</cbc:TaxAmount></cac:TaxTotal>'
SECOND_CATEGORY = (
    "<cac:ClassifiedTaxCategory><cbc:ID>Z</cbc:ID><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme>"
    "</cac:ClassifiedTaxCategory>"
)
LINE_BELOW = (
    '<cac:SubInvoiceLine><cbc:ID>1.1</cbc:ID><cbc:LineExtensionAmount currencyID="EUR">1</cbc:LineExtensionAmount>'
    "<cac:Item/></cac:SubInvoiceLine>"
)
CASES: dict[str, tuple[bytes, tuple[tuple[str, str], ...], str]] = {
    "an element that the schema does not know": (
        UBL, (("<cbc:DueDate>2026-04-09</cbc:DueDate>", "<cbc:Due>2026-04-09</cbc:Due>"),),
        r"^line 6: breaks the schema: Element 'Due': This element is not expected"),
    "NaN": (UBL, ((">2951.20<", ">NaN<"),), r"^line 92: breaks the schema: Element 'TaxInclusiveAmount': 'NaN'"),
    "INF": (UBL, ((">2951.20<", ">INF<"),), r"^line 92: breaks the schema: Element 'TaxInclusiveAmount': 'INF'"),
    "a separator of thousands": (UBL, ((">2951.20<", ">1,234.50<"),), r"^line 92: .*'TaxInclusiveAmount': '1,234.50'"),
    "a decimal comma in CII": (CII, ((">3093.84<", ">3093,84<"),), r"^line \d+: .*'GrandTotalAmount': '3093,84'"),
    "an exponent": (UBL, ((">2951.20<", ">29512e-1<"),), r"^line 92: .*'29512e-1'"),
    "a number too long to add": (UBL, ((">2951.20<", f">{'9' * 30}<"),), r"^line 92, TaxInclusiveAmount: .*18 digits"),
    "a day that is none": (CII, ((">20260317<", ">20260231<"),), r"^line 12, DateTimeString: '20260231' is not a date"),
    "a year of five digits": (UBL, ((">2026-03-10<", ">12026-03-10<"),), r"^line 5, IssueDate: .* is not a date"),
    "an amount in another currency": (
        UBL, (('"EUR">2480.00', '"USD">2480.00'),), r"^line \d+, TaxableAmount: the amount is in 'USD', .* 'EUR'"),
    "an amount of a line in another currency": (
        UBL, (('"EUR">68.50', '"DKK">68.50'),), r"^line \d+, PriceAmount: the amount is in 'DKK', .* 'EUR'"),
    "an amount in the accounting currency": (
        FOREIGN, (('"SEK">52500.00', '"EUR">52500.00'),), r"^line \d+, TaxInclusiveAmount: the amount is in 'EUR'"),
    "a total VAT in a third currency": (FOREIGN, (('"EUR">924', '"NOK">924'),), r"^line \d+, TaxAmount: .*'NOK'"),
    "an amount of a CII document in another currency": (
        CII, (("<ram:GrandTotalAmount>", '<ram:GrandTotalAmount currencyID="CHF">'),), r"GrandTotalAmount: .*'CHF'"),
    "two totals of VAT": (FOREIGN, (('"EUR">924.00', '"SEK">924.00'),), r"^line \d+, TaxAmount: a second .*BT-110"),
    "two totals of VAT in CII": (
        CII, before("<ram:GrandTotalAmount>", SECOND_TOTAL_IN_CII), r"^line \d+, TaxTotalAmount: a second .*BT-110"),
    "two totals of VAT for the accounts": (
        FOREIGN, before("<cac:LegalMonetaryTotal>", THIRD_TOTAL), r"^line \d+, TaxAmount: a second .*BT-111"),
    "no total without VAT": (
        UBL, (('<cbc:TaxExclusiveAmount currencyID="EUR">2480.00</cbc:TaxExclusiveAmount>', ""),),
        r"^line \d+, LegalMonetaryTotal: cbc:TaxExclusiveAmount \(BT-109\) is missing"),
    "no currency": (
        UBL, (("<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>", ""),),
        r"^line 2, Invoice: cbc:DocumentCurrencyCode \(BT-5\) is missing"),
    "an empty number": (UBL, ((">RE-2026-10417<", "> <"),), r"^line 4, ID: cbc:ID \(BT-1\) is empty"),
    "no VAT identifier": (UBL, (("<cbc:ID>VAT<", "<cbc:ID>TAX<"),), r"^line \d+, Party: .*\(BT-31\) is missing"),
    "no VAT identifier in CII": (
        CII, (('schemeID="VA"', 'schemeID="FC"'),), r"^line \d+, SellerTradeParty: .*\(BT-31\) is missing"),
    "no unit": (UBL, ((' unitCode="H87"', ""),), r"^line \d+, InvoicedQuantity: .*unitCode \(BT-130\) is missing"),
    "no amount of a line in CII": (
        CII, (("<ram:BasisAmount>2070.00</ram:BasisAmount>", ""),), r"ApplicableTradeTax: ram:BasisAmount \(BT-116\)"),
    "a VAT category that is none": (UBL, (("<cbc:ID>S<", "<cbc:ID>Q<"),), r"^BG-2[35], .*: 'Q': Input should be 'S'"),
    "a price for nothing": (
        CII, (("</ram:ChargeAmount>", "</ram:ChargeAmount><ram:BasisQuantity>0</ram:BasisQuantity>"),),
        r"^BG-25, lines.0.price_base_quantity: .*greater than 0"),
    "a country in words": (UBL, ((">DE<", ">Germany<"),), r"^BT-40, supplier_country: 'Germany'"),
    "a currency that is none": (CII, (("CurrencyCode>EUR", "CurrencyCode>euro"),), "the amount is in 'EUR', .*'euro'"),
    "a credit note that calls itself an invoice": (CREDIT, ((">381<", ">380<"),), r"BT-3.* '380', .* no credit note"),
    "an invoice that calls itself a credit note": (UBL, ((">380<", ">381<"),), r"BT-3.* '381', .* no invoice"),
    "a part of a type code": (UBL, ((">380<", ">38<"),), r"BT-3.* '38', .* no invoice"),
    "two type codes": (CII, ((">380<", ">380 381<"),), r"BT-3.* '380 381', .* no invoice"),
    "an order among the CII documents": (CII, ((">380<", ">220<"),), r"BT-3.* '220', .* no invoice"),
    "a profile that is none": (CII, (("urn:cen.eu:en16931:2017", "urn:example"),), r"^the profile .* 'urn:example'"),
    "two VAT categories of a line": (
        UBL, before("<cac:ClassifiedTaxCategory>", SECOND_CATEGORY), r"^line \d+, ID: .*\(BT-151\) stands here 2 "),
    "a line below a line": (
        UBL, (("</cac:Price>", f"</cac:Price>{LINE_BELOW}"),), r"^line \d+, SubInvoiceLine: EN 16931 has no lines"),
}  # fmt: skip


class TestWhatIsRefused:
    @pytest.mark.parametrize("case", CASES)
    def test_the_message_says_what_is_wrong_and_where(self, case: str) -> None:
        data, changes, message = CASES[case]
        with pytest.raises(UnreadableInvoice, match=message):
            read_invoice_xml(changed(data, *changes))

    def test_a_document_without_lines(self) -> None:
        start, end = CII.index(b"<ram:IncludedSupplyChain"), CII.rindex(b"</ram:IncludedSupplyChainTradeLineItem>")
        minimum = CII[:start] + CII[end + len(b"</ram:IncludedSupplyChainTradeLineItem>") :]
        with pytest.raises(UnreadableInvoice, match="breaks the schema"):
            read_invoice_xml(minimum)
        minimum = changed(
            minimum,
            ("urn:cen.eu:en16931:2017", "urn:factur-x.eu:1p0:basicwl"),  # a profile that has no lines
            ("<ram:AccountName>Alpenglas Hainfeld GmbH</ram:AccountName>", ""),
        )
        with pytest.raises(UnreadableInvoice, match=r"^BG-25, lines: "):
            read_invoice_xml(minimum)

    def test_two_accounts_are_counted_and_never_quoted(self) -> None:
        start, end = UBL.index(b"<cac:PaymentMeans>"), UBL.index(b"</cac:PaymentMeans>") + len(b"</cac:PaymentMeans>")
        means = UBL[start:end]
        twice = UBL[:end] + means + UBL[end:]
        assert read_invoice_xml(twice).iban == "DE95700999000041882307"
        other = UBL[:end] + means.replace(b"41882307", b"41882308") + UBL[end:]
        with pytest.raises(UnreadableInvoice, match=r"BT-84.* 2 different values") as caught:
            read_invoice_xml(other)
        assert "4188" not in str(caught.value)

    def test_a_long_value_is_cut(self) -> None:
        for old, new in ((">2951.20<", f">{'x' * 10_000}<"), (">2026-03-10<", f">{'2' * 10_000}-01-01<")):
            with pytest.raises(UnreadableInvoice) as caught:
                read_invoice_xml(changed(UBL, (old, new)))
            assert len(str(caught.value)) < 500

    def test_a_number_is_checked_without_the_schema_too(self) -> None:
        for text in ("NaN", "1_000", "١٢", "1,5", "1e3", ""):
            element = etree.Element("Amount")
            element.text = text
            with pytest.raises(UnreadableInvoice, match="is not a decimal number"):
                Element(element, {}).decimal()

    def test_it_is_a_value_error(self) -> None:
        with pytest.raises(ValueError, match="empty"):
            read_invoice_xml(b"")

    def test_nothing_is_logged_and_others_still_may(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG):
            read_invoice_xml(CII)
            with pytest.raises(UnreadableInvoice):
                read_invoice_xml(changed(CII, (">3093.84<", ">NaN<")))
            assert not caplog.records
            facturx.xml_check_xsd(CII)
            assert caplog.records


def outcome(data: bytes) -> Invoice | UnreadableInvoice:
    """What comes of the bytes; any other error goes through and fails the test."""
    try:
        return read_invoice_xml(data)
    except UnreadableInvoice as error:
        return error


# Mostly characters that leave the file well-formed, so that more than the parser is tried.
CHANGED_TO = st.sampled_from(b"0123456789.-+ AZaz") | st.integers(0, 255)


class TestAnyBytes:
    @given(st.binary(max_size=400))
    @example(b"<?xml version='1.0' encoding='UTF-7'?>")
    @example(b"\xff\xfe")
    @example(b"<a xmlns:x='urn:x' x:y='&#0;'/>")
    @settings(max_examples=200, deadline=None)
    def test_anything_is_read_or_refused(self, data: bytes) -> None:
        outcome(data)

    @given(st.sampled_from([UBL, CREDIT, CII, FOREIGN]), st.data())
    @settings(max_examples=60, deadline=None)
    def test_a_file_that_is_cut_off_is_refused(self, file: bytes, data: st.DataObject) -> None:
        end = data.draw(st.integers(0, len(file.rstrip()) - 1))
        assert isinstance(outcome(file[:end]), UnreadableInvoice)

    @given(st.sampled_from([CII, CII, CII, UBL]), st.data())
    @settings(max_examples=120, deadline=None)
    def test_a_file_with_changed_bytes_is_read_or_refused(self, file: bytes, data: st.DataObject) -> None:
        mutated = bytearray(file)
        for _ in range(data.draw(st.integers(1, 4))):
            mutated[data.draw(st.integers(0, len(file) - 1))] = data.draw(CHANGED_TO)
        outcome(bytes(mutated))

    @given(st.data())
    @settings(max_examples=150, deadline=None)
    def test_a_file_with_an_element_too_few_or_too_many_is_read_or_refused(self, data: st.DataObject) -> None:
        root = etree.fromstring(data.draw(st.sampled_from([CII, CII, CII, CII, CREDIT])))
        element = data.draw(st.sampled_from(list(root.iter())[1:]))
        if data.draw(st.booleans()):
            element.addnext(deepcopy(element))
        else:
            element.getparent().remove(element)
        outcome(etree.tostring(root))

    @given(
        st.sampled_from(
            [b">20260317<", b">3093.84<", b">EUR<", b">AR-26-0088<", b">S<", b">380<", b">AT<", b">20.00<"]
        ),
        st.text(st.characters(codec="utf-8", exclude_characters="<&>"), max_size=40),
    )
    @settings(max_examples=120, deadline=None)
    def test_a_file_with_a_changed_value_is_read_or_refused(self, old: bytes, new: str) -> None:
        outcome(CII.replace(old, b">" + new.encode() + b"<", 1))
