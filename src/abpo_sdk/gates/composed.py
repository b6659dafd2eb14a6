"""Gates that are made of gates: one after the other, all at the same time, or one of several."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from abpo_sdk.errors import DefinitionError, Disagreement
from abpo_sdk.gates.person_ids import check_name
from abpo_sdk.gates.ties import TieTerms
from abpo_sdk.ledger.recorder import recorder
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.review import Answer, Review

if TYPE_CHECKING:
    from abpo_sdk.gates.gate import Gate


class Passing(ABC):
    """What a decision passes, or a person decides: a gate, or several."""

    name: str
    version: str

    @abstractmethod
    def __call__(self, decision: Decision, *context: object) -> Decision:
        """The decision as it stands after this gate.

        Args:
            decision: what a policy decided.
            *context: further objects whose fields its condition reads.

        Raises:
            ReviewRequired: outside a run, where a person must decide.
            NobodyHolds: in a run, where nobody could be asked.
            ReviewExpired: in a run, where nobody answered in time.
            Disagreement: of gates that are asked at the same time, where the answers differ.
        """

    def __rshift__(self, other: Passing) -> InTurn:
        return InTurn(self, _passing(other, ">>"))

    def __and__(self, other: Gate | Composed) -> Composed:
        return _composed(self, other, "all")

    def __or__(self, other: Gate | Composed) -> Composed:
        return _composed(self, other, "one")


class InTurn(Passing):
    """One gate, and then another: `a >> b`; the second looks at what the first let through.

    Args:
        first: the one.
        second: the other.
    """

    def __init__(self, first: Passing, second: Passing) -> None:
        self.first = first
        self.second = second
        self.name = f"{first.name} >> {second.name}"
        self.version = _version(">>", first, second)

    def __call__(self, decision: Decision, *context: object) -> Decision:
        """See `Passing.__call__`."""
        return self.second(self.first(decision, *context), *context)

    def __repr__(self) -> str:
        return f"<gates {self.name}>"


class Composed(Passing):
    """Gates that are asked at the same time about the same decision: `a & b`, `a | b`.

    Where none of their conditions holds, the decision passes. Of those whose condition holds, all must answer, and the same
    (`a & b`); or one is enough (`a | b`), and the reviews of the others are closed then.

    Args:
        gates: the gates.
        enough: whether "all" have to answer, or "one".
        tie_break: the role that decides where their answers differ; without one, that is a `Disagreement`.

    >>> from abpo_sdk.conditions import fields
    >>> from abpo_sdk.gates.gate import Gate
    >>> unsure = fields(Decision).confidence < 0.9
    >>> law, money = Gate("law", when=unsure, to="lawyer"), Gate("money", when=unsure, to="controller")
    >>> (law & money).tied("cfo").name
    'law & money'
    """

    def __init__(self, gates: tuple[Gate, ...], enough: Literal["all", "one"], tie_break: str | None = None) -> None:
        names = [gate.name for gate in gates]
        if len(set(names)) < len(names):
            raise DefinitionError(f"gates that are asked together need different names: {', '.join(names)}")
        self.gates = gates
        self.enough = enough
        self.tie_break = tie_break
        self.name = (" & " if enough == "all" else " | ").join(names)
        self.version = _version(f"{enough} {tie_break}", *gates)

    def tied(self, role: str) -> Composed:
        """The same gates, and the role that decides where their answers differ; nobody who has answered before does.

        Raises:
            DefinitionError: no role, or one of the gates is enough, so that there is one answer and no tie.
        """
        if self.enough == "one":
            raise DefinitionError(f"gates {self.name!r} have one answer, so there is no tie; leave out tied({role!r})")
        return Composed(self.gates, self.enough, check_name(role, f"tied() of gates {self.name!r}"))

    def __call__(self, decision: Decision, *context: object) -> Decision:
        """See `Passing.__call__`."""
        passed = decision
        reviews: list[Review] = []
        for gate in self.gates:
            let_through, asked = gate.reviews_for(decision, *context)
            reviews += asked
            passed = passed if asked else let_through
        if not reviews:
            return passed
        answers = recorder().ask(*reviews, enough=self.enough)
        last = answers[-1]  # of gates of which one is enough there is no other: an answer closes the other reviews
        if all(answer.agrees(last.outcome, last.output) for answer in answers):
            before = [said for answer in answers[:-1] for said in (*answer.others, answer)]
            return replace(last, others=(*before, *last.others)).apply(decision, gate=self.name)
        return self._tied(decision, answers)

    def _tied(self, decision: Decision, answers: tuple[Answer, ...]) -> Decision:
        said = tuple(f"{answer.by} said {answer.outcome!r}" for answer in answers)
        if self.tie_break is None:
            raise Disagreement(
                f"gates {self.name!r} have to agree about {decision.id or 'a decision'}, and {' and '.join(said)}; name who decides "
                "then: (a & b).tied(role)"
            )
        terms = TieTerms(self.gates, self.tie_break)
        (answer,) = recorder().ask(Review(self.name, self.tie_break, decision, said, terms=terms))
        return answer.apply(decision, gate=self.name)

    def __repr__(self) -> str:
        return f"<gates {self.name}>"


def _composed(one: object, other: object, enough: Literal["all", "one"]) -> Composed:
    gates: list[Gate] = []
    for part in (one, other):
        if isinstance(part, Composed):
            if part.enough != enough or part.tie_break is not None:
                raise DefinitionError(
                    f"gates {part.name!r} are asked in one way, and cannot be part of another; write `>>` between them, or the gates one by one"
                )
            gates += part.gates
        elif isinstance(part, Passing) and not isinstance(part, InTurn):
            gates.append(part)  # type: ignore[arg-type]  # the third kind
        else:
            raise DefinitionError(f"{part!r} is no gate that could be asked together with others")
    return Composed(tuple(gates), enough)


def _passing(other: object, operator: str) -> Passing:
    if not isinstance(other, Passing):
        raise DefinitionError(f"{operator} puts a gate after a gate, and {other!r} is none")
    return other


def _version(how: str, *parts: Passing) -> str:
    return hashlib.sha256("\n".join([how, *(part.version for part in parts)]).encode()).hexdigest()[:16]
