"""The order of columns, such that each row reads its cells from left to right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import pairwise


class ColumnOrder:
    """Finds an order of columns in which the orders of rows are kept.

    >>> order = ColumnOrder()
    >>> order.keeps([b"total", b"country"]), order.keeps([b"total", b"paid", b"country"]), order.keeps([b"country", b"total"])
    (True, True, False)
    >>> order.columns
    [b'total', b'paid', b'country']
    """

    def __init__(self) -> None:
        self._after: dict[bytes, set[bytes]] = {}

    def keeps(self, keys: Sequence[bytes]) -> bool:
        """Whether the columns can stand in the order of one more row, beside those of all that were kept; if so, it is kept."""
        if len(set(keys)) < len(keys):
            return False
        if any(self._reaches(later, set(keys[:place])) for place, later in enumerate(keys) if place):
            return False
        self.names(keys)
        for first, second in pairwise(keys):
            self._after[first].add(second)
        return True

    def names(self, keys: Sequence[bytes]) -> None:
        """Add columns, in whatever order."""
        for key in keys:
            self._after.setdefault(key, set())

    @property
    def columns(self) -> list[bytes]:
        """The columns, each before those that come after it in some row, and otherwise as they were first named."""
        keys = list(self._after)
        place = {key: number for number, key in enumerate(keys)}
        before = Counter(key for later in self._after.values() for key in later)
        free = [number for number, key in enumerate(keys) if not before[key]]
        order: list[bytes] = []
        while free:
            key = keys[heappop(free)]
            order.append(key)
            for later in self._after[key]:
                before[later] -= 1
                if not before[later]:
                    heappush(free, place[later])
        return order

    def _reaches(self, start: bytes, goals: set[bytes]) -> bool:
        waiting, seen = [start], {start}
        while waiting:
            for key in self._after.get(waiting.pop(), ()):
                if key in goals:
                    return True
                if key not in seen:
                    seen.add(key)
                    waiting.append(key)
        return False
