from __future__ import annotations

import base64
import hmac
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, Personal, fields, process, rule, step
from abpo_sdk.errors import Erased, LedgerBroken, NotCanonical
from abpo_sdk.ledger import Entry, FileVault, Ledger, MemoryVault, Place, canonical_bytes, parse_json
from abpo_sdk.ledger.encryption import decrypt, encrypt, labels, masked, open_box, same_inputs
from abpo_sdk.ledger.entry import Draft
from abpo_sdk.testing.clock import START
from abpo_sdk.testing.runtime import TestRuntime
from abpo_sdk.values.encoded import Encoded, PersonalValue

SECRET = "DE89370400440532013000"


def written(ledger: Ledger, *drafts: Draft, chain: str = "C-1") -> list[Entry]:
    with ledger.writing() as writer:
        return writer.append(chain, drafts)


def forget(path: Path, subject: str) -> None:
    """Lose one subject's key, as an erasure does."""
    with closing(FileVault(Path(f"{path}.keys"))) as vault:
        (identifier,) = vault.identifiers(subject)
        vault.erase([identifier])


# what a sealed entry shows, and to whom


def test_a_sealed_field_is_read_with_a_purpose_and_masked_without_one(
    ledger: Ledger, draft: Callable[..., Draft]
) -> None:
    (entry,) = written(ledger, draft(secret=SECRET, result="seen"))
    assert ledger.payload(entry, purpose="payment") == {"result": "seen", "iban": SECRET}
    assert ledger.payload(entry) == masked(entry) == {"result": "seen", "iban": "<bank account>"}
    assert labels(entry) == {("iban",): "bank account"}


def test_an_entry_without_anything_personal_has_nothing_beside_it(ledger: Ledger, draft: Callable[..., Draft]) -> None:
    (entry,) = written(ledger, draft(result={"a": [1, None]}, inputs=Encoded({"b": 1})))
    assert entry.ciphertext is None
    assert ledger.payload(entry) == ledger.payload(entry, purpose="any") == {"result": {"a": [1, None]}}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.tuples(json_values, st.sampled_from([None, "ACME", "Bolt"])), min_size=1, max_size=5), json_values)
@settings(max_examples=60, deadline=None)
def test_whatever_is_sealed_comes_back_and_the_draft_stays_as_it_was(
    items: list[tuple[Any, str | None]], given_: Any
) -> None:
    vault = MemoryVault()
    values = [value for value, _ in items]
    personal = tuple(
        PersonalValue(("result", number), "secret", subject) for number, (_, subject) in enumerate(items) if subject
    )
    inputs = Encoded([given_], tuple(PersonalValue((0,), "secret", p.subject) for p in personal))
    draft = Draft(Place("/", 0), "step", "work", {"result": values}, START, personal, inputs)
    before = canonical_bytes({"result": values})
    ledger = Ledger("sqlite://", vault=vault)
    (entry,) = written(ledger, draft)
    assert canonical_bytes(draft.payload) == before
    assert canonical_bytes(decrypt(entry, vault)) == before
    assert same_inputs(entry, inputs, vault)
    assert ledger.verify().entries == 1
    for number, (value, subject) in enumerate(items):
        expected = "<secret>" if subject else value
        assert canonical_bytes(masked(entry)["result"][number]) == canonical_bytes(expected)
    ledger.close()


def test_what_looks_like_a_commitment_and_is_the_callers_own_data_stays_so(
    ledger: Ledger, draft: Callable[..., Draft]
) -> None:
    (entry,) = written(ledger, draft(result={"$sealed": "a text of the caller"}, secret=SECRET))
    assert ledger.payload(entry, purpose="test")["result"] == {"$sealed": "a text of the caller"}
    assert ledger.verify().entries == 1


def test_equal_values_have_commitments_that_differ(ledger: Ledger, draft: Callable[..., Draft]) -> None:
    entries = written(ledger, draft(0, secret=SECRET), draft(1, secret=SECRET))
    commitments = {entry.content["iban"]["$sealed"] for entry in entries}
    assert len(commitments) == 2
    assert len({entry.salt for entry in entries}) == 2


def test_a_commitment_cannot_be_guessed_from_what_lies_beside_it(ledger: Ledger, draft: Callable[..., Draft]) -> None:
    """Whoever has the ledger without its keys and knows every salt that lies open cannot check a guess."""
    guess = Encoded({"iban": SECRET}, (PersonalValue(("iban",), "bank account", "ACME"),))
    (entry,) = written(ledger, draft(secret=SECRET, inputs=guess))
    assert entry.salt is not None
    assert entry.ciphertext is not None
    commitment = entry.content["iban"]["$sealed"]
    beside = parse_json(entry.ciphertext)
    assert beside["fields"][0]["commitment"] == commitment
    open_keys = [entry.salt, b"", beside["fields"][0]["key"].encode(), bytes.fromhex(beside["fields"][0]["key"])]
    for key in open_keys:
        for form in (canonical_bytes(SECRET), SECRET.encode(), canonical_bytes(guess.tree)):
            assert hmac.digest(key, form, "sha256").hex() not in (commitment, entry.head["inputs"])
            assert hmac.digest(key, b"inputs\n" + form, "sha256").hex() != entry.head["inputs"]


# no plaintext anywhere


class Account(BaseModel):
    holder: str
    country: str
    total: Decimal
    iban: Annotated[str, Personal("bank account", subject_field="holder")]
    pin: Annotated[int, Personal("pin", subject_field="holder")]


a = fields(Account)
check_account = DecisionTable(
    "check_account",
    rule(a.iban == "XX00", then="reject", because="the account is blocked"),
    rule(a.total > 10, then="pay", because="the total is large enough"),
    otherwise="refer",
    owner="payments",
)
ask_cashier = Gate("ask_cashier", when=(a.pin > 1) | (a.iban != "XX00"), to="cashier")


@step
def transfer(account: Account) -> Account:
    return account


@process
def pay_account(account: Account) -> Account:
    decision = ask_cashier(check_account(account))
    moved = transfer(account)
    return moved if decision.outcome == "pay" else account


def files_of(path: Path) -> Iterator[bytes]:
    for file in path.parent.iterdir():
        if file.is_file():
            yield file.read_bytes()


def test_no_personal_plaintext_is_in_any_file_after_a_run_neither_in_the_log_nor_after_a_checkpoint(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger.db"
    account = Account(holder="h-1", country="DE", total=Decimal(12), iban=SECRET, pin=83710452)
    with TestRuntime(f"sqlite:///{path}", [pay_account]) as runtime:
        run = runtime.start(pay_account, account, id="P-1")
        run.review.answer("pay", by=runtime.someone("cashier"), because="checked")
        assert run.result() == account
        assert any(file.name.endswith("-wal") for file in tmp_path.iterdir())
        in_log = list(files_of(path))
        assert any(b"h-1" in data for data in in_log)  # what is not personal is there to be found
        for data in in_log:
            assert SECRET.encode() not in data
            assert b"83710452" not in data
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            dump = "\n".join(connection.iterdump())
        assert SECRET not in dump
        for data in files_of(path):
            assert SECRET.encode() not in data
            assert b"83710452" not in data
        frame = runtime.decisions("check_account", purpose="test")
        assert frame["iban"].tolist() == [SECRET]
        assert frame["pin"].tolist() == [83710452]


@step
def refuse(account: Account) -> str:
    raise ValueError(f"no such account: {account.iban}")


@process
def fail_twice(account: Account) -> str:
    try:
        refuse(account)
    except ValueError:
        return refuse(account)
    return "never"


def test_no_personal_plaintext_of_an_error_message_is_in_any_file(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    account = Account(holder="h-1", country="DE", total=Decimal(12), iban=SECRET, pin=83710452)
    with TestRuntime(f"sqlite:///{path}", [fail_twice]) as runtime:
        run = runtime.start(fail_twice, account, id="P-1")
        assert run.status == "incident"
        assert run.incident is not None
        assert {e.kind for e in run.entries} >= {"raised", "incident"}
        for data in files_of(path):
            assert SECRET.encode() not in data
        runtime.ledger.verify()


@pytest.mark.parametrize("deep", [False, True])
def test_a_refused_personal_value_is_named_and_not_shown(deep: bool) -> None:
    number = 12345678901234567890  # beyond what JSON numbers hold
    value: Any = {"inner": [number]} if deep else number
    draft = Draft(Place("/", 0), "step", "work", {"pin": value}, START, (PersonalValue(("pin",), "pin code", "ACME"),))
    with pytest.raises(NotCanonical, match="pin code at pin") as caught:
        encrypt(draft, MemoryVault())
    assert str(number) not in str(caught.value)
    given_ = replace(
        draft, payload={}, personal=(), inputs=Encoded({"pin": value}, (PersonalValue(("pin",), "pin code", "ACME"),))
    )
    with pytest.raises(NotCanonical, match="'work': what was given") as caught:
        encrypt(given_, MemoryVault())
    assert str(number) not in str(caught.value)


def test_a_refused_value_that_is_not_personal_is_shown() -> None:
    draft = Draft(Place("/", 0), "step", "work", {}, START, (), Encoded({"n": 2**53}))
    with pytest.raises(NotCanonical, match="9007199254740992"):
        encrypt(draft, MemoryVault())


def test_a_payload_nested_100_000_deep_is_refused_by_name_with_and_without_personal_parts() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    for personal in ((), (PersonalValue(("iban",), "bank account", "ACME"),)):
        with pytest.raises(NotCanonical, match="nested"):
            encrypt(
                Draft(Place("/", 0), "step", "work", {"result": value, "iban": "x"}, START, personal), MemoryVault()
            )


# lost keys


def test_a_lost_key_makes_its_subjects_content_unreadable_and_leaves_the_rest(
    path: Path, open_ledger: Callable[..., Ledger], draft: Callable[..., Draft]
) -> None:
    written(open_ledger(), draft(0, secret=SECRET, subject="ACME"), draft(1, secret="AT61", subject="Bolt"))
    forget(path, "ACME")
    ledger = open_ledger()
    lost, kept = ledger.entries("C-1")
    with pytest.raises(Erased, match="bank account") as caught:
        ledger.payload(lost, purpose="payment")
    assert "C-1" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert ledger.payload(lost) == {"result": 1, "iban": "<bank account>"}
    assert ledger.payload(kept, purpose="payment")["iban"] == "AT61"


def test_a_subject_whose_key_was_lost_gets_a_new_one_that_opens_nothing_old(
    path: Path, open_ledger: Callable[..., Ledger], draft: Callable[..., Draft]
) -> None:
    written(open_ledger(), draft(0, secret=SECRET))
    forget(path, "ACME")
    ledger = open_ledger()
    (new,) = written(ledger, draft(1, secret="AT61"))
    assert ledger.payload(new, purpose="payment")["iban"] == "AT61"
    with pytest.raises(Erased):
        ledger.payload(ledger.entries("C-1")[0], purpose="payment")


# what does not fit


def test_boxes_swapped_between_entries_are_found(
    path: Path, open_ledger: Callable[..., Ledger], draft: Callable[..., Draft]
) -> None:
    ledger = open_ledger()
    one, two = written(ledger, draft(0, secret=SECRET), draft(1, secret="AT61"))
    swapped = one._replace(ciphertext=two.ciphertext)
    assert two.ciphertext is not None
    box = parse_json(two.ciphertext)["fields"][0]
    box["commitment"] = one.content["iban"]["$sealed"]  # as if it belonged here
    with pytest.raises(LedgerBroken, match="was changed"):
        open_box(swapped, box, ledger.vault)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE abpo_entries SET ciphertext = ? WHERE position = 0", (two.ciphertext,))
        connection.execute("UPDATE abpo_entries SET ciphertext = ? WHERE position = 1", (one.ciphertext,))
    with pytest.raises(LedgerBroken) as caught:
        ledger.verify()
    assert (caught.value.chain, caught.value.entry) == ("C-1", 0)


def test_keys_of_another_ledger_open_nothing(tmp_path: Path, draft: Callable[..., Draft]) -> None:
    ledger = Ledger("sqlite://")
    (entry,) = written(ledger, draft(secret=SECRET))
    assert entry.ciphertext is not None
    identifier = parse_json(entry.ciphertext)["fields"][0]["key"]
    other = FileVault(tmp_path / "other.keys")
    other.key_for("ACME")
    with closing(sqlite3.connect(tmp_path / "other.keys", isolation_level=None)) as connection:
        connection.execute("UPDATE keys SET id = ?", (identifier,))
    with pytest.raises(LedgerBroken, match="keys are another ledger's") as caught:
        decrypt(entry, other)
    assert SECRET not in str(caught.value)
    other.close()
    ledger.close()


def test_a_box_that_holds_something_else_than_its_commitment_says_is_found_though_its_key_opens_it(
    ledger: Ledger, draft: Callable[..., Draft]
) -> None:
    (entry,) = written(ledger, draft(secret=SECRET))
    assert entry.ciphertext is not None
    box = parse_json(entry.ciphertext)["fields"][0]
    opened = open_box(entry, box, ledger.vault)
    assert opened is not None
    key = ledger.vault.key(box["key"])
    assert key is not None
    forged = AESGCM(key).encrypt(bytes(12), canonical_bytes({**opened, "value": "AT61"}), box["commitment"].encode())
    box["box"] = base64.b64encode(bytes(12) + forged).decode()
    with pytest.raises(LedgerBroken, match="not what its commitment says") as caught:
        open_box(entry, box, ledger.vault)
    assert SECRET not in str(caught.value)


# inputs


def inputs_of(iban: str, *subjects: str) -> Encoded:
    return Encoded({"iban": iban}, tuple(PersonalValue(("iban",), "bank account", subject) for subject in subjects))


@pytest.mark.parametrize("subjects", [(), ("ACME",), ("ACME", "Bolt")])
def test_the_same_inputs_are_known_again_and_others_are_not(
    ledger: Ledger, draft: Callable[..., Draft], subjects: tuple[str, ...]
) -> None:
    (entry,) = written(ledger, draft(inputs=inputs_of(SECRET, *subjects)))
    assert ledger.same_inputs(entry, inputs_of(SECRET, *subjects))
    assert ledger.same_inputs(entry, inputs_of(SECRET))
    assert not ledger.same_inputs(entry, inputs_of("AT61", *subjects))
    assert not ledger.same_inputs(entry, Encoded({"iban": SECRET}, files={"a.txt": None}))


def test_an_entry_that_was_given_nothing_is_made_from_anything(ledger: Ledger, draft: Callable[..., Draft]) -> None:
    (entry,) = written(ledger, draft())
    assert ledger.same_inputs(entry, Encoded({"a": 1}))


@pytest.mark.parametrize("lost", ["ACME", "Bolt"])
def test_inputs_of_two_subjects_cannot_be_compared_any_more_once_either_is_erased(
    path: Path, open_ledger: Callable[..., Ledger], draft: Callable[..., Draft], lost: str
) -> None:
    written(open_ledger(), draft(inputs=inputs_of(SECRET, "ACME", "Bolt")))
    forget(path, lost)
    ledger = open_ledger()
    with pytest.raises(Erased, match="compared"):
        ledger.same_inputs(ledger.entries("C-1")[0], inputs_of(SECRET, "ACME", "Bolt"))


def test_a_changed_box_of_inputs_is_a_broken_ledger(ledger: Ledger, draft: Callable[..., Draft]) -> None:
    one, two = written(ledger, draft(0, inputs=inputs_of(SECRET, "ACME")), draft(1, inputs=inputs_of(SECRET, "Bolt")))
    assert one.ciphertext is not None
    assert two.ciphertext is not None
    beside = parse_json(one.ciphertext)
    beside["inputs"]["box"] = parse_json(two.ciphertext)["inputs"]["box"]
    with pytest.raises(LedgerBroken, match="inputs"):
        ledger.same_inputs(one._replace(ciphertext=canonical_bytes(beside)), inputs_of(SECRET, "ACME"))
