"""Personal content that once got out, and values that once came back other than they went in."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, field_validator
from typing_extensions import TypeAliasType

from abpo_sdk import Personal, process, step
from abpo_sdk.errors import DefinitionError, LossyRoundTrip, StoreUnavailable
from abpo_sdk.testing import TestRuntime
from abpo_sdk.values import Codec

SECRET = "DE0212030SECRET"
Iban = TypeAliasType("Iban", Annotated[str, Personal("bank account", subject_field="supplier")])


class Aliased(BaseModel):
    supplier: str
    iban: Iban
    others: list[Iban]


class Contact(BaseModel):
    n: int


@step
def keep(account: Aliased) -> Aliased:
    return account


@step
def make(n: int) -> Contact:
    return Contact(n=n)


@step
def save(contacts: Annotated[dict[str, Contact], Personal("contacts", subject_field="owner")], owner: str) -> str:
    return owner


@process
def keeping(account: Aliased) -> str:
    keep(account)
    return save({SECRET: make(1)}, "o-1")


def test_nothing_behind_an_alias_and_no_key_of_a_personal_mapping_is_in_the_clear(tmp_path: Path):
    with TestRuntime(f"sqlite:///{tmp_path / 'abpo.db'}") as runtime:
        account = Aliased(supplier="s-1", iban=SECRET, others=[SECRET])
        run = runtime.start(keeping, account, id="R")
        assert run.status == "done"
        assert [path.name for path in tmp_path.iterdir() if SECRET.encode() in path.read_bytes()] == []
        saved = next(entry for entry in run.entries if entry.name == "save")
        assert saved.content["from"] == {"contacts": "/1"}


class OwnSubject(BaseModel):
    mail: Annotated[str, Personal("mail", subject_field="mail")]


def test_a_subject_that_is_itself_personal_is_refused_when_it_is_declared():
    with pytest.raises(DefinitionError, match="is personal, and so is its subject_field 'mail'"):
        Codec(OwnSubject, where="a case")
    with pytest.raises(DefinitionError, match="parameter 'mail' is personal, and so is its subject_field"):

        @step
        def send(mail: Annotated[str, Personal("mail", subject_field="mail")]) -> None: ...


class Checked(BaseModel):
    supplier: str
    iban: Annotated[str, Personal("bank account", subject_field="supplier")]

    @field_validator("iban")
    @classmethod
    def known(cls, value: str) -> str:
        if value.endswith("BAD"):
            raise ValueError(f"no valid account: {value}")
        return value


@pytest.mark.parametrize("value", [f"{SECRET}BAD", 7])
def test_no_error_about_a_personal_field_shows_it_nor_does_its_cause(value: Any):
    codec = Codec(Checked, where="a case")
    with pytest.raises(LossyRoundTrip) as caught:
        codec.round_trip(Checked.model_construct(supplier="s-1", iban=value))
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@step
def say(text: str) -> str:
    return text


@step
def refuse(amount: float) -> None:
    raise ValueError(amount)


@process
def with_floats(case: dict[str, Any]) -> list[str]:
    said = [say(f"amount {case['amount']}")]
    try:
        refuse(100.0)
    except ValueError as error:
        said.append(say(str(error)))
    ask_once()
    return said


TRIES: list[int] = []


@step
def ask_once() -> None:
    TRIES.append(1)
    if len(TRIES) == 1:
        raise KeyboardInterrupt


def test_floats_are_the_same_on_replay_in_the_case_and_in_exceptions(runtime: TestRuntime):
    TRIES.clear()
    with pytest.raises(KeyboardInterrupt):
        runtime.start(with_floats, {"amount": 100.0}, id="R")
    runtime.tick()
    assert runtime.run("R").result() == ["amount 100", "100.0"]


REFUSED: list[str] = []


@step
def read() -> Checked:
    return Checked(supplier="s-1", iban="DE1")


@step
def pay(account: Checked) -> str:
    TRIES.append(1)
    if len(TRIES) == 1:
        raise KeyboardInterrupt
    return "paid"


@step
def write_refusal() -> str:
    REFUSED.append("refused")
    return "refused"


@process
def careful() -> str:
    try:
        account = read()
    except Exception:
        return write_refusal()
    return pay(account)


def test_keys_that_are_locked_on_replay_do_not_send_the_process_down_another_branch(tmp_path: Path):
    TRIES.clear()
    path = tmp_path / "abpo.db"
    with TestRuntime(f"sqlite:///{path}", [careful]) as runtime, pytest.raises(KeyboardInterrupt):
        runtime.start(careful, id="R")
    with TestRuntime(f"sqlite:///{path}", [careful]) as runtime:
        runtime.ledger.vault._timeout = 0.05
        with closing(sqlite3.connect(f"{path}.keys", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(StoreUnavailable, match="keys"):
                runtime.tick()
            other.execute("ROLLBACK")
        assert REFUSED == []
        assert runtime.run("R").status == "running"
        runtime.tick()
        assert runtime.run("R").result() == "paid"
