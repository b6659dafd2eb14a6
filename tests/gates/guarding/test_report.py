"""The report on how people decide: for people, for notebooks, for programs."""

import subprocess
import sys

import matplotlib as mpl
import pandas as pd
import pytest

from abpo_sdk.gates.guarding.conduct import measure_conduct
from tests.gates.guarding.answers import DECLARED, SECOND, answered

mpl.use("agg")


@pytest.fixture
def conduct():
    stamps = [answered(n, f"{'ab'[n % 2]}@acme", reads=2, known="reject" if n % 20 == 0 else None) for n in range(300)]
    reads = [
        answered(1_000 + n, f"{'cd'[n % 2]}@acme", "pay" if n % 5 else "reject", role="claims clerk", reads=40)
        for n in range(200)
    ]
    alone = [answered(2_000, "e@acme", role="cfo")]
    second = [answered(3_000 + n, "f@acme", role="cfo", second_of=f"r-{n}") for n in range(12)]
    return measure_conduct([*stamps, *reads, *alone, *second], least_reading=5 * SECOND)


def test_the_text_is_a_table_and_sentences_within_a_hundred_columns(conduct):
    text = str(conduct)
    assert text.startswith("How people decide, by role: 1 of 3 roles shows the sign of a rubber stamp\n\nrole ")
    assert "controller: signal; misses known cases: caught 0 of 15." in text
    assert "claims clerk: no signal; overrules 40 of 200 proposals." in text
    assert max(map(len, text.splitlines())) <= 100
    assert repr(conduct) == "<Conduct by role: groups 3, answers 513, signals 1>"


def test_the_frame_has_a_row_a_group_and_says_what_is_missing(conduct):
    frame = conduct.to_frame()
    assert (frame.index.name, list(frame.index)) == ("role", ["cfo", "claims clerk", "controller"])
    assert frame.loc["controller", "confirms"] == 1.0
    assert frame.loc["controller", "reading_median"] == pd.Timedelta(seconds=2)
    assert (frame.loc["controller", "caught"], frame.loc["controller", "caught_n"]) == (0.0, 15)
    assert (frame.loc["claims clerk", "caught_n"], pd.isna(frame.loc["claims clerk", "caught"])) == (0, True)
    empty = measure_conduct([]).to_frame()
    assert empty.empty
    assert dict(empty.dtypes.drop(["verdict", "because"])) == dict(frame.dtypes.drop(["verdict", "because"]))


def test_the_html_is_escaped():
    conduct = measure_conduct([answered(n, f"{n % 2}@acme", role="<script>x</script>") for n in range(4)])
    html = conduct._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_names_that_do_not_print_or_are_long_stay_in_their_line():
    conduct = measure_conduct([answered(n, f"{n % 2}@acme", role="x\n\x1b[31m" + "y" * 200) for n in range(4)])
    assert "\x1b" not in str(conduct)
    assert max(map(len, str(conduct).splitlines()[:5])) <= 100


def test_many_groups_are_shown_with_the_signals_first():
    answers = [answered(100 * p + n, f"p{p:02}@acme", reads=2) for p in range(50) for n in range(3)]
    answers += [answered(10_000 + n, "zoe@acme", reads=2) for n in range(300)]
    conduct = measure_conduct(answers, by="person", declared=DECLARED, least_reading=5 * SECOND)
    assert str(conduct).splitlines()[3].startswith("zoe@acme")
    assert "and 11 more, all in .to_frame()" in str(conduct)
    assert "11 more" in conduct._repr_html_()


def test_no_answers_are_not_measured():
    conduct = measure_conduct([])
    assert str(conduct) == "How people decide, by role: not measured, there are no answers"
    assert conduct.findings == ()


def test_the_picture_has_every_group_and_says_what_is_not_measured(conduct):
    ax = conduct.plot()
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "cfo\nn = 13",
        "claims clerk\nn = 200",
        "controller\nn = 300",
    ]
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert {"confirmed: signal", "confirmed: no signal", "known cases caught", "nearly all (98.0 %)"} <= set(legend)
    mpl.pyplot.close(ax.figure)
    withheld = measure_conduct([answered(0)]).plot()
    assert "not measured" in [text.get_text() for text in withheld.texts]
    assert measure_conduct([]).plot(withheld) is withheld
    mpl.pyplot.close(withheld.figure)


def test_importing_the_measures_loads_nothing_heavy():
    heavy = "{'numpy', 'pandas', 'scipy', 'statsmodels', 'matplotlib'}"
    code = (
        "import sys, abpo_sdk.gates.guarding.conduct, abpo_sdk.gates.guarding.guard; "
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
