"""Encrypts personal fields: a commitment takes the field's place, its content lies encrypted for its subject beside it.

A commitment is HMAC-SHA256(salt, canonical value) with a salt of its own, which lies inside the encrypted box. So
without the subject's key neither the content can be read nor a guess be checked. The salt of an entry's inputs
is encrypted in the same way where the inputs are personal, once around for each subject.
"""

from __future__ import annotations

import base64
import copy
import hmac
import secrets
from dataclasses import dataclass
from typing import Any

from abpo_sdk.errors import EncryptionError, Erased, LedgerBroken, NotCanonical
from abpo_sdk.ledger.entry import Draft, Entry, inputs_hash, keyed_hash, payload_hash
from abpo_sdk.ledger.keys.vault import KeyProvider
from abpo_sdk.values.canonical import canonical_bytes, parse_json
from abpo_sdk.values.encoded import Encoded, JsonValue

SALT_BYTES = 16
NONCE_BYTES = 12
PADDED_TO = 64
"""Values as JSON are filled up to a multiple of so many bytes before they are encrypted."""
COMMITMENT = "$sealed"


@dataclass(slots=True)
class Encrypted:
    """The parts of an entry that do not depend on its chain."""

    payload: bytes
    payload_hash: str
    inputs_hash: str | None
    salt: bytes
    ciphertext: bytes | None
    keys: tuple[str, ...] = ()
    """The identifiers of the keys that something of the entry is encrypted under."""


def encrypt(draft: Draft, vault: KeyProvider) -> Encrypted:
    """Take the personal parts out of a draft.

    Raises:
        NotCanonical: the payload or the inputs have no canonical form.
        StoreUnavailable: a new subject's key cannot be kept.
    """
    salt = secrets.token_bytes(SALT_BYTES)
    fields: list[dict[str, Any]] = []
    if draft.personal:
        try:
            content = copy.deepcopy(dict(draft.content))
        except RecursionError:
            raise NotCanonical("a value is nested too deep to be stored") from None
        fields = [_box(content, part.path, part.label, vault.key_for(part.subject)) for part in draft.personal]
        payload = canonical_bytes(content)
    else:
        payload = _payload_bytes(draft)
    beside: dict[str, Any] = {"fields": fields} if fields else {}
    hashed = None
    if draft.inputs is not None:
        subjects = sorted({part.subject for part in draft.inputs.personal}) if draft.inputs.personal else []
        salt_of_inputs = secrets.token_bytes(SALT_BYTES) if subjects else salt
        try:
            hashed = inputs_hash(salt_of_inputs, draft.inputs)
        except NotCanonical as error:
            raise without_values(
                error, f"{draft.kind} {draft.name!r}: what was given", personal=bool(subjects)
            ) from None
        if subjects:
            beside["inputs"] = _wrap(salt_of_inputs, [vault.key_for(subject) for subject in subjects])
    if not beside:
        return Encrypted(payload, payload_hash(salt, payload), hashed, salt, None)
    return Encrypted(payload, payload_hash(salt, payload), hashed, salt, canonical_bytes(beside), keys_beside(beside))


def _payload_bytes(draft: Draft) -> bytes:
    """The canonical bytes of a content, around parts whose own have been made already; its keys are in ASCII."""
    if not draft.encoded:
        return canonical_bytes(draft.payload)
    members = [b'"%s":%s' % (name.encode(), canonical_bytes(part)) for name, part in draft.payload.items()]
    members += [b'"%s":%s' % (name.encode(), part.json) for name, part in draft.encoded.items()]
    return b"{%s}" % b",".join(sorted(members))


def decrypt(entry: Entry, vault: KeyProvider) -> dict[str, Any]:
    """The payload with its personal parts in clear.

    Raises:
        Erased: a key is gone.
        LedgerBroken: a box does not hold what its commitment says.
    """
    content = entry.content
    for box in _boxes(entry):
        value = open_box(entry, box, vault)
        if value is None:
            raise Erased(
                f"{entry.chain!r}, {entry.place}: the {box['label']} cannot be read, because its subject was erased "
                "or the file with the keys is not here"
            )
        _replace(content, box["path"], value["value"])
    return content


def readable(entry: Entry, vault: KeyProvider) -> dict[str, Any]:
    """The payload with its personal parts in clear; None for those whose keys are gone."""
    content = entry.content
    for box in _boxes(entry):
        value = open_box(entry, box, vault)
        _replace(content, box["path"], value["value"] if value is not None else None)
    return content


def masked(entry: Entry) -> dict[str, Any]:
    """The payload with the personal parts replaced by what they are, such as "<bank account>"."""
    content = entry.content
    for box in _boxes(entry):
        _replace(content, box["path"], f"<{box['label']}>")
    return content


def labels(entry: Entry) -> dict[tuple[str | int, ...], str]:
    """Where the personal parts of a payload are, and what they are."""
    return {tuple(box["path"]): str(box["label"]) for box in _boxes(entry)}


def same_inputs(entry: Entry, inputs: Encoded, vault: KeyProvider) -> bool:
    """Whether an entry was made from these inputs.

    Raises:
        Erased: the salt is gone with a subject's key, so that nobody can tell.
    """
    recorded = entry.head.get("inputs")
    if recorded is None:
        return True
    salt = inputs_salt(entry, vault)
    if salt is None:
        why = "a subject in them was erased" if entry.payload is not None else "the time to keep them is over"
        raise Erased(f"{entry.chain!r}, {entry.place}: its inputs cannot be compared, because {why}")
    return hmac.compare_digest(str(recorded), inputs_hash(salt, inputs))


def inputs_salt(entry: Entry, vault: KeyProvider) -> bytes | None:
    """The salt of the inputs' hash; None where it is gone with a key, or with the payload.

    Raises:
        LedgerBroken: it was changed.
    """
    wrapped = parse_json(entry.ciphertext).get("inputs") if entry.ciphertext else None
    if not wrapped:
        return entry.salt
    keys = [vault.key(identifier) for identifier in reversed(wrapped["keys"])]
    salt = base64.b64decode(wrapped["box"])
    try:
        for key in keys:
            if key is None:
                return None
            salt = _decrypt(key, salt, b"inputs")
    except EncryptionError:
        raise LedgerBroken(
            f"{entry.chain!r}, entry {entry.position}: the encrypted salt of its inputs was changed, or the keys are another ledger's",
            chain=entry.chain,
            entry=entry.position,
        ) from None
    return salt


def keys_of(entry: Entry) -> tuple[str, ...]:
    """The identifiers of the keys that something of an entry is encrypted under."""
    return keys_beside(parse_json(entry.ciphertext)) if entry.ciphertext is not None else ()


def keys_beside(beside: dict[str, Any]) -> tuple[str, ...]:
    """The identifiers of the keys that a parsed ciphertext names."""
    wrapped = beside.get("inputs", {}).get("keys", [])
    return tuple(dict.fromkeys([*(box["key"] for box in beside.get("fields", [])), *wrapped]))


def open_box(entry: Entry, box: dict[str, Any], vault: KeyProvider) -> dict[str, Any] | None:
    """What a box holds ("salt" and "value"), checked against the commitment in the payload; None without its key.

    Raises:
        LedgerBroken: the box was changed, or the payload holds another commitment.
    """
    key = vault.key(box["key"])
    if key is None:
        return None
    where = ".".join(map(str, box["path"]))
    try:
        opened: dict[str, Any] = parse_json(_decrypt(key, base64.b64decode(box["box"]), box["commitment"].encode()))
    except EncryptionError:
        raise LedgerBroken(
            f"{entry.chain!r}, entry {entry.position}: the encrypted {box['label']} at {where} was changed, or the keys are another ledger's",
            chain=entry.chain,
            entry=entry.position,
        ) from None
    committed = keyed_hash(bytes.fromhex(opened["salt"]), canonical_bytes(opened["value"]))
    if committed != box["commitment"]:
        raise LedgerBroken(
            f"{entry.chain!r}, entry {entry.position}: the encrypted {box['label']} at {where} is not what its commitment says",
            chain=entry.chain,
            entry=entry.position,
        )
    return opened


def boxes(entry: Entry) -> list[tuple[dict[str, Any], JsonValue]]:
    """The boxes beside a payload, each with what the payload has in its place: the commitment."""
    content = entry.content
    found = []
    for box in _boxes(entry):
        value = content
        for step in box["path"]:
            value = value[step]
        found.append((box, value))
    return found


def _boxes(entry: Entry) -> list[dict[str, Any]]:
    if entry.ciphertext is None or entry.payload is None:
        return []
    fields: list[dict[str, Any]] = parse_json(entry.ciphertext).get("fields", [])
    return fields


def _box(content: JsonValue, path: tuple[str | int, ...], label: str, named_key: tuple[str, bytes]) -> dict[str, Any]:
    value = content
    for step in path:
        value = value[step]
    salt = secrets.token_bytes(SALT_BYTES)
    try:
        commitment = keyed_hash(salt, canonical_bytes(value))
    except NotCanonical as error:
        raise without_values(error, f"the {label} at {'.'.join(map(str, path))}", personal=True) from None
    _replace(content, path, {COMMITMENT: commitment})
    identifier, key = named_key
    pad = " " * (-len(canonical_bytes(value)) % PADDED_TO)  # or the length would tell "true" from "false"
    secret = canonical_bytes({"pad": pad, "salt": salt.hex(), "value": value})
    return {
        "box": base64.b64encode(_encrypt(key, secret, commitment.encode())).decode(),
        "commitment": commitment,
        "key": identifier,
        "label": label,
        "path": list(path),
    }


def _replace(content: JsonValue, path: tuple[str | int, ...] | list[str | int], value: JsonValue) -> None:
    for step in path[:-1]:
        content = content[step]
    content[path[-1]] = value


def _wrap(salt: bytes, named_keys: list[tuple[str, bytes]]) -> dict[str, Any]:
    for _, key in named_keys:
        salt = _encrypt(key, salt, b"inputs")
    return {"box": base64.b64encode(salt).decode(), "keys": [identifier for identifier, _ in named_keys]}


def without_values(error: NotCanonical, what: str, *, personal: bool) -> NotCanonical:
    """The error, naming what it is about, and without its own message where that may show a personal value."""
    return NotCanonical(
        f"{what} has no canonical JSON form" + (" (personal, so not shown)" if personal else f": {error}")
    )


def _encrypt(key: bytes, secret: bytes, bound_to: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, secret, bound_to)


def _decrypt(key: bytes, box: bytes, bound_to: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError) as error:
        raise EncryptionError("an encrypted box does not open with its key") from error
