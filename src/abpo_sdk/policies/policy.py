"""What every policy is: a callable from a case to a decision, with an owner and a version."""

from __future__ import annotations

import types
import typing
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from abpo_sdk.conditions.kinds import NUMBERS, kind_of_annotation
from abpo_sdk.errors import MissingInput, MistypedInput
from abpo_sdk.ledger.decisions import decode_decision, encode_case, encode_decision
from abpo_sdk.ledger.recorder import Call, Occurrence, in_force, recorder
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.encoded import Digest, Encoded, JsonValue, file_digest
from abpo_sdk.values.encoding import Codec
from abpo_sdk.values.traversal import annotations_of, holds_personal, is_typed_dict, personal_in

PLAIN = (str, int, float, Decimal, date, timedelta, type(None))
"""The types whose values are shown where they are refused."""


class Policy(ABC):
    """Turns a case into a decision. Call it: alone it computes, inside a run it also records what it decided.

    A kind of policy implements `decide`; the rest is the same for all.
    """

    name: str
    owner: str | None
    version: str
    outcomes: tuple[str, ...]
    case_type: type | None

    @abstractmethod
    def decide(self, case: Any) -> Decision:
        """The decision about a case of the policy's type, as a pure function of it."""

    def __call__(self, case: Any) -> Decision:
        """Decide.

        Args:
            case: an object of the policy's case type, or a mapping of its fields.

        Raises:
            MissingInput, MistypedInput: the case lacks what the policy needs, or has it in the wrong type.
        """
        typed = self._typed(case)
        if in_force() is None:
            return self.decide(typed)
        encoded: list[Encoded] = []

        def case_as_json(digest: Digest = file_digest) -> Encoded:
            if not encoded:
                encoded.append(encode_case(typed, digest))
            return encoded[0]

        def inputs(digest: Digest) -> Encoded:
            case_tree = case_as_json(digest)
            return Encoded({"case": case_tree.tree, "version": self.version}, case_tree.within("case"), case_tree.files)

        def record(decision: Decision, occurrence: Occurrence | None) -> tuple[Encoded, Decision]:
            if occurrence is not None:
                decision = replace(decision, id=occurrence.id, at=occurrence.at)
            return encode_decision(decision, case_as_json()), decision

        def restore(tree: JsonValue, occurrence: Occurrence) -> Decision:
            return decode_decision(tree, case=typed, occurrence=occurrence)

        call = Call(
            kind="decision",
            name=self.name,
            inputs=inputs,
            record=record,
            restore=restore,
            arguments={"": case},
            case=typed,
            version=self.version,
        )
        return recorder().perform(call, lambda: self.decide(typed))

    def _typed(self, case: Any) -> Any:
        wanted = self.case_type
        if type(case) is wanted and wanted is not dict:
            return case
        if wanted is None or (not is_typed_dict(wanted) and isinstance(case, wanted)):
            return case
        if not isinstance(case, Mapping):
            raise MistypedInput(
                f"policy {self.name!r} decides about {wanted.__name__}, and was given a {type(case).__name__}"
            )
        return typed_case(case, wanted, what=f"policy {self.name!r}")


def typed_case(case: Mapping[str, Any], model: type, *, what: str) -> Any:
    """A mapping as an object of the case type.

    Raises:
        MissingInput: all that is wrong is that fields are absent; names them.
        MistypedInput: naming each field that does not fit, and its value where that is surely not personal.
    """
    for path, value in _truths_for_numbers(case, model, ()):
        _, personal = _annotation_at(model, path)
        shown = "true or false" if personal else repr(value)
        raise MistypedInput(
            f"{what}: {model.__name__}.{'.'.join(map(str, path))} is {shown}, a bool where a number is declared"
        )
    try:
        return _adapter(model).validate_python(dict(case))
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        text = f"{what}: the case is no {model.__name__}: {'; '.join(_problem(p, model) for p in problems)}"
        missing = all(problem["type"] == "missing" for problem in problems)
        raise (MissingInput if missing else MistypedInput)(text) from None


def check_storable(model: type, *, what: str) -> None:
    """Refuse a case type whose values could not be stored.

    Raises:
        DefinitionError: it cannot be encoded, or its personal fields would be overlooked.
    """
    Codec(model, where=what)


@cache
def _adapter(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def _problem(problem: Any, model: type) -> str:
    """One problem of a case in words: with the value only of a known field that is plain and not personal."""
    place = problem["loc"]
    annotation, personal = _annotation_at(model, place)
    personal = personal or holds_personal(annotation)
    text = problem["msg"]
    if personal and problem["type"] in ("value_error", "assertion_error"):
        text = "it is refused by the model's own validator"  # whose words may repeat what they refuse
    value = problem["input"]
    if annotation is not None and not personal and problem["type"] != "missing" and isinstance(value, PLAIN):
        text += f" (it is {value!r})"
    return f"{'.'.join(map(str, place)) or 'as a whole'}: {text}"


def _annotation_at(model: Any, place: tuple[int | str, ...]) -> tuple[Any, bool]:
    """The annotation at a place in a case (None where none is known), and whether something there is personal."""
    annotation, personal = model, False
    for step in place:
        owners = [part for part in _parts(annotation) if _has_fields(part)]
        if isinstance(step, str) and owners:
            annotation = next((_annotations(owner)[step] for owner in owners if step in _annotations(owner)), None)
        else:
            container = Collection if isinstance(step, int) else Mapping
            annotation = next((_item_of(part, container, step) for part in _parts(annotation)), None)
        if annotation is None:  # a place that only pydantic knows, such as an alternative of a union
            return None, personal or holds_personal(model)
        personal = personal or personal_in(annotation) is not None
    return annotation, personal


def _truths_for_numbers(
    value: object, annotation: Any, path: tuple[int | str, ...]
) -> Iterator[tuple[tuple[int | str, ...], bool]]:
    """Where a mapping has `True` or `False` for a number; pydantic would make it 1 or 0."""
    parts = _parts(annotation)
    if isinstance(value, bool):
        sorts = {kind_of_annotation(part).sort for part in parts}
        if sorts & NUMBERS and not sorts & {"truth", "other"}:
            yield path, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            for part in parts:
                inner = _annotations(part).get(name) if _has_fields(part) else _item_of(part, Mapping, name)
                yield from _truths_for_numbers(item, inner, (*path, str(name)))
    elif isinstance(value, (list, tuple)):
        for position, item in enumerate(value):
            for part in parts:
                yield from _truths_for_numbers(item, _item_of(part, Collection, position), (*path, position))


def _parts(annotation: Any) -> list[Any]:
    """The alternatives of an annotation, marks taken off."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _parts(annotation.__origin__)
    if origin in (typing.Union, types.UnionType):
        return [inner for part in typing.get_args(annotation) if part is not type(None) for inner in _parts(part)]
    return [annotation]


def _has_fields(annotation: Any) -> bool:
    return kind_of_annotation(annotation).sort == "model"


@cache
def _annotations(model: Any) -> dict[str, Any]:
    """The fields of a model under every name by which a case may give them."""
    by_name = annotations_of(model)
    aliases: dict[str, Any] = {}
    for name, info in getattr(model, "model_fields", {}).items():
        aliases |= {alias: by_name[name] for alias in (info.alias, info.validation_alias) if isinstance(alias, str)}
    return {**by_name, **aliases}


def _item_of(annotation: Any, container: type, key: object) -> Any:
    """What an item of an annotated container is; Any where that is not known."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if not args or not isinstance(origin, type) or not issubclass(origin, container):
        return Any
    if origin is tuple and Ellipsis not in args and isinstance(key, int):
        return args[key] if key < len(args) else Any
    return args[-1] if container is Mapping else args[0]


__all__ = ["Policy", "check_storable", "typed_case"]
