"""What a gate asks a person for beside comparisons of fields: the answer of a function, what was read, abstention, chance."""

from __future__ import annotations

import hmac
import inspect
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from abpo_sdk.conditions import Condition, Reading, fields
from abpo_sdk.conditions.compiled import Truth, value_of
from abpo_sdk.conditions.expressions import node_of
from abpo_sdk.conditions.nodes import FieldNode, Node
from abpo_sdk.errors import ConditionError, DefinitionError
from abpo_sdk.values.canonical import canonical_bytes
from abpo_sdk.values.code import code_version
from abpo_sdk.values.decision import ABSTAIN, Decision

DRAWN_OF = 2**64
"""How many numbers there are to draw from."""


class Predicate(Condition):
    """Whether a function says so; made by `predicate`."""

    __slots__ = ("function", "name", "nodes", "version")

    def __init__(self, name: str, function: Callable[..., bool], nodes: tuple[Node, ...]) -> None:
        self.name = name
        self.function = function
        self.nodes = nodes
        self.version = _version_of(name, function)

    def compiled(self) -> Truth:
        values = tuple(value_of(node) for node in self.nodes)

        def asked(reading: Reading) -> bool:
            said = self.function(*(value(reading) for value in values))
            if type(said) is not bool:
                raise ConditionError(
                    f"the predicate {self.name!r} gave {said if said is None else f'a {type(said).__name__}'}; its function must give True or False"
                )
            return said

        return lambda reading: reading.answer(self, lambda: asked(reading))

    def written(self, reading: Reading | None) -> str:
        of = ", ".join(node.written(reading) for node in self.nodes)
        return f"{self.name} ({of})" if of else self.name

    def structure(self) -> dict[str, Any]:
        of = [node.structure() for node in self.nodes]
        return {"op": "predicate", "name": self.name, "function": self.version, "of": of}

    def fields(self) -> Iterator[FieldNode]:
        for node in self.nodes:
            yield from node.fields()


def predicate(name: str, function: Callable[..., bool], *expressions: Any) -> Condition:
    """Holds where a function of the caller's says so.

    The function is called at most once for a decision, also to say why where another alternative holds already. What it raises
    is raised by the gate, so that nothing passes; where another alternative holds already, a person is asked all the same.

    Args:
        name: what it means that it holds, in words for the reviewer.
        function: gives True or False for the values of the expressions.
        expressions: what it is given: fields, arithmetic on them, constants.

    Raises:
        DefinitionError: no name; no function, or one that would have to be awaited.

    >>> from pydantic import BaseModel
    >>> class Invoice(BaseModel):
    ...     supplier: str
    >>> known = {"Adler"}
    >>> new_supplier = predicate("new supplier", lambda supplier: supplier not in known, fields(Invoice).supplier)
    >>> new_supplier.because(Invoice(supplier="Bock"))
    ("new supplier (supplier 'Bock')",)
    """
    if not isinstance(name, str) or not name.strip():
        raise DefinitionError(f"predicate({name!r}, ...): say in words what it means that it holds")
    if not callable(function):
        raise DefinitionError(f"predicate({name!r}, {function!r}): give a function that gives True or False")
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None)):  # noqa: B004
        raise DefinitionError(
            f"predicate({name!r}, ...): the function would have to be awaited; ask before, in a step, and put the answer into the case"
        )
    return Predicate(name, function, tuple(node_of(expression) for expression in expressions))


def abstained() -> Condition:
    """Holds where the policy says that it cannot decide: its outcome is "abstain" (`ABSTAIN`).

    It may be asked of every policy, also of one that never abstains.

    >>> unsure = Decision("p", "1", "abstain", "abstain", ("pay", "abstain"), 0.4, (), None, ())
    >>> abstained().because(unsure)
    ("outcome is 'abstain'",)
    """
    return fields(Decision).outcome == ABSTAIN


@dataclass(slots=True)
class Draw:
    """How it fell out whether a decision is drawn; a gate puts it into the reading."""

    falls: bool


class Sampled(Condition):
    """Whether a decision is drawn at random; made by `sampled`."""

    __slots__ = ("seed", "share")

    def __init__(self, share: float, seed: str) -> None:
        self.share = share
        self.seed = seed

    def falls(self, *, gate: str, key: str | None) -> bool:
        """Whether the draw hits what a key names.

        Raises:
            DefinitionError: there is no key.
        """
        if not isinstance(key, str) or not key:
            raise DefinitionError(
                f"gate {gate!r} is {self.text()}, by the case's id, and key={key!r} is none; say gate.check(decision, key=...)"
            )
        return drawn(self.share, key=key, gate=gate, seed=self.seed)

    def compiled(self) -> Truth:
        def holds(reading: Reading) -> bool:
            draw = reading.found.get(Draw)
            if draw is None:
                raise ConditionError(f"{self.text()}: only a gate draws; check with gate.check(decision, key=...)")
            return cast("Draw", draw).falls

        return holds

    def written(self, reading: Reading | None) -> str:
        return f"drawn at random, {self.share * 100:.10g} %"

    def structure(self) -> dict[str, Any]:
        return {"op": "sampled", "share": repr(self.share), "seed": self.seed}

    def fields(self) -> Iterator[FieldNode]:
        return iter(())


def sampled(share: float, *, seed: str = "") -> Condition:
    """Holds for a share of all decisions, drawn at random by the case's id, the gate's name and the seed.

    The same id is drawn the same every time, so that a replay agrees. A condition draws once at most.

    Args:
        share: of all decisions, above 0 and up to 1.
        seed: makes it another draw. Who knows it can tell beforehand which ids are drawn.

    Raises:
        DefinitionError: the share is no number above 0 and up to 1; the seed is no text.

    >>> from abpo_sdk.gates import Gate
    >>> second_look = Gate("second look", when=sampled(0.05), to="controller")
    >>> decision = Decision("p", "1", "pay", "pay", ("pay",), 1.0, (), None, ())
    >>> check = second_look.check(decision, key="INV-13")
    >>> check.needed, check.why, check.probability
    (True, ('drawn at random, 5 %',), 0.05)
    """
    number = isinstance(share, (int, float)) and not isinstance(share, bool)
    if not number or not math.isfinite(share) or not 0 < share <= 1:
        raise DefinitionError(f"sampled({share!r}): the share is a number above 0 and up to 1, such as 0.05")
    if not isinstance(seed, str):
        raise DefinitionError(f"sampled({share!r}, seed={seed!r}): the seed is a text")
    return Sampled(float(share), seed)


def drawn(share: float, *, key: str, gate: str, seed: str = "") -> bool:
    """Whether a share of all keys has this one: a number of 64 bits made of all that is given, compared exactly.

    The number is the first eight bytes of an HMAC-SHA256 (RFC 2104), which nobody can tell from one drawn uniformly
    without knowing what went in.

    >>> sum(drawn(0.25, key=f"INV-{n}", gate="second look") for n in range(10_000))
    2496
    """
    mac = hmac.digest(seed.encode(), canonical_bytes([gate, key]), "sha256")
    numerator, denominator = share.as_integer_ratio()
    return int.from_bytes(mac[:8], "big") * denominator < numerator * DRAWN_OF


def _version_of(name: str, function: Callable[..., Any]) -> str:
    """The version of what is called: of a bound method its function, of an object its `__call__`."""
    called = function if hasattr(function, "__qualname__") else type(function).__call__
    owner = "" if called is function else f"{type(function).__qualname__} "
    if not hasattr(called, "__code__") and owner:
        raise DefinitionError(
            f"predicate({name!r}, {function!r}): it cannot be told what this does, so not whether it changes; give a function"
        )
    return f"{owner}{code_version(called)}"
