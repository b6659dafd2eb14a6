"""What must hold of erasing, holding and sweeping: each property opens ledgers of its own in an empty directory.

The tests call them as they are, and again with the mutants of the modules, of which each must be noticed.
"""

from __future__ import annotations

import base64
import hashlib
import sqlite3
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, Personal, fields, process, rule, step
from abpo_sdk.errors import (
    DefinitionError,
    Erased,
    LeaseLost,
    LedgerBroken,
    OnHold,
    ReviewClosed,
    RunFailed,
    StoreUnavailable,
)
from abpo_sdk.ledger import Entry, FileVault, Ledger, Place, SqliteStore, canonical_bytes
from abpo_sdk.ledger.entry import Draft, inputs_hash, keyed_hash
from abpo_sdk.runtime import Runtime
from abpo_sdk.testing.clock import FakeClock
from abpo_sdk.values.encoded import Encoded, PersonalValue

SECRET = 'Zoë "Säcret" O\u2019Neill'
"""Written in ever so many ways: composed or decomposed, escaped or not."""
OTHER = "DE89370400440532013000"
SUBJECT = "Jane Roe of Duckburg"
DAY = timedelta(days=1)
PEOPLE = {"maria@acme": {"adjuster"}}
BY = {"by": "dpo@acme", "because": "request 17"}


@contextmanager
def opened(directory: Path, **options: Any) -> Iterator[Ledger]:
    options.setdefault("clock", FakeClock())
    with Ledger(f"sqlite:///{directory / 'ledger.db'}", **options) as ledger:
        yield ledger


def draft(ledger: Ledger, ordinal: int, kind: Any = "step", result: Any = 1, **secrets: tuple[str, str]) -> Draft:
    """An entry with a result in clear, and personal fields, each with its subject; they are what was given, too."""
    personal = tuple(PersonalValue((name,), name, subject) for name, (_, subject) in secrets.items())
    values = {name: value for name, (value, _) in secrets.items()}
    inputs = Encoded(dict(values), personal)
    return Draft(Place("/", ordinal), kind, "work", {"result": result, **values}, ledger.clock.now(), personal, inputs)


def write(ledger: Ledger, chain: str, *drafts: Draft) -> list[Entry]:
    with ledger.writing() as writer:
        return writer.append(chain, drafts)


def contents(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir()}


def forms(text: str) -> set[bytes]:
    """How a text may be found in a file: in clear, encoded, or as a plain hash."""
    found: set[bytes] = set()
    for normal in {text, unicodedata.normalize("NFD", text), unicodedata.normalize("NFC", text)}:
        for data in {normal.encode(), normal.encode("utf-16-le"), normal.encode("utf-16-be"), canonical_bytes(normal)}:
            found |= {data, data.hex().encode(), data.hex().upper().encode()}
            for start in range(3):  # as it stands in the base64 of something longer
                encoded = base64.b64encode(b"\0" * start + data)
                found.add(encoded[4 if start else 0 : -4])
            for name in ("md5", "sha1", "sha256", "sha512"):
                digest = hashlib.new(name, data)
                found |= {digest.digest(), digest.hexdigest().encode(), base64.b64encode(digest.digest())}
        found.add(normal.encode("ascii", "backslashreplace"))
        found.add(normal.encode("ascii", "xmlcharrefreplace"))
    return {form for form in found if len(form) > 5}


def assert_nowhere(directory: Path, *texts: str) -> None:
    for name, data in contents(directory).items():
        for text in texts:
            for form in forms(text):
                assert form not in data, f"{name} holds {text!r} as {form[:40]!r}"


def assert_not_guessable(directory: Path, *guesses: Any) -> None:
    """Whoever has all files, and the right guess, cannot tell that it is right."""
    with closing(SqliteStore(directory / "ledger.db")) as store:
        entries = list(store.scan())
    salts = [entry.salt for entry in entries if entry.salt] + [b""]
    with closing(sqlite3.connect(directory / "ledger.db.keys")) as connection:
        salts += [value for row in connection.execute("SELECT * FROM vault") for value in row if type(value) is bytes]
        salts += [value for row in connection.execute("SELECT * FROM keys") for value in row if type(value) is bytes]
    stored = b"".join(contents(directory).values())
    for guess in guesses:
        for salt in salts:
            for data in (canonical_bytes(guess), b"inputs\n" + canonical_bytes(guess), str(guess).encode()):
                hashed = keyed_hash(salt, data)
                assert hashed.encode() not in stored
                assert bytes.fromhex(hashed) not in stored
            assert inputs_hash(salt, Encoded(guess)).encode() not in stored


# erasing


def an_erasure_leaves_nothing_readable_or_guessable(directory: Path) -> None:
    with opened(directory) as ledger:
        write(ledger, "R-1", draft(ledger, 0, name=(SECRET, SUBJECT)), draft(ledger, 1, iban=(OTHER, "Bolt")))
        write(ledger, "R-2", draft(ledger, 0, name=(SECRET, SUBJECT), iban=(OTHER, "Bolt")))
        key = next(iter(ledger.vault.identifiers(SUBJECT)))
        value = ledger.vault.key(key)
        receipt = ledger.erase(SUBJECT, **BY)
        assert (receipt.keys, receipt.chains, receipt.abandoned) == ((key,), 2, ())
        said = ledger.store.entry("$ledger", Place("/erased/", 0))
        assert said is not None
        assert ledger.payload(said) == {"because": "request 17", "by": "dpo@acme", "keys": [key]}
        for chain in ("R-1", "R-2"):
            with pytest.raises(Erased):
                ledger.payload(ledger.entries(chain)[0], purpose="look")
        assert ledger.payload(ledger.entries("R-1")[1], purpose="look")["iban"] == OTHER
        assert ledger.export_subject(SUBJECT).empty
        assert ledger.export_subject("Bolt")["value"].tolist() == [OTHER, OTHER]
        verified = ledger.verify()
        assert (verified.erased, verified.swept) == (2, 0)
        assert_nowhere(directory, SECRET, SUBJECT)
        assert value is not None
        assert not any(value in data for data in contents(directory).values())
        assert_not_guessable(directory, SECRET, {"name": SECRET}, {"name": SECRET, "iban": OTHER}, SUBJECT)
    assert_nowhere(directory, SECRET, SUBJECT)


def an_erasure_leaves_every_proof_as_it_was(directory: Path) -> None:
    with opened(directory) as ledger:
        for chain in ("R-1", "R-2", "R-3"):
            write(ledger, chain, draft(ledger, 0, name=(SECRET, SUBJECT)), draft(ledger, 1))
        checkpoint = ledger.seal()
        tree, note = ledger.tree(), ledger.checkpoint()
        proofs = [tree.inclusion(index, checkpoint.size) for index in range(checkpoint.size)]
        headers = list(ledger.store.headers())
        ledger.erase(SUBJECT, **BY)
        after = ledger.tree()
        assert after.root(checkpoint.size) == checkpoint.root
        assert [after.inclusion(index, checkpoint.size) for index in range(checkpoint.size)] == proofs
        assert ledger.checkpoint() == note
        assert list(ledger.store.headers()) == headers
        assert ledger.verify().sealed == checkpoint.size
        ledger.seal()
        assert ledger.verify().unsealed == 0
        assert ledger.verify_headers() == checkpoint.size + 1


def what_comes_after_an_erasure_has_a_key_of_its_own(directory: Path) -> None:
    with opened(directory) as ledger:
        write(ledger, "R-1", draft(ledger, 0, name=("first", SUBJECT)))
        one = ledger.erase(SUBJECT, **BY)
        write(ledger, "R-2", draft(ledger, 0, name=("second", SUBJECT)))
        assert ledger.export_subject(SUBJECT)["value"].tolist() == ["second"]
        assert ledger.verify().erased == 1
        two = ledger.erase(SUBJECT, **BY)
        assert (len(one.keys), len(two.keys)) == (1, 1)
        assert one.keys != two.keys
        assert (two.chains, two.entry) == (1, "$ledger/erased/1")
        three = ledger.erase(SUBJECT, **BY)
        assert (three.keys, three.chains, three.entry) == ((), 0, "$ledger/erased/2")
        assert ledger.erase("nobody", **BY).keys == ()
        assert ledger.export_subject(SUBJECT).empty
        assert ledger.verify().erased == 2


class Broken(Exception):
    """What an unreliable vault raises."""


class Unreliable(FileVault):
    """A vault that fails at the first erasure."""

    fails = True

    def erase(self, identifiers: Any) -> None:
        if identifiers and self.fails:
            self.fails = False
            raise Broken
        super().erase(identifiers)


def an_erasure_that_was_cut_short_is_finished_later(directory: Path) -> None:
    with opened(directory, vault=Unreliable(directory / "ledger.db.keys")) as ledger:
        write(ledger, "R-1", draft(ledger, 0, name=(SECRET, SUBJECT)))
        write(ledger, "R-2", draft(ledger, 0, iban=(OTHER, "Bolt")))
        with pytest.raises(Broken):
            ledger.erase(SUBJECT, **BY)
        with pytest.raises(LedgerBroken, match=r"is there again, although its subject was erased"):
            ledger.verify()
        ledger.erase("Bolt", **BY)  # and so does any other erasure
        assert ledger.verify().erased == 2
        write(ledger, "R-3", draft(ledger, 0, name=(SECRET, SUBJECT)))
        ledger.vault.fails = True  # type: ignore[attr-defined]
        with pytest.raises(Broken):
            ledger.erase(SUBJECT, **BY)
    with opened(directory) as ledger:
        assert ledger.vault.identifiers(SUBJECT) == ()
        assert ledger.verify().erased == 3


def an_erasure_that_is_not_recorded_deletes_nothing(directory: Path) -> None:
    with opened(directory, timeout=0.05) as ledger:
        write(ledger, "R-1", draft(ledger, 0, name=(SECRET, SUBJECT)))
        with closing(sqlite3.connect(directory / "ledger.db", isolation_level=None)) as other:
            other.execute("CREATE TRIGGER full BEFORE INSERT ON abpo_entries BEGIN SELECT RAISE(FAIL, 'no room'); END")
            with pytest.raises(StoreUnavailable):
                ledger.erase(SUBJECT, **BY)
            other.execute("DROP TRIGGER full")
        assert ledger.export_subject(SUBJECT)["value"].tolist() == [SECRET]
        assert ledger.verify().erased == 0


# holding


def a_hold_forbids_erasing_until_every_matter_is_released(directory: Path) -> None:
    with opened(directory) as ledger:
        write(ledger, "R-1", draft(ledger, 0, name=(SECRET, SUBJECT)))
        ledger.hold(SUBJECT, "Doe v. Acme", "counsel@acme")
        ledger.hold(SUBJECT, "audit 2026", "auditor@acme")
        with pytest.raises(OnHold, match=r"counsel@acme holds .* for 'Doe v. Acme' since 2026-01-05T.*auditor@acme"):
            ledger.erase(SUBJECT, **BY)
        with pytest.raises(DefinitionError, match="there is no hold for 'another matter'"):
            ledger.release(SUBJECT, "another matter", "counsel@acme", "it is over")
        assert ledger.release(SUBJECT, "Doe v. Acme", "counsel@acme", "it is over") == 1
        with pytest.raises(OnHold, match=r"auditor@acme holds .* for 'audit 2026'") as caught:
            ledger.erase(SUBJECT, **BY)
        assert "Doe" not in str(caught.value)
        assert ledger.export_subject(SUBJECT)["value"].tolist() == [SECRET]
        assert ledger.erase("Bolt", **BY).keys == ()
        assert ledger.release(SUBJECT, "audit 2026", "auditor@acme", "it is over") == 1
        with pytest.raises(DefinitionError, match="there is no hold"):
            ledger.release(SUBJECT, "audit 2026", "auditor@acme", "it is over")
        assert len(ledger.erase(SUBJECT, **BY).keys) == 1
        assert ledger.verify().erased == 1


def a_hold_keeps_sweeps_from_every_chain_with_its_subject(directory: Path) -> None:
    clock = FakeClock()
    with opened(directory, clock=clock) as ledger:
        ledger.hold(SUBJECT, "Doe v. Acme", "counsel@acme")  # before there is anything
        write(ledger, "R-1", draft(ledger, 0), draft(ledger, 1, name=(SECRET, SUBJECT)))
        write(ledger, "R-2", draft(ledger, 0))
        clock.advance(DAY)
        sweep = ledger.retain("step", timedelta(0))
        assert (sweep.payloads, sweep.held, sweep.open) == (1, 1, 0)
        assert [entry.payload is None for entry in ledger.entries("R-1")] == [False, False]
        assert ledger.export_subject(SUBJECT)["value"].tolist() == [SECRET]
        ledger.release(SUBJECT, "Doe v. Acme", "counsel@acme", "it is over")
        assert ledger.retain("step", timedelta(0)).payloads == 2
        assert ledger.verify().swept == 3


# sweeping


def a_sweep_takes_what_is_older_and_nothing_else(directory: Path) -> None:
    clock = FakeClock()
    with opened(directory, clock=clock) as ledger:
        write(ledger, "R-1", draft(ledger, 0, result=SECRET, name=(OTHER, SUBJECT)), draft(ledger, 1, "raised"))
        clock.advance(timedelta(microseconds=1))
        write(ledger, "R-2", draft(ledger, 0))
        ledger.seal()
        checkpoint = ledger.checkpoint()
        clock.advance(DAY)
        sweep = ledger.retain("step", DAY)  # what is exactly a day old is kept
        assert (sweep.payloads, sweep.open, sweep.held) == (1, 0, 0)
        assert [(e.chain, e.kind) for e in ledger.store.scan() if e.payload is None] == [("R-1", "step")]
        assert ledger.export_subject(SUBJECT).empty
        with pytest.raises(Erased, match="the time to keep it is over"):
            ledger.payload(ledger.entries("R-1")[0])
        assert ledger.checkpoint() == checkpoint
        verified = ledger.verify()
        assert (verified.swept, verified.erased, verified.unsealed) == (1, 0, 1)
        assert "ledger.db-wal" in contents(directory)
        assert_nowhere(directory, SECRET)
        ledger.rebuild()
        assert ledger.verify().swept == 1


def a_payload_that_no_sweep_covers_is_missed(directory: Path) -> None:
    clock = FakeClock()
    with opened(directory, clock=clock) as ledger:
        write(ledger, "R-1", draft(ledger, 0), draft(ledger, 1, "raised"))
        clock.advance(DAY)
        write(ledger, "R-2", draft(ledger, 0))
        ledger.retain("step", timedelta(hours=12))
        assert ledger.verify().swept == 1
        for chain, position in (("R-1", 1), ("R-2", 0), ("$ledger", 0)):
            (there,) = [entry for entry in ledger.entries(chain) if entry.position == position]
            with ledger.writing() as writer:
                writer.tx.forget(chain, position)
            with pytest.raises(LedgerBroken):
                ledger.verify()
            with closing(sqlite3.connect(directory / "ledger.db")) as connection, connection:
                connection.execute(
                    "UPDATE abpo_entries SET payload = ?, salt = ?, ciphertext = ? WHERE chain = ? AND position = ?",
                    (there.payload, there.salt, there.ciphertext, chain, position),
                )
            assert ledger.verify().swept == 1


# runs


class Claim(BaseModel):
    number: str
    customer: str
    amount: int
    iban: Annotated[str, Personal("bank account", subject_field="customer")]


c = fields(Claim)
settlement = DecisionTable("settlement", rule(c.amount <= 100, then="pay", because="small"), otherwise="refer")
approval = Gate("approval", when=c.amount > 100, to="adjuster")


class Bank:
    """What pays; `in_between` is called in the middle of it."""

    def __init__(self) -> None:
        self.paid: list[str] = []
        self.in_between: Callable[[], object] = lambda: None

    def pay(self, number: str) -> None:
        self.paid.append(number)
        self.in_between()


@step
def pay(claim: Claim, *, bank: Any) -> str:
    bank.pay(claim.number)
    return claim.number


@step
def check(claim: Claim) -> Claim:
    if claim.amount < 0:
        raise ValueError(f"no account {claim.iban}")
    return claim


@process
def settle(claim: Claim, *, bank: Any) -> Claim:
    checked = check(claim)
    pay(approval(settlement(checked)).case, bank=bank)
    pay(checked, bank=bank)
    return checked


@process
def careful(claim: Claim) -> str:
    try:
        return check(claim).number
    except ValueError:
        return "caught"


def claim(number: str, *, amount: int = 50, customer: str = "K-1") -> Claim:
    return Claim(number=number, customer=customer, amount=amount, iban=OTHER)


def open_runs_of_a_subject_are_abandoned(directory: Path) -> None:
    bank = Bank()
    with opened(directory) as ledger, Runtime(ledger, [settle.bind(bank=bank)], people=PEOPLE) as runtime:
        waiting = runtime.start(settle, claim("1", amount=500), id="waiting")
        incident = runtime.start(settle, claim("2", amount=-1), id="incident")
        done = runtime.start(settle, claim("3"), id="done")
        other = runtime.start(settle, claim("4", amount=500, customer="K-2"), id="other")
        [review] = waiting.reviews
        before = incident.incident
        assert before is not None
        assert OTHER in before.error
        receipt = ledger.erase("K-1", **BY)
        assert sorted(receipt.abandoned) == ["incident", "waiting"]
        statuses = [run.status for run in (waiting, incident, done, other)]
        assert statuses == ["abandoned", "abandoned", "done", "waiting"]
        reason = r"was abandoned by dpo@acme: what it works on was erased, see \$ledger/erased/0"
        for run in (waiting, incident):
            with pytest.raises(RunFailed, match=reason):
                run.result()
            assert run.reviews == ()
            assert run.incident is None
        assert [r.run for r in runtime.reviews()] == ["other"]
        assert runtime.tick().advanced == ()
        with pytest.raises(ReviewClosed, match="closed with its run"):
            review.answer("pay", by="maria@acme", because="fine")
        assert ledger.verify().erased > 0
        ledger.rebuild()
        assert [run.status for run in (waiting, incident, done, other)] == statuses


def messages_of_errors_go_with_the_subject(directory: Path) -> None:
    with opened(directory) as ledger, Runtime(ledger, [settle.bind(bank=Bank())], people=PEOPLE) as runtime:
        run = runtime.start(settle, claim("1", amount=-1), id="R")
        [failed] = [entry for entry in run.entries if entry.kind == "incident"]
        assert OTHER in ledger.payload(failed, purpose="look")["error"]["message"]
        receipt = ledger.erase("K-1", **BY)
        assert len(receipt.keys) == 2
        with pytest.raises(Erased):
            ledger.payload(failed, purpose="look")
        assert ledger.export_subject("run:R").empty
        assert ledger.verify().erased > 0


def a_worker_in_the_middle_of_a_step_writes_nothing_more(directory: Path) -> None:
    bank = Bank()
    with opened(directory) as ledger, Runtime(ledger, [settle.bind(bank=bank)], people=PEOPLE) as runtime:
        with opened(directory) as elsewhere:
            bank.in_between = lambda: elsewhere.erase("K-1", **BY)
            with pytest.raises(LeaseLost):
                runtime.start(settle, claim("1"), id="R")
        assert bank.paid == ["1"]
        run = runtime.run("R")
        assert [entry.kind for entry in run.entries][-1] == "abandoned"
        assert "finished" not in [entry.kind for entry in run.entries]
        assert run.status == "abandoned"
        assert runtime.tick().advanced == ()
        ledger.verify()


def open_runs_are_not_swept(directory: Path) -> None:
    clock = FakeClock()
    bank = Bank()
    with opened(directory, clock=clock) as ledger, Runtime(ledger, [settle.bind(bank=bank)], people=PEOPLE) as runtime:
        waiting = runtime.start(settle, claim("1", amount=500), id="waiting")
        incident = runtime.start(settle, claim("2", amount=-1), id="incident")
        done = runtime.start(settle, claim("3"), id="done")

        def interrupted() -> None:
            raise KeyboardInterrupt

        bank.in_between = interrupted
        with pytest.raises(KeyboardInterrupt):
            runtime.start(settle, claim("4"), id="running")
        bank.in_between = lambda: None
        clock.advance(DAY)
        sweep = ledger.retain("step", timedelta(0))
        assert (sweep.open, sweep.held) == (2, 0)  # the incident has no step yet
        assert ledger.retain("started", timedelta(0)).open == 3
        assert {entry.chain for entry in ledger.store.scan() if entry.payload is None} == {"done"}
        ledger.verify()
        assert runtime.tick().advanced == ("running",)
        [review] = waiting.reviews
        review.answer("pay", by="maria@acme", because="fine")
        assert waiting.result().iban == OTHER
        assert incident.status == "incident"
        with pytest.raises(Erased, match=r"swept.*see \$ledger/swept/1"):
            done.status  # noqa: B018
        ledger.verify()


PROPERTIES: dict[str, tuple[Callable[[Path], None], ...]] = {
    "erasure": (
        an_erasure_leaves_nothing_readable_or_guessable,
        an_erasure_leaves_every_proof_as_it_was,
        what_comes_after_an_erasure_has_a_key_of_its_own,
        an_erasure_that_was_cut_short_is_finished_later,
        an_erasure_that_is_not_recorded_deletes_nothing,
        a_hold_forbids_erasing_until_every_matter_is_released,
        open_runs_of_a_subject_are_abandoned,
        messages_of_errors_go_with_the_subject,
        a_worker_in_the_middle_of_a_step_writes_nothing_more,
    ),
    "retention": (
        a_hold_keeps_sweeps_from_every_chain_with_its_subject,
        a_sweep_takes_what_is_older_and_nothing_else,
        a_payload_that_no_sweep_covers_is_missed,
        open_runs_are_not_swept,
    ),
}
