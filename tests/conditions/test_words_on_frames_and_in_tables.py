"""Lists, patterns, money and times say of a frame, and in a table, what they say of each case."""

import datetime as dt
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Money, rule
from abpo_sdk.conditions import always, fields
from abpo_sdk.errors import InputError

BERLIN = ZoneInfo("Europe/Berlin")
REPEATED = [dt.datetime(2026, 10, 25, 2, minute, tzinfo=BERLIN, fold=fold) for minute in (15, 45) for fold in (0, 1)]


class Line(BaseModel):
    amount: int | None = 1


class Order(BaseModel):
    lines: list[Line] = []
    tags: list[str] = []
    total: Money | None = None
    name: str = "x"
    opens: dt.time = dt.time(9)
    at: dt.datetime = REPEATED[0]
    limit: int = 5


CASES = [
    Order(),
    Order(lines=[Line(amount=3), Line(amount=10)], tags=["a"], total=Money.of(5, "EUR")),
    Order(lines=[Line(amount=None)], total=Money.of(5, "USD"), name="DE12", opens=dt.time(10)),
    *(Order(at=at) for at in REPEATED),
    *(Order(at=at.astimezone(dt.UTC)) for at in REPEATED),
]
o = fields(Order)
CONDITIONS = [
    o.lines.any_(lambda line: line.amount > o.limit),
    o.lines.count(lambda line: line.amount > 2) >= 1,
    o.lines.count() == 2,
    ~o.lines.any_(lambda line: line.amount > 5),
    o.lines.is_missing(),
    o.tags.all_(lambda tag: tag.matches("[a-z]")),
    o.total > Money.of(4, "EUR"),
    o.total.amount > 4,
    o.total.currency == "EUR",
    o.name.matches(r"DE\d+"),
    o.opens.between(dt.time(9), dt.time(9, 30)),
    always,
    *(
        condition
        for at in (*REPEATED, REPEATED[1].astimezone(dt.UTC))
        for condition in (o.at < at, o.at == at, o.at >= at, o.at.is_in(at), o.at - at > dt.timedelta(0))
    ),
]


def said(condition, case):
    try:
        return condition.holds(case)
    except InputError as error:
        return type(error).__name__


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.text())
@pytest.mark.parametrize("dumped", [True, False])
def test_a_frame_is_told_what_each_case_is_told(condition, dumped):
    rows = [
        case.model_dump() if dumped else {name: getattr(case, name) for name in Order.model_fields} for case in CASES
    ]
    truth = condition.holds_frame(pd.DataFrame(rows))
    told = [
        "MissingInput" if missing else "MistypedInput" if mistyped else bool(holds)
        for holds, missing, mistyped in zip(truth.holds, truth.missing, truth.mistyped, strict=True)
    ]
    assert told == [said(condition, case) for case in CASES]


@pytest.mark.parametrize(
    "condition", [c for c in CONDITIONS if c is not always], ids=lambda condition: condition.text()
)
def test_a_table_decides_by_what_the_condition_says(condition):
    table = DecisionTable("orders", rule(condition, then="yes", because="it holds"), otherwise="no")
    for case in CASES:
        answer = said(condition, case)
        if isinstance(answer, str):
            with pytest.raises(InputError):
                table.outcome(case)
        else:
            assert table.outcome(case) == table(case).outcome == ("yes" if answer else "no")
