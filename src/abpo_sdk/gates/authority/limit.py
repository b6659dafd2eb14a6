"""One limit of authority: how much a role may approve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

from abpo_sdk.errors import AmountInvalid, DefinitionError
from abpo_sdk.gates.authority.spend import Spend
from abpo_sdk.gates.authority.windows import (
    PERIODS,
    Period,
    Window,
    calendar_window,
    check_aware,
    check_duration,
    in_words,
    named_zone,
    near,
)
from abpo_sdk.values.clock import to_text
from abpo_sdk.values.money import Money

Across = Literal["person", "counterparty", "role"]
KEYS: tuple[Across, ...] = ("person", "counterparty", "role")
EACH = {"person": "by each person", "counterparty": "for each counterparty", "role": "by the whole role"}


@dataclass(frozen=True, slots=True)
class Limit:
    """How much a role may approve: of one case, or in sum over a time.

    Args:
        role: whose limit it is; the role that a person acts in.
        amount: the most, a `Decimal` or whole units; None where only cases are counted.
        currency: of the amount. Where only cases are counted, None counts the cases of every currency.
        kind: the kind of case that it is for; None for every kind, all of them together.
        per: "case"; "day", "week" (from Monday) or "month" of the calendar; or a time, of which any that long counts.
        across: what is summed together over a time: the approvals by one "person", for one "counterparty", or by everybody of the
            "role"; two of them sum what has both. Sums are of the approvals in this role.
        zone: the time zone whose calendar is meant.
        count: the most cases over a time.
        since: from when on it is in force; with a zone.
        until: the moment at which it is no longer; with a zone.
        minor_units: the decimals of codes that ISO 4217 does not list.

    Raises:
        DefinitionError: NaN, a float, a negative amount or a part of a cent; an unknown currency or time zone; a time without a zone;
            a limit that limits nothing.

    >>> print(Limit("controller", 10_000, "EUR", kind="invoice"))
    controller: 10,000.00 EUR a case of invoice
    >>> print(Limit("controller", 50_000, "EUR", per="day", zone="Europe/Berlin", count=20))
    controller: 50,000.00 EUR and 20 cases a day in Europe/Berlin, by each person
    """

    role: str
    amount: Decimal | int | None = None
    currency: str | None = None
    kind: str | None = field(default=None, kw_only=True)
    per: Literal["case"] | Period | timedelta = field(default="case", kw_only=True)
    across: tuple[Across, ...] = field(default=("person",), kw_only=True)
    zone: str = field(default="UTC", kw_only=True)
    count: int | None = field(default=None, kw_only=True)
    since: datetime | None = field(default=None, kw_only=True)
    until: datetime | None = field(default=None, kw_only=True)
    minor_units: Mapping[str, int] | None = field(default=None, kw_only=True, compare=False, repr=False)
    bound: Money | None = field(init=False, compare=False, repr=False)
    _zone: ZoneInfo = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        what = f"the limit of {self.role!r}"
        if not isinstance(self.role, str) or not self.role.strip():
            raise DefinitionError(f"a limit of role={self.role!r} is nobody's; name the role")
        if self.kind is not None and (not isinstance(self.kind, str) or not self.kind.strip()):
            raise DefinitionError(f"{what}: kind={self.kind!r} names no kind of case; leave it out for every kind")
        object.__setattr__(self, "bound", self._bound(what))
        object.__setattr__(self, "_zone", named_zone(self.zone, what))
        self._check_per(what)
        for name, moment in (("since", self.since), ("until", self.until)):
            if moment is not None:
                check_aware(moment, f"{what}: {name}")
        if self.since and self.until and self.since >= self.until:
            raise DefinitionError(f"{what}: it is in force from {self.since} until {self.until}, so never")

    def _bound(self, what: str) -> Money | None:
        if self.amount is None and self.count is None:
            raise DefinitionError(f"{what} limits nothing; say an amount with its currency, or count= with per=")
        if self.count is not None and (
            isinstance(self.count, bool) or not isinstance(self.count, int) or self.count < 1
        ):
            raise DefinitionError(f"{what}: count={self.count!r} is no number of cases; say a whole number above 0")
        try:
            if self.amount is None:
                if self.currency is not None:
                    Money.of(0, self.currency, minor_units=self.minor_units)
                return None
            return Money.of(self.amount, self.currency, minor_units=self.minor_units)
        except AmountInvalid as error:
            raise DefinitionError(f"{what}: {error}") from error

    def _check_per(self, what: str) -> None:
        calendar = self.per in PERIODS
        if not calendar and self.per != "case":
            check_duration(self.per, f"{what}: per (or one of 'case', 'day', 'week', 'month')")
        if self.per == "case" and (self.count is not None or self.amount is None or self.across != ("person",)):
            raise DefinitionError(
                f"{what}: of one case there is only an amount; count= and across= go with per='day' or so"
            )
        if not calendar and self.zone != "UTC":
            raise DefinitionError(f"{what}: zone={self.zone!r} goes with per='day', 'week' or 'month'; leave it out")
        across = self.across
        if (
            not isinstance(across, tuple)
            or not across
            or len(set(across)) < len(across)
            or not set(across) <= set(KEYS)
        ):
            raise DefinitionError(
                f"{what}: across={across!r}; write a tuple of {', '.join(map(repr, KEYS))}, each once"
            )

    def concerns(self, spend: Spend, *, role: str, at: datetime) -> bool:
        """Whether it is for this role and kind of case, and in force."""
        return (
            self.role == role
            and self.kind in (None, spend.kind)
            and (self.since is None or self.since <= at)
            and (self.until is None or at < self.until)
        )

    def window(self, at: datetime) -> Window | None:
        """The time that is summed at a moment; None for a limit of one case."""
        if isinstance(self.per, timedelta):
            return near(at, self.per)
        return None if self.per == "case" else calendar_window(self.per, self._zone, at)

    def to_json(self) -> dict[str, Any]:
        """As JSON, the same for the same limit; a time in seconds."""
        return {
            "across": sorted(self.across),
            "amount": f"{self.bound.amount:f}" if self.bound else None,
            "count": self.count,
            "currency": self.currency,
            "decimals": self.bound.decimals if self.bound else None,
            "kind": self.kind,
            "per": int(self.per.total_seconds()) if isinstance(self.per, timedelta) else self.per,
            "role": self.role,
            "since": to_text(self.since.astimezone(UTC)) if self.since else None,
            "until": to_text(self.until.astimezone(UTC)) if self.until else None,
            "zone": self.zone,
        }

    def __str__(self) -> str:
        most = [str(self.bound)] if self.bound else []
        if self.count is not None:
            most.append(
                f"{self.count:,} case{'s' * (self.count > 1)}{f' in {self.currency}' * (not self.bound and bool(self.currency))}"
            )
        kind = f" of {self.kind}" if self.kind else ""
        text = f"{self.role}: {' and '.join(most)} "
        if self.per == "case":
            return f"{text}a case{kind}"
        time = (
            f"in any {in_words(self.per)}"
            if isinstance(self.per, timedelta)
            else f"a {cast('str', self.per)} in {self.zone}"
        )
        return f"{text}{time}{kind}, {' and '.join(EACH[key] for key in self.across)}"
