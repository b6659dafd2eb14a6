"""The files that a run has seen: by their digests, which hold when a file is gone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from abpo_sdk.values.encoded import file_digest


class SeenFiles:
    """The digests of the files that a run was given or made."""

    __slots__ = ("_digests", "_recorded")

    def __init__(self) -> None:
        self._digests: dict[str, str | None] = {}
        self._recorded: dict[str, str | None] = {}

    def digest(self, path: Path) -> str | None:
        """A file's digest; of a file that is gone, the one that the run has seen."""
        name = str(path)
        digest = file_digest(path)
        if digest is None:
            return self._digests.get(name)
        self._digests[name] = digest
        return digest

    def recorded(self, files: Mapping[str, str | None]) -> None:
        """The ledger has these digests."""
        self._digests.update(files)
        self._recorded.update(files)

    def record(self, *found: Mapping[str, str | None] | None) -> dict[str, str | None]:
        """What the ledger does not have yet of these digests; from now on it has."""
        new = {
            path: digest
            for files in found
            for path, digest in (files or {}).items()
            if self._recorded.get(path, "") != digest
        }
        self.recorded(new)
        return new
