"""What every policy has in common, shown with one of the smallest."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from abpo_sdk import Decision, Policy, key_scope
from abpo_sdk.errors import MistypedInput


class Invoice(BaseModel):
    total: Decimal


class Always(Policy):
    """Says the same about every case."""

    name = "always"
    owner = None
    version = "v1"
    outcomes = ("pay",)

    def __init__(self, case_type):
        self.case_type = case_type

    def decide(self, case: Any) -> Decision:
        return Decision(self.name, self.version, "pay", "pay", self.outcomes, 1.0, (), case, ())


def test_a_policy_of_a_case_type_is_given_objects_of_it():
    assert Always(Invoice)({"total": "1.50"}).case == Invoice(total=Decimal("1.50"))
    with pytest.raises(MistypedInput, match="policy 'always' decides about Invoice, and was given a str"):
        Always(Invoice)("INV-7")


def test_a_policy_without_a_case_type_takes_what_it_is_given():
    case = {"total": "1.50"}
    assert Always(None)(case).case is case


def test_a_policy_decides_the_same_within_a_key_scope():
    with key_scope("INV-7"):
        assert Always(None)(1) == Always(None)(1)


def test_a_policy_must_say_how_it_decides():
    class Undecided(Policy):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Undecided()
