"""What has been approved so far, as the limits ask for it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from abpo_sdk.gates.authority.windows import TICK, Window
from abpo_sdk.ledger.rows import SpendRow
from abpo_sdk.values.clock import to_text

RELEASED = "released"
COUNTED = ("reserved", "committed")
"""The statuses of what counts; all rows of one review have the same."""


class Spent(Protocol):
    """Knows what has been approved: reserved or committed, and not released."""

    def approved(
        self,
        window: Window,
        *,
        role: str,
        currency: str | None,
        kind: str | None = None,
        person: str | None = None,
        counterparty: str | None = None,
        besides: Collection[str] = (),
    ) -> tuple[int, int]:
        """How many units of a currency were approved in a role, and of how many cases; what is None makes no difference.

        A review that several people approved is one case. Of no currency in particular there are only cases: 0 units.

        Args:
            window: when.
            role: which the approver acted in.
            currency: its code.
            kind: the kind of case.
            person: who approved.
            counterparty: who gets it.
            besides: the reviews that are left out.
        """
        ...

    def cases(
        self,
        window: Window,
        *,
        linked: str | None = None,
        counterparty: str | None = None,
        besides: Collection[str] = (),
    ) -> tuple[SpendRow, ...]:
        """The approvals, by whomever, of what is linked by the same or goes to the same counterparty; one for each review, oldest first."""
        ...


class SpendReader(Protocol):
    """Looks up rows; a store's reader or transaction."""

    def total(
        self,
        kind: type[SpendRow],
        column: str,
        *,
        each: str,
        equal: Mapping[str, Any],
        after: Mapping[str, str],
        until: Mapping[str, str],
    ) -> tuple[int, int]:
        """The sum of a column over such rows, and of how many; of rows that are alike in the column `each`, the largest alone."""
        ...

    def select(
        self,
        kind: type[SpendRow],
        *,
        equal: Mapping[str, Any] | None = None,
        after: Mapping[str, str] | None = None,
        order: str | None = None,
    ) -> Sequence[SpendRow]:
        """The rows whose columns equal those of `equal` and are greater than those of `after`, in `order` of a column."""
        ...


class SpentRows:
    """What the rows of a ledger say has been approved.

    Within the transaction that writes the approval, two of them cannot both be given what is left of one limit.

    Args:
        reader: the transaction.
    """

    __slots__ = ("_reader",)

    def __init__(self, reader: SpendReader) -> None:
        self._reader = reader

    def approved(
        self,
        window: Window,
        *,
        role: str,
        currency: str | None,
        kind: str | None = None,
        person: str | None = None,
        counterparty: str | None = None,
        besides: Collection[str] = (),
    ) -> tuple[int, int]:
        """See `Spent`."""
        said = {"role": role, "currency": currency, "kind": kind, "person": person, "counterparty": counterparty}
        equal = {column: value for column, value in said.items() if value is not None}
        after, until = {"at": to_text(window.since - TICK)}, {"at": to_text(window.until - TICK)}
        units, cases = 0, 0
        for status in COUNTED:
            found = self._reader.total(
                SpendRow, "amount", each="review", equal={**equal, "status": status}, after=after, until=until
            )
            units, cases = units + found[0], cases + found[1]
        for review in besides:
            own = self._rows(window, (), review=review, **equal)
            units, cases = units - sum(row.amount for row in own), cases - len(own)
        return units if currency else 0, cases

    def cases(
        self,
        window: Window,
        *,
        linked: str | None = None,
        counterparty: str | None = None,
        besides: Collection[str] = (),
    ) -> tuple[SpendRow, ...]:
        """See `Spent`."""
        return self._rows(window, besides, linked=linked, counterparty=counterparty)

    def _rows(self, window: Window, besides: Collection[str], **equal: str | None) -> tuple[SpendRow, ...]:
        until = to_text(window.until)
        rows = self._reader.select(
            SpendRow,
            equal={column: value for column, value in equal.items() if value is not None},
            after={"at": to_text(window.since - TICK)},
            order="at",
        )
        return _once(row for row in rows if row.at < until and row.status != RELEASED and row.review not in besides)


def _once(rows: Iterable[SpendRow]) -> tuple[SpendRow, ...]:
    """One row for each review; the largest, where its approvers put different amounts."""
    largest: dict[str, SpendRow] = {}
    for row in rows:
        there = largest.get(row.review)
        if there is None or row.amount > there.amount:
            largest[row.review] = row
    return tuple(largest.values())
