"""The five steps that every engine runs: plain functions, an invoice in and an invoice out."""

from __future__ import annotations

from typing import Any

Invoice = dict[str, Any]


def extract(invoice: Invoice) -> Invoice:
    return {**invoice, "total": sum(invoice["lines"])}


def validate(invoice: Invoice) -> Invoice:
    return {**invoice, "valid": invoice["total"] > 0 and bool(invoice["vendor"])}


def classify(invoice: Invoice) -> Invoice:
    return {**invoice, "risk": "high" if invoice["total"] > 1800 else "low"}


def decide(invoice: Invoice, decision: str = "approve") -> Invoice:
    return {**invoice, "decision": decision}


def post(invoice: Invoice) -> Invoice:
    return {**invoice, "posted": invoice["decision"] == "approve"}


def case(number: int) -> Invoice:
    return {
        "id": f"inv-{number}",
        "vendor": f"v{number % 17}",
        "lines": [number % 7 * 100 + 100, 250, 1000],
        "currency": "EUR",
    }


def check(result: Invoice) -> None:
    """Whatever engine ran it, an approved invoice comes out the same."""
    number = int(str(result["id"]).removeprefix("inv-"))
    expected = post(decide(classify(validate(extract(case(number))))))
    assert result == expected, (result, expected)
