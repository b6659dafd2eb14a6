"""Typed values to JSON trees and back, with the personal parts marked and nothing lost on the way.

pydantic does the work. Around it stand the checks that evidence needs: a value must come back equal, a time
must have a zone, a set gets one order, a file stands for its content, and personal fields are found wherever
they lie, so that the ledger can encrypt them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, cast

from pydantic import (
    PydanticSchemaGenerationError,
    PydanticUndefinedAnnotation,
    PydanticUserError,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import ErrorDetails, PydanticSerializationError

from abpo_sdk.errors import DefinitionError, EncryptionError, LossyRoundTrip, NotCanonical
from abpo_sdk.values.canonical import parse_json, plain_bytes
from abpo_sdk.values.encoded import Digest, Encoded, JsonValue, PersonalValue, file_digest, part_at
from abpo_sdk.values.equality import difference, same
from abpo_sdk.values.traversal import LEAVES, Found, PersonalPart, check_marks, find

T = TypeVar("T")
_to_json = json.JSONEncoder(allow_nan=False).encode

LONG_NUMBER = re.compile(rb"\d{16}")
"""What may be a large float, which pydantic reads as an integer where it is written without a point."""

PLAIN_TYPES = {"any": object, "dict": dict, "list": list, "str": str, "bool": bool, "int": int}
"""The schemas of pydantic that leave plain JSON as it is, and the type that they take."""

_ANY, _TEXT = {"type": "any"}, {"type": "str"}
UNTOUCHED = {"keys_schema": (_ANY, _TEXT), "values_schema": (_ANY,), "items_schema": (_ANY,)}
"""What may stand in such a schema of a dict or list."""


class Codec(Generic[T]):
    """Encodes and decodes values of one annotated type.

    Args:
        annotation: any type that pydantic can serialise.
        where: what the type belongs to, for messages ("parameter 'invoice' of step 'book'").

    Raises:
        DefinitionError: pydantic cannot serialise the type, or a `Personal` mark stands where it would be overlooked.

    >>> from decimal import Decimal
    >>> codec = Codec(Decimal, where="an amount")
    >>> codec.encode(Decimal("1.10")).tree, codec.decode("1.10")
    ('1.10', Decimal('1.10'))
    """

    __slots__ = ("_dump", "_load", "_plain", "_where", "annotation")

    def __init__(self, annotation: Any, *, where: str) -> None:
        self.annotation = annotation
        self._where = where
        try:
            adapter: TypeAdapter[T] = TypeAdapter(annotation)
            schema = cast("dict[str, Any]", adapter.core_schema)
            self._dump = adapter.serializer.to_python
            self._load: Callable[..., T] = adapter.validator.validate_json
            check_marks(annotation, where)
        except (PydanticSchemaGenerationError, PydanticUserError, PydanticUndefinedAnnotation, NameError) as error:
            raise DefinitionError(
                f"{where}: {_type_name(annotation)} cannot be stored, because pydantic has no schema for it; "
                "use a pydantic model, a dataclass or a standard type, or make it wiring by putting it after `*`"
            ) from error
        self._plain = _plain_type(schema)
        if schema.get("type") == "callable":
            raise DefinitionError(f"{where}: a callable cannot be stored; make it wiring by putting it after `*`")

    def encode(self, value: T, *, digest: Digest = file_digest) -> Encoded:
        """The value as JSON.

        Raises:
            LossyRoundTrip: the value is not of the type.
            MistypedInput: it holds a time without a zone.
            EncryptionError: it holds a personal field whose subject is unknown.
        """
        plain = self.plain(value)
        if plain is not None:
            return Encoded(json=plain)
        found = Found()
        tree = self.dump(value, found)
        if found.empty:
            return Encoded(tree)
        return Encoded(tree, encryptable(tree, found, self._where), digests(found, digest))

    def dump(self, value: T, found: Found, path: tuple[str | int, ...] = ()) -> JsonValue:
        """The JSON tree of a value that will stand at `path`; adds to `found` what matters in it."""
        if type(value) not in LEAVES:
            try:
                find(value, self._where, found, path)
            except RecursionError:
                raise LossyRoundTrip(f"{self._where}: it is nested too deep to be stored, or holds itself") from None
            except AttributeError as error:  # a model that was made without validation
                lacking = value if error.obj is None else error.obj
                raise LossyRoundTrip(
                    f"{self._where}: a {type(lacking).__name__} without its field {error.name!r} was given; validate it when it is made"
                ) from None
        try:
            tree = self._dump(value, mode="json", by_alias=False, round_trip=True, warnings="error")
        except (PydanticSerializationError, ValueError, TypeError, RecursionError) as error:
            raise LossyRoundTrip(
                f"{self._where}: a {type(value).__name__} was given where {_type_name(self.annotation)} is declared, "
                f"and it cannot be stored as one: {_first_problem(error)}"
            ) from None  # pydantic's own words show values, which may be personal
        if found.sets:
            _order_sets(tree, found, path)
        return tree

    def plain(self, value: T) -> bytes | None:
        """The canonical JSON of a value that is plain JSON, where the type declares no more than that; else None."""
        if self._plain is None or (type(value) is not self._plain and self._plain is not object):
            return None
        return plain_bytes(value)

    def decode(self, tree: JsonValue) -> T:
        """The value that a JSON tree stands for.

        Raises:
            LossyRoundTrip: the tree does not fit the type.
        """
        try:
            text = _to_json(tree)
        except ValueError as error:
            raise LossyRoundTrip(
                f"{self._where}: it holds NaN or an infinity, which no ledger can store; store what it means instead"
            ) from error
        return self.decode_json(text)

    def decode_json(self, text: str | bytes) -> T:
        """The value that JSON stands for.

        Raises:
            LossyRoundTrip: it does not fit the type.
        """
        try:
            return self._load(text, by_alias=False, by_name=True)
        except ValidationError as error:
            raise LossyRoundTrip(
                f"{self._where}: what was stored is no {_type_name(self.annotation)}: {describe(error)}"
            ) from None
        except Exception as error:  # noqa: BLE001  a validator of the user's may raise anything
            raise LossyRoundTrip(
                f"{self._where}: a validator of {_type_name(self.annotation)} raised {type(error).__name__} on what was stored"
            ) from None

    def round_trip(self, value: T) -> tuple[Encoded, T]:
        """Encode, decode and compare.

        Raises:
            LossyRoundTrip: what comes back is not equal to what went in.
        """
        plain = self.plain(value)
        if plain is not None:
            return Encoded(json=plain), self.decode_json(plain)
        encoded = self.encode(value)
        try:
            text = encoded.json
        except NotCanonical:  # what cannot be stored, the ledger says when it is to store it
            return encoded, self.compared(value, self.decode(encoded.tree))
        if not LONG_NUMBER.search(text):
            back = self.decode_json(text)
            if same(value, back):
                return encoded, back
        return encoded, self.compared(
            value, self.decode(parse_json(text))
        )  # as replay reads it: large floats stay floats

    def compared(self, value: T, back: T) -> T:
        """What comes back, once it is known to equal what was given.

        Raises:
            LossyRoundTrip: they are not equal.
        """
        if not same(value, back):
            raise LossyRoundTrip(
                f"{self._where}: what would come back from the ledger differs from what was given: {difference(value, back)}; "
                f"annotate the exact type (declared is {_type_name(self.annotation)})"
            )
        return back


def _plain_type(schema: Mapping[str, Any]) -> type | None:
    """The type of plain JSON that an annotation such as `dict[str, Any]` takes and leaves as it is; None for any other annotation."""
    inner = {name: part for name, part in schema.items() if name in UNTOUCHED}
    if schema.keys() - inner.keys() - {"type", "metadata"} or any(
        part not in UNTOUCHED[name] for name, part in inner.items()
    ):
        return None
    return PLAIN_TYPES.get(schema["type"])


def describe(error: ValidationError) -> str:
    """A validation error in one line, without the values, which may be personal."""
    return "; ".join(
        f"{'.'.join(str(part) for part in e['loc']) or 'value'}: {_said(e)}"
        for e in error.errors(include_url=False, include_input=False, include_context=False)
    )


def _said(problem: ErrorDetails) -> str:
    """What pydantic says; what a validator of the user's says may repeat the value, so it is left out."""
    return "a validator refuses it" if problem["type"] in ("value_error", "assertion_error") else problem["msg"]


def _first_problem(error: Exception) -> str:
    """What pydantic says first, in words: which field, and which types; no values, since they may be personal."""
    found = re.search(r"Expected `([^`]+)`.*?(?:field_name='([^']+)', )?input_value=.*input_type=(\w+)", str(error))
    if found:
        wanted, name, given = found.groups()
        return f"{name or 'it'} is a {given} where {wanted} is declared"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].split(" [", 1)[0] if lines else type(error).__name__


def _type_name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")


def _order_sets(tree: JsonValue, found: Found, path: tuple[str | int, ...]) -> None:
    for place in reversed(found.sets):  # inner sets first: the order of the outer one depends on theirs
        if place[: len(path)] != path:
            continue
        node = part_at(tree, place[len(path) :])
        if isinstance(node, list):
            node.sort(key=lambda item: json.dumps(item, sort_keys=True))


def encryptable(tree: JsonValue, found: Found, where: str) -> tuple[PersonalValue, ...]:
    """The personal places of a tree, each with its subject.

    Raises:
        EncryptionError: a subject is unknown, or a place is not in the tree.
    """
    return tuple(_encryptable(tree, part, where) for part in found.personal)


def digests(found: Found, digest: Digest) -> dict[str, str | None] | None:
    """The digests of the files that were found; None where none were."""
    return {str(path): digest(path) for path in found.files} or None


def _encryptable(tree: JsonValue, part: PersonalPart, where: str) -> PersonalValue:
    if not part.subject:
        raise EncryptionError(
            f"{where}: the personal field {part.name!r} has no subject, because {part.subject_field!r} is empty; "
            "say whose it is, or leave the field empty too"
        )
    try:
        part_at(tree, part.path)
    except (KeyError, IndexError, TypeError):
        raise EncryptionError(
            f"{where}: the personal field {part.name!r} is not where its model says, so it cannot be encrypted; "
            "models with personal fields need their plain shape (no custom serialiser, no exclusion)"
        ) from None
    return PersonalValue(part.path, part.label, part.subject)
