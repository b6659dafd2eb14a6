"""Static checks of rows, against every combination of regions tried one by one."""

from dataclasses import asdict, dataclass
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk.conditions import Reading, fields
from abpo_sdk.conditions.regions.space import bits_of, regions_of
from abpo_sdk.errors import MissingInput
from abpo_sdk.policies.checks.check import check
from abpo_sdk.policies.rules import Output


@dataclass
class Claim:
    amount: int
    total: Decimal
    country: str
    urgent: bool
    note: str | None = None


c = fields(Claim)
LEAVES = st.one_of(
    st.builds(lambda n: c.amount > n, st.integers(0, 4)),
    st.builds(lambda n: c.amount <= n, st.integers(0, 4)),
    st.builds(lambda *n: c.amount.is_in(*n), st.integers(0, 4), st.integers(0, 4)),
    st.builds(lambda n: c.total < Decimal(n) / 2, st.integers(0, 3)),
    st.builds(lambda n: c.total == Decimal(n) / 2, st.integers(0, 3)),
    st.builds(lambda t: c.country == t, st.sampled_from(["DE", "FR"])),
    st.builds(lambda t: c.country != t, st.sampled_from(["DE", "FR"])),
    st.builds(lambda b: c.urgent == b, st.booleans()),
)
ASKING = LEAVES | st.sampled_from([c.note.is_missing(), ~c.note.is_missing(), c.note == "x", c.note != "y"])


def conditions(leaves):
    return st.recursive(
        leaves,
        lambda inner: (
            st.builds(lambda a, b: a & b, inner, inner)
            | st.builds(lambda a, b: a | b, inner, inner)
            | inner.map(lambda a: ~a)
        ),
        max_leaves=4,
    )


VALUES = st.sampled_from([("pay",), ("refer",), ("reject",)])
ROWS = st.lists(st.tuples(conditions(LEAVES) | conditions(ASKING), VALUES), min_size=1, max_size=5)
OUTPUTS = [Output("outcome", ("reject", "refer", "pay"))]
PLAIN = {"amount": 7, "total": Decimal(9), "country": "ES", "urgent": False, "note": "z"}


def cases(rules):
    """A case for each combination of regions."""
    axes = regions_of([condition for condition, _ in rules]).axes
    examples = [[axis.example(index) for index in bits_of(axis.possible)] for axis in axes]
    for chosen in product(*examples):
        yield Claim(**{**PLAIN, **{axis.name: value for axis, value in zip(axes, chosen, strict=True)}})


def answer(condition, case):
    try:
        return condition.evaluate(Reading(case))
    except MissingInput:
        return None


def result(rules, case, hit_policy, default=None):
    """What the rows decide: their numbers, or why nothing is decided."""
    matched = []
    for number, (condition, _) in enumerate(rules, start=1):
        holds = answer(condition, case)
        if holds is None:
            return "refused"
        if holds:
            matched.append(number)
            if hit_policy == "FIRST":
                break
    if hit_policy == "UNIQUE" and len(matched) > 1:
        return "violated", tuple(matched)
    given_values = {rules[number - 1][1] for number in matched}
    if hit_policy == "ANY" and len(given_values) > 1:
        return "violated", tuple(matched)
    if hit_policy == "PRIORITY":
        matched.sort(key=lambda number: OUTPUTS[0].priority(rules[number - 1][1][0]))
    return tuple(matched[:1]) if hit_policy in ("FIRST", "UNIQUE", "ANY", "PRIORITY") else tuple(matched)


def values(rules, result, default):
    """What is given in the end."""
    if result == "refused" or result[:1] == ("violated",):
        return result[0]
    return tuple(rules[number - 1][1] for number in result) or (default,)


def found(findings, kind):
    return [finding for finding in findings if finding.kind == kind]


def case_of(finding):
    return Claim(**{**PLAIN, **finding.counterexample})


@settings(max_examples=120, deadline=None)
@given(ROWS, st.sampled_from(["FIRST", "PRIORITY", "UNIQUE", "ANY", "COLLECT", "RULE ORDER", "OUTPUT ORDER"]))
def test_rows_that_never_decide_are_found_and_no_others(rules, hit_policy):
    results = [result(rules, case, hit_policy) for case in cases(rules)]
    findings = check(rules, hit_policy, outputs=OUTPUTS, limit=100)
    contradicting = {
        n for n, (condition, _) in enumerate(rules, 1) if not any(answer(condition, k) for k in cases(rules))
    }
    own = {f.rows[0] for f in found(findings, "contradiction") if len(f.rows) == 1}
    assert own == contradicting
    if hit_policy in ("FIRST", "PRIORITY", "COLLECT", "RULE ORDER", "OUTPUT ORDER"):
        deciding = {number for r in results if r != "refused" for number in r}
        expected = set(range(1, len(rules) + 1)) - deciding - contradicting
        unreachable = found(findings, "unreachable")
        assert {f.rows[0] for f in unreachable} == expected
        for finding in unreachable:
            assert finding.exact
            case = case_of(finding)
            assert answer(rules[finding.rows[0] - 1][0], case)
            assert result(rules, case, hit_policy) == "refused" or finding.rows[0] not in result(
                rules, case, hit_policy
            )


@settings(max_examples=120, deadline=None)
@given(ROWS, st.sampled_from(["FIRST", "UNIQUE", "ANY", "PRIORITY", "COLLECT"]))
def test_gaps_are_found_where_no_row_covers_a_case_and_nowhere_else(rules, hit_policy):
    uncovered = [case for case in cases(rules) if result(rules, case, hit_policy) == ()]
    gaps = found(check(rules, hit_policy, outputs=OUTPUTS, limit=100), "gap")
    assert bool(gaps) is bool(uncovered)
    for gap in gaps:
        assert gap.exact
        assert gap.level == "error"
        assert result(rules, case_of(gap), hit_policy) == ()
    assert not found(check(rules, hit_policy, outputs=OUTPUTS, default=("ask",)), "gap")
    noted = found(check(rules, hit_policy, outputs=OUTPUTS, default=("ask",), notes=True, limit=100), "gap")
    assert len(noted) == len(gaps)
    assert all(gap.level == "note" for gap in noted)


@settings(max_examples=120, deadline=None)
@given(ROWS, st.sampled_from(["UNIQUE", "ANY", "FIRST", "COLLECT"]))
def test_pairs_of_rows_that_match_and_must_not_are_found_and_no_others(rules, hit_policy):
    findings = check(rules, hit_policy, outputs=OUTPUTS, limit=100)
    pairs = {f.rows for f in findings if f.kind in ("overlap", "contradiction") and len(f.rows) == 2}
    expected = set()
    for case in cases(rules):
        answers = [answer(condition, case) for condition, _ in rules]
        if None in answers or hit_policy not in ("UNIQUE", "ANY"):
            continue
        matched = [number for number, holds in enumerate(answers, 1) if holds]
        expected |= {
            (a, b)
            for a in matched
            for b in matched
            if a < b and (hit_policy == "UNIQUE" or rules[a - 1][1] != rules[b - 1][1])
        }
    assert pairs == expected
    for finding in findings:
        if len(finding.rows) == 2 and finding.kind in ("overlap", "contradiction"):
            assert result(rules, case_of(finding), hit_policy)[0] == "violated"


@settings(max_examples=120, deadline=None)
@given(ROWS, st.sampled_from(["FIRST", "ANY"]), VALUES)
def test_rows_without_which_nothing_changes_are_noted_and_no_others(rules, hit_policy, default):
    findings = check(rules, hit_policy, default=default, notes=True, limit=100)
    known = {f.rows[0] for f in findings if f.kind in ("unreachable", "contradiction") and f.rows}
    redundant = {f.rows[0] for f in found(findings, "redundant")}
    every = list(cases(rules))
    if any(f.kind == "overlap" or (len(f.rows) == 2 and f.kind == "contradiction") for f in findings):
        return  # rows that violate the hit policy together are not made better by taking one away
    for number in set(range(1, len(rules) + 1)) - known:
        rest = rules[: number - 1] + rules[number:]
        same = all(
            values(rules, result(rules, case, hit_policy), default)
            == values(rest, result(rest, case, hit_policy), default)
            for case in every
        )
        assert (number in redundant) is same
    assert not any(f.kind == "redundant" for f in check(rules, hit_policy, default=default))


def texts(*rules, **options):
    return [str(finding) for finding in check(rules, **options)]


def test_findings_read_as_sentences():
    small, large = (c.amount <= 500, ("pay",)), (c.amount > 500, ("refer",))
    assert texts(small, large) == []
    assert texts(small, large, (c.country == "FR", ("reject",))) == [
        "error: row 3 can never decide: rows 1, 2 cover it"
    ]
    assert texts((c.country.is_in("DE", "FR"), ("pay",)), (c.amount <= 500, ("refer",))) == [
        "error: no row covers country is another than 'DE', 'FR' and amount > 500"
    ]
    assert texts(((c.amount > 5) & (c.amount < 3), ("pay",)), default=("x",)) == [
        "error: row 1 can never hold: amount > 5 and amount < 3 contradicts itself"
    ]
    assert texts(small, (c.amount > 400, ("refer",)), hit_policy="UNIQUE") == [
        "error: rows 1 and 2 both match where amount in (400..500] and give 'pay' and 'refer'"
    ]
    assert texts(small, small, hit_policy="UNIQUE", default=("x",)) == [
        "error: rows 1 and 2 both match where amount <= 500"
    ]
    assert texts(small, (~(c.amount > 500), ("refer",)), hit_policy="ANY", default=("x",)) == [
        "error: rows 1 and 2 have the same condition and give 'pay' and 'refer'"
    ]
    assert texts(small, default=("pay",), notes=True) == [
        "note: no row covers amount > 500; the default gives 'pay'",
        "note: row 1 changes nothing: without it, its cases get 'pay' all the same",
    ]


def test_a_row_below_one_that_needs_a_value_never_sees_the_cases_in_which_it_is_missing():
    rules = [(c.note == "x", ("pay",)), (c.note.is_missing(), ("refer",))]
    [finding] = found(check(rules, default=("ask",)), "unreachable")
    assert str(finding) == "error: row 2 can never decide: row 1 needs a value that is missing there"
    assert finding.counterexample == {"note": None}
    assert not found(check(rules[::-1], default=("ask",)), "unreachable")


near = abs(c.total - c.amount) <= 5


def test_what_mixes_inputs_is_tried_on_made_cases():
    rules = [(near, ("pay",)), (c.total > 1_000, ("refer",))]
    [overlap] = found(check(rules, "UNIQUE", default=("ask",)), "overlap")
    assert overlap.exact
    assert overlap.level == "error"
    assert all(condition.evaluate(Reading(case_of(overlap))) for condition, _ in rules)
    [gap] = found(check(rules), "gap")
    assert gap.exact
    assert not any(condition.evaluate(Reading(case_of(gap))) for condition, _ in rules)
    [said] = found(check(rules, default=("ask",)), "mixed inputs")
    assert said.level == "note"
    assert said.rows == (1,)
    assert said.text.startswith("`abs(total - amount) <= 5` (row 1) is not decided by one input")


def test_what_cannot_be_shown_is_not_claimed():
    impossible = c.total * c.total < 0
    [overlap] = found(
        check([(impossible, ("pay",)), (c.amount > 5, ("refer",))], "UNIQUE", default=("ask",)), "overlap"
    )
    assert not overlap.exact
    assert overlap.level == "warning"
    assert overlap.counterexample is None
    assert "cannot tell whether amount > 5 and `total * total < 0` can hold together" in overlap.text


def test_a_row_that_is_covered_for_either_answer_is_unreachable_for_certain():
    [finding] = found(check([(near, ("pay",)), (~near, ("refer",)), (c.amount > 3, ("ask",))]), "unreachable")
    assert finding.rows == (3, 1, 2)
    assert finding.exact
    assert finding.counterexample["amount"] > 3


def test_many_findings_are_counted():
    rules = [((c.amount == n) & (c.amount == n + 1), ("pay",)) for n in range(30)]
    rules += [(c.amount > n, ("refer",)) for n in range(30, 0, -1)]
    findings = check(rules, "UNIQUE", default=("ask",), limit=5)
    assert str(found(findings, "overlap")[-1]) == "error: up to 430 more pairs of rows overlap"
    gaps = check([(c.amount == 2 * n, ("pay",)) for n in range(30)], limit=3)
    assert len(gaps) == 1  # one gap, described at once
    covered = check(
        [(c.amount > 0, ("pay",))] + [(c.amount > n, ("refer",)) for n in range(1, 30)], default=("x",), limit=3
    )
    assert (
        str(covered[3])
        == "error: 26 more unreachable rows: 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24 and 6 more"
    )


def test_overlaps_that_only_may_be_stay_warnings_when_they_are_counted():
    rules = [(c.total * c.total < -n, ("pay",)) for n in range(6)]
    findings = found(check(rules, "UNIQUE", default=("ask",), limit=2), "overlap")
    assert str(findings[-1]) == "warning: up to 13 more pairs of rows overlap"


def test_a_check_that_is_cut_says_so():
    rules = [((c.amount > n) & (c.total < n), ("pay",)) for n in range(40)]
    findings = check(rules, steps=60)
    said = [str(f) for f in found(findings, "incomplete")]
    assert said
    assert all(text.startswith("warning: the table is too large to check") for text in said)
    assert not found(check(rules), "incomplete")


@pytest.mark.parametrize("rows", [1, 5_000])
def test_a_table_of_any_size_is_checked(rows):
    rules = [((c.amount >= n) & (c.amount < n + 1) & (c.country == "DE"), ("pay",)) for n in range(rows)]
    findings = check(rules, "UNIQUE", default=("ask",))
    assert findings == ()


def test_a_counterexample_holds_every_input_of_the_table():
    [gap] = check([((c.amount > 5) & (c.urgent == True), ("pay",)), (c.amount <= 5, ("pay",))])  # noqa: E712
    assert gap.counterexample == {"amount": 6, "urgent": False}
    assert asdict(case_of(gap))["amount"] == 6
