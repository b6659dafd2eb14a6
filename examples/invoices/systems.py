"""The systems around the process: purchase orders and the ERP, here as SQLite files."""

import csv
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel

from abpo_sdk import Personal
from examples.invoices.model import Invoice


class Order(BaseModel):
    """A purchase order, and the supplier's account as it is known to the buyer."""

    number: str
    supplier_id: str
    supplier: str
    iban: Annotated[str, Personal("bank account", subject_field="supplier_id")]
    currency: str
    ordered: Decimal


class Orders:
    """Purchase orders in an SQLite table.

    Args:
        path: the database; filled from a CSV file where it is new.
        seed: that file.
    """

    def __init__(self, path: Path, *, seed: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS orders (number TEXT PRIMARY KEY, supplier_id TEXT, supplier TEXT, iban TEXT, currency TEXT, ordered TEXT)"
        )
        with seed.open(newline="", encoding="utf-8") as file:
            rows = [tuple(row.values()) for row in csv.DictReader(file)]
        self._db.executemany("INSERT OR IGNORE INTO orders VALUES (?, ?, ?, ?, ?, ?)", rows)

    def find(self, number: str | None) -> Order | None:
        """The order of this number, if there is one."""
        row = self._db.execute("SELECT * FROM orders WHERE number = ?", (number,)).fetchone()
        return None if row is None else Order(**dict(zip(Order.model_fields, row, strict=True)))

    def close(self) -> None:
        """Close the file."""
        self._db.close()


class Booking(BaseModel):
    """What was booked: to the supplier's account a positive amount, from it (a credit) a negative one."""

    number: str
    supplier_id: str
    amount: Decimal
    currency: str


class Erp:
    """An ERP that keeps bookings, and does each one once for its key, however often it is asked."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS received (supplier_id TEXT, number TEXT, document TEXT, key TEXT, PRIMARY KEY (supplier_id, number))"
        )
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS bookings (id INTEGER PRIMARY KEY, key TEXT UNIQUE, number TEXT, supplier_id TEXT, amount TEXT, currency TEXT)"
        )

    def receive(self, invoice: Invoice, document: str, key: str) -> str | None:
        """Register a supplier's invoice number for a document; where another document has it, name that one."""
        about = (invoice.supplier_id, invoice.number)
        self._db.execute("INSERT OR IGNORE INTO received VALUES (?, ?, ?, ?)", (*about, document, key))
        row = self._db.execute(
            "SELECT key, document FROM received WHERE supplier_id = ? AND number = ?", about
        ).fetchone()
        return None if row[0] == key else str(row[1])

    def book(self, booking: Booking, key: str) -> str:
        """Book once for this key; give the booking's number."""
        values = (key, booking.number, booking.supplier_id, str(booking.amount), booking.currency)
        self._db.execute(
            "INSERT OR IGNORE INTO bookings(key, number, supplier_id, amount, currency) VALUES (?, ?, ?, ?, ?)", values
        )
        row = self._db.execute("SELECT id FROM bookings WHERE key = ?", (key,)).fetchone()
        return f"B-{row[0]:05}"

    def bookings(self) -> list[Booking]:
        """Everything that was booked, in order."""
        rows = self._db.execute("SELECT number, supplier_id, amount, currency FROM bookings ORDER BY id").fetchall()
        return [Booking(**dict(zip(Booking.model_fields, row, strict=True))) for row in rows]

    def keys(self) -> list[str]:
        """The key of every booking, which says what booked it."""
        return [key for (key,) in self._db.execute("SELECT key FROM bookings ORDER BY id")]

    def received(self) -> list[tuple[str, str, str]]:
        """Each supplier's invoice numbers, with the document that came first."""
        rows = self._db.execute("SELECT supplier_id, number, document FROM received ORDER BY supplier_id, number")
        return [(supplier, number, document) for supplier, number, document in rows]

    def close(self) -> None:
        """Close the file."""
        self._db.close()
