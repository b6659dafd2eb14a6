"""Makes a database stop in the middle of whatever it does, as a full disk or a lost connection would."""

from __future__ import annotations

from abpo_sdk import Ledger


class Faulty:
    """Within the block, the database of a ledger stops.

    Args:
        ledger: of SQLite.
        after: how many tens of its steps.
    """

    def __init__(self, ledger: Ledger, after: int) -> None:
        self._connection = ledger.store._database.connection  # type: ignore[attr-defined]
        self._after = after

    def __enter__(self) -> None:
        left = self._after

        def stop() -> int:
            nonlocal left
            left -= 1
            return int(left == 0)

        self._connection.set_progress_handler(stop, 10)

    def __exit__(self, *_: object) -> None:
        self._connection.set_progress_handler(None, 0)
