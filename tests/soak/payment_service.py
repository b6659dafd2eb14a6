"""A payment service in an SQLite file of its own: it takes each idempotency key once, and its control takes whatever comes."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

TABLES = """
CREATE TABLE IF NOT EXISTS payments (key TEXT PRIMARY KEY, claim INTEGER NOT NULL, cents INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS requests (key TEXT NOT NULL, claim INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS payments_without_key (claim INTEGER NOT NULL, cents INTEGER NOT NULL);
"""

TRANSIT = 0.001
"""How many seconds a request takes, and its answer: a service is across a network, and that is where crashes hit."""

Moments = Callable[[str], None]
"""Is told of each moment of the service, before it happens and after."""


class Payment(NamedTuple):
    """A payment that was made, and under which key."""

    key: str
    claim: int
    cents: int
    receipt: str


class PaymentService:
    """Pays claims, for many processes at once.

    Args:
        directory: where its file is.
        say: is told of each moment.
        hold: what waits after each payment without a key, before the caller hears of it.
    """

    def __init__(
        self, directory: Path, *, say: Moments = lambda moment: None, hold: Callable[[], object] = lambda: None
    ) -> None:
        self._connection = sqlite3.connect(directory / "payments.db", timeout=60, isolation_level=None)
        self._connection.executescript(TABLES)
        self._say = say
        self._hold = hold

    def pay(self, claim: int, cents: int, key: str) -> str:
        """Pay once for the key; the receipt is the same each time."""
        self._say(f"begins pay {claim}")
        time.sleep(TRANSIT)
        self._connection.execute("INSERT INTO requests VALUES (?, ?)", (key, claim))
        self._connection.execute("INSERT OR IGNORE INTO payments VALUES (?, ?, ?)", (key, claim, cents))
        ((number,),) = self._connection.execute("SELECT rowid FROM payments WHERE key = ?", (key,))
        time.sleep(TRANSIT)
        self._say(f"ends pay {claim}")
        return f"P-{number}"

    def pay_without_key(self, claim: int, cents: int) -> str:
        """Pay each time: what a caller that is not exactly once does here shows."""
        self._say(f"begins control {claim}")
        time.sleep(TRANSIT)
        paid = self._connection.execute("INSERT INTO payments_without_key VALUES (?, ?)", (claim, cents))
        self._hold()
        time.sleep(TRANSIT)
        self._say(f"ends control {claim}")
        return f"C-{paid.lastrowid}"

    def payments(self) -> list[Payment]:
        """Every payment, by claim."""
        rows = self._connection.execute("SELECT key, claim, cents, 'P-' || rowid FROM payments ORDER BY claim")
        return [Payment(*row) for row in rows]

    def requests(self) -> Counter[int]:
        """How often each claim's payment was asked for."""
        return Counter(claim for (claim,) in self._connection.execute("SELECT claim FROM requests"))

    def controls(self) -> Counter[int]:
        """How often each claim was paid without a key."""
        return Counter(claim for (claim,) in self._connection.execute("SELECT claim FROM payments_without_key"))

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
