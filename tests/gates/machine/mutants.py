"""Small changes of the sources of gates, each of which would let a case pass that must not, and the walk that notices it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple


class Mutant(NamedTuple):
    """A module, a fragment of its source that occurs once, what stands there instead, and the walk that notices."""

    module: str
    fragment: str
    instead: str
    walk: str


MUTANTS: dict[str, Mutant] = {
    "who answers a second time is told by the spelling": Mutant("gates.standing", "for other in self._answered_before():\n                if any(same_person(one, other) for one in mine)", "for other in self._answered_before():\n                if person is other", "nobody_speaks_twice_in_another_spelling"),
    "who has acted for somebody does not count for them": Mutant("gates.standing", "for p in (answer.by, answer.on_behalf_of) if p]", "for p in (answer.by,) if p]", "who_acts_for_another_does_so_while_they_may"),
    "four eyes see one gate alone": Mutant("gates.standing", "if row.review != self.row.id for p", "if row.review == self.row.id for p", "one_gate_after_the_other"),
    "several answers without four eyes may be one's": Mutant("gates.standing", "if state.asks.four_eyes or len(state.given) or", "if state.asks.four_eyes or", "a_tie_is_broken_by_one_who_did_not_make_it"),
    "a second look may be the first one's": Mutant("gates.standing", 'or self.row.purpose == "second":', "or False:", "another_looks_without_knowing_what_was_said"),
    "who recused themselves sends another": Mutant("gates.standing", "skeleton(other) in tied", "same_person(other, person)", "who_says_nothing_says_nothing"),
    "who abstained answers": Mutant("gates.standing", "            if any(same_person(one, other) for one in mine):\n                raise SeparationOfDuties(f\"{person!r} may not {action}: {other} has said", "            if False:\n                raise SeparationOfDuties(f\"{person!r} may not {action}: {other} has said", "who_says_nothing_says_nothing"),
    "what a person said before they lost the role counts": Mutant("gates.standing", "holds_queue(self.people, given.answer.on_behalf_of or given.answer.by, queue)", "queue", "what_is_revoked_is_revoked_at_once"),
    "what a person said before they recused themselves counts": Mutant("gates.review_state", "[one for one in given if person not in (one.answer.by, one.answer.on_behalf_of)]", "given", "who_says_nothing_says_nothing"),
    "the case as it was shown first": Mutant("gates.standing", "if shown != row.shown:", "if shown is None:", "an_answer_is_to_what_is_shown_now"),
    "the policy is not looked at": Mutant("gates.standing", "if version is not None:", "if False:", "an_answer_is_to_what_is_shown_now"),
    "what is closed is answered": Mutant("gates.standing", "if row.status not in ASKED:", "if False:", "gates_beside_each_other"),
    "what waits for information is answered": Mutant("gates.standing", 'if row.status == "returned" and not returned:', "if False:", "an_answer_is_to_what_is_shown_now"),
    "it expires a moment too late": Mutant("gates.deadlines", '"expires": to_text(_after(opened, self.expires))', '"expires": to_text(_after(opened, self.expires + timedelta(seconds=1)))', "time_runs_out_and_the_clock_must_be_right"),
    "what has expired comes back with the clock": Mutant("gates.standing", 'if row.status == "expired" or over:', "if over:", "time_runs_out_and_the_clock_must_be_right"),
    "the clock may be before the review": Mutant("gates.standing", "SKEW = timedelta(minutes=1)", "SKEW = timedelta(minutes=2)", "time_runs_out_and_the_clock_must_be_right"),
    "a claim keeps nobody away": Mutant("gates.standing", "holder is not None and not same_person(holder, person)", "False", "a_claim_keeps_the_others_away_for_its_time"),
    "answers before the information count": Mutant("gates.review_state", "        return []\n    if entry.kind == \"recused\"", "        return given\n    if entry.kind == \"recused\"", "an_answer_is_to_what_is_shown_now"),
    "what was read before the information was read": Mutant("gates.review_state", "            self.viewed.clear()\n", "", "care_is_taken"),
    "a tie outlives the information": Mutant("gates.review_state", "self.breaking, self.queues = False,", "self.queues =", "two_of_three_agree_or_one_forbids_or_one_breaks_the_tie"),
    "those who agree about the outcome agree about the amount": Mutant("gates.review_state", "    if not edit:\n", "    if True:\n", "two_of_three_agree_or_one_forbids_or_one_breaks_the_tie"),
    "one too few agree": Mutant("gates.quorum", "Counter(votes)[last] >= self.n", "Counter(votes)[last] >= self.n - 1", "nobody_speaks_twice_in_another_spelling"),
    "votes are counted whatever they say": Mutant("gates.quorum", "Counter(votes)[last] >= self.n", "len(votes) >= self.n", "two_of_three_agree_or_one_forbids_or_one_breaks_the_tie"),
    "nobody forbids": Mutant("gates.quorum", "last.outcome in self.veto", "False", "two_of_three_agree_or_one_forbids_or_one_breaks_the_tie"),
    "there is never a tie": Mutant("gates.quorum", '"tied" if self.of is not None', '"tied" if False', "a_tie_is_broken_by_one_who_did_not_make_it"),
    "who breaks a tie has it broken by anybody": Mutant("gates.acting", "    if standing.state.breaking:\n", "    if False:\n", "two_of_three_agree_or_one_forbids_or_one_breaks_the_tie"),
    "it is reassigned to whom the gate does not ask": Mutant("gates.acting", "if not standing.is_demanded(queue):", "if False:", "what_is_overdue_goes_on_and_nobody_takes_it_back"),
    "anybody gives back what one has claimed": Mutant("gates.acting", "if not same_person(row.claimed_by, by):", "if False:", "a_claim_keeps_the_others_away_for_its_time"),
    "what is overdue stays": Mutant("gates.acting", "row.due_at <= now and", "row.due_at > now and", "what_is_overdue_goes_on_and_nobody_takes_it_back"),
    "those act for others who did so once": Mutant("gates.delegation", "self.since <= at < self.until", "self.since <= at", "who_acts_for_another_does_so_while_they_may"),
    "those act for others who will": Mutant("gates.delegation", "self.since <= at < self.until", "at < self.until", "who_acts_for_another_does_so_while_they_may"),
    "a role is delegated by whoever had it": Mutant("gates.delegation", "if holds_queue(now, delegation.by, queue) and", "if", "who_acts_for_another_does_so_while_they_may"),
    "who acts for another does so in every role": Mutant("gates.delegation", "if delegation.roles is not None and role not in delegation.roles:", "if False:", "who_acts_for_another_does_so_while_they_may"),
    "what was delegated is delegated on": Mutant("gates.delegation", "if holds_queue(now, delegation.by, queue) and", "if (holds_queue(now, delegation.by, queue) or any(d.to == delegation.by for d in delegations)) and", "who_acts_for_another_does_so_while_they_may"),
    "one's own case in another spelling": Mutant("gates.delegation", "    own = skeleton(person)\n", "    own = person + ' '\n", "nobody_decides_their_own_case"),
    "a case of nobody can tell whom": Mutant("gates.delegation", "if not folded:", "if False:", "nobody_decides_their_own_case"),
    "the case of whom one acts for": Mutant("gates.delegation", "        if to == own:\n", "        if False:\n", "nor_that_of_whom_they_act_for_or_who_acts_for_them"),
    "the case of who acts for one": Mutant("gates.delegation", "        elif by == own:\n", "        elif False:\n", "nor_that_of_whom_they_act_for_or_who_acts_for_them"),
    "the case of whom one acted for when it came": Mutant("gates.delegation", "start = min(opened, at)", "start = at", "nor_that_of_whom_they_act_for_or_who_acts_for_them"),
    "what somebody else ends": Mutant("gates.delegating", "if not any(same_person(by, person) for person in (row.person, row.delegate)):", "if False:", "who_acts_for_another_does_so_while_they_may"),
    "a reason of points": Mutant("gates.answering", "if demanded and not any(character.isalnum() for character in because):", "if demanded and not because:", "an_answer_says_what_the_gate_wants_to_hear"),
    "an outcome that nobody knows": Mutant("gates.answering", "check_outcome(outcome, tuple(shown_decision[\"outcomes\"]), what=f\"the review {row.id!r}\")", "pass", "an_answer_says_what_the_gate_wants_to_hear"),
    "a proposal that is hidden is corrected": Mutant("gates.answering", "    if blind:\n", "    if False:\n", "an_answer_says_what_the_gate_wants_to_hear"),
    "an amount of another type": Mutant("gates.answering", "if type(value) is not type(was) and was is not None:", "if False:", "an_answer_says_what_the_gate_wants_to_hear"),
    "the amount before it was corrected": Mutant("gates.answering", "decode_output(edited).get(named) if named else None", "None", "parts_of_one_whole_are_summed"),
    "who acts for another has limits of their own": Mutant("gates.answering", "person = capacity.on_behalf_of or capacity.person", "person = capacity.person", "a_limit_is_kept_alone_and_in_sum"),
    "limits are looked at and not kept": Mutant("gates.answering", "    said.check()\n", "", "a_limit_is_kept_alone_and_in_sum"),
    "one confirmation more": Mutant("gates.guarding.guard", "if count >= guard.in_a_row:", "if count > guard.in_a_row:", "care_is_taken"),
    "it is read in no time": Mutant("gates.guarding.guard", "if now - shown < least:", "if now < shown:", "care_is_taken"),
    "a cent over the limit": Mutant("gates.authority.consultation", "self.spent + self.asked <= limit.bound.units", "self.spent + self.asked <= limit.bound.units + 1", "a_limit_is_kept_alone_and_in_sum"),
    "a case more than the limit": Mutant("gates.authority.consultation", "self.cases < limit.count", "self.cases <= limit.count", "a_role_and_a_counterparty_have_limits_too"),
    "any of the limits is enough": Mutant("gates.authority.consultation", "            if not exceeded:\n", "            if len(exceeded) < len(self.consulted):\n", "a_limit_is_kept_alone_and_in_sum"),
    "what is reserved does not count": Mutant("gates.authority.spent", 'COUNTED = ("reserved", "committed")', 'COUNTED = ("committed",)', "what_is_reserved_counts_until_it_is_given_back"),
    "what is committed does not count": Mutant("gates.authority.spent", 'COUNTED = ("reserved", "committed")', 'COUNTED = ("reserved",)', "a_limit_is_kept_alone_and_in_sum"),
    "each counterparty has the limit of all": Mutant("gates.authority.limits", 'counterparty=spend.counterparty if "counterparty" in limit.across else None', "counterparty=None", "a_role_and_a_counterparty_have_limits_too"),
    "each person has the limit of the role": Mutant("gates.authority.limits", 'person=person if "person" in limit.across else None', "person=person", "a_role_and_a_counterparty_have_limits_too"),
    "parts are not summed": Mutant("gates.authority.limits", "spent=sum(row.amount for row in parts)", "spent=0", "parts_of_one_whole_are_summed"),
    "parts are linked by their spelling": Mutant("gates.authority.spend", ".casefold()", "", "parts_of_one_whole_are_summed"),
    "a day is one of Greenwich": Mutant("gates.authority.windows", "first = _first_day(period, at.astimezone(zone).date())", "zone = ZoneInfo('UTC'); first = _first_day(period, at.date())", "a_limit_is_kept_alone_and_in_sum"),
    "a window is shorter": Mutant("gates.authority.windows", "Window(at - duration + TICK, at + duration)", "Window(at - duration / 2, at + duration)", "parts_of_one_whole_are_summed"),
    "what comes to nothing stays spent": Mutant("ledger.review_projection", '"committed" if spend.id in taken else "released"', '"committed"', "what_is_reserved_counts_until_it_is_given_back"),
    "what counts no more stays spent": Mutant("ledger.review_projection", 'tx.update(SpendRow, said.id, status="released")', "pass", "what_is_reserved_counts_until_it_is_given_back"),
    "an answer leaves the others open": Mutant("ledger.review_projection", '                end_review(tx, other, "closed", at)\n', "                pass\n", "gates_beside_each_other"),
    "gates agree whatever they say": Mutant("gates.composed", "if all(answer.agrees(last.outcome, last.output) for answer in answers):", "if True:", "gates_beside_each_other"),
    "the second gate is forgotten": Mutant("gates.composed", "return self.second(self.first(decision, *context), *context)", "return self.first(decision, *context)", "one_gate_after_the_other"),
    "who breaks a tie has to do with the case": Mutant("gates.ties", '"involved": involved,', '"involved": [],', "who_breaks_a_tie_between_gates_is_new_to_the_case_and_within_their_limits"),
    "who breaks a tie has spoken before": Mutant("gates.ties", '"four_eyes": True,', '"four_eyes": False,', "who_breaks_a_tie_between_gates_is_new_to_the_case_and_within_their_limits"),
    "one of two gates is enough": Mutant("gates.case_recorder", '(given and enough == "one")', "given", "gates_beside_each_other"),
    "the first of several answers is the last": Mutant("gates.review_state", 'content["settled"] is not None if "settled" in content', 'True if "settled" in content', "two_of_three_agree_or_one_forbids_or_one_breaks_the_tie"),
    "many are confirmed at once": Mutant("gates.bulk", 'if outcome == standing.state.content.get("proposed"):', "if False:", "many_are_refused_or_given_on_and_none_is_approved"),
    "a policy that is stopped goes on": Mutant("gates.switches", '(stop.what, stop.name) == ("policy", policy)', "False", "what_is_stopped_is_decided_by_the_role_that_was_named"),
    "anybody lets it go on": Mutant("gates.switches", "                self._people.check_holds(by, stop.role, f\"let", "                str(f\"let", "what_is_stopped_is_decided_by_the_role_that_was_named"),
    "who is revoked is so from tomorrow": Mutant("gates.people", "return said if live is None else ask(live, what, _READ[what], refusal)", "return said if live is None else _READ[what](_KEPT.setdefault(id(self), {p: set(r) for p, r in live().items()}), what)", "what_is_revoked_is_revoked_at_once"),
}  # fmt: skip


@contextmanager
def mutated(mutant: Mutant) -> Iterator[None]:
    """Within the block, the module has the change: its functions run the code of the changed source.

    Functions are changed where they are, so that whoever has imported one has the changed one; and so are plain values.
    """
    module = import_module(f"abpo_sdk.{mutant.module}")
    path = Path(str(module.__file__))
    source = path.read_text()
    assert source.count(mutant.fragment) == 1, f"{mutant.fragment!r} occurs {source.count(mutant.fragment)} times"
    changed = ModuleType(module.__name__)
    exec(compile(source.replace(mutant.fragment, mutant.instead), path, "exec"), changed.__dict__)
    instead = dict(_functions(changed))
    before: list[tuple[FunctionType, CodeType]] = []
    values: dict[str, Any] = {}
    try:
        for name, function in _functions(module):
            if instead[name].__code__ != function.__code__:
                before.append((function, function.__code__))
                function.__code__ = instead[name].__code__
        values = {
            name: value for name, value in vars(module).items() if name.isupper() and vars(changed)[name] != value
        }
        vars(module).update({name: vars(changed)[name] for name in values} | {"_KEPT": {}})
        assert before or values
        yield
    finally:
        for function, code in before:
            function.__code__ = code
        vars(module).update(values)
        del vars(module)["_KEPT"]


def _functions(module: ModuleType) -> Iterator[tuple[str, FunctionType]]:
    """The functions that a module defines, and the methods of its classes."""
    for name, value in vars(module).items():
        if isinstance(value, FunctionType) and value.__module__ == module.__name__:
            yield name, value
        elif isinstance(value, type) and value.__module__ == module.__name__:
            for inner, member in vars(value).items():
                function = getattr(member, "fget", None) or getattr(member, "__func__", member)
                if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                    yield f"{name}.{inner}", function
