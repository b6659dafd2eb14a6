"""Policies: what turns a case into a decision."""

from abpo_sdk.policies.policy import Policy
from abpo_sdk.policies.rules import Output, Rule, rule
from abpo_sdk.policies.table import DecisionTable

__all__ = ["DecisionTable", "Output", "Policy", "Rule", "rule"]
