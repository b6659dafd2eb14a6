"""Lineage: where each value that a decision used came from."""

from abpo_sdk.lineage.trace import DecisionLineage, FieldLineage, Lineage, Origin, trace

__all__ = ["DecisionLineage", "FieldLineage", "Lineage", "Origin", "trace"]
