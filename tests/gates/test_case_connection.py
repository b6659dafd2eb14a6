"""A case that is decided in the caller's own transaction."""

import sqlite3

import pytest

from abpo_sdk import Decision, Gate, Ledger, ReviewRequired, Reviews, fields

UNSURE = Decision("claims", "1", "refer", "refer", ("pay", "refer"), 0.4, (), {"amount": 70}, ())
GATE = Gate("approval", when=fields(Decision).confidence < 0.9, to="controller")


def test_nobody_is_told_of_a_review_that_is_not_committed_yet_and_may_never_be(tmp_path, caplog):
    path, told = tmp_path / "app.db", []
    with Ledger(f"sqlite:///{path}", shared=True) as ledger:
        reviews = Reviews(ledger, {"maria@acme": {"controller"}}, notify=told.append)
        own = sqlite3.connect(path)
        with own, pytest.raises(ReviewRequired), reviews.case("C-1", connection=own):
            GATE(UNSURE)
        own.close()
        assert [review.status for review in reviews.of("C-1")] == ["open"]
    assert (told, caplog.records) == ([], [])
