"""The report: for people, for notebooks, for programs."""

import matplotlib as mpl
import pandas as pd
import pytest

from abpo_sdk.auditors import BiasAuditor, GroupCounts

mpl.use("agg")


@pytest.fixture
def report():
    frame = pd.DataFrame(
        {
            "country": ["DE"] * 200 + ["FR"] * 100 + [None] * 5,
            "sex": ["f", "m"] * 152 + ["f"],
            "outcome": ["yes"] * 150 + ["no"] * 50 + ["yes"] * 40 + ["no"] * 60 + ["yes"] * 5,
        }
    )
    return BiasAuditor(by=["country", "sex"], favourable="yes").audit(frame)


def test_the_frame_has_a_row_a_group_and_the_promised_columns(report):
    assert list(report.groups.columns) == [
        "n", "tn", "fp", "fn", "tp", "selected",
        "selection_rate", "selection_rate_low", "selection_rate_high",
        "impact_ratio", "impact_ratio_low", "impact_ratio_high",
        "below_four_fifths", "p_value", "p_holm", "tpr", "fpr", "fnr", "ppv", "accuracy", "verdict",
    ]  # fmt: skip
    assert list(report.groups.index) == [
        ("country", "DE"), ("country", "FR"), ("country", "(missing)"), ("sex", "f"), ("sex", "m")
    ]  # fmt: skip
    assert report.groups.loc[("country", "FR"), "below_four_fifths"]


def test_a_changed_frame_does_not_change_the_report(report):
    groups = report.groups
    groups["n"] = 0
    assert report.groups["n"].sum() == 610
    with pytest.raises(AttributeError):
        report.results = ()


def test_the_text_holds_every_group_and_the_verdict_within_a_hundred_columns(report):
    text = str(report)
    assert text.startswith("Bias audit: fail")
    assert all(name in text for name in ("DE", "FR", "(missing)", "sex f", "sex m", "40.0 %"))
    assert max(map(len, text.splitlines())) <= 100
    assert repr(report) == "<BiasReport fail: 5 groups, 305 decisions>"


def test_long_names_and_large_numbers_stay_within_a_hundred_columns():
    cells = {"x" * 150: {"tp": 2**58, "fn": 2**58}, "y\n\x1b[31m": {"tp": 1, "fn": 2**59}, "z": {"fn": 3}}
    text = str(BiasAuditor(by=["group"], favourable="yes").judge(GroupCounts.from_cells(cells)))
    assert max(map(len, text.splitlines())) <= 100
    assert "\x1b" not in text


def test_very_many_groups_are_summarised_with_the_failing_first():
    cells = {place: {"favourable": 50, "unfavourable": 50} for place in range(500)}
    cells[499] = {"favourable": 5, "unfavourable": 95}
    report = BiasAuditor(by=["group"], favourable="yes").judge(GroupCounts.from_cells(cells))
    assert "\n499 " in str(report)
    assert len(str(report).splitlines()) < 400
    assert len(report.groups) == 500
    assert "460 more groups" in report._repr_html_()


def test_the_html_is_escaped():
    cells = {"<script>alert(1)</script>": {"tp": 40}, "b": {"tp": 20, "fn": 20}}
    html = BiasAuditor(by=["group"], favourable="yes").judge(GroupCounts.from_cells(cells))._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert html.startswith("<div>")
    assert html.count("<tr>") == 3


def test_reports_are_equal_where_counts_and_rules_are(report):
    again = BiasAuditor(by=["country", "sex"], favourable="yes").judge(report.counts)
    stricter = BiasAuditor(by=["country", "sex"], favourable="yes", minimum=50).judge(report.counts)
    assert again == report
    assert hash(again) == hash(report)
    assert stricter != report
    assert report != "else"


def test_the_plot_shows_every_group_its_interval_and_the_line(report):
    import matplotlib.pyplot as plt

    axes = report.plot()
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels[0] == "country: DE (reference)\nn = 200"
    assert len(labels) == 5
    lines = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert lines[0].get_xdata()[0] == pytest.approx(0.8 * 0.75)
    assert report.plot(axes) is axes
    axes.figure.canvas.draw()
    plt.close(axes.figure)


def test_the_plot_draws_names_as_they_are():
    import matplotlib.pyplot as plt

    cells = {"$x_$": {"tp": 40}, "b": {"fn": 0}}
    axes = BiasAuditor(by=["group"], favourable="yes").judge(GroupCounts.from_cells(cells)).plot()
    axes.figure.canvas.draw()
    assert "$x_$" in next(text.get_text() for text in axes.get_yticklabels()) + axes.get_yticklabels()[1].get_text()
    plt.close(axes.figure)
