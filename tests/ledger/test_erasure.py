"""A person is forgotten: what they left cannot be read or guessed, whoever does what meanwhile, and all proofs hold."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from abpo_sdk import Personal
from abpo_sdk.errors import (
    DefinitionError,
    Erased,
    LedgerBroken,
    NotCanonical,
    OnHold,
    StoreUnavailable,
)
from abpo_sdk.ledger import FileVault, Ledger, MemoryVault, Place, new_master_key
from abpo_sdk.ledger.rows import ErasureRow, HoldRow
from abpo_sdk.runtime import Runtime
from abpo_sdk.values.decision import Decision
from tests.ledger.erasing import (
    BY,
    OTHER,
    PEOPLE,
    PROPERTIES,
    SECRET,
    SUBJECT,
    Bank,
    claim,
    contents,
    draft,
    opened,
    settle,
    write,
)


class Pair(BaseModel):
    one: str
    two: str
    left: Annotated[str, Personal("left", subject_field="one")]
    right: Annotated[str, Personal("right", subject_field="two")]


ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("holds", PROPERTIES["erasure"], ids=lambda holds: holds.__name__)
def test_what_is_promised_of_erasing_and_holding(holds: Callable[[Path], None], tmp_path: Path) -> None:
    holds(tmp_path)


# what is asked for


@pytest.mark.parametrize("said", ["", " ", "\n", None, 5, "\ud800"])
@pytest.mark.parametrize("name", ["subject", "by", "because"])
def test_what_says_nothing_is_refused_before_anything_is_changed(name: str, said: Any, tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        write(ledger, "R-1", draft(ledger, 0, name=(SECRET, SUBJECT)))
        before = contents(tmp_path)
        with pytest.raises(DefinitionError, match=name):
            ledger.erase(**({"subject": SUBJECT, **BY} | {name: said}))
        if name != "because":
            with pytest.raises(DefinitionError, match=name):
                ledger.hold(**({"subject": "new", "matter": "audit", "by": "a"} | {name: said}))
        with pytest.raises(DefinitionError, match="matter"):
            ledger.hold("new", said, "auditor@acme")
        with pytest.raises(DefinitionError, match=name):
            ledger.release(**({"subject": SUBJECT, "matter": "audit", **BY} | {name: said}))
        assert contents(tmp_path) == before
        assert ledger.export_subject(SUBJECT)["value"].tolist() == [SECRET]


@pytest.mark.parametrize(
    "subject", ["ÄÖ\u0301\U0001f600", "a/b%2F$ledger", "' OR 1=1 --", "x" * 10_000, "run:R-1", "\0"]
)
def test_subjects_may_be_called_anything(subject: str, tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        write(ledger, "R-1", draft(ledger, 0, name=(SECRET, subject), iban=(OTHER, f"{subject} ")))
        assert len(ledger.erase(subject, **BY).keys) == 1
        assert ledger.export_subject(subject).empty
        assert ledger.export_subject(f"{subject} ")["value"].tolist() == [OTHER]
        assert ledger.verify().erased == 1
    assert not any(subject.encode() in data for name, data in contents(tmp_path).items() if subject != "\0")


def test_the_same_letters_in_another_form_are_another_subject(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        write(ledger, "R-1", draft(ledger, 0, name=(SECRET, "Zo\u00eb")))
        assert ledger.erase("Zoe\u0308", **BY).keys == ()
        assert len(ledger.erase("Zo\u00eb", **BY).keys) == 1


def test_two_subjects_in_one_entry_are_erased_one_by_one(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        [entry] = write(ledger, "R-1", draft(ledger, 0, name=(SECRET, SUBJECT), iban=(OTHER, "Bolt")))
        ledger.erase("Bolt", **BY)
        assert ledger.export_subject("Bolt").empty
        assert ledger.export_subject(SUBJECT)["value"].tolist() == [SECRET]
        assert ledger.payload(entry) == {"result": 1, "name": "<name>", "iban": "<iban>"}
        with pytest.raises(Erased, match="iban"):
            ledger.payload(entry, purpose="look")
        with pytest.raises(Erased, match="cannot be compared"):
            ledger.same_inputs(entry, draft(ledger, 0, name=(SECRET, SUBJECT)).inputs)  # type: ignore[arg-type]
        ledger.erase(SUBJECT, **BY)
        assert ledger.verify().erased == 2


def test_a_ledger_in_memory_erases_too() -> None:
    with Ledger("sqlite://") as ledger:
        write(ledger, "R-1", draft(ledger, 0, name=(SECRET, SUBJECT)))
        assert len(ledger.erase(SUBJECT, **BY).keys) == 1
        assert ledger.export_subject(SUBJECT).empty
        assert ledger.verify().erased == 1


def test_a_receipt_says_what_was_done_and_names_nobody_but_who_did_it(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        write(ledger, "R-1", draft(ledger, 0, name=(SECRET, SUBJECT)))
        receipt = ledger.erase(SUBJECT, **BY)
        assert str(receipt) == (
            "erased on 2026-01-05 09:00 UTC by dpo@acme (request 17): 1 keys, content in 1 runs or records, "
            "0 open runs abandoned; see entry $ledger/erased/0"
        )
        assert SUBJECT not in repr(receipt)
        assert SECRET not in repr(receipt)


# what holds stand against


def test_a_message_that_may_repeat_what_is_on_hold_is_kept_and_the_erasure_refused(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        write(
            ledger,
            "R-1",
            draft(ledger, 0, name=(SECRET, SUBJECT), iban=(OTHER, "Bolt")),
            draft(ledger, 1, message=(f"no account {SECRET}", "run:R-1")),
        )
        ledger.hold("Bolt", "Doe v. Acme", "counsel@acme")
        with pytest.raises(
            OnHold, match=r"counsel@acme holds messages of errors in run 'R-1', which go with this subject, for 'Doe"
        ):
            ledger.erase(SUBJECT, **BY)
        assert ledger.verify().erased == 0
        ledger.release("Bolt", "Doe v. Acme", **BY)
        assert len(ledger.erase(SUBJECT, **BY).keys) == 2


def test_a_hold_on_a_subject_without_data_holds_what_comes_and_nothing_that_went(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        write(ledger, "R-1", draft(ledger, 0, name=("first", SUBJECT)))
        ledger.erase(SUBJECT, **BY)
        assert ledger.hold(SUBJECT, "Doe v. Acme", "counsel@acme") == "$ledger/held/0"
        with pytest.raises(OnHold):
            ledger.erase(SUBJECT, **BY)
        write(ledger, "R-2", draft(ledger, 0, name=("second", SUBJECT)))
        with pytest.raises(OnHold):
            ledger.erase(SUBJECT, **BY)
        assert ledger.release(SUBJECT, "Doe v. Acme", **BY) == 1
        ledger.erase(SUBJECT, **BY)
        assert ledger.verify().erased == 2


def test_one_matter_may_hold_twice_and_is_released_at_once(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        ledger.hold(SUBJECT, "Doe v. Acme", "counsel@acme")
        ledger.hold(SUBJECT, "Doe v. Acme", "partner@acme")
        assert ledger.release(SUBJECT, "Doe v. Acme", **BY) == 2
        ledger.erase(SUBJECT, **BY)
        ledger.rebuild()
        assert [row.released_at is None for row in ledger.store.select(HoldRow)] == [False, False]
        ledger.verify()


# crashes, and keys that come back


@contextmanager
def process(directory: Path, do: str) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.ledger.eraser", str(directory), do, SUBJECT],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "ready\n"
        yield child
    finally:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()


def go(*children: subprocess.Popen[str]) -> list[str]:
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    return [child.stdout.readline().strip() for child in children if child.stdout is not None]


@pytest.mark.parametrize(
    ("moment", "erased"),
    [
        ("before the entry", False),
        ("before the keys go", True),
        ("while the keys go", True),
        ("after the keys went", True),
    ],
)
def test_an_erasure_whose_process_is_killed_happened_wholly_or_not_at_all(
    moment: str, erased: bool, tmp_path: Path
) -> None:
    with opened(tmp_path) as ledger, Runtime(ledger, [settle.bind(bank=Bank())], people=PEOPLE) as runtime:
        runtime.start(settle, claim("1", amount=500, customer=SUBJECT), id="R")
        (key,) = (ledger.vault.key(k) for k in ledger.vault.identifiers(SUBJECT))
    with process(tmp_path, moment) as child:
        assert go(child) == [""]
        assert child.wait() == -9
    with opened(tmp_path) as ledger, Runtime(ledger, [settle.bind(bank=Bank())], people=PEOPLE) as runtime:
        assert ledger.export_subject(SUBJECT).empty is erased
        assert (ledger.verify().erased > 0) is erased
        assert runtime.run("R").status == ("abandoned" if erased else "waiting")
        assert any(key in data for data in contents(tmp_path).values()) is not erased  # type: ignore[operator]
        assert len(ledger.erase(SUBJECT, **BY).keys) == (0 if erased else 1)
        assert ledger.export_subject(SUBJECT).empty
        ledger.verify()


def test_an_erasure_that_failed_after_its_entry_is_done_again_and_counts_what_it_finishes(tmp_path: Path) -> None:
    with opened(tmp_path, vault=FileVault(tmp_path / "ledger.db.keys", timeout=0)) as ledger:
        write(ledger, "R-1", draft(ledger, 0, name=(SECRET, SUBJECT)))
        (key,) = ledger.vault.identifiers(SUBJECT)
        with closing(FileVault(tmp_path / "ledger.db.keys")) as other:
            other.key(key)
            assert other._connection is not None
            other._connection.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable, match="locked"):
                ledger.erase(SUBJECT, **BY)
            other._connection.execute("ROLLBACK")
        receipt = ledger.erase(SUBJECT, **BY)
        assert (receipt.keys, receipt.chains, receipt.entry) == ((key,), 1, "$ledger/erased/1")
        assert ledger.verify().erased == 1
        ledger.rebuild()
        assert ledger.verify().erased == 1


def test_keys_that_were_restored_are_named_and_erasing_again_mends_it(tmp_path: Path) -> None:
    keys, copy = tmp_path / "ledger.db.keys", tmp_path.parent / f"{tmp_path.name}.copy"
    with opened(tmp_path) as ledger:
        write(ledger, "R-1", draft(ledger, 0, name=(SECRET, SUBJECT)))
        shutil.copy(keys, copy)
        write(ledger, "R-2", draft(ledger, 0, iban=(OTHER, "Bolt")))
        ledger.erase(SUBJECT, **BY)
        ledger.erase("Bolt", **BY)
    shutil.copy(copy, keys)
    with opened(tmp_path) as ledger:
        with pytest.raises(
            LedgerBroken, match=r"'R-1', entry 0: the key of its encrypted name is there again"
        ) as caught:
            ledger.verify()
        assert "old keys" in str(caught.value)
        assert SECRET not in str(caught.value)
        receipt = ledger.erase(SUBJECT, **BY)
        assert (len(receipt.keys), receipt.chains) == (1, 1)
        assert ledger.verify().erased == 2


def test_keys_that_were_restored_go_again_when_the_ledger_is_opened_or_the_subject_is_held(tmp_path: Path) -> None:
    keys, copy = tmp_path / "ledger.db.keys", tmp_path.parent / f"{tmp_path.name}.copy"
    with opened(tmp_path) as ledger:
        write(ledger, "R-1", draft(ledger, 0, name=(SECRET, SUBJECT)))
        shutil.copy(keys, copy)
        ledger.erase(SUBJECT, **BY)
        shutil.copy(copy, keys)
        assert ledger.export_subject(SUBJECT)["value"].tolist() == [SECRET]
        ledger.hold(SUBJECT, "Doe v. Acme", "counsel@acme")  # holds what comes, and brings nothing back
        assert ledger.export_subject(SUBJECT).empty
        assert ledger.verify().erased == 1
    shutil.copy(copy, keys)
    with opened(tmp_path) as ledger:
        assert ledger.export_subject(SUBJECT).empty
        assert ledger.verify().erased == 1


def test_a_ledger_opens_without_its_master_key_after_an_erasure(tmp_path: Path) -> None:
    secret = new_master_key()
    with opened(tmp_path, vault=FileVault(tmp_path / "ledger.db.keys", master=secret)) as ledger:
        write(ledger, "R-1", draft(ledger, 0, name=(SECRET, SUBJECT)), draft(ledger, 1, iban=(OTHER, "Bolt")))
        ledger.erase(SUBJECT, **BY)
    with opened(tmp_path) as ledger:
        assert ledger.verify(content=False).entries == 3


def test_a_ledger_opens_when_an_erasure_of_it_was_damaged_and_verification_names_it(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        write(ledger, "R-1", draft(ledger, 0, name=(SECRET, SUBJECT)))
        ledger.erase(SUBJECT, **BY)
        with ledger.writing() as writer:
            writer.tx.forget("$ledger", 0)
    with opened(tmp_path) as ledger, pytest.raises(LedgerBroken, match=r"'\$ledger', entry 0"):
        ledger.verify()


def test_keys_are_not_missed_where_a_ledger_was_erased_and_are_where_it_was_not(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        write(ledger, "R-1", draft(ledger, 0, name=(SECRET, SUBJECT)), draft(ledger, 1, iban=(OTHER, "Bolt")))
        ledger.erase(SUBJECT, **BY)
        assert ledger.verify().erased == 1
        ledger.vault.erase(ledger.vault.identifiers("Bolt"))
        with pytest.raises(LedgerBroken, match=r"entry 1: the key of its encrypted iban is missing, and nothing says"):
            ledger.verify()


# others at work


class Watched(FileVault):
    """A vault in whose erasures something happens, between the entry that says so and the keys' end."""

    in_between: Callable[[], object] | None = None

    def erase(self, identifiers: Sequence[str]) -> None:
        call, self.in_between = self.in_between, None
        if call is not None and identifiers:
            call()
        super().erase(identifiers)


def unsure(name: str) -> Decision:
    return Decision("claims", "1", "refer", "refer", ("pay", "refer"), 0.4, (), claim(name, customer=SUBJECT), ())


def test_what_is_written_while_keys_are_about_to_go_is_whole_or_erased_and_never_broken(tmp_path: Path) -> None:
    vault = Watched(tmp_path / "ledger.db.keys")
    with opened(tmp_path, vault=vault) as ledger, opened(tmp_path) as other:
        runtime = Runtime(other, [settle.bind(bank=Bank())], people=PEOPLE)
        runtime.start(settle, claim("0", customer=SUBJECT), id="before")

        def meanwhile() -> None:
            write(other, "W", draft(other, 0, name=(SECRET, SUBJECT)))
            other.record(unsure("1"), key="D")
            runtime.start(settle, claim("2", amount=500, customer=SUBJECT), id="waiting")
            runtime.start(settle, claim("3", customer=SUBJECT), id="done")
            runtime.start(settle, claim("4", amount=-1, customer=SUBJECT), id="incident")

        vault.in_between = meanwhile
        ledger.erase(SUBJECT, **BY)
        assert set(other.export_subject(SUBJECT)["run_id"]) == {"W", "D", "waiting", "done", "incident"}
        assert ledger.verify().erased > 0
        statuses = {run.id: run.status for run in runtime.runs()}
        assert statuses == {"before": "done", "waiting": "waiting", "done": "done", "incident": "incident"}
        assert runtime.run("done").result().iban == OTHER  # what began after the erasure has a key of its own
        [review] = runtime.reviews()
        review.answer("pay", by="maria@acme", because="fine")
        assert runtime.run("waiting").result().iban == OTHER
        assert ledger.verify().erased > 0
        ledger.erase(SUBJECT, **BY)
        assert other.export_subject(SUBJECT).empty
        ledger.verify()


def test_what_was_encrypted_before_an_erasure_and_is_written_after_it_has_a_key_that_is_there(tmp_path: Path) -> None:
    bank = Bank()
    with opened(tmp_path) as ledger, Runtime(ledger, [settle.bind(bank=bank)], people=PEOPLE) as runtime:
        runtime.start(settle, claim("1", customer=SUBJECT), id="before")
        true, erased = ledger.encrypted, []

        def encrypted(given: Any) -> Any:
            parts = true(given)
            if parts.keys and not erased:
                erased.append(1)
                ledger.erase(SUBJECT, **BY)
            return parts

        ledger.encrypted = encrypted  # type: ignore[method-assign]
        run = runtime.start(settle, claim("2", customer=SUBJECT), id="R")
        assert erased == [1]
        assert run.result().iban == OTHER
        for entry in run.entries:
            ledger.payload(entry, purpose="nothing of it is erased")
        assert set(ledger.export_subject(SUBJECT)["run_id"]) == {"R"}
        assert ledger.verify().erased > 0


def test_many_who_write_and_erase_at_once_leave_a_whole_ledger(tmp_path: Path) -> None:
    chance = random.Random(11)
    rounds, problems = 12, []
    start = threading.Barrier(4)

    def guarded(do: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                do()
            except BaseException as error:  # the others must not wait for ever
                problems.append(error)
                start.abort()

        return threading.Thread(target=run)

    def writes(name: str) -> Callable[[], None]:
        pauses = [chance.randrange(4) for _ in range(rounds)]

        def do() -> None:
            with opened(tmp_path) as ledger:
                for number in range(rounds):
                    start.wait()
                    for extra in range(pauses[number] + 1):
                        first = draft(ledger, extra, name=(SECRET, SUBJECT))
                        if extra % 2:
                            write(ledger, f"{name}-{number}", first)
                        else:  # encrypted before the transaction
                            parts = ledger.encrypted(first)
                            with ledger.writing() as writer:
                                writer.append_encrypted(f"{name}-{number}", [(first, parts)])

        return do

    def erases() -> None:
        with opened(tmp_path) as ledger:
            for _ in range(rounds):
                start.wait()
                ledger.erase(SUBJECT, **BY)

    with opened(tmp_path) as ledger:
        write(ledger, "R-1", draft(ledger, 0, name=(SECRET, SUBJECT)))
        threads = [guarded(writes("A")), guarded(writes("B")), guarded(erases), guarded(erases)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        verified = ledger.verify()
        assert verified.erased > 0
        ledger.erase(SUBJECT, **BY)
        assert ledger.export_subject(SUBJECT).empty
        ledger.rebuild()
        assert ledger.verify().erased >= verified.erased


def test_two_processes_that_erase_the_same_subject_at_once_both_say_so(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        write(ledger, "R-1", draft(ledger, 0, name=(SECRET, SUBJECT)))
        with process(tmp_path, "erase") as one, process(tmp_path, "erase") as two:
            said = go(one, two)
        assert all(text.startswith("erased") for text in said)
        assert ledger.export_subject(SUBJECT).empty
        assert len(ledger.entries("$ledger")) == 2
        assert ledger.verify().erased == 1


def test_a_hold_and_an_erasure_by_two_processes_at_once_never_both_have_the_same_content(tmp_path: Path) -> None:
    for number in range(6):
        directory = tmp_path / str(number)
        directory.mkdir()
        with opened(directory) as ledger:
            write(ledger, "R-1", draft(ledger, 0, name=(SECRET, SUBJECT)))
            with process(directory, "erase") as one, process(directory, "hold") as two:
                said = go(one, two) if number % 2 else list(reversed(go(two, one)))
            assert said[1] == "$ledger/held/0"
            assert said[0].split()[0] in ("erased", "OnHold")
            held = {row.key for row in ledger.store.select(HoldRow)}
            erased = {row.id for row in ledger.store.select(ErasureRow)}
            assert held
            assert not held & erased
            assert ledger.export_subject(SUBJECT).empty is (said[0] != "OnHold")
            ledger.verify()


def test_a_hold_that_comes_while_keys_are_about_to_go_holds_none_of_them(tmp_path: Path) -> None:
    vault = Watched(tmp_path / "ledger.db.keys")
    with opened(tmp_path, vault=vault) as ledger, opened(tmp_path) as other:
        write(ledger, "R-1", draft(ledger, 0, name=(SECRET, SUBJECT)))
        vault.in_between = lambda: other.hold(SUBJECT, "Doe v. Acme", "counsel@acme")
        (gone,) = ledger.erase(SUBJECT, **BY).keys
        assert gone not in {row.key for row in ledger.store.select(HoldRow)}
        ledger.verify()


def test_a_frozen_or_read_only_ledger_erases_nothing(open_directory: Path, unprivileged: Callable[[], Any]) -> None:
    path = open_directory
    with opened(path) as ledger:
        write(ledger, "R-1", draft(ledger, 0, name=(SECRET, SUBJECT)))
        for file in path.iterdir():
            os.chmod(file, 0o666)
    os.chmod(path / "ledger.db", 0o444)
    with unprivileged(), opened(path) as ledger:
        with pytest.raises(StoreUnavailable, match="read-only"):
            ledger.erase(SUBJECT, **BY)
        assert ledger.export_subject(SUBJECT)["value"].tolist() == [SECRET]


def test_a_vault_of_ones_own_may_give_a_subject_several_keys_and_all_go(tmp_path: Path) -> None:
    class Two(MemoryVault):
        def identifiers(self, subject: str) -> tuple[str, ...]:
            other = f"{subject} again"
            return super().identifiers(subject) + (super().identifiers(other) if subject == SUBJECT else ())

    with opened(tmp_path, vault=Two()) as ledger:
        write(
            ledger, "R-1", draft(ledger, 0, name=("one", SUBJECT)), draft(ledger, 1, name=("two", f"{SUBJECT} again"))
        )
        ledger.hold(SUBJECT, "Doe v. Acme", "counsel@acme")
        with pytest.raises(OnHold):
            ledger.erase(SUBJECT, **BY)
        ledger.release(SUBJECT, "Doe v. Acme", **BY)
        assert len(ledger.erase(SUBJECT, **BY).keys) == 2
        assert ledger.verify().erased == 2


def test_a_name_that_is_no_text_is_refused_by_what_reads(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        with pytest.raises(DefinitionError):
            ledger.export_subject("")
        with pytest.raises((DefinitionError, NotCanonical)):
            ledger.export_subject("\ud800")
        assert ledger.store.entry("$ledger", Place("/erased/", 0)) is None


def test_a_verification_that_meets_an_erasure_on_its_way_takes_it_for_one(tmp_path: Path) -> None:
    class Meets(FileVault):
        do: Callable[[], object] | None = None

        def key(self, identifier: str) -> bytes | None:
            do, self.do = self.do, None
            if do is not None:
                do()
            return super().key(identifier)

    vault = Meets(tmp_path / "ledger.db.keys")
    with opened(tmp_path, vault=vault) as ledger, opened(tmp_path) as other:
        write(ledger, "R-1", draft(ledger, 0, name=(SECRET, SUBJECT)))
        vault.do = lambda: other.erase(SUBJECT, **BY)
        assert ledger.verify().erased == 1


def test_what_is_not_erased_of_a_case_is_in_the_frame(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        case = Pair(one="A", two="B", left="of A", right="of B")
        ledger.record(Decision("claims", "1", "pay", "pay", ("pay", "refer"), 1.0, (), case, ()), key="D")
        ledger.erase("A", **BY)
        frame = ledger.decisions(purpose="look")
        assert frame["right"].tolist() == ["of B"]
        assert frame["left"].isna().all()
        assert list(ledger.decisions().columns)[-2:] == ["one", "two"]


def test_the_length_of_what_is_encrypted_does_not_tell_what_it_was(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        values = (True, False, None, 0, "m", "female", "x" * 20)
        lengths = set()
        for number, value in enumerate(values):
            [entry] = write(ledger, f"R-{number}", draft(ledger, 0, flag=(value, SUBJECT)))  # type: ignore[arg-type]
            assert ledger.payload(entry, purpose="look")["flag"] == value
            lengths.add(len(entry.ciphertext or b""))
        assert len(lengths) == 1
        ledger.verify()
