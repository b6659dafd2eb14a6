"""Objects with fields for made cases: drawn field by field, then validated by their own model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.errors import FailedHealthCheck
from pydantic import TypeAdapter, ValidationError

from abpo_sdk.errors import (
    CasesRejected,
    DefinitionError,
    EncryptionError,
    LossyRoundTrip,
    MistypedInput,
    NotCanonical,
)
from abpo_sdk.values.encoding import Codec
from abpo_sdk.values.personal import Personal, subject_text
from abpo_sdk.values.traversal import is_typed_dict, plan_of

ATTEMPTS = 5
"""How often fields are drawn anew for one case before Hypothesis is told that it found none."""
ENOUGH = 100
"""After how many drawn cases it may be said that nearly all are refused."""
FEW = 0.01
"""Which share of them is nearly none."""


@dataclass(frozen=True, slots=True)
class FieldSchema:
    """A field that a caller may give: its schema, and whether it may be left out."""

    schema: Mapping[str, Any]
    optional: bool = False

    def required(self) -> FieldSchema:
        """The same field, never left out."""
        return FieldSchema(self.schema)


def fields_of(schema: Mapping[str, Any]) -> dict[str, FieldSchema]:
    """The fields of a model, dataclass or typed dictionary by name, as its schema has them."""
    inner = schema.get("schema")
    if schema["type"] == "typed-dict":
        fields = schema["fields"]
        return {name: FieldSchema(f["schema"], not f.get("required", True)) for name, f in fields.items()}
    if inner is not None and inner["type"] == "model-fields":
        return {name: FieldSchema(field["schema"]) for name, field in inner["fields"].items()}
    if inner is not None and inner["type"] == "dataclass-args":
        return {field["name"]: FieldSchema(field["schema"]) for field in inner["fields"] if field.get("init", True)}
    return fields_of(inner) if inner is not None else {}


def drawn(
    parts: Mapping[str, st.SearchStrategy[Any]], fields: Mapping[str, FieldSchema], model: type
) -> st.SearchStrategy[dict[str, Any]]:
    """Values for the fields of a model, by name; no personal field has a value whose subject has no name."""
    parts = dict(parts)
    marks = _marks(model)
    for name, mark in marks:
        subject = mark.subject_field
        if subject in parts and not (name in fields and _takes_none(fields[name].schema)):
            parts[subject] = parts[subject].filter(subject_text)
    optional = {name for name, field in fields.items() if field.optional and name in parts}
    values = st.fixed_dictionaries(
        {name: part for name, part in parts.items() if name not in optional},
        optional={name: parts[name] for name in optional},
    )

    def without_the_unnamed(values: dict[str, Any]) -> dict[str, Any]:
        unnamed = [name for name, mark in marks if not subject_text(values.get(mark.subject_field, "given elsewhere"))]
        return values | dict.fromkeys(unnamed) if unnamed else values

    return values.map(without_the_unnamed) if marks else values


class Refused(CasesRejected, FailedHealthCheck):
    """The same, as the kind of error at which Hypothesis stops at once and does not look for a smaller example."""


class Tally:
    """Counts how many drawn cases of a model its validators and the ledger take.

    Args:
        model: the model.
    """

    def __init__(self, model: type) -> None:
        self._model = model
        self._kept = 0
        self._refused = 0

    def keep(self) -> None:
        """Count a case that was taken."""
        self._kept += 1

    def refuse(self, why: str) -> None:
        """Count a case that was refused.

        Raises:
            CasesRejected: nearly all are.
        """
        self._refused += 1
        tried = self._kept + self._refused
        if tried >= ENOUGH and self._kept < FEW * tried:
            raise Refused(
                f"cases({self._model.__name__}): {self._refused} of {tried} drawn cases were refused, the last because {why}; "
                "give the fields that must fit together: cases(Model, field=value or strategy)"
            )


def validated(
    model: Any, values: st.SearchStrategy[Any], fixed: frozenset[str], tally: Tally, codec: Codec[Any] | None = None
) -> st.SearchStrategy[Any]:
    """Cases of a model, made of drawn values: those that its validators take, and that the ledger can store.

    Args:
        model: the model.
        values: its fields by name, or the value of a root model.
        fixed: the fields whose values were given once and for all.
        tally: counts.
        codec: stores them; None where that is for the object to tell that holds this one.
    """
    adapter: TypeAdapter[Any] = TypeAdapter(model)

    def cases_of(draw: Callable[[Any], Any]) -> Any:
        for _ in range(ATTEMPTS):
            given = draw(values)
            try:
                case = adapter.validate_python(given, by_alias=False, by_name=True)
                if codec is not None:
                    encoded, _ = codec.round_trip(case)
                    _ = encoded.json
            except ValidationError as error:
                _check_fixed(error, fixed, model)
                tally.refuse(describe_refusal(error))
            except (LossyRoundTrip, MistypedInput, EncryptionError, NotCanonical) as error:
                tally.refuse(f"no ledger could store it: {error}")
            else:
                tally.keep()
                return case
        return reject()

    return st.composite(cases_of)()


def describe_refusal(error: ValidationError) -> str:
    """What a validator said. Made cases hold nothing about anybody, so its own words may be shown."""
    return "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'as a whole'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_context=False)
    )


def _check_fixed(error: ValidationError, fixed: frozenset[str], model: type) -> None:
    for problem in error.errors(include_url=False, include_context=False):
        name = problem["loc"][0] if problem["loc"] else None
        if name in fixed:
            raise DefinitionError(
                f"cases({model.__name__}, {name}={problem['input']!r}): {model.__name__} does not take this value: {problem['msg']}"
            ) from None


def _takes_none(schema: Mapping[str, Any]) -> bool:
    return schema["type"] == "nullable" or ("schema" in schema and _takes_none(schema["schema"]))


def _marks(model: type) -> tuple[tuple[str, Personal], ...]:
    return () if is_typed_dict(model) else plan_of(model).personal


def check_model(model: Any) -> Codec[Any]:
    """What stores cases of a model.

    Raises:
        DefinitionError: it is no model, or its cases could not be stored.
    """
    import dataclasses

    if not isinstance(model, type) or not (
        hasattr(model, "model_fields") or dataclasses.is_dataclass(model) or is_typed_dict(model)
    ):
        raise DefinitionError(f"cases({model!r}): give a pydantic model, a dataclass or a typed dictionary")
    return Codec(model, where=f"cases({model.__name__})")
