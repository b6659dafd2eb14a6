"""What the checks of a policy share: the policy, cases that it decides, and how to say which case it was."""

from __future__ import annotations

import copy
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from abpo_sdk.conditions.condition import constants_for
from abpo_sdk.errors import AbpoError, DefinitionError, InputError
from abpo_sdk.ledger.decisions import encode_case
from abpo_sdk.policies import DecisionTable, Policy
from abpo_sdk.testing.storage import NotAsExpectedError, SkippedError
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.encoded import masked_tree
from abpo_sdk.values.traversal import annotations_of, is_typed_dict

SHOWN = 400
"""How many characters of a case a message shows."""


@dataclass
class Examined:
    """A policy and the cases that it is checked with.

    Args:
        policy: the policy.
        cases: the cases.
        again: makes the policy once more.
        frame: decides a frame, and gives the outcomes in the order of its rows.
    """

    policy: Policy
    cases: list[Any]
    again: Callable[[], Policy] | None
    frame: Callable[[Any], Any] | None

    @cached_property
    def answers(self) -> list[tuple[Any, Decision | InputError]]:
        """Each case with what the policy makes of it: a decision, or a refusal because of what is missing or mistyped."""
        return [(case, answer(self.policy, case)) for case in self.cases]

    @cached_property
    def decided(self) -> list[tuple[Any, Decision]]:
        """The cases that the policy decides, each with its decision."""
        return [(case, made) for case, made in self.answers if isinstance(made, Decision)]

    @cached_property
    def model(self) -> Any:
        """The type of the cases.

        Raises:
            SkippedError: the policy has none with fields.
        """
        model = self.policy.case_type
        if model is None or not (
            is_typed_dict(model) or hasattr(model, "model_fields") or hasattr(model, "__dataclass_fields__")
        ):
            raise SkippedError(f"its case_type is {model!r}, which has no fields")
        if getattr(model, "__pydantic_root_model__", False):
            raise SkippedError(f"its case_type {model.__name__} is a root model, whose cases are no mappings")
        return model

    def as_mapping(self, case: Any) -> dict[str, Any]:
        """The fields of a case by the names under which its type takes them.

        Raises:
            SkippedError: the case is no mapping, and its type has no fields.
        """
        if isinstance(case, Mapping):
            return copy.deepcopy(dict(case))
        return {key: copy.deepcopy(getattr(case, name)) for name, key in keys_of(self.model).items()}


def answer(policy: Policy, case: Any) -> Decision | InputError:
    """What a policy makes of a copy of a case.

    Raises:
        NotAsExpectedError: it raises something else than an InputError, or gives something else than a decision.
    """
    with about(case):
        try:
            made: object = policy(copy.deepcopy(case))
        except InputError as refusal:
            return refusal
        except Exception as error:
            raise NotAsExpectedError(
                f"expected a decision, or MissingInput or MistypedInput, and it raised {type(error).__name__}: {error}"
            ) from error
        if not isinstance(made, Decision):
            raise NotAsExpectedError(f"expected a Decision, and it gave a {type(made).__name__}")
        return made


@contextmanager
def about(case: Any) -> Iterator[None]:
    """Adds which case it was to whatever in its block is not as expected."""
    try:
        yield
    except NotAsExpectedError as error:
        raise NotAsExpectedError(f"about {shown_case(case)}: {error}") from error.__cause__


def shown_case(case: Any) -> str:
    """A case for a message, what is personal in it masked."""
    name = type(case).__name__
    try:
        text = f"{name} {masked_tree(encode_case(case, lambda _: None))}"
    except (AbpoError, TypeError, ValueError):  # which another check says
        text = f"a {name} that no ledger can store"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def keys_of(model: Any) -> dict[str, str]:
    """The fields of a case type that a caller gives, and the name under which each is given.

    Raises:
        SkippedError: one has an alias that is no name.
    """
    if not issubclass(model, BaseModel):
        fields = getattr(model, "__dataclass_fields__", None)
        return {name: name for name in annotations_of(model) if fields is None or fields[name].init}
    keys = {}
    for name, info in model.model_fields.items():
        alias = info.validation_alias or info.alias or name
        if not isinstance(alias, str):
            raise SkippedError(f"{model.__name__}.{name} has several aliases, or a path")
        keys[name] = alias
    return keys


def needed_of(model: Any) -> list[str]:
    """The fields of a case type that have no default."""
    import dataclasses

    if issubclass(model, BaseModel):
        return [name for name, info in model.model_fields.items() if info.is_required()]
    if is_typed_dict(model):
        return [name for name, annotation in annotations_of(model).items() if _is_required(model, name, annotation)]
    none = dataclasses.MISSING
    return [f.name for f in dataclasses.fields(model) if f.init and f.default is none and f.default_factory is none]


def _is_required(model: Any, name: str, annotation: Any) -> bool:
    """Whether a typed dictionary needs a field; where annotations are texts, the type itself does not know of the marks."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Required, typing.NotRequired):
        return origin is typing.Required
    return name in model.__required_keys__


def drawn_cases(policy: Policy, given: Any, count: int) -> list[Any]:
    """The cases to check a policy with.

    Args:
        policy: the policy.
        given: cases, a strategy for them, or None for cases of the policy's type.
        count: how many are drawn from a strategy.

    Raises:
        DefinitionError: there are none, or the policy does not say what its cases are.
    """
    if given is None:
        from abpo_sdk.testing.cases import cases

        if policy.case_type is None:
            raise DefinitionError(
                f"policy {policy.name!r} has no case_type; give cases: check_policy(policy, [case, ...])"
            )
        given = cases(policy.case_type, near=constants_of(policy))
    if hasattr(given, "example") and hasattr(given, "filter"):
        return _drawn(given, count)
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise DefinitionError(f"check_policy(..., {given!r}): give a list of cases, or a strategy such as cases(Model)")
    found = list(given)
    if not found:
        raise DefinitionError(f"check_policy: no cases were given, so nothing of policy {policy.name!r} can be checked")
    return found


def constants_of(policy: Policy) -> list[Any]:
    """The constants that the conditions of a table compare with; empty for other policies."""
    if not isinstance(policy, DecisionTable):
        return []
    found: list[Any] = []
    for row in policy.rules:
        names = frozenset(field.name for field in row.when.fields())
        found += constants_for(row.when, policy.case_type, names)
    return found


def _drawn(strategy: Any, count: int) -> list[Any]:
    from hypothesis import HealthCheck, Phase, given, settings

    found: list[Any] = []

    @settings(
        max_examples=count,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(case: Any) -> None:
        found.append(case)

    collect()
    return found
