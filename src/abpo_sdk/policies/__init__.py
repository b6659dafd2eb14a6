"""Policies: what turns a case into a decision."""

from typing import TYPE_CHECKING

from abpo_sdk.lazy_words import lazily
from abpo_sdk.policies.policy import Policy
from abpo_sdk.policies.rules import Output, Rule, rule
from abpo_sdk.policies.table import DecisionTable

if TYPE_CHECKING:
    from abpo_sdk.policies.decision_model import DecisionModel
    from abpo_sdk.policies.differences.difference import Difference, diff
    from abpo_sdk.policies.effective_dates import InForce

__all__ = ["DecisionModel", "DecisionTable", "Difference", "InForce", "Output", "Policy", "Rule", "diff", "rule"]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "DecisionModel": "decision_model",
        "Difference": "differences.difference",
        "InForce": "effective_dates",
        "diff": "differences.difference",
    },
)
