"""Each way in which erasing, holding and sweeping could be wrong is noticed by what is promised of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from tests.ledger import erasing
from tests.ledger.erasing import PROPERTIES


class Mutant(NamedTuple):
    module: str
    fragment: str
    replacement: str
    noticed_by: Callable[[Path], None]


MUTANTS = {
    "keys stay": Mutant(
        "erasure",
        "    journal.vault.erase(keys)  # a crash",
        "    # a crash",
        erasing.an_erasure_leaves_nothing_readable_or_guessable,
    ),
    "only the first key goes": Mutant(
        "erasure",
        "    journal.vault.erase(keys)  # a crash",
        "    journal.vault.erase(keys[:1])  # a crash",
        erasing.messages_of_errors_go_with_the_subject,
    ),
    "keys go before the entry is durable": Mutant(
        "erasure",
        "        delete_erased_keys(writer.tx, journal.vault)",
        "        journal.vault.erase(keys)",
        erasing.an_erasure_that_is_not_recorded_deletes_nothing,
    ),
    "what a crash left is not finished": Mutant(
        "erasure",
        "        delete_erased_keys(writer.tx, journal.vault)",
        "        pass",
        erasing.an_erasure_that_was_cut_short_is_finished_later,
    ),
    "the subject is named": Mutant(
        "erasure",
        '{"because": because, "by": by, "keys": keys}',
        '{"because": because, "by": by, "keys": keys, "subject": subject}',
        erasing.an_erasure_leaves_nothing_readable_or_guessable,
    ),
    "the subject is hashed": Mutant(
        "erasure",
        '{"because": because, "by": by, "keys": keys}',
        '{"because": because, "by": by, "keys": keys, "of": __import__("hashlib").sha256(subject.encode()).hexdigest()}',
        erasing.an_erasure_leaves_nothing_readable_or_guessable,
    ),
    "messages of errors stay": Mutant(
        "erasure",
        "(*own, *_keys_of_messages(journal, writer.tx, chains))",
        "own",
        erasing.messages_of_errors_go_with_the_subject,
    ),
    "holds are not looked at": Mutant(
        "erasure",
        "        check_not_held(writer.tx, own)\n",
        "",
        erasing.a_hold_forbids_erasing_until_every_matter_is_released,
    ),
    "holds are never over": Mutant(
        "erasure",
        "[row for row in found if row.released_at is None]",
        "found",
        erasing.a_hold_forbids_erasing_until_every_matter_is_released,
    ),
    "one release lifts every matter": Mutant(
        "erasure",
        "for row in holds_on(writer.tx, keys) if row.matter == matter",
        "for row in holds_on(writer.tx, keys)",
        erasing.a_hold_forbids_erasing_until_every_matter_is_released,
    ),
    "open runs go on": Mutant(
        "erasure",
        "tuple(chain for chain in chains if _abandon(writer, chain, by, entry, now))",
        "()",
        erasing.open_runs_of_a_subject_are_abandoned,
    ),
    "runs that have ended are abandoned": Mutant(
        "erasure",
        "    if not is_open(writer.tx, chain):\n        return False\n",
        "    if not writer.tx.select(RunRow, equal={'id': chain}):\n        return False\n",
        erasing.open_runs_of_a_subject_are_abandoned,
    ),
    "a worker keeps its lease": Mutant(
        "erasure",
        "epoch=head.epoch + 1",
        "epoch=head.epoch",
        erasing.a_worker_in_the_middle_of_a_step_writes_nothing_more,
    ),
    "what is exactly as old is swept": Mutant(
        "retention",
        'entry.head["at"] < before',
        'entry.head["at"] <= before',
        erasing.a_sweep_takes_what_is_older_and_nothing_else,
    ),
    "every kind is swept": Mutant(
        "retention",
        " and mark in entry.header and entry.kind == kind",
        "",
        erasing.a_sweep_takes_what_is_older_and_nothing_else,
    ),
    "a sweep is not recorded": Mutant(
        "retention",
        "        writer.append(OWN_CHAIN, [draft])",
        "        pass",
        erasing.a_sweep_takes_what_is_older_and_nothing_else,
    ),
    "the log keeps what was swept": Mutant(
        "retention",
        "    journal.store.scrub()\n",
        "",
        erasing.a_sweep_takes_what_is_older_and_nothing_else,
    ),
    "lists keep what was swept": Mutant(
        "retention",
        "                    rebuild_chain(writer.tx, chain)\n",
        "",
        erasing.a_sweep_takes_what_is_older_and_nothing_else,
    ),
    "open runs are swept": Mutant(
        "retention",
        "if is_open(reader, chain) or ",
        "if ",
        erasing.open_runs_are_not_swept,
    ),
    "what is held is swept": Mutant(
        "retention",
        'return "held" if holds_on(reader, keys_in(reader, chain)) else None',
        "return None",
        erasing.a_hold_keeps_sweeps_from_every_chain_with_its_subject,
    ),
}


def mutated(mutant: Mutant) -> ModuleType:
    name = f"abpo_sdk.ledger.{mutant.module}"
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text()
    assert source.count(mutant.fragment) == 1, f"{mutant.fragment!r} occurs {source.count(mutant.fragment)} times"
    module = ModuleType(name)
    module.__file__ = spec.origin
    sys.modules[name] = module  # dataclasses look their module up; the fixture puts the true one back
    exec(compile(source.replace(mutant.fragment, mutant.replacement), spec.origin, "exec"), module.__dict__)
    return module


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_a_mutant_is_noticed(mutant: Mutant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"abpo_sdk.ledger.{mutant.module}"
    __import__(name)
    monkeypatch.setitem(sys.modules, name, sys.modules[name])
    mutated(mutant)  # the ledger looks the module up at each call
    with pytest.raises((Exception, pytest.fail.Exception)) as caught:
        mutant.noticed_by(tmp_path)
    assert not isinstance(caught.value, (NameError, AttributeError, TypeError)), "the mutant cannot even run"


def test_every_property_that_a_mutant_needs_is_tested_without_one() -> None:
    assert {m.noticed_by for m in MUTANTS.values()} <= {*PROPERTIES["erasure"], *PROPERTIES["retention"]}
