"""Each business rule is broken by the totals that it is about, and by no other."""

from decimal import Decimal
from pathlib import Path

import pytest

from examples.invoices.model import Invoice
from examples.invoices.office import HERE
from examples.invoices.reading import read_invoice_xml
from examples.invoices.rules import BUSINESS_RULES, violations

INBOX = HERE / "inbox"
UNREADABLE, TAMPERED = "INV-2026-0398", "2026-1203"
SOUND = [path for path in sorted(INBOX.glob("*.xml")) if path.stem not in (UNREADABLE, TAMPERED)]

BROKEN_BY = {
    "line_net_total": {"BR-CO-10"},
    "allowance_total": {"BR-CO-11", "BR-CO-13"},
    "charge_total": {"BR-CO-12", "BR-CO-13"},
    "net_total": {"BR-CO-13", "BR-CO-15"},
    "vat_total": {"BR-CO-14", "BR-CO-15"},
    "gross_total": {"BR-CO-15", "BR-CO-16"},
    "prepaid": {"BR-CO-16"},
    "rounding": {"BR-CO-16"},
    "payable": {"BR-CO-16"},
}


def broken(invoice: Invoice) -> set[str]:
    return {violation.rule for violation in violations(invoice)}


@pytest.mark.parametrize("path", SOUND, ids=lambda path: path.stem)
def test_a_sound_invoice_breaks_no_rule(path: Path) -> None:
    assert violations(read_invoice_xml(path.read_bytes())) == ()


@pytest.mark.parametrize("shift", [Decimal("0.01"), Decimal("-0.01")], ids=str)
@pytest.mark.parametrize(("total", "rules"), BROKEN_BY.items())
@pytest.mark.parametrize("name", ["RE-2026-10417", "F2026-0561", "GS-2026-00031"])
def test_a_total_that_is_a_cent_off_breaks_the_rules_that_it_stands_in(
    name: str, total: str, rules: set[str], shift: Decimal
) -> None:
    invoice = read_invoice_xml((INBOX / f"{name}.xml").read_bytes())
    stated = getattr(invoice, total)
    assert broken(invoice.model_copy(update={total: stated + shift})) == rules


@pytest.mark.parametrize("shift", [Decimal("0.01"), Decimal("-0.01")], ids=str)
def test_the_vat_of_a_category_that_is_a_cent_off_breaks_the_sum_and_the_rate(shift: Decimal) -> None:
    invoice = read_invoice_xml((INBOX / "RE-2026-10417.xml").read_bytes())
    first, *others = invoice.vat
    changed = first.model_copy(update={"tax": first.tax + shift})
    assert broken(invoice.model_copy(update={"vat": (changed, *others)})) == {"BR-CO-14", "BR-CO-17"}


def test_no_rule_is_left_out() -> None:
    assert set.union(*BROKEN_BY.values(), {"BR-CO-17"}) == set(BUSINESS_RULES)
