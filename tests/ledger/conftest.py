"""What the tests of the ledger share: a clock that stands still, ledgers that are closed, drafts with a person in them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from abpo_sdk.ledger import Ledger, Place
from abpo_sdk.ledger.entry import Draft
from abpo_sdk.testing.clock import FakeClock
from abpo_sdk.values.encoded import Encoded, PersonalValue

AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a ledger may be made."""
    return tmp_path / "ledger.db"


@pytest.fixture
def open_ledger(path: Path) -> Iterator[Callable[..., Ledger]]:
    """Opens ledgers (at `path` unless told), and closes them all at the end."""
    opened: list[Ledger] = []

    def opener(at: Path | None = None, **options: Any) -> Ledger:
        ledger = Ledger(f"sqlite:///{at or path}", clock=FakeClock(), **options)
        opened.append(ledger)
        return ledger

    yield opener
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(open_ledger: Callable[..., Ledger]) -> Ledger:
    """A ledger in a file."""
    return open_ledger()


@pytest.fixture(scope="session")
def draft() -> Callable[..., Draft]:
    """Makes the draft of a step that returned something, in clear or sealed for a subject."""

    def make(
        ordinal: int = 0,
        *,
        result: Any = 1,
        name: str = "work",
        scope: str = "/",
        kind: Any = "step",
        secret: str | None = None,
        subject: str = "ACME",
        inputs: Encoded | None = None,
    ) -> Draft:
        payload: dict[str, Any] = {"result": result}
        personal: tuple[PersonalValue, ...] = ()
        if secret is not None:
            payload["iban"] = secret
            personal = (PersonalValue(("iban",), "bank account", subject),)
        return Draft(Place(scope, ordinal), kind, name, payload, AT, personal, inputs)

    return make


@pytest.fixture
def unprivileged() -> Callable[[], AbstractContextManager[None]]:
    """Makes file permissions count, which they do not for root: inside, this process is nobody in particular."""

    @contextmanager
    def dropped() -> Iterator[None]:
        before = os.geteuid()
        if before == 0:
            os.seteuid(NOBODY)
        try:
            yield
        finally:
            os.seteuid(before)

    return dropped


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory into which everybody may look, whatever the umask and whoever runs the tests."""
    directory = Path(tempfile.mkdtemp(prefix="abpo-ledger-"))
    directory.chmod(0o777)
    yield directory
    directory.chmod(0o777)
    shutil.rmtree(directory)
