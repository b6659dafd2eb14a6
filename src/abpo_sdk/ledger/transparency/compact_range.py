"""The root of leaves that come one after the other, without a tree."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from abpo_sdk.ledger.transparency.proofs import EMPTY_ROOT, check_hash, checked_hashes, node_hash, parents

BLOCK = 4096


class CompactRange:
    """The root of leaves that come one after the other, in memory for one hash a level (RFC 9162, section 2.1.2).

    >>> from abpo_sdk.ledger.transparency.proofs import leaf_hash
    >>> stream = CompactRange()
    >>> stream.extend(leaf_hash(leaf) for leaf in (b"a", b"b"))
    >>> stream.size, stream.root() == node_hash(leaf_hash(b"a"), leaf_hash(b"b"))
    (2, True)
    """

    def __init__(self) -> None:
        self._size = 0
        self._peaks: list[bytes] = []  # by level; with a meaning where the size has that bit

    @property
    def size(self) -> int:
        """How many leaves came."""
        return self._size

    def append(self, leaf_hash: bytes) -> None:
        """Take the hash of the next leaf (RFC 9162, section 2.1.2).

        Args:
            leaf_hash: 32 bytes.

        Raises:
            ProofInvalid: it is no such hash.

        >>> from abpo_sdk.ledger.transparency.proofs import leaf_hash
        >>> stream = CompactRange()
        >>> stream.append(leaf_hash(b"a"))
        >>> stream.root() == leaf_hash(b"a")
        True
        """
        check_hash(f"the hash of leaf {self._size}", leaf_hash)
        level = 0
        while self._size >> level & 1:
            leaf_hash = node_hash(self._peaks[level], leaf_hash)
            level += 1
        self._peaks[level : level + 1] = [leaf_hash]
        self._size += 1

    def extend(self, hashes: Iterable[bytes]) -> None:
        """Take the hashes of the next leaves, never many at once into memory (RFC 9162, section 2.1.2).

        Args:
            hashes: of 32 bytes each.

        Raises:
            ProofInvalid: one is no such hash; none was taken.

        >>> from abpo_sdk.ledger.transparency.proofs import leaf_hash
        >>> stream = CompactRange()
        >>> stream.extend([leaf_hash(b"a"), leaf_hash(b"b")])
        >>> stream.size
        2
        """
        size, peaks, rest = self._size, self._peaks.copy(), iter(hashes)
        while row := checked_hashes(islice(rest, BLOCK), size):
            level, before, size = 0, size, size + len(row)
            while row:
                if level == len(peaks):
                    peaks.append(b"")
                if before >> level & 1:
                    row = [peaks[level], *row]
                if len(row) & 1:
                    peaks[level] = row[-1]
                row, level = parents(row), level + 1
        self._size, self._peaks = size, peaks

    def root(self) -> bytes:
        """The root of the leaves that came (RFC 9162, section 2.1.2).

        Returns:
            32 bytes; for no leaves, `EMPTY_ROOT`.

        >>> CompactRange().root() == EMPTY_ROOT
        True
        """
        rest = b""
        for level, peak in enumerate(self._peaks):
            if self._size >> level & 1:
                rest = node_hash(peak, rest) if rest else peak
        return rest or EMPTY_ROOT
