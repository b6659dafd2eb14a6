"""What a backtest found, for people, for notebooks, for programs."""

import dataclasses
import sys

import matplotlib as mpl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from abpo_sdk import Decision, DecisionTable, Gate, Policy, Reason, fields, rule
from abpo_sdk.auditors import BiasAuditor
from abpo_sdk.evaluation import backtest

mpl.use("agg")


class Claim(BaseModel):
    amount: int


class Says(Policy):
    """Decides and argues as its case tells it."""

    owner, case_type = None, None

    def __init__(self, name, outcomes):
        self.name, self.outcomes, self.version = name, outcomes, "1"

    def decide(self, case):
        if case["says"] is None:
            raise ValueError(case["why"])
        reasons = (Reason(1, case["why"], case["why"]),)
        return Decision(self.name, "1", case["says"], case["says"], self.outcomes, 0.5, reasons, case, ())


c, d = fields(Claim), fields(Decision)


@pytest.fixture
def found(payment, history, approval):
    return backtest(payment, history, truth="paid", gate=approval)


def test_the_text_says_what_was_measured_and_what_could_not_be(found):
    text = str(found)
    assert text == TEXT.format(version=found.policy.version)


TEXT = """\
Backtest of payment (version {version}) on 6 past cases

Usable               5 of 6 cases; 1 could not be decided, see below
Agreement            50.0 % (2 of 4), 95 % interval 15.0 % to 85.0 %; 1 more without 'paid'
                     50.0 % would agree if the answer were always 'pay'
Would be asked       40.0 % (2 of 5), 95 % interval 11.8 % to 76.9 %; gate approval
Agrees if not asked  100 % (2 of 2), 95 % interval 34.2 % to 100 %
Agrees if asked      0 % (0 of 2), 95 % interval 0 % to 65.8 %

What people gave (rows) and what the policy decides (columns):
        reject  pay  refer
reject       1    1      0
pay          0    1      1
refer        0    0      0

Which rule decides:
rule               outcome  cases   agree  because
payment.1          reject       1  1 of 1  the total is not positive
payment.matches    pay          3  1 of 2  the total is the order's
payment.3          reject       0          nobody orders that much
payment.otherwise  refer        1  0 of 1  no rule applies

Why a person is asked:
condition           role        cases  alone
total > 10,000      controller      1      1
outcome == 'refer'  controller      1      1
confidence < 0.9    controller      0      0

Unusable:
- row 60: Invoice.total is missing

1 of 4 rules decided no case: payment.3.
Of 2 disagreements, 0 would have passed without a person."""


def test_what_was_not_measured_is_said_and_given_no_number(payment, history, approval):
    text = str(backtest(payment, history))
    assert "Agreement       not measured: no truth was given" in text
    assert "Would be asked  not measured: no gate was given" in text
    assert "%" not in text
    unknown = str(backtest(payment, history.assign(paid=None), truth="paid", gate=approval))
    assert "not measured: no usable case has a known 'paid'" in unknown
    assert "Agrees if" not in unknown


def test_where_nothing_could_be_decided_nothing_is_measured(payment, history, approval):
    found = backtest(payment, history.assign(total=None), truth="paid", gate=approval)
    assert found.agreement is found.asked is None
    assert str(found).count("not measured: no case could be decided") == 2
    assert "0 of 6 cases; 6 could not be decided" in str(found)
    assert "and 1 more, all in .unusable" in str(found)
    assert found.outcomes["share"].isna().all()
    assert not found.notes  # no rule had a chance to decide anything
    assert found.plot().axes


def test_where_only_one_side_of_the_gate_has_truths_the_other_is_not_measured(payment, history, approval):
    found = backtest(payment, history.loc[[10, 20]], truth="paid", gate=approval)
    assert found.agreement_asked is None
    assert "Agrees if asked      not measured: there are none with known truth" in str(found)


@given(
    rows=st.lists(
        st.tuples(st.text(max_size=150), st.none() | st.sampled_from("abc"), st.none() | st.sampled_from("abc")),
        min_size=1,
        max_size=60,
    ),
    names=st.lists(st.text(min_size=1, max_size=130), min_size=3, max_size=12, unique=True),
    role=st.text(min_size=1, max_size=130),
)
@settings(max_examples=40, deadline=None)
def test_the_text_stays_within_a_hundred_columns_whatever_things_are_called(rows, names, role):
    outcome = dict(zip("abc", names, strict=False))
    frame = [{"why": w, "says": outcome.get(s), "truth": outcome.get(t)} for w, s, t in rows]
    when = (d.confidence < 0.9) | (d.outcome == role)
    found = backtest(
        Says(names[0], tuple(names)),
        frame,
        truth=[row["truth"] for row in frame],
        gate=Gate(names[-1], when=when, to=role),
    )
    text = str(found)
    assert max(map(len, text.split("\n"))) <= 100
    assert all(line.isprintable() for line in text.split("\n"))
    assert found._repr_html_().startswith("<div>")


def test_html_escapes_every_text():
    evil = "<script>alert('&')</script>"
    policy = Says(evil, (evil, "b"))
    frame = [
        {"says": evil, "why": evil, evil: evil},
        {"says": "b", "why": evil + "2", evil: None},
        {"says": None, "why": evil, evil: evil},
        {"says": evil + "3", "why": "w", evil: evil},
    ]
    found = backtest(policy, frame, truth=evil, gate=Gate(evil, when=d.outcome == evil, to=evil))
    html = found._repr_html_()
    assert "<script" not in html
    assert html.count("&lt;script&gt;alert(&#x27;&amp;&#x27;)&lt;/script&gt;") > 10
    assert "could not be decided" in html
    assert "not among its outcomes: &lt;script&gt;" in html
    assert html.startswith("<div>")
    assert html.endswith("</div>")


def test_html_tells_what_the_text_tells(found):
    html = found._repr_html_()
    for told in ("50.0 % (2 of 4)", "payment.3", "total &gt; 10,000", "row 60: Invoice.total is missing", "controller"):
        assert told in html


def test_very_many_rules_are_cut_and_say_so():
    rules = [rule(c.amount == n, then="pay", because=f"it is {n}") for n in range(60)]
    found = backtest(DecisionTable("many", *rules, otherwise="refer"), pd.DataFrame({"amount": [1]}))
    assert "and 21 more rows, all in .rules" in str(found)
    assert "and 21 more rows" in found._repr_html_()
    assert len(found.rules) == 61


def test_cases_hold_what_came_of_each_row_and_then_the_history(found, history):
    cases = found.cases
    assert list(cases.columns) == [
        "outcome", "truth", "agrees", "confidence", "reason", "code", "asked", "why", *history.columns
    ]  # fmt: skip
    assert cases.index.equals(history.index)
    assert cases.loc[10].tolist()[:8] == [
        "pay", "pay", True, 1.0, "the total is the order's", "payment.matches", False, None
    ]  # fmt: skip
    assert cases.loc[30, "why"] == "total 20,000.0 > 10,000"
    assert (str(cases["agrees"].dtype), str(cases["asked"].dtype)) == ("boolean", "boolean")
    pd.testing.assert_frame_equal(cases[history.columns], history)


def test_a_column_named_as_a_result_is_kept_under_another_name():
    history = pd.DataFrame({"amount": [1], "outcome": ["booked"], "why": ["x"]})
    table = DecisionTable("t", rule(c.amount > 0, then="pay", because="b"), otherwise="no")
    cases = backtest(table, history).cases
    assert cases.loc[0, ["outcome", "history.outcome", "history.why"]].tolist() == ["pay", "booked", "x"]


def test_labels_may_repeat_and_have_several_levels(payment, history):
    twice = pd.concat([history, history])
    found = backtest(payment, twice, truth="paid")
    assert found.cases.index.equals(twice.index)
    assert [label for label, _ in found.unusable] == [60, 60]
    levels = history.set_index(["clerk", "number"], drop=False)
    found = backtest(payment, levels, truth="paid")
    assert found.unusable[0].label == ("y", "f")
    assert found.cases.index.equals(levels.index)


def test_disagreements_are_the_rows_that_are_known_to_differ(found):
    assert found.disagreements.index.tolist() == [30, 40]
    assert found.disagreements["truth"].tolist() == ["reject", "pay"]


def test_a_bias_audit_reads_the_cases_as_they_are(found):
    report = BiasAuditor(by=["clerk"], favourable="pay").audit(found.cases, truth="truth", favourable_truth="pay")
    assert report.groups["n"].to_dict() == {"x": 3, "y": 2}
    assert report.groups["selected"].to_dict() == {"x": 3, "y": 0}


def test_a_backtest_does_not_change(found):
    for frame in (found.cases, found.confusion, found.rules, found.outcomes, found.asked_because):
        for column in list(frame.columns):
            del frame[column]
    assert str(found) == TEXT.format(version=found.policy.version)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.results = ()
    with pytest.raises(AttributeError):
        found.agreement = None
    assert repr(found) == "<Backtest of payment: 5 of 6 cases usable>"


def test_the_plot_shows_the_confusion_and_who_would_be_asked(found):
    figure = found.plot()
    left, right = figure.axes
    assert sorted(text.get_text() for text in left.texts) == sorted(map(str, found.confusion.to_numpy().ravel()))
    assert [label.get_text() for label in right.get_yticklabels()] == [
        "passes alone\n3\n0 disagree",
        "goes to controller\n2\n2 disagree",
    ]
    assert "asked 40.0 %" in right.get_title()
    widths = [[bar.get_width() for bar in bars] for bars in right.containers]
    assert widths == [[2, 0], [0, 2], [1, 0]]  # agrees, disagrees, truth not known


def test_the_plot_says_what_was_not_measured(payment, history):
    left, right = backtest(payment, history).plot().axes
    assert "not measured" in left.texts[0].get_text()
    assert "no gate was given" in right.texts[0].get_text()


def test_the_plot_draws_any_names(tmp_path):
    names = (r"$\nope$ & <b>", "outcome of a very long name, longer than anything", "\x1b[31m", "$", "e", "f")
    policy = Says(r"$\nope$", names)
    frame = [{"says": n, "why": "w"} for n in names]
    found = backtest(policy, frame, truth=list(reversed(names)), gate=Gate("g", when=d.outcome == "e", to=r"$\nope$ $"))
    found.plot().savefig(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 1000


def test_without_matplotlib_the_plot_says_what_to_install(found, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"abpo_sdk\[plots\]"):
        found.plot()


@pytest.fixture(autouse=True)
def _closed():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")
