"""Elements of an XML document, read strictly: what is missing, double or no number is refused by name and line."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
_ISO_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(Z|[+-]\d{2}:\d{2})?", re.ASCII)
_CII_DAY = re.compile(r"\d{8}", re.ASCII)
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", re.ASCII)
# Decimal's default precision is 28 digits; with at most 18 in one number, no sum of them is rounded silently.
_DIGITS = 18
_SHOWN = 80


class UnreadableInvoice(ValueError):
    """A file that cannot be read as an invoice; the message says what is wrong and where."""


def shown(value: object) -> str:
    """A value for a message, cut where it gets long: a file may hold megabytes in one element."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


class Element:
    """An element and the paths below it, in the document's prefixes."""

    __slots__ = ("_prefixes", "node")

    def __init__(self, element: Any, prefixes: Mapping[str, str]) -> None:
        self.node = element
        self._prefixes = prefixes

    @property
    def name(self) -> str:
        """The element's name without its namespace."""
        return str(self.node.tag).rpartition("}")[2]

    @property
    def text(self) -> str:
        """The element's own text, without the space around it; "" if it is empty."""
        return (self.node.text or "").strip()

    def attribute(self, name: str) -> str | None:
        """An attribute's value, or None."""
        value = self.node.get(name)
        return None if value is None else str(value).strip()

    def required_attribute(self, name: str, term: str) -> str:
        """An attribute's value, which must be there and hold something."""
        value = self.attribute(name)
        if not value:
            raise self.refused(f"the attribute {name} ({term}) is missing")
        return value

    def refused(self, why: str) -> UnreadableInvoice:
        """The error that says why this element cannot be read, and where it stands."""
        return UnreadableInvoice(f"line {self.node.sourceline}, {self.name}: {why}")

    def all(self, path: str) -> list[Element]:
        """Every element at the path, in document order."""
        return [Element(found, self._prefixes) for found in self.node.findall(path, self._prefixes)]

    def maybe(self, path: str, term: str) -> Element | None:
        """The element at the path, None if there is none; two are refused, for none is more right than the other."""
        found = self.all(path)
        if len(found) > 1:
            raise found[1].refused(f"{path} ({term}) stands here {len(found)} times, it may stand once")
        return found[0] if found else None

    def one(self, path: str, term: str) -> Element:
        """The element at the path, which must be there and hold something."""
        element = self.maybe(path, term)
        if element is None:
            raise self.refused(f"{path} ({term}) is missing")
        if not element.text and not len(element.node):
            raise element.refused(f"{path} ({term}) is empty")
        return element

    def one_of(self, path: str, term: str) -> str | None:
        """The one text that all elements at the path share; two different ones are refused, unquoted."""
        texts = {"".join(element.text.split()) for element in self.all(path)} - {""}
        if len(texts) > 1:
            raise self.refused(f"{path} ({term}) has {len(texts)} different values, this reader takes one")
        return texts.pop() if texts else None

    def words(self, path: str, term: str) -> str | None:
        """The text at the path, None if there is none or it is empty."""
        element = self.maybe(path, term)
        return (element.text or None) if element else None

    def amount(self, path: str, term: str) -> Decimal:
        """The number at the path, which must be there."""
        return self.one(path, term).decimal()

    def amount_or_none(self, path: str, term: str) -> Decimal | None:
        """The number at the path, None if there is no element."""
        element = self.maybe(path, term)
        return element.decimal() if element else None

    def amount_or_zero(self, path: str, term: str) -> Decimal:
        """The number at the path, 0 if there is no element."""
        stated = self.amount_or_none(path, term)
        return Decimal(0) if stated is None else stated

    def decimal(self) -> Decimal:
        """The element's text as a decimal number; no separators, no exponent, no NaN."""
        if not _DECIMAL.fullmatch(self.text):
            raise self.refused(f"{shown(self.text)} is not a decimal number")
        if sum(character.isdigit() for character in self.text) > _DIGITS:
            raise self.refused(f"the number has more than {_DIGITS} digits")
        return Decimal(self.text)

    def truth(self, path: str, term: str) -> bool:
        """Whether the element at the path says true; XML also writes 1 and 0."""
        element = self.one(path, term)
        try:
            return {"true": True, "1": True, "false": False, "0": False}[element.text]
        except KeyError:
            raise element.refused(f"{shown(element.text)} is neither true nor false") from None

    def day(self) -> date:
        """The element's date: 2026-03-31, or 20260331 where the element says that its format is 102."""
        pattern = _CII_DAY if self.attribute("format") == "102" else _ISO_DAY
        try:
            if match := pattern.fullmatch(self.text):
                return date.fromisoformat(match[0][:10])
        except ValueError:
            pass  # the right shape, but no day of the calendar
        raise self.refused(f"{shown(self.text)} is not a date")

    def refuse_any(self, path: str, why: str) -> None:
        """Refuses the document if anything stands at the path."""
        for element in self.all(path):
            raise element.refused(why)

    def refuse_other_currencies(self, currency: str, *, allowed: list[Element]) -> None:
        """Refuses the document if an amount in it is in another currency, except the allowed elements."""
        # lxml gives the same object for the same element as long as one is held, which `allowed` does.
        exempt = {id(element.node) for element in allowed}
        for element in self.node.iter():
            stated = element.get("currencyID")
            if stated is not None and stated.strip() != currency and id(element) not in exempt:
                raise Element(element, self._prefixes).refused(
                    f"the amount is in {shown(stated.strip())}, the document is in {currency!r}"
                )


def totals_by_currency(
    amounts: list[Element], currency: str, accounting: str | None, document: Element
) -> tuple[Element | None, Element | None]:
    """Tells the total VAT in the document's currency (BT-110) from that in the accounting currency (BT-111)."""
    in_document = [amount for amount in amounts if (amount.attribute("currencyID") or currency) == currency]
    in_accounting = [
        amount
        for amount in amounts
        if accounting not in (None, currency) and amount.attribute("currencyID") == accounting
    ]
    for found, term in ((in_document, "BT-110"), (in_accounting, "BT-111")):
        if len(found) > 1:
            raise found[1].refused(f"a second total VAT amount ({term}) in the same currency")
    document.refuse_other_currencies(currency, allowed=in_accounting)
    return (in_document[0] if in_document else None), (in_accounting[0] if in_accounting else None)


def iban(account: str | None) -> str | None:
    """The account as an IBAN without spaces, None if it has another form; its check digits are not looked at."""
    account = "".join(account.split()).upper() if account else ""
    return account if _IBAN.fullmatch(account) else None
