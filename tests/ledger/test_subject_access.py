"""A person is told everything that the ledger holds of them, and nothing of anybody else."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel

from abpo_sdk import Decision, Ledger, Personal
from abpo_sdk.errors import DefinitionError
from abpo_sdk.runtime import Runtime
from tests.ledger.erasing import BY, OTHER, PEOPLE, SECRET, SUBJECT, Bank, claim, draft, opened, settle, write

TYPES = {
    "run_id": "string",
    "entry": "int64",
    "kind": "string",
    "name": "string",
    "at": "datetime64[us, UTC]",
    "label": "string",
    "field": "string",
    "value": "object",
}


def test_the_columns_and_their_types_are_the_same_with_rows_and_without(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        assert {name: str(dtype) for name, dtype in ledger.export_subject(SUBJECT).dtypes.items()} == TYPES
        write(ledger, "R-1", draft(ledger, 0, name=(SECRET, SUBJECT)))
        frame = ledger.export_subject(SUBJECT)
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == TYPES
        assert frame.drop(columns="at").to_dict("records") == [
            {
                "run_id": "R-1",
                "entry": 0,
                "kind": "step",
                "name": "work",
                "label": "name",
                "field": "name",
                "value": SECRET,
            }
        ]
        assert frame["at"].tolist() == [ledger.clock.now()]


@pytest.mark.parametrize("value", [None, True, 0, 1.5, "", [1, [2]], [], {"a": {"b": None}}, "x" * 10_000])
def test_a_value_comes_as_it_was_stored(value: object, tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        write(ledger, "R-1", draft(ledger, 0, what=(value, SUBJECT)), draft(ledger, 1, what=(7, SUBJECT)))  # type: ignore[arg-type]
        [first, second] = ledger.export_subject(SUBJECT)["value"]
        assert (first, type(first)) == (value, type(value))
        assert second == 7


def test_what_is_said_is_of_this_subject_alone_and_of_every_key_that_is_there(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        write(ledger, "R-1", draft(ledger, 0, name=("first", SUBJECT), iban=(OTHER, "Bolt")))
        ledger.erase(SUBJECT, **BY)
        assert ledger.export_subject(SUBJECT).empty
        write(ledger, "R-2", draft(ledger, 0, name=("second", SUBJECT)), draft(ledger, 1, iban=(OTHER, "Bolt")))
        assert ledger.export_subject(SUBJECT)["value"].tolist() == ["second"]
        assert ledger.export_subject("Bolt")["run_id"].tolist() == ["R-1", "R-2"]
        assert ledger.export_subject("nobody").empty
        ledger.hold(SUBJECT, "Doe v. Acme", "counsel@acme")
        assert ledger.export_subject(SUBJECT)["value"].tolist() == ["second"]
        ledger.verify()


def test_asking_makes_no_key(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        ledger.export_subject(SUBJECT)
        assert ledger.vault.identifiers(SUBJECT) == ()
        assert not (tmp_path / "ledger.db.keys").exists()
        for blank in ("", " ", None):
            with pytest.raises(DefinitionError, match="subject"):
                ledger.export_subject(blank)  # type: ignore[arg-type]


def test_all_that_a_run_kept_is_there_inputs_results_cases_reviews_and_what_was_supplied(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger, Runtime(ledger, [settle.bind(bank=Bank())], people=PEOPLE) as runtime:
        asked = runtime.start(settle, claim("1", amount=500), id="asked")
        asked.review.answer("pay", by="maria@acme", because="fine")
        failed = runtime.start(settle, claim("2", amount=-1), id="failed")
        assert failed.incident is not None
        failed.incident.supply(claim("2", amount=9), by="maria@acme", because="it was nine")
        runtime.start(settle, claim("3", customer="K-2"), id="other")
        frame = ledger.export_subject("K-1")
        assert set(frame["value"]) == {OTHER}
        assert set(frame["label"]) == {"bank account"}
        found = {(row.run_id, row.kind, row.field) for row in frame.itertuples()}
        assert found == {
            ("asked", "started", "arguments.claim.iban"),
            ("asked", "step", "result.iban"),
            ("asked", "decision", "result.case.iban"),
            ("asked", "review", "shown.case.iban"),
            ("asked", "finished", "result.iban"),
            ("failed", "started", "arguments.claim.iban"),
            ("failed", "resolved", "value.iban"),
            ("failed", "step", "result.iban"),
            ("failed", "decision", "result.case.iban"),
            ("failed", "finished", "result.iban"),
        }
        ledger.erase("K-1", **BY)
        assert ledger.export_subject("K-1").empty
        assert set(ledger.export_subject("K-2")["run_id"]) == {"other"}


class Holder(StrEnum):
    ACME = "K-9"


class Account(BaseModel):
    holder: Holder
    iban: Annotated[str, Personal("bank account", subject_field="holder")]


def test_a_subject_that_is_a_member_of_an_enumeration_is_erased_by_its_value(tmp_path: Path) -> None:
    with Ledger(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        case = Account(holder=Holder.ACME, iban="DE89")
        ledger.record(Decision("p", "1", "pay", "pay", ("pay",), 1.0, (), case, ()), key="C-1")
        assert ledger.export_subject("K-9")["value"].tolist() == ["DE89"]
        assert len(ledger.erase("K-9", by="dpo", because="asked for").keys) == 1
