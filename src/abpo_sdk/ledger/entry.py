"""The ledger entry: a header that is chained, and beside it a payload that it commits to.

A header names the entry's chain (a run, or the key of a decision recorded without one), its position there, its
place in the flow (scope and ordinal), what it is, the hash of the header before it, two keyed hashes (of the payload,
and of the inputs that were given), and the hash of the ciphertext. The payload lies apart with its salt, so that it
can be removed and the chain still holds; personal fields in it are commitments, whose content lies encrypted beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from json.encoder import encode_basestring as _text  # escapes as RFC 8785 section 3.2.2.2 says
from typing import Any, Literal, NamedTuple, Protocol

from abpo_sdk.errors import DefinitionError, Erased
from abpo_sdk.values.canonical import canonical_bytes, parse_json
from abpo_sdk.values.clock import from_text
from abpo_sdk.values.encoded import Encoded, JsonValue, PersonalValue

SCHEMA = 1
"""The version of the form of an entry; written into each header."""

GENESIS = "0" * 64
"""What the first entry of a chain names as the hash before it."""

Kind = Literal[
    "started",  # a run, with its arguments
    "step",  # a step's result
    "raised",  # a step's exception, which the process caught
    "attempt",  # a try of a step that failed, and is followed by another
    "timer",  # a process sleeps until a time
    "fired",  # that time has come
    "decision",  # a policy's decision
    "gate",  # whether a gate asks for a person
    "review",  # what was put before a person
    "second",  # what is put before another person afterwards
    "escalated",  # a review went to another role
    "answered",  # what the person said
    "claimed",  # a person took a review
    "unclaimed",  # it is free again
    "viewed",  # what a person was shown of a review
    "abstained",  # a person says nothing to it
    "recused",  # a person declared a conflict of interest
    "returned",  # a person needs information first
    "informed",  # the information that was given
    "reassigned",  # a review was put to others
    "reminded",  # those who are asked were reminded
    "refused",  # somebody tried what they may not do
    "expired",  # nobody answered in time
    "seeded",  # what is the right answer to a review
    "delegated",  # a person has another act for them
    "undelegated",  # no more
    "stopped",  # a process, policy or segment does nothing by itself from now on
    "restarted",  # a person let it go on
    "declared",  # measures of single persons were agreed upon
    "incident",  # a run cannot go on by itself
    "resolved",  # a person resolved an incident
    "parked",  # a run waits again, after something that it waited for came and something else did not
    "migrated",  # a person had a run go on with other code
    "finished",  # a run's result
    "abandoned",  # a run was given up
    "imported",  # a decision that was made elsewhere, and not witnessed
    "erased",  # subjects' keys were deleted
    "held",  # a legal hold forbids erasing
    "released",  # a legal hold was lifted
    "swept",  # payloads were removed because their time was over
    "reopened",  # a person opened a ledger that is shorter than its anchor
    "exported",  # a file was made from the ledger
]

INNER = bytes(byte ^ 0x36 for byte in range(256))
OUTER = bytes(byte ^ 0x5C for byte in range(256))
"""What the key of an HMAC is mixed with, as tables (RFC 2104, section 2)."""

BODY = "/"
"""The scope of what a process itself calls; a sub-process called as the third thing has "/2/"."""

LIFE = "run"
"""The scope of what happens to a run as a whole."""

OWN_CHAIN = "$ledger"
"""The chain of what happens to the ledger as a whole, each kind in a scope of its own; no run or key has this name."""


class Place(NamedTuple):
    """Where in a run something stands: its scope, and how many came before it in that scope."""

    scope: str
    ordinal: int

    def __str__(self) -> str:
        return f"{self.scope}{self.ordinal}" if self.scope != LIFE else f"{LIFE}:{self.ordinal}"

    @property
    def inner(self) -> str:
        """The scope of what belongs to the thing that stands here."""
        return f"{self.scope}{self.ordinal}/"

    @property
    def outer(self) -> Place:
        """The place of the thing that this belongs to.

        >>> Place("/2/", 0).outer
        Place(scope='/', ordinal=2)
        """
        scope, _, ordinal = self.scope[:-1].rpartition("/")
        return Place(f"{scope}/", int(ordinal))


def check_id(text: object, what: str) -> None:
    """Refuse what cannot be the id of a run, or a key.

    Raises:
        DefinitionError: it is no text, or blank, or the ledger's own.
    """
    if text == OWN_CHAIN:
        raise DefinitionError(f"{what} is {text!r}, which names the ledger's own entries; give another")
    if not isinstance(text, str) or not text.strip():
        raise DefinitionError(
            f"{what} is {text!r}; give a text that says what it is about, such as the invoice's number"
        )
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise DefinitionError(f"{what} is {text!r}, which holds a lone surrogate and so is no text; give another")


def id_part(text: str) -> str:
    """A run's id or a gate's name as a part of an identifier, so that no two identifiers are alike, whatever the ids.

    >>> id_part("2026/17")
    '2026%2F17'
    """
    return text.replace("%", "%25").replace("/", "%2F")


def entry_id(chain: str, place: Place) -> str:
    """The identifier of what stands at a place of a run or key."""
    return f"{id_part(chain)}{place}"


@dataclass(slots=True)  # not frozen, because that makes making one three times as slow
class Draft:
    """An entry before it is encrypted and chained.

    Args:
        place: where it stands.
        kind: what it is.
        name: of the step, policy, gate or process.
        payload: its content, personal parts in clear; without what is in `encoded`.
        personal: where in `content` those are.
        inputs: what was given, for the keyed hash; None where nothing was.
        at: when it happened.
        encoded: the rest of its content, whose JSON has been made already.
    """

    place: Place
    kind: Kind
    name: str
    payload: Mapping[str, JsonValue]
    at: datetime
    personal: tuple[PersonalValue, ...] = ()
    inputs: Encoded | None = None
    encoded: Mapping[str, Encoded] = field(default_factory=dict)

    @property
    def content(self) -> Mapping[str, JsonValue]:
        """All of the content, personal parts in clear."""
        return _Content(self.payload, self.encoded)


class _Content(Mapping[str, JsonValue]):
    """The members of a draft; what has been made into JSON is read from it where it is asked for."""

    __slots__ = ("_encoded", "_payload")

    def __init__(self, payload: Mapping[str, JsonValue], encoded: Mapping[str, Encoded]) -> None:
        self._payload = payload
        self._encoded = encoded

    def __getitem__(self, name: str) -> JsonValue:
        return self._payload[name] if name in self._payload else self._encoded[name].tree

    def __iter__(self) -> Iterator[str]:
        yield from self._payload
        yield from self._encoded

    def __len__(self) -> int:
        return len(self._payload) + len(self._encoded)


class HeaderParts(Protocol):
    """What of an entry's stored parts stands in its header."""

    @property
    def payload_hash(self) -> str: ...
    @property
    def inputs_hash(self) -> str | None: ...
    @property
    def ciphertext(self) -> bytes | None: ...


class Entry(NamedTuple):
    """An entry as it is stored.

    Args:
        chain: the run or key that it belongs to.
        position: its position in the chain, from 0.
        place: its scope and ordinal.
        header: RFC 8785 bytes; what the hash covers.
        payload: RFC 8785 bytes, personal fields replaced by commitments; None where it was removed.
        salt: the key of the payload's hash; removed with it.
        ciphertext: the personal fields, each encrypted for its subject; None where there are none.
        leaf: its position in the tree over all entries, from 0; None where it is not sealed yet.
    """

    chain: str
    position: int
    place: Place
    header: bytes
    payload: bytes | None
    salt: bytes | None
    ciphertext: bytes | None
    leaf: int | None = None

    def __repr__(self) -> str:
        return f"<entry {self.position} of {self.chain!r}, at {self.place}>"

    @property
    def hash(self) -> str:
        """SHA-256 of the header as an RFC 6962 leaf, in hex."""
        return leaf_hash(self.header)

    @property
    def head(self) -> dict[str, Any]:
        """The header, parsed."""
        value: dict[str, Any] = parse_json(self.header)
        return value

    @property
    def content(self) -> dict[str, Any]:
        """The payload, parsed.

        Raises:
            Erased: it was removed.
        """
        if self.payload is None:
            raise Erased(f"{self.chain!r}, {self.place}: its payload was removed, because the time to keep it is over")
        value: dict[str, Any] = parse_json(self.payload)
        return value

    @property
    def kind(self) -> str:
        """What it is."""
        return _known_head(self.header)[0]

    @property
    def name(self) -> str:
        """The name of the step, policy, gate or process."""
        return _known_head(self.header)[1]

    @property
    def at(self) -> datetime:
        """When it happened."""
        return _known_head(self.header)[2]


@lru_cache(maxsize=2048)
def _known_head(header: bytes) -> tuple[str, str, datetime]:
    """The kind, name and time of a header: a run that goes on asks for them again and again."""
    head = parse_json(header)
    return str(head["kind"]), str(head["name"]), from_text(head["at"])


Stored = tuple[str, int, str, int, bytes, bytes | None, bytes | None, bytes | None, int | None]
"""An entry as a store reads it, member by member: as `Entry`, with the place in two."""


def entry_of(stored: Stored) -> Entry:
    """The entry that was stored."""
    return Entry(stored[0], stored[1], Place(stored[2], stored[3]), *stored[4:])


def header_beginning(chain: str, at: str) -> str:
    """How the headers of entries of a chain begin that were made at one time, up to the member `inputs`."""
    return f'{{"at":"{at}","chain":{_text(chain)},"inputs":'


def header_bytes(draft: Draft, parts: HeaderParts, beginning: str, position: int, previous: str) -> bytes:
    """The RFC 8785 bytes of a header, written member by member in their order, which is faster than sorting them.

    Args:
        draft: the entry.
        parts: its stored parts.
        beginning: see `header_beginning`.
        position: in its chain.
        previous: the hash of the header before it.
    """
    scope, ordinal = draft.place
    inputs = "null" if parts.inputs_hash is None else f'"{parts.inputs_hash}"'
    sealed = "null" if parts.ciphertext is None else f'"{ciphertext_hash(parts.ciphertext)}"'
    return (
        f'{beginning}{inputs},"kind":"{draft.kind}","name":{_text(draft.name)},"ordinal":{ordinal},'
        f'"payload":"{parts.payload_hash}","position":{position},"previous":"{previous}","schema":{SCHEMA},'
        f'"scope":{_text(scope)},"sealed":{sealed}}}'
    ).encode()


def leaf_hash(header: bytes) -> str:
    """The RFC 6962 leaf hash (section 2.1) of a header: SHA-256 over a zero byte and the bytes, in hex."""
    return sha256(b"\x00" + header).hexdigest()


def keyed_hash(salt: bytes, data: bytes) -> str:
    """HMAC-SHA256 (RFC 2104, section 2) of bytes under a salt, in hex.

    Args:
        salt: at most 64 bytes, the block of SHA-256.
        data: of any length.

    Written out, since the general functions for it take half as long again, and verifying makes one for each entry.

    >>> import hmac
    >>> keyed_hash(b"salt", b"data") == hmac.new(b"salt", b"data", "sha256").hexdigest()
    True
    """
    key = salt.ljust(64, b"\0")
    inner = sha256(key.translate(INNER) + data).digest()
    return sha256(key.translate(OUTER) + inner).hexdigest()


def payload_hash(salt: bytes, payload: bytes) -> str:
    """HMAC-SHA256 of a payload under its salt, in hex."""
    return keyed_hash(salt, payload)


def ciphertext_hash(ciphertext: bytes | None) -> str | None:
    """SHA-256 of a ciphertext, in hex; None where nothing is. It needs no salt: without the keys, its bytes are random."""
    return sha256(ciphertext).hexdigest() if ciphertext is not None else None


def inputs_hash(salt: bytes, inputs: Encoded) -> str:
    """HMAC-SHA256 of what was given (values and contents of files) under a salt, in hex."""
    if inputs.files is None:
        return keyed_hash(salt, b"inputs\n" + inputs.json)
    tree = {"files": dict(inputs.files), "values": inputs.tree}
    return keyed_hash(salt, b"inputs\n" + canonical_bytes(tree))
