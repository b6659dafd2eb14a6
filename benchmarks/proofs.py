"""Merkle trees in memory: appending leaves, proving and verifying inclusion, beside pymerkle (GPL: measured against, never shipped)."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from abpo_sdk.ledger.transparency.merkle import MerkleTree
from benchmarks.ledger_verify import filled
from benchmarks.runner import Benchmark, Contender

LEAVES = 100_000
PROOFS = 20_000
APPENDED = 20_000
STORED_LEAVES = 70_000
STORED_PROOFS = 2_000


def leaf(number: int) -> bytes:
    return b'{"id":"inv-%d","outcome":"pay"}' % number


class Trees:
    """Both trees over the same leaves; the same leaves are proven in both, in the same order."""

    def __init__(self) -> None:
        self.leaves = [leaf(number) for number in range(LEAVES)]
        self.indexes = random.Random(6962).choices(range(LEAVES), k=PROOFS)

    @cached_property
    def ours(self) -> MerkleTree:
        return self.append_ours(self.leaves)

    @cached_property
    def theirs(self) -> Any:
        return self.append_theirs(self.leaves)

    @staticmethod
    def append_ours(leaves: list[bytes]) -> MerkleTree:
        tree = MerkleTree()
        append = tree.append
        for data in leaves:
            append(data)
        return tree

    @staticmethod
    def append_theirs(leaves: list[bytes]) -> Any:
        from pymerkle import InmemoryTree

        tree = InmemoryTree(algorithm="sha256")
        append = tree.append_entry
        for data in leaves:
            append(data)
        return tree

    def check_equal(self) -> None:
        """The roots are the same, and so are the proofs, whose first hash is the leaf's in pymerkle's."""
        assert self.ours.root() == self.theirs.get_root()
        for index in self.indexes[:1000]:
            assert self.ours.inclusion(index) == self.theirs.prove_inclusion(index + 1).path[1:], index

    def prove_ours(self) -> list[Any]:
        prove = self.ours.inclusion
        return [prove(index) for index in self.indexes]

    def prove_theirs(self) -> list[Any]:
        prove = self.theirs.prove_inclusion
        return [prove(index + 1) for index in self.indexes]  # pymerkle counts from one


def rate(count: int, work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


def pair(name: str, unit: str, bar: float, ours: Callable[[], float], theirs: Callable[[], float]) -> Benchmark:
    return Benchmark(
        name=name,
        unit=unit,
        contenders=(Contender("abpo_sdk", ours), Contender("pymerkle", theirs)),
        against="pymerkle",
        bar=bar,
        at_least=True,
    )


def inclusion() -> Benchmark:
    """Proofs of inclusion for random leaves at one size."""
    trees = Trees()
    trees.check_equal()
    return pair(
        f"inclusion proofs, {LEAVES:,} leaves, random indexes",
        "proofs/s",
        4,
        lambda: rate(PROOFS, trees.prove_ours),
        lambda: rate(PROOFS, trees.prove_theirs),
    )


def verification() -> Benchmark:
    """The same proofs verified, index and size with them."""
    from pymerkle import verify_inclusion

    trees = Trees()
    trees.check_equal()
    root = trees.ours.root()
    hashes = [trees.theirs.get_leaf(index + 1) for index in trees.indexes]
    ours = list(zip(hashes, trees.indexes, trees.prove_ours(), strict=True))
    theirs = list(zip(hashes, trees.indexes, trees.prove_theirs(), strict=True))

    def verify_ours() -> None:
        verify = MerkleTree.verify_inclusion_hash
        for hashed, index, proof in ours:
            verify(hashed, index, LEAVES, proof, root)

    def verify_theirs() -> None:
        for hashed, index, proof in theirs:
            verify_inclusion(hashed, root, proof, index=index + 1, size=LEAVES)

    return pair(
        f"inclusion proofs verified, {LEAVES:,} leaves, random indexes",
        "proofs/s",
        1,
        lambda: rate(PROOFS, verify_ours),
        lambda: rate(PROOFS, verify_theirs),
    )


def appending() -> Benchmark:
    """Leaves appended one by one to an empty tree."""
    trees = Trees()
    trees.check_equal()
    leaves = trees.leaves[:APPENDED]
    return pair(
        f"{APPENDED:,} leaves appended one by one",
        "leaves/s",
        2,
        lambda: rate(APPENDED, lambda: trees.append_ours(leaves)),
        lambda: rate(APPENDED, lambda: trees.append_theirs(leaves)),
    )


def stored() -> Benchmark:
    """Proofs from a sealed ledger's file, and from a tree that pymerkle keeps in SQLite."""
    from pymerkle import SqliteTree

    directory = tempfile.TemporaryDirectory()
    ledger = filled(Path(directory.name) / "ours.db", STORED_LEAVES)
    theirs = SqliteTree(f"{directory.name}/theirs.db", algorithm="sha256")
    theirs.append_entries([header for _, header in ledger.store.headers()], chunksize=10_000)
    assert ledger.tree().root() == theirs.get_state()
    indexes = random.Random(6962).choices(range(STORED_LEAVES), k=STORED_PROOFS)

    def ours() -> None:
        tree = ledger.tree()
        for index in indexes:
            tree.inclusion(index)

    def others() -> None:
        for index in indexes:
            theirs.prove_inclusion(index + 1)

    def facts() -> dict[str, Any]:
        assert directory.name  # kept until here
        return {"leaves": STORED_LEAVES}

    benchmark = pair(
        f"inclusion proofs from a file, {STORED_LEAVES:,} leaves, random indexes",
        "proofs/s",
        4,
        lambda: rate(STORED_PROOFS, ours),
        lambda: rate(STORED_PROOFS, others),
    )
    return replace(benchmark, facts=facts)
