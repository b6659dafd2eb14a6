"""The ledger: append-only, tamper-evident, and the journal from which runs resume."""

from abpo_sdk.ledger.entry import Entry, Place
from abpo_sdk.ledger.ledger import Lease, Ledger, Writer
from abpo_sdk.ledger.recorder import Call, Occurrence, Recorder, idempotency_key
from abpo_sdk.ledger.sqlite import SqliteStore
from abpo_sdk.ledger.store import Store, Transaction
from abpo_sdk.ledger.vault import FileVault, KeyProvider, MemoryVault
from abpo_sdk.ledger.verification import Verification
from abpo_sdk.values.canonical import canonical_bytes, parse_json

__all__ = [
    "Call",
    "Entry",
    "FileVault",
    "KeyProvider",
    "Lease",
    "Ledger",
    "MemoryVault",
    "Occurrence",
    "Place",
    "Recorder",
    "SqliteStore",
    "Store",
    "Transaction",
    "Verification",
    "Writer",
    "canonical_bytes",
    "idempotency_key",
    "parse_json",
]
