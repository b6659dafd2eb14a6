"""Runs a policy on past cases."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from typing import Any

from abpo_sdk.errors import AbpoError, EvaluationError
from abpo_sdk.evaluation.history import History, read_history
from abpo_sdk.evaluation.report import Backtest
from abpo_sdk.evaluation.results import Result
from abpo_sdk.gates import Gate
from abpo_sdk.policies import Policy
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.traversal import is_typed_dict

__all__ = ["backtest"]


def backtest(
    policy: Policy,
    history: Any,
    *,
    truth: str | Sequence[str | None] | None = None,
    gate: Gate | None = None,
    progress: bool = False,
) -> Backtest:
    """Run a policy on past cases: how often it agrees with people, and whom a gate would have asked.

    Nothing is recorded, in a run or outside. A case that cannot be built or decided is neither dropped nor guessed:
    it is reported as unusable, with the reason.

    Args:
        policy: the policy, such as a `DecisionTable`.
        history: a pandas DataFrame with one row a case, whose columns are fields of the policy's case type (those of a
            nested model by dotted names, such as "supplier.country"); NaN, NaT, NA and None are missing values, and
            other columns are kept in `Backtest.cases` and not shown to the policy. Or any iterable of cases, as objects or
            mappings. A policy without a case type is given each row as a mapping of all columns but the truth.
        truth: where the outcome is that people gave: the name of a column (of a key or attribute of each case, where
            `history` is no DataFrame), or the outcomes themselves, one a case. A missing one is not known.
        gate: the gate that the decisions would go through.
        progress: show a progress bar, where tqdm is installed.

    Raises:
        EvaluationError: there are no cases; a column that the case type needs, or the truth, is not there; a truth is not
            among the policy's outcomes; the gate asks for things that the policy does not decide about.

    >>> import pandas as pd
    >>> from pydantic import BaseModel
    >>> from abpo_sdk import DecisionTable, fields, rule
    >>> class Claim(BaseModel):
    ...     amount: int
    >>> small = rule(fields(Claim).amount <= 500, then="pay", because="the claim is small")
    >>> claims = DecisionTable("claims", small, otherwise="refer")
    >>> history = pd.DataFrame({"amount": [120, 90, 4000, None], "decided": ["pay", "refer", "refer", "pay"]})
    >>> result = backtest(claims, history, truth="decided")
    >>> result.agreement, result.unusable[0].error
    (Share(k=2, n=3), 'Claim.amount is missing')
    """
    if not isinstance(policy, Policy):
        raise EvaluationError(
            f"backtest({policy!r}, ...): give a policy (such as a DecisionTable), and the past cases second"
        )
    _check_gate(gate, policy)
    past = read_history(policy, history, truth)
    results: list[Result] = []
    read: set[str] = set()
    for label, case, known in _shown(zip(past.labels, past.cases, past.truths, strict=True), past, policy, progress):
        result, inputs = _result(policy, gate, past, label, case, known)
        results.append(result)
        read.update(inputs)
    return Backtest(policy, gate, past.truth, tuple(results), past.frame, truth_read=past.truth in read)


def _result(
    policy: Policy, gate: Gate | None, past: History, label: Any, given: Any, truth: str | None
) -> tuple[Result, tuple[str, ...]]:
    """What came of one case, and the fields of it that the policy read."""
    stage = ""
    try:
        case = past.reader.case(given)
        decision = policy.decide(case)
        first = decision.reasons[0] if decision.reasons else None
        result = Result(
            label,
            truth,
            outcome=decision.outcome,
            confidence=decision.confidence,
            reason=first.text if first else None,
            code=first.code if first else None,
        )
        if gate is not None:
            stage = f"gate {gate.name!r}: "
            check = gate.check(decision, key=str(label))
            result = result._replace(asked=check.needed, why=check.why, conditions=check.conditions)
    except Exception as error:  # noqa: BLE001  whatever one case makes a policy raise, the others are evaluated
        told = str(error) if isinstance(error, AbpoError) else f"{type(error).__name__}: {error}"
        return Result(label, truth, error=stage + told), ()
    return result, decision.inputs


def _check_gate(gate: Gate | None, policy: Policy) -> None:
    if gate is None:
        return
    if not isinstance(gate, Gate):
        raise EvaluationError(f"gate={gate!r} is no Gate; leave it out to measure agreement alone")
    decides = policy.case_type
    for field in gate.when.fields():
        model = field.model
        known = decides is None or is_typed_dict(model) or issubclass(decides, model)
        if not known and not issubclass(Decision, model):
            raise EvaluationError(
                f"gate {gate.name!r} reads {model.__name__}.{field.name}, and policy {policy.name!r} decides about "
                f"{getattr(decides, '__name__', decides)}: no case of this history could be put before it"
            )


def _shown(cases: Iterable[Any], past: History, policy: Policy, progress: bool) -> Iterable[Any]:  # noqa: FBT001
    """The cases, behind a progress bar where one is wanted and can be had."""
    if not progress:
        return cases
    try:
        tqdm = importlib.import_module("tqdm.auto").tqdm
    except ImportError:
        return cases
    bar: Iterable[Any] = tqdm(cases, total=len(past.labels), desc=policy.name, unit=" cases")
    return bar
