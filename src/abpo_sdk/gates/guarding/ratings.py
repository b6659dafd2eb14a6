"""Ratings as lists of labels; what is no rating is refused by name."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Set
from numbers import Number

from abpo_sdk.errors import DefinitionError

__all__ = ["codes_of", "row_of", "rows_of"]


def rows_of(ratings: object, name: str) -> list[list[Hashable]]:
    """The ratings as lists, one a unit.

    Raises:
        DefinitionError: `ratings` is no list of lists, or holds what cannot be a label.
    """
    return [row_of(row, f"{name}, unit {place}") for place, row in enumerate(_listed(ratings, name))]


def row_of(row: object, name: str) -> list[Hashable]:
    """Some ratings as a list.

    Raises:
        DefinitionError: no list, an unhashable label, or NaN.
    """
    # A numpy scalar would hide its kind: numpy's True is no bool.
    labels = [
        label.item() if hasattr(label, "dtype") and hasattr(label, "item") else label for label in _listed(row, name)
    ]
    for label in labels:
        try:
            hash(label)
        except TypeError:
            raise DefinitionError(f"{name}: {label!r:.80} cannot be a label; use a text or a number") from None
        if label != label:  # only NaN differs from itself
            raise DefinitionError(f"{name}: NaN is no label; a missing rating is None")
    return labels


def codes_of(labels: Iterable[Hashable]) -> dict[Hashable, int]:
    """A number from 0 for each distinct label, in the order in which they first come.

    Raises:
        DefinitionError: True or False beside numbers, of which they would equal 1 and 0.
    """
    codes: dict[Hashable, int] = {}
    kinds = set()
    for label in labels:
        kinds.add(bool if isinstance(label, bool) else Number if isinstance(label, Number) else None)
        codes.setdefault(label, len(codes))
    if {bool, Number} <= kinds:
        raise DefinitionError("the ratings mix True or False with numbers, and True equals 1; use one kind of label")
    return codes


def _listed(things: object, name: str) -> list[Hashable]:
    # A text is iterated by letters, a mapping by keys, and a set has no order: none is meant.
    if not isinstance(things, Iterable) or isinstance(things, str | bytes | Mapping | Set):
        raise DefinitionError(f"{name}: {things!r:.80} is no list of ratings; write one such as ['pay', 'refer']")
    return list(things)
