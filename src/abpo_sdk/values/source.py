"""Where a value came from: a record in some system."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """A record in some system, such as a file or a row.

    Args:
        system: the system that holds the record ("file", "orders").
        id: the record's identifier there.
        digest: SHA-256 of the record's content in hex, where it was read as bytes; None where it is not known.

    >>> str(Source("file", "INV-7.json"))
    'file:INV-7.json'
    """

    system: str
    id: str
    digest: str | None = None

    def __str__(self) -> str:
        return f"{self.system}:{self.id}"
