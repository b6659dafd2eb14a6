"""The queues in which reviews stand, as texts: one for a role with skills, for a group, for a person."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple
from urllib.parse import unquote

from abpo_sdk.errors import DefinitionError, NobodyHolds
from abpo_sdk.gates.directory import did_you_mean
from abpo_sdk.gates.people import People
from abpo_sdk.gates.person_ids import quoted
from abpo_sdk.ledger.entry import id_part
from abpo_sdk.ledger.review_projection import queue_of_role


class Queue(NamedTuple):
    """Whose a queue is."""

    kind: Literal["role", "group", "person"]
    name: str
    skills: tuple[str, ...] = ()


def role_queue(role: str, skills: Iterable[str] = ()) -> str:
    """The queue of those who hold a role and have all of certain skills.

    >>> role_queue("controller", {"motor", "french"}), role_queue("a+b")
    ('role:controller+french+motor', 'role:a%2Bb')
    """
    return "+".join([queue_of_role(role), *(_part(skill) for skill in sorted(set(skills)))])


def group_queue(group: str) -> str:
    """The queue of the members of a group.

    >>> group_queue("claims/north")
    'group:claims%2Fnorth'
    """
    return f"group:{_part(group)}"


def person_queue(person: str) -> str:
    """The queue of one person.

    >>> person_queue("maria@acme")
    'person:maria@acme'
    """
    return f"person:{_part(person)}"


def parse_queue(text: str) -> Queue:
    """Whose a queue is, from its text.

    Raises:
        DefinitionError: it is the text of no queue.

    >>> parse_queue("role:controller+french+motor")
    Queue(kind='role', name='controller', skills=('french', 'motor'))
    """
    kind, _, rest = text.partition(":") if isinstance(text, str) else ("", "", "")
    name, *skills = map(unquote, rest.split("+"))
    found = Queue(kind, name, tuple(skills)) if kind in ("role", "group", "person") else None  # type: ignore[arg-type]
    if found is None or not name or "" in skills or _text(found) != text:
        raise DefinitionError(
            f"{quoted(text)} is no queue; one is written role:NAME, role:NAME+SKILL, group:NAME or person:ID"
        )
    return found


def describe(queue: str) -> str:
    """Whose a queue is, in words.

    >>> describe("role:controller+french+motor"), describe("group:claims-north"), describe("person:maria@acme")
    ('controller with french, motor', 'group claims-north', 'maria@acme')
    """
    kind, name, skills = parse_queue(queue)
    if kind == "group":
        return f"group {name}"
    return f"{name} with {', '.join(skills)}" if skills else name


def asked_role(queue: str) -> str | None:
    """The role that is asked; None where a group or a person is.

    >>> asked_role("role:controller+french"), asked_role("person:maria@acme")
    ('controller', None)
    """
    found = parse_queue(queue)
    return found.name if found.kind == "role" else None


def holds_queue(people: People, person: str, queue: str) -> bool:
    """Whether a person may take what stands in a queue: they hold the role and have all skills, are in the group, or are the person.

    Raises:
        NotPermitted: a live directory did not answer.

    >>> people = People({"maria@acme": {"controller"}}, skills={"maria@acme": {"french"}})
    >>> holds_queue(people, "maria@acme", "role:controller+french"), holds_queue(people, "maria@acme", "role:cfo")
    (True, False)
    """
    kind, name, skills = parse_queue(queue)
    now = people.as_now()
    if not now.knows(person):
        return False
    if kind == "role":
        return name in now.roles_of(person) and now.skills_of(person).issuperset(skills)
    return person in now.members(name) if kind == "group" else person == name


def holders_of(people: People, queue: str) -> tuple[str, ...]:
    """Who may take what stands in a queue, by id.

    Raises:
        NobodyHolds: a live directory did not answer.

    >>> holders_of(People({"maria@acme": {"controller"}, "ines@acme": {"cfo"}}), "role:controller")
    ('maria@acme',)
    """
    kind, name, skills = parse_queue(queue)
    now = people.as_now(NobodyHolds)
    if kind == "role":
        return tuple(person for person in now.holders(name) if now.skills_of(person).issuperset(skills))
    if kind == "group":
        return now.members(name)
    return (name,) if now.knows(name) else ()


def check_holders(people: People, queues: Iterable[str]) -> None:
    """Refuse queues of which nobody could take anything, or one of a person who is not known.

    Raises:
        NobodyHolds: naming them.

    >>> check_holders(People({"maria@acme": {"controller"}}), ["role:controller"])
    """
    parsed = {queue: parse_queue(queue) for queue in queues}
    now = people.as_now(NobodyHolds)
    held = False
    for text, queue in parsed.items():
        holders = holders_of(now, text)
        held = held or bool(holders)
        if holders:
            continue
        if queue.kind == "person":
            found = did_you_mean(queue.name, now.persons())
            raise NobodyHolds(f"{queue.name!r} cannot be asked: nobody of that id is known{found}")
        if len(parsed) == 1 and queue.kind == "role":
            now.someone(queue.name)  # says who holds what, where nobody holds the role
    if held:
        return
    asked = " or ".join(describe(text) for text in parsed) or "nobody"
    hints = "".join(
        f"; of the holders of {queue.name!r}, nobody has all of {', '.join(queue.skills)}"
        for queue in parsed.values()
        if queue.skills
    )
    raise NobodyHolds(f"nobody could take what is put to {asked}{hints}")


def _text(queue: Queue) -> str:
    if queue.kind == "role":
        return role_queue(queue.name, queue.skills)
    if queue.skills:
        return ""
    return group_queue(queue.name) if queue.kind == "group" else person_queue(queue.name)


def _part(text: str) -> str:
    """A name or id as a part of a queue's text, as `queue_of_role` writes a role."""
    return id_part(text).replace("+", "%2B")
