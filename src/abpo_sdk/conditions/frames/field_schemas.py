"""How the model itself takes the values of one field, and for which models fields can be taken one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import SchemaValidator

from abpo_sdk.conditions.typed_cases import adapter_of, worst
from abpo_sdk.values.money import Money
from abpo_sdk.values.traversal import is_typed_dict

Place = tuple[int | str, ...]

# What lies around the schema of a plain type without a say in which values it takes.
_WRAPPERS = frozenset({"default", "nullable"})
_IDLE_KEYS = frozenset({"type", "metadata", "ref", "microseconds_precision", "serialization"})
# Settings of a model under which a mapping is read otherwise than field by field and under their aliases.
_WHOLE = frozenset({"strict", "loc_by_alias", "validate_by_alias", "revalidate_instances"})


@dataclass(frozen=True, slots=True)
class Refused:
    """A value that a field does not take: whether it only lacks something inside, and where."""

    missing: bool
    place: Place


class FieldSchema:
    """One field of a model: takes values as the model does.

    Args:
        name: the field's name.
        schema: the core schema of its values.
        config: the settings of the model.
        definitions: the schemas that `schema` refers to.
    """

    __slots__ = ("_lists", "_one", "made_anew", "name", "nested", "plain", "takes_none")

    nested: Any
    """The model that its values are, where it takes any mapping of that model's fields; None otherwise."""

    made_anew: bool
    """Whether its default is made anew for each case."""

    plain: str | None
    """The schema's type where that alone says which values are taken ("int", "decimal", ...), None otherwise."""

    def __init__(self, name: str, schema: Mapping[str, Any], config: Any, definitions: Sequence[Any]) -> None:
        def validator(of: Any) -> SchemaValidator:
            whole = {"type": "definitions", "schema": of, "definitions": list(definitions)} if definitions else of
            return SchemaValidator(whole, config or None)

        self.name = name
        self._lists = validator({"type": "list", "items_schema": schema})
        self._one = validator(schema)
        self.made_anew = "default_factory" in schema
        inner = schema
        self.takes_none = False
        while inner["type"] in _WRAPPERS:
            self.takes_none = self.takes_none or inner["type"] == "nullable"
            inner = inner["schema"]
        self.nested = _nested(inner, definitions)
        free = (config or {}).get("allow_inf_nan", True)
        self.plain = inner["type"] if set(inner) <= _IDLE_KEYS and free else None

    def take(self, values: list[Any]) -> list[Any]:
        """Each value as the field holds it, or `Refused`."""
        taken: list[Any] = [None] * len(values)
        refused: dict[int, list[Any]] = {}
        try:
            return list(self._lists.validate_python(values))
        except ValidationError as error:
            for problem in error.errors(include_url=False, include_context=False, include_input=False):
                refused.setdefault(problem["loc"][0], []).append({**problem, "loc": problem["loc"][1:]})  # type: ignore[arg-type]
        for position, problems in refused.items():
            taken[position] = Refused(*worst(problems))
        fit = [position for position in range(len(values)) if position not in refused]
        for position, value in zip(fit, self._lists.validate_python([values[p] for p in fit]), strict=True):
            taken[position] = value
        return taken

    def default(self) -> Any:
        """What it holds where a case does not give it, or `Refused`; None where it has no default."""
        try:
            default = self._one.get_default_value()
        except ValidationError as error:
            return Refused(*worst(error.errors(include_url=False, include_context=False, include_input=False)))
        return None if default is None else default.value


@cache
def field_schemas(model: Any) -> dict[str, FieldSchema] | None:
    """The fields of a model by name; None where its cases cannot be taken field by field.

    That is so where the model has a validator, an `__init__` or a `__post_init__` of its own, a default that depends on other
    fields, a way of its own to read attributes, or takes instances strictly.
    """
    schema: Any = adapter_of(model).core_schema
    definitions: Sequence[Any] = ()
    if schema["type"] == "definitions":
        definitions, schema = schema["definitions"], schema["schema"]
    if schema["type"] == "definition-ref":
        schema = next(part for part in definitions if part.get("ref") == schema["schema_ref"])
    if any(_is_function(part) for part in _schemas_in((schema, definitions))):
        return None
    config = schema.get("config") or {}
    if _has_own_ways(schema, model) or any(config.get(key) is not None for key in _WHOLE):
        return None
    found = _fields(schema)
    if found is None or any(_differs_by_case(field) for field in found.values()):
        return None
    return {name: FieldSchema(name, field["schema"], config, definitions) for name, field in found.items()}


def _nested(schema: Mapping[str, Any], definitions: Sequence[Any]) -> Any:
    if schema["type"] == "definition-ref":
        schema = next((part for part in definitions if part.get("ref") == schema["schema_ref"]), schema)
    return schema.get("cls") if schema["type"] == "model" and not schema.get("strict") else None


def _is_function(schema: Mapping[str, Any]) -> bool:
    """Whether a function has a say, which may look at other fields; of money it is one that looks at the value alone."""
    function = (schema.get("function") or {}) if schema["type"].startswith("function-") else None
    return function is not None and getattr(function.get("function"), "__module__", "") != Money.__module__


def _has_own_ways(schema: Mapping[str, Any], model: Any) -> bool:
    flags = ("custom_init", "root_model", "post_init", "strict")
    if any(schema.get(flag) for flag in flags) or schema.get("cls", model) is not model:
        return True
    return not is_typed_dict(model) and (model.__getattribute__ is not object.__getattribute__ or _own_getattr(model))


def _own_getattr(model: Any) -> bool:
    return any("__getattr__" in vars(owner) for owner in model.__mro__ if owner.__module__.split(".")[0] != "pydantic")


def _fields(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The fields' own schemas by name; None where there is something between the model and its fields."""
    if schema["type"] == "typed-dict":
        return dict(schema["fields"])
    inner = schema.get("schema") or {}
    if schema["type"] == "model" and inner.get("type") == "model-fields":
        return dict(inner["fields"])
    if schema["type"] == "dataclass" and inner.get("type") == "dataclass-args":
        return None if any(f.get("init_only") for f in inner["fields"]) else {f["name"]: f for f in inner["fields"]}
    return None


def _differs_by_case(field: Mapping[str, Any]) -> bool:
    alias, schema = field.get("validation_alias"), field["schema"]
    checked = schema.get("default_factory") and schema.get("validate_default")
    takes_data = any(part.get("default_factory_takes_data") for part in _schemas_in(schema))
    return bool(checked or takes_data or not (alias is None or isinstance(alias, str)))


def _schemas_in(schema: Any) -> Iterator[Mapping[str, Any]]:
    waiting: list[Any] = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            if isinstance(part.get("type"), str):
                yield part
            waiting += [value for key, value in part.items() if key not in ("metadata", "config", "serialization")]
        elif isinstance(part, (list, tuple)):
            waiting += part


__all__ = ["FieldSchema", "Refused", "field_schemas"]
