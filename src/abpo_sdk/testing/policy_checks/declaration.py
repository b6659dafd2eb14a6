"""Checks of a policy: what it says of itself."""

from __future__ import annotations

from abpo_sdk.errors import AbpoError
from abpo_sdk.policies.policy import check_storable
from abpo_sdk.testing.expectations import NotAsExpectedError, SkippedError, expect_text
from abpo_sdk.testing.policy_checks.examined import Examined


def it_has_a_name_a_version_and_outcomes(examined: Examined) -> None:
    policy = examined.policy
    for name in ("name", "version"):
        expect_text(name, getattr(policy, name, None))
    outcomes = getattr(policy, "outcomes", None)
    if not isinstance(outcomes, tuple) or not outcomes:
        raise NotAsExpectedError(f"outcomes: expected a tuple of texts, and saw {outcomes!r}")
    for outcome in outcomes:
        expect_text("outcomes", outcome)
    if len(set(outcomes)) < len(outcomes):
        raise NotAsExpectedError(f"outcomes: expected each once, and saw {outcomes!r}")


def it_says_who_answers_for_it(examined: Examined) -> None:
    expect_text("owner", getattr(examined.policy, "owner", None))


def its_cases_can_be_stored(examined: Examined) -> None:
    model = examined.policy.case_type
    if model is None:
        raise SkippedError("its case_type is None, so nothing says what its cases are")
    if not isinstance(model, type):
        raise NotAsExpectedError(f"case_type: expected a type or None, and saw {model!r}")
    try:
        check_storable(model, what=f"policy {examined.policy.name!r}")
    except AbpoError as error:
        raise NotAsExpectedError(f"case_type: {error}") from error


CHECKS = (
    it_has_a_name_a_version_and_outcomes,
    it_says_who_answers_for_it,
    its_cases_can_be_stored,
)
