from contextlib import ExitStack

import pytest

from abpo_sdk import Ledger, Reviews
from abpo_sdk.testing import FakeClock

PEOPLE = {"maria@acme": {"controller"}, "otto@acme": {"controller"}, "ines@acme": {"cfo"}}


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def open_reviews(tmp_path, clock):
    """Opens desks on one and the same ledger file."""
    with ExitStack() as stack:

        def opened(people=PEOPLE):
            ledger = Ledger(f"sqlite:///{tmp_path / 'abpo.db'}", clock=clock)
            stack.callback(ledger.close)
            return Reviews(ledger, people)

        yield opened


@pytest.fixture
def reviews(open_reviews):
    return open_reviews()
