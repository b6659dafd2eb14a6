from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, RootModel

from abpo_sdk import Decision, Personal
from abpo_sdk.errors import LedgerBroken
from abpo_sdk.ledger import FileVault, Ledger
from abpo_sdk.testing.clock import START, FakeClock

COLUMNS = [
    "decision_id", "run_id", "policy", "version", "owner", "proposed", "outcome", "confidence", "decided_by", "gate", "at",
]  # fmt: skip
"""As the plan of the library says: what a decision has, in this order; the case's fields follow."""


class Contact(BaseModel):
    holder: str
    mail: Annotated[str, Personal("mail", subject_field="holder")]


class Claim(BaseModel):
    number: str
    holder: str
    iban: Annotated[str, Personal("bank account", subject_field="holder")]
    amount: Decimal
    seen: dt.datetime
    day: dt.date
    open_for: dt.timedelta = timedelta(hours=1)
    note: str | None = None
    contact: Contact | None = None


CLAIM = Claim(
    number="C-1",
    holder="h-1",
    iban="DE89370400440532013000",
    amount=Decimal("12.50"),
    seen=dt.datetime(2026, 1, 2, 13, 30, tzinfo=timezone(timedelta(hours=2))),
    day=dt.date(2026, 1, 2),
)
OTHER = CLAIM.model_copy(update={"number": "C-2", "holder": "h-2", "iban": "AT61", "amount": Decimal("-3")})
MADE = Decision("claims", "v1", "pay", "pay", ("pay", "refer"), 0.75, (), CLAIM, ("amount",), owner="head of claims")


def test_a_frame_has_the_columns_of_a_decision_and_then_those_of_its_case(ledger: Ledger) -> None:
    ledger.record(MADE, key="C-1")
    frame = ledger.decisions("claims")
    assert list(frame.columns[: len(COLUMNS)]) == COLUMNS
    assert set(frame.columns[len(COLUMNS) :]) == {
        "number", "holder", "amount", "seen", "day", "open_for", "note", "contact",
    }  # fmt: skip
    row = frame.iloc[0]
    assert row[["decision_id", "run_id", "policy", "version", "owner"]].tolist() == [
        "C-1/0", "C-1", "claims", "v1", "head of claims",
    ]  # fmt: skip
    assert row[["proposed", "outcome", "confidence", "decided_by"]].tolist() == ["pay", "pay", 0.75, "policy"]
    assert pd.isna(row["gate"])
    assert row["at"] == pd.Timestamp(START)
    assert str(frame["at"].dtype).endswith("UTC]")


@pytest.mark.parametrize("policy", [None, "claims", "never asked"])
def test_a_frame_of_no_decisions_has_the_columns_of_a_decision(ledger: Ledger, policy: str | None) -> None:
    frame = ledger.decisions(policy)
    assert list(frame.columns) == COLUMNS
    assert len(frame) == 0
    assert str(frame["at"].dtype).endswith("UTC]")


def test_amounts_times_and_days_of_a_case_keep_their_types(ledger: Ledger) -> None:
    ledger.record(MADE, key="C-1")
    ledger.record(replace(MADE, case=OTHER), key="C-2")
    frame = ledger.decisions("claims")
    assert frame["amount"].tolist() == [Decimal("12.50"), Decimal(-3)]
    assert str(frame["amount"].iloc[0]) == "12.50"
    assert frame["day"].tolist() == [CLAIM.day, CLAIM.day]
    assert type(frame["day"].iloc[0]) is dt.date
    assert frame["seen"].iloc[0] == CLAIM.seen
    assert frame["number"].tolist() == ["C-1", "C-2"]


def test_amounts_of_a_plain_mapping_keep_their_type_too(ledger: Ledger) -> None:
    case = {"amount": Decimal("1.10"), "day": dt.date(2026, 1, 2), "at": dt.datetime(2026, 1, 2, tzinfo=UTC), "n": 2}
    ledger.record(replace(MADE, case=case), key="C-1")
    row = ledger.decisions().iloc[0]
    assert (row["amount"], row["day"], row["n"]) == (Decimal("1.10"), dt.date(2026, 1, 2), 2)
    assert row["case.at"] == dt.datetime(2026, 1, 2, tzinfo=UTC)
    assert row["at"] == pd.Timestamp(START)


def test_a_field_of_the_case_that_is_called_like_a_column_of_the_decision_says_that_it_is_the_cases(
    ledger: Ledger,
) -> None:
    case: dict[str, Any] = {name: f"the case's {name}" for name in COLUMNS}
    ledger.record(replace(MADE, case={**case, "amount": 1}), key="C-1")
    frame = ledger.decisions()
    assert set(frame.columns) == {*COLUMNS, *(f"case.{name}" for name in COLUMNS), "amount"}
    row = frame.iloc[0]
    assert row["policy"] == "claims"
    for name in COLUMNS:
        assert row[f"case.{name}"] == f"the case's {name}"


# personal fields


def test_personal_fields_are_there_for_a_declared_purpose_alone(ledger: Ledger) -> None:
    ledger.record(MADE, key="C-1")
    without = ledger.decisions()
    assert "iban" not in without.columns
    assert CLAIM.iban not in without.to_csv()
    with_purpose = ledger.decisions(purpose="fairness audit")
    assert with_purpose["iban"].tolist() == [CLAIM.iban]
    assert set(with_purpose.columns) == {*without.columns, "iban"}


def test_a_field_with_something_personal_inside_is_personal_as_a_whole(ledger: Ledger) -> None:
    case = CLAIM.model_copy(update={"contact": Contact(holder="h-1", mail="h1@acme.example")})
    ledger.record(replace(MADE, case=case), key="C-1")
    without = ledger.decisions()
    assert "contact" not in without.columns
    assert "h1@acme" not in without.to_csv()
    assert "$sealed" not in without.to_csv()
    assert ledger.decisions(purpose="audit")["contact"].iloc[0] == {"holder": "h-1", "mail": "h1@acme.example"}


def test_a_personal_amount_is_typed_like_any_other(ledger: Ledger) -> None:
    ledger.record(replace(MADE, case=Salaried(name="h-1", salary=Decimal("100.10"))), key="C-1")
    assert "salary" not in ledger.decisions().columns
    assert ledger.decisions(purpose="audit")["salary"].tolist() == [Decimal("100.10")]


class Salaried(BaseModel):
    name: str
    salary: Annotated[Decimal, Personal("salary", subject_field="name")]


def test_what_was_erased_is_missing_and_the_accounting_facts_remain(
    path: Path, open_ledger: Callable[..., Ledger]
) -> None:
    ledger = open_ledger()
    ledger.record(MADE, key="C-1")
    ledger.record(replace(MADE, case=OTHER), key="C-2")
    ledger.close()
    with closing(FileVault(Path(f"{path}.keys"))) as vault:
        vault.erase(vault.identifiers("h-1"))
    frame = open_ledger().decisions(purpose="audit")
    assert pd.isna(frame["iban"].iloc[0])
    assert frame["iban"].iloc[1] == "AT61"
    assert frame["amount"].tolist() == [Decimal("12.50"), Decimal(-3)]
    assert frame["outcome"].tolist() == ["pay", "pay"]


# which rows


def test_the_decisions_of_one_policy_or_of_all_come_in_the_order_in_which_they_were_made(ledger: Ledger) -> None:
    assert isinstance(ledger.clock, FakeClock)
    for key, policy in (("z", "claims"), ("y", "loans"), ("x", "claims")):
        ledger.record(replace(MADE, policy=policy), key=key)
        ledger.clock.advance(timedelta(seconds=1))
    assert ledger.decisions()["run_id"].tolist() == ["z", "y", "x"]
    assert ledger.decisions("claims")["run_id"].tolist() == ["z", "x"]
    assert ledger.decisions("loans")["policy"].tolist() == ["loans"]


def test_cases_of_different_shapes_share_a_frame(ledger: Ledger) -> None:
    ledger.record(replace(MADE, case={"amount": 1}), key="C-1")
    ledger.record(replace(MADE, case={"colour": "red"}), key="C-2")
    frame = ledger.decisions()
    assert frame["amount"].isna().tolist() == [False, True]
    assert frame["colour"].isna().tolist() == [True, False]


def test_a_case_that_is_no_record_of_fields_is_one_column(ledger: Ledger) -> None:
    ledger.record(replace(MADE, case="a ticket in one line"), key="C-1")
    assert ledger.decisions()["case"].tolist() == ["a ticket in one line"]


# what else is recorded, removed, or no longer what it was


def test_imported_decisions_are_there_with_their_cases_and_the_time_when_they_were_made(ledger: Ledger) -> None:
    ledger.record(MADE, key="new")
    made = dt.datetime(2019, 3, 4, 5, tzinfo=UTC)
    ledger.import_decisions([("old", replace(MADE, case=OTHER, at=made))], source="the old system")
    frame = ledger.decisions("claims", purpose="audit")
    assert frame["run_id"].tolist() == ["old", "new"]
    assert frame["at"].tolist() == [made, START]
    assert frame["number"].tolist() == ["C-2", "C-1"]
    assert frame["amount"].tolist() == [Decimal(-3), Decimal("12.50")]
    assert frame["iban"].tolist() == ["AT61", CLAIM.iban]
    assert "iban" not in ledger.decisions()
    ledger.erase("h-2", by="dpo", because="asked for it")
    assert ledger.decisions(purpose="audit")["iban"].isna().tolist() == [True, False]


def test_decisions_whose_payloads_were_swept_are_gone(ledger: Ledger) -> None:
    assert isinstance(ledger.clock, FakeClock)
    ledger.record(MADE, key="C-1")
    ledger.import_decisions([("old", replace(MADE, at=START))], source="the old system")
    ledger.clock.advance(timedelta(days=1))
    ledger.retain("decision", timedelta(hours=1))
    assert ledger.decisions()["run_id"].tolist() == ["old"]
    ledger.retain("imported", timedelta(hours=1))
    assert list(ledger.decisions().columns) == COLUMNS
    assert len(ledger.decisions()) == 0


def test_a_row_whose_payload_is_gone_has_no_case(ledger: Ledger) -> None:
    ledger.record(MADE, key="C-1")
    ledger.record(replace(MADE, case=OTHER), key="C-2")
    with ledger.store.transaction() as tx:
        tx.forget("C-1", 0)
    assert ledger.decisions()["number"].isna().tolist() == [True, False]


def test_a_case_that_is_a_list_with_something_personal_in_it_is_personal_as_a_whole(ledger: Ledger) -> None:
    ledger.record(replace(MADE, case=Pair((CLAIM, OTHER))), key="C-1")
    assert CLAIM.iban not in ledger.decisions().to_csv()
    assert "$sealed" not in ledger.decisions().to_csv()
    [case] = ledger.decisions(purpose="audit")["case"]
    assert [claim["iban"] for claim in case] == [CLAIM.iban, "AT61"]
    ledger.erase("h-2", by="dpo", because="asked for it")
    assert ledger.decisions(purpose="audit")["case"].isna().all()
    assert list(ledger.decisions()) == COLUMNS


class Pair(RootModel[tuple[Claim, Claim]]):
    pass


@pytest.mark.parametrize(
    "payload",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"result":1}',
        b'{"result":{}}',
        b'{"result":{"case":{"day":"x"},"types":{"day":"date"}}}',
        b'{"result":{"case":{"n":"x"},"types":{"n":"decimal"}}}',
        b'{"result":{"case":{"n":"x"},"types":{"n":"duration"}}}',
        b'{"result":{"case":{"n":"x"},"types":[1]}}',
        b'{"result":{"case":{"n":"x"},"types":{"n":[]}}}',
        "a text",
    ],
)
def test_a_payload_that_is_not_that_of_a_decision_is_a_broken_ledger(
    ledger: Ledger, path: Path, payload: bytes | str
) -> None:
    ledger.record(replace(MADE, case={"n": 1}), key="C-1")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE abpo_entries SET payload = ?", (payload,))
    for purpose in (None, "audit"):
        with pytest.raises(LedgerBroken, match="'C-1', entry 0") as caught:
            ledger.decisions(purpose=purpose)
        assert (caught.value.chain, caught.value.entry) == ("C-1", 0)


def test_a_time_that_is_none_is_a_broken_ledger(ledger: Ledger, path: Path) -> None:
    ledger.record(MADE, key="C-1")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE abpo_decisions SET at = 'yesterday'")
    with pytest.raises(LedgerBroken, match="'C-1'"):
        ledger.decisions()


values = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(0.1, 0.9)
values |= st.text(st.characters(codec="utf-8"), max_size=5) | st.decimals(allow_nan=False, allow_infinity=False)
values |= st.lists(st.integers(0, 5), max_size=2) | st.dates() | st.datetimes(timezones=st.just(UTC))
values |= st.timedeltas(timedelta(0), timedelta(days=999))
cases = st.dictionaries(st.sampled_from(["a", "b", "c", "policy", "at", "case.policy"]), values, max_size=5)


@settings(max_examples=100, deadline=None)
@given(st.lists(cases, min_size=1, max_size=5))
def test_a_frame_is_what_pandas_makes_of_records(history: list[dict[str, Any]]) -> None:
    with closing(Ledger("sqlite://", clock=FakeClock())) as ledger:
        for number, case in enumerate(history):
            ledger.record(replace(MADE, case=case), key=f"C-{number}")
        frame = ledger.decisions()
        records: list[dict[str, Any]] = []
        for (_, row), case in zip(frame[COLUMNS].iterrows(), history, strict=True):
            record = dict(row)
            for name in sorted(case):  # as the ledger writes them
                record[f"case.{name}" if name in COLUMNS else name] = case[name]
            records.append(record)
        expected = pd.DataFrame.from_records(records)
        pd.testing.assert_frame_equal(frame[list(expected)[11:]], expected[list(expected)[11:]])
        assert list(frame) == list(expected)
