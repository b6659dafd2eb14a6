from contextlib import ExitStack

import pytest

from abpo_sdk import Ledger, Runtime
from abpo_sdk.testing import FakeClock

PEOPLE = {"maria@acme": {"controller"}, "otto@acme": {"controller"}, "ines@acme": {"cfo"}}


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "abpo.db"


@pytest.fixture
def opened(path, clock):
    """Opens runtimes, each as another worker would, on one and the same ledger file."""
    with ExitStack() as stack:

        def open_runtime(*processes, people=PEOPLE, timeout=5.0, clock=clock, **options):
            ledger = Ledger(f"sqlite:///{path}", clock=clock, timeout=timeout)
            return stack.enter_context(Runtime(ledger, processes, people=people, **options))

        yield open_runtime
