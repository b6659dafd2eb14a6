"""The limits of authority together: the strictest wins, and where none allows it, nothing is approved."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from abpo_sdk.errors import DefinitionError
from abpo_sdk.gates.authority.consultation import Consultation, Consulted
from abpo_sdk.gates.authority.limit import Limit
from abpo_sdk.gates.authority.spend import Spend
from abpo_sdk.gates.authority.spent import Spent
from abpo_sdk.gates.authority.splits import just_below, linked_cases, other_currencies, summed
from abpo_sdk.gates.authority.windows import check_aware
from abpo_sdk.ledger.rows import SpendRow
from abpo_sdk.values.canonical import canonical_bytes


class Limits:
    """Who may approve how much.

    An approval needs a limit of one case for the role that the person acts in, the kind of case and the currency, and has to stay within
    every limit that concerns it. What a person may do in another role neither adds to it nor takes from it: a review is put before one
    role, and it is that role's authority that is used. Nothing is converted: currencies are limited each on its own.

    A case is summed with the approved cases that would make one whole with it (the same `linked`, within the
    `within` of the authority), by whomever and in whichever role they were approved, and the sum is held against the limit of one case.

    Args:
        limits: each `Limit`.
        cluster: how many cases of one counterparty, each just below the limit of a case, are flagged.
        just_below: from which share of the limit on a case is just below it. Auditors look at 95 to 99 %; 90 % sees more.

    Raises:
        DefinitionError: no limit; a role that is limited over a time and has no limit of one case; two limits that disagree on the
            decimals of a currency; a cluster or a share that could not be found.

    >>> from datetime import UTC, timedelta
    >>> from abpo_sdk.values.money import Money
    >>> from abpo_sdk.gates.authority.spent import SpentRows
    >>> class Nothing:
    ...     def select(self, kind, **query):
    ...         return []
    ...
    ...     def total(self, kind, column, **query):
    ...         return 0, 0
    >>> limits = Limits(Limit("controller", 10_000, "EUR"), Limit("controller", 20_000, "EUR", per="day"))
    >>> spend = Spend(money=Money.of(12_400, "EUR"), kind="invoice", within=timedelta(days=7))
    >>> said = limits.consult(
    ...     spend, person="maria@acme", role="controller", at=datetime(2026, 3, 1, tzinfo=UTC), spent=SpentRows(Nothing())
    ... )
    >>> said.allowed, said.refusal
    (False, "'maria@acme' may not approve 12,400.00 EUR of invoice as controller: the limit is controller: 10,000.00 EUR a case")
    """

    def __init__(self, *limits: Limit, cluster: int = 3, just_below: Decimal | Fraction = Decimal("0.9")) -> None:
        if not limits or not all(isinstance(limit, Limit) for limit in limits):
            raise DefinitionError("Limits(...) takes at least one Limit, each as an argument of its own")
        if isinstance(cluster, bool) or not isinstance(cluster, int) or cluster < 2:
            raise DefinitionError(f"Limits: cluster={cluster!r} is no cluster; say at least 2 cases")
        if not isinstance(just_below, (Decimal, Fraction)) or not 0 < just_below <= 1:
            raise DefinitionError(f"Limits: just_below={just_below!r} is no share; say one such as Decimal('0.9')")
        decimals: dict[str, int] = {}
        for limit in limits:
            bound = limit.bound
            if bound and decimals.setdefault(bound.currency, bound.decimals) != bound.decimals:
                raise DefinitionError(
                    f"the limits disagree on how many decimals {bound.currency} has; say the same minor_units= in each"
                )
            if not any(other.role == limit.role and other.per == "case" for other in limits):
                raise DefinitionError(
                    f"the role {limit.role!r} has no limit of one case, so it could approve nothing; add Limit({limit.role!r}, ..., per='case')"
                )
        self._keep(limits, cluster, Fraction(just_below))

    @classmethod
    def none(cls) -> Limits:
        """No limits, under which nothing is approved: what holds where nobody said how much anybody may approve.

        >>> Limits.none()
        <limits: none>
        """
        limits = cls.__new__(cls)
        limits._keep((), 3, Fraction(9, 10))  # noqa: SLF001  its own
        return limits

    def _keep(self, limits: tuple[Limit, ...], cluster: int, share: Fraction) -> None:
        self.limits = limits
        self.cluster = cluster
        self.just_below = share
        self.version = hashlib.sha256(canonical_bytes(self.structure())).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"<limits: {'; '.join(map(str, self.limits)) or 'none'}>"

    def structure(self) -> dict[str, Any]:
        """The limits as JSON, the same for the same limits in the same order; `version` is the hash of it."""
        share = self.just_below
        return {
            "cluster": self.cluster,
            "just_below": f"{share.numerator}/{share.denominator}",
            "limits": [limit.to_json() for limit in self.limits],
        }

    def consult(
        self, spend: Spend, *, person: str, role: str, at: datetime, spent: Spent, reviews: Collection[str] = ()
    ) -> Consultation:
        """What every limit that concerns an approval says of it. Nothing is recorded; `Consultation.check` refuses.

        To be safe against approvals side by side, `spent` reads within the transaction that writes the approval.

        Args:
            spend: what is to be approved.
            person: who would approve it.
            role: which they act in: the one that the review is put to.
            at: when.
            spent: what has been approved so far.
            reviews: the ids of the reviews of this very decision, this one among them: what others have approved of it (one of
                several who must agree, an earlier gate) is the same money, and counted once.

        Raises:
            DefinitionError: nobody, no role, or a time without a zone.
        """
        for what, name in (("person", person), ("role", role)):
            if not isinstance(name, str) or not name.strip():
                raise DefinitionError(f"limits are consulted for {what}={name!r}, which names none")
        check_aware(at, "limits are consulted: at")
        concerned = [limit for limit in self.limits if limit.concerns(spend, role=role, at=at)]
        linked = linked_cases(spend, at=at, spent=spent, besides=reviews)
        applied = [limit for limit in concerned if limit.currency in (None, spend.money.currency)]
        cased = [limit for limit in applied if limit.per == "case"]
        flags = list(other_currencies(linked, spend))
        strictest = min((limit.bound for limit in cased if limit.bound), key=lambda bound: bound.units, default=None)
        if strictest:
            flag = just_below(
                spend, strictest, at=at, spent=spent, besides=reviews, least=self.cluster, share=self.just_below
            )
            flags += [flag] if flag else []
        said = Consultation(
            spend=spend,
            person=person,
            role=role,
            limits=self.version,
            consulted=tuple(_consulted(limit, spend, person, at, spent, reviews, linked) for limit in applied),
            linked=linked,
            flags=tuple(flags),
        )
        if strictest and strictest.decimals != spend.money.decimals:
            return _lacking(
                said,
                f"its {spend.money.currency} has {spend.money.decimals} decimals and that of the limits {strictest.decimals}",
                "currency",
            )
        if cased:
            return said
        others = sorted({str(limit.currency) for limit in concerned if limit.per == "case"})
        if others:
            return _lacking(
                said, f"the limits of the role are in {', '.join(others)}, and nothing is converted", "currency"
            )
        return _lacking(said, "no limit in force says how much of one case the role may approve", "none")


def _lacking(said: Consultation, why: str, fault: Literal["none", "currency"]) -> Consultation:
    return replace(said, lacking=why, fault=fault)


def _consulted(
    limit: Limit,
    spend: Spend,
    person: str,
    at: datetime,
    spent: Spent,
    reviews: Collection[str],
    linked: tuple[SpendRow, ...],
) -> Consulted:
    asked = spend.money.units
    window = limit.window(at)
    if window is None:
        parts = summed(linked, currency=spend.money.currency, kind=limit.kind)
        return Consulted(
            limit=limit, asked=asked, spent=sum(row.amount for row in parts), cases=len(parts), linked=parts
        )
    if "counterparty" in limit.across and spend.counterparty is None:
        return Consulted(
            limit=limit,
            asked=asked,
            window=window,
            uncounted="nobody says who gets it; give Authority(counterparty=...)",
        )
    units, cases = spent.approved(
        window,
        role=limit.role,
        currency=limit.currency,
        kind=limit.kind,
        person=person if "person" in limit.across else None,
        counterparty=spend.counterparty if "counterparty" in limit.across else None,
        besides=reviews,
    )
    return Consulted(limit=limit, asked=asked, window=window, spent=units, cases=cases)
