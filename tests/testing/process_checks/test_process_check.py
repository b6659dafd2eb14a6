"""`check_process` finds what a replay would not repeat, whatever it is called, and leaves alone what is harmless."""

# ruff: noqa: A001, B006, B012, B018, C414, C417, DTZ003, DTZ005, DTZ011, E722, E731, F821, F841, ICN001, RET504, RET506, RUF059, SIM105, SIM115, T201, TRY201, TRY203  it shows what is found

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import datetime
import functools
import keyword
import linecache
import os
import pathlib
import random as r
import secrets
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
import uuid as unique
from collections.abc import Callable
from datetime import date, timedelta
from datetime import datetime as dt
from decimal import Decimal
from os import environ, urandom
from pathlib import Path
from time import time as seconds
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, SystemClock, Wired, fields, process, rule, step
from abpo_sdk.errors import DefinitionError, ProcessCheckFailed
from abpo_sdk.runtime.parking import Parked
from abpo_sdk.testing import ProcessFinding, check_process, process_findings
from abpo_sdk.testing.process_checks.findings import WHY
from examples.invoices.office import Office  # noqa: F401  # the example is imported whole
from examples.invoices.pay import pay_invoice


class Claim(BaseModel):
    number: str
    amount: Decimal


table = DecisionTable("t", rule(fields(Claim).amount > 5, then="no", because="dear"), otherwise="yes", owner="x")
gate = Gate("g", when=fields(Claim).amount > 5, to="cfo")

TAGS = {"a", "b"}
SEEN: list[str] = []
COUNTS: dict[str, int] = {}
TOTAL = 0
GENERATOR = r.Random(7)
POOL = concurrent.futures.ThreadPoolExecutor(1)


class Holder:
    value = 0


HOLDER = Holder()


@step
def note(text: str) -> str:
    return text


@step
async def fetch(number: str) -> Claim:
    return Claim(number=number, amount=Decimal(1))


def found(function: Any) -> list[tuple[str, str]]:
    """The kinds and lines of what is found in a process."""
    checked = function if not isinstance(function, type(found)) else process(function)
    return [(finding.kind, finding.source) for finding in process_findings(checked)]


def kinds(function: Any) -> list[str]:
    return [kind for kind, _ in found(function)]


# each line of these processes is one finding


def reads_clocks() -> None:
    time.time()
    seconds()
    time.monotonic_ns()
    time.localtime()
    time.strftime("%Y")
    datetime.datetime.now(datetime.UTC)
    dt.now(datetime.UTC)
    dt.utcnow()
    date.today()
    pd.Timestamp.now()
    SystemClock().now()
    note(sorted([1], key=lambda _: time.perf_counter()))


def draws_at_random() -> None:
    r.random()
    r.choice([1, 2])
    r.shuffle([1, 2])
    r.Random()
    GENERATOR.random()
    secrets.token_hex()
    secrets.choice([1, 2])
    unique.uuid4()
    unique.uuid1()
    os.urandom(8)
    urandom(8)
    np.random.rand()
    np.random.default_rng()
    list(map(r.gauss, [0], [1]))


def reads_the_environment() -> None:
    os.environ["HOME"]
    os.environ.get("HOME")
    environ.get("HOME")
    os.getenv("HOME")
    os.getpid()
    socket.gethostname()
    sys.argv[0]


def reads_and_writes() -> None:
    open("x")
    input()
    Path("x").read_text()
    (Path("x") / "y").write_text("z")
    pathlib.Path.cwd()
    os.listdir()
    os.path.exists("x")
    sqlite3.connect("x")
    subprocess.run(["true"])
    urllib.request.urlopen("http://localhost")
    pd.read_csv("x")


def waits() -> None:
    time.sleep(1)


async def waits_in_a_loop() -> None:
    await asyncio.sleep(1)


def starts_threads() -> None:
    threading.Thread(target=note)
    concurrent.futures.ThreadPoolExecutor()
    POOL.submit(note, "x")
    asyncio.run(fetch("x"))


async def starts_tasks() -> None:
    await asyncio.create_task(fetch("x"))
    await asyncio.gather(fetch("x"))
    await asyncio.to_thread(note, "x")
    await asyncio.get_running_loop().run_in_executor(None, note)
    await asyncio.wait_for(fetch("x"), 1)
    group = asyncio.TaskGroup()
    await group.create_task(fetch("y"))


def takes_a_sets_order(tags: set[str], plain: list[str]) -> None:
    local = {*plain}
    both = local & set(plain)
    for _ in {"a", "b"}:
        note("x")
    for _ in set(plain):
        note("x")
    for _ in TAGS:
        note("x")
    for _ in tags:
        note("x")
    for _ in local:
        note("x")
    for _ in both | TAGS:
        note("x")
    for _ in local.union(plain):
        note("x")
    for _ in {}.keys() - plain:
        note("x")
    [note(tag) for tag in tags]
    {note(tag) for tag in tags}
    any(note(tag) for tag in tags)
    list(tags)
    next(iter(tags))
    ",".join(tags)
    print(*tags)
    first, second = tags
    local.pop()
    f"{tags}"


def uses_identities(text: str) -> None:
    hash(text)
    id(text)


def catches_all() -> None:
    try:
        gate(table(Claim(number="x", amount=Decimal(1))))
    except:
        note("x")
    try:
        note("x")
    except BaseException as error:
        raise ValueError from error
    try:
        note("x")
    except (ValueError, BaseException):
        if len(SEEN) > 1:
            raise
    try:
        note("x")
    except Parked:
        note("y")
    with contextlib.suppress(BaseException):
        note("x")
    for _ in range(3):
        try:
            note("x")
        finally:
            break


def returns_in_finally() -> None:
    try:
        note("x")
    finally:
        return


async def forgets_to_await() -> None:
    fetch("x")
    claim = fetch("y")
    table(fetch("z"))
    fetch("x").number
    return fetch("x")


def cannot_await() -> None:
    fetch("x")


def has_mutable_defaults(names: list[str] = [], *, more: Wired[dict[str, int]] = {}) -> None: ...


def keeps_state_outside() -> None:
    global TOTAL
    TOTAL = 1
    TOTAL += 1
    SEEN.append("x")
    COUNTS["x"] = 1
    COUNTS["x"] += 1
    del COUNTS["x"]
    HOLDER.value = 2
    Holder.value += 1


EXPECTED: dict[Callable[..., Any], tuple[str, int]] = {
    reads_clocks: ("clock", 12),
    draws_at_random: ("randomness", 14),
    reads_the_environment: ("environment", 7),
    reads_and_writes: ("input and output", 11),
    waits: ("waiting", 1),
    waits_in_a_loop: ("waiting", 1),
    starts_threads: ("threads and tasks", 4),
    starts_tasks: ("threads and tasks", 6),
    takes_a_sets_order: ("order of a set", 18),
    uses_identities: ("identity", 2),
    catches_all: ("swallowed parking", 6),
    returns_in_finally: ("swallowed parking", 1),
    forgets_to_await: ("missing await", 5),
    cannot_await: ("missing await", 1),
    has_mutable_defaults: ("mutable default", 1),
    keeps_state_outside: ("state outside", 8),
}


@pytest.mark.parametrize("function", EXPECTED, ids=lambda function: function.__name__)
def test_each_place_is_found_once_on_its_line(function: Callable[..., Any]) -> None:
    kind, count = EXPECTED[function]
    places = found(function)
    assert {where for where, _ in places} == {kind}
    assert len(places) == count, places


def test_every_kind_is_among_those_that_are_tested() -> None:
    assert {kind for kind, _ in EXPECTED.values()} | {"recursion"} == set(WHY)


# what is harmless


def test_the_recorded_ways_are_no_findings() -> None:
    def recorded() -> None:
        """Stands for each of them; of this package, as they are."""

    recorded.__module__ = "abpo_sdk.steps.recorded"

    def body() -> None:
        now()
        random()
        uuid()
        sleep()
        gather()

    names = dict.fromkeys(("now", "random", "uuid", "sleep", "gather"), recorded)
    assert found(type(body)(body.__code__, {**globals(), **names}, "body")) == []


def names_things_as_it_likes(numbers: list[int], at: dt, text: str) -> int:
    random = numbers[0]
    time, open = at, len
    hash = text.upper
    hash()
    time.now = random  # type: ignore[attr-defined]
    note(f"{random} {open(numbers)} {time.isoformat()} {text}")
    now = random
    return now


def uses_what_is_harmless(plain: list[str], *, path: Wired[Path]) -> str:
    tags = {*plain}
    generator = r.Random(7)
    generator.random()
    r.Random(7).random()
    for tag in sorted(tags):
        note(tag)
    note(str(len(tags)) + str("a" in tags) + path.stem + os.path.join("a", "b") + ",".join(sorted(tags)))
    {tag.upper() for tag in tags}
    sum(len(tag) for tag in tags)
    sorted(list(tags))
    dt(2026, 1, 1, tzinfo=datetime.UTC) + timedelta(days=1)
    time.gmtime(0)
    unique.UUID("12345678123456781234567812345678")
    unique.uuid5(unique.NAMESPACE_URL, "x")
    local: dict[str, list[int]] = {}
    local["x"] = []
    local["x"].append(1)
    try:
        note("x")
    except Exception:
        note("y")
    try:
        note("x")
    except BaseException:
        raise
    try:
        note("x")
    except BaseException as error:
        if tags:
            raise error
        else:
            raise
    try:
        int("x")
    except:
        pass
    try:
        note("z")
    finally:
        for _ in plain:
            break

    def count() -> int:
        nonlocal total
        total += 1
        return total

    total = 0
    return str(count()) if isinstance(generator, r.Random) else "x"


async def awaits_all(number: str) -> list[Claim]:
    claim = await fetch(number)
    later = fetch(number)
    parts = [fetch(number), fetch(number)]
    waiting = lambda: fetch(number)

    async def inner() -> Claim:
        return await fetch(number)

    return [claim, await later, await inner(), await waiting(), *[await part for part in parts]]


@pytest.mark.parametrize("function", [names_things_as_it_likes, uses_what_is_harmless, awaits_all])
def test_what_is_harmless_is_no_finding(function: Callable[..., Any]) -> None:
    assert found(function) == []


def test_the_example_has_no_findings() -> None:
    assert process_findings(pay_invoice) == ()
    check_process(pay_invoice)


def imports_within() -> None:
    import random
    from datetime import datetime as moment
    from time import sleep as pause

    import httpx_that_is_not_installed as other
    from requests import get

    random.random()
    moment.now()
    pause(1)
    get("http://localhost")
    other.get("http://localhost")


def test_imports_within_the_body_are_followed_also_of_what_is_not_installed() -> None:
    assert kinds(imports_within) == ["randomness", "clock", "waiting", "input and output"]


NAMES = st.text("abcdefgh_", min_size=1, max_size=8).filter(lambda name: not keyword.iskeyword(name))
CALLS = {
    "clock": "import time as {name}; call = lambda: {name}.time()",
    "randomness": "from random import choice as {name}; call = lambda: {name}([1])",
    "identity": "{name} = id; call = lambda: {name}(1)",
}


def written(source: str, name: str = "body") -> Any:
    """A process of a source."""
    file = f"<{hash(source)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace: dict[str, Any] = {"__name__": "written"}
    exec(compile(source, file, "exec"), namespace)
    return process(namespace[name])


@given(NAMES.filter(lambda name: name not in ("body", "call")), st.sampled_from(sorted(CALLS)))
def test_a_call_is_found_whatever_it_is_called_and_no_local_name_is_taken_for_it(name: str, kind: str) -> None:
    imports, call = CALLS[kind].format(name=name).split("; call = lambda: ")
    assert kinds(written(f"{imports}\ndef body() -> None:\n    {call}\n")) == [kind]
    assert kinds(written(f"def body() -> None:\n    {imports}\n    {call}\n")) == ([] if kind == "identity" else [kind])
    assert kinds(written(f"{imports}\ndef body({name}: str) -> None:\n    {call}\n")) == []


# what a process leads to


def helper() -> float:
    return deeper()


@functools.cache
def deeper() -> float:
    return time.time()


def calls_a_helper() -> None:
    helper()


def hands_a_helper_on() -> None:
    list(map(lambda _: helper(), [1]))


@step
def reads_in_a_step() -> float:
    return time.time()


def calls_a_step() -> None:
    reads_in_a_step()


@process
def inner_process() -> None:
    time.time()


def calls_a_process() -> None:
    inner_process()


@pytest.mark.parametrize("function", [calls_a_helper, hands_a_helper_on])
def test_plain_functions_are_followed_and_named(function: Callable[..., Any]) -> None:
    (finding,) = process_findings(process(function))
    assert (finding.kind, finding.function) == ("clock", "deeper")
    assert finding.file == __file__
    assert finding.source == "return time.time()"


def test_steps_are_not_followed_and_processes_are() -> None:
    assert found(calls_a_step) == []
    assert kinds(calls_a_process) == ["clock"]


class Ledgers:
    def book(self, text: str) -> None:
        sqlite3.connect(text)

    def pure(self, text: str) -> str:
        return text


def uses_its_wiring(*, books: Any) -> None:
    books.book("x")
    books.pure("x")


def uses_declared_wiring(*, books: Ledgers, connection: sqlite3.Connection) -> None:
    books.book("x")
    connection.execute("x")


def test_wiring_that_is_used_in_the_body_is_looked_at_where_it_is_known() -> None:
    assert kinds(uses_its_wiring) == []
    assert [f.function for f in process_findings(process(uses_its_wiring).bind(books=Ledgers()))] == ["Ledgers.book"]
    assert kinds(uses_declared_wiring) == ["input and output", "input and output"]


@process
def leads_to_itself(depth: int) -> None:
    leads_to_itself(depth - 1)


@process
def first(depth: int) -> None:
    through_a_helper(depth)


def through_a_helper(depth: int) -> None:
    second(depth)


@process
def second(depth: int) -> None:
    first(depth)


def counts_down(number: int) -> int:
    return counts_down(number - 1) if number else 0


def test_a_process_that_leads_back_to_itself_is_found_also_through_others() -> None:
    assert kinds(leads_to_itself) == ["recursion"]
    assert [source for kind, source in found(first)] == ["second(depth)", "first(depth)"]

    def uses_a_recursive_function(number: int) -> None:
        counts_down(number)

    assert found(uses_a_recursive_function) == []


def test_enclosing_variables_are_followed_and_changing_them_is_found() -> None:
    calls = 0
    clock = dt

    def body() -> None:
        nonlocal calls
        calls += 1
        clock.now()

    assert kinds(body) == ["state outside", "clock"]


def test_an_indented_body_with_lines_that_are_not_is_read() -> None:
    def body() -> None:
        note("""
not indented
""")
        time.time()

    (finding,) = process_findings(process(body))
    assert finding.line == body.__code__.co_firstlineno + 4
    assert finding.source == "time.time()"


def test_a_coroutine_that_is_only_given_other_names_is_not_awaited() -> None:
    async def body() -> None:
        claim = fetch("x")
        claim = claim

    assert found(body) == [("missing await", 'claim = fetch("x")')]


class Stamp(dt):
    """A moment."""


def test_a_subclass_of_datetime_reads_the_clock_too() -> None:
    def body() -> None:
        Stamp.now()

    assert kinds(body) == ["clock"]


# how it is said


def test_a_finding_says_where_what_why_and_what_to_do_instead() -> None:
    (finding,) = process_findings(process(waits))
    number = waits.__code__.co_firstlineno + 1
    assert finding == ProcessFinding("waiting", __file__, number, "waits", "time.sleep(1)", *WHY["waiting"])
    assert str(finding).startswith(f"{__file__}:{number}: waiting: time.sleep(1)\n    in waits: it holds a worker")
    with pytest.raises(AttributeError):
        finding.line = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("kind", "way"),
    [("clock", "now()"), ("randomness", "random()"), ("waiting", "sleep()"), ("threads and tasks", "gather()")],
)
def test_the_recorded_way_is_named(kind: Any, way: str) -> None:
    assert f"call {way}" in WHY[kind][1]


def test_the_error_lists_every_finding_and_is_an_assertion_error() -> None:
    with pytest.raises(ProcessCheckFailed, match="process 'reads_clocks' does in 12 places what a replay") as failed:
        check_process(process(reads_clocks))
    assert isinstance(failed.value, AssertionError)
    assert str(failed.value).count("clock: ") == 12
    with pytest.raises(ProcessCheckFailed, match="does in 1 place what"):
        check_process(process(waits).bind())


def test_a_kind_can_be_left_out_with_a_reason() -> None:
    check_process(process(waits), except_for={"waiting": "a second is nothing"})
    with pytest.raises(DefinitionError, match="no such kind of finding; did you mean 'waiting'"):
        check_process(process(waits), except_for={"wating": "x"})  # type: ignore[dict-item]
    with pytest.raises(DefinitionError, match="say why it is left out"):
        check_process(process(waits), except_for={"waiting": ""})


def test_what_is_no_process_and_what_has_no_source_is_said() -> None:
    with pytest.raises(DefinitionError, match="give a process, a function marked with @process"):
        process_findings(waits)  # type: ignore[arg-type]
    namespace: dict[str, Any] = {}
    exec("def made() -> None: ...", namespace)
    with pytest.raises(DefinitionError, match="process 'made': the source of made cannot be found"):
        process_findings(process(namespace["made"]))
