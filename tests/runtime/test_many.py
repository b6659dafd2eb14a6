"""Many runs of one process: in bounded memory, begun again where they were left, each case by itself."""

import asyncio
import io
from decimal import Decimal

import pytest
from pydantic import BaseModel

from abpo_sdk import Decision, DecisionTable, Gate, Runtime, fields, process, rule, step
from abpo_sdk.errors import DefinitionError, DuplicateRun, RuntimeStopped, StoreUnavailable


class Claim(BaseModel):
    number: str
    amount: Decimal


c, d = fields(Claim), fields(Decision)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer")
approval = Gate("approval", when=d.outcome == "refer", to="controller")


class World:
    def __init__(self):
        self.paid = []

    def pay(self, claim):
        if claim.amount == 13:
            raise RuntimeError("unlucky")
        self.paid.append(claim.number)


@step
def pay(claim: Claim, *, world: World) -> str:
    world.pay(claim)
    return claim.number


@process
def settle(claim: Claim, *, world: World) -> str:
    approval(claims(claim))
    return pay(claim, world=world)


def claim(number, amount=7):
    return Claim(number=f"C-{number}", amount=amount)


def by_number(case):
    return case.number


@pytest.fixture
def world():
    return World()


def test_each_case_becomes_a_run_and_all_are_counted(runtime, world):
    cases = [claim(n, {3: 900, 5: 13}.get(n, 7)) for n in range(20)]
    mapped = runtime.map(settle.bind(world=world), cases, id=by_number)
    assert dict(mapped.counts) == {"done": 18, "waiting": 1, "incident": 1}
    assert str(mapped) == "20 runs of settle: 18 done, 1 waiting, 1 incident"
    assert sorted(world.paid) == sorted({c.number for c in cases} - {"C-3", "C-5"})


def test_called_again_nothing_is_done_twice_and_what_was_left_is_done(runtime, world):
    bound = settle.bind(world=world)
    runtime.map(bound, {f"R-{n}": claim(n) for n in range(5)})
    mapped = runtime.map(bound, {f"R-{n}": claim(n) for n in range(9)})
    assert dict(mapped.counts) == {"done": 9}
    assert sorted(world.paid) == [f"C-{n}" for n in range(9)]


def test_a_case_that_differs_from_that_of_its_id_is_refused_and_the_others_go_on(runtime, world):
    bound = settle.bind(world=world)
    runtime.map(bound, [claim(1)], id=by_number)
    mapped = runtime.map(bound, [claim(0), claim(1, 8), claim(2)], id=by_number)
    assert dict(mapped.counts) == {"done": 2}
    assert isinstance(mapped.refused["C-1"], DuplicateRun)
    assert str(mapped) == "2 runs of settle: 2 done; 1 refused"


def test_what_is_refused_holds_no_case(runtime, world):
    bound = settle.bind(world=world)
    runtime.map(bound, [claim(1)], id=by_number)
    refused = runtime.map(bound, [claim(1, 8)], id=by_number).refused["C-1"]
    assert refused.__traceback__ is None


def test_cases_are_taken_as_they_are_needed(runtime, world):
    taken = []
    most = []

    @step
    def slow(number: int) -> int:
        most.append(len(taken) - number)
        return number

    @process
    def job(number: int) -> int:
        return slow(number)

    def cases():
        for number in range(300):
            taken.append(number)
            yield number

    assert runtime.map(job, cases(), id=str, workers=2).runs == 300
    assert max(most) <= 2 * 2 + 2


def test_several_values_are_a_tuple(runtime):
    @process
    def add(a: int, b: int = 2) -> int:
        return a + b

    assert dict(runtime.map(add, {"R-1": (1, 2), "R-2": (1,)}).counts) == {"done": 2}
    assert runtime.run("R-2").result() == 3
    with pytest.raises(DefinitionError, match="several values, so each case is a tuple of them, and this is a int"):
        runtime.map(add, {"R-3": 5})


@pytest.mark.parametrize(("cases", "options"), [([1], {}), ({"a": 1}, {"id": str})])
def test_what_says_no_ids_or_says_them_twice_is_refused(runtime, cases, options):
    @process
    def job(number: int) -> int:
        return number

    with pytest.raises(DefinitionError, match="needs to know the id of each run"):
        runtime.map(job, cases, **options)


def test_what_is_no_number_of_workers_or_no_process_is_refused(runtime, world):
    with pytest.raises(DefinitionError, match=r"map\(workers=0\)"):
        runtime.map(settle.bind(world=world), [], id=by_number, workers=0)
    with pytest.raises(DefinitionError, match="give a process"):
        runtime.map(print, [], id=by_number)


def test_an_error_of_the_cases_themselves_is_raised(runtime, world):
    def cases():
        yield claim(1)
        raise OSError("the file ended")

    with pytest.raises(OSError, match="the file ended"):
        runtime.map(settle.bind(world=world), cases(), id=by_number)
    assert runtime.run("C-1").status == "done"


def test_where_the_ledger_is_gone_it_is_broken_off(runtime, world):
    def cases():
        for number in range(1000):
            if number == 50:
                runtime.ledger.store.close()
            taken.append(number)
            yield claim(number)

    taken = []
    with pytest.raises(StoreUnavailable):
        runtime.map(settle.bind(world=world), cases(), id=by_number, workers=2)
    assert len(taken) < 100


def test_a_runtime_that_is_stopped_breaks_off_and_another_goes_on(tmp_path, world):
    url = f"sqlite:///{tmp_path / 'abpo.db'}"
    bound = settle.bind(world=world)
    with Runtime(url) as runtime:

        def cases():
            for number in range(1000):
                if number == 50:
                    runtime.stop()
                yield claim(number)

        with pytest.raises(RuntimeStopped):
            runtime.map(bound, cases(), id=by_number)
    with Runtime(url) as runtime:
        assert dict(runtime.map(bound, [claim(n) for n in range(80)], id=by_number).counts) == {"done": 80}
    assert sorted(world.paid) == sorted(f"C-{n}" for n in range(80))


def test_in_an_event_loop_async_processes_run_side_by_side(runtime):
    inside, most = [], []

    @step
    async def work(number: int) -> int:
        inside.append(number)
        most.append(len(inside))
        await asyncio.sleep(0)
        inside.remove(number)
        return number

    @process
    async def job(number: int) -> int:
        return await work(number)

    mapped = asyncio.run(runtime.map_async(job, range(40), id=str, workers=4))
    assert dict(mapped.counts) == {"done": 40}
    assert 1 < max(most) <= 4
    again = asyncio.run(runtime.map_async(job, range(40), id=str))
    assert dict(again.counts) == {"done": 40}
    refused = asyncio.run(runtime.map_async(job, {"1": 2}))
    assert isinstance(refused.refused["1"], DuplicateRun)


def test_a_bar_shows_how_far_it_is(runtime, world, monkeypatch):
    monkeypatch.setattr("sys.stderr", shown := io.StringIO())
    cases = [claim(n, 900 if n == 3 else 7) for n in range(8)]
    runtime.map(settle.bind(world=world), cases, id=by_number, progress=True)
    last = shown.getvalue().rsplit("\r", 1)[-1]
    assert "settle: 100%" in last
    assert "8/8" in last
    assert "waiting=1" in last
