"""The ledger: append-only, tamper-evident, and the journal from which runs resume.

What a run needs is loaded with the room; what seals, proves, signs and verifies, on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from abpo_sdk.errors import (  # what these raise, at hand; every exception is in abpo_sdk.errors
    Erased,
    LedgerBroken,
    LedgerFrozen,
    NotCanonical,
    NoteInvalid,
    OnHold,
    ProofInvalid,
)
from abpo_sdk.lazy_words import lazily
from abpo_sdk.ledger.entry import Entry, Place
from abpo_sdk.ledger.keyed import idempotency_key
from abpo_sdk.ledger.keys.file_vault import FileVault
from abpo_sdk.ledger.keys.vault import KeyProvider, MemoryVault
from abpo_sdk.ledger.keys.wrapping import new_master_key
from abpo_sdk.ledger.ledger import Ledger
from abpo_sdk.ledger.recorder import Call, Occurrence, Recorder
from abpo_sdk.ledger.store import Reader, Store, Transaction
from abpo_sdk.ledger.stores.sqlite import SqliteStore
from abpo_sdk.ledger.writer import Lease, Writer
from abpo_sdk.values.canonical import canonical_bytes, parse_json

if TYPE_CHECKING:
    from abpo_sdk.ledger.bundle import Export
    from abpo_sdk.ledger.bundle_check import BundleVerification, verify_bundle
    from abpo_sdk.ledger.erasure import Receipt
    from abpo_sdk.ledger.parquet import FileExport
    from abpo_sdk.ledger.retention import Sweep
    from abpo_sdk.ledger.stores.postgres import PostgresStore
    from abpo_sdk.ledger.transparency.anchor import Anchor, CallableAnchor, FileAnchor
    from abpo_sdk.ledger.transparency.checkpoint import Checkpoint, open_checkpoint
    from abpo_sdk.ledger.transparency.compact_range import CompactRange
    from abpo_sdk.ledger.transparency.merkle import MerkleTree, leaf_hash
    from abpo_sdk.ledger.transparency.note import Signer, Verifier, open_note
    from abpo_sdk.ledger.verification import Verification

__all__ = [
    "Anchor",
    "BundleVerification",
    "Call",
    "CallableAnchor",
    "Checkpoint",
    "CompactRange",
    "Entry",
    "Erased",
    "Export",
    "FileAnchor",
    "FileExport",
    "FileVault",
    "KeyProvider",
    "Lease",
    "Ledger",
    "LedgerBroken",
    "LedgerFrozen",
    "MemoryVault",
    "MerkleTree",
    "NotCanonical",
    "NoteInvalid",
    "Occurrence",
    "OnHold",
    "Place",
    "PostgresStore",
    "ProofInvalid",
    "Reader",
    "Receipt",
    "Recorder",
    "Signer",
    "SqliteStore",
    "Store",
    "Sweep",
    "Transaction",
    "Verification",
    "Verifier",
    "Writer",
    "canonical_bytes",
    "idempotency_key",
    "leaf_hash",
    "new_master_key",
    "open_checkpoint",
    "open_note",
    "parse_json",
    "verify_bundle",
]

_LATER = {
    "transparency.anchor": ("Anchor", "CallableAnchor", "FileAnchor"),
    "bundle": ("Export",),
    "bundle_check": ("BundleVerification", "verify_bundle"),
    "transparency.checkpoint": ("Checkpoint", "open_checkpoint"),
    "transparency.compact_range": ("CompactRange",),
    "erasure": ("Receipt",),
    "transparency.merkle": ("MerkleTree", "leaf_hash"),
    "transparency.note": ("Signer", "Verifier", "open_note"),
    "stores.postgres": ("PostgresStore",),
    "parquet": ("FileExport",),
    "retention": ("Sweep",),
    "verification": ("Verification",),
}
_MODULE_OF = {name: module for module, names in _LATER.items() for name in names}

__getattr__, __dir__ = lazily(__name__, _MODULE_OF)
