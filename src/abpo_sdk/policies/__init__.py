"""Policies: what turns a case into a decision."""

from abpo_sdk.policies.policy import Policy
from abpo_sdk.policies.table import DecisionTable, Rule, rule

__all__ = ["DecisionTable", "Policy", "Rule", "rule"]
