"""The pytest plugin: the fixture `runtime`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from abpo_sdk.testing.runtime import TestRuntime


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[TestRuntime]:
    """A runtime on a ledger of its own, with a clock to be turned and somebody for every role."""
    from abpo_sdk.testing.runtime import TestRuntime

    with TestRuntime(f"sqlite:///{tmp_path / 'abpo.db'}") as made:
        yield made
