from decimal import Decimal
from typing import Annotated

import pandas as pd
import pytest
from pydantic import BaseModel

from abpo_sdk import Decision, DecisionTable, Gate, Personal, fields, rule


class Invoice(BaseModel):
    number: str
    supplier: str
    total: Decimal
    ordered: Decimal
    iban: Annotated[str, Personal("bank account", subject_field="supplier")] = "none"


i, d = fields(Invoice), fields(Decision)


@pytest.fixture
def payment():
    return DecisionTable(
        "payment",
        rule(i.total <= 0, then="reject", because="the total is not positive"),
        rule(i.total == i.ordered, then="pay", because="the total is the order's", name="matches"),
        rule(i.total > 10**9, then="reject", because="nobody orders that much"),
        otherwise="refer",
    )


@pytest.fixture
def approval():
    when = (i.total > 10_000) | (d.outcome == "refer") | (d.confidence < 0.9)
    return Gate("approval", when=when, to="controller")


@pytest.fixture
def history():
    """Six invoices: two that agree, two that differ, one without a truth, one without a total."""
    return pd.DataFrame(
        {
            "number": ["a", "b", "c", "d", "e", "f"],
            "supplier": "acme",
            "total": [100.0, -5.0, 20_000.0, 300.0, 50.0, None],
            "ordered": [100, 5, 20_000, 200, 50, 7],
            "paid": ["pay", "reject", "reject", "pay", None, "pay"],
            "clerk": ["x", "y", "x", "y", "x", "y"],
        },
        index=[10, 20, 30, 40, 50, 60],
    )
