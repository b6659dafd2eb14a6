"""A policy whose versions come into force at their dates."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from abpo_sdk.conditions import Reading
from abpo_sdk.conditions.expressions import Field, node_of
from abpo_sdk.conditions.kinds import written
from abpo_sdk.conditions.nodes import FieldNode
from abpo_sdk.errors import DefinitionError, NotInForce
from abpo_sdk.ledger.recorder import in_force
from abpo_sdk.policies.periods import Periods
from abpo_sdk.policies.policy import Policy
from abpo_sdk.values.canonical import canonical_bytes
from abpo_sdk.values.decision import Decision, Reason
from abpo_sdk.values.encoded import JsonValue


@dataclass(frozen=True, slots=True)
class DatedPolicy:
    """A policy, and from when on it counts.

    Args:
        valid_from: its first day, or the moment from which on it counts.
        policy: the policy.
    """

    valid_from: date
    policy: Policy


class InForce(Policy):
    """A policy of several versions, each in force from its date until the next one's; a case is decided by one of them.

    Which one, a date of the case says (`on`), such as the day of an invoice for a rate of tax. Without that it is the time of
    the decision: in a run the time that the runtime's clock tells when the decision is recorded, which is its `at`; elsewhere the present
    moment, or the one that the call names. A decision that is recorded stays as it is, whatever comes into force later.

    The decision is this policy's: it bears its name, its owner, and its version, which is a hash over all versions and their
    dates. The table that decided, the table's version and the date that chose it are the last reason. A decision's `outcomes`
    are those of all versions.

    Dates belong to what holds the versions and not to the tables, since a table alone cannot know when another one follows it.

    Args:
        name: the policy's name.
        versions: each with the date, or the aware time, from which on it counts; in any order. All are about one case type, and
            all have dates or all have times.
        on: the field of the case that says which counts: a date, or a time. None: the time of the decision.
        zone: the time zone in which days begin, by its IANA name; needed where versions have dates and what they are held
            against is a time.
        owner: who answers for it; needed where the versions' owners differ.

    Raises:
        DefinitionError: no version; two with the same date; dates and times mixed, a time without a zone; versions about different case
            types; a field that is no date or time of the case; a zone that is missing, unknown or needless; owners that differ.

    >>> from pydantic import BaseModel
    >>> from abpo_sdk import DecisionTable, fields, rule
    >>> from abpo_sdk.conditions import always
    >>> class Invoice(BaseModel):
    ...     day: date
    >>> def rate(percent):
    ...     row = rule(always, then=percent, because="the law says so")
    ...     return DecisionTable(f"VAT {percent} %", row, otherwise=None, case_type=Invoice)
    >>> vat = InForce("VAT", (date(2007, 1, 1), rate(19)), (date(2020, 7, 1), rate(16)), on=fields(Invoice).day)
    >>> decision = vat(Invoice(day=date(2020, 6, 30)))
    >>> decision.outcome, decision.reasons[-1].condition
    ('19', 'day 2020-06-30 >= 2007-01-01')
    """

    def __init__(
        self,
        name: str,
        *versions: tuple[date, Policy],
        on: Field | None = None,
        zone: str | None = None,
        owner: str | None = None,
    ) -> None:
        if not name or not versions:
            raise DefinitionError(
                f"policy {name!r} needs a name and versions: InForce('VAT', (date(2007, 1, 1), table), ...)"
            )
        self.name = name
        dated = [self._dated(version) for version in versions]
        self.on = None if on is None else self._field(on)
        self.zone = zone
        self._periods = Periods(name, [version.valid_from for version in dated], on=self.on, zone=zone)
        self.versions: tuple[DatedPolicy, ...] = tuple(dated[place] for place in self._periods.order)
        """The versions, the earliest first."""
        self.case_type = self._case_type()
        self.owner = self._owner(owner)
        self.outcomes = tuple(dict.fromkeys(outcome for v in self.versions for outcome in v.policy.outcomes))
        self.version = self._hash()

    def __call__(self, case: Any, *, at: date | None = None) -> Decision:
        """Decide.

        Args:
            case: an object of the case type, or a mapping of its fields.
            at: the time that counts, where no field of the case says so; an aware time, or where versions have dates a date.
                None: the time of the decision.

        Raises:
            NotInForce: it is before the first version.
            MissingInput, MistypedInput: the case lacks what is needed, or has it in the wrong type.
            DefinitionError: `at` is given although a field of the case says what counts, or is no such time.
        """
        moment = None if at is None else self._given(at)
        typed = self._typed(case)
        if in_force() is None:
            return self.decide(typed, at=at)
        asked: dict[str, JsonValue] | None = None if moment is None else {"at": moment.isoformat()}
        timed = self.on is None and at is None
        return self._recorded(
            case, typed, lambda told: self.decide(typed, at=told if timed else at), timed=timed, asked=asked
        )

    def decide(self, case: Any, *, at: date | None = None) -> Decision:
        """The decision about a case of the policy's type.

        Args:
            case: the case.
            at: as for a call.

        Raises:
            NotInForce, MissingInput, MistypedInput, DefinitionError: as for a call.
        """
        reading = Reading(case)
        if self.on is None:
            moment = self._given(datetime.now(UTC) if at is None else at)
            version = self._version(moment, written(moment))
        else:
            if at is not None:
                self._given(at)
            version = self._version(reading.value(self.on), self.on.written(reading))
        return self._as_own(version.policy.decide(case), version, reading)

    def at(self, when: date) -> Policy:
        """The version that is in force at a time, as the policy that it is.

        Args:
            when: a date or an aware time, as the versions have it.

        Raises:
            NotInForce: it is before the first version.
            DefinitionError: it is no such time.

        >>> from pydantic import BaseModel
        >>> from abpo_sdk import DecisionTable, rule
        >>> from abpo_sdk.conditions import always
        >>> class Claim(BaseModel):
        ...     amount: int
        >>> refer = DecisionTable("all", rule(always, then="refer", because="so"), otherwise=None, case_type=Claim)
        >>> InForce("claims", (date(2026, 1, 1), refer), zone="Europe/Berlin").at(date(2026, 3, 1)).name
        'all'
        """
        return self._version(self._periods.comparable(when), written(when)).policy

    def dated_by(self, on: Field) -> InForce:
        """The same versions, chosen by a date of the case; so that past cases are decided by what was in force for them.

        Args:
            on: the field.

        Raises:
            DefinitionError: as for `InForce`.
        """
        versions = [(version.valid_from, version.policy) for version in self.versions]
        kept = self.zone if node_of(on).kind.sort == "time" else None
        return InForce(self.name, *versions, on=on, zone=kept, owner=self.owner)

    def _dated(self, version: object) -> DatedPolicy:
        if not (isinstance(version, tuple) and len(version) == 2):
            raise DefinitionError(f"policy {self.name!r} was given {version!r}; write (date(2026, 1, 1), policy)")
        valid_from, policy = version
        if not isinstance(valid_from, date) or not isinstance(policy, Policy):
            raise DefinitionError(
                f"policy {self.name!r} was given ({valid_from!r}, {policy!r}); write (date(2026, 1, 1), policy)"
            )
        return DatedPolicy(valid_from, policy)

    def _field(self, on: object) -> FieldNode:
        node = node_of(on) if isinstance(on, Field) else None
        if not isinstance(node, FieldNode) or node.kind.sort not in ("date", "time"):
            shown = repr(on) if node is None else f"{node.written(None)}, which is {node.kind},"
            raise DefinitionError(f"policy {self.name!r}: on={shown} is no date or time of the case")
        return node

    def _case_type(self) -> type | None:
        types = list(dict.fromkeys(version.policy.case_type for version in self.versions))
        if len(types) > 1:
            shown = " and ".join(getattr(t, "__name__", str(t)) for t in types)
            raise DefinitionError(f"policy {self.name!r} has versions about {shown}; give versions about one case type")
        if self.on is not None and types[0] is not None and self.on.model not in types[0].__mro__:
            raise DefinitionError(
                f"policy {self.name!r} is about {types[0].__name__}, and on= is a field of {self.on.model.__name__}"
            )
        return types[0]

    def _owner(self, owner: str | None) -> str | None:
        owners = list(dict.fromkeys(version.policy.owner for version in self.versions))
        if owner is None and len(owners) > 1:
            shown = ", ".join(str(one or "nobody") for one in owners)
            raise DefinitionError(f"policy {self.name!r} has versions of {shown}; say with owner= who answers for it")
        return owners[0] if owner is None else owner

    def _hash(self) -> str:
        content: dict[str, Any] = {
            "name": self.name,
            "on": None if self.on is None else self.on.structure(),
            "versions": [
                {"from": start.isoformat(), "name": version.policy.name, "version": version.policy.version}
                for start, version in zip(self._periods.starts, self.versions, strict=True)
            ],
            "zone": self.zone,
        }
        return hashlib.sha256(canonical_bytes(content)).hexdigest()[:16]

    def _given(self, at: date) -> date:
        if self.on is not None:
            raise DefinitionError(
                f"policy {self.name!r}: at={at!r} is given, and {self.on.name} says which version counts; leave it out, or ask "
                "policy.at(...)"
            )
        return self._periods.comparable(at)

    def _version(self, moment: date, shown: str) -> DatedPolicy:
        place = self._periods.place(moment)
        if place is None:
            first = self._since(self.versions[0])
            raise NotInForce(f"policy {self.name!r} was not in force at {shown}; its first version counts from {first}")
        return self.versions[place]

    def _since(self, version: DatedPolicy) -> str:
        """From when on a version counts, in words."""
        return written(version.valid_from) + (f" in {self.zone}" if self.zone is not None else "")

    def _as_own(self, decision: Decision, version: DatedPolicy, reading: Reading) -> Decision:
        """What a version decided, as a decision of this policy that says which version it was and why."""
        since = self._since(version)
        factor = None if self.on is None else self.on.name
        reason = Reason(
            rank=len(decision.reasons) + 1,
            code=f"{self.name}.in_force",
            text=f"{version.policy.name!r} in version {version.policy.version} is in force from {since}",
            factor=factor,
            value=None if self.on is None else self.on.written(reading).removeprefix(f"{factor} "),
            stage=self.name,
            condition=None if self.on is None else f"{self.on.written(reading)} >= {since}",
        )
        known = (
            decision.outcomes if set(decision.outcomes) <= set(self.outcomes) else (*self.outcomes, *decision.outcomes)
        )
        return replace(
            decision,
            policy=self.name,
            version=self.version,
            owner=self.owner,
            outcomes=self.outcomes if known is decision.outcomes else tuple(dict.fromkeys(known)),
            reasons=(*decision.reasons, reason),
            inputs=tuple(dict.fromkeys((*reading.read_of(self.on.model), *decision.inputs)))
            if self.on
            else decision.inputs,
        )

    def __repr__(self) -> str:
        return f"<policy {self.name}, {len(self.versions)} versions by their dates, version {self.version}>"


__all__ = ["DatedPolicy", "InForce"]
