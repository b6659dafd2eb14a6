"""Verifying Merkle proofs, for which no tree is needed: hashes, numbers and the rules of RFC 9162 alone.

A leaf hashes as SHA-256(0x00 || data) and a node as SHA-256(0x01 || left || right), so that neither passes for the other.
Verification is strict: a proof has the one length that its numbers allow, and whatever is not as it must be is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

from abpo_sdk.errors import ProofInvalid

HASH_BYTES = 32
LARGEST_SIZE = 2**64 - 1
LEAF, NODE = b"\x00", b"\x01"

EMPTY_ROOT = sha256().digest()
"""The root of a tree without leaves (RFC 9162, section 2.1.1)."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf (RFC 9162, section 2.1.1).

    Args:
        data: the leaf, of any length.

    Raises:
        TypeError: the leaf is not bytes.

    Returns:
        SHA-256(0x00 || data), 32 bytes.

    >>> leaf_hash(b"").hex()[:8]
    '6e340b9c'
    """
    return sha256(LEAF + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    r"""The hash of a node over its two children (RFC 9162, section 2.1.1).

    Args:
        left: the hash of the left child, 32 bytes; whether it is a hash is not looked at.
        right: that of the right child.

    Raises:
        TypeError: a child is not bytes.

    Returns:
        SHA-256(0x01 || left || right), 32 bytes.

    >>> node_hash(leaf_hash(b""), leaf_hash(b"\x00")).hex()[:8]
    'fac54203'
    """
    return sha256(NODE + left + right).digest()


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Verify that a leaf stands at its place in a tree (RFC 9162, section 2.1.3.2).

    Args:
        leaf: the leaf itself; for its hash, see `verify_inclusion_hash`.
        index: its place, from 0.
        size: how many leaves the tree has, from 1.
        proof: a list or tuple of hashes, from the leaf upward.
        root: of the tree of that size, known from a source that is trusted.

    Raises:
        ProofInvalid: it does not, or an argument is not what it must be.

    >>> root = node_hash(leaf_hash(b"a"), leaf_hash(b"b"))
    >>> verify_inclusion(b"a", 0, 2, [leaf_hash(b"b")], root)
    >>> verify_inclusion(b"a", 0, 2, [], root)
    Traceback (most recent call last):
    abpo_sdk.errors.ProofInvalid: leaf 0 of 2: the proof has 0 hashes, and must have 1
    """
    verify_inclusion_hash(leaf_hash(checked_bytes("a leaf", leaf)), index, size, proof, root)


def verify_inclusion_hash(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Verify that the leaf of a hash stands at its place in a tree (RFC 9162, section 2.1.3.2).

    Args:
        leaf_hash: the hash of the leaf, 32 bytes; whoever hands in a hash of his own says that a leaf belongs to it.
        index: the leaf's place, from 0.
        size: how many leaves the tree has, from 1.
        proof: a list or tuple of hashes, from the leaf upward.
        root: of the tree of that size, known from a source that is trusted.

    Raises:
        ProofInvalid: it does not, or an argument is not what it must be.

    >>> a, b = leaf_hash(b"a"), leaf_hash(b"b")
    >>> verify_inclusion_hash(b, 1, 2, [a], node_hash(a, b))
    """
    check_place(index, size)
    check_hash("the leaf hash", leaf_hash)
    _check_root("the root", root, size)
    _check_proof(proof)
    what = f"leaf {index} of {size}"
    sides, length = _way_up(index, size - 1)
    _check_length(proof, length, what)
    found = leaf_hash
    for sibling in proof:
        found = sha256(NODE + sibling + found if sides & 1 else NODE + found + sibling).digest()
        sides >>= 1
    _check_same(found, root, what, "the root")


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Verify that a tree only grew: that the older tree's leaves are the first of the newer's (RFC 9162, section 2.1.4.2).

    Args:
        old: how many leaves the older tree had, from 1: every tree grew from an empty one, so that nothing would be proven.
        new: how many the newer has, not fewer; for as many, the roots are the same and the proof is empty.
        old_root: of the older tree.
        new_root: of the newer tree.
        proof: a list or tuple of hashes, from below upward.

    Raises:
        ProofInvalid: it did not, or an argument is not what it must be.

    >>> a, b = leaf_hash(b"a"), leaf_hash(b"b")
    >>> verify_consistency(1, 2, a, node_hash(a, b), [b])
    >>> verify_consistency(1, 2, b, node_hash(a, b), [b])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    abpo_sdk.errors.ProofInvalid: growth from 1 to 2 leaves: the proof leads to ..., not to the new root ...
    """
    check_growth(old, new)
    _check_root("the old root", old_root, old)
    _check_root("the new root", new_root, new)
    _check_proof(proof)
    what = f"growth from {old} to {new} leaves"
    if old == new:
        _check_length(proof, 0, what)
        return _check_same(old_root, new_root, what, "the new root")
    level = lowest(old)  # of the last complete subtree of the older tree; it is the whole of it where its index is 0
    index = old - 1 >> level
    sides, length = _way_up(index, new - 1 >> level)
    _check_length(proof, length + (index > 0), what)
    older = newer = proof[0] if index else old_root
    for sibling in proof[1:] if index else proof:
        if sides & 1:
            older, newer = node_hash(sibling, older), node_hash(sibling, newer)
        else:
            newer = node_hash(newer, sibling)
        sides >>= 1
    _check_same(older, old_root, what, "the old root")
    return _check_same(newer, new_root, what, "the new root")


def lowest(size: int) -> int:
    """The level of the lowest complete subtree on the right edge of a tree, of 1 leaf or more."""
    return (size & -size).bit_length() - 1


def parents(row: Sequence[bytes]) -> list[bytes]:
    """The hashes of the nodes over each two; an odd last one is left over."""
    return [sha256(NODE + left + right).digest() for left, right in zip(row[::2], row[1::2], strict=False)]


def check_place(index: Any, size: Any) -> None:
    """Refuse what is no place in a tree of that size."""
    check_number("the size", size)
    check_number("the index", index)
    if index >= size:
        raise ProofInvalid(f"a tree of {size} leaves has no leaf {index}, as the first is leaf 0")


def check_growth(old: Any, new: Any) -> None:
    """Refuse two sizes between which a tree cannot be shown to have grown."""
    check_number("the old size", old)
    check_number("the new size", new)
    if old == 0:
        raise ProofInvalid(f"old size 0: every tree, of {new} leaves too, grew from none, so nothing would be proven")
    if old > new:
        raise ProofInvalid(f"a tree of {new} leaves did not grow from one of {old}")


def check_number(name: str, value: Any) -> None:
    """Refuse what is no integer from 0 to 2**64 - 1."""
    if type(value) is not int:
        raise ProofInvalid(f"{name} is an integer, not of type {type(value).__name__}")
    if not 0 <= value <= LARGEST_SIZE:
        shown = value if value.bit_length() <= 128 else f"a number of {value.bit_length()} bits"
        raise ProofInvalid(f"{name} is a number from 0 to 2**64 - 1, not {shown}")


def check_hash(name: str, value: Any) -> None:
    """Refuse what is no SHA-256 hash."""
    if len(checked_bytes(name, value)) != HASH_BYTES:
        raise ProofInvalid(f"{name} is 32 bytes, not {len(value)}")


def checked_bytes(name: str, value: Any) -> bytes:
    """A value that is bytes; any other is refused."""
    if type(value) is not bytes:
        raise ProofInvalid(f"{name} is bytes, not of type {type(value).__name__}")
    return value


def checked_hashes(hashes: Iterable[bytes], first: int) -> list[bytes]:
    """The hashes of leaves, from one on, as a list; what is no hash is refused."""
    row = list(hashes)
    if not (set(map(type, row)) <= {bytes} and set(map(len, row)) <= {HASH_BYTES}):
        for index, value in enumerate(row, first):
            check_hash(f"the hash of leaf {index}", value)
    return row


def _check_root(name: str, root: Any, size: int) -> None:
    check_hash(name, root)
    if root == EMPTY_ROOT:
        raise ProofInvalid(f"{name} is that of 0 leaves, and no tree of {size} has it")


def _check_proof(proof: Any) -> None:
    if not isinstance(proof, list | tuple):
        raise ProofInvalid(f"a proof is a list or tuple of hashes, not of type {type(proof).__name__}")
    for number, value in enumerate(proof):
        if type(value) is not bytes or len(value) != HASH_BYTES:
            check_hash(f"hash {number} of the proof", value)


def _way_up(index: int, last: int) -> tuple[int, int]:
    """By level, as bits, whether the sibling is the left one; and how many siblings there are, given the last index of the row."""
    turns = (index ^ last).bit_length()  # from there on the way is the right edge's, whose siblings are left ones
    return index | -1 << turns, turns + (index >> turns).bit_count()


def _check_length(proof: Sequence[bytes], length: int, what: str) -> None:
    if len(proof) != length:
        raise ProofInvalid(f"{what}: the proof has {len(proof)} hashes, and must have {length}")


def _check_same(found: bytes, root: bytes, what: str, name: str) -> None:
    if found != root:
        raise ProofInvalid(f"{what}: the proof leads to {found.hex()}, not to {name} {root.hex()}")
