"""Conditions about what a policy read to decide: certain fields of the case, or anything personal."""

from __future__ import annotations

import types
import typing
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from abpo_sdk.conditions import Condition, Field, Reading, fields
from abpo_sdk.conditions.compiled import Truth
from abpo_sdk.conditions.expressions import node_of
from abpo_sdk.conditions.nodes import FieldNode
from abpo_sdk.errors import DefinitionError, InputError
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.traversal import annotations_of, holds_personal, is_typed_dict, personal_in


class Reads(Condition):
    """Whether a policy read something of the kind that a subclass names."""

    __slots__ = ("_inputs", "model")

    def __init__(self, model: type | None) -> None:
        self.model = model
        self._inputs = _node(fields(Decision).inputs)

    @abstractmethod
    def texts(self, read: tuple[str, ...], case: object) -> list[str]:
        """Those of the fields that were read that count, as texts."""

    def compiled(self) -> Truth:
        return lambda reading: bool(self._found(reading))

    def _found(self, reading: Reading) -> list[str]:
        read: tuple[str, ...] = reading.value(self._inputs)
        case = reading.thing(self._inputs).case
        if self.model is not None and not isinstance(case, (Mapping, self.model)):
            raise InputError(
                f"({self.text()}) is about fields of {self.model.__name__}, and the decision is about a {type(case).__name__}"
            )
        return self.texts(read, case)

    def fields(self) -> Iterator[FieldNode]:
        yield self._inputs


class ReadsFields(Reads):
    """Whether a policy read one of some fields; made by `reads`."""

    __slots__ = ("nodes",)

    def __init__(self, nodes: tuple[FieldNode, ...]) -> None:
        super().__init__(nodes[0].model)
        self.nodes = nodes

    def texts(self, read: tuple[str, ...], case: object) -> list[str]:
        paths = [tuple(name.split(".")) for name in read]
        return [_shown(node) for node in self.nodes if any(_overlap(node.path, path) for path in paths)]

    def written(self, reading: Reading | None) -> str:
        found = None if reading is None else self._found(reading)
        if found:
            return f"the policy read {', '.join(found)}"
        asked = ", ".join(node.name for node in self.nodes)
        return f"the policy read {'one of ' if len(self.nodes) > 1 else ''}{asked}"

    def structure(self) -> dict[str, Any]:
        return {"op": "reads", "of": self.nodes[0].model.__name__, "fields": sorted(node.name for node in self.nodes)}

    def fields(self) -> Iterator[FieldNode]:
        yield from super().fields()
        yield from self.nodes


class ReadsPersonal(Reads):
    """Whether a policy read a personal field; made by `reads_personal`."""

    __slots__ = ()

    def texts(self, read: tuple[str, ...], case: object) -> list[str]:
        of_mapping = isinstance(case, Mapping)
        model: Any = self.model if of_mapping else type(case)
        if model is None or not _has_fields(model):
            raise InputError(
                f"({self.text()}): a {type(case).__name__} does not say which of its fields are personal; "
                + ("say reads_personal(Model)" if of_mapping else "decide about a pydantic model or a dataclass")
            )
        return [text for name in read if (text := _personal(model, name))]

    def written(self, reading: Reading | None) -> str:
        found = None if reading is None else self._found(reading)
        return f"the policy read what is personal: {', '.join(found)}" if found else "the policy read what is personal"

    def structure(self) -> dict[str, Any]:
        return {"op": "reads_personal", "of": self.model.__name__ if self.model else None}


def reads(*of: Field) -> Condition:
    """Holds where the policy read one of these fields of the case to decide (`Decision.inputs`).

    A field that holds another, or lies within another, counts with it. A policy that names no inputs has read nothing, as far as this
    can tell.

    Raises:
        DefinitionError: no field, something that is none, fields of several models, or of the decision.

    >>> from pydantic import BaseModel
    >>> class Applicant(BaseModel):
    ...     income: int
    ...     age: int
    >>> a = fields(Applicant)
    >>> decision = Decision("p", "1", "grant", "grant", ("grant",), 1.0, (), Applicant(income=1, age=40), ("age",))
    >>> reads(a.age, a.income).because(decision)
    ('the policy read age',)
    """
    nodes = tuple(_node(field) for field in of)
    if not nodes:
        raise DefinitionError("reads(): name at least one field, such as reads(fields(Applicant).age)")
    models = {node.model.__name__ for node in nodes}
    if len(models) > 1 or nodes[0].model is Decision:
        raise DefinitionError(
            f"reads(...) names fields of {', '.join(sorted(models))}; name fields of one model, that of the cases"
        )
    return ReadsFields(nodes)


def reads_personal(model: type | None = None) -> Condition:
    """Holds where the policy read a personal field of the case to decide, or one that has something personal in it.

    A name that the case's type does not declare counts where anything of that type is personal, since it may come from there.

    Args:
        model: the type of the cases; needed where they are mappings, which do not say what is personal.

    Raises:
        DefinitionError: `model` has no fields.

    >>> from typing import Annotated
    >>> from pydantic import BaseModel
    >>> from abpo_sdk.values import Personal
    >>> class Payee(BaseModel):
    ...     name: str
    ...     iban: Annotated[str, Personal("bank account", subject_field="name")]
    >>> decision = Decision("p", "1", "pay", "pay", ("pay",), 1.0, (), Payee(name="acme", iban="DE1"), ("name", "iban"))
    >>> reads_personal().because(decision)
    ('the policy read what is personal: iban <bank account>',)
    """
    if model is not None:
        fields(model)
    return ReadsPersonal(model)


def _node(field: object) -> FieldNode:
    node = node_of(field) if isinstance(field, Field) else None
    if not isinstance(node, FieldNode):
        raise DefinitionError(f"reads({field!r}): name fields, such as reads(fields(Applicant).age)")
    return node


def _shown(node: FieldNode) -> str:
    return f"{node.name} {node.personal.mask}" if node.personal else node.name


def _overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether one of two paths leads to the other."""
    return all(a == b for a, b in zip(one, other, strict=False))


@lru_cache(maxsize=4096)
def _personal(model: Any, name: str) -> str | None:
    """What to say of a field that was read, where it is personal or may be."""
    annotation: Any = model
    for part in name.split("."):
        owners = [owner for owner in _alternatives(annotation) if _has_fields(owner)]
        declared = annotations_of(owners[0]) if len(owners) == 1 else {}
        if part not in declared:  # a property, or something within a list: it may come from all that is there
            break
        annotation = declared[part]
        mark = personal_in(annotation)
        if mark:
            return f"{name} {mark.mask}"
    return f"{name} (which may be)" if holds_personal(annotation) else None


def _alternatives(annotation: Any) -> list[Any]:
    origin = typing.get_origin(annotation)
    if origin in (typing.Annotated, typing.Required, typing.NotRequired):
        return _alternatives(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [part for alternative in typing.get_args(annotation) for part in _alternatives(alternative)]
    return [annotation]


def _has_fields(model: Any) -> bool:
    return hasattr(model, "model_fields") or hasattr(model, "__dataclass_fields__") or is_typed_dict(model)
