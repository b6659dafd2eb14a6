from __future__ import annotations

import hashlib
import hmac
import itertools
import secrets
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from abpo_sdk.errors import Erased
from abpo_sdk.ledger import Entry, Ledger, Place, canonical_bytes
from abpo_sdk.ledger.entry import (
    GENESIS,
    SCHEMA,
    Draft,
    ciphertext_hash,
    inputs_hash,
    keyed_hash,
    leaf_hash,
    payload_hash,
)
from abpo_sdk.values.encoded import Encoded, PersonalValue

AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
SALT = bytes(16)

# what an entry looked like when schema 1 was settled; stored ledgers hold this, so it never changes
GOLDEN_HEADER_0 = (
    b'{"at":"2026-01-05T09:00:00.000000Z","chain":"INV-7","inputs":null,"kind":"step","name":"read_invoice'
    b'","ordinal":0,"payload":"8a72e80b15ec72895a21bc03efede0b90b46eb156d56cd2bb723f9daf190cb3a","position'
    b'":0,"previous":"0000000000000000000000000000000000000000000000000000000000000000","schema":1,"scope"'
    b':"/","sealed":null}'
)
GOLDEN_HEADER_1 = (
    b'{"at":"2026-01-05T09:00:00.000000Z","chain":"INV-7","inputs":"1d5500017841a8bf1f7ffc5e68c29c7bd462af'
    b'87e38f1cdd0a5a98eae5be3627","kind":"step","name":"book","ordinal":1,"payload":"65ec30127203a90d68b23'
    b'f862957ed5f9886a8692fc419637c8cc22743ed7472","position":1,"previous":"2479b9f703f85eaf5472810fda4749'
    b'34cea2d5ac00f103e508ce53bf98bcf07b","schema":1,"scope":"/","sealed":"a986e730c2250f6ab6d2d8ac4430119'
    b'bcc3baab73a4c31546fbf636f9f42798e"}'
)
GOLDEN_PAYLOAD_1 = (
    b'{"result":{"iban":{"$sealed":"2a33c3ae0de005ad56153c18fb59d055c8b90252ff4616ed9b5aed096276b255"},"ok":true}}'
)
# since schema 2, values are filled up before they are encrypted
GOLDEN_CIPHERTEXT_1 = (
    b'{"fields":[{"box":"BQUFBQUFBQUFBQUFbQCvBdb+LWOKLuoj88dnchdnWBFRFtY7Bz15LSsL9RgWkalqPK/4JWsbaehQh8tNw'
    b"ouRz3wz5cnrfmvfeHmiXzcu+LBu2wqhVU6nFDJy0YKTy3suHUtnXSCwAp2G5ZtNYAQoFMlZNskc9hJzB9leCoEa8vSutq0C3SAg8"
    b'8DqyxFkQq2JEayr8dZ1PJ9b","commitment":"2a33c3ae0de005ad56153c18fb59d055c8b90252ff4616ed9b5aed096276b'
    b'255","key":"0202020202020202","label":"bank account","path":["result","iban"]}],"inputs":{"box":"Bwc'
    b'HBwcHBwcHBwcHEivCpRJunKM8mH3lIRCi87O4PKrTN1HP13U+57/D0Go=","keys":["0202020202020202"]}}'
)


@pytest.fixture
def counted_randomness(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random bytes that are the same on every run: 00.., 01.., 02.., one value for each call."""
    numbers = itertools.count()
    monkeypatch.setattr(secrets, "token_bytes", lambda size: bytes([next(numbers)]) * size)


def golden_entries() -> list[Entry]:
    ledger = Ledger("sqlite://")
    inputs = Encoded({"number": "7", "iban": "DE89"}, (PersonalValue(("iban",), "bank account", "ACME"),))
    drafts = [
        Draft(Place("/", 0), "step", "read_invoice", {"result": {"total": "1.10", "n": 1.0, "é": None}}, AT),
        Draft(
            Place("/", 1),
            "step",
            "book",
            {"result": {"iban": "DE89", "ok": True}},
            AT,
            (PersonalValue(("result", "iban"), "bank account", "ACME"),),
            inputs,
        ),
    ]
    with ledger.writing() as writer:
        entries = writer.append("INV-7", drafts)
    assert ledger.verify().entries == 2
    assert [ledger.payload(entry, purpose="test")["result"] for entry in entries] == [
        {"total": "1.10", "n": 1, "é": None},
        {"iban": "DE89", "ok": True},
    ]
    ledger.close()
    return entries


def test_the_stored_form_of_a_plain_entry_is_what_it_has_been_since_schema_1(counted_randomness: None) -> None:
    entry = golden_entries()[0]
    assert entry.header == GOLDEN_HEADER_0
    assert entry.payload == '{"result":{"n":1,"total":"1.10","é":null}}'.encode()
    assert entry.salt == bytes(16)
    assert entry.ciphertext is None


def test_the_stored_form_of_an_entry_with_something_personal_is_what_it_has_been_since_schema_2(
    counted_randomness: None,
) -> None:
    entry = golden_entries()[1]
    assert entry.header == GOLDEN_HEADER_1
    assert entry.payload == GOLDEN_PAYLOAD_1
    assert entry.salt == b"\x01" * 16
    assert entry.ciphertext == GOLDEN_CIPHERTEXT_1


def test_the_hashes_of_the_stored_form_are_those_that_its_description_says(counted_randomness: None) -> None:
    first, second = golden_entries()
    assert first.payload is not None
    assert second.payload is not None
    assert second.ciphertext is not None
    for entry in (first, second):
        assert entry.salt is not None
        assert entry.payload is not None
        assert entry.head["payload"] == hmac.new(entry.salt, entry.payload, "sha256").hexdigest()
        assert entry.hash == hashlib.sha256(b"\x00" + entry.header).hexdigest()  # RFC 6962, section 2.1
    assert first.head["previous"] == "0" * 64 == GENESIS
    assert second.head["previous"] == first.hash
    assert second.head["sealed"] == hashlib.sha256(second.ciphertext).hexdigest()
    assert first.head["schema"] == 1 == SCHEMA


def test_an_entry_tells_what_its_header_says(counted_randomness: None) -> None:
    entry = golden_entries()[1]
    assert (entry.kind, entry.name, entry.at, entry.place) == ("step", "book", AT, Place("/", 1))


def test_an_entry_without_its_payload_has_no_content(counted_randomness: None) -> None:
    with pytest.raises(Erased, match="its payload was removed"):
        _ = golden_entries()[0]._replace(payload=None, salt=None).content


def test_an_entry_does_not_show_its_content_when_it_is_printed(counted_randomness: None) -> None:
    assert "1.10" not in repr(golden_entries()[0])


@pytest.mark.parametrize(
    ("place", "text", "inner"),
    [
        (Place("/", 2), "/2", "/2/"),
        (Place("/2/", 0), "/2/0", "/2/0/"),
        (Place("run", 1), "run:1", "run1/"),
    ],
)
def test_a_place_is_written_with_its_scope_and_names_the_scope_inside(place: Place, text: str, inner: str) -> None:
    assert (str(place), place.inner) == (text, inner)


def test_the_hash_of_inputs_covers_values_and_the_contents_of_files() -> None:
    hashes = {
        inputs_hash(SALT, inputs)
        for inputs in (
            Encoded({"a": 1}),
            Encoded({"a": 2}),
            Encoded({"a": 1}, files={"f.txt": None}),
            Encoded({"a": 1}, files={"f.txt": "00"}),
            Encoded({"a": 1}, files={"g.txt": "00"}),
        )
    }
    assert len(hashes) == 5


def test_the_hash_of_inputs_is_never_that_of_a_payload_with_the_same_content() -> None:
    assert inputs_hash(SALT, Encoded({"a": 1})) != payload_hash(SALT, canonical_bytes({"a": 1}))


@given(st.binary(max_size=30), st.binary(max_size=30))
@settings(max_examples=50, deadline=None)
def test_a_payload_has_another_hash_under_another_salt_and_other_bytes_have_another_hash(
    one: bytes, other: bytes
) -> None:
    assert (leaf_hash(one) == leaf_hash(other)) is (one == other)
    assert (ciphertext_hash(one) == ciphertext_hash(other)) is (one == other)
    assert (payload_hash(SALT, one) == payload_hash(SALT, other)) is (one == other)
    assert payload_hash(SALT, one) != payload_hash(b"1" * 16, one)
    assert ciphertext_hash(None) is None


@given(salt=st.binary(max_size=64), data=st.binary(max_size=200))
@example(salt=b"", data=b"")
@example(salt=b"\xff" * 64, data=b"x" * 64)
def test_a_keyed_hash_is_the_hmac_of_the_standard_library(salt: bytes, data: bytes) -> None:
    assert keyed_hash(salt, data) == hmac.new(salt, data, "sha256").hexdigest()
