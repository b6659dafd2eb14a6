"""What of a case an approval authorises: declared once, on a gate."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from enum import Enum
from typing import Any

from abpo_sdk.conditions import Expression, Field, Reading
from abpo_sdk.conditions.compiled import value_of
from abpo_sdk.conditions.expressions import node_of
from abpo_sdk.conditions.nodes import FieldNode, Node
from abpo_sdk.errors import AmountInvalid, DefinitionError, InputError, UnknownField, UnknownOutcome
from abpo_sdk.gates.authority.spend import Spend, comparable
from abpo_sdk.gates.authority.windows import check_duration
from abpo_sdk.values.currencies import decimals_of
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.money import Money

_EXACT = Context(prec=100, traps=[DivisionByZero, Inexact, InvalidOperation, Overflow])
"""An amount is computed exactly or not at all, whatever the caller's own context rounds."""


class Authority:
    """Says how much money an approval authorises, and which cases could be parts of one.

    Args:
        amount: an expression over the case, of exact decimals or whole numbers.
        currency: the code of ISO 4217, or the field that holds it.
        kind: the kind of case, which limits may name.
        approves: the outcomes that spend the amount.
        counterparty: the field that says who gets it, by an id; limits may count by it, and cases without `linked` are taken
            together by it.
        output: the name under which the decision gives the amount, where it does: then that is what an approval spends, as the policy
            proposed it or a reviewer corrected it, and `amount` only where it is not given.
        linked: the field that the parts of one whole have in common, such as the order; it may be empty.
        within: how near in time such parts are; whole seconds.
        minor_units: the decimals of codes that ISO 4217 does not list, such as {"USDC": 6}.

    Raises:
        DefinitionError: an amount that is not exact; a personal field, since sums are kept in plain; no outcome; an unknown currency.

    >>> from dataclasses import dataclass
    >>> from abpo_sdk.conditions import fields
    >>> @dataclass
    ... class Invoice:
    ...     supplier: str
    ...     total: Decimal
    >>> i = fields(Invoice)
    >>> authority = Authority(amount=i.total, currency="EUR", kind="invoice", approves={"pay"}, counterparty=i.supplier)
    >>> bill = Invoice("ACME", Decimal("12400.50"))
    >>> decision = Decision("payment", "1", "pay", "pay", ("pay", "reject"), 1.0, (), bill, ())
    >>> str(authority.spend(decision).money), authority.of(decision, outcome="reject")
    ('12,400.50 EUR', None)
    """

    def __init__(
        self,
        *,
        amount: Expression,
        currency: str | Field,
        kind: str,
        approves: Collection[str],
        counterparty: Field | None = None,
        linked: Field | None = None,
        output: str | None = None,
        within: timedelta = timedelta(days=7),
        minor_units: Mapping[str, int] | None = None,
    ) -> None:
        if isinstance(approves, str) or not approves or not all(isinstance(o, str) and o for o in approves):
            raise DefinitionError(f"authority: approves={approves!r} are no outcomes; write {{'pay'}}")
        if not isinstance(kind, str) or not kind.strip():
            raise DefinitionError(f"authority: kind={kind!r} names no kind of case; write one such as 'invoice'")
        if output is not None and (not isinstance(output, str) or not output.strip()):
            raise DefinitionError(
                f"authority: output={output!r} names no output; write one such as 'amount', or leave it out"
            )
        self.kind = kind
        self.output = output
        self.approves = frozenset(approves)
        self.within = check_duration(within, "authority: within")
        self._minor_units = dict(minor_units or {})
        self._amount = _node("amount", amount, Expression, {"decimal", "integer"})
        self._currency = None if isinstance(currency, str) else _node("currency", currency, Field, {"text", "choice"})
        self._code = currency if isinstance(currency, str) else None
        self._counterparty = _optional("counterparty", counterparty)
        self._linked = _optional("linked", linked)
        try:
            decimals_of("EUR" if self._code is None else self._code, self._minor_units)
        except AmountInvalid as error:
            raise DefinitionError(f"authority: {error}") from error

    def of(self, decision: Decision, *, outcome: str, edit: Decimal | int | None = None) -> Spend | None:
        """What an outcome of a decision amounts to; None where it approves nothing.

        Args:
            decision: with its case at hand.
            outcome: what is to stand.
            edit: the amount that a reviewer put in place of the case's.

        Raises:
            AmountInvalid: the outcome approves, and the amount cannot be held against a limit.
            UnknownOutcome: see `spend`.
        """
        self._check_outcomes(decision)
        if outcome not in self.approves:
            return None
        spend = self.spend(decision)
        return spend if edit is None else spend.with_amount(edit)

    def spend(self, decision: Decision) -> Spend:
        """What an approval of a decision amounts to.

        Raises:
            AmountInvalid: the amount is NaN, infinite, negative or a part of the smallest unit, has no exact value or an unknown
                currency; or the case lacks a field that is needed.
            UnknownOutcome: the policy does not know an outcome of `approves`, which so could never be held against a limit.
        """
        self._check_outcomes(decision)
        reading = Reading(decision, decision.case)
        try:
            amount = self._given(decision)
            if amount is None:
                amount = value_of(self._amount, _EXACT)(reading)
            currency = value_of(self._currency)(reading) if self._currency else self._code
            counterparty = comparable(reading.value(self._counterparty)) if self._counterparty else None
            linked = reading.value(self._linked, missing_ok=True) if self._linked else None
        except (InputError, UnknownField, ArithmeticError) as error:
            raise AmountInvalid(f"what would be approved cannot be told: {error or type(error).__name__}") from error
        if self._counterparty and counterparty is None:
            raise AmountInvalid(f"what would be approved names nobody who gets it: {self._counterparty.name} is blank")
        money = Money.of(
            amount, currency.value if isinstance(currency, Enum) else currency, minor_units=self._minor_units
        )
        return Spend(
            money=money,
            kind=self.kind,
            within=self.within,
            counterparty=counterparty,
            linked=None if linked is None else comparable(linked),
        )

    def opened(self, decision: Decision) -> dict[str, Any]:
        """What an answer in another process has to know, as JSON: `declared`, and "spend", or None and why as "invalid".

        A case whose amount cannot be approved may still be put before a person, who can reject it; see `spend_of`.
        """
        try:
            return {**self.declared(), "spend": self.spend(decision).to_json(), "invalid": None}
        except AmountInvalid as error:
            return {**self.declared(), "spend": None, "invalid": str(error)}

    def declared(self) -> dict[str, Any]:
        """What is said of every case, as JSON: "approves", "kind", "output", and "within" in seconds."""
        return {
            "approves": sorted(self.approves),
            "kind": self.kind,
            "output": self.output,
            "within": int(self.within.total_seconds()),
        }

    def structure(self) -> dict[str, Any]:
        """The declaration as JSON, the same for the same one; gates are versioned by it."""
        return {
            **self.declared(),
            "amount": self._amount.structure(),
            "counterparty": self._counterparty.structure() if self._counterparty else None,
            "currency": self._currency.structure() if self._currency else self._code,
            "linked": self._linked.structure() if self._linked else None,
            "minor_units": self._minor_units,
        }

    def fields(self) -> Iterator[FieldNode]:
        """The fields that it reads."""
        for node in (self._amount, self._currency, self._counterparty, self._linked):
            yield from node.fields() if node else ()

    def _given(self, decision: Decision) -> object:
        given = getattr(decision, "output", None) if self.output else None
        return given.get(self.output) if isinstance(given, Mapping) else None

    def _check_outcomes(self, decision: Decision) -> None:
        unknown = sorted(self.approves - set(decision.outcomes))
        if unknown:
            raise UnknownOutcome(
                f"authority approves={sorted(self.approves)}: the policy {decision.policy!r} does not know the outcome "
                f"{unknown[0]!r}; it knows {', '.join(decision.outcomes)}"
            )

    def __repr__(self) -> str:
        return f"<authority {self.kind}: {self._amount.written(None)} is spent by {', '.join(sorted(self.approves))}>"


def _node(what: str, given: object, needed: type[Expression], sorts: set[str]) -> Node:
    if not isinstance(given, needed):
        raise DefinitionError(f"authority: {what}={given!r} is none; write a field such as fields(Invoice).{what}")
    node = node_of(given)
    if node.kind.sort not in sorts:
        hint = "declare it as Decimal" if what == "amount" else "point it at an id or a code"
        raise DefinitionError(
            f"authority: {what}={node.written(None)} is {node.kind}, not {' or '.join(sorted(sorts))}; {hint}"
        )
    personal = next((field for field in node.fields() if field.personal), None)
    if personal:
        raise DefinitionError(
            f"authority: {what} reads {personal.name}, which is personal, and sums are kept in plain for as long as a limit counts "
            "them; point it at a field that is not, such as an id of your own"
        )
    return node


def _optional(what: str, given: Field | None) -> FieldNode | None:
    if given is None:
        return None
    node = _node(what, given, Field, {"text", "integer", "choice"})
    assert isinstance(node, FieldNode)  # noqa: S101  a Field's
    return node
