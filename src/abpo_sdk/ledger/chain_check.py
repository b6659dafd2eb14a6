"""Checks one chain from its stored bytes, entry by entry, and names the first that does not fit."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from json.encoder import encode_basestring as _text
from typing import Any, NoReturn

from abpo_sdk.errors import EncryptionError, LedgerBroken, NotCanonical
from abpo_sdk.ledger import projections
from abpo_sdk.ledger.encryption import COMMITMENT, boxes, inputs_salt, open_box
from abpo_sdk.ledger.entry import (
    GENESIS,
    OWN_CHAIN,
    SCHEMA,
    Entry,
    Stored,
    ciphertext_hash,
    entry_of,
    keyed_hash,
    payload_hash,
)
from abpo_sdk.ledger.keys.vault import KeyProvider
from abpo_sdk.ledger.rebuilding import Rebuilt, Rows, project_entry
from abpo_sdk.ledger.rows import ErasureRow, Head
from abpo_sdk.ledger.store import Reader
from abpo_sdk.ledger.tiles import HASH
from abpo_sdk.ledger.tree_check import LeafHashes
from abpo_sdk.values.canonical import canonical_bytes, parse_json

HEADER_FIELDS = frozenset(
    {"at", "chain", "inputs", "kind", "name", "ordinal", "payload", "position", "previous", "schema", "scope", "sealed"}
)

AT = b'{"at":"'
AT_END = len('{"at":"2026-01-05T09:00:00.000000Z')
NULL = ord("n")
ZEROS = bytes.maketrans(b"123456789", b"000000000")
"""A header begins with its time, whose length is fixed."""

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII).fullmatch
HEX = re.compile("[0-9a-f]{64}").fullmatch

HASH_END = len('"') + 64 + len('"')

NAMED = re.compile(rb',"kind":"([a-z]+)","name":"(?:[^"\\\x00-\x1f]|\\["\\bfnrt])+"').fullmatch
"""What stands in a header between the inputs and the ordinal."""

REMEMBERED = 1000
"""How many kinds and names are kept that were found in headers."""

UNPROJECTED = frozenset(kind.encode() for kind in projections.UNPROJECTED)

KEY_MISSING = "is missing, and nothing says that its subject was erased (is the file with the keys beside the ledger?)"


@dataclass(slots=True)
class Counts:
    """What has been counted so far: entries, those with a position in the tree, erased fields, removed payloads."""

    entries: int = 0
    leaves: int = 0
    erased: int = 0
    swept: int = 0


@dataclass(slots=True)
class ChainChecker:
    """Checks chains.

    Args:
        reader: the store at one moment.
        leaves: the hashes in the tree.
        vault: the keys; None to leave what is encrypted unopened.
        swept: for each kind of entry, the time before which payloads were swept.
        missing: the keys whose loss a person has recorded.
        now: the store as it stands by now: a key goes at once, whatever moment is looked at.
    """

    reader: Reader
    leaves: LeafHashes
    vault: KeyProvider | None
    swept: dict[str, str]
    missing: frozenset[str] = frozenset()
    now: Reader | None = None
    counts: Counts = field(default_factory=Counts)
    _named: dict[bytes, bytes] = field(default_factory=dict)

    def check(self, head: Head, entries: Iterator[Stored]) -> Rows:
        """Check a chain from its first entry to its end.

        The header of nearly every entry can be told, byte for byte, from its columns, its payload and the entry before it, which
        takes a fraction of the time of parsing it and writing it again; what cannot be told is examined member by member.

        Args:
            head: its end.
            entries: in the order in which they were written.

        Returns:
            The rows that its entries make.

        Raises:
            LedgerBroken: naming the first entry that was edited, dropped, swapped or inserted.
        """
        if type(head.length) is not int or not isinstance(head.chain, str):
            _broken(head.chain, 0, "the record of the end of its chain was damaged")
        rebuilt = Rebuilt()
        length, named, sha256, leaves = head.length, self._named, hashlib.sha256, self.leaves
        chain_part = f'","chain":{_text(head.chain)},"inputs":'.encode(errors="surrogatepass")
        start = AT_END + len(chain_part)
        previous, position, scope_before, end = GENESIS, 0, None, ""
        first, tile, width, asked = leaves.first, leaves.tile, leaves.width, 0
        for stored in entries:
            _, number, scope, ordinal, header, payload, salt, ciphertext, leaf = stored
            kind = None
            if number == position < length and type(header) is type(payload) is type(salt) is bytes:
                if scope is not scope_before:
                    end = f'","schema":{SCHEMA},"scope":{_text(scope) if type(scope) is str else None},"sealed":'
                    scope_before = scope
                tail = (
                    f',"ordinal":{ordinal},"payload":"{keyed_hash(salt, payload)}","position":{position},"previous":"{previous}{end}'
                    f"{_sealed(ciphertext)}}}"
                ).encode("utf-8", "backslashreplace")  # a text that is none is in no header
                if (
                    header.endswith(tail)
                    and header[AT_END:start] == chain_part
                    and header.startswith(AT)
                    and header[len(AT) : AT_END].translate(ZEROS) == b"0000-00-00T00:00:00.000000Z"
                ):
                    if header[start] == NULL:
                        rest = header[start + 4 : -len(tail)]
                    elif header[start + 1 : start + HASH_END - 1].isalnum():
                        rest = header[start + HASH_END : -len(tail)]
                    else:
                        rest = b""
                    kind = named.get(rest) or self._kind(rest)
            if kind is None:
                self._examine(head, entry_of(stored), position, previous, entries)
            data = sha256(b"\x00" + header).digest()
            if leaf is not None:
                asked += 1
                if (
                    type(leaf) is int and 0 <= (number := leaf - first) < width
                ):  # most stand in the tile of the one before
                    of_tree: bytes | None = tile[number * HASH : (number + 1) * HASH]
                else:
                    of_tree = leaves.at(leaf)
                    first, tile = leaves.first, leaves.tile
                if of_tree != data:
                    self._blame_leaf(head.chain, position, leaf)
            if ciphertext is not None:
                self._check_ciphertext(entry_of(stored), position)
            if kind not in UNPROJECTED or ciphertext is not None:
                self._project(rebuilt, entry_of(stored), position)
            previous = data.hex()
            position += 1
        if position < length:
            _broken(head.chain, position, f"it is missing; the chain should have {length} entries and has {position}")
        if previous != head.hash:
            _broken(
                head.chain,
                position - 1,
                "it is not the entry that is recorded as the end of its chain; one of them was edited",
            )
        self.counts.entries += position
        self.counts.leaves += asked
        return rebuilt.rows

    def _kind(self, rest: bytes) -> bytes | None:
        """The kind of entry that a part of a header names; None where that is not what is written there."""
        found = NAMED(rest)
        if found is None:
            return None
        if len(self._named) < REMEMBERED:
            self._named[rest] = found[1]
        return found[1]

    def _examine(self, head: Head, entry: Entry, position: int, previous: str, after: Iterator[Stored]) -> None:
        """Check an entry member by member; one that fails is named, or the one before it where that is to blame."""
        header = _parsed(entry)
        if header is not None and header.get("previous") != previous and position:
            following = next(after, None)
            if _vouched(head, entry, header, position, entry_of(following) if following else None):
                _broken(head.chain, position - 1, "it is not the entry that the one after it names, so it was edited")
        if header is None:
            _broken(head.chain, position, "its header is not the canonical JSON that was written")
        if position >= head.length:
            _broken(head.chain, position, f"the chain should end before it, with {head.length} entries")
        _check_header(entry, header, position)
        if header["previous"] != previous:
            _broken(head.chain, position, "it names another entry before it than stands there")
        self._check_payload(entry, header, position)
        _check_ciphertext_hash(entry, header, position)

    def _check_payload(self, entry: Entry, header: dict[str, Any], position: int) -> None:
        if entry.payload is None and entry.salt is None and entry.ciphertext is None:
            before = self.swept.get(header["kind"])
            if before is None or entry.chain == OWN_CHAIN or not header["at"] < before:
                _broken(entry.chain, position, "its payload is missing, and nothing says that it was erased or swept")
            self.counts.swept += 1
            return
        if entry.payload is None or entry.salt is None:
            _broken(entry.chain, position, "its payload is missing, and nothing says that it was erased or swept")
        try:
            faithful = payload_hash(entry.salt, entry.payload) == header["payload"]
        except (TypeError, AttributeError):  # the column holds something else than bytes
            faithful = False
        if not faithful:
            _broken(entry.chain, position, "its payload, or the payload's salt, is not what was written")

    def _blame_leaf(self, chain: str, position: int, leaf: object) -> NoReturn:
        if type(leaf) is not int or not 0 <= leaf < self.leaves.size:
            _broken(chain, position, f"its position in the tree is {leaf!r}, which is none")
        _broken(
            chain, position, f"the tree does not have it at its position {leaf:,}, so it was edited, or the tree was"
        )

    def _check_ciphertext(self, entry: Entry, position: int) -> None:
        """Check that what is encrypted is what the payload commits to, where its key is there, and that a missing key was erased."""
        if entry.payload is None or self.vault is None:
            return
        try:
            for box, commitment in boxes(entry):
                if commitment != {COMMITMENT: box["commitment"]}:
                    _broken(entry.chain, position, f"its payload has no commitment to the encrypted {box['label']}")
                if self._has_key(entry, position, box["key"], f"the key of its encrypted {box['label']}"):
                    open_box(entry, box, self.vault)
                else:
                    self.counts.erased += 1
            for key in parse_json(entry.ciphertext).get("inputs", {}).get("keys", ()):  # type: ignore[arg-type]
                self._has_key(entry, position, key, "a key of the encrypted salt of its inputs")
            inputs_salt(entry, self.vault)
        except EncryptionError as error:
            _broken(entry.chain, position, f"what is encrypted beside its payload cannot be opened: {error}")
        except (NotCanonical, LookupError, TypeError, AttributeError, ValueError, ArithmeticError):
            _broken(entry.chain, position, "what is encrypted beside its payload cannot be read")

    def _has_key(self, entry: Entry, position: int, identifier: str, what: str) -> bool:
        """Whether a key is there; a key that is gone was erased."""
        assert self.vault is not None  # noqa: S101  asked before
        there = self.vault.key(identifier) is not None
        erased = bool(self.reader.select(ErasureRow, equal={"id": identifier}))
        if there and erased:
            _broken(
                entry.chain,
                position,
                f"{what} is there again, although its subject was erased (were old keys restored?); erase the subject again",
            )
        if not there and not erased and identifier not in self.missing:
            erased = self.now is not None and bool(self.now.select(ErasureRow, equal={"id": identifier}))
        if not there and not erased and identifier not in self.missing:
            _broken(entry.chain, position, f"{what} {KEY_MISSING}")
        return there

    def _project(self, rebuilt: Rebuilt, entry: Entry, position: int) -> None:
        try:
            project_entry(rebuilt, entry)
        except (NotCanonical, LookupError, TypeError, AttributeError, ValueError):
            _broken(entry.chain, position, "its payload does not hold what an entry of its kind holds")


def _sealed(ciphertext: object) -> str:
    """What a header says of a ciphertext."""
    if ciphertext is None:
        return "null"
    return f'"{ciphertext_hash(ciphertext)}"' if type(ciphertext) is bytes else ""


def _parsed(entry: Entry) -> dict[str, Any] | None:
    """A header, if its bytes are the canonical form of one."""
    try:
        header = parse_json(entry.header)
        if isinstance(header, dict) and canonical_bytes(header) == entry.header:
            return header
    except (NotCanonical, TypeError):
        pass
    return None


def _vouched(head: Head, entry: Entry, header: dict[str, Any], position: int, after: Entry | None) -> bool:
    """Whether an entry belongs where it stands, to judge by its own header and by what follows it."""
    if position >= head.length or (header.get("chain"), header.get("position")) != (head.chain, position):
        return False
    if position == head.length - 1:
        return entry.hash == head.hash
    following = _parsed(after) if after is not None else None
    return following is not None and following.get("previous") == entry.hash


def _check_header(entry: Entry, header: dict[str, Any], position: int) -> None:
    chain = entry.chain
    if header.get("schema") != SCHEMA or set(header) != HEADER_FIELDS:
        _broken(chain, position, f"its header has schema {header.get('schema')!r}, and this release knows {SCHEMA}")
    if not TIME(str(header["at"])) or not (header["inputs"] is None or HEX(str(header["inputs"]))):
        _broken(chain, position, "its header does not hold what a header holds")
    if (header["chain"], header["position"]) != (chain, position) or entry.position != position:
        _broken(chain, position, f"an entry that was written at {header['chain']!r}, {header['position']}, stands here")
    if (header["scope"], header["ordinal"]) != (entry.place.scope, entry.place.ordinal):
        _broken(
            chain, position, f"it is filed at {entry.place}, and was written at {header['scope']}{header['ordinal']}"
        )


def _check_ciphertext_hash(entry: Entry, header: dict[str, Any], position: int) -> None:
    if entry.payload is None:
        return
    try:
        faithful = ciphertext_hash(entry.ciphertext) == header["sealed"]
    except TypeError:
        faithful = False
    if not faithful:
        _broken(entry.chain, position, "the ciphertext beside its payload is not what was written")


def _broken(chain: str, position: int, reason: str) -> NoReturn:
    raise LedgerBroken(f"the ledger is broken at {chain!r}, entry {position}: {reason}", chain=chain, entry=position)
