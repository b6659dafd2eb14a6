"""What the tests of evidence bundles share: bundles with everything in them, edits of them, and what both verifiers say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from abpo_sdk.errors import DefinitionError, LedgerBroken, NoteInvalid
from abpo_sdk.ledger import Checkpoint, Ledger, MerkleTree, Place, Signer, leaf_hash, verify_bundle
from abpo_sdk.ledger.entry import Draft, payload_hash
from abpo_sdk.ledger.transparency.checkpoint import sign_checkpoint
from abpo_sdk.testing.clock import FakeClock
from abpo_sdk.values.encoded import PersonalValue

SCRIPT = Path(__file__).parents[2] / "docs" / "verify.py"
SECRET = "DE89370400440532013000"
OWN = "$ledger"

Line = dict[str, Any]
Found = tuple[str, str | None, int | None]
"""Whether it is good, broken or nothing that can be verified, and the chain and position that are named."""
GOOD: Found = ("good", None, None)
UNVERIFIED: Found = ("unverified", None, None)


def script(source: str | None = None) -> ModuleType:
    """The auditor's script as a module; with a changed source, a mutant of it."""
    module = ModuleType("verify_script")
    exec(compile(source or SCRIPT.read_text(), str(SCRIPT), "exec"), module.__dict__)
    return module


def write_run(ledger: Ledger, chain: str, kinds: Sequence[str] = ("step", "raised", "step")) -> None:
    """Entries of which each has something personal in it."""
    personal = (PersonalValue(("iban",), "bank account", "ACME"),)
    with ledger.writing() as writer:
        first = len(writer.tx.entries(chain))
        drafts = [
            Draft(Place("/", first + n), kind, "work ü", {"result": n, "iban": SECRET}, ledger.clock.now(), personal)  # type: ignore[arg-type]
            for n, kind in enumerate(kinds)
        ]
        writer.append(chain, drafts)


@dataclass(frozen=True)
class Case:
    """A bundle, the key that it is verified with, and how many entries and chains it should hold."""

    lines: tuple[bytes, ...]
    key: str
    notes: tuple[str, ...]

    def parsed(self) -> list[Line]:
        return [json.loads(line) for line in self.lines]


def fill(ledger: Ledger, *, swept: bool = True) -> None:
    """Chains of several seals, an erased subject and swept payloads."""
    for chain in ("A", "B ä", "C"):
        write_run(ledger, chain)
        ledger.seal()
    ledger.erase("ACME", by="dpo", because="asked for")
    if swept:
        assert isinstance(ledger.clock, FakeClock)
        ledger.clock.advance(timedelta(days=1))
        ledger.retain("step", timedelta(hours=1))
    write_run(ledger, "C", ("step",))
    ledger.seal()


def case_of(directory: Path, *, swept: bool = True, runs: Sequence[str] | None = None) -> Case:
    """A bundle of a ledger in memory."""
    signer = Signer.generate("example.org/ledger")
    with closing(Ledger("sqlite://", clock=FakeClock(), signer=signer)) as ledger:
        fill(ledger, swept=swept)
        ledger.export(directory / "made.jsonl", runs)
        notes = tuple(row.note for row in ledger.store.checkpoints())
        return Case(lines_of(directory / "made.jsonl"), ledger.verifier, notes)


def said_of(content: bytes) -> str:
    """What must be said of a bundle that was tampered with: nothing is broken until it is seen to be one."""
    return "broken" if b'"format":"abpo-bundle/1"' in content.partition(b"\n")[0] else "unverified"


def lines_of(path: Path) -> tuple[bytes, ...]:
    return tuple(path.read_bytes().splitlines(keepends=True))


def encoded(lines: Sequence[Line]) -> bytes:
    """The bytes of a bundle of these lines."""
    texts = (json.dumps(line, ensure_ascii=False, sort_keys=True, separators=(",", ":")) for line in lines)
    return "".join(f"{text}\n" for text in texts).encode()


def by_library(path: Path, key: str, notes: Sequence[str] = ()) -> Found:
    """What `verify_bundle` says."""
    try:
        verify_bundle(path, trust=key.split(), anchored=notes)
    except LedgerBroken as broken:
        return "broken", broken.chain, broken.entry
    except (DefinitionError, NoteInvalid):
        return UNVERIFIED
    return GOOD


def by_script(module: ModuleType, path: Path, key: str, notes: Sequence[str] = ()) -> Found:
    """What the script says, in this process."""
    at: list[Any] = []
    with path.open("rb") as file:
        try:
            module.verify(file, module.trusted(key), list(notes), at)
        except Exception:
            if not at:
                return UNVERIFIED
            return ("broken", *at[1:]) if len(at) > 1 else ("broken", None, None)
    return GOOD


# what an owner can make who signs whatever he likes

SALT = "ab" * 16


@dataclass
class Owned:
    """An entry that an owner makes: what stands in its header and beside it."""

    chain: str
    position: int
    payload: str | None = "{}"
    header: dict[str, Any] = field(default_factory=dict)
    """Members that are other than they would be."""
    said: str | None = None
    """What the header commits to, where that is not the payload."""
    raw: str | None = None
    """All of the header."""
    shown: bool = True
    """Whether it is in the bundle, too, and not in the tree alone."""


def owned(
    signer: Signer,
    entries: Sequence[Owned],
    *,
    checkpoints: Sequence[tuple[int, int]] | None = None,
    change: Callable[[list[Line]], Any] = lambda _: None,
) -> Case:
    """A bundle of these entries, truly sealed and signed, if that is what the checkpoints say.

    Args:
        signer: the owner.
        entries: in the order of their chains.
        checkpoints: for each the size that it says, and the size whose root it has.
        change: what is done to the lines in the end.
    """
    tree, shown = MerkleTree(), []
    lengths: dict[str, int] = {}
    previous: dict[str, str] = {}
    for entry in entries:
        said = entry.payload if entry.said is None else entry.said
        members = {
            "at": "2026-01-05T09:00:00.000000Z",
            "chain": entry.chain,
            "inputs": None,
            "kind": "step",
            "name": "work",
            "ordinal": entry.position,
            "payload": payload_hash(bytes.fromhex(SALT), str(said).encode()),
            "position": entry.position,
            "previous": previous.get(entry.chain, "0" * 64),
            "schema": 1,
            "scope": "/",
            "sealed": None,
        } | entry.header
        header = entry.raw or json.dumps(members, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        leaf = tree.append(header.encode())
        previous[entry.chain] = leaf_hash(header.encode()).hex()
        if entry.shown:
            shown.append((header, leaf, entry.payload))
            lengths[entry.chain] = lengths.get(entry.chain, 0) + 1
    lines: list[Line] = []
    sizes = [(tree.size, tree.size)] if checkpoints is None else checkpoints
    for number, (size, true) in enumerate(sizes):
        before = sizes[number - 1] if number else (0, 0)
        proof = tree.consistency(before[1], true) if 0 < before[1] < true else []
        note = sign_checkpoint(Checkpoint(signer.verifier.name, size, tree.root(true)), signer)
        lines.append({"checkpoint": note, "consistency": [node.hex() for node in proof]})
    for header, leaf, payload in shown:
        salt = None if payload is None else SALT
        proof = tree.inclusion(leaf, sizes[-1][1]) if leaf < sizes[-1][1] else []
        inclusion = [node.hex() for node in proof]
        lines.append({"header": header, "inclusion": inclusion, "leaf": leaf, "payload": payload, "salt": salt})
    chains = [[chain, length] for chain, length in lengths.items()]
    manifest = {"chains": chains, "checkpoint": lines[len(sizes) - 1]["checkpoint"], "checkpoints": len(sizes)}
    key = str(signer.verifier)
    lines.insert(
        0, manifest | {"format": "abpo-bundle/1", "key": key, "origin": signer.verifier.name, "size": sizes[-1][0]}
    )
    change(lines)
    return Case(tuple(encoded(lines).splitlines(keepends=True)), key, ())


def swept(kind: str, before: str = "2027", **header: Any) -> Owned:
    """An entry that says what was swept."""
    payload = json.dumps({"before": before, "kind": kind})
    return Owned(OWN, 0, payload, {"kind": "swept", **header})


def owners_bundles(signer: Signer) -> Iterator[tuple[str, Case, Found]]:
    """Bundles with true signatures, good ones and such in which the owner sealed what does not fit."""
    none = ("broken", None, None)
    eight = [Owned("A", position) for position in range(8)]

    def with_(position: int, **changes: Any) -> list[Owned]:
        return [Owned("A", n, **(changes if n == position else {})) for n in range(8)]

    def leaf(position: int, number: int) -> Callable[[list[Line]], None]:
        def change(lines: list[Line]) -> None:
            line = lines[first_entry(lines) + position]
            line["leaf"] = number

        return change

    def path_of_another(lines: list[Line]) -> None:  # leaves 4 to 7 of 8, said to be 0 to 3 of 4
        entries = lines[first_entry(lines) :]
        for line in entries:
            line["leaf"] -= 4

    yield "eight entries", owned(signer, eight), GOOD
    yield "no entries", owned(signer, []), GOOD
    yield "one entry", owned(signer, eight[:1]), GOOD
    for size in range(2, 8):
        yield (
            f"{size} entries",
            owned(signer, eight[:size], checkpoints=[(1, 1), (size - 1, size - 1), (size, size)]),
            GOOD,
        )
    yield "every growth", owned(signer, eight, checkpoints=[(n, n) for n in range(9)]), GOOD
    yield "a checkpoint twice", owned(signer, eight, checkpoints=[(3, 3), (3, 3), (8, 8), (8, 8)]), GOOD
    yield "a negative leaf", owned(signer, eight, change=leaf(5, -3)), ("broken", "A", 5)
    yield "a tree that is said to be larger", owned(signer, eight, checkpoints=[(16, 8)]), ("broken", "A", 0)
    yield (
        "a tree that is said to be smaller",
        owned(
            signer,
            [Owned("B", n, shown=False) for n in range(4)] + [Owned("C", n) for n in range(4)],
            checkpoints=[(4, 8)],
            change=path_of_another,
        ),
        ("broken", "C", 0),
    )
    yield "a tree that shrank", owned(signer, eight, checkpoints=[(9, 7), (8, 8)]), none
    yield "a tree that shrank without a proof", owned(signer, eight, checkpoints=[(9, 8), (8, 8)]), none
    yield "two trees of a size", owned(signer, eight, checkpoints=[(8, 7), (8, 8)]), none
    yield "two trees of a size without a proof", owned(signer, eight, checkpoints=[(8, 0), (8, 8)]), none
    yield "an empty tree with a root", owned(signer, eight, checkpoints=[(0, 3), (8, 8)]), none
    yield "growth from a tree of another", owned(signer, eight, checkpoints=[(3, 4), (8, 8)]), none
    yield (
        "an entry that names another before it",
        owned(signer, with_(3, header={"previous": "1" * 64})),
        ("broken", "A", 3),
    )
    yield (
        "a first entry that has one before it",
        owned(signer, with_(0, header={"previous": "1" * 64})),
        ("broken", "A", 0),
    )
    yield "a gap", owned(signer, [*eight[:3], *eight[4:]]), ("broken", "A", 3)
    yield "an entry twice", owned(signer, [*eight[:3], *eight[2:]]), ("broken", "A", 3)
    yield "another chain's entry", owned(signer, with_(3, header={"chain": "B"})), ("broken", "A", 3)
    yield "another schema", owned(signer, with_(3, header={"schema": 2})), ("broken", "A", 3)
    yield "a header with a number", owned(signer, with_(3, header={"kind": 1})), ("broken", "A", 3)
    yield "a header with a real number", owned(signer, with_(3, header={"ordinal": 3.0})), ("broken", "A", 3)
    yield "a header with a truth value", owned(signer, with_(1, header={"position": True})), ("broken", "A", 1)
    yield "a header with a member more", owned(signer, with_(3, header={"more": 1})), ("broken", "A", 3)
    yield "a header with a blank", owned(signer, with_(3, raw='{"at": 1}')), ("broken", "A", 3)
    yield "a header that is none", owned(signer, with_(3, raw="null")), ("broken", "A", 3)
    yield "another payload", owned(signer, with_(3, said="[]")), ("broken", "A", 3)
    yield "a payload that nobody swept", owned(signer, with_(3, payload=None)), ("broken", "A", 3)
    yield "a payload that was swept", owned(signer, [swept("step"), *with_(3, payload=None)]), GOOD
    yield "a younger payload", owned(signer, [swept("step", "2026"), *with_(3, payload=None)]), ("broken", "A", 3)
    yield "another kind's payload", owned(signer, [swept("gate"), *with_(3, payload=None)]), ("broken", "A", 3)
    own = [swept("swept"), swept("step")]
    own[1].position = 1
    yield "two sweeps", owned(signer, [*own, *with_(3, payload=None)]), GOOD
    later = swept("step", "2026", position=2)
    later.position = 2
    yield "a sweep of less", owned(signer, [*own, later, *with_(3, payload=None)]), GOOD
    gone = Owned(OWN, 1, None, {"kind": "swept"})
    yield "the payload of a sweep", owned(signer, [swept("swept"), gone]), ("broken", OWN, 1)
    for content in ("[]", "null", "{}", '{"before":1,"kind":"step"}', '{"before":"2027","kind":[]}', "{", "NaN"):
        odd = Owned(OWN, 0, content, {"kind": "swept"})
        yield f"a sweep of {content}", owned(signer, [odd]), ("broken", OWN, 0)
    for content in ("[]", '{"lost":1}', '{"lost":[{"size":1}]}', '{"lost":[{"size":1,"root":"x"}]}'):
        yield (
            f"a ledger reopened with {content}",
            owned(signer, [Owned(OWN, 0, content, {"kind": "reopened"})]),
            ("broken", OWN, 0),
        )
    yield "a chain before the ledger's own", owned(signer, [Owned("!", 0), swept("step")]), none
    yield "the ledger's own chain before any", owned(signer, [swept("step"), Owned("!", 0), Owned("A", 0)]), GOOD
    texts = ["!", "A", "a", "ä", "\uffee", "\U0001f600"]
    yield "chains by code points", owned(signer, [Owned(text, 0) for text in texts]), GOOD


# edits, each with the chain and position that must be named

Edit = Callable[[list[Line]], None]
NO_BUNDLE = ("the format is another", "the manifest is a list")
"""The edits after which nothing shows that it is a bundle."""


def first_entry(lines: list[Line]) -> int:
    """The number of the line with the first entry."""
    return 1 + int(lines[0]["checkpoints"])


def at(lines: list[Line], chain: str, position: int) -> int:
    """The number of the line with an entry."""
    number = first_entry(lines)
    for name, length in lines[0]["chains"]:
        if name == chain:
            return number + position
        number += int(length)
    raise LookupError(chain)


def header_of(line: Line) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(line["header"])
    return header


def with_header(line: Line, **changes: Any) -> None:
    header = header_of(line) | changes
    line["header"] = json.dumps(header, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def flipped(text: str, place: int = 0) -> str:
    """Hex text with one digit changed."""
    return f"{text[:place]}{'0' if text[place] != '0' else '1'}{text[place + 1 :]}"


def edits() -> Iterator[tuple[str, Edit, tuple[str | None, int | None]]]:
    """Every listed edit, with what must be named."""

    def entry(change: Callable[[Line], Any], chain: str = "B ä", position: int = 1) -> Edit:
        return lambda lines: change(lines[at(lines, chain, position)])

    def manifest(**changes: Any) -> Edit:
        return lambda lines: lines[0].update(changes)

    def length(chain: str, by: int) -> Edit:
        def change(lines: list[Line]) -> None:
            lines[0]["chains"] = [[name, n + by if name == chain else n] for name, n in lines[0]["chains"]]

        return change

    def drop(lines: list[Line]) -> None:
        del lines[at(lines, "B ä", 1)]

    def swap(lines: list[Line]) -> None:
        number = at(lines, "B ä", 1)
        lines[number : number + 2] = reversed(lines[number : number + 2])

    def duplicate(lines: list[Line]) -> None:
        number = at(lines, "B ä", 1)
        lines.insert(number, lines[number])

    def insert(lines: list[Line]) -> None:
        lines.insert(at(lines, "B ä", 1), lines[at(lines, "A", 1)])

    def cut(lines: list[Line]) -> None:
        del lines[-1]

    def cut_with_manifest(lines: list[Line]) -> None:
        del lines[at(lines, "B ä", 2)]
        length("B ä", -1)(lines)

    def append(lines: list[Line]) -> None:
        lines.append(lines[-1])

    def rename(lines: list[Line]) -> None:
        lines[0]["chains"] = [["BB" if name == "B ä" else name, n] for name, n in lines[0]["chains"]]

    def rename_all(lines: list[Line]) -> None:
        for position in range(3):
            with_header(lines[at(lines, "B ä", position)], chain="BB")
        rename(lines)

    def reorder(lines: list[Line]) -> None:
        a, b = at(lines, "A", 0), at(lines, "B ä", 0)
        lines[a : b + 3] = lines[b : b + 3] + lines[a:b]

    def reorder_with_manifest(lines: list[Line]) -> None:
        reorder(lines)
        chains = lines[0]["chains"]
        chains[1:3] = reversed(chains[1:3])

    def own_last(lines: list[Line]) -> None:
        own = lines[at(lines, OWN, 0) : at(lines, "A", 0)]
        del lines[at(lines, OWN, 0) : at(lines, "A", 0)]
        lines += own
        lines[0]["chains"].append(lines[0]["chains"].pop(0))

    def without_swept(lines: list[Line]) -> None:
        del lines[at(lines, OWN, 1)]
        length(OWN, -1)(lines)

    def without_own(lines: list[Line]) -> None:
        del lines[at(lines, OWN, 0) : at(lines, "A", 0)]
        del lines[0]["chains"][0]

    def swept_payload_removed(lines: list[Line]) -> None:
        lines[at(lines, OWN, 1)].update(payload=None, salt=None)

    def checkpoint_dropped(lines: list[Line]) -> None:
        del lines[2]

    def checkpoint_dropped_with_manifest(lines: list[Line]) -> None:
        del lines[2]
        lines[0]["checkpoints"] -= 1

    def checkpoints_swapped(lines: list[Line]) -> None:
        lines[1], lines[2] = lines[2], lines[1]

    def none_left(lines: list[Line]) -> None:
        del lines[1 : first_entry(lines)]
        lines[0]["checkpoints"] = 0

    def older_newest(lines: list[Line]) -> None:
        lines[0].update(checkpoint=lines[1]["checkpoint"], checkpoints=1, size=3)
        del lines[2 : 1 + 4]

    def forged_payload(line: Line) -> None:  # as whoever has the file would do it, who cannot sign
        import hmac

        payload = '{"result":2}'
        line["payload"] = payload
        with_header(line, payload=hmac.digest(bytes.fromhex(line["salt"]), payload.encode(), "sha256").hex())

    def forged_kind(lines: list[Line]) -> None:  # so that the sweep would excuse it
        line = lines[at(lines, "B ä", 1)]
        with_header(line, kind="step")
        line.update(payload=None, salt=None)

    yield "an entry is dropped", drop, ("B ä", 1)
    yield "two entries are swapped", swap, ("B ä", 1)
    yield "an entry stands twice", duplicate, ("B ä", 2)
    yield "another chain's entry is inserted", insert, ("B ä", 1)
    yield "the last entry is cut off", cut, ("C", 3)
    yield "an entry is appended", append, (None, None)
    yield "a payload is edited", entry(lambda e: e.update(payload=e["payload"].replace("1", "2", 1))), ("B ä", 1)
    yield "a payload is edited, and its header", entry(forged_payload), ("B ä", 1)
    yield "a payload is removed", entry(lambda e: e.update(payload=None)), ("B ä", 1)
    yield "a payload is removed with its salt", entry(lambda e: e.update(payload=None, salt=None)), ("B ä", 1)
    yield "a payload is removed, and its kind changed", forged_kind, ("B ä", 1)
    yield "a payload is a number", entry(lambda e: e.update(payload=1)), ("B ä", 1)
    yield "a swept payload is empty", entry(lambda e: e.update(payload="", salt="0" * 32), position=0), ("B ä", 0)
    yield "a swept payload has a salt", entry(lambda e: e.update(salt="0" * 32), position=0), ("B ä", 0)
    yield "a salt is edited", entry(lambda e: e.update(salt=flipped(e["salt"]))), ("B ä", 1)
    yield "a salt is longer by zeros", entry(lambda e: e.update(salt=e["salt"] + "00")), ("B ä", 1)
    yield "a salt is removed", entry(lambda e: e.update(salt=None)), ("B ä", 1)
    yield "a header is edited", entry(lambda e: with_header(e, name="other")), ("B ä", 1)
    yield "a header has a blank", entry(lambda e: e.update(header=e["header"].replace(",", ", ", 1))), ("B ä", 1)
    yield "a header is none", entry(lambda e: e.update(header="[]")), ("B ä", 1)
    yield "a header is of another schema", entry(lambda e: with_header(e, schema=2)), ("B ä", 1)
    yield "a header's schema is true", entry(lambda e: with_header(e, schema=True)), ("B ä", 1)
    yield "a header names another before it", entry(lambda e: with_header(e, previous="0" * 64)), ("B ä", 1)
    yield "a header has a member more", entry(lambda e: with_header(e, more=1)), ("B ä", 1)
    yield "a proof is edited", entry(lambda e: e["inclusion"].append(flipped(e["inclusion"].pop()))), ("B ä", 1)
    yield "a proof is shortened", entry(lambda e: e["inclusion"].pop()), ("B ä", 1)
    yield "a proof is lengthened", entry(lambda e: e["inclusion"].append("0" * 64)), ("B ä", 1)
    yield "a proof is empty", entry(lambda e: e.update(inclusion=[])), ("B ä", 1)
    yield "a proof is in capitals", entry(lambda e: e.update(inclusion=[p.upper() for p in e["inclusion"]])), ("B ä", 1)
    yield "a proof is no list", entry(lambda e: e.update(inclusion={})), ("B ä", 1)
    yield "a proof holds a number", entry(lambda e: e["inclusion"].append(1)), ("B ä", 1)
    yield "a leaf is another", entry(lambda e: e.update(leaf=e["leaf"] + 1)), ("B ä", 1)
    yield "a leaf is beyond the tree", entry(lambda e: e.update(leaf=10**15)), ("B ä", 1)
    yield "a leaf is negative", entry(lambda e: e.update(leaf=e["leaf"] - 12)), ("B ä", 1)
    yield "a leaf is huge", entry(lambda e: e.update(leaf=10**30)), ("B ä", 1)
    yield "a leaf is a truth value", entry(lambda e: e.update(leaf=True), "A"), ("A", 1)
    yield "a leaf is NaN", entry(lambda e: e.update(leaf=float("nan"))), ("B ä", 1)
    yield "a leaf is infinite", entry(lambda e: e.update(leaf=float("inf"))), ("B ä", 1)
    yield "an entry has a member more", entry(lambda e: e.update(more=1)), ("B ä", 1)
    yield "an entry lacks a member", entry(lambda e: e.pop("leaf")), ("B ä", 1)
    yield "a chain is said to be longer", length("B ä", 1), ("B ä", 3)
    yield "a chain is said to be shorter", length("B ä", -1), ("C", 0)
    yield "the last chain is said to be shorter", length("C", -1), (None, None)
    yield "a chain is said to have nothing", length("C", -4), (None, None)
    yield "a chain is said to be endless", length("C", 10**15), ("C", 4)
    yield "a chain is renamed in the manifest", rename, ("BB", 0)
    yield "a chain is renamed everywhere", rename_all, ("BB", 0)
    yield "chains are reordered", reorder, ("A", 0)
    yield "chains are reordered, in the manifest, too", reorder_with_manifest, (None, None)
    yield "the ledger's own chain is last", own_last, (None, None)
    yield "the swept entry is removed", without_swept, ("A", 0)
    yield "the ledger's own chain is removed", without_own, ("A", 0)
    yield "the payload of the sweep is removed", swept_payload_removed, (OWN, 1)
    yield "a chain is named twice", lambda lines: lines[0]["chains"].insert(1, lines[0]["chains"][1]), (None, None)
    yield "a chain is no pair", lambda lines: lines[0]["chains"].append("ab"), (None, None)
    yield "a chain is a pair of members", lambda lines: lines[0]["chains"].append({"z": 1, "y": 2}), (None, None)
    yield "a chain is a number", lambda lines: lines[0].update(chains=[[1, 1]]), (None, None)
    yield "a chain's length is true", lambda lines: lines[0].update(chains=[["A", True]]), (None, None)
    yield "chains are none", manifest(chains={}), (None, None)
    yield "the format is another", manifest(format="abpo-bundle/2"), (None, None)
    yield "the origin is another", manifest(origin="example.com/other"), (None, None)
    yield "the size is another", manifest(size=11), (None, None)
    yield "the size is a text", manifest(size="12"), (None, None)
    yield "the manifest has a member more", manifest(more=1), (None, None)
    yield "the manifest is a list", lambda lines: lines.__setitem__(0, [1]), (None, None)  # type: ignore[call-overload]
    yield "the key is edited", lambda lines: lines[0].update(key=lines[0]["key"][:-2] + "AA"), (None, None)
    yield "the key is another", manifest(key=str(Signer.generate("example.org/ledger").verifier)), (None, None)
    yield "the key is none", manifest(key="none"), (None, None)
    yield "one checkpoint more is named", lambda lines: lines[0].update(checkpoints=5), (None, None)
    yield "endless checkpoints are named", manifest(checkpoints=10**300), (None, None)
    yield "a checkpoint is dropped", checkpoint_dropped, (None, None)
    yield "a checkpoint is dropped, in the manifest, too", checkpoint_dropped_with_manifest, (None, None)
    yield "two checkpoints are swapped", checkpoints_swapped, (None, None)
    yield "there are no checkpoints", none_left, (None, None)
    yield "an older checkpoint is the newest", older_newest, (OWN, 0)
    yield "a proof of growth is edited", lambda lines: lines[2]["consistency"].append("0" * 64), (None, None)
    yield "a proof of growth is shortened", lambda lines: lines[3]["consistency"].pop(), (None, None)
    yield "a proof of growth is empty", lambda lines: lines[3].update(consistency=[]), (None, None)
    yield "the first checkpoint has a proof", lambda lines: lines[1]["consistency"].append("0" * 64), (None, None)
    yield "a checkpoint is no note", lambda lines: lines[1].update(checkpoint="none"), (None, None)
    yield "a checkpoint is a number", lambda lines: lines[1].update(checkpoint=1), (None, None)
    yield (
        "the manifest's checkpoint is older",
        lambda lines: lines[0].update(checkpoint=lines[2]["checkpoint"]),
        (None, None),
    )
