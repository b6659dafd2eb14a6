"""Starting runs, finding them again, and what they say of themselves."""

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, Ledger, Personal, Runtime, SystemClock, fields, process, rule, step
from abpo_sdk.errors import (
    DefinitionError,
    DuplicateRun,
    EncryptionError,
    LossyRoundTrip,
    MistypedInput,
    ReviewError,
    RunFailed,
    RunNotDone,
    UnknownProcess,
    UnknownRun,
)


class Size(StrEnum):
    SMALL = "small"


class Claim(BaseModel):
    number: int
    amount: Decimal = Decimal("1.10")
    tags: set[str] = set()
    size: Size = Size.SMALL
    iban: Annotated[str, Personal("bank account", subject_field="number")] = "DE02"


c = fields(Claim)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer")
approval = Gate("approval", when=c.amount > 400, to="controller")


@step
def give(value: Any) -> Any:
    return value


@step
def exact(claim: Claim, parts: tuple[Decimal, ...], at: datetime) -> tuple[Claim, tuple[Decimal, ...], datetime]:
    return claim, parts, at


@step
def fail(number: int) -> int:
    raise ValueError(f"no {number}")


@process
def pay(claim: Claim) -> str:
    return approval(claims(claim)).outcome


@process
def failing(number: int) -> int:
    return fail(number)


@process
def giving(kind: str) -> str:
    values = {"decimal": Decimal("1.10"), "tuple": (1, 2), "datetime": datetime(2026, 1, 1, tzinfo=UTC), "bool": True}
    return str(give(values[kind]))


@process
def exactly(claim: Claim) -> bool:
    parts, at = (Decimal("1.10"), Decimal("0")), datetime(2026, 1, 1, tzinfo=UTC)
    back = exact(claim, parts, at)
    assert back[0] is not claim
    return back == (claim, parts, at) and type(back[0].size) is Size and str(back[1][0]) == "1.10"


@process
def result_is_lossy(number: int) -> Any:
    return Decimal(number)


@process
def takes_anything(value: Any, other: int = 3) -> Any:
    return value


@process
def dated(at: datetime) -> str:
    return at.isoformat()


@process
def wired(number: int, *, factor: Any) -> int:
    return number * factor


@step
def count_to(number: int, *, calls: Any) -> list[int]:
    calls.append(number)
    return list(range(number))


@process
def counting(number: int, *, calls: Any) -> list[int]:
    return count_to(number, calls=calls)


# the result


def test_the_first_execution_gives_what_would_come_back_from_the_ledger(runtime):
    run = runtime.start(exactly, Claim(number=1, tags={"b", "a"}))
    assert run.incident is None
    assert run.result() is True


def test_what_comes_back_is_another_object_than_the_step_returned(runtime):
    kept = []

    def body(number: int) -> bool:
        value = count_to(number, calls=kept)
        value.append(99)
        return value == [0, 1, 99]

    assert runtime.start(process(name="p")(body), 2).result() is True


@pytest.mark.parametrize(
    ("kind", "difference"),
    [
        ("decimal", "a Decimal comes back as a str"),
        ("tuple", "a tuple comes back as a list"),
        ("datetime", "a datetime comes back as a str"),
    ],
)
def test_a_result_that_would_come_back_different_is_an_incident_that_names_the_step(runtime, kind, difference):
    run = runtime.start(giving, kind)
    assert run.status == "incident"
    assert run.incident.step == "give"
    assert run.incident.error.startswith("LossyRoundTrip: the result of step 'give': what would come back")
    assert difference in run.incident.error
    assert runtime.start(giving, "bool").result() == "True"


def test_a_result_of_the_process_that_would_come_back_different_is_an_incident(runtime):
    run = runtime.start(result_is_lossy, 3)
    assert run.incident.error.startswith("LossyRoundTrip: the result of process 'result_is_lossy'")
    assert run.incident.step is None


# the case


@pytest.mark.parametrize("value", [Decimal(1), (1, 2), {1, 2}, {"a": (1,)}])
def test_a_case_that_would_come_back_different_is_refused_and_no_run_begins(runtime, value):
    with pytest.raises(LossyRoundTrip, match="parameter 'value' of process 'takes_anything'"):
        runtime.start(takes_anything, value)
    assert runtime.runs() == []


def test_a_case_of_another_type_is_refused_by_name(runtime):
    with pytest.raises(LossyRoundTrip, match="parameter 'number' of process 'failing': a str was given where int"):
        runtime.start(failing, "3")


def test_a_naive_time_is_refused_by_name(runtime):
    with pytest.raises(MistypedInput, match=r"parameter 'at' of process 'dated'.*a time without a zone"):
        runtime.start(dated, datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_personal_field_of_nobody_is_refused_by_name(runtime):
    class Nobody(BaseModel):
        owner: str | None = None
        iban: Annotated[str, Personal("bank account", subject_field="owner")]

    @process(name="nobodys")
    def nobodys(thing: Nobody) -> str:
        return "x"

    with pytest.raises(EncryptionError, match="'iban' has no subject, because 'owner' is empty"):
        runtime.start(nobodys, Nobody(iban="DE02"))


def test_wiring_is_no_case(runtime):
    with pytest.raises(
        DefinitionError, match=r"'factor' is wiring, which is bound and never stored; write .bind\(factor"
    ):
        runtime.start(wired.bind(factor=2), 3, factor=2)
    assert runtime.start(wired.bind(factor=2), 3).result() == 6


def test_a_wrong_number_of_arguments_is_the_type_error_of_python(runtime):
    for args, kwargs in [((), {}), ((1, 2), {}), ((1,), {"number": 1}), ((1,), {"other": 1})]:
        with pytest.raises(TypeError):
            runtime.start(failing, *args, **kwargs)
    assert runtime.runs() == []


def test_defaults_are_part_of_the_case(runtime):
    first = runtime.start(takes_anything, 1, id="R")
    assert runtime.start(takes_anything, 1, 3, id="R").id == first.id
    with pytest.raises(DuplicateRun):
        runtime.start(takes_anything, 1, 4, id="R")


# the same id again


def test_the_same_id_with_the_same_case_is_the_same_run_and_does_nothing_again(runtime):
    calls = []
    bound = counting.bind(calls=calls)
    run = runtime.start(bound, 3, id="R")
    entries = run.entries
    assert runtime.start(bound, 3, id="R").result() == run.result() == [0, 1, 2]
    assert calls == [3]
    assert run.entries == entries


def test_the_same_case_is_known_by_its_values_not_by_its_objects(runtime):
    first = runtime.start(pay, Claim(number=1, amount=Decimal("450"), tags={"x", "y"}), id="R")
    again = runtime.start(pay, Claim(number=1, amount=Decimal("450"), tags={"y", "x"}), id="R")
    assert (again.status, again.review.id) == ("waiting", first.review.id)


@pytest.mark.parametrize(
    "other",
    [Claim(number=2, amount=450), Claim(number=1, amount=451), Claim(number=1, amount=450, iban="DE03")],
)
def test_the_same_id_with_another_case_is_refused(runtime, other):
    run = runtime.start(pay, Claim(number=1, amount=450), id="R")
    entries = run.entries
    with pytest.raises(DuplicateRun, match="the id 'R' is taken by a run of 'pay' with another case"):
        runtime.start(pay, other, id="R")
    assert run.entries == entries


def test_the_same_id_with_another_process_is_refused(runtime):
    runtime.start(failing, 3, id="R")
    with pytest.raises(DuplicateRun, match="the id 'R' is taken by a run of process 'failing'"):
        runtime.start(takes_anything, 3, id="R")


def test_the_id_of_a_decision_that_was_recorded_without_a_run_is_refused(runtime):
    runtime.ledger.record(claims(Claim(number=1)), key="R")
    with pytest.raises(DuplicateRun, match="'R' is the key of a decision that was recorded without a run"):
        runtime.start(failing, 3, id="R")
    runtime.start(failing, 3, id="S")
    with pytest.raises(DuplicateRun):
        runtime.ledger.record(claims(Claim(number=1)), key="S")


@pytest.mark.parametrize("name", ["", "  "])
def test_an_empty_id_is_refused(runtime, name):
    with pytest.raises(DefinitionError, match="a run's id is"):
        runtime.start(failing, 3, id=name)


def test_without_an_id_each_run_is_one_of_its_own(runtime):
    assert len({runtime.start(takes_anything, 1).id for _ in range(3)}) == 3


# what is not there


def test_a_run_that_is_not_there_is_named(runtime):
    for look in (runtime.run, runtime.advance, runtime.lineage):
        with pytest.raises(UnknownRun, match="there is no run 'INV-9'"):
            look("INV-9")


def test_a_process_without_its_wiring_is_named(runtime):
    with pytest.raises(UnknownProcess, match=r"no wiring for process 'wired'; give it wired.bind\(...\)"):
        runtime.start(wired, 3)


def test_a_process_that_was_given_with_its_wiring_is_started_by_itself(opened):
    assert opened(wired.bind(factor=5)).start(wired, 3).result() == 15


def test_what_is_no_process_is_refused(runtime):
    with pytest.raises(DefinitionError, match="give a process, made with @process"):
        runtime.start(give, 3)


def test_two_processes_of_one_name_are_refused():
    with pytest.raises(DefinitionError, match="two processes are called 'pay'"):
        Runtime("sqlite://", [pay, process(name="pay")(lambda: None)])


def test_a_process_whose_wiring_is_missing_is_refused_when_the_runtime_is_made():
    with pytest.raises(DefinitionError, match="process 'wired' needs factor"):
        Runtime("sqlite://", [wired])


def test_a_run_of_a_process_that_a_runtime_does_not_have_is_left_to_one_that_has_it(opened):
    run = opened(pay).start(pay, Claim(number=1, amount=450), id="R")
    without = opened()
    without.run("R").review.answer("pay", by="maria@acme", because="x")
    assert run.status == "running"
    with pytest.raises(UnknownProcess, match="run 'R' is of process 'pay', which was not given to this runtime"):
        without.advance("R")
    assert without.tick().advanced == ()
    assert opened(pay).tick().advanced == ("R",)
    assert run.result() == "pay"


# what a run says


def test_the_five_statuses_and_what_result_says_in_each(opened):
    runtime = opened(pay, failing)
    done = runtime.start(pay, Claim(number=1), id="done")
    waiting = runtime.start(pay, Claim(number=1, amount=450), id="waiting")
    incident = runtime.start(failing, 3, id="incident")
    abandoned = runtime.start(failing, 4, id="abandoned")
    abandoned.incident.abandon(by="maria@acme", because="a mistake")
    assert [run.status for run in (done, waiting, incident, abandoned)] == ["done", "waiting", "incident", "abandoned"]
    assert done.result() == "pay"
    with pytest.raises(
        RunNotDone, match=r"run 'waiting' waits for an answer to waiting/approval/0 \(put to the controller\)"
    ):
        waiting.result()
    with pytest.raises(
        RunFailed, match=r"run 'incident' is an incident: fail raised ValueError; run\.incident\.error has the message"
    ):
        incident.result()
    with pytest.raises(RunFailed, match="run 'abandoned' was abandoned"):
        abandoned.result()
    assert [run.id for run in runtime.runs()] == ["abandoned", "done", "incident", "waiting"]  # all at one instant
    assert [run.id for run in runtime.runs("waiting")] == ["waiting"]
    assert repr(waiting) == "<run waiting: waiting>"


def test_a_run_is_running_while_it_runs(runtime):
    seen = []

    def body(number: int) -> list[int]:
        run = runtime.run("R")
        seen.append(run.status)
        with pytest.raises(RunNotDone, match="run 'R' is running"):
            run.result()
        return count_to(number, calls=[])

    assert runtime.start(process(name="p")(body), 2, id="R").result() == [0, 1]
    assert seen == ["running"]


def test_a_run_without_an_open_review_says_so(runtime):
    done = runtime.start(pay, Claim(number=1), id="R")
    assert done.reviews == ()
    with pytest.raises(ReviewError, match="run 'R' is done and has 0 open reviews"):
        done.review  # noqa: B018


def test_another_runtime_on_the_file_sees_the_same(opened):
    run = opened(pay).start(pay, Claim(number=1, amount=450), id="R")
    other = opened(pay)
    assert other.run("R").review == run.review
    other.run("R").review.answer("pay", by="maria@acme", because="x")
    assert run.result() == "pay"
    assert other.run("R").result() == "pay"


def test_a_runtime_without_the_process_gives_the_result_as_it_is_stored(opened):
    opened(pay).start(pay, Claim(number=1), id="R")
    assert opened().run("R").result() == "pay"


def test_what_a_run_wrote_verifies(runtime):
    runtime.start(pay, Claim(number=1, amount=450), id="R").review.answer(
        "pay", by=runtime.someone("controller"), because="x"
    )
    assert runtime.ledger.verify().entries == 6


# files


@step(reads="file:{document}")
def read(document: Path) -> str:
    return document.read_text()


@process
def read_and_ask(document: Path) -> str:
    text = read(document)
    outcome = approval(claims(Claim(number=1, amount=450))).outcome
    return f"{text} {outcome}"


@pytest.fixture
def document(tmp_path):
    document = tmp_path / "note.txt"
    document.write_text("hello")
    return document


def test_a_file_that_is_gone_later_changes_nothing(opened, document):
    run = opened(read_and_ask).start(read_and_ask, document, id="R")
    document.unlink()
    opened(read_and_ask).run("R").review.answer("pay", by="maria@acme", because="x")
    assert run.result() == "hello pay"


def test_other_content_in_the_file_is_another_input_and_is_named(opened, document):
    run = opened(read_and_ask).start(read_and_ask, document, id="R")
    document.write_text("changed")
    opened(read_and_ask).run("R").review.answer("pay", by="maria@acme", because="x")
    assert run.status == "incident"
    assert run.incident.error.startswith("ReplayDiverged: run 'R', /0: the step 'read' was given other inputs")
    assert str(document) in run.incident.error
    document.write_text("hello")
    run.incident.retry(by="maria@acme", because="the file is back")
    assert run.result() == "hello pay"


def test_a_start_with_other_content_is_another_case(opened, document):
    runtime = opened(read_and_ask)
    runtime.start(read_and_ask, document, id="R")
    assert runtime.start(read_and_ask, document, id="R").status == "waiting"
    document.write_text("changed")
    with pytest.raises(DuplicateRun, match="another case"):
        runtime.start(read_and_ask, document, id="R")


def test_a_file_that_is_not_there_is_an_incident_of_the_step(runtime, tmp_path):
    run = runtime.start(read_and_ask, tmp_path / "absent.txt")
    assert (run.status, run.incident.step) == ("incident", "read")
    assert "absent.txt" in run.incident.error


@pytest.mark.parametrize("given", [7, None.__class__, b"R", "R-\ud800"])
def test_an_id_that_is_no_text_is_refused_by_name(opened, given):
    with pytest.raises(DefinitionError, match="a run's id is"):
        opened(pay).start(pay, Claim(number=1), id=given)


def test_another_case_under_the_same_id_is_named_by_what_differs(opened):
    runtime = opened(pay)
    runtime.start(pay, Claim(number=1), id="R")
    with pytest.raises(DuplicateRun, match=r"its claim was \{.*'number': 1.*\}, and is \{.*'number': 2"):
        runtime.start(pay, Claim(number=2), id="R")


def test_a_run_itself_is_no_id(opened):
    runtime = opened(pay)
    run = runtime.start(pay, Claim(number=1), id="R")
    with pytest.raises(UnknownRun, match=r"give run\.id"):
        runtime.lineage(run)


def test_a_clock_beside_a_ledger_that_has_one_is_refused():
    with Ledger("sqlite://") as ledger, pytest.raises(DefinitionError, match="clock= is given twice"):
        Runtime(ledger, clock=SystemClock())
