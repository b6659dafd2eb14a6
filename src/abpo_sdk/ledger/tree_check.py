"""Checks the tree: every node against those below it, and the root of every checkpoint against what was signed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import islice

from abpo_sdk.errors import LedgerBroken, NoteInvalid
from abpo_sdk.ledger.own_entries import Lost
from abpo_sdk.ledger.rows import CheckpointRow
from abpo_sdk.ledger.store import Reader
from abpo_sdk.ledger.tiles import HASH, WIDTH, TileNodes, tile_of, top_of
from abpo_sdk.ledger.transparency.checkpoint import Checkpoint, open_checkpoint
from abpo_sdk.ledger.transparency.compact_range import BLOCK, CompactRange
from abpo_sdk.ledger.transparency.merkle import MerkleTree
from abpo_sdk.ledger.transparency.note import Verifier

REMEMBERED = 10_000
"""How many checkpoints are kept in memory once their signatures were verified: each is asked for several times."""


class LeafHashes:
    """The hash of each leaf, as the tree has it.

    Args:
        reader: the store.
        size: of the tree.
    """

    def __init__(self, reader: Reader, size: int) -> None:
        self._nodes = TileNodes(reader, size)
        self.first, self.tile = -WIDTH, b""
        """The position that the last tile read begins with, and that tile, for who asks for many in a row."""
        self.size = size
        self.width = WIDTH

    def at(self, leaf: int) -> bytes | None:
        """The hash at a position; None where the tree has no such position, or its tile is missing."""
        if type(leaf) is not int or not 0 <= leaf < self.size:
            return None
        position, number = divmod(leaf, WIDTH)
        if self.first != position * WIDTH:
            try:
                self.tile, self.first = bytes(self._nodes.tile((0, position))), position * WIDTH
            except LedgerBroken:  # naming the entry says more than naming the tile
                return None
        return self.tile[number * HASH : (number + 1) * HASH]


def check_tiles(reader: Reader, size: int) -> None:
    """Make every node again from the leaves' hashes, and compare.

    Raises:
        LedgerBroken: naming the tile that holds something else.
    """
    level, nodes, count = 0, None, size
    while count:
        tops: list[bytes] = []
        for position in range((count + WIDTH - 1) // WIDTH):
            stored = reader.tile(level, position)
            here = min(WIDTH, count - position * WIDTH)
            below = _leaves(stored, here) if nodes is None else nodes[position * WIDTH : position * WIDTH + here]
            if stored is None or tile_of(below) != stored:
                raise LedgerBroken(
                    f"the ledger is broken: the tree's tile {position} of level {level} is missing, or does not hold what follows "
                    "from the entries below it"
                )
            if here == WIDTH:
                tops.append(top_of(stored))
        level, nodes, count = level + 1, tops, len(tops)


def _leaves(tile: bytes | None, count: int) -> list[bytes]:
    if tile is None or len(tile) < count * HASH:
        return []
    return [tile[start : start + HASH] for start in range(0, count * HASH, HASH)]


def header_roots(reader: Reader, sizes: Iterable[int]) -> dict[int, bytes]:
    """The roots over the first entries, made from the stored headers alone, in bounded memory.

    Args:
        reader: the store.
        sizes: over how many entries.

    Raises:
        LedgerBroken: naming the position of the tree whose entry is missing.
    """
    wanted = sorted(set(sizes))
    stream, headers = CompactRange(), reader.headers()
    roots = {}
    for size in wanted:
        while stream.size < size:
            rows = list(islice(headers, min(BLOCK, size - stream.size)))
            for expected, (leaf, _) in enumerate(rows, stream.size):
                if leaf != expected:
                    raise missing_leaf(expected)
            if not rows:
                raise missing_leaf(stream.size)
            try:
                stream.extend([sha256(b"\x00" + header).digest() for _, header in rows])
            except TypeError:
                number = next(leaf for leaf, header in rows if type(header) is not bytes)
                raise LedgerBroken(
                    f"the ledger is broken: the header of the entry at position {number:,} of the tree is not bytes",
                    leaf=number,
                ) from None
        roots[size] = stream.root()
    return roots


def missing_leaf(leaf: int) -> LedgerBroken:
    """What is said of a position of the tree whose entry is gone."""
    return LedgerBroken(f"the ledger is broken: the entry at position {leaf:,} of the tree is missing", leaf=leaf)


def signed_notes(rows: Iterable[CheckpointRow]) -> list[str]:
    """The notes of stored checkpoints.

    Raises:
        LedgerBroken: one is filed under another size than it says, or stands after a larger one.
    """
    notes: list[str] = []
    before = 0
    for row in rows:
        if not isinstance(row.note, str) or row.note.split("\n")[1:2] != [str(row.size)]:
            raise LedgerBroken(
                f"the ledger is broken: a checkpoint is filed as one over {row.size!r} entries, and its note says otherwise"
            )
        if row.size < before:
            raise LedgerBroken(
                f"the ledger is broken: a checkpoint over {row.size:,} entries is filed after one over {before:,}"
            )
        before = row.size
        notes.append(row.note)
    return notes


def check_notes(
    reader: Reader,
    size: int,
    notes: Iterable[str],
    verifiers: Sequence[Verifier],
    *,
    where: str,
    lost: Sequence[Lost] = (),
) -> int:
    """Check checkpoints against the tree; gives the size of the largest.

    Args:
        reader: the store.
        size: of the tree.
        notes: the signed checkpoints.
        verifiers: the known keys, all of one name.
        where: where the notes are kept, for messages.
        lost: checkpoints that a person gave up.

    Raises:
        LedgerBroken: a checkpoint that no known key signed, of another origin, of a tree that is longer than this one,
            or of one that had other entries.
    """
    tree = MerkleTree(TileNodes(reader, size), size)
    return _check_roots(size, tree.root, notes, verifiers, where=where, lost=lost)


def check_kept(
    size: int, rows: Iterable[CheckpointRow], notes: Iterable[str], verifiers: Sequence[Verifier], lost: Sequence[Lost]
) -> None:
    """Check that a ledger has every checkpoint that its anchor has, since it is stored before it is anchored.

    Raises:
        LedgerBroken: one was removed.
    """
    kept = {row.note.partition("\n\n")[0] for row in rows}
    for note in notes:
        checkpoint = known_checkpoint(note, verifiers, "the anchor")
        given_up = Lost(checkpoint.size, checkpoint.root) in lost
        if checkpoint.size <= size and not given_up and note.partition("\n\n")[0] not in kept:
            raise LedgerBroken(
                f"the ledger is broken: the anchor has a checkpoint over {checkpoint.size:,} entries, which was removed here",
                leaf=max(checkpoint.size - 1, 0),
            )


def check_headers(
    reader: Reader,
    size: int,
    notes: Sequence[str],
    verifiers: Sequence[Verifier],
    *,
    where: str,
    lost: Sequence[Lost] = (),
) -> int:
    """`check_notes`, with roots that are made from the stored headers instead of the tree."""
    sizes = [known_checkpoint(note, verifiers, where).size for note in notes]
    roots = header_roots(reader, [known for known in sizes if known <= size])
    return _check_roots(size, roots.__getitem__, notes, verifiers, where=where, lost=lost)


def _check_roots(
    size: int,
    root: Callable[[int], bytes],
    notes: Iterable[str],
    verifiers: Sequence[Verifier],
    *,
    where: str,
    lost: Sequence[Lost],
) -> int:
    largest = 0
    for note in notes:
        checkpoint = known_checkpoint(note, verifiers, where)
        if Lost(checkpoint.size, checkpoint.root) in lost:
            continue
        _check_length(checkpoint, size, where)
        if root(checkpoint.size) != checkpoint.root:
            raise LedgerBroken(
                f"the ledger is broken: {where} has a checkpoint over {checkpoint.size:,} entries with another root than the first "
                f"{checkpoint.size:,} entries here; the ledger was forked or rewritten after position {largest:,}",
                leaf=largest,
            )
        largest = max(largest, checkpoint.size)
    return largest


def check_lengths(
    size: int, notes: Iterable[str], verifiers: Sequence[Verifier], *, where: str, lost: Sequence[Lost] = ()
) -> None:
    """Check that a tree is as long as checkpoints say; for this its nodes need not be whole.

    Raises:
        LedgerBroken: it is shorter, or no known key signed a checkpoint.
    """
    for note in notes:
        checkpoint = known_checkpoint(note, verifiers, where)
        if Lost(checkpoint.size, checkpoint.root) not in lost:
            _check_length(checkpoint, size, where)


def _check_length(checkpoint: Checkpoint, size: int, where: str) -> None:
    if checkpoint.size > size:
        raise LedgerBroken(
            f"the ledger is broken: {where} has a checkpoint over {checkpoint.size:,} entries, and {size:,} are sealed here; "
            f"the tail was cut off from position {size:,} on (a restored backup?)",
            leaf=size,
        )


def origin_of(note: str) -> str:
    """The log that a note says it is of, for messages."""
    return repr(note.partition("\n")[0][:200])


def known_checkpoint(note: str, verifiers: Sequence[Verifier], where: str) -> Checkpoint:
    """A checkpoint whose signature is a known key's; raises `LedgerBroken` otherwise."""
    if not verifiers:
        raise LedgerBroken(
            f"the ledger is broken: {where} has a checkpoint of {origin_of(note)}, and no key is known here that could have signed "
            "it; if that is this ledger, give its public key as trust=[...]; if not, this is another ledger's"
        )
    try:
        return _opened(note, tuple(verifiers))
    except NoteInvalid as error:
        raise LedgerBroken(f"the ledger is broken: {where} has a checkpoint that cannot be trusted: {error}") from error


@lru_cache(maxsize=REMEMBERED)
def _opened(note: str, verifiers: tuple[Verifier, ...]) -> Checkpoint:
    return open_checkpoint(note, verifiers, origin=verifiers[0].name)
