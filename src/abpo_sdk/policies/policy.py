"""What every policy is: a callable from a case to a decision, with an owner and a version."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from abpo_sdk.conditions.typed_cases import typed_case
from abpo_sdk.errors import MistypedInput
from abpo_sdk.ledger.decisions import decode_decision, encode_case, encode_decision
from abpo_sdk.ledger.keyed import Keyed
from abpo_sdk.ledger.recorder import Call, Occurrence, in_force, recorder
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.encoded import Digest, Encoded, JsonValue, file_digest
from abpo_sdk.values.encoding import Codec
from abpo_sdk.values.traversal import is_typed_dict


class Policy(ABC):
    """Turns a case into a decision. Call it: alone it computes, inside a run it also records what it decided.

    A kind of policy implements `decide`; the rest is the same for all.
    """

    name: str
    owner: str | None
    version: str
    outcomes: tuple[str, ...]
    case_type: type | None

    @abstractmethod
    def decide(self, case: Any) -> Decision:
        """The decision about a case of the policy's type, as a pure function of it."""

    def __call__(self, case: Any) -> Decision:
        """Decide.

        Args:
            case: an object of the policy's case type, or a mapping of its fields.

        Raises:
            MissingInput, MistypedInput: the case lacks what the policy needs, or has it in the wrong type.
        """
        typed = self._typed(case)
        if in_force() is None:
            return self.decide(typed)
        return self._recorded(case, typed, lambda _: self.decide(typed))

    def _recorded(
        self,
        given: Any,
        typed: Any,
        decide: Callable[[datetime | None], Decision],
        *,
        timed: bool = False,
        asked: Mapping[str, JsonValue] | None = None,
    ) -> Decision:
        """Decide through the recorder in force.

        Args:
            given: the case as it was given.
            typed: the same as an object of the case type.
            decide: gives the decision, at a time where it is `timed`.
            timed: whether it depends on when it is recorded, and so is made then; None is the time where nothing is recorded.
            asked: what else goes into it.
        """
        encoded: list[Encoded] = []

        def case_as_json(digest: Digest = file_digest) -> Encoded:
            if not encoded:
                encoded.append(encode_case(typed, digest))
            return encoded[0]

        def inputs(digest: Digest) -> Encoded:
            case_tree = case_as_json(digest)
            tree = {"case": case_tree.tree, "version": self.version, **(asked or {})}
            return Encoded(tree, case_tree.within("case"), case_tree.files)

        def record(decision: Decision | None, occurrence: Occurrence | None) -> tuple[Encoded, Decision]:
            if decision is None:
                with Keyed(None, ""):  # what is decided within is a part of this decision
                    decision = decide(None if occurrence is None else occurrence.at)
            if occurrence is not None:
                decision = replace(decision, id=occurrence.id, at=occurrence.at)
            return encode_decision(decision, case_as_json()), decision

        def restore(tree: JsonValue, occurrence: Occurrence) -> Decision:
            return decode_decision(tree, case=typed, occurrence=occurrence)

        call: Call[Decision | None] = Call(
            kind="decision",
            name=self.name,
            inputs=inputs,
            record=record,
            restore=restore,
            arguments={"": given},
            case=typed,
            version=self.version,
        )
        made = recorder().perform(call, lambda: None if timed else decide(None))
        return decide(None) if made is None else made

    def _typed(self, case: Any) -> Any:
        wanted = self.case_type
        if type(case) is wanted and wanted is not dict:
            return case
        if wanted is None or (not is_typed_dict(wanted) and isinstance(case, wanted)):
            return case
        if not isinstance(case, Mapping):
            raise MistypedInput(
                f"policy {self.name!r} decides about {wanted.__name__}, and was given a {type(case).__name__}"
            )
        return typed_case(case, wanted, what=f"policy {self.name!r}")


def check_storable(model: type, *, what: str) -> None:
    """Refuse a case type whose values could not be stored.

    Raises:
        DefinitionError: it cannot be encoded, or its personal fields would be overlooked.
    """
    Codec(model, where=what)


__all__ = ["Policy", "check_storable", "typed_case"]
