from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, Runtime, fields, idempotency_key, process, rule, step
from abpo_sdk.errors import DefinitionError
from abpo_sdk.ledger import Ledger
from abpo_sdk.values.decision import Decision, Reason

COLUMNS = ["problem", "effect", "key", "decision_id", "run_id", "policy", "outcome"]


def decided(outcome: str = "pay", policy: str = "payment") -> Decision:
    return Decision(
        outcome=outcome,
        proposed=outcome,
        outcomes=("pay", "refer", "reject"),
        confidence=1.0,
        policy=policy,
        version="v1",
        owner=None,
        reasons=(Reason(1, "R1", "found so"),),
        inputs=(),
        case={"n": 1},
    )


def effects(**columns: list[Any]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})


def found(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    return [
        tuple(None if pd.isna(v) else v for v in row)
        for row in frame[["problem", "effect", "decision_id"]].itertuples(index=False)
    ]


@pytest.fixture
def made() -> Iterator[Callable[..., str]]:
    """Records decisions by key and outcome; gives their ids."""
    with Ledger("sqlite://") as ledger:

        def record(key: str, outcome: str = "pay", policy: str = "payment") -> str:
            return str(ledger.record(decided(outcome, policy), key=key).id)

        record.ledger = ledger  # type: ignore[attr-defined]
        yield record


def ledger_of(made: Any) -> Ledger:
    ledger: Ledger = made.ledger
    return ledger


# decisions that were recorded without a run


def test_what_fits_together_is_no_problem_and_the_columns_are_stable(made: Callable[..., str]) -> None:
    one, two = made("C-1"), made("C-2")
    frame = ledger_of(made).reconcile(effects(decision_id=[two, one]))
    assert list(frame.columns) == COLUMNS
    assert len(frame) == 0
    assert {str(frame[name].dtype) for name in COLUMNS if name != "effect"} == {"string"}


def test_an_effect_without_a_decision_and_a_decision_without_its_effect_are_listed(made: Callable[..., str]) -> None:
    one, two = made("C-1"), made("C-2")
    frame = ledger_of(made).reconcile(effects(decision_id=[one, "C-9/0", None, ""]))
    assert found(frame) == [
        ("effect without a decision", 1, "C-9/0"),
        ("effect without a decision", 2, None),
        ("effect without a decision", 3, None),
        ("decision without its effect", None, two),
    ]
    assert frame.iloc[3][["run_id", "policy", "outcome"]].tolist() == ["C-2", "payment", "pay"]


def test_outcomes_say_which_decisions_permit_an_effect_and_call_for_one(made: Callable[..., str]) -> None:
    paid, rejected, unpaid = made("C-1"), made("C-2", "reject"), made("C-3")
    made("C-4", "reject")
    frame = ledger_of(made).reconcile(effects(decision_id=[paid, rejected]), outcomes={"pay"})
    assert found(frame) == [
        ("effect of a decision with another outcome", 1, rejected),
        ("decision without its effect", None, unpaid),
    ]


def test_a_policy_narrows_the_decisions_that_call_for_an_effect_and_not_those_that_permit_one(
    made: Callable[..., str],
) -> None:
    claim, other = made("C-1"), made("T-1", policy="triage")
    made("T-2", policy="triage")
    ledger = ledger_of(made)
    assert found(ledger.reconcile(effects(decision_id=[claim, other]), policy="payment")) == []


def test_a_second_effect_of_a_decision_is_listed_unless_its_key_is_another(made: Callable[..., str]) -> None:
    one = made("C-1")
    ledger = ledger_of(made)
    assert found(ledger.reconcile(effects(decision_id=[one, one]))) == [("effect more than once", 1, one)]
    keys = ["C-1/pay/0", "C-1/notify/0", "C-1/pay/0"]
    assert found(ledger.reconcile(effects(decision_id=[one] * 3, key=keys))) == [("effect more than once", 2, one)]
    assert found(ledger.reconcile(effects(key=keys))) == [("effect more than once", 2, one)]


def test_labels_are_neither_made_floats_nor_left_out(made: Callable[..., str]) -> None:
    made("C-1")
    frame = effects(decision_id=["C-8/0", "C-9/0"]).set_axis([9007199254740993, 2])
    assert ledger_of(made).reconcile(frame)["effect"].tolist() == [9007199254740993, 2, None]


def test_the_label_of_an_effect_is_that_of_the_callers_frame(made: Callable[..., str]) -> None:
    made("C-1")
    frame = effects(decision_id=["C-9/0"]).set_axis(["line 17"])
    assert ledger_of(made).reconcile(frame)["effect"].iloc[0] == "line 17"


@pytest.mark.parametrize("dtype", ["object", "string", "category"])
def test_missing_cells_of_every_kind_are_effects_without_a_decision(made: Callable[..., str], dtype: str) -> None:
    frame = pd.DataFrame({"decision_id": pd.Series([None, "C-9/0", float("nan")], dtype="object").astype(dtype)})
    problems = ledger_of(made).reconcile(frame)["problem"].tolist()
    assert problems == ["effect without a decision"] * 3


def test_imported_decisions_permit_effects_and_call_for_none(made: Callable[..., str]) -> None:
    ledger = ledger_of(made)
    at = ledger.clock.now() - timedelta(days=400)
    history = [(f"H-{n}", replace(decided(), at=at)) for n in range(2)]
    assert ledger.import_decisions(history, source="the old system") == 2
    assert found(ledger.reconcile(effects(decision_id=["H-0/0"]))) == []


def test_an_effect_of_a_decision_that_was_swept_since_is_no_problem(made: Callable[..., str]) -> None:
    one = made("C/1")
    ledger = ledger_of(made)
    ledger.retain("decision", timedelta(0))
    assert ledger.decisions().empty
    assert found(ledger.reconcile(effects(decision_id=[one, "C%2F1/1", "C%2F1/x", "C%2F1"]))) == [
        ("effect without a decision", 1, "C%2F1/1"),
        ("effect without a decision", 2, "C%2F1/x"),
        ("effect without a decision", 3, "C%2F1"),
    ]


def test_a_frame_that_names_neither_decisions_nor_keys_is_refused(made: Callable[..., str]) -> None:
    with pytest.raises(DefinitionError, match="amount; it needs decision_id"):
        ledger_of(made).reconcile(effects(amount=[1]))
    with pytest.raises(DefinitionError, match="'pay' is one text"):
        ledger_of(made).reconcile(effects(decision_id=[]), outcomes="pay")


@given(st.lists(st.sampled_from(range(6)), max_size=8), st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_every_effect_and_every_decision_is_matched_or_listed(numbers: list[int], decisions: int) -> None:
    with Ledger("sqlite://") as ledger:
        for number in range(decisions):
            ledger.record(decided(), key=f"C-{number}")
        frame = ledger.reconcile(effects(decision_id=[f"C-{n}/0" for n in numbers]))
    counts = frame["problem"].value_counts().to_dict()
    known = [n for n in numbers if n < decisions]
    assert counts.pop("effect without a decision", 0) == len(numbers) - len(known)
    assert counts.pop("effect more than once", 0) == len(known) - len(set(known))
    assert counts.pop("decision without its effect", 0) == decisions - len(set(known))
    assert counts == {}


# runs, by the keys that their steps hand on


class Claim(BaseModel):
    number: str


class Bank:
    """What happened outside: the keys of the payments that were made."""

    def __init__(self) -> None:
        self.keys: list[str] = []


@step
def pay(number: str, *, bank: Any) -> str:
    bank.keys.append(idempotency_key())
    return number


@step
def audit(number: str, *, bank: Any) -> str:
    pay(number, bank=bank)  # a step within a step
    return number


def paying(decide: Any, gate: Gate) -> Any:
    @process
    def pay_claim(number: str, *, bank: Any) -> str:
        if number.startswith("early"):
            pay(number, bank=bank)
        decision = gate(decide({"number": number, "amount": len(number)}))
        for _ in range(2):
            pay(number, bank=bank)
        audit(number, bank=bank)
        return str(decision.outcome)

    return pay_claim


def test_the_keys_of_a_run_lead_to_the_decision_before_the_step(tmp_path: Any) -> None:
    c = fields(Claim)
    claims = DecisionTable("claims", rule(c.number == "ask", then="refer", because="asked"), otherwise="pay")
    d = fields(Decision)
    gate = Gate("approval", when=d.outcome == "refer", to="controller")
    bank = Bank()
    pay_claim = paying(lambda case: claims(Claim(number=case["number"])), gate)
    with Runtime(
        f"sqlite:///{tmp_path}/ledger.db", [pay_claim.bind(bank=bank)], people={"maria@acme": {"controller"}}
    ) as runtime:
        runtime.start(pay_claim, "a/b", id="R/1")
        ledger = runtime.ledger
        assert [key.partition("/")[0] for key in bank.keys] == ["R%2F1"] * 3
        assert found(ledger.reconcile(effects(key=bank.keys))) == []

        twice = [*bank.keys, bank.keys[0]]
        assert found(ledger.reconcile(effects(key=twice))) == [("effect more than once", 3, "R%2F1/0")]
        strange = ["R%2F1/pay/7", "R-9/pay/0", "R%2F1"]
        assert found(ledger.reconcile(effects(key=[*bank.keys, *strange]))) == [
            ("effect that the run has not recorded", 3, "R%2F1/0"),
            ("effect without a decision", 4, None),
            ("effect that the run has not recorded", 5, "R%2F1/0"),
        ]

        before = len(bank.keys)
        runtime.start(pay_claim, "early", id="R-2")
        problems = found(ledger.reconcile(effects(key=bank.keys)))
        assert problems == [("effect without a decision", before, None)]

        runtime.start(pay_claim, "ask", id="R-3")
        frame = ledger.reconcile(effects(key=bank.keys))
        assert found(frame)[1:] == [("decision without its effect, and its run is open", None, "R-3/0")]
