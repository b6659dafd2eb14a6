"""Does something with the gates as they are and with the model, and holds the one against the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from abpo_sdk.errors import (
    AbpoError,
    DefinitionError,
    Disagreement,
    DuplicateRun,
    NotPermitted,
    ReviewError,
    ReviewExpired,
    ReviewRequired,
    UnknownOutcome,
)
from abpo_sdk.ledger import Place
from abpo_sdk.ledger.rows import ReviewRow, RunRow, SpendRow
from abpo_sdk.values.review import Review
from tests.gates.machine.demands import EDITS, GATES, NO_EDITS, PLANS, POLICIES, Claim
from tests.gates.machine.desks import DESK, RUNTIME, Desks, settle
from tests.gates.machine.model import Acting, Model, Verdict
from tests.gates.machine.passing import CaseFile, Way, Wayfarer
from tests.gates.machine.spending import spent_by
from tests.gates.machine.tasks import SECOND, Said, Task

TICK = timedelta(microseconds=1)


class World:
    """The gates, and the model.

    Args:
        tell: is told what is done, line by line.
    """

    def __init__(self, tell: Callable[[str], object] = str) -> None:
        self.tell = tell
        self.model = Model()
        self.desks = Desks(self.said)
        self.files: dict[str, CaseFile] = {}
        self.shown: dict[str, list[str]] = {}
        """Of each review, what was shown of it, before and now."""
        self.stopped_to: str | None = None
        self.delegations: list[Any] = []

    def said(self) -> dict[str, set[str]]:
        """The directory of people."""
        if self.model.down:
            raise OSError("the directory does not answer")
        return self.model.roles

    @property
    def now(self) -> datetime:
        return self.desks.clock.now()

    # cases

    def attempt(
        self, key: str, desk: int = DESK, claim: Claim | None = None, plan: str = "plain", run: bool = False
    ) -> Way | None:
        """Have a case pass its gates, as far as it gets; the first time, it is decided about."""
        self.desks.clock.advance(TICK)
        file = self.files.get(key)
        version = self.desks.versions[desk] or "1"
        if file is None:
            assert claim is not None
            file = CaseFile(key, claim, PLANS[plan], run, "1" if run else version, self.stopped_to)
            self.files[key] = file
        if file.run:
            self.desks.runtime.start(settle, file.claim, file.plan.name, id=key)
            return self.see_run(file)
        try:
            with self.desks[desk].case(key):
                decision = GATES[file.plan.name](POLICIES[version](file.claim).giving(amount=file.claim.amount))
        except DuplicateRun:
            assert file.version != version
            return None
        except ReviewRequired as needed:
            names = [review.id for review in needed.reviews]
            found = Way("waiting", waits_for=tuple(sorted(map(str, names))))
        except ReviewExpired:
            found = Way("expired")
        except Disagreement:
            found = Way("disagreed")
        else:
            found = Way("passed", decision.outcome, decision.decided_by, (decision.output or {})["amount"])
        assert file.version == version
        return self.went(file, found)

    def see_run(self, file: CaseFile) -> Way | None:
        """How far a run got; None where it has not gone on yet."""
        (row,) = self.desks.store.select(RunRow, equal={"id": file.key})
        run = self.desks.runtime.run(file.key)
        if row.status == "running":
            return None
        if row.status == "done":
            said = run.result()
            return self.went(file, Way("passed", said["outcome"], said["by"], Decimal(said["amount"])))
        if row.status == "incident":
            assert run.incident
            error = run.incident.error.partition(":")[0]
            return self.went(file, Way({"ReviewExpired": "expired", "Disagreement": "disagreed"}[error]))  # type: ignore[arg-type]
        return self.went(file, Way("waiting"))

    def went(self, file: CaseFile, found: Way) -> Way:
        """A case got so far. That is as far as what was answered allows, and no further."""
        expected = Wayfarer(self.model, file, self.now, self.identify).go()
        self.tell(f"{file.key} of {file.plan.name}: {found.at} {found.outcome} {', '.join(found.waits_for)}")
        waits_for = tuple(sorted(expected.waits_for)) if found.waits_for else ()
        assert found == replace(expected, waits_for=waits_for), (found, expected)
        if file.passed is not None:
            assert found == file.passed
        file.passed = found if found.at == "passed" else None
        return found

    def identify(self, key: str, gate: str) -> str:
        """The review of a gate; whoever opened it has it shown."""
        rows = [row for row in self.desks.store.select(ReviewRow, equal={"chain": key}) if row.gate == gate]
        (row,) = [row for row in rows if row.purpose == "decide"]
        self.shown[row.id] = [row.shown]
        return str(row.id)

    # what people do

    def do(self, task: Task, what: str, by: str, verdict: Verdict, act: Callable[[], Any]) -> bool:
        """Somebody does something: done where it may be, and else refused by name; whether it was done."""
        try:
            act()
        except (ReviewError, UnknownOutcome, DefinitionError) as error:
            assert type(error).__name__ in verdict.errors, (what, error, verdict)  # noqa: PT017
            last = self.about(task)[-1]
            assert (last.kind, last.content["what"]) == ("refused", what)
            assert last.content["error"] == type(error).__name__  # noqa: PT017
            self.tell(f"{self.now:%d %H:%M:%S} {by!a} {what} {task.id}: {error}")
            return False
        self.tell(f"{self.now:%d %H:%M:%S} {by!a} {what} {task.id}: done")
        assert verdict.allowed, (what, by, verdict)
        return True

    def begin(self, task: Task) -> None:
        self.desks.clock.advance(TICK)
        task.let_time_pass(self.now)

    def end(self, task: Task, desk: int) -> None:
        """Whatever was done or refused: the review stands as it should, and a run goes on that can."""
        self.compare(task)
        file = self.files[task.key]
        if file.run and desk == RUNTIME:
            self.see_run(file)

    def answer(
        self,
        task: Task,
        outcome: str,
        by: str,
        because: str = "it is right",
        edit: str = "none",
        desk: int = DESK,
        shown: str | None = None,
        source: str | None = None,
    ) -> bool:
        """Somebody answers; `shown` is what was shown to them, what is there now by default."""
        self.begin(task)
        shown = shown or self.shown[task.id][-1]
        faults = {"changed"} if shown != self.shown[task.id][-1] or self.swapped(task, desk) else set()
        given = EDITS[edit]
        if given and (edit in NO_EDITS or task.demand.blind or task.amount is None):
            faults.add("edit")
        amount = given["amount"] if given and not faults & {"edit"} else None
        if amount is not None and amount == task.amount:
            amount = None
        verdict = self.model.answer(task, by, outcome, because, amount, self.now, faults=faults)

        def act() -> None:
            reviews = self.desks[desk]
            if source is not None:
                reviews.import_answer(task.id, outcome, by=by, because=because, shown=shown, source=source, edit=given)
            else:
                replace(self.review(task, desk), shown=shown).answer(outcome, by=by, because=because, edit=given)

        done = self.do(task, "answer", by, verdict, act)
        if done:
            self.answered(task, verdict, by, outcome, because, amount)
        self.end(task, desk)
        return done

    def answered(self, task: Task, verdict: Verdict, by: str, outcome: str, because: str, edit: Decimal | None) -> None:
        """An answer stands: its entry says all that matters, and the model takes it."""
        entry = [entry for entry in self.about(task) if entry.kind == "answered"][-1]
        content = entry.content
        on_behalf_of = content.get("on_behalf_of")
        assert on_behalf_of in verdict.allowed, (content, verdict)
        units = None if task.second else spent_by(task, outcome, edit)[1]
        said = Said(by, on_behalf_of, outcome, edit, self.now, task.to, units)
        assert (content["by"], content["outcome"], content["because"]) == (by, outcome, because)
        assert (content["role"], content["shown"], entry.at) == (task.to, self.shown[task.id][-1], self.now)
        assert ("viewed" in content) == (by in task.viewed)
        assert content.get("spend", {}).get("amount") == units
        if units is not None:
            assert content["limits"]["allowed"]
            assert content["spend"]["person"] == (on_behalf_of or by)
        task.take(said, self.model.roles)
        task.last = self.now
        assert (content["settled"] is not None) == (task.final is said)
        if task.final and task.demand.double:
            second = task.second_look(self.now)
            self.model.tasks[second.id] = second
            (row,) = self.desks.store.select(ReviewRow, equal={"id": task.id + SECOND})
            self.shown[second.id] = [row.shown]

    def swapped(self, task: Task, desk: int) -> bool:
        return self.desks.versions[desk] not in (None, task.version)

    def review(self, task: Task, desk: int) -> Review:
        return self.desks[desk].get(task.id)

    def about(self, task: Task) -> Sequence[Any]:
        """The entries about a review."""
        (row,) = self.desks.store.select(ReviewRow, equal={"id": task.id})
        entries: Sequence[Any] = self.desks.store.within(row.chain, Place(row.scope, row.ordinal).inner)
        return [entry for entry in entries if entry.kind != "second"]

    def compare(self, task: Task) -> None:
        """A review stands in the ledger as it stands in the model."""
        store = self.desks.store
        (row,) = store.select(ReviewRow, equal={"id": task.id})
        assert (row.status, row.role, row.claimed_by) == (task.status, task.to, task.claimed_by), task
        assert (row.outcome, row.answered_by) == ((task.final.outcome, task.final.by) if task.final else (None, None))
        entries = [entry.content for entry in self.about(task) if entry.kind == "answered"]
        assert [(e["by"], e["outcome"]) for e in entries] == [(said.by, said.outcome) for said in task.said]
        spends = [
            (s.person, s.amount) for s in store.select(SpendRow, equal={"review": task.id}) if s.status != "released"
        ]
        assert sorted(spends) == sorted((s.on_behalf_of or s.by, s.units) for s in task.spends)

    # the world goes on

    def tick(self) -> None:
        """Everything that is due happens, in whatever order."""
        self.desks.clock.advance(TICK)
        self.desks.runtime.tick()
        for task in list(self.model.tasks.values()):
            task.let_time_pass(self.now)
        for file in self.files.values():
            if file.run:
                assert self.see_run(file) is not None

    def delegate(
        self, by: str, to: str, hours: int, roles: frozenset[str] | None, since: int | None, desk: int = DESK
    ) -> None:
        """Somebody has another act for them."""
        self.desks.clock.advance(TICK)
        start = self.now + timedelta(hours=since) if since is not None else self.now
        acting = Acting(by, to, roles, start, self.now + timedelta(hours=hours))
        held = self.model.roles
        fine = by in held and to in held and by != to and held[by] >= (roles or set()) and acting.since < acting.until
        try:
            made = self.desks[desk].delegate(
                by=by, to=to, until=acting.until, because="on leave", roles=roles, since=start
            )
        except (NotPermitted, DefinitionError):
            assert not fine
            return
        assert fine
        self.model.delegations.append(acting)
        self.delegations.append(made)

    def end_delegation(self, number: int, by: str, desk: int = DESK) -> None:
        """Somebody ends it."""
        self.desks.clock.advance(TICK)
        acting, made = self.model.delegations[number], self.delegations[number]
        fine = by in (acting.by, acting.to) and by in self.model.roles and self.now < acting.until
        try:
            self.desks[desk].end_delegation(made, by=by, because="back again")
        except AbpoError:
            assert not fine
            return
        assert fine
        acting.until = self.now

    def close(self, *, check: bool = True) -> None:
        """Look at everything once more, and close it."""
        try:
            if check:
                for task in self.model.tasks.values():
                    self.compare(task)
                self.desks.check()
        finally:
            self.desks.close()
