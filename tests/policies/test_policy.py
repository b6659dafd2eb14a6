"""What every policy has in common, shown with one of the smallest."""

from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, Field

from abpo_sdk import Decision, Personal, Policy, key_scope
from abpo_sdk.errors import MistypedInput
from abpo_sdk.values import Money


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


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Person(BaseModel):
    id: str = "P-1"
    salary: Annotated[Money | None, Personal("salary", subject_field="id")] = None
    key: Annotated[UUID | None, Personal("key", subject_field="id")] = None
    notes: Annotated[dict[str, int] | None, Personal("notes", subject_field="id")] = None
    pet: Annotated[Cat | Dog | None, Field(discriminator="kind"), Personal("pet", subject_field="id")] = None
    age: Annotated[int | None, Personal("age", subject_field="id")] = None


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ({"salary": {"amount": "4242.4242", "currency": "EUR"}}, "salary: it is refused by the model's own validator"),
        ({"salary": {"amount": "1", "currency": "SECRET"}}, "salary: it is refused by the model's own validator"),
        ({"key": "SECRET"}, "key: it is refused as not as declared"),
        ({"pet": {"kind": "SECRET"}}, "pet: it is refused as not as declared"),
        ({"notes": {"SECRET": "x"}}, r"notes\.\(a key\): Input should be a valid integer"),
        ({"notes": {"SECRET": True}}, r"notes\.\(a key\) is true or false"),
        ({"age": "4242x"}, "age: Input should be a valid integer"),
    ],
)
def test_what_is_wrong_with_a_personal_field_is_said_without_its_value(case, said):
    with pytest.raises(MistypedInput, match=said) as refused:
        Always(Person)(case)
    assert not any(secret in str(refused.value) for secret in ("SECRET", "4242"))
