"""A policy under examination, what it makes of its cases, and how to say which case it was."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from abpo_sdk.errors import AbpoError, InputError
from abpo_sdk.ledger.decisions import encode_case
from abpo_sdk.policies import Policy
from abpo_sdk.testing.expectations import NotAsExpectedError, SkippedError, shown
from abpo_sdk.testing.policy_checks.case_fields import keys_of
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.encoded import masked_tree
from abpo_sdk.values.traversal import is_typed_dict

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


def check_alike(how: str, made: object, expected: Decision | InputError) -> None:
    """Expect the same decision, or the same refusal.

    Raises:
        NotAsExpectedError: naming the first field that differs.
    """
    if type(made) is not type(expected):
        raise NotAsExpectedError(f"{how}: expected {said(expected)}, and saw {said(made)}")
    if isinstance(made, Decision) and isinstance(expected, Decision):
        for name in Decision.__dataclass_fields__:
            one, other = getattr(made, name), getattr(expected, name)
            if name != "case" and not (one == other and type(one) is type(other)):
                raise NotAsExpectedError(f"{how}: {name}: expected {shown(other)}, and saw {shown(one)}")


def said(made: object) -> str:
    """What a policy made of a case, for a message."""
    return repr(made.outcome) if isinstance(made, Decision) else f"{type(made).__name__}: {made}"
