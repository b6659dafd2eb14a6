"""What keeps rows from being evaluated, as one number a row: 0 for nothing, else which field is missing or mistyped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Problems:
    """The fields that were found missing or mistyped, each with a number: odd where missing, even where mistyped."""

    __slots__ = ("_numbers", "names")

    names: list[str]

    def __init__(self) -> None:
        self.names = []
        self._numbers: dict[str, int] = {}

    def missing(self, name: str) -> int:
        """The number for a field that is missing."""
        return 2 * self._number(name) + 1

    def mistyped(self, name: str) -> int:
        """The number for a field that is mistyped."""
        return 2 * self._number(name) + 2

    def of(self, name: str, *, missing: bool) -> int:
        """The number for a field that is one of the two."""
        return self.missing(name) if missing else self.mistyped(name)

    def _number(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self.names)
            self.names.append(name)
        return number

    def named(self, codes: NDArray[np.int32]) -> NDArray[Any]:
        """The fields that some numbers stand for, None for 0."""
        import numpy as np

        names = np.array([None, *(name for name in self.names for _ in range(2))], dtype=object)
        return names[codes]


def is_missing_code(codes: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which numbers say that something is missing."""
    holds: NDArray[np.bool_] = codes % 2 == 1
    return holds


def is_mistyped_code(codes: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which numbers say that something is mistyped."""
    holds: NDArray[np.bool_] = (codes > 0) & (codes % 2 == 0)
    return holds


__all__ = ["Problems", "is_missing_code", "is_mistyped_code"]
