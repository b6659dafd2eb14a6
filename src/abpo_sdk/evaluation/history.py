"""Reads past cases, and the outcomes that people gave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from abpo_sdk.auditors.names import shown
from abpo_sdk.errors import EvaluationError
from abpo_sdk.evaluation.cases import CaseReader, is_missing, plain
from abpo_sdk.policies import Policy

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["History", "read_history"]

_NAMED = 5  # things that an error message lists


@dataclass(frozen=True, slots=True)
class History:
    """Past cases, ready to be decided.

    Args:
        labels: how the history calls each case.
        cases: what it holds of each: an object, or a mapping of fields.
        truths: the outcome that people gave in each, None where it is not known.
        truth: what the truth is called; None if none was given.
        frame: all that the history holds, to be shown beside the results.
        reader: makes typed cases of `cases`.
    """

    labels: list[Hashable]
    cases: list[Any]
    truths: list[str | None]
    truth: str | None
    frame: pd.DataFrame
    reader: CaseReader


def read_history(policy: Policy, history: Any, truth: str | Sequence[str | None] | None) -> History:
    """The cases of a DataFrame or an iterable, and their truths.

    Raises:
        EvaluationError: there are none; a column is not there; a truth is no outcome of the policy.
    """
    import pandas as pd

    reader = CaseReader(policy)
    if isinstance(history, pd.DataFrame):
        if not len(history):
            raise EvaluationError(_empty(policy))
        cases = _rows(policy, reader, history, truth)
        labels, frame = history.index.tolist(), history.copy()
    else:
        cases = _listed(policy, history)
        frame = pd.DataFrame({"case": pd.Series(cases, dtype=object)})
        labels = frame.index.tolist()
    name, truths = _truths(history, cases, truth)
    checked = _checked(truths, policy, name, labels)
    return History(labels, cases, checked, None if truth is None else name, frame, reader)


def _empty(policy: Policy) -> str:
    return f"the history is empty: there is no past case to run policy {policy.name!r} on"


def _rows(policy: Policy, reader: CaseReader, history: pd.DataFrame, truth: object) -> list[Any]:
    """Each row as a mapping of what the policy may see."""
    names: list[Any] = list(history.columns)
    untyped = not reader.buildable and issubclass(reader.model or dict, Mapping)
    if untyped:
        wanted = [name for name in names if not (isinstance(truth, str) and name == truth)]
    elif not reader.buildable:
        name = getattr(reader.model, "__name__", "")
        raise EvaluationError(
            f"policy {policy.name!r} decides about {name}, whose fields are not declared, so that no row of a "
            "DataFrame can be made one; give the cases themselves, as a list"
        )
    else:
        plan = reader.plan(names)
        if plan.missing:
            raise EvaluationError(_missing(policy, reader.model, plan.missing, names))
        wanted = plan.columns()
    if not wanted:
        raise EvaluationError(f"policy {policy.name!r} could read no column of the history, which has {_list(names)}")
    for name in wanted:
        if names.count(name) > 1:
            raise EvaluationError(f"the history has {names.count(name)} columns {name!r}; a case has one such field")
    columns = [history[name].tolist() for name in wanted]
    if untyped:
        columns = [[plain(value) for value in column] for column in columns]
    return [dict(zip(wanted, row, strict=True)) for row in zip(*columns, strict=True)]


def _missing(policy: Policy, model: Any, missing: Sequence[str], names: Sequence[Any]) -> str:
    told = []
    for path in missing[:_NAMED]:
        near = _near(path, names)
        told.append(f"{path!r} (near it is {near!r})" if near else f"{path!r}")
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    return (
        f"policy {policy.name!r} decides about {model.__name__}, and the history has no column for its "
        f"{'fields' if len(missing) > 1 else 'field'} {', '.join(told)}{more}; it has {_list(names)}"
    )


def _near(wanted: str, names: Iterable[Any]) -> str | None:
    plain = {str(name).casefold().replace(" ", "_"): str(name) for name in names}
    near = get_close_matches(wanted.casefold(), plain, n=1)
    return plain[near[0]] if near else None


def _list(names: Sequence[Any]) -> str:
    more = f" and {len(names) - 4 * _NAMED} more" if len(names) > 4 * _NAMED else ""
    return (", ".join(repr(name) for name in names[: 4 * _NAMED]) or "none") + more


def _listed(policy: Policy, history: Any) -> list[Any]:
    single = isinstance(history, (str, bytes, Mapping, BaseModel)) or not isinstance(history, Iterable)
    if single:
        raise EvaluationError(
            f"the history is of type {type(history).__name__}; give a pandas DataFrame with one row a case, or a list of cases"
        )
    cases = list(history)
    if not cases:
        raise EvaluationError(_empty(policy))
    return cases


def _truths(history: Any, cases: list[Any], truth: Any) -> tuple[str, list[Any]]:
    """What the truth is called, and each case's, as given."""
    import pandas as pd

    if truth is None:
        return "", [None] * len(cases)
    if not isinstance(truth, str):
        return _given_apart(history, cases, truth)
    if isinstance(history, pd.DataFrame):
        times = list(history.columns).count(truth)
        if times != 1:
            near = _near(truth, history.columns)
            hint = f"did you mean {near!r}? " if near and not times else ""
            there = f"there are {times} of them" if times else "there is none"
            raise EvaluationError(
                f"truth={truth!r} names no one column: {there}. {hint}The history has {_list(list(history.columns))}"
            )
        return truth, history[truth].tolist()
    has = [truth in case if isinstance(case, Mapping) else hasattr(case, truth) for case in cases]
    if not any(has):
        raise EvaluationError(
            f"truth={truth!r}: no case has a key or attribute of that name; where the truth lies apart from the cases, give "
            "the outcomes themselves, one a case"
        )
    values = (case.get(truth) if isinstance(case, Mapping) else getattr(case, truth, None) for case in cases)
    return truth, list(values)


def _given_apart(history: Any, cases: list[Any], truth: Any) -> tuple[str, list[Any]]:
    import pandas as pd

    if isinstance(truth, Mapping) or not isinstance(truth, Iterable):
        raise EvaluationError(
            f"truth={shown(truth)}: give the name of the column that holds it, or the outcomes, one a case"
        )
    if isinstance(truth, pd.Series) and isinstance(history, pd.DataFrame) and not truth.index.equals(history.index):
        raise EvaluationError("the truth's index is not the history's, so that nobody knows which truth is whose")
    values = truth.tolist() if isinstance(truth, pd.Series) else list(truth)
    if len(values) != len(cases):
        raise EvaluationError(f"there are {len(cases):,} cases and {len(values):,} truths; give one a case")
    return "truth", values


def _checked(truths: list[Any], policy: Policy, name: str, labels: list[Hashable]) -> list[str | None]:
    """The truths, each an outcome of the policy or None.

    Raises:
        EvaluationError: naming what is no outcome.
    """
    known = dict(zip(policy.outcomes, policy.outcomes, strict=True))
    checked: list[str | None] = []
    strange: Counter[str] = Counter()
    first: dict[str, Any] = {}
    for label, value in zip(labels, truths, strict=True):
        outcome = known.get(value) if isinstance(value, str) else None
        checked.append(outcome)
        if outcome is None and not is_missing(value):
            strange[repr(value)] += 1
            first.setdefault(repr(value), (label, value))
    if strange:
        raise EvaluationError(_strange(strange, first, policy, name))
    return checked


def _strange(strange: Counter[str], first: Mapping[str, Any], policy: Policy, name: str) -> str:
    told = [f"{shown(first[s][1])} (in {n:,}, first in row {first[s][0]!r})" for s, n in strange.most_common(_NAMED)]
    more = f" and {len(strange) - _NAMED:,} other values" if len(strange) > _NAMED else ""
    values = [value for _, value in first.values()]
    if all(not isinstance(value, str) for value in values):
        pairs = [f"{_plain_repr(v)}: {o!r}" for v, o in zip(values[:2], policy.outcomes, strict=False)]
        way = f"map them to outcomes first, such as history[{name!r}].map({{{', '.join(pairs)}}})"
    else:
        near = next((n for v in values if isinstance(v, str) and (n := _near(v.strip(), policy.outcomes))), None)
        way = f"did you mean {near!r}?" if near else "map them to these outcomes first"
    return (
        f"the truth {name!r} holds {', '.join(told)}{more}, and policy {policy.name!r} knows the outcomes "
        f"{', '.join(map(repr, policy.outcomes))}; {way}"
    )


def _plain_repr(value: Any) -> str:
    return repr(value.item()) if hasattr(value, "item") else repr(value)
