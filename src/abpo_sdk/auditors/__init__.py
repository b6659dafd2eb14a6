"""Auditors look at decisions, not at hopes: they count, compare, and answer pass, fail or inconclusive."""

from abpo_sdk.auditors.bias import BiasAuditor
from abpo_sdk.auditors.counts import GroupCounts
from abpo_sdk.auditors.judging import Verdict
from abpo_sdk.auditors.report import BiasReport

__all__ = ["BiasAuditor", "BiasReport", "GroupCounts", "Verdict"]
