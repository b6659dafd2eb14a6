from contextlib import ExitStack

import pytest

from abpo_sdk import Ledger, Reviews
from abpo_sdk.ledger.rows import TABLES
from abpo_sdk.testing import FakeClock

PEOPLE = {"maria@acme": {"controller"}, "otto@acme": {"controller"}, "ines@acme": {"cfo"}}


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def open_reviews(tmp_path, clock):
    """Opens desks on one and the same ledger file; what was done there verifies in the end, and is what its entries make of it."""
    with ExitStack() as stack:

        def opened(people=PEOPLE, **options):
            ledger = Ledger(f"sqlite:///{tmp_path / 'abpo.db'}", clock=clock)
            stack.callback(ledger.close)
            return Reviews(ledger, people, **options)

        yield opened
        if (tmp_path / "abpo.db").exists():
            check_rebuilt(opened().ledger)


@pytest.fixture
def reviews(open_reviews):
    return open_reviews()


def check_rebuilt(ledger):
    ledger.verify()
    before = {kind: sorted(ledger.store.select(kind), key=repr) for kind in TABLES}
    ledger.rebuild()
    assert {kind: sorted(ledger.store.select(kind), key=repr) for kind in TABLES} == before
