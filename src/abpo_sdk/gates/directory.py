"""What an application says of its people: read from mappings or asked of a live directory, and checked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NoReturn

from abpo_sdk.errors import DefinitionError, ReviewError
from abpo_sdk.gates.person_ids import check_name, check_person_id, quoted, skeleton

Said = Mapping[str, Collection[str]]
"""For each name, the names that it stands for."""

Source = Said | Callable[[], Said]
"""What is said once, or a live directory that is asked each time."""

Table = dict[str, frozenset[str]]
"""What was said, checked."""

CheckKey = Callable[[object, str], str]
"""What refuses a key that is none."""


def ask(
    source: Callable[[], Said], what: str, read: Callable[[object, str], Table], refusal: type[ReviewError]
) -> Table:
    """What a live directory says now. A directory that fails, or answers what is none, permits nothing.

    Raises:
        ReviewError: of the class `refusal`, naming what was asked; what the directory raised is its cause.
    """
    try:
        said = source()
    except Exception as error:  # noqa: BLE001  whatever it is, nobody knows who holds what
        refuse(what, f"did not answer ({type(error).__name__})", refusal, error)
    try:
        return read(said, what)
    except DefinitionError as error:
        refuse(what, f"answered what cannot be ({error})", refusal, error)


def refuse(what: str, failing: str, refusal: type[ReviewError], error: Exception) -> NoReturn:
    """Refuse everything, since a directory fails.

    Raises:
        ReviewError: of the class `refusal`.
    """
    raise refusal(f"nobody may do anything: the directory of {what} {failing}; try again when it answers") from error


def read_persons(said: object, what: str, names: str) -> Table:
    """A mapping from persons to names.

    Raises:
        DefinitionError: naming what in it is wrong.
    """
    table = _read(said, what, check_person_id, names, check_name)
    check_distinct(table, what)
    return table


def read_groups(said: object, what: str, names: str) -> Table:
    """A mapping from names of groups to persons.

    Raises:
        DefinitionError: naming what in it is wrong.
    """
    table = _read(said, what, check_name, names, check_person_id)
    for group, members in table.items():
        check_distinct(sorted(members), f"{what} {group!r}")
    return table


def read_labels(said: object, what: str, names: str) -> Table:
    """A mapping from roles to labels.

    Raises:
        DefinitionError: naming what in it is wrong.
    """
    return _read(said, what, check_name, names, check_name)


def check_distinct(persons: Iterable[str], what: str) -> None:
    """Refuse two ids that are one person's.

    Raises:
        DefinitionError: naming both.
    """
    spellings: dict[str, str] = {}
    for person in persons:
        other = spellings.setdefault(skeleton(person), person)
        if other != person:
            raise DefinitionError(f"{what}: {other!a} and {person!a} are one person in two spellings; keep one of them")


def check_known(persons: Iterable[str], known: Collection[str], what: str) -> None:
    """Refuse persons of whom no roles are said.

    Raises:
        DefinitionError: naming the first.
    """
    for person in persons:
        if person not in known:
            raise DefinitionError(
                f"{what}: nobody of the id {person!r} is known{did_you_mean(person, known)}; say roles={{{person!r}: set()}} "
                "of whoever holds no role"
            )


def did_you_mean(person: str, known: Iterable[str]) -> str:
    """The known id of which another is a spelling, in words; empty where there is none."""
    folded = skeleton(person)
    found = next((other for other in known if skeleton(other) == folded), None)
    return f"; did you mean {found!r}? An id counts as it is written" if found is not None else ""


def _read(said: object, what: str, check_key: CheckKey, names: str, check_value: CheckKey) -> Table:
    if not isinstance(said, Mapping):
        raise DefinitionError(f"{what}: {quoted(said)} is no mapping; write {{...: {{...}}}}")
    table: Table = {}
    for key, values in said.items():
        check_key(key, what)
        if isinstance(values, str):
            raise DefinitionError(f"the {names} of {key!r} are the text {quoted(values)}; write {{{quoted(values)}}}")
        if not isinstance(values, Collection):
            raise DefinitionError(f"the {names} of {key!r} are {quoted(values)}; write a set of texts")
        table[key] = frozenset(check_value(value, f"the {names} of {key!r}") for value in values)
    return table
