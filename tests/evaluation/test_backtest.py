"""A policy on past cases: agreement, who would be asked, and what could not be told."""

import subprocess
import sys
from collections import Counter

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from abpo_sdk import Decision, DecisionTable, Gate, Policy, Reason, Runtime, fields, process, rule, step
from abpo_sdk.errors import EvaluationError
from abpo_sdk.evaluation import Share, backtest

OUTCOMES = ("pay", "reject", "refer")


class Claim(BaseModel):
    amount: int
    sure: float = 1.0


class Guess(Policy):
    """Says what the case tells it to, as surely as the case says."""

    name, owner, version, outcomes, case_type = "guess", None, "1", OUTCOMES, Claim

    def decide(self, case):
        outcome = OUTCOMES[case.amount % 3]
        reason = Reason(1, f"guess.{outcome}", "because")
        return Decision("guess", "1", outcome, outcome, OUTCOMES, case.sure, (reason,), case, ("amount",))


class Free(Policy):
    """Decides about any mapping, and gives no reasons."""

    name, owner, version, outcomes, case_type = "free", None, "", ("yes", "no"), None

    def __init__(self):
        self.seen = []

    def decide(self, case):
        self.seen.append(case)
        outcome = {0: "no", 1: "yes"}[case["x"]] if case["x"] != 7 else "maybe"
        return Decision("free", "", outcome, outcome, self.outcomes, 0.5, (), case, ())


c, d = fields(Claim), fields(Decision)
small = DecisionTable("small", rule(c.amount <= 500, then="pay", because="it is small"), otherwise="refer")
unsure = Gate("unsure", when=(d.confidence < 0.5) | (c.amount > 100), to="clerk")

rows = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 300)),
        st.sampled_from([0.0, 0.49, 0.5, 1.0]),
        st.sampled_from([None, *OUTCOMES]),
    ),
    min_size=1,
    max_size=30,
)


@given(rows=rows)
@settings(max_examples=60, deadline=None)
def test_every_number_is_what_a_plain_loop_counts(rows):
    history = pd.DataFrame(rows, columns=["amount", "sure", "paid"], dtype=object)
    found = backtest(Guess(), history, truth="paid", gate=unsure)

    usable = [(OUTCOMES[a % 3], truth, s < 0.5 or a > 100, s, a) for a, s, truth in rows if a is not None]
    known = [(outcome, truth, asked) for outcome, truth, asked, _, _ in usable if truth is not None]

    def share(which):
        which = list(which)
        return Share(sum(which), len(which)) if which else None

    assert found.total == len(rows)
    assert found.usable == len(usable)
    assert [u.label for u in found.unusable] == [n for n, row in enumerate(rows) if row[0] is None]
    assert found.truth_unknown == len(usable) - len(known)
    assert found.agreement == share(outcome == truth for outcome, truth, _ in known)
    assert found.agreement_asked == share(outcome == truth for outcome, truth, asked in known if asked)
    assert found.agreement_alone == share(outcome == truth for outcome, truth, asked in known if not asked)
    assert found.asked == share(asked for _, _, asked, _, _ in usable)
    counts = Counter((truth, outcome) for outcome, truth, _ in known)
    assert all(found.confusion.loc[t, o] == counts[t, o] for t in OUTCOMES for o in OUTCOMES)
    assert found.confusion.shape == (3, 3)
    decided = Counter(outcome for outcome, *_ in usable)
    assert found.outcomes["cases"].to_dict() == {outcome: decided[outcome] for outcome in OUTCOMES}
    because = found.asked_because
    doubt, large = [s < 0.5 for *_, s, _ in usable], [a > 100 for *_, a in usable]
    assert because["cases"].tolist() == [sum(doubt), sum(large)]
    alone = [sum(x and not y for x, y in zip(*pair, strict=True)) for pair in ((doubt, large), (large, doubt))]
    assert because["alone"].tolist() == alone
    if known:
        most, baseline = found.baseline
        assert baseline == Share(max(Counter(t for _, t, _ in known).values()), len(known))
        assert sum(t == most for _, t, _ in known) == baseline.k


@given(rows=rows, seed=st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_the_order_of_cases_does_not_matter(rows, seed):
    shuffled = rows.copy()
    seed.shuffle(shuffled)
    one, other = (
        backtest(Guess(), pd.DataFrame(r, columns=["amount", "sure", "paid"], dtype=object), truth="paid", gate=unsure)
        for r in (rows, shuffled)
    )
    assert (one.agreement, one.asked, one.usable) == (other.agreement, other.asked, other.usable)
    assert one.confusion.equals(other.confusion)


def test_without_a_truth_agreement_is_not_measured(payment, history, approval):
    found = backtest(payment, history, gate=approval)
    assert found.agreement is found.confusion is found.truth_unknown is found.baseline is None
    assert found.agreement_alone is found.agreement_asked is None
    assert found.asked == Share(2, 5)
    assert found.cases["agrees"].isna().all()
    assert len(found.disagreements) == 0


def test_where_every_truth_is_missing_agreement_is_not_measured(payment, history):
    found = backtest(payment, history.assign(paid=None), truth="paid")
    assert found.agreement is found.baseline is None
    assert found.truth_unknown == 5
    assert found.confusion.to_numpy().sum() == 0


def test_without_a_gate_nobody_knows_who_would_be_asked(payment, history):
    found = backtest(payment, history, truth="paid")
    assert found.asked is found.asked_because is found.agreement_alone is found.agreement_asked is None
    assert found.cases["asked"].isna().all()


def test_a_case_that_cannot_be_decided_is_reported_and_counts_nowhere(payment, history, approval):
    found = backtest(payment, history, truth="paid", gate=approval)
    assert found.unusable == ((60, "Invoice.total is missing"),)
    assert (found.total, found.usable, found.agreement.n, found.truth_unknown) == (6, 5, 4, 1)
    assert found.outcomes["cases"].sum() == found.rules["cases"].sum() == 5
    row = found.cases.loc[60]
    assert row[["outcome", "agrees", "confidence", "reason", "code", "asked", "why"]].isna().all()
    assert row["truth"] == "pay"


def test_a_case_that_the_gate_cannot_check_is_unusable():
    gate = Gate("g", when=c.sure > 0.5, to="clerk")
    claims = [Claim(amount=1), Claim.model_construct(amount=1, sure=None)]
    found = backtest(small, claims, gate=gate, truth=["pay", "pay"])
    assert found.usable == 1
    assert found.agreement == Share(1, 1)
    assert found.unusable[0].label == 1
    assert found.unusable[0].error.startswith("gate 'g': Claim.sure is missing")


def test_whatever_a_policy_raises_about_one_case_the_others_are_decided():
    found = backtest(Free(), pd.DataFrame({"x": [0, 5, 1]}))
    assert found.unusable == ((1, "KeyError: 5"),)
    assert found.outcomes["cases"].to_dict() == {"yes": 1, "no": 1}


def test_a_policy_without_a_case_type_sees_each_row_but_not_the_truth():
    policy = Free()
    history = pd.DataFrame({"x": [0.0, 1.0], "note": [None, float("nan")], "was": ["no", "no"]})
    assert backtest(policy, history, truth="was").agreement == Share(1, 2)
    assert policy.seen == [{"x": 0.0, "note": None}, {"x": 1.0, "note": None}]


def test_an_outcome_that_the_policy_does_not_declare_is_shown():
    found = backtest(Free(), pd.DataFrame({"x": [7, 1], "was": ["no", "yes"]}), truth="was")
    assert found.confusion.loc["no", "maybe"] == 1
    assert found.outcomes.loc["maybe", "cases"] == 1
    assert found.notes == ("The policy decided what is not among its outcomes: maybe.",)


def test_rules_that_decided_nothing_show_with_0(payment, history):
    rules = backtest(payment, history, truth="paid").rules
    assert rules["cases"].to_dict() == {"payment.1": 1, "payment.matches": 3, "payment.3": 0, "payment.otherwise": 1}
    assert rules["outcome"].tolist() == ["reject", "pay", "reject", "refer"]
    assert rules.loc["payment.matches", ["known", "agree"]].tolist() == [2, 1]
    assert backtest(payment, history).rules["known"].sum() == 0


def test_the_codes_of_rules_are_those_of_the_decisions(payment, history):
    found = backtest(payment, history)
    decided = {
        payment(case).reasons[0].code for case in found.cases.loc[[10, 20, 40], history.columns[:4]].to_dict("records")
    }
    assert decided == {"payment.matches", "payment.1", "payment.otherwise"}
    assert decided <= set(found.rules.index)
    assert len(found.rules) == len(payment.rules) + 1


def test_the_gates_conditions_are_told_without_values_and_with_the_role(payment, history, approval):
    because = backtest(payment, history, gate=approval).asked_because
    assert because.to_dict("index") == {
        "total > 10,000": {"role": "controller", "cases": 1, "alone": 1},
        "outcome == 'refer'": {"role": "controller", "cases": 1, "alone": 1},
        "confidence < 0.9": {"role": "controller", "cases": 0, "alone": 0},
    }


def test_agreement_is_told_apart_by_whether_a_person_would_be_asked(payment, history, approval):
    found = backtest(payment, history, truth="paid", gate=approval)
    assert found.agreement == Share(2, 4)
    assert found.agreement_alone == Share(2, 2)  # the invoices 10 and 20; 50 has no truth
    assert found.agreement_asked == Share(0, 2)  # 30 is large, 40 is referred


def test_truths_may_be_given_apart_from_the_cases(payment, history):
    by_name = backtest(payment, history, truth="paid")
    apart = (history["paid"], history["paid"].tolist(), tuple(history["paid"]), history["paid"].to_numpy())
    for truth in apart:
        assert backtest(payment, history, truth=truth).confusion.equals(by_name.confusion)


def test_a_truth_that_the_policy_reads_is_told():
    class Leaky(Guess):
        def decide(self, case):
            decision = super().decide(case)
            return Decision("leaky", "1", *[decision.outcome] * 2, OUTCOMES, 1.0, (), case, ("amount", "paid"))

    found = backtest(Leaky(), pd.DataFrame({"amount": [0], "paid": ["pay"]}), truth="paid")
    assert "reads 'paid', which is the truth" in found.notes[0]
    assert not backtest(Guess(), pd.DataFrame({"amount": [0], "paid": ["pay"]}), truth="paid").notes


@pytest.mark.parametrize("empty", [pd.DataFrame({"amount": []}), [], (), iter(())])
def test_an_empty_history_is_refused(empty):
    with pytest.raises(EvaluationError, match="history is empty: there is no past case to run policy 'small'"):
        backtest(small, empty)


@pytest.mark.parametrize("single", [{"amount": 1}, Claim(amount=1), "amount", b"x", 5, None])
def test_what_is_no_collection_of_cases_is_refused(single):
    with pytest.raises(EvaluationError, match=f"the history is of type {type(single).__name__}; give a pandas"):
        backtest(small, single)


def test_missing_columns_are_named_with_near_ones():
    with pytest.raises(EvaluationError, match=r"Claim.* no column for its field 'amount' \(near it is 'Amuont'\)"):
        backtest(small, pd.DataFrame({"Amuont": [1], "sure": [1.0]}))
    with pytest.raises(EvaluationError, match=r"for its field 'amount'; it has 'zzz'"):
        backtest(small, pd.DataFrame({"zzz": [1]}))


def test_a_column_that_occurs_twice_is_refused():
    twice = pd.DataFrame([[1, 2, "pay"]], columns=["amount", "amount", "paid"])
    with pytest.raises(EvaluationError, match="2 columns 'amount'"):
        backtest(small, twice)
    truths = pd.DataFrame([[1, "pay", "pay"]], columns=["amount", "paid", "paid"])
    with pytest.raises(EvaluationError, match="'paid' names no one column: there are 2"):
        backtest(small, truths, truth="paid")
    assert backtest(small, truths).usable == 1


def test_a_truth_that_is_not_there_is_refused():
    history = pd.DataFrame({"amount": [1], "paid": ["pay"]})
    with pytest.raises(EvaluationError, match=r"there is none\. did you mean 'paid'"):
        backtest(small, history, truth="payd")
    with pytest.raises(EvaluationError, match="no case has a key or attribute"):
        backtest(small, [Claim(amount=1)], truth="paid")
    with pytest.raises(EvaluationError, match="truth=5"):
        backtest(small, history, truth=5)
    with pytest.raises(EvaluationError, match="1 cases and 2 truths"):
        backtest(small, history, truth=["pay", "pay"])
    with pytest.raises(EvaluationError, match="index is not the history's"):
        backtest(small, history, truth=pd.Series(["pay"], index=[1]))


def test_a_truth_that_is_no_outcome_is_refused_with_all_that_are():
    history = pd.DataFrame({"amount": [1, 2, 3], "paid": ["pay", "payed", "payed"]}, index=["a", "b", "c"])
    message = r"'paid' holds 'payed' \(in 2, first in row 'b'\).*outcomes 'pay', 'refer'; did you mean 'pay'\?"
    with pytest.raises(EvaluationError, match=message):
        backtest(small, history, truth="paid")
    with pytest.raises(EvaluationError, match="map them to these outcomes first"):
        backtest(small, history.assign(paid="other"), truth="paid")


@pytest.mark.parametrize("paid", [[True, False], [1, 0], pd.array([True, None], dtype="boolean")])
def test_truths_that_are_no_texts_are_to_be_mapped_first(paid):
    history = pd.DataFrame({"amount": [1, 2], "paid": paid})
    with pytest.raises(
        EvaluationError, match=r"map them to outcomes first, such as history\['paid'\].map\(\{(True|1): 'pay'"
    ):
        backtest(small, history, truth="paid")


def test_a_truth_in_any_form_of_missing_is_not_known():
    history = pd.DataFrame({"amount": 1, "paid": ["pay", None, float("nan"), pd.NA, pd.NaT]}, dtype=object)
    found = backtest(small, history, truth="paid")
    assert (found.agreement, found.truth_unknown) == (Share(1, 1), 4)
    categories = history.assign(paid=pd.Categorical(["pay", None, "refer", None, "pay"]))
    assert backtest(small, categories, truth="paid").agreement == Share(2, 3)


def test_what_is_no_policy_or_no_gate_is_refused():
    history = pd.DataFrame({"amount": [1]})
    with pytest.raises(EvaluationError, match="give a policy"):
        backtest(history, small)
    with pytest.raises(EvaluationError, match="is no Gate"):
        backtest(small, history, gate=c.amount > 5)


def test_a_gate_about_other_cases_is_refused(approval):
    with pytest.raises(EvaluationError, match=r"reads Invoice.total, and policy 'small' decides about Claim"):
        backtest(small, pd.DataFrame({"amount": [1]}), gate=approval)


@step
def try_out() -> str:
    history = pd.DataFrame({"amount": [1, 900], "paid": ["pay", "pay"]})
    return str(backtest(small, history, truth="paid", gate=unsure).agreement)


@process
def night() -> str:
    history = pd.DataFrame({"amount": [1, 900], "paid": ["pay", "pay"]})
    backtest(small, history, truth="paid", gate=unsure)
    return try_out()


def test_nothing_is_recorded_even_within_a_run(tmp_path):
    runtime = Runtime(f"sqlite:///{tmp_path / 'abpo.db'}", [night])
    run = runtime.start(night, id="n")
    assert run.result().startswith("50.0 % (1 of 2)")
    assert len(runtime.decisions("small")) == 0


def test_a_progress_bar_is_shown_where_wanted_and_changes_nothing(capsys):
    history = pd.DataFrame({"amount": [1, 2, 900]})
    quiet = backtest(small, history)
    assert capsys.readouterr() == ("", "")
    assert backtest(small, history, progress=True).results == quiet.results
    out, err = capsys.readouterr()
    assert not out
    assert "3/3" in err


def test_without_tqdm_there_is_no_bar_and_no_error(monkeypatch, capsys):
    for name in [name for name in sys.modules if name.split(".")[0] == "tqdm"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert backtest(small, pd.DataFrame({"amount": [1]}), progress=True).usable == 1
    assert capsys.readouterr() == ("", "")


def test_importing_the_room_loads_nothing_heavy():
    heavy = "{'numpy', 'pandas', 'sklearn', 'scipy', 'statsmodels', 'fairlearn', 'shap', 'matplotlib', 'tqdm'}"
    code = f"import sys; from abpo_sdk.evaluation import backtest, Backtest; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_history_is_not_changed_and_a_changed_history_changes_nothing(payment, history):
    before = history.copy()
    found = backtest(payment, history, truth="paid")
    pd.testing.assert_frame_equal(history, before)
    history["clerk"] = "z"
    history.loc[:, "total"] = 0.0
    assert found.cases["clerk"].tolist() == list("xyxyxy")
    assert found.cases.loc[10, "total"] == 100
    assert found.confusion.sum(axis=1).tolist() == [2, 2, 0]
