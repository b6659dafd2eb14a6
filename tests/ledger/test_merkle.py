"""The Merkle tree, beside RFC 6962 and RFC 9162 written down word for word.

Properties take the module that they are about, so that they can be held against mutants of it too.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from hashlib import sha256
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk.errors import ProofInvalid
from abpo_sdk.ledger.transparency import compact_range, merkle, proofs

LEAVES = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Leaves and the roots of the first 0 to 8 of them, as published in transparency-dev/merkle, testonly/constants.go."""

SOURCES = {module.__name__.rpartition(".")[2]: inspect.getsource(module) for module in (proofs, compact_range, merkle)}


# What RFC 6962, section 2.1, says of leaves number `start` up to `stop`, recursively; leaf number i is `data(i)`.


def data(index: int) -> bytes:
    return b"leaf %d" % index


def split(width: int) -> int:
    """The largest power of two smaller than the width."""
    k = 1
    while k * 2 < width:
        k *= 2
    return k


@cache
def mth(start: int, stop: int) -> bytes:
    if start == stop:
        return sha256(b"").digest()
    if stop - start == 1:
        return sha256(b"\x00" + data(start)).digest()
    k = split(stop - start)
    return sha256(b"\x01" + mth(start, start + k) + mth(start + k, stop)).digest()


def path(m: int, start: int, stop: int) -> list[bytes]:
    if stop - start == 1:
        return []
    k = split(stop - start)
    if m < k:
        return [*path(m, start, start + k), mth(start + k, stop)]
    return [*path(m - k, start + k, stop), mth(start, start + k)]


def subproof(m: int, start: int, stop: int, known: bool) -> list[bytes]:
    if m == stop - start:
        return [] if known else [mth(start, stop)]
    k = split(stop - start)
    if m <= k:
        return [*subproof(m, start, start + k, known), mth(start + k, stop)]
    return [*subproof(m - k, start + k, stop, False), mth(start, start + k)]


# What RFC 9162 says in sections 2.1.3.2 and 2.1.4.2, step by step; of sizes that are equal, what follows from the roots.


def includes(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    if index >= size:
        return False
    fn, sn, r = index, size - 1, leaf_hash
    for p in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = sha256(b"\x01" + p + r).digest()
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = sha256(b"\x01" + r + p).digest()
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def grew(first: int, second: int, first_hash: bytes, second_hash: bytes, proof: Sequence[bytes]) -> bool:
    if not 0 < first <= second:
        return False
    if first == second:
        return not proof and first_hash == second_hash
    if not proof:
        return False
    row = [first_hash, *proof] if first & (first - 1) == 0 else list(proof)
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = row[0]
    for c in row[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = sha256(b"\x01" + c + fr).digest(), sha256(b"\x01" + c + sr).digest()
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = sha256(b"\x01" + sr + c).digest()
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == first_hash and sr == second_hash


def hashes(count: int, start: int = 0) -> list[bytes]:
    return [mth(index, index + 1) for index in range(start, start + count)]


def grown(m: Any, size: int) -> Any:
    tree = m.MerkleTree()
    tree.extend_hashes(hashes(size))
    return tree


def refused(call: Callable[..., object], *arguments: Any) -> bool:
    """Whether a call refuses its arguments as it should: no other exception will do, and no answer but None."""
    try:
        answer = call(*arguments)
    except ProofInvalid:
        return True
    assert answer is None
    return False


def flips(value: bytes) -> Iterator[bytes]:
    """The value with each of its bits flipped, one at a time."""
    for bit in range(len(value) * 8):
        changed = bytearray(value)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


def misshapen(proof: list[bytes]) -> Iterator[list[bytes]]:
    """Other proofs of the same hashes: short, long, in another order, with one in place of another."""
    other = sha256(b"other").digest()
    for at in range(len(proof) + 1):
        yield [*proof[:at], other, *proof[at:]]
    for at, value in enumerate(proof):
        yield proof[:at] + proof[at + 1 :]
        yield [*proof[:at], value, value, *proof[at + 1 :]]
        yield [*proof[:at], other, *proof[at + 1 :]]
        yield [*proof[:at], merkle.EMPTY_ROOT, *proof[at + 1 :]]
        yield from ([*proof[:at], value[:length], *proof[at + 1 :]] for length in (0, 1, 31))
        yield [*proof[:at], value + b"\x00", *proof[at + 1 :]]
        for further in range(at + 1, len(proof)):
            swapped = proof.copy()
            swapped[at], swapped[further] = swapped[further], swapped[at]
            yield swapped
    if len(proof) > 1:
        yield proof[::-1]
        yield []
    yield proof + proof or [other, other]


# The properties.


def ranges(m: Any) -> Any:
    """Where a tree's module has the compact range; a mutated tree brings its own."""
    return m if hasattr(m, "CompactRange") else compact_range


def published_roots_come_out(m: Any) -> None:
    tree, stream = m.MerkleTree(), ranges(m).CompactRange()
    assert [m.EMPTY_ROOT.hex(), tree.root().hex(), stream.root().hex()] == ROOTS[:1] * 3
    for index, leaf in enumerate(LEAVES):
        assert tree.append(leaf) == index
        stream.append(m.leaf_hash(leaf))
        assert tree.root().hex() == stream.root().hex() == ROOTS[index + 1]
    assert [tree.root(size).hex() for size in range(9)] == ROOTS
    # from transparency-dev/merkle, rfc6962/rfc6962_test.go
    assert m.leaf_hash(b"L123456").hex() == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    assert m.node_hash(b"N123", b"N456").hex() == "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"


def proofs_are_those_of_the_rfc_and_hold(m: Any, largest: int = 18) -> None:
    tree = grown(m, largest)
    roots = [tree.root(size) for size in range(largest + 1)]
    assert roots == [mth(0, size) for size in range(largest + 1)]
    for size in range(1, largest + 1):
        for index in range(size):
            proof = tree.inclusion(index, size)
            assert proof == path(index, 0, size)
            m.MerkleTree.verify_inclusion(data(index), index, size, proof, roots[size])
            m.MerkleTree.verify_inclusion_hash(mth(index, index + 1), index, size, tuple(proof), roots[size])
        for old in range(1, size + 1):
            proof = tree.consistency(old, size)
            assert proof == subproof(old, 0, size, True)
            m.MerkleTree.verify_consistency(old, size, roots[old], roots[size], proof)


def no_bit_of_an_inclusion_may_change(m: Any, largest: int = 7) -> int:
    verify, count = m.MerkleTree.verify_inclusion_hash, 0
    for size in range(1, largest + 1):
        for index in range(size):
            leaf, proof, root = mth(index, index + 1), path(index, 0, size), mth(0, size)
            cases = [(changed, proof, root) for changed in flips(leaf)]
            cases += [(leaf, proof, changed) for changed in flips(root)]
            for at, value in enumerate(proof):
                cases += [(leaf, [*proof[:at], changed, *proof[at + 1 :]], root) for changed in flips(value)]
            assert all(refused(verify, a, index, size, b, c) for a, b, c in cases)
            raw = [(changed, index, size, proof, root) for changed in flips(data(index))]
            assert all(refused(m.MerkleTree.verify_inclusion, *case) for case in raw)
            count += len(cases) + len(raw)
    return count


def no_bit_of_a_growth_may_change(m: Any, largest: int = 7) -> int:
    verify, count = m.MerkleTree.verify_consistency, 0
    for new in range(1, largest + 1):
        for old in range(1, new + 1):
            before, after, proof = mth(0, old), mth(0, new), subproof(old, 0, new, True)
            cases = [(changed, after, proof) for changed in flips(before)]
            cases += [(before, changed, proof) for changed in flips(after)]
            for at, value in enumerate(proof):
                cases += [(before, after, [*proof[:at], changed, *proof[at + 1 :]]) for changed in flips(value)]
            assert all(refused(verify, old, new, *case) for case in cases)
            count += len(cases)
    return count


def no_other_shape_holds(m: Any, largest: int = 17) -> int:
    tree, count = m.MerkleTree, 0
    for size in range(1, largest + 1):
        root = mth(0, size)
        for index in range(size):
            for proof in misshapen(path(index, 0, size)):
                assert refused(tree.verify_inclusion, data(index), index, size, proof, root)
                count += 1
        for old in range(1, size + 1):
            before = mth(0, old)
            for proof in misshapen(subproof(old, 0, size, True)):
                assert refused(tree.verify_consistency, old, size, before, root, proof)
                count += 1
            if old < size:
                proof = subproof(old, 0, size, True)
                for roots in ((root, before), (before, before), (root, root), (merkle.EMPTY_ROOT, root)):
                    assert refused(tree.verify_consistency, old, size, *roots, proof)
                    count += 1
    return count


def other_numbers_hold_only_where_the_rfc_says_so(m: Any, largest: int = 11) -> int:
    """A size is not in the root, so that a few other numbers give the same way up; all others are refused."""
    tree, count = m.MerkleTree, 0
    for size in range(1, largest + 1):
        for index in range(size):
            leaf, proof = mth(index, index + 1), path(index, 0, size)
            for other_size in range(largest + 3):
                for other in range(largest + 4):
                    for root in (mth(0, size), mth(0, other_size)):
                        case = (leaf, other, other_size, proof, root)
                        assert refused(tree.verify_inclusion_hash, *case) != includes(*case)
                        count += not includes(*case)
            for old in range(largest + 3):
                for new in range(largest + 3):
                    proof = subproof(index + 1, 0, size, True)
                    for roots in ((mth(0, index + 1), mth(0, size)), (mth(0, old), mth(0, new))):
                        growth = (old, new, *roots, proof)
                        assert refused(tree.verify_consistency, *growth) != grew(*growth)
                        count += not grew(*growth)
    return count


def only_hashes_and_numbers_are_taken(m: Any) -> int:
    tree, root, proof = m.MerkleTree, mth(0, 5), path(2, 0, 5)
    before, growth = mth(0, 3), subproof(3, 0, 5, True)
    leaf = mth(2, 3)
    numbers: list[Any] = [-1, True, False, 2.0, "2", None, b"\x02", 2**64, 10**5000, -(10**5000)]
    no_hashes: list[Any] = [
        b"", b"\x00", root[:31], root + b"\x00", root.hex(), bytearray(root), memoryview(root), None, 7, [root],
    ]  # fmt: skip
    no_proofs: list[Any] = [None, b"".join(proof), iter(proof), dict.fromkeys(proof), set(proof), "".join("abc"), 3]
    cases: list[tuple[Any, ...]] = []
    for number in numbers:
        cases.append((tree.verify_inclusion_hash, leaf, number, 5, proof, root))
        cases.append((tree.verify_inclusion_hash, leaf, 2, number, proof, root))
        cases.append((tree.verify_inclusion, data(2), number, 5, proof, root))
        cases.append((tree.verify_inclusion, data(2), 2, number, proof, root))
        cases.append((tree.verify_consistency, number, 5, before, root, growth))
        cases.append((tree.verify_consistency, 3, number, before, root, growth))
    for value in no_hashes:
        for at in range(len(proof)):
            wrong = [*proof[:at], value, *proof[at + 1 :]]
            cases.append((tree.verify_inclusion_hash, leaf, 2, 5, wrong, root))
        for at in range(len(growth)):
            wrong = [*growth[:at], value, *growth[at + 1 :]]
            cases.append((tree.verify_consistency, 3, 5, before, root, wrong))
        cases.append((tree.verify_inclusion_hash, value, 2, 5, proof, root))
        cases.append((tree.verify_inclusion_hash, leaf, 2, 5, proof, value))
        cases.append((tree.verify_inclusion_hash, value, 0, 1, [], value))
        cases.append((tree.verify_inclusion, data(2), 2, 5, proof, value))
        cases.append((tree.verify_consistency, 3, 5, value, root, growth))
        cases.append((tree.verify_consistency, 3, 5, before, value, growth))
        cases.append((tree.verify_consistency, 4, 4, value, value, []))
    for value in no_proofs:
        cases.append((tree.verify_inclusion_hash, leaf, 2, 5, value, root))
        cases.append((tree.verify_consistency, 3, 5, before, root, value))
        cases.append((tree.verify_consistency, 5, 5, root, root, value))
    cases += [(tree.verify_inclusion, value, 2, 5, proof, root) for value in ("leaf 2", bytearray(data(2)), None, 2)]
    assert all(refused(*case) for case in cases)
    return len(cases)


def nothing_of_an_empty_tree_holds(m: Any) -> None:
    tree, empty, one = m.MerkleTree, merkle.EMPTY_ROOT, mth(0, 1)
    for index in (0, 1):
        for root in (empty, one, sha256(b"\x00").digest(), b""):
            assert refused(tree.verify_inclusion, b"", index, 0, [], root)
            assert refused(tree.verify_inclusion_hash, empty, index, 0, [], root)
    assert refused(tree.verify_inclusion, b"", 0, 1, [], empty)
    assert refused(tree.verify_inclusion_hash, empty, 0, 1, [], empty)
    for old, new, before, after in ((0, 0, empty, empty), (0, 1, empty, one), (0, 1, one, one), (1, 1, empty, empty)):
        assert refused(tree.verify_consistency, old, new, before, after, [])
        assert refused(tree.verify_consistency, old, new, before, after, [one])


def the_tree_proves_nothing_that_it_does_not_have(m: Any) -> None:
    tree = grown(m, 6)
    bad: list[Any] = [-1, 7, 8, 9, 64, 2**64, True, 1.0, "1", b"1"]
    for number in bad:
        assert refused(tree.root, number)
        assert refused(tree.inclusion, 0, number)
        assert refused(tree.inclusion, number)
        assert refused(tree.consistency, number)
        assert refused(tree.consistency, 1, number)
        assert refused(tree.consistency, number, number)
    for index, size in ((6, 6), (6, None), (3, 3), (4, 3), (0, 0), (None, 6)):
        assert refused(tree.inclusion, index, size)
    for old, new in ((0, 6), (0, None), (0, 0), (5, 4), (None, 6)):
        assert refused(tree.consistency, old, new)
    for index in (0, -1):
        assert refused(m.MerkleTree().inclusion, index)


def however_leaves_come_the_tree_is_the_same(m: Any, cuts: Sequence[int] = (0, 1, 2, 1, 5, 0, 8, 3, 11)) -> None:
    one_by_one, batches, mixed, stream, blocks = (
        m.MerkleTree(), m.MerkleTree(), m.MerkleTree(), ranges(m).CompactRange(), ranges(m).CompactRange(),
    )  # fmt: skip
    size = 0
    for number, cut in enumerate(cuts):
        row = hashes(cut, size)
        batches.extend_hashes(row)
        blocks.extend(iter(row))
        for index, value in enumerate(row, size):
            assert one_by_one.append_hash(value) == index
            stream.append(value)
        if number % 2:
            mixed.extend_hashes(tuple(row))
        else:
            assert [mixed.append(data(index)) for index in range(size, size + cut)] == [*range(size, size + cut)]
        size += cut
        everything = (one_by_one, batches, mixed, stream, blocks)
        assert [it.size for it in everything] == [size] * 5
        assert len(batches) == size
        assert [it.root() for it in everything] == [mth(0, size)] * 5
    for index in range(size):
        ways = [tree.inclusion(index) for tree in (one_by_one, batches, mixed)]
        assert ways == [path(index, 0, size)] * 3


def what_is_no_leaf_is_not_taken(m: Any) -> None:
    bad: list[Any] = [b"", b"\x00" * 31, b"\x00" * 33, "0" * 32, bytearray(32), None, 7]
    for value in bad:
        tree, stream = grown(m, 3), ranges(m).CompactRange()
        stream.extend(hashes(3))
        row = [*hashes(2, 3), value]
        for call, argument in (
            (tree.append_hash, value), (tree.extend_hashes, row), (stream.append, value), (stream.extend, iter(row)),
        ):  # fmt: skip
            assert refused(call, argument)
        if type(value) is not bytes:
            assert refused(tree.append, value)
        assert (tree.size, stream.size) == (3, 3)
        tree.extend_hashes(hashes(4, 3))
        stream.extend(hashes(4, 3))
        assert tree.root() == stream.root() == mth(0, 7)


PROPERTIES: list[Callable[[Any], object]] = [
    published_roots_come_out,
    proofs_are_those_of_the_rfc_and_hold,
    however_leaves_come_the_tree_is_the_same,
    what_is_no_leaf_is_not_taken,
    nothing_of_an_empty_tree_holds,
    the_tree_proves_nothing_that_it_does_not_have,
    only_hashes_and_numbers_are_taken,
    no_other_shape_holds,
    other_numbers_hold_only_where_the_rfc_says_so,
    no_bit_of_an_inclusion_may_change,
    no_bit_of_a_growth_may_change,
]


def mutant(where: str, old: str, new: str) -> Callable[[pytest.MonkeyPatch], None]:
    """Puts a tree whose code has one fragment replaced in the place of `merkle`."""

    def apply(monkeypatch: pytest.MonkeyPatch) -> None:
        assert SOURCES[where].count(old) == 1, f"{where}.py has not just one {old!r}"
        sources = {**SOURCES, where: SOURCES[where].replace(old, new)}
        for name in sources:
            module = ModuleType(f"mutated_{name}")
            monkeypatch.setitem(sys.modules, module.__name__, module)
            source = sources[name].replace(
                "from abpo_sdk.ledger.transparency.proofs import", "from mutated_proofs import"
            )
            exec(compile(source, module.__name__, "exec"), module.__dict__)
            if name == "compact_range":
                ranges = module.CompactRange
        module.CompactRange = ranges
        monkeypatch.setattr(sys.modules[__name__], "merkle", module)

    return apply


MUTANTS: list[tuple[str, Callable[[pytest.MonkeyPatch], None]]] = [
    ("leaf without prefix", mutant("proofs", r'b"\x00", b"\x01"', r'b"", b"\x01"')),
    ("leaf prefix 0x01", mutant("proofs", r'b"\x00", b"\x01"', r'b"\x01", b"\x01"')),
    ("node without prefix", mutant("proofs", r'b"\x00", b"\x01"', r'b"\x00", b""')),
    ("node prefix 0x00", mutant("proofs", r'b"\x00", b"\x01"', r'b"\x00", b"\x00"')),
    ("children swapped", mutant("proofs", "sha256(NODE + left + right).digest()\n\n\ndef", "sha256(NODE + right + left).digest()\n\n\ndef")),
    ("index not held against the size", mutant("proofs", "if index >= size:", "if index > size:")),
    ("surplus hashes ignored", mutant("proofs", "if len(proof) != length:", "if len(proof) < length:")),
    ("missing hashes ignored", mutant("proofs", "if len(proof) != length:", "if len(proof) > length:")),
    ("equal sizes without a look at the roots", mutant("proofs", "return _check_same(old_root, new_root, what, \"the new root\")", "return None")),
    ("equal sizes without a look at the proof", mutant("proofs", "_check_length(proof, 0, what)", "pass")),
    ("old root not compared", mutant("proofs", "_check_same(older, old_root, what, \"the old root\")", "pass")),
    ("new root not compared", mutant("proofs", "return _check_same(newer, new_root, what, \"the new root\")", "return None")),
    ("root of inclusion not compared", mutant("proofs", "_check_same(found, root, what, \"the root\")", "pass")),
    ("right edge's siblings on the wrong side", mutant("proofs", "return index | -1 << turns,", "return index,")),
    ("hashes of a proof not looked at", mutant("proofs", "if type(value) is not bytes or len(value) != HASH_BYTES:", "if False:")),
    ("length of hashes not looked at", mutant("proofs", "if len(checked_bytes(name, value)) != HASH_BYTES:", "if not checked_bytes(name, value):")),
    ("longer hashes taken", mutant("proofs", "if len(checked_bytes(name, value)) != HASH_BYTES:", "if len(checked_bytes(name, value)) < HASH_BYTES:")),
    ("any sequence is a proof", mutant("proofs", "if not isinstance(proof, list | tuple):", "if not hasattr(proof, '__len__'):")),
    ("root of the empty tree taken", mutant("proofs", "if root == EMPTY_ROOT:", "if False:")),
    ("truth values are numbers", mutant("proofs", "if type(value) is not int:", "if not isinstance(value, int):")),
    ("negative numbers taken", mutant("proofs", "if not 0 <= value <= LARGEST_SIZE:", "if value > LARGEST_SIZE:")),
    ("numbers without an end", mutant("proofs", "if not 0 <= value <= LARGEST_SIZE:", "if value < 0:")),
    ("growth from nothing", mutant("proofs", "if old == 0:", "if False:")),
    ("trees that shrink", mutant("proofs", "if old > new:", "if False:")),
    ("batch loses what stood alone", mutant("merkle", "                row = [self._nodes.get(level, index - 1), *row]", "                row = row[1:]")),
    ("split of a batch at its first leaf", mutant("proofs", "zip(row[::2], row[1::2], strict=False)", "zip(row[len(row) & 1 :: 2], row[1 + (len(row) & 1) :: 2], strict=False)")),
    ("split below the largest power of two", mutant("merkle", "(size - 1).bit_length() if size", "size.bit_length() - 1 if size")),
    ("right edge folded in the wrong order", mutant("merkle", "rest = node_hash(left, rest) if rest else left", "rest = node_hash(rest, left) if rest else left")),
    ("right edge of another size", mutant("merkle", "if known == size:", "if known:")),
    ("right edge left out of proofs", mutant("merkle", "elif sibling <= last:", "elif sibling < last:")),
    ("right edge taken for a complete subtree", mutant("merkle", "if sibling < complete:", "if sibling <= complete:")),
    ("known root repeated in a proof of growth", mutant("merkle", "[self._nodes.get(level, index)] if index else []", "[self._nodes.get(level, index)]")),
    ("sizes beyond the tree", mutant("merkle", "if size > self._size:", "if False:")),
    ("hash to append not looked at", mutant("merkle", 'check_hash(f"the hash of leaf {self._size}", leaf_hash)', "pass")),
    ("hashes of a batch not looked at", mutant("proofs", "if not (set(map(type, row)) <= {bytes} and set(map(len, row)) <= {HASH_BYTES}):", "if False:")),
    ("append does not carry", mutant("merkle", "            value = node_hash(nodes.get(level, index - 1), value)", "            value = node_hash(value, nodes.get(level, index - 1))")),
    ("stream forgets what stood alone", mutant("compact_range", "row = [peaks[level], *row]", "row = row[1:]")),
    ("stream's root folded in the wrong order", mutant("compact_range", "rest = node_hash(peak, rest) if rest else peak", "rest = node_hash(rest, peak) if rest else peak")),
    ("stream half taken", mutant("compact_range", "size, peaks, rest = self._size, self._peaks.copy(), iter(hashes)", "size, peaks, rest = self._size + 1, self._peaks, iter(hashes)")),
]  # fmt: skip


@pytest.mark.parametrize("name", [name for name, _ in MUTANTS])
def test_a_mutant_of_the_tree_fails_a_property(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dict(MUTANTS)[name](monkeypatch)
    assert merkle.__name__ == "mutated_merkle"
    for holds in PROPERTIES:
        try:
            holds(merkle)
        except Exception:
            return
    pytest.fail(f"{name}: every property holds all the same")


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda holds: holds.__name__)
def test_the_tree_has_the_property(holds: Callable[[Any], object]) -> None:
    holds(merkle)


def test_every_proof_up_to_seventy_leaves_is_that_of_the_rfc_and_holds() -> None:
    proofs_are_those_of_the_rfc_and_hold(merkle, largest=70)


def test_refusals_are_many() -> None:
    refusals = [
        no_other_shape_holds(merkle),
        other_numbers_hold_only_where_the_rfc_says_so(merkle),
        only_hashes_and_numbers_are_taken(merkle),
    ]
    assert refusals[0] > 5_000
    assert refusals[1] > 50_000
    assert refusals[2] > 200


@given(cuts=st.lists(st.integers(0, 40), max_size=8))
@settings(max_examples=60, deadline=None)
def test_batches_single_leaves_and_streams_give_one_tree(cuts: list[int]) -> None:
    however_leaves_come_the_tree_is_the_same(merkle, cuts)


sizes = st.integers(1, 400)


@given(size=sizes, picks=st.tuples(st.integers(0, 399), st.integers(0, 399)))
@settings(max_examples=150, deadline=None)
def test_a_proof_of_one_leaf_proves_no_other(size: int, picks: tuple[int, int]) -> None:
    index, other = picks[0] % size, picks[1] % size
    proof, root = grown(merkle, size).inclusion(index), mth(0, size)
    verify = merkle.MerkleTree.verify_inclusion
    assert refused(verify, data(index), other, size, proof, root) == (other != index)
    assert refused(verify, data(other), index, size, proof, root) == (other != index)
    assert refused(verify, data(other), other, size, proof, root) == (other != index)


@given(size=sizes, picks=st.tuples(st.integers(0, 399), st.integers(0, 399)))
@settings(max_examples=150, deadline=None)
def test_a_proof_of_one_growth_proves_no_other(size: int, picks: tuple[int, int]) -> None:
    old, other = 1 + picks[0] % size, 1 + picks[1] % size
    proof = grown(merkle, size).consistency(old)
    verify = merkle.MerkleTree.verify_consistency
    assert refused(verify, other, size, mth(0, other), mth(0, size), proof) == (other != old)
    fork = sha256(mth(0, old)).digest()
    assert refused(verify, old, size, fork, mth(0, size), proof)


@given(size=sizes, more=st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_roots_and_proofs_of_a_size_stay_as_the_tree_grows(size: int, more: int) -> None:
    tree = grown(merkle, size)
    before = (tree.root(), tree.inclusion(size - 1), tree.consistency((size + 1) // 2))
    tree.extend_hashes(hashes(more, size))
    assert tree.root() == mth(0, size + more)
    assert (tree.root(size), tree.inclusion(size - 1, size), tree.consistency((size + 1) // 2, size)) == before


@given(size=st.integers(0, 40), lost=st.integers(0, 20), more=st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_a_tree_goes_on_where_its_nodes_end_or_where_it_is_told(size: int, lost: int, more: int) -> None:
    nodes = merkle.MemoryNodes()
    merkle.MerkleTree(nodes).extend_hashes([*hashes(size), *(sha256(b"lost %d" % i).digest() for i in range(lost))])
    tree = merkle.MerkleTree(nodes, size)
    assert tree.root() == mth(0, size)
    tree.append_hash(mth(size, size + 1))
    tree.extend_hashes(hashes(more, size + 1))
    assert (tree.size, tree.root()) == (size + 1 + more, mth(0, size + 1 + more))


class CountedNodes(merkle.MemoryNodes):
    """Nodes that count what is read from them, and hold that only complete subtrees are written, each once."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.written: set[tuple[int, int]] = set()

    def get(self, level: int, index: int) -> bytes:
        self.reads += 1
        return super().get(level, index)

    def put(self, level: int, index: int, hashes: Sequence[bytes]) -> None:
        places = {(level, index + number) for number in range(len(hashes))}
        assert not places & self.written
        self.written |= places
        super().put(level, index, hashes)


def test_only_complete_subtrees_are_kept_each_written_once() -> None:
    nodes = CountedNodes()
    tree = merkle.MerkleTree(nodes)
    for size in (1, 1, 5, 30, 1):
        tree.extend_hashes(hashes(size, tree.size))
        tree.append(data(tree.size))
    levels = range(tree.size.bit_length())
    assert nodes.written == {(level, index) for level in levels for index in range(tree.size >> level)}


def test_a_proof_reads_a_hash_a_level_and_the_right_edge_once_for_a_size() -> None:
    nodes = CountedNodes()
    tree = merkle.MerkleTree(nodes)
    tree.extend_hashes(hashes(1000))
    tree.root()
    nodes.reads = 0
    for index in range(1000):
        tree.inclusion(index)
    assert nodes.reads <= 1000 * 10
    nodes.reads = 0
    assert (tree.root(), nodes.reads) == (mth(0, 1000), 0)


def test_a_stream_keeps_a_hash_a_level_and_draws_no_more_than_a_block() -> None:
    stream, drawn = compact_range.CompactRange(), 0

    def leaves() -> Iterator[bytes]:
        nonlocal drawn
        for index in range(3 * compact_range.BLOCK + 1):
            drawn += 1
            yield mth(index % 50, index % 50 + 1)

    stream.extend(leaves())
    assert (stream.size, drawn) == (3 * compact_range.BLOCK + 1,) * 2
    assert len(stream._peaks) == stream.size.bit_length()
    tree = merkle.MerkleTree()
    tree.extend_hashes(list(leaves()))
    assert stream.root() == tree.root()


def test_a_stream_that_breaks_off_takes_nothing() -> None:
    def leaves() -> Iterator[bytes]:
        yield from hashes(compact_range.BLOCK)
        raise OSError

    stream = compact_range.CompactRange()
    stream.extend(hashes(5))
    with pytest.raises(OSError):
        stream.extend(leaves())
    assert (stream.size, stream.root()) == (5, mth(0, 5))


def test_nodes_are_kept_without_gaps() -> None:
    nodes = merkle.MemoryNodes()
    with pytest.raises(ProofInvalid, match="node 0 of level 3 is not kept"):
        nodes.get(3, 0)
    with pytest.raises(ProofInvalid, match="level 0 has 0 nodes, so that its next is not 1"):
        nodes.put(0, 1, hashes(1))
    nodes.put(0, 0, hashes(2))
    with pytest.raises(ProofInvalid, match="level 0 has 2 nodes, so that its next is not 3"):
        nodes.put(0, 3, hashes(1))
    with pytest.raises(ProofInvalid, match="is not kept"):
        merkle.MerkleTree(merkle.MemoryNodes(), 5).root()


@pytest.mark.parametrize("size", [-1, True, 1.0, None, 2**64])
def test_a_tree_has_a_number_of_leaves(size: Any) -> None:
    with pytest.raises(ProofInvalid, match="the size is"):
        merkle.MerkleTree(merkle.MemoryNodes(), size)


ROOT, BEFORE = mth(0, 5), mth(0, 3)


@pytest.mark.parametrize(
    ("call", "arguments", "message"),
    [
        ("inclusion", (5, 5, path(2, 0, 5), ROOT), "a tree of 5 leaves has no leaf 5"),
        ("inclusion", (0, 0, [], ROOT), "a tree of 0 leaves has no leaf 0"),
        ("inclusion", (-1, 5, [], ROOT), r"the index is a number from 0 to 2\*\*64 - 1, not -1"),
        ("inclusion", (2, 10**5000, [], ROOT), r"the size is a number from 0 to 2\*\*64 - 1, not a number of 16610 bits"),
        ("inclusion", (True, 5, [], ROOT), "the index is an integer, not of type bool"),
        ("inclusion", (2, 5, path(2, 0, 5)[:2], ROOT), "leaf 2 of 5: the proof has 2 hashes, and must have 3"),
        ("inclusion", (2, 5, [*path(2, 0, 5), ROOT], ROOT), "leaf 2 of 5: the proof has 4 hashes, and must have 3"),
        ("inclusion", (2, 5, "proof", ROOT), "a proof is a list or tuple of hashes, not of type str"),
        ("inclusion", (2, 5, [ROOT, b"short", ROOT], ROOT), "hash 1 of the proof is 32 bytes, not 5"),
        ("inclusion", (2, 5, [ROOT, ROOT, "text"], ROOT), "hash 2 of the proof is bytes, not of type str"),
        ("inclusion", (2, 5, path(2, 0, 5), BEFORE), f"leaf 2 of 5: the proof leads to {ROOT.hex()}, not to the root {BEFORE.hex()}"),
        ("inclusion", (0, 1, [], merkle.EMPTY_ROOT), "the root is that of 0 leaves, and no tree of 1 has it"),
        ("consistency", (0, 5, merkle.EMPTY_ROOT, ROOT, []), "old size 0: every tree, of 5 leaves too, grew from none, so nothing would be proven"),
        ("consistency", (5, 3, ROOT, BEFORE, []), "a tree of 3 leaves did not grow from one of 5"),
        ("consistency", (3, 5, BEFORE, ROOT, []), "growth from 3 to 5 leaves: the proof has 0 hashes, and must have 4"),
        ("consistency", (5, 5, ROOT, ROOT, [ROOT]), "growth from 5 to 5 leaves: the proof has 1 hashes, and must have 0"),
        ("consistency", (5, 5, BEFORE, ROOT, []), "growth from 5 to 5 leaves: the proof leads to .*, not to the new root"),
        ("consistency", (3, 5, ROOT, ROOT, subproof(3, 0, 5, True)), "growth from 3 to 5 leaves: the proof leads to .*, not to the old root"),
        ("consistency", (3, 5, BEFORE, BEFORE, subproof(3, 0, 5, True)), "growth from 3 to 5 leaves: the proof leads to .*, not to the new root"),
        ("consistency", (3, 5, BEFORE[:31], ROOT, []), "the old root is 32 bytes, not 31"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_is_wrong_with_its_numbers(call: str, arguments: tuple[Any, ...], message: str) -> None:
    tree = merkle.MerkleTree
    verify = tree.verify_consistency if call == "consistency" else partial(tree.verify_inclusion, data(2))
    with pytest.raises(ProofInvalid, match=message):
        verify(*arguments)


def test_an_index_of_a_hash_that_is_none_is_named() -> None:
    row = [*hashes(4), b"short"]
    tree, stream = grown(merkle, 3), compact_range.CompactRange()
    with pytest.raises(ProofInvalid, match="the hash of leaf 7 is 32 bytes, not 5"):
        tree.extend_hashes(row)
    with pytest.raises(ProofInvalid, match="the hash of leaf 4 is 32 bytes, not 5"):
        stream.extend(row)
    with pytest.raises(ProofInvalid, match="the hash of leaf 3 is 32 bytes, not 5"):
        tree.append_hash(b"short")
    with pytest.raises(ProofInvalid, match="a leaf is bytes, not of type str"):
        tree.append("leaf")  # type: ignore[arg-type]


def test_the_largest_trees_are_verified_too() -> None:
    leaf, size = mth(0, 1), 2**64 - 1
    proof = [sha256(b"%d" % level).digest() for level in range(64)]
    for index in (0, 1, 2**63, size - 1, size - 2):
        length = next(
            n for n in range(65) if includes(leaf, index, size, proof[:n], rise(leaf, index, size, proof[:n]))
        )
        root = rise(leaf, index, size, proof[:length])
        merkle.MerkleTree.verify_inclusion_hash(leaf, index, size, proof[:length], root)
        assert refused(merkle.MerkleTree.verify_inclusion_hash, leaf, index, size, proof[: length - 1], root)


def rise(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root to which a proof leads, if it is one."""
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if fn & 1 or fn == sn:
            r = sha256(b"\x01" + p + r).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = sha256(b"\x01" + r + p).digest()
        fn, sn = fn >> 1, sn >> 1
    return r
