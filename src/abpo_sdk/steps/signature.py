"""What stands before `*` is the case, and what stands after it is wiring."""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final, TypeVar

from pydantic import PydanticSchemaGenerationError, PydanticUserError, TypeAdapter

from abpo_sdk.errors import DefinitionError, EncryptionError, NotCanonical
from abpo_sdk.values.canonical import parse_json
from abpo_sdk.values.encoded import Digest, Encoded, JsonValue, PersonalValue, file_digest
from abpo_sdk.values.encoding import Codec, digests, encryptable
from abpo_sdk.values.personal import Personal, subject_text
from abpo_sdk.values.traversal import Found, personal_in

T = TypeVar("T")


class _Wiring:
    """The mark behind `Wired`."""

    def __repr__(self) -> str:
        return "Wired"


WIRING: Final = _Wiring()

Wired = Annotated[T, WIRING]
"""Says of a parameter after `*` that it is wiring although it could be stored: `region: Wired[str]`."""

NOT_DATA = frozenset({"any", "callable", "is-instance", "is-subclass"})


class Signature:
    """The parameters of a step or process, split into case and wiring.

    Args:
        function: the function.
        what: what it is, for messages ("step 'book'").
        depth: how many frames up the function was declared, so that annotations of local names are found.

    Raises:
        DefinitionError: `*args`, `**kwargs` or `/`; a case parameter that cannot be stored; wiring that could be data.
    """

    __slots__ = (
        "_codecs",
        "_defaults",
        "_form",
        "_marks",
        "_plain_codecs",
        "_signature",
        "annotations",
        "case",
        "result",
        "what",
        "wiring",
    )

    def __init__(self, function: Callable[..., Any], *, what: str, depth: int = 2) -> None:
        self.what = what
        self._signature = inspect.signature(function)
        self.annotations = _annotations(function, what, depth + 1)
        self.case: tuple[str, ...] = ()
        self.wiring: tuple[str, ...] = ()
        self._codecs: dict[str, Codec[Any]] = {}
        self._defaults: dict[str, Any] = {}
        for name, parameter in self._signature.parameters.items():
            self._add(name, parameter)
        self._marks = self._personal_parameters()
        names: list[str] = sorted(self.case) if not self._marks and all(map(str.isascii, self.case)) else []
        self._plain_codecs = tuple((name, self._codecs[name]) for name in names)
        self._form = b"{%s}" % b",".join(b'"%s":%%s' % name.encode() for name in names)
        self.result: Codec[Any] = Codec(_result_of(self.annotations.get("return", Any)), where=f"the result of {what}")
        if personal_in(self.annotations.get("return", Any)):
            raise DefinitionError(
                f"{what}: its result is marked Personal, but nothing says whose it is; return a model that holds it with its subject"
            )

    def _add(self, name: str, parameter: inspect.Parameter) -> None:
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            raise DefinitionError(
                f"{self.what}: {parameter} takes anything, so nothing says what is stored; name each parameter"
            )
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            raise DefinitionError(
                f"{self.what}: parameter {name!r} can be given by position alone, and values come back by name; take out the `/`"
            )
        annotation = self.annotations.get(name, Any)
        if parameter.default is not inspect.Parameter.empty:
            self._defaults[name] = parameter.default
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            self.wiring += (name,)
            if not _is_wiring(annotation):
                raise DefinitionError(
                    f"{self.what}: parameter {name!r} stands after `*`, so it is wiring and never stored, but {_shown(annotation)} is data; "
                    f"move it before `*`, or write {name}: Wired[{_shown(annotation)}]"
                )
        else:
            self.case += (name,)
            self._codecs[name] = Codec(annotation, where=f"parameter {name!r} of {self.what}")

    def _personal_parameters(self) -> tuple[tuple[str, Personal], ...]:
        marks = tuple((name, mark) for name in self.case if (mark := personal_in(self.annotations.get(name, Any))))
        for name, mark in marks:
            if mark.subject_field not in self.case:
                raise DefinitionError(
                    f"{self.what}: parameter {name!r} is personal, and its subject_field {mark.subject_field!r} is no parameter"
                )
            if mark.subject_field in dict(marks):
                raise DefinitionError(
                    f"{self.what}: parameter {name!r} is personal, and so is its subject_field {mark.subject_field!r}, "
                    "which is stored in clear; name whose it is with an identifier"
                )
        return marks

    def split(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The case values and the wiring of a call, defaults filled in.

        Raises:
            TypeError: what Python would raise for such a call.
        """
        names = self.case
        values = dict(zip(names, args))  # noqa: B905  which are too many or missing shows below
        if not kwargs and len(args) == len(names) and not self.wiring:
            return values, {}
        wiring = {}
        for name, value in kwargs.items():
            if name in values or (name not in names and name not in self.wiring):
                self._signature.bind(*args, **kwargs)  # raises, in Python's own words
            if name in names:
                values[name] = value
            else:
                wiring[name] = value
        if len(args) > len(names) or len(values) < len(names) or len(wiring) < len(self.wiring):
            for name, default in self._defaults.items():
                (values if name in names else wiring).setdefault(name, default)
            if len(args) > len(names) or len(values) < len(names) or len(wiring) < len(self.wiring):
                self._signature.bind(*args, **kwargs)
        return {name: values[name] for name in names}, wiring

    def case_values(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The case values of a call without wiring, defaults filled in.

        Raises:
            DefinitionError: wiring is among them.
            TypeError: what Python would raise for such a call.
        """
        for name in kwargs:
            if name in self.wiring:
                raise DefinitionError(
                    f"{self.what}: {name!r} is wiring, which is bound and never stored; write .bind({name}=...)"
                )
        values, _ = self.split(args, {**kwargs, **dict.fromkeys(self.wiring)})
        return values

    def round_trip(self, values: Mapping[str, Any]) -> tuple[Encoded, dict[str, Any]]:
        """The values as JSON, and as they come back from what is stored.

        Raises:
            LossyRoundTrip: one would come back different.
        """
        plain = self._plain(values)
        if plain is not None:
            back = {
                name: self._codecs[name].decode_json(data) for name, data in zip(sorted(self.case), plain, strict=True)
            }
            return Encoded(json=self._form % plain), back
        encoded = self.encode(values)
        try:
            stored = parse_json(encoded.json)
        except NotCanonical:  # what cannot be stored, the ledger says when it is to store it
            stored = encoded.tree
        return encoded, {
            name: codec.compared(values[name], codec.decode(stored[name])) for name, codec in self._codecs.items()
        }

    def encode(self, values: Mapping[str, Any], digest: Digest = file_digest) -> Encoded:
        """The case values as one JSON tree, by name."""
        plain = self._plain(values)
        if plain is not None:
            return Encoded(json=self._form % plain)
        found = Found()
        tree = {name: codec.dump(values[name], found, (name,)) for name, codec in self._codecs.items()}
        if found.empty and not self._marks:
            return Encoded(tree)
        personal = [*encryptable(tree, found, self.what), *self._personal_arguments(values)]
        return Encoded(tree, tuple(personal), digests(found, digest))

    def _plain(self, values: Mapping[str, Any]) -> tuple[bytes, ...] | None:
        """Each value as canonical JSON, by the order of names, where all of them are plain JSON and none is personal; else None."""
        plain: tuple[bytes, ...] = ()
        for name, codec in self._plain_codecs:
            data = codec.plain(values[name])
            if data is None:
                return None
            plain += (data,)
        return plain or None

    def _personal_arguments(self, values: Mapping[str, Any]) -> Iterator[PersonalValue]:
        for name, mark in self._marks:
            if values[name] is not None:
                if not values[mark.subject_field]:
                    raise EncryptionError(
                        f"{self.what}: the personal parameter {name!r} has no subject, because {mark.subject_field!r} is empty"
                    )
                yield PersonalValue((name,), mark.label, subject_text(values[mark.subject_field]))

    def decode(self, tree: Mapping[str, JsonValue]) -> dict[str, Any]:
        """The case values that `encode` wrote."""
        return {name: codec.decode(tree[name]) for name, codec in self._codecs.items()}

    def missing(self, wiring: Mapping[str, Any]) -> list[str]:
        """The wiring that has no value and no default."""
        return [name for name in self.wiring if name not in wiring and name not in self._defaults]

    def default_wiring(self) -> dict[str, Any]:
        """The wiring that has a default."""
        return {name: self._defaults[name] for name in self.wiring if name in self._defaults}


def _annotations(function: Callable[..., Any], what: str, depth: int) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError:
        pass
    names: dict[str, Any] = {}
    frame = sys._getframe(depth)  # noqa: SLF001  the only way to names that are local to where the function is declared
    while frame is not None and frame.f_code.co_name != "<module>":
        names = {**frame.f_locals, **names}
        frame = frame.f_back  # type: ignore[assignment]
    try:
        return typing.get_type_hints(function, localns=names, include_extras=True)
    except NameError as error:
        raise DefinitionError(
            f"{what}: an annotation cannot be resolved ({error}); define it before the function"
        ) from error


def _result_of(annotation: Any) -> Any:
    return type(None) if annotation is None else annotation


def _is_wiring(annotation: Any) -> bool:
    if typing.get_origin(annotation) is Annotated and WIRING in annotation.__metadata__:
        return True
    try:
        schema: Any = TypeAdapter(annotation).core_schema
    except (PydanticSchemaGenerationError, PydanticUserError):
        return True
    kind = schema.get("type")
    return kind in NOT_DATA or (kind == "nullable" and schema["schema"].get("type") in NOT_DATA)


def _shown(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")
