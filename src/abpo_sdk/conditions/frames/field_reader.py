"""Reads the columns of a frame as the fields of a model, and tells by row what keeps it from being a case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abpo_sdk.conditions.frames.columns import Coded, Column, Native, Taken, take_column
from abpo_sdk.conditions.frames.field_schemas import FieldSchema, Refused, field_schemas
from abpo_sdk.conditions.rows import Part, Plan, missing_in
from abpo_sdk.conditions.typed_cases import dotted
from abpo_sdk.values.traversal import annotations_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from abpo_sdk.conditions.frames.problems import Problems

Path = tuple[str, ...]

# What is wrong with a row, worst first, as `case_of_row` looks for it.
_ABSENT, _BOOL, _MISTYPED, _LACKING = range(4)


@dataclass(frozen=True, slots=True)
class NoOwner:
    """Stands for the value of a nested field where a model around it is None: `path[:depth]` leads to the None."""

    depth: int


@dataclass(frozen=True, slots=True)
class Leaf:
    """A column that the field at `path` and those below it are read from."""

    path: Path
    column: Column


@dataclass(frozen=True, slots=True)
class Schemas:
    """Of a model: the fields' schemas and annotations, and those of nested models whose fields are columns."""

    own: Mapping[str, FieldSchema]
    annotations: Mapping[str, Any]
    nested: Mapping[str, Schemas]


def schemas_of(model: Any, plan: Plan) -> Schemas | None:
    """The schemas of the fields, down to where a column gives whole values; None where fields cannot be taken one by one."""
    own = field_schemas(model)
    if own is None:
        return None
    nested: dict[str, Schemas] = {}
    for part in plan.parts:
        if isinstance(part.source, Plan):
            if own[part.name].nested is not part.kind.type:
                return None
            inner = schemas_of(part.kind.type, part.source)
            if inner is None:
                return None
            nested[part.name] = inner
    return Schemas(own, annotations_of(model), nested)


class FieldReader:
    """Takes all columns at once.

    Args:
        model: the type of the cases.
        plan: which columns make which fields.
        schemas: how each field takes values.
        columns: the columns by name.
        size: how many rows there are.
        problems: numbers what is wrong.
    """

    def __init__(
        self,
        model: type,
        plan: Plan,
        schemas: Schemas,
        columns: Mapping[str, pd.Series[Any]],
        size: int,
        problems: Problems,
    ) -> None:
        self._model = model
        self._schemas, self._columns, self._size, self._problems = schemas, columns, size, problems
        self._leaves: dict[Path, Leaf] = {}
        self._owners: dict[Path, NDArray[np.intp] | None] = {(): None}
        self._found: list[NDArray[np.int32] | None] = [None] * 4
        if plan.missing:
            self._note(_ABSENT, problems.missing(plan.missing[0]), None)
        self._walk(plan, schemas, (), ())

    def leaf(self, path: Path) -> Leaf:
        """The column that the field at a path is read from."""
        length = 1
        while path[:length] in self._owners and length < len(path):
            length += 1
        leaf = self._leaves.get(path[:length])
        return self._default(path[:length]) if leaf is None else leaf

    def problem(self) -> NDArray[np.int32]:
        """By row, the number of what is worst; 0 where nothing is wrong."""
        import numpy as np

        problem = np.zeros(self._size, dtype=np.int32)
        for found in reversed(self._found):
            if found is not None:
                problem = np.where(found > 0, found, problem)
        return problem

    def _note(self, level: int, number: int | NDArray[np.int32], rows: NDArray[np.bool_] | None) -> None:
        import numpy as np

        new = np.where(True if rows is None else rows, number, 0).astype(np.int32)
        new = np.broadcast_to(new, (self._size,))
        old = self._found[level]
        self._found[level] = new if old is None else np.where(old > 0, old, new)

    def _walk(self, plan: Plan, schemas: Schemas, path: Path, keys: Path) -> None:
        given = set()
        for part in plan.parts:
            given.add(part.name)
            if isinstance(part.source, Plan):
                self._nested(part, part.source, schemas.nested[part.name], path, keys)
            else:
                series, schema = self._columns[part.source], schemas.own[part.name]
                annotation = schemas.annotations[part.name]
                taken = take_column(series, schema, annotation, may_be_none=part.may_be_none)
                self._check(part, taken, path, (*keys, part.key))
        for name, schema in schemas.own.items():
            default = None if name in given or schema.made_anew else schema.default()
            if isinstance(default, Refused):
                place = ".".join(map(str, (*keys, name, *default.place)))
                number = self._problems.of(place, missing=default.missing)
                self._note(_LACKING if default.missing else _MISTYPED, number, self._owned(path))

    def _nested(self, part: Part, plan: Plan, schemas: Schemas, path: Path, keys: Path) -> None:
        import numpy as np

        inner = (*path, part.name)
        gone = np.ones(self._size, dtype=bool)
        for column in plan.columns():
            gone &= missing_in(self._columns[column])
        outside = self._owners[path]
        owned = self._owned(path)
        if not part.may_be_none:
            self._note(_ABSENT, self._problems.missing(part.path), gone if owned is None else gone & owned)
        depth = np.where(gone, len(inner), 0)
        if outside is not None:
            depth = np.where(outside > 0, outside, depth)
        self._owners[inner] = depth if depth.any() else None
        self._walk(plan, schemas, inner, (*keys, part.key))
        if part.kind.optional and plan.missing:
            self._note(_ABSENT, self._problems.missing(plan.missing[0]), self._owned(inner))

    def _owned(self, path: Path) -> NDArray[np.bool_] | None:
        """The rows in which the models down to `path` are there; None where they always are."""
        outside = self._owners[path]
        return None if outside is None else outside == 0

    def _check(self, part: Part, taken: Taken, path: Path, keys: Path) -> None:
        import numpy as np

        owned = self._owned(path)
        if taken.absent is not None:
            rows = taken.absent if owned is None else taken.absent & owned
            self._note(_ABSENT, self._problems.missing(part.path), rows)
        if taken.places:
            names = [dotted((*keys, *refused.place), self._model) for refused in taken.places]
            lacking = np.array([*(refused.missing for refused in taken.places), False])
            numbers = [self._problems.of(n, missing=r.missing) for n, r in zip(names, taken.places, strict=True)]
            by_place = np.array([*numbers, 0], dtype=np.int32)
            for level, places in ((_BOOL, taken.bools), (_MISTYPED, taken.refused)):
                if places is not None:
                    self._note(level, np.where(lacking, 0, by_place)[places], owned)
                    self._note(_LACKING, np.where(lacking, by_place, 0)[places], owned)
        leaf = (*path, part.name)
        self._leaves[leaf] = Leaf(leaf, self._with_owners(taken.column, path))

    def _with_owners(self, column: Column, path: Path) -> Column:
        """The column of a nested field, with `NoOwner` where a model around it is None."""
        import numpy as np

        outside = self._owners[path]
        if outside is None:
            return column
        coded = column.coded() if isinstance(column, Native) else column
        depths = list(range(len(path) + 1))
        codes = np.where(outside > 0, len(coded.values) + outside, coded.codes)
        return Coded(codes, [*coded.values, *map(NoOwner, depths)])

    def _default(self, path: Path) -> Leaf:
        """The column of a field that the frame does not give, or of a nested model whose fields it gives."""
        import numpy as np

        if path in self._owners:
            column = self._with_owners(Coded(np.zeros(self._size, dtype=np.intp), [...]), path)
            return Leaf(path, column)
        schemas = self._schemas
        for name in path[:-1]:
            schemas = schemas.nested[name]
        schema = schemas.own[path[-1]]
        values = [schema.default() for _ in range(self._size if schema.made_anew else 1)]
        codes = np.arange(self._size) if schema.made_anew else np.zeros(self._size, dtype=np.intp)
        leaf = self._leaves[path] = Leaf(path, self._with_owners(Coded(codes, values), path[:-1]))
        return leaf


__all__ = ["FieldReader", "Leaf", "NoOwner", "Path", "Schemas", "schemas_of"]
