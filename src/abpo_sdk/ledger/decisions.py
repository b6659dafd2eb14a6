"""How a decision is written into the ledger, and read from it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from decimal import Decimal
from functools import cache
from typing import Any

from abpo_sdk.ledger.outputs import decode_output, encode_output
from abpo_sdk.ledger.recorder import Occurrence
from abpo_sdk.values.decision import Decision, Reason
from abpo_sdk.values.encoded import Digest, Encoded, JsonValue
from abpo_sdk.values.encoding import Codec

TYPES: tuple[tuple[type, str], ...] = (
    (Decimal, "decimal"),
    (dt.datetime, "time"),
    (dt.date, "date"),
    (dt.timedelta, "duration"),
)
"""The types that JSON has no form for, by the name under which a decision says which of its case's fields held one."""

OMITTED = frozenset({"case", "id", "at"})


def encode_case(case: object, digest: Digest) -> Encoded:
    """A case as JSON."""
    model: Any = dict if isinstance(case, Mapping) else type(case)
    return _codec(model).encode(case, digest=digest)


def encode_decision(decision: Decision, case: Encoded) -> Encoded:
    """A decision and its case as JSON: "decision", "case", and "types" of the case's fields that are text only here."""
    tree: dict[str, Any] = {"decision": _compact(decision), "case": case.tree}
    types = _types(decision.case)
    if types:
        tree["types"] = types
    return Encoded(tree, case.within("case"))


def decode_decision(tree: JsonValue, *, case: Any, occurrence: Occurrence | None = None) -> Decision:
    """The decision that was written, about `case` as it is at hand."""
    written = dict(tree["decision"])
    written["reasons"] = tuple(Reason(**reason) for reason in written["reasons"])
    written["outcomes"] = tuple(written["outcomes"])
    written["inputs"] = tuple(written["inputs"])
    written["confidence"] = float(written["confidence"])  # canonical JSON writes 1.0 as 1
    written.setdefault("proposed", written["outcome"])
    if "output" in written:
        written["output"] = decode_output(written["output"])
    decision = Decision(case=case, **written)
    return replace(decision, id=occurrence.id, at=occurrence.at) if occurrence else decision


def _compact(decision: Decision) -> dict[str, Any]:
    """The fields that differ from their defaults; what is not written is the default."""
    written: dict[str, Any] = {}
    for f in fields(Decision):
        if f.name in OMITTED:
            continue
        value = getattr(decision, f.name)
        if f.name == "reasons":
            value = [{k: v for k, v in asdict(reason).items() if v is not None} for reason in value]
        elif isinstance(value, tuple):
            value = list(value)
        elif value == f.default:
            continue
        elif f.name == "output":
            value = encode_output(value)
        written[f.name] = value
    if written.get("proposed") == written["outcome"]:
        del written["proposed"]
    return written


def _types(case: object) -> dict[str, str]:
    model: Any = type(case)
    items = case.items() if isinstance(case, Mapping) else ((f, getattr(case, f, None)) for f in _field_names(model))
    types = {}
    for name, value in items:
        for type_, written in TYPES:
            if isinstance(value, type_):
                types[str(name)] = written
                break
    return types


@cache
def _field_names(model: Any) -> tuple[str, ...]:
    return tuple(getattr(model, "model_fields", {}) or getattr(model, "__dataclass_fields__", {}))


@cache
def _codec(model: Any) -> Codec[Any]:
    return Codec(dict[str, Any] if model is dict else model, where=f"the case, a {model.__name__}")
