"""Before trust: what a policy would have decided about past cases, and whom a gate would have asked."""

from abpo_sdk.evaluation.backtest import backtest
from abpo_sdk.evaluation.report import Backtest
from abpo_sdk.evaluation.results import Result, Unusable
from abpo_sdk.evaluation.shares import Share

__all__ = ["Backtest", "Result", "Share", "Unusable", "backtest"]
