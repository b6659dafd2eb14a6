"""Which records outside a step reads, said as a template over its parameters: "file:{document}"."""

from __future__ import annotations

import string
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import Annotated, Any

from abpo_sdk.errors import DefinitionError, LineageError
from abpo_sdk.values.encoded import file_digest
from abpo_sdk.values.personal import Personal
from abpo_sdk.values.source import Source
from abpo_sdk.values.traversal import annotations_of, personal_in


class Reads:
    """The templates of a step.

    Args:
        templates: each "system:identifier", with parameters of the step in braces.
        annotations: the step's parameters and their types.
        what: the step, for messages.

    Raises:
        DefinitionError: no system, an unknown parameter, or a personal field in an identifier.
    """

    __slots__ = ("_templates", "_what")

    def __init__(
        self, templates: Iterable[str], annotations: Mapping[str, Any], parameters: Iterable[str], what: str
    ) -> None:
        self._what = what
        self._templates = tuple(templates)
        known = tuple(parameters)
        for template in self._templates:
            system, colon, rest = template.partition(":")
            if not (system and colon and rest):
                raise DefinitionError(
                    f'{what}: reads={template!r} names no record; write "system:identifier", such as "file:{{document}}"'
                )
            for _, name, _, _ in string.Formatter().parse(template):
                if name is not None:
                    _check_reference(name, annotations, known, what, template)

    def __bool__(self) -> bool:
        return bool(self._templates)

    def sources(self, values: Mapping[str, Any]) -> tuple[Source, ...]:
        """The records that a call with these values reads; a file comes with its content's digest.

        Raises:
            LineageError: an identifier that cannot be made from the values.
        """
        found = []
        for template in self._templates:
            try:
                text = template.format(**values)
            except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
                raise LineageError(f"{self._what}: reads={template!r} has no value for this call: {error}") from error
            system, _, identifier = text.partition(":")
            found.append(Source(system, identifier, _digest(template, values)))
        return tuple(found)


def _digest(template: str, values: Mapping[str, Any]) -> str | None:
    for _, name, _, _ in string.Formatter().parse(template):
        value = values.get(name) if name else None
        if isinstance(value, PurePath):
            return file_digest(Path(value))
    return None


def _check_reference(
    name: str, annotations: Mapping[str, Any], known: tuple[str, ...], what: str, template: str
) -> None:
    first, *rest = name.replace("[", ".").replace("]", "").split(".")
    if first not in known:
        raise DefinitionError(
            f"{what}: reads={template!r} uses {first!r}, which is no parameter; there are {', '.join(known) or 'none'}"
        )
    mark = _personal_at(annotations.get(first, Any), tuple(rest))
    if mark:
        raise DefinitionError(
            f"{what}: reads={template!r} puts the {mark.label} into an identifier, and identifiers are stored in clear"
        )


def _personal_at(annotation: Any, parts: tuple[str, ...], seen: tuple[Any, ...] = ()) -> Personal | None:
    """What is personal where `parts` lead to, or within it."""
    mark = personal_in(annotation)
    if mark or (not parts and annotation in seen):
        return mark
    if _is_model(annotation):
        known = annotations_of(annotation)
        within = [known[parts[0]]] if parts and parts[0] in known else list(known.values())
        rest, seen = parts[1:], seen if parts else (*seen, annotation)
    else:
        within = list(typing.get_args(annotation))
        rest = parts if typing.get_origin(annotation) in (Annotated, typing.Union, types.UnionType) else parts[1:]
    return next((mark for inner in within if (mark := _personal_at(inner, rest, seen))), None)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and (
        hasattr(annotation, "model_fields") or hasattr(annotation, "__dataclass_fields__")
    )
