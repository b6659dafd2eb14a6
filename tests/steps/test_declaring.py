"""What a step or process may look like, and what is refused when it is declared, by name."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol

import pytest
from pydantic import BaseModel

from abpo_sdk import Personal, Wired, process, step
from abpo_sdk.errors import DefinitionError


class Port(Protocol):
    def call(self) -> None: ...


class Opaque:
    """pydantic has no schema for it."""


class Payee(BaseModel):
    name: str
    iban: Annotated[str, Personal("bank account", subject_field="name")]
    city: str = "Bonn"


@dataclass
class Batch:
    payees: list[Payee]
    first: Payee | None = None


class Node(BaseModel):
    name: str
    inner: "Node | None" = None


class Branch(BaseModel):
    name: str
    iban: Annotated[str, Personal("bank account", subject_field="name")]
    inner: "Branch | None" = None


def unstorable_parameter(amount: int, thing: Opaque) -> int: ...
def port_as_data(port: Port) -> int: ...
def callable_as_data(call: Callable[[int], int]) -> int: ...
def unstorable_result(amount: int) -> Opaque: ...
def takes_anything(*amounts: int) -> int: ...
def takes_any_name(**amounts: int) -> int: ...
def by_position(amount: int, /) -> int: ...
def data_as_wiring(amount: int, *, limit: int) -> int: ...
def data_with_default_as_wiring(amount: int, *, region: str | None = None) -> int: ...
def model_as_wiring(*, payee: Payee) -> int: ...
def personal_result(name: str) -> Annotated[str, Personal("bank account", subject_field="name")]: ...
def personal_results(name: str) -> list[Annotated[str, Personal("bank account", subject_field="name")]]: ...
def personal_of_nobody(iban: Annotated[str, Personal("bank account", subject_field="owner")]) -> int: ...
def unknown_annotation(amount: "Missing") -> int: ...  # noqa: F821
def generates(amount: int) -> Iterator[int]:
    yield amount


async def generates_later(amount: int) -> AsyncIterator[int]:
    yield amount


BOTH = [
    (unstorable_parameter, r"parameter 'thing' of .*'unstorable_parameter': Opaque cannot be stored.*after `\*`"),
    (port_as_data, "parameter 'port' of .*'port_as_data'"),
    (callable_as_data, "parameter 'call' of .*'callable_as_data'"),
    (unstorable_result, "the result of .*'unstorable_result': Opaque cannot be stored"),
    (takes_anything, r"'takes_anything': \*amounts: int takes anything"),
    (takes_any_name, r"'takes_any_name': \*\*amounts: int takes anything"),
    (by_position, "'by_position': parameter 'amount' can be given by position alone"),
    (data_as_wiring, r"'data_as_wiring': parameter 'limit' stands after `\*`.*Wired\[int\]"),
    (data_with_default_as_wiring, "parameter 'region'.*write region: Wired"),
    (model_as_wiring, "parameter 'payee'.*Payee is data"),
    (personal_result, "'personal_result': its result is marked Personal"),
    (personal_results, "'personal_results': its result is marked Personal"),
    (personal_of_nobody, "parameter 'iban' is personal, and its subject_field 'owner' is no parameter"),
    (unknown_annotation, "'unknown_annotation': an annotation cannot be resolved.*Missing"),
    (generates, "'generates' is a generator"),
    (generates_later, "'generates_later' is a generator"),
]


@pytest.mark.parametrize("mark", [step, process])
@pytest.mark.parametrize(("function", "message"), BOTH, ids=lambda value: getattr(value, "__name__", ""))
def test_what_cannot_be_stored_is_refused_by_name(mark, function, message):
    with pytest.raises(DefinitionError, match=message):
        mark(function)


def read_payee(payee: Payee, name: str, *, port: Port) -> int: ...
def read_batch(batch: Batch, maybe: Payee | None, by_name: dict[str, Payee]) -> int: ...
def read_secret(iban: Annotated[str, Personal("bank account", subject_field="name")], name: str) -> int: ...
def read_node(node: Node, document: Path) -> int: ...
def read_branch(branch: Branch) -> int: ...


@pytest.mark.parametrize(
    ("function", "reads", "message"),
    [
        (
            read_payee,
            "bank:{nmae}",
            "reads='bank:{nmae}' uses 'nmae', which is no parameter; there are payee, name, port",
        ),
        (read_payee, "no system", "reads='no system' names no record"),
        (read_payee, ":{name}", "names no record"),
        (read_payee, "bank:", "names no record"),
        (read_payee, "bank:{payee.iban}", "puts the bank account into an identifier"),
        (read_payee, "bank:{payee}", "puts the bank account into an identifier"),
        (read_batch, "bank:{maybe.iban}", "puts the bank account into an identifier"),
        (read_batch, "bank:{batch.payees[0].iban}", "puts the bank account into an identifier"),
        (read_batch, "bank:{batch.first}", "puts the bank account into an identifier"),
        (read_batch, "bank:{by_name[x].iban}", "puts the bank account into an identifier"),
        (read_batch, "bank:{by_name}", "puts the bank account into an identifier"),
        (read_branch, "bank:{branch.inner.inner.iban}", "puts the bank account into an identifier"),
        (read_branch, "bank:{branch.inner}", "puts the bank account into an identifier"),
        (read_secret, "bank:{iban}", "puts the bank account into an identifier"),
    ],
)
def test_a_template_that_names_no_record_or_something_personal_is_refused(function, reads, message):
    with pytest.raises(DefinitionError, match=message):
        step(reads=reads)(function)


@pytest.mark.parametrize(
    ("function", "reads"),
    [
        (read_payee, "people:{payee.name}"),
        (read_payee, "people:{payee.city}/{name}"),
        (read_batch, "people:{maybe.city}"),
        (read_batch, "people:{batch.payees[0].name}"),
        (read_secret, "people:{name}"),
        (read_branch, "people:{branch.inner.inner.name}"),
        (read_node, ["file:{document}", "nodes:{node.inner.name}", "nodes:{node}"]),
    ],
)
def test_a_template_over_what_may_be_shown_is_taken(function, reads):
    step(reads=reads)(function)


def wired(amount: int, *, region: Wired[str], port: Port, maybe: Port | None = None, anything=None) -> int:
    return amount


def wired_callable(amount: int, *, call: Callable[[int], int], later: Callable[[], Any] | None = None) -> int:
    return call(amount)


@pytest.mark.parametrize("mark", [step, process])
def test_ports_callables_and_what_says_that_it_is_wired_may_stand_after_the_star(mark):
    assert mark(wired)(3, region="DE", port=None) == 3
    assert mark(wired_callable)(3, call=lambda n: n + 1) == 4


def test_annotations_of_names_that_are_local_to_a_function_are_found():
    class Local(BaseModel):
        n: int

    @step
    def take(local: "Local") -> "Local":
        return local

    @process(name="taken")
    def taken(local: "Local") -> "Local":
        return take(local)

    assert taken(Local(n=1)) == Local(n=1)


def test_a_name_may_be_given():
    assert repr(step(name="other")(read_payee)) == "<step other>"
    assert repr(process(name="other")(read_payee)) == "<process other>"


def test_wiring_is_bound_by_name_and_completely():
    pay = process(name="pay")(read_payee)
    with pytest.raises(DefinitionError, match=r"'pay' needs port after `\*`; write pay.bind\(port=...\)"):
        pay.bind()
    with pytest.raises(DefinitionError, match=r"'pay' has no wiring 'prot'; after `\*` it has port"):
        pay.bind(prot=None)
    with pytest.raises(DefinitionError, match="'pay' has no wiring 'name'"):  # it is data
        pay.bind(port=None, name="x")
    assert repr(pay.bind(port=None)) == "<process pay, bound to port>"


@process
def first_of_two(number: int) -> int:
    return second_of_two(number - 1) if number else 0


@process
def second_of_two(number: int) -> int:
    return first_of_two(number)


def test_processes_that_name_each_other_have_versions():
    assert sorted(first_of_two.pins) == ["Process first_of_two", "Process second_of_two"]
    assert first_of_two.version != second_of_two.version
    assert first_of_two(3) == 0
