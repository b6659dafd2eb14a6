"""Cases of a model, made by Hypothesis: valid, storable, and often at an edge."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, TypeVar

from abpo_sdk.errors import DefinitionError, UnknownField

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

M = TypeVar("M")

__all__ = ["cases"]


def cases(model: type[M], /, *, near: Collection[Any] = (), **fixed: Any) -> SearchStrategy[M]:
    """A Hypothesis strategy for cases of a model: valid ones, which a ledger can store, often at an edge.

    Limits, patterns, choices, nested models and `Personal` marks are kept to; validators of the model's own are asked.
    Numbers are whole within ±(2^53 - 1), decimals in cents unless the model says otherwise; times are aware and in
    UTC; there is no NaN, no infinity, no lone surrogate, no null character.

    Args:
        model: a pydantic model, a dataclass or a typed dictionary.
        near: constants that conditions compare with (numbers, times, texts); fields of their type often hold them, and the
            values just below and above.
        **fixed: for a field by its name, its value or a strategy for it.

    Raises:
        UnknownField: a field is named that the model does not have.
        DefinitionError: Hypothesis is not installed; it is no model; a field has a type that nobody knows how to make, or
            limits that leave nothing; a given value is none that the model takes (when the case is made).
        CasesRejected: the model's validators refuse nearly all (when cases are made).

    >>> from hypothesis import find
    >>> from pydantic import BaseModel, Field
    >>> class Claim(BaseModel):
    ...     amount: int = Field(gt=0)
    ...     country: str = Field(pattern="^[A-Z]{2}$")
    >>> large = find(cases(Claim, near=[10_000], country="DE"), lambda claim: claim.amount > 10_000)
    >>> large.amount, large.country
    (10001, 'DE')
    """
    try:
        import hypothesis.strategies as st
    except ImportError as error:
        raise DefinitionError('cases of a model are made by Hypothesis; pip install "abpo_sdk[testing]"') from error
    from pydantic import TypeAdapter

    from abpo_sdk.testing.strategies.models import Tally, check_model, drawn, fields_of, validated
    from abpo_sdk.testing.strategies.values import ValueMaker

    codec = check_model(model)
    maker = ValueMaker(tuple(near))
    schema = maker.opened(TypeAdapter(model).core_schema)
    tally = Tally(model)
    if schema.get("root_model"):
        _check_names(model, fixed, ())
        return validated(model, maker.of(schema["schema"], model.__name__), frozenset(), tally, codec)
    fields = fields_of(schema)
    _check_names(model, fixed, fields)
    parts: dict[str, SearchStrategy[Any]] = {}
    for name, field in fields.items():
        if name in fixed:
            given = fixed[name]
            parts[name] = given if isinstance(given, st.SearchStrategy) else st.just(given)
        else:
            parts[name] = maker.of(field.schema, f"{model.__name__}.{name}")
    values = frozenset(name for name, given in fixed.items() if not isinstance(given, st.SearchStrategy))
    needed = {name: field.required() if name in fixed else field for name, field in fields.items()}
    return validated(model, drawn(parts, needed, model), values, tally, codec)


def _check_names(model: type, fixed: Collection[str], fields: Collection[str]) -> None:
    for name in fixed:
        if name not in fields:
            from difflib import get_close_matches

            near = get_close_matches(name, fields, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(fields) or 'none to be given'}"
            raise UnknownField(f"cases({model.__name__}, {name}=...): {model.__name__} has no field {name!r}; {hint}")
