"""The Merkle tree of RFC 6962 and RFC 9162: a root over all leaves, and short proofs that a leaf is in, and that a tree only grew.

Kept are the hashes of complete subtrees, which never change: node (level, index) is the root of leaves
[index << level, (index + 1) << level). What is incomplete at some size, its right edge, is folded from them, and remembered for
the size that was asked for last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from abpo_sdk.errors import ProofInvalid
from abpo_sdk.ledger.transparency.proofs import (
    EMPTY_ROOT,
    check_growth,
    check_hash,
    check_number,
    check_place,
    checked_bytes,
    checked_hashes,
    leaf_hash,
    lowest,
    node_hash,
    parents,
    verify_consistency,
    verify_inclusion,
    verify_inclusion_hash,
)

__all__ = [
    "EMPTY_ROOT",
    "MemoryNodes",
    "MerkleTree",
    "Nodes",
    "leaf_hash",
    "node_hash",
    "verify_consistency",
    "verify_inclusion",
    "verify_inclusion_hash",
]


class Nodes(Protocol):
    """Where the hashes of complete subtrees are kept."""

    def get(self, level: int, index: int) -> bytes:
        """The hash of node (level, index), which was put before."""
        ...

    def put(self, level: int, index: int, hashes: Sequence[bytes]) -> None:
        """Keep the hashes of nodes (level, index), (level, index + 1) and so on.

        The first follows the last one kept, or replaces what a tree that did not come to its size left there.
        """
        ...


class MemoryNodes:
    """Nodes that live as long as the object.

    >>> nodes = MemoryNodes()
    >>> nodes.put(0, 0, [leaf_hash(b"a"), leaf_hash(b"b")])
    >>> nodes.get(0, 1) == leaf_hash(b"b")
    True
    """

    def __init__(self) -> None:
        self._levels: list[list[bytes]] = []

    def get(self, level: int, index: int) -> bytes:
        try:
            return self._levels[level][index]
        except IndexError:
            raise ProofInvalid(f"node {index} of level {level} is not kept") from None

    def put(self, level: int, index: int, hashes: Sequence[bytes]) -> None:
        while level >= len(self._levels):
            self._levels.append([])
        kept = self._levels[level]
        if index > len(kept):
            raise ProofInvalid(f"level {level} has {len(kept)} nodes, so that its next is not {index}")
        kept[index:] = hashes


class MerkleTree:
    """A tree to append leaves to; it gives roots and proofs for its present size and every earlier one (RFC 9162, section 2.1).

    One writer at a time. Proofs for a size may be asked for by other threads meanwhile, as complete subtrees never change.

    Args:
        nodes: where hashes are kept; in memory unless told.
        size: how many leaves the nodes already hold.

    Raises:
        ProofInvalid: the size is no number from 0 to 2**64 - 1.

    >>> tree = MerkleTree()
    >>> tree.append(b"a"), tree.append(b"b"), tree.append(b"c"), len(tree)
    (0, 1, 2, 3)
    >>> MerkleTree.verify_inclusion(b"b", 1, 3, tree.inclusion(1), tree.root())
    >>> MerkleTree.verify_consistency(2, 3, tree.root(2), tree.root(), tree.consistency(2))
    """

    verify_inclusion = staticmethod(verify_inclusion)
    verify_inclusion_hash = staticmethod(verify_inclusion_hash)
    verify_consistency = staticmethod(verify_consistency)

    def __init__(self, nodes: Nodes | None = None, size: int = 0) -> None:
        check_number("the size", size)
        self._nodes = MemoryNodes() if nodes is None else nodes
        self._size = size
        self._edge: tuple[int, list[bytes]] = (0, [EMPTY_ROOT])

    def __len__(self) -> int:
        return self._size

    @property
    def size(self) -> int:
        """How many leaves it has."""
        return self._size

    def append(self, leaf: bytes) -> int:
        """Add a leaf at the end (RFC 9162, section 2.1.1).

        Args:
            leaf: of any length.

        Raises:
            ProofInvalid: the leaf is not bytes.

        Returns:
            Its index, from 0.

        >>> MerkleTree().append(b"a")
        0
        """
        return self._append(leaf_hash(checked_bytes("a leaf", leaf)))

    def append_hash(self, leaf_hash: bytes) -> int:
        """Add a leaf at the end, by its hash (RFC 9162, section 2.1.1).

        Args:
            leaf_hash: 32 bytes.

        Raises:
            ProofInvalid: it is no such hash.

        Returns:
            The leaf's index, from 0.

        >>> MerkleTree().append_hash(leaf_hash(b"a"))
        0
        """
        check_hash(f"the hash of leaf {self._size}", leaf_hash)
        return self._append(leaf_hash)

    def extend_hashes(self, hashes: Iterable[bytes]) -> None:
        """Add leaves at the end, by their hashes: the tree is as if they had been added one by one (RFC 9162, section 2.1.1).

        Args:
            hashes: of 32 bytes each.

        Raises:
            ProofInvalid: one is no such hash; none was added.

        >>> tree = MerkleTree()
        >>> tree.extend_hashes([leaf_hash(b"a"), leaf_hash(b"b")])
        >>> len(tree)
        2
        """
        row = checked_hashes(hashes, self._size)
        level, index, count = 0, self._size, len(row)
        while row:
            self._nodes.put(level, index, row)
            if index & 1:
                row = [self._nodes.get(level, index - 1), *row]
            row = parents(row)
            level, index = level + 1, index >> 1
        self._size += count

    def root(self, size: int | None = None) -> bytes:
        """The root of the tree, or of its first leaves (RFC 9162, section 2.1.1).

        Args:
            size: how many leaves; all unless told.

        Raises:
            ProofInvalid: the tree does not have so many, or it is no number.

        Returns:
            32 bytes; for no leaves, `EMPTY_ROOT`.

        >>> MerkleTree().root() == EMPTY_ROOT
        True
        """
        return self._edge_at(self._known(size))[-1]

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """The proof that a leaf is in the tree, or among its first leaves (RFC 9162, section 2.1.3.1).

        Args:
            index: of the leaf, from 0.
            size: how many leaves, from 1; all unless told.

        Raises:
            ProofInvalid: there is no such leaf, or the tree does not have so many.

        Returns:
            The hashes beside the way to the root, from the leaf upward.

        >>> tree = MerkleTree()
        >>> tree.extend_hashes([leaf_hash(b"a"), leaf_hash(b"b")])
        >>> tree.inclusion(0) == [leaf_hash(b"b")]
        True
        """
        size = self._known(size)
        check_place(index, size)
        return self._way_up(0, index, size)

    def consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """The proof that the tree, or its first leaves, grew from an older one (RFC 9162, section 2.1.4.1).

        Args:
            old: how many leaves the older one had, from 1.
            new: how many leaves, not fewer; all unless told.

        Raises:
            ProofInvalid: one cannot grow into the other, or the tree does not have so many leaves.

        Returns:
            Hashes from below upward; none for a tree that did not grow.

        >>> tree = MerkleTree()
        >>> tree.extend_hashes([leaf_hash(b"a"), leaf_hash(b"b")])
        >>> tree.consistency(1) == [leaf_hash(b"b")]
        True
        """
        new = self._known(new)
        check_growth(old, new)
        if old == new:
            return []
        level = lowest(old)
        index = old - 1 >> level
        seed = [self._nodes.get(level, index)] if index else []  # where it is 0, it is the older root, which is known
        return seed + self._way_up(level, index, new)

    def _known(self, size: int | None) -> int:
        if size is None:
            return self._size
        check_number("the size", size)
        if size > self._size:
            raise ProofInvalid(f"the tree has {self._size} leaves, not yet {size}")
        return size

    def _append(self, value: bytes) -> int:
        nodes, level, index = self._nodes, 0, self._size
        nodes.put(0, index, (value,))
        while index & 1:
            value = node_hash(nodes.get(level, index - 1), value)
            level, index = level + 1, index >> 1
            nodes.put(level, index, (value,))
        self._size += 1
        return self._size - 1

    def _edge_at(self, size: int) -> list[bytes]:
        """By level, the root of the leaves after the last complete subtree (without meaning where there are none); last, the root."""
        known, edge = self._edge
        if known == size:
            return edge
        edge, rest, top = [], b"", (size - 1).bit_length() if size else 0
        for level in range(top):
            edge.append(rest)
            if size >> level & 1:
                left = self._nodes.get(level, (size >> level) - 1)
                rest = node_hash(left, rest) if rest else left
        edge.append(rest or (self._nodes.get(top, 0) if size else EMPTY_ROOT))
        self._edge = (size, edge)  # at once, for other threads
        return edge

    def _way_up(self, level: int, index: int, size: int) -> list[bytes]:
        """The hashes beside the way from a node to the root of a size."""
        get, edge, proof = self._nodes.get, self._edge_at(size), []
        complete, last = size >> level, size - 1 >> level
        while last > 0:
            sibling = index ^ 1
            if sibling < complete:
                proof.append(get(level, sibling))
            elif sibling <= last:
                proof.append(edge[level])
            index, complete, last, level = index >> 1, complete >> 1, last >> 1, level + 1
        return proof
