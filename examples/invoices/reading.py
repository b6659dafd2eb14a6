"""From the bytes of an electronic invoice to a typed `Invoice`, or to an error that says what is wrong and where."""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal

import facturx
import lxml.etree as etree
from pydantic import ValidationError

from examples.invoices import cii, ubl
from examples.invoices.elements import Element, UnreadableInvoice, shown
from examples.invoices.model import Invoice

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["UnreadableInvoice", "read_invoice_xml"]

_FLAVOURS = {
    f"{{{ubl.INVOICE}}}Invoice": "ubl-2.1-invoice",
    f"{{{ubl.CREDIT_NOTE}}}CreditNote": "ubl-2.1-creditnote",
    f"{{{cii.INVOICE}}}CrossIndustryInvoice": "factur-x",
}
# The codes of UNTDID 1001 that EN 16931 admits (BR-CL-01). 81 is in both lists: in CII it is a credit note.
_CREDIT_NOTES = "81 83 261 262 296 308 381 396 420 458 502 503 532"
_INVOICES = (
    "71 80 81 82 84 102 130 202 203 204 211 218 219 295 325 326 331 380 382 383 384 385 386 387 388 389 390 393 394 "
    "395 456 457 471 472 473 500 501 527 553 575 623 633 751 780 817 870 875 876 877 935"
)
_MESSAGE = 300
_quiet: ContextVar[bool] = ContextVar("_quiet", default=False)


def read_invoice_xml(data: bytes) -> Invoice:
    """Reads a UBL 2.1 invoice or credit note, or a UN/CEFACT CII document, that follows EN 16931.

    The document is parsed without DTD, entities and network, checked against its schema and then read element
    by element. Amounts are taken as they are written; whether they add up is not checked here.

    Args:
        data: the file as it came, in any encoding that its XML declaration or byte order mark names.

    Raises:
        UnreadableInvoice: it is no well-formed XML, no invoice, breaks its schema, lacks something that an invoice
            must have (named by its business term, BT-n), or is ambiguous. A bank account is never quoted.
    """
    root = _parse(data)
    flavour = _FLAVOURS.get(root.tag)
    if flavour is None:
        name = etree.QName(root)
        namespace = shown(name.namespace) if name.namespace else "no namespace"
        raise UnreadableInvoice(
            f"line {root.sourceline}: the root element is {shown(name.localname)} in {namespace}; "
            "expected a UBL Invoice, a UBL CreditNote or a CrossIndustryInvoice"
        )
    _check_schema(root, flavour)
    syntax = cii if flavour == "factur-x" else ubl
    document = Element(root, syntax.PREFIXES)
    values = syntax.read(document)
    values["kind"] = _kind(values["type_code"], document)
    try:
        return Invoice.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise UnreadableInvoice(f"{_term(place)}{place}: {shown(first['input'])}: {first['msg']}") from error


def _parse(data: bytes) -> Any:
    """The root element; comments and processing instructions are left out, so that they cannot split a text."""
    if not data.strip():
        raise UnreadableInvoice("the file is empty")
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        message = re.sub(r", line \d+, column \d+$", "", error.msg or "unknown error")[:_MESSAGE]
        raise UnreadableInvoice(f"line {line}, column {column}: not well-formed XML: {message}") from error
    if root.getroottree().docinfo.doctype:
        raise UnreadableInvoice("line 1: the file has a DOCTYPE, which no invoice needs and which can hide an attack")
    return root


def _check_schema(root: Any, flavour: str) -> None:
    """Checks the document against the schema that comes with factur-x, which raises bare exceptions."""
    try:
        with _without_log():
            facturx.xml_check_xsd(root, flavor=flavour)
    except Exception as error:
        cause: Any = error.__cause__
        if isinstance(cause, etree.DocumentInvalid):
            first = cause.error_log[0]
            message = re.sub(r"\{[^{}]*\}", "", first.message)[:_MESSAGE]  # without namespaces
            raise UnreadableInvoice(f"line {first.line}: breaks the schema: {message}") from error
        raise UnreadableInvoice(f"the profile of the document is unknown: {str(error)[:_MESSAGE]}") from error


def _kind(code: str, document: Element) -> Literal["invoice", "credit note"]:
    """What the type code says, which the root element of a UBL document must not contradict."""
    in_cii = document.name == "CrossIndustryInvoice"
    credit = document.name == "CreditNote" or (in_cii and code in _CREDIT_NOTES.split())
    kind: Literal["invoice", "credit note"] = "credit note" if credit else "invoice"
    if code not in (_CREDIT_NOTES if credit else _INVOICES).split():
        raise document.refused(f"the type code (BT-3) is {shown(code)}, which is no {kind}")
    return kind


def _term(place: str) -> str:
    """The business term of a field of the invoice, to go before its name."""
    field = Invoice.model_fields.get(place.partition(".")[0])
    return f"{field.description.partition(':')[0]}, " if field and field.description else ""


@contextmanager
def _without_log() -> Iterator[None]:
    """Keeps factur-x from logging what is raised anyway, in this call only."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


logging.getLogger("factur-x").addFilter(lambda _record: not _quiet.get())
