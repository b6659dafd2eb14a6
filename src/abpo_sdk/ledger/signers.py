"""Who signs the checkpoints of a ledger, and who is trusted to have signed them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from abpo_sdk.errors import DefinitionError, StoreUnavailable
from abpo_sdk.ledger.store import Store
from abpo_sdk.ledger.stores.sqlite import SqliteStore
from abpo_sdk.ledger.transparency.note import Signer, Verifier


class Signers:
    """Who signs the checkpoints of a ledger, and who is trusted to have signed them.

    Args:
        store: the ledger's.
        path: the ledger's file, beside which the default signer lies; None where it has none.
        signer: who signs; None for the default.
        trust: other public keys.

    Raises:
        DefinitionError: keys of different names; a name is what a ledger's checkpoints begin with.
    """

    def __init__(self, store: Store, path: Path | None, signer: Signer | None, trust: Sequence[str]) -> None:
        self._name = f"abpo.ledger/{store.id}"
        self._store = store
        self._in_memory = isinstance(store, SqliteStore) and store.in_memory
        self._path = path.with_name(path.name + ".signer") if path is not None else None
        self._signer = signer
        self._trusted = trusted = tuple(Verifier.parse(str(key)) for key in trust)
        _check_names([*trusted, *([signer.verifier] if signer else [])])

    def signer(self) -> Signer:
        """Who signs; the default's key is made when it is first asked for.

        Raises:
            DefinitionError: there is none, and no file to keep one in; or its file is gone, and what it signed is not trusted.
            StoreUnavailable: its file cannot be read or made.
            NoteInvalid: its file holds something else than its key.
        """
        if self._signer is None:
            if self._path is not None:
                self._check_new(self._path)
                self._signer = Signer.create_file(self._path, self._name)
            elif self._in_memory:
                self._signer = Signer.generate(self._name)
            else:
                raise DefinitionError(
                    'this ledger has no signer; make one with Signer.create_file("ledger.signer", "example.org/ledger") and give it as signer='
                )
        return self._signer

    def verifiers(self) -> tuple[Verifier, ...]:
        """The public keys that are trusted; the default signer's only where it has been made.

        Raises:
            StoreUnavailable: the default signer's file cannot be read, and no other key is trusted.
            NoteInvalid: it holds something else than the key of this ledger.
        """
        if self._signer is None and self._path is not None and self._path.exists():
            try:
                self._signer = Signer.from_file(self._path, self._name)
            except StoreUnavailable:  # who may not read the private key can verify by the public one
                if not self._trusted:
                    raise
        own = (self._signer.verifier,) if self._signer is not None else ()
        verifiers = (*own, *(v for v in self._trusted if v not in own))
        _check_names(verifiers)
        return verifiers

    def _check_new(self, path: Path) -> None:
        """Refuse a new key where checkpoints would be left that no known key signed."""
        if self._trusted:
            _check_names([*self._trusted, Verifier(self._name, bytes(32))])
        elif self._store.checkpoints() and not path.exists():  # in this order, since another may make both just now
            raise DefinitionError(
                f"{str(path)!r} is gone, with which the ledger's checkpoints were signed; put it back, or let a new key take over "
                "by naming the old public key, as trust=[...]"
            )


def _check_names(verifiers: Sequence[Verifier]) -> None:
    names = sorted({verifier.name for verifier in verifiers})
    if len(names) > 1:
        raise DefinitionError(
            f"the keys of a ledger have one name, which its checkpoints begin with, and these have {', '.join(names)}"
        )
