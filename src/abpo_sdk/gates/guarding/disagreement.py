"""Observed and expected disagreement, which Krippendorff's alpha compares."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING

from abpo_sdk.errors import DefinitionError
from abpo_sdk.gates.guarding.jackknife import jackknife
from abpo_sdk.gates.guarding.ratings import codes_of, row_of

if TYPE_CHECKING:
    from typing import Self

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Patterns", "positions_of"]

_MOST = 2_000  # distinct patterns, each left out in turn, that an interval is computed for


def positions_of(labels: Sequence[Hashable], level: str, order: Sequence[Hashable] | None) -> list[float]:
    """Where each label stands on its scale: its number, its place in the order, or (nominal) anywhere.

    Raises:
        DefinitionError: a label that is no number and in no `order`, an infinity, or an order with a label twice.
    """
    if level == "nominal":
        return [0.0] * len(labels)
    if order is not None:
        places = codes_of(row_of(order, "order"))
        if len(places) != len(list(order)):
            raise DefinitionError(f"order={list(order)!r} has a label twice")
        for label in labels:
            if label not in places:
                raise DefinitionError(f"order={list(order)!r} lacks the label {label!r}, which was given")
        return [float(places[label]) for label in labels]
    numbers = []
    for label in labels:
        if isinstance(label, bool) or not isinstance(label, Real | Decimal):
            hint = "; say their order with order=[lowest, ..., highest]" if level == "ordinal" else ""
            raise DefinitionError(f"the label {label!r} is no number, and the level is {level!r}{hint}")
        if not math.isfinite(label):
            raise DefinitionError(f"the label {label!r} is not finite")
        numbers.append(float(label))
    return numbers


@dataclass(frozen=True, slots=True, eq=False)
class Patterns:
    """Units as patterns of ratings: units rated alike are one pattern, however many they are.

    Of all three levels the difference of two labels is that of their positions, squared: of ordinal ones the position is
    the midrank, since Krippendorff's sum of the counts from one label to the other, less half of both, is the difference
    of their midranks. So a sum over pairs follows from sums over labels.

    Args:
        unit: of each rating, the pattern that it is in.
        code: of each rating, its label.
        size: of each pattern, how many ratings it has.
        unlike: of each pattern, how many ordered pairs of unlike labels it has.
        times: of each pattern, how many units it stands for.
        positions: where each label stands on its scale.
        level: "nominal", "ordinal" or "interval".
    """

    unit: NDArray[np.intp]
    code: NDArray[np.intp]
    size: NDArray[np.float64]
    unlike: NDArray[np.float64]
    times: NDArray[np.float64]
    positions: NDArray[np.float64]
    level: str

    @classmethod
    def of(cls, rows: list[list[Hashable]], codes: dict[Hashable, int], positions: list[float], level: str) -> Self:
        """The patterns of some rows, each of two ratings or more."""
        import numpy as np

        # Labels in the order of their scale, so that ranks follow from running sums.
        ranked = sorted(range(len(positions)), key=positions.__getitem__)
        place = {code: rank for rank, code in enumerate(ranked)}
        tally = Counter(tuple(sorted(place[codes[label]] for label in row)) for row in rows)
        unlike = [len(p) ** 2 - sum(n * n for n in Counter(p).values()) for p in tally]
        return cls(
            unit=np.repeat(np.arange(len(tally)), [len(pattern) for pattern in tally]),
            code=np.array([code for pattern in tally for code in pattern]),
            size=np.array([len(pattern) for pattern in tally], dtype=float),
            unlike=np.array(unlike, dtype=float),
            times=np.array(list(tally.values()), dtype=float),
            positions=np.array([positions[code] for code in ranked]),
            level=level,
        )

    def totals(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """How often each label was given, with so many units of each pattern."""
        import numpy as np

        return np.bincount(self.code, weights=times[self.unit], minlength=len(self.positions)).astype(float)

    def varies(self, times: NDArray[np.float64]) -> bool:
        """Whether more than one label was given."""
        return int((self.totals(times) > 0).sum()) > 1

    def disagreements(self, times: NDArray[np.float64]) -> tuple[float, float]:
        """The observed and the expected disagreement, with so many units of each pattern."""
        import numpy as np

        totals = self.totals(times)
        n = float(totals.sum())
        if self.level == "nominal":
            within = self.unlike
            total = n**2 - float(np.square(totals).sum())
        else:
            where = np.cumsum(totals) - totals / 2 if self.level == "ordinal" else self.positions
            at = where[self.code]
            middle = np.bincount(self.unit, weights=at) / self.size
            spread = np.bincount(self.unit, weights=np.square(at - middle[self.unit]))
            # The sum of squared differences over ordered pairs is twice the size times the squared deviations.
            within = np.where(self.unlike > 0, 2 * self.size * spread, 0.0)
            total = 2 * n * float((totals * np.square(where - (totals * where).sum() / n)).sum())
        return float((times * within / (self.size - 1)).sum()) / n, total / (n * (n - 1))

    def interval(self, value: float) -> tuple[tuple[float, float] | None, str | None]:
        """The interval of alpha by the jackknife, or why there is none."""
        import numpy as np

        if len(self.times) > _MOST:
            return None, f"no interval: more than {_MOST:,} units differ from each other"
        without = np.full(len(self.times), np.nan)
        for pattern in range(len(self.times)):
            left = self.times.copy()
            left[pattern] -= 1
            if self.varies(left):
                observed, expected = self.disagreements(left)
                without[pattern] = 1 - observed / expected
        return jackknife(value, without, self.times)
