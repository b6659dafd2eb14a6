"""Values for made cases, by the schema that pydantic has of a type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, ClassVar, Final

from hypothesis import strategies as st

from abpo_sdk.errors import DefinitionError
from abpo_sdk.testing.strategies import numbers, texts, times
from abpo_sdk.testing.strategies.models import Tally, drawn, fields_of, validated
from abpo_sdk.values.money import Money

Schema = Mapping[str, Any]
Made = st.SearchStrategy[Any]

FEW_ITEMS = 3
"""How many more items than it must a list has at most."""

DEPTH = 2
"""How often a model may stand within itself."""

INSIDE = {
    "function-after": "schema",
    "function-before": "schema",
    "function-wrap": "schema",
    "custom-error": "schema",
    "json-or-python": "python_schema",
    "lax-or-strict": "strict_schema",
}
"""The schemas around another one, and under which key they have it."""

MODELS = frozenset({"model", "dataclass", "typed-dict"})
JSON_SCALARS: Final[Made] = st.one_of(
    st.none(), st.booleans(), st.integers(-1000, 1000), st.sampled_from(["", "a", "é", "10"])
)


class ValueMaker:
    """Makes strategies for the values that schemas describe.

    Args:
        near: constants that conditions compare with; values just below, at and above them are drawn often.
    """

    def __init__(self, near: Sequence[Any]) -> None:
        self._near = near
        self._defined: dict[str, Schema] = {}
        self._open: list[str] = []

    def opened(self, schema: Schema) -> Schema:
        """The schema of a model without what is around it; remembers what it defines."""
        while schema["type"] not in MODELS:
            if schema["type"] == "definitions":
                self._defined |= {part["ref"]: part for part in schema["definitions"]}
                schema = schema["schema"]
            elif schema["type"] == "definition-ref":
                schema = self._defined[schema["schema_ref"]]
            else:
                schema = schema[INSIDE[schema["type"]]]
        return schema

    def of(self, schema: Schema, where: str) -> Made:
        """A strategy for the values of a schema.

        Args:
            schema: the schema.
            where: the field that it is of, for messages.

        Raises:
            DefinitionError: nothing is known of how to make such a value.
        """
        kind = schema["type"]
        if kind in INSIDE:
            return self.of(schema[INSIDE[kind]], where)
        make = self.MAKERS.get(kind)
        if make is None:
            raise DefinitionError(f"{where}: nobody knows how to make a {kind}; give a value or a strategy for it")
        return make(self, schema, where)

    def model(self, schema: Schema, where: str) -> Made:
        """A strategy for the objects of a model's schema."""
        model = schema["cls"]
        if schema.get("root_model"):
            values = self.of(schema["schema"], where)
        else:
            fields = fields_of(schema)
            parts = {name: self.of(field.schema, f"{model.__name__}.{name}") for name, field in fields.items()}
            values = drawn(parts, fields, model)
        if values.is_empty or schema["type"] == "typed-dict":
            return values
        return validated(model, values, frozenset(), Tally(model))

    def _number(self, schema: Schema, where: str) -> Made:
        make: Callable[..., Made] = getattr(
            numbers, {"int": "integers", "float": "floats", "decimal": "decimals"}[schema["type"]]
        )
        return make(schema, self._near, where)

    def _text(self, schema: Schema, where: str) -> Made:
        return texts.texts(schema, self._near, where)

    def _moment(self, schema: Schema, where: str) -> Made:
        make: Callable[..., Made] = getattr(
            times, {"date": "dates", "datetime": "datetimes", "timedelta": "durations"}[schema["type"]]
        )
        return make(schema, self._near, where)

    def _choice(self, schema: Schema, where: str) -> Made:
        return st.sampled_from(list(schema["expected"] if schema["type"] == "literal" else schema["members"]))

    def _nullable(self, schema: Schema, where: str) -> Made:
        return st.one_of(st.none(), self.of(schema["schema"], where))

    def _default(self, schema: Schema, where: str) -> Made:
        made = self.of(schema["schema"], where)
        if "default" not in schema or not _unchanging(schema["default"]):
            return made
        return st.one_of(st.just(schema["default"]), made)

    def _union(self, schema: Schema, where: str) -> Made:
        choices = schema["choices"]
        parts = choices.values() if isinstance(choices, Mapping) else choices
        return st.one_of([self.of(part[0] if isinstance(part, tuple) else part, where) for part in parts])

    def _reference(self, schema: Schema, where: str) -> Made:
        ref = schema["schema_ref"]
        if self._open.count(ref) == DEPTH:
            return st.nothing()
        self._open.append(ref)
        try:
            return self.of(self._defined[ref], where)
        finally:
            self._open.pop()

    def _many(self, schema: Schema, where: str) -> Made:
        least, most = _size(schema)
        item = schema.get("items_schema")
        items = JSON_SCALARS if item is None else self.of(item, f"{where}[]")
        most = 0 if items.is_empty else most
        if schema["type"] == "list":
            return st.lists(items, min_size=least, max_size=most)
        made = st.sets(items, min_size=least, max_size=most)
        return made if schema["type"] == "set" else made.map(frozenset)

    def _tuple(self, schema: Schema, where: str) -> Made:
        items: list[Made] = [self.of(item, f"{where}[]") for item in schema["items_schema"]]
        variadic = schema.get("variadic_item_index")
        if variadic is None:
            return st.tuples(*items)
        least, most = _size({**schema, "min_length": (schema.get("min_length") or 0) - len(items) + 1})
        before, after = st.tuples(*items[:variadic]), st.tuples(*items[variadic + 1 :])
        most = 0 if items[variadic].is_empty else most
        many = st.lists(items[variadic], min_size=max(0, least), max_size=most)
        return st.tuples(before, many, after).map(lambda parts: (*parts[0], *parts[1], *parts[2]))

    def _mapping(self, schema: Schema, where: str) -> Made:
        plain = schema.get("keys_schema", {"type": "any"})["type"] == "any"
        keys = st.sampled_from(["", "a", "b", "é"]) if plain else self.of(schema["keys_schema"], f"{where} (keys)")
        inner = schema.get("values_schema")
        values = JSON_SCALARS if inner is None else self.of(inner, f"{where} (values)")
        least, most = _size(schema)
        return st.dictionaries(keys, values, min_size=least, max_size=0 if values.is_empty else most)

    def _instance(self, schema: Schema, where: str) -> Made:
        wanted = schema["cls"]
        if wanted is Money:
            return numbers.moneys(self._near)
        if not issubclass(wanted, PurePath):
            raise DefinitionError(
                f"{where}: nobody knows how to make a {wanted.__name__}; give a value or a strategy for it"
            )
        kind = Path if wanted is Path else wanted
        return st.sampled_from(["INV-7.xml", "in box/Rechnung Nr. 7.pdf", "no-such-folder/é.json"]).map(kind)

    MAKERS: ClassVar[dict[str, Callable[[ValueMaker, Schema, str], Made]]] = {
        "any": lambda *_: JSON_SCALARS,
        "chain": lambda self, schema, where: self.of(schema["steps"][-1], where),
        "bool": lambda *_: st.booleans(),
        "bytes": lambda _, schema, __: texts.binary(schema),
        "dataclass": model,
        "date": _moment,
        "datetime": _moment,
        "decimal": _number,
        "default": _default,
        "definition-ref": _reference,
        "dict": _mapping,
        "enum": _choice,
        "float": _number,
        "frozenset": _many,
        "int": _number,
        "is-instance": _instance,
        "list": _many,
        "literal": _choice,
        "model": model,
        "none": lambda *_: st.none(),
        "nullable": _nullable,
        "set": _many,
        "str": _text,
        "tagged-union": _union,
        "time": lambda _, schema, where: times.times(schema, where),
        "timedelta": _moment,
        "tuple": _tuple,
        "typed-dict": model,
        "union": _union,
        "url": lambda _, schema, where: texts.addresses(schema, where),
        "uuid": lambda _, schema, __: st.uuids(version=schema.get("version")),
    }
    """How the values of each kind of schema are made."""


def _unchanging(value: object) -> bool:
    return (
        value is None
        or isinstance(value, (str, int, float, bool, frozenset))
        or type(value).__hash__ not in (None, object.__hash__)
    )


def _size(schema: Schema) -> tuple[int, int]:
    least = schema.get("min_length") or 0
    most = schema.get("max_length")
    return least, least + FEW_ITEMS if most is None else min(most, least + FEW_ITEMS)
