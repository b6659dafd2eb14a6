"""A value as JSON, with its personal parts marked and the files that it names by their content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from abpo_sdk.errors import MistypedInput
from abpo_sdk.values.canonical import canonical_bytes, parse_json

JsonValue = Any
"""What JSON can hold: None, bool, int, float, str, lists and dicts with str keys."""


Digest = Callable[[Path], str | None]

UNREAD: Final = object()
"""Stands for a tree that has not been read from its JSON."""


@dataclass(frozen=True, slots=True)
class PersonalValue:
    """A place in a JSON tree that holds something personal.

    Args:
        path: the keys and positions that lead there.
        label: what it is, in words that may be shown.
        subject: whose it is.
    """

    path: tuple[str | int, ...]
    label: str
    subject: str


class Encoded:
    """A value as JSON.

    Args:
        tree: the JSON value, personal parts in clear; not needed where `json` is given.
        personal: where the personal parts are.
        files: SHA-256 (hex) of the content of each file that the value names, by path; None for an absent file.
        json: the value as canonical JSON, where that has been made already.
    """

    __slots__ = ("_json", "_tree", "files", "personal")

    def __init__(
        self,
        tree: JsonValue = None,
        personal: tuple[PersonalValue, ...] = (),
        files: Mapping[str, str | None] | None = None,
        *,
        json: bytes | None = None,
    ) -> None:
        self._tree = tree if json is None else UNREAD
        self._json = json
        self.personal = personal
        self.files = files

    @property
    def tree(self) -> JsonValue:
        """The JSON value."""
        if self._tree is UNREAD:
            self._tree = parse_json(self.json)
        return self._tree

    @property
    def json(self) -> bytes:
        """The value as canonical JSON; made once.

        Raises:
            NotCanonical: it has no canonical form.
        """
        if self._json is None:
            self._json = canonical_bytes(self._tree)
        return self._json

    def within(self, *path: str | int) -> tuple[PersonalValue, ...]:
        """The personal places as seen from a tree that holds this one at `path`."""
        return tuple(PersonalValue((*path, *p.path), p.label, p.subject) for p in self.personal)

    def __repr__(self) -> str:
        return f"<encoded {json.dumps(masked_tree(self), ensure_ascii=False)}>"


def masked_tree(encoded: Encoded) -> JsonValue:
    """A copy of a tree in which what each personal part is stands in its place."""
    tree = json.loads(json.dumps(encoded.tree))
    for part in encoded.personal:
        part_at(tree, part.path[:-1])[part.path[-1]] = f"<{part.label}>"
    return tree


def file_digest(path: Path) -> str | None:
    """SHA-256 of a file's content in hex; None where there is no such file.

    Raises:
        MistypedInput: it is there and cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        return None
    except OSError as error:
        raise MistypedInput(f"the file {str(path)!r} cannot be read: {error.strerror or error}") from error


def part_at(tree: JsonValue, path: tuple[str | int, ...]) -> JsonValue:
    """The part of a tree to which keys and positions lead."""
    for step in path:
        tree = tree[step]
    return tree
