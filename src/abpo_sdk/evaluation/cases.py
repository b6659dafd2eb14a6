"""Makes typed cases of rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from abpo_sdk.conditions.rows import Plan, case_of_row, is_missing, is_model, plain, plan_for
from abpo_sdk.errors import MistypedInput
from abpo_sdk.policies import Policy
from abpo_sdk.values.traversal import is_typed_dict

__all__ = ["CaseReader", "Plan", "is_missing", "plain"]


class CaseReader:
    """Makes cases of a policy's type of what a history holds.

    Args:
        policy: the policy.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.model = policy.case_type
        self.buildable = self.model is not None and is_model(self.model)
        self._plans: dict[tuple[str, ...], Plan] = {}

    def case(self, given: Any) -> Any:
        """A typed case of an object, or of a mapping of its fields (those of nested models nested, or by dotted names).

        Raises:
            MissingInput: a required field has no value.
            MistypedInput: naming each field that does not fit, and its value unless it is personal.
        """
        if self.model is None or (not is_typed_dict(self.model) and isinstance(given, self.model)):
            return given
        if not self.buildable or not isinstance(given, Mapping):
            raise MistypedInput(f"the case is of type {type(given).__name__}, and no {self.model.__name__}")
        names = tuple(given)
        plan = self._plans.get(names)
        if plan is None:
            plan = self._plans[names] = self.plan(names)
        return case_of_row(given, self.model, plan, what=f"policy {self.policy.name!r}")

    def plan(self, columns: Collection[Any]) -> Plan:
        """Which of some columns make a case."""
        return plan_for(self.model, columns)
