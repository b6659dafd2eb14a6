"""The tree in a store: cut into tiles, so that a proof reads a few pieces and an append changes one or two.

A tile holds eight levels over 256 nodes: first those 256, then the 128 above them, and so on down to 2. A tile of the next
level stands on 256 tiles, and its first level holds what is above their two top nodes. Nodes that are not complete yet are
zeros. So a tree takes 64 bytes a leaf, and a proof in a tree of ten million entries reads three tiles.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from abpo_sdk.errors import DefinitionError, LedgerBroken
from abpo_sdk.ledger.store import Reader, Transaction
from abpo_sdk.ledger.transparency.proofs import node_hash, parents

LEVELS = 8
WIDTH = 1 << LEVELS
HASH = 32
TILE_BYTES = (2 * WIDTH - 2) * HASH
CACHED = 512
"""How many tiles are kept in memory: 8 MiB."""

Place = tuple[int, int]


def slot(level: int, index: int) -> tuple[Place, int]:
    """The tile that holds a node, and where in it the node begins.

    >>> slot(0, 257), slot(1, 1), slot(8, 0)
    (((0, 1), 32), ((0, 0), 8224), ((1, 0), 0))
    """
    tile_level, row = divmod(level, LEVELS)
    width = WIDTH >> row
    position, column = divmod(index, width)
    return (tile_level, position), (2 * WIDTH - 2 * width + column) * HASH


class TileNodes:
    """The nodes of a tree, read from a store's tiles; see `abpo_sdk.ledger.transparency.merkle.Nodes`.

    Args:
        reader: the store, as it stands while the tree does not grow.
        size: of the tree.
        cached: how many tiles to keep in memory.
    """

    def __init__(self, reader: Reader, size: int, *, cached: int = CACHED) -> None:
        self._reader = reader
        self._size = size
        self._cached = cached
        self._tiles: OrderedDict[Place, bytes | bytearray] = OrderedDict()

    def get(self, level: int, index: int) -> bytes:
        """The hash of a complete subtree.

        Raises:
            LedgerBroken: the tile is missing, or of another length.
        """
        place, start = slot(level, index)
        return bytes(self.tile(place)[start : start + HASH])

    def put(self, level: int, index: int, hashes: Sequence[bytes]) -> None:
        """Nothing can be added to a tree that is only read; `seal` adds to it."""
        raise DefinitionError("the tree of a ledger grows by ledger.seal() alone")

    def tile(self, place: Place) -> bytes | bytearray:
        """A tile, by its level and position.

        Raises:
            LedgerBroken: it is missing, or of another length.
        """
        tile = self._tiles.get(place)
        if tile is None:
            tile = self._tiles[place] = self._read(place)
            if len(self._tiles) > self._cached:
                self._tiles.popitem(last=False)
        return tile

    def _read(self, place: Place) -> bytes:
        tile = self._reader.tile(*place)
        if tile is None or len(tile) != TILE_BYTES:
            raise LedgerBroken(
                f"the ledger is broken: the tree's tile {place[1]} of level {place[0]} is missing or damaged"
            )
        return tile


class GrowingTiles(TileNodes):
    """The nodes of a tree that grows; `flush` writes the tiles that changed.

    Args:
        tx: the write.
        size: of the tree before.
    """

    def __init__(self, tx: Transaction, size: int) -> None:
        super().__init__(tx, size)
        self._tx = tx
        self._changed: dict[Place, bytearray] = {}

    def put(self, level: int, index: int, hashes: Sequence[bytes]) -> None:
        """Keep nodes (level, index) and those after it."""
        for number, hash_ in enumerate(hashes, index):
            place, start = slot(level, number)
            tile = self._changed.get(place)
            if tile is None:
                fresh = number % (WIDTH >> level % LEVELS) == 0 and level % LEVELS == 0
                tile = self._changed[place] = self._begun(place, fresh=fresh)
            tile[start : start + HASH] = hash_

    def flush(self) -> None:
        """Write the tiles that changed."""
        for (level, position), tile in self._changed.items():
            self._tx.put_tile(level, position, bytes(tile))
        self._changed.clear()

    def _begun(self, place: Place, *, fresh: bool) -> bytearray:
        self._tiles.pop(place, None)
        if fresh:
            return bytearray(TILE_BYTES)
        return bytearray(self._read(place))

    def tile(self, place: Place) -> bytes | bytearray:
        return self._changed.get(place) or super().tile(place)


def tile_of(nodes: Sequence[bytes]) -> bytes:
    """The tile over at most 256 nodes.

    Args:
        nodes: complete nodes of the tile's first level, 32 bytes each.
    """
    row = list(nodes)
    parts = []
    for width in (WIDTH >> level for level in range(LEVELS)):
        parts.append(b"".join(row).ljust(width * HASH, b"\0"))
        row = parents(row)
    return b"".join(parts)


def top_of(tile: bytes) -> bytes:
    """The node above a full tile."""
    return node_hash(tile[-2 * HASH : -HASH], tile[-HASH:])
