"""Another process that erases or holds, for tests that kill it: `python -m tests.ledger.eraser DIRECTORY DO SUBJECT`.

It says "ready", waits for a line, does it, and says what came of it. DO is "erase", "hold", or where it kills itself.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from abpo_sdk.errors import AbpoError
from abpo_sdk.ledger import FileVault, Ledger

BY = {"by": "dpo@acme", "because": "request 17"}


class Deadly(FileVault):
    """A vault that kills its process at a moment of an erasure."""

    def __init__(self, path: Path, moment: str) -> None:
        super().__init__(path)
        self._moment = moment

    def identifiers(self, subject: str) -> tuple[str, ...]:
        if self._moment == "before the entry":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().identifiers(subject)

    def erase(self, identifiers: Sequence[str]) -> None:
        if identifiers and self._moment == "before the keys go":
            os.kill(os.getpid(), signal.SIGKILL)
        super().erase(identifiers)
        if identifiers and self._moment == "after the keys went":
            os.kill(os.getpid(), signal.SIGKILL)

    def _sweep(self, *args: object) -> None:
        if self._moment == "while the keys go":
            os.kill(os.getpid(), signal.SIGKILL)
        super()._sweep(*args)  # type: ignore[arg-type]


def main(directory: Path, do: str, subject: str) -> None:
    with Ledger(f"sqlite:///{directory / 'ledger.db'}", vault=Deadly(directory / "ledger.db.keys", do)) as ledger:
        print("ready", flush=True)  # noqa: T201
        sys.stdin.readline()
        try:
            if do == "hold":
                said = ledger.hold(subject, "Doe v. Acme", "counsel@acme")
            else:
                said = " ".join(["erased", *ledger.erase(subject, **BY).keys])
        except AbpoError as error:
            said = type(error).__name__
        print(said, flush=True)  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
