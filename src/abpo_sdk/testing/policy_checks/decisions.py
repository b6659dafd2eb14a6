"""Checks of a policy: what its decisions say."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any

from abpo_sdk.ledger.decisions import encode_case
from abpo_sdk.testing.expectations import NotAsExpectedError, SkippedError, expect, expect_text
from abpo_sdk.testing.policy_checks.examined import Examined, about, shown_case
from abpo_sdk.values.decision import POLICY, Reason
from abpo_sdk.values.encoded import masked_tree, part_at
from abpo_sdk.values.traversal import annotations_of, is_typed_dict

TEXTS = ("factor", "value", "stage", "source", "condition", "unit")

LEAST = 5
"""How long a personal value must be for its text in a reason to be no coincidence."""


def it_decides_at_least_one_of_the_cases(examined: Examined) -> None:
    if not examined.decided:
        case, refusal = examined.answers[0]
        raise NotAsExpectedError(
            f"expected a decision about at least one of {len(examined.cases)} cases, and all were refused, as was "
            f"{shown_case(case)}: {refusal}"
        )


def a_decision_says_which_policy_made_it(examined: Examined) -> None:
    policy = examined.policy
    for case, decision in examined.decided:
        with about(case):
            expect("policy", decision.policy, policy.name)
            expect("version", decision.version, policy.version)
            expect("owner", decision.owner, policy.owner)
            expect("outcomes", decision.outcomes, policy.outcomes)
            expect("decided_by", decision.decided_by, POLICY)
            expect("gate", decision.gate, None)
            expect("id and at of what is not recorded", (decision.id, decision.at), (None, None))


def the_outcome_is_one_that_it_declares(examined: Examined) -> None:
    for case, decision in examined.decided:
        with about(case):
            if decision.outcome not in examined.policy.outcomes:
                raise NotAsExpectedError(
                    f"outcome: expected one of {examined.policy.outcomes!r}, and saw {decision.outcome!r}"
                )
            expect("proposed", decision.proposed, decision.outcome)


def the_confidence_lies_between_0_and_1(examined: Examined) -> None:
    for case, decision in examined.decided:
        with about(case):
            confidence: Any = decision.confidence
            if type(confidence) not in (int, float):
                raise NotAsExpectedError(
                    f"confidence: expected a float, and saw a {type(confidence).__name__}; give float(value)"
                )
            if not 0 <= confidence <= 1:
                raise NotAsExpectedError(f"confidence: expected 0 to 1, and saw {confidence!r}")
            if type(decision.calibrated) is not bool:
                raise NotAsExpectedError(f"calibrated: expected True or False, and saw {decision.calibrated!r}")


def it_gives_reasons_in_their_order(examined: Examined) -> None:
    for case, decision in examined.decided:
        with about(case):
            reasons: Any = decision.reasons
            if not isinstance(reasons, tuple) or not reasons:
                raise NotAsExpectedError(f"reasons: expected a tuple of at least one, and saw {reasons!r}")
            for reason in reasons:
                _expect_reason(reason)
            expect("the ranks of its reasons", [r.rank for r in reasons], list(range(1, len(reasons) + 1)))


def its_reasons_hold_nothing_personal(examined: Examined) -> None:
    looked = False
    for case, decision in examined.decided:
        encoded = encode_case(case, lambda _: None)
        open_text = json.dumps(masked_tree(encoded), ensure_ascii=False)
        said = [str(getattr(reason, f.name)) for reason in decision.reasons for f in fields(Reason)]
        for part in encoded.personal:
            value = part_at(encoded.tree, part.path)
            looked = True
            if not isinstance(value, str) or len(value.strip()) < LEAST or value in open_text:
                continue
            with about(case):
                if any(_holds(text, value) for text in said):
                    raise NotAsExpectedError(
                        f"reasons: expected none to hold what is personal, and one holds the {part.label} of the case; "
                        f"reasons are stored in clear, so write <{part.label}>"
                    )
    if not looked:
        raise SkippedError("none of the cases holds anything personal")


def the_fields_that_it_read_are_fields_of_the_case(examined: Examined) -> None:
    model = examined.policy.case_type
    declared = annotations_of(model) if is_typed_dict(model) else ()
    for case, decision in examined.decided:
        with about(case):
            inputs: Any = decision.inputs
            if not isinstance(inputs, tuple) or not all(isinstance(name, str) for name in inputs):
                raise NotAsExpectedError(f"inputs: expected a tuple of dotted names, and saw {inputs!r}")
            for name in inputs:
                if not _leads_somewhere(case, name, declared):
                    raise NotAsExpectedError(f"inputs: expected fields of the case, and saw {name!r}")
            if len(set(inputs)) < len(inputs):
                raise NotAsExpectedError(f"inputs: expected each once, and saw {inputs!r}")


def _expect_reason(reason: object) -> None:
    if not isinstance(reason, Reason):
        raise NotAsExpectedError(f"reasons: expected Reason objects, and saw a {type(reason).__name__}")
    expect_text("a reason's code", reason.code)
    expect_text("a reason's text", reason.text)
    for name in TEXTS:
        value: Any = getattr(reason, name)
        if value is not None and not isinstance(value, str):
            raise NotAsExpectedError(f"a reason's {name}: expected a text or None, and saw a {type(value).__name__}")
    amount: Any = reason.amount
    if amount is not None and not (type(amount) in (int, float) and math.isfinite(amount)):
        raise NotAsExpectedError(f"a reason's amount: expected a finite float or None, and saw {amount!r}")


def _leads_somewhere(case: Any, name: str, declared: Collection[str]) -> bool:
    """Whether a dotted name leads to a field, or to what is absent on the way there."""
    value = case
    for part in name.split("."):
        if value is None:
            return True
        kind: Any = type(value)
        if isinstance(value, Mapping):
            if value is case and part not in value and part not in declared:
                return False
            value = value.get(part)
        else:
            names = getattr(kind, "model_fields", None) or getattr(kind, "__dataclass_fields__", None)
            if not (hasattr(value, part) if names is None else part in names or hasattr(kind, part)):
                return False
            value = getattr(value, part)
    return True


def _holds(text: str, value: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text) is not None


CHECKS = (
    it_decides_at_least_one_of_the_cases,
    a_decision_says_which_policy_made_it,
    the_outcome_is_one_that_it_declares,
    the_confidence_lies_between_0_and_1,
    it_gives_reasons_in_their_order,
    the_fields_that_it_read_are_fields_of_the_case,
    its_reasons_hold_nothing_personal,
)
