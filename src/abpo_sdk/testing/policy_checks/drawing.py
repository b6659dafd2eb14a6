"""The cases that a policy is checked with: given, drawn from a strategy, or made for its type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from abpo_sdk.conditions.condition import constants_for
from abpo_sdk.errors import DefinitionError
from abpo_sdk.policies import DecisionTable, InForce, Policy


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
        from abpo_sdk.testing.strategies.cases import cases

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
    """The constants that the conditions of a table compare with, and the dates of versions; empty for other policies."""
    if isinstance(policy, InForce):
        return [constant for v in policy.versions for constant in (v.valid_from, *constants_of(v.policy))]
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
