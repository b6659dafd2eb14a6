"""What the benchmark of decision tables compares is the same table, and who decides otherwise than the oracle is told."""

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pandas as pd
import pytest

from benchmarks import table_and_cases as given
from benchmarks.decision_table import check_rows
from benchmarks.peers import our_table, python_table
from benchmarks.peers.decider import Decider, Disagrees, Peer, all_at_once, entered, one_by_one, rate
from benchmarks.peers.rule_engine_table import condition
from benchmarks.peers.spiff_table import cell
from benchmarks.peers.table_as_dmn import NAMESPACE, document
from benchmarks.peers.table_texts import python_condition, unary_test
from benchmarks.peers.zen_table import graph
from benchmarks.table_and_cases import Interval, Is, OneOf, Row

COUNT = 2_000


@pytest.fixture(scope="module")
def truth() -> list[str]:
    return given.outcomes_of(given.truth(COUNT))


@pytest.fixture(scope="module")
def table():
    return our_table.table(given.rows())


def test_the_table_has_eight_inputs_and_fifty_rows_of_which_the_last_holds_of_every_case():
    assert len(given.INPUTS) == 8
    assert len(given.rows()) == 50
    assert [len(row.cells) for row in given.rows()] == [5] * 49 + [0]


def test_every_row_decides_some_of_the_cases():
    assert set(given.truth(20_000)) == set(range(50))


def test_ours_decides_as_the_oracle_does_in_every_form(table, truth):
    cases, mappings = given.cases(COUNT), given.mappings(COUNT)
    for way in (our_table.decisions(table), our_table.explained(table), Decider(table.outcome)):
        one_by_one("ours", way, cases, truth)
        one_by_one("ours", way, mappings[:200], truth[:200])


def test_ours_names_the_row_that_the_oracle_finds(table):
    assert [our_table.row_named(table(case), 50) for case in given.cases(COUNT)] == given.truth(COUNT)


def test_if_after_if_decides_as_the_oracle_does(truth):
    one_by_one("plain", python_table.if_elif(given.rows()), given.cases(COUNT), truth)


def test_rows_as_python_and_as_cells_about_a_question_mark_hold_where_the_oracle_says():
    for row in given.rows():
        for case in given.mappings(COUNT)[:50]:
            assert eval(python_condition(row), {}, dict(case)) is row.holds(case)
            for name, of_row in row.cells.items():
                about_value = re.sub(r"\?", "value", cell(of_row))
                assert eval(about_value, {}, {"value": case[name]}) is of_row.holds(case[name])


@pytest.mark.parametrize(
    ("of_row", "text"),
    [
        (None, ""),
        (Interval(None, 300, high_closed=False), "< 300"),
        (Interval(300, None), ">= 300"),
        (Interval(10, 20), "[10..20]"),
        (Interval(10, 20, low_closed=False, high_closed=False), "(10..20)"),
        (OneOf(("alpha", "beta")), '"alpha", "beta"'),
        (Is(truth=False), "false"),
    ],
)
def test_a_cell_as_a_unary_test(of_row, text):
    assert unary_test(of_row) == text


def test_a_row_as_an_expression_of_rule_engine():
    row = Row({"x0": Interval(10, 20), "x1": OneOf(("alpha",)), "x3": Is(truth=True)}, "out0")
    assert condition(row) == 'x0 >= 10 and x0 <= 20 and x1 in ["alpha"] and x3 == true'
    assert condition(Row({}, "refer")) == "true"


def test_the_dmn_document_has_every_row_with_an_entry_for_every_input():
    root = ET.fromstring(document(given.rows()))
    rules = root.findall(f".//{{{NAMESPACE}}}rule")
    assert [len(rule.findall(f"{{{NAMESPACE}}}inputEntry")) for rule in rules] == [8] * 50
    assert {entry.findtext(f"{{{NAMESPACE}}}text") for entry in rules[-1].findall(f"{{{NAMESPACE}}}inputEntry")} == {
        "-"
    }


def test_the_graph_of_zen_engine_has_every_row():
    content = graph(given.rows())["nodes"][1]["content"]
    assert [rule["outcome"] for rule in content["rules"]] == [f'"{row.outcome}"' for row in given.rows()]


def test_who_decides_otherwise_than_the_oracle_is_named_with_the_case(truth):
    with pytest.raises(Disagrees, match="odd: case 0 is 'pay'"):
        one_by_one("odd", Decider(lambda case: "pay"), given.cases(COUNT), truth)
    with pytest.raises(Disagrees, match="odd: case 1 is 'pay'"):
        all_at_once("odd", Decider(lambda cases: [truth[0], *["pay"] * (COUNT - 1)]), given.cases(COUNT), truth)


def test_another_row_with_the_same_outcome_is_told_too():
    first, *others = given.truth(COUNT)
    with pytest.raises(Disagrees, match="case 0: ours names row"):
        check_rows([first + 9, *others], [first, *others])


def test_a_peer_that_is_not_there_or_refuses_the_table_or_a_case_is_left_out_and_named(truth, capsys):
    missing = Peer("missing", None, "no_such_table", "single", 10)
    there = Peer("plain", None, "python_table", "if_elif", 10)
    refusing = replace(there, name="refusing", build="no_such_function")
    failing = replace(there, name="failing")
    forms = dict.fromkeys([missing, refusing, there], lambda: given.cases(COUNT)[:10])
    forms[failing] = lambda: [None] * 10
    found, skipped = entered(forms, given.rows(), truth, one_by_one)
    assert list(found) == [there]
    assert list(skipped) == ["missing", "refusing", "failing"]
    assert "skipped missing: ModuleNotFoundError" in capsys.readouterr().out


def test_a_peer_that_decides_otherwise_is_not_left_out_but_refused(truth):
    there = Peer("plain", None, "python_table", "if_elif", 10)
    with pytest.raises(Disagrees, match="plain: case 0"):
        entered({there: lambda: given.cases(COUNT)[:10]}, given.rows(), ["none"] * 10, one_by_one)


def test_a_round_repeats_short_work_and_counts_all_that_was_done():
    clock = iter([0.0, 0.0, 0.25, 0.5, 0.75, 1.0])
    done = []
    assert rate(lambda: done.append("once"), 100, lambda: next(clock)) == 400
    assert len(done) == 4


def test_a_round_of_long_work_does_it_once():
    clock = iter([0.0, 0.0, 2.0])
    assert rate(lambda: None, 100, lambda: next(clock)) == 50


def test_a_frame_decided_at_once_gives_the_outcomes_and_rows_of_the_oracle(table, truth):
    frame = pd.DataFrame(given.columns(COUNT))
    ours = our_table.on_frame(table)
    all_at_once("ours", ours, frame, truth)
    check_rows(our_table.rows_given(ours.decide(frame), 50), given.truth(COUNT))
    all_at_once("ours", ours, frame.astype({"x1": "category", "x5": object}), truth)


def test_the_table_has_no_faults_that_its_checks_find(table):
    assert table.check() == ()
