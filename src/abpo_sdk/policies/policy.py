"""What every policy is: a callable from a case to a decision, with an owner and a version."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from abpo_sdk.conditions.kinds import NUMBERS, kind_of_annotation
from abpo_sdk.errors import MistypedInput
from abpo_sdk.ledger.decisions import decode_decision, encode_case, encode_decision
from abpo_sdk.ledger.recorder import Call, Occurrence, recorder
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.encoding import Digest, Encoded, JsonValue, file_digest
from abpo_sdk.values.traversal import annotations_of, personal_in


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
        encoded: list[Encoded] = []

        def case_as_json(digest: Digest = file_digest) -> Encoded:
            if not encoded:
                encoded.append(encode_case(typed, digest))
            return encoded[0]

        def inputs(digest: Digest) -> Encoded:
            case_tree = case_as_json(digest)
            return Encoded({"case": case_tree.tree, "version": self.version}, case_tree.within("case"), case_tree.files)

        def record(decision: Decision, occurrence: Occurrence | None) -> tuple[Encoded, Decision]:
            if occurrence is not None:
                decision = replace(decision, id=occurrence.id, at=occurrence.at)
            return encode_decision(decision, case_as_json()), decision

        def restore(tree: JsonValue, occurrence: Occurrence) -> Decision:
            return decode_decision(tree, case=typed, occurrence=occurrence)

        call = Call(
            kind="decision",
            name=self.name,
            inputs=inputs,
            record=record,
            restore=restore,
            arguments={"": case},
            version=self.version,
        )
        return recorder().perform(call, lambda: self.decide(typed))

    def _typed(self, case: Any) -> Any:
        wanted = self.case_type
        if wanted is None or isinstance(case, wanted):
            return case
        if not isinstance(case, Mapping):
            raise MistypedInput(
                f"policy {self.name!r} decides about {wanted.__name__}, and was given a {type(case).__name__}"
            )
        return typed_case(case, wanted, what=f"policy {self.name!r}")


def typed_case(case: Mapping[str, Any], model: type, *, what: str) -> Any:
    """A mapping as an object of the case type.

    Raises:
        MistypedInput: naming each field that does not fit, and its value unless it is personal.
    """
    annotations = annotations_of(model)
    for name, value in case.items():
        if isinstance(value, bool) and name in annotations and kind_of_annotation(annotations[name]).sort in NUMBERS:
            raise MistypedInput(f"{what}: {model.__name__}.{name} is {value!r}, a bool where a number is declared")
    try:
        return TypeAdapter(model).validate_python(dict(case))
    except ValidationError as error:
        problems = []
        for problem in error.errors(include_url=False):
            field = str(problem["loc"][0]) if problem["loc"] else ""
            shown = (
                ""
                if problem["type"] == "missing" or personal_in(annotations.get(field, Any))
                else f" (it is {problem['input']!r})"
            )
            problems.append(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}{shown}")
        raise MistypedInput(f"{what}: the case is no {model.__name__}: {'; '.join(problems)}") from None


__all__ = ["Policy", "typed_case"]
