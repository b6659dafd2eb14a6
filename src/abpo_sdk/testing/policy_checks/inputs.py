"""Checks of a policy: what it makes of its inputs, whatever form they come in, and of what is wrong with them."""

from __future__ import annotations

import copy
import datetime as dt
import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter, ValidationError

from abpo_sdk.conditions.kinds import NUMBERS, kind_of_annotation
from abpo_sdk.errors import InputError
from abpo_sdk.ledger.decisions import encode_case
from abpo_sdk.testing.expectations import NotAsExpectedError, SkippedError
from abpo_sdk.testing.policy_checks.case_fields import keys_of, needed_of
from abpo_sdk.testing.policy_checks.examined import Examined, about, answer, check_alike, said
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.equality import same
from abpo_sdk.values.traversal import annotations_of, is_typed_dict


class Unfit:
    """A value that is of no type that a case has."""

    def __repr__(self) -> str:
        return "<a value of another type>"


def it_leaves_its_case_as_it_was(examined: Examined) -> None:
    for case, _ in examined.decided:
        given = copy.deepcopy(case)
        before = encode_case(given, lambda _: None).json
        examined.policy(given)
        with about(case):
            if encode_case(given, lambda _: None).json != before:
                raise NotAsExpectedError("expected the case to stay as it was, and the policy changed it")


def it_decides_the_same_case_the_same(examined: Examined) -> None:
    for case, first in reversed(examined.answers):  # in another order, since a policy may remember what came before
        for again in (answer(examined.policy, case), answer(examined.policy, case)):
            with about(case):
                check_alike("again", again, first)


def a_mapping_is_decided_as_the_object_is_and_comes_back_typed(examined: Examined) -> None:
    model = examined.model
    for case, decision in examined.decided:
        mapping = examined.as_mapping(case)
        typed: Any = answer(examined.policy, mapping)
        with about(case):
            check_alike("given as a mapping of its fields", typed, decision)
            for made in (decision, typed):
                wanted = Mapping if is_typed_dict(model) else model
                if not isinstance(made.case, wanted):
                    raise NotAsExpectedError(f"case: expected a {model.__name__}, and saw a {type(made.case).__name__}")
                if not same(made.case, case):
                    raise NotAsExpectedError("case: expected the case that was given, and saw another one")


def a_missing_input_is_an_error(examined: Examined) -> None:
    tried = False
    for case, decision in examined.decided:
        mapping = examined.as_mapping(case)
        for name, key in _needed(examined, decision):
            if key in mapping:
                tried = True
                without = {other: value for other, value in mapping.items() if other != key}
                _expect_refusal(examined, case, without, f"without {name!r}")
    if not tried:
        raise SkippedError("no field of its cases is required")


def a_mistyped_input_is_an_error(examined: Examined) -> None:
    tried = False
    for case, decision in examined.decided:
        mapping = examined.as_mapping(case)
        for name, key, value in _mistyped(examined, decision):
            if key in mapping:
                tried = True
                _expect_refusal(examined, case, {**mapping, key: value}, f"with {name} = {value!r}")
    if not tried:
        raise SkippedError("every field of its cases takes anything")
    if examined.policy.case_type is not None:
        _expect_refusal(examined, examined.decided[0][0], Unfit(), "given something else than a case")


def what_it_did_not_record_reading_makes_no_difference(examined: Examined) -> None:
    tried = False
    adapter: TypeAdapter[Any] = TypeAdapter(examined.model)
    mappings = [examined.as_mapping(case) for case, _ in examined.decided]
    for number, (case, decision) in enumerate(examined.decided):
        read = {name.partition(".")[0] for name in decision.inputs}
        kept = {key for name, key in keys_of(examined.model).items() if name in read}
        for other in (mappings[number - 1], mappings[number - len(mappings) // 2]):
            mixed = {**other, **{key: value for key, value in mappings[number].items() if key in kept}}
            mixed = {key: value for key, value in mixed.items() if key in mappings[number] or key not in kept}
            try:
                twin = adapter.validate_python(copy.deepcopy(mixed))
            except ValidationError:  # fields that must fit together
                continue
            tried = tried or not same(twin, case)
            made = answer(examined.policy, twin)
            with about(case):
                if not isinstance(made, Decision) or made.outcome != decision.outcome:
                    raise NotAsExpectedError(
                        f"inputs: expected {sorted(read) or 'no field'} to be all that it read, and with other values elsewhere it says "
                        f"{said(made)} instead of {decision.outcome!r}"
                    )
    if not tried:
        raise SkippedError("needs cases that differ in fields that were not read")


def _expect_refusal(examined: Examined, case: Any, given: Any, how: str) -> None:
    with about(case):
        try:
            made: object = examined.policy(given)
        except InputError:
            return
        except Exception as error:
            raise NotAsExpectedError(
                f"{how}: expected MissingInput or MistypedInput, and it raised {type(error).__name__}: {error}"
            ) from error
        raise NotAsExpectedError(f"{how}: expected MissingInput or MistypedInput, and it decided {said(made)}")


def _needed(examined: Examined, decision: Decision) -> list[tuple[str, str]]:
    """The fields without which a case cannot be decided, each with the name under which it is given."""
    if examined.policy.case_type is None:
        return [(name, name) for name in decision.inputs]
    keys = keys_of(examined.model)
    return [(name, keys[name]) for name in needed_of(examined.model)]


def _mistyped(examined: Examined, decision: Decision) -> Iterator[tuple[str, str, Any]]:
    """Fields of a case, the name under which each is given, and a value that it must not have."""
    if examined.policy.case_type is None:
        for name in decision.inputs:
            yield name, name, Unfit()
        return
    annotations = annotations_of(examined.model)
    for name, key in keys_of(examined.model).items():
        annotation = annotations[name]
        if not _takes(annotation, Unfit()):
            yield name, key, Unfit()
        sort = kind_of_annotation(annotation).sort
        if sort in NUMBERS:
            yield name, key, True
        if name in decision.inputs:
            if sort == "decimal":
                yield name, key, Decimal("NaN")
            elif sort == "float":
                yield name, key, math.nan
            elif sort == "time":
                yield name, key, dt.datetime(2026, 1, 1)  # noqa: DTZ001  it is to have no zone


def _takes(annotation: Any, value: object) -> bool:
    try:
        TypeAdapter(annotation, config={"arbitrary_types_allowed": True}).validate_python(value)
    except Exception:  # noqa: BLE001  a validator of the user's may raise anything
        return False
    return True


CHECKS = (
    it_leaves_its_case_as_it_was,
    it_decides_the_same_case_the_same,
    a_mapping_is_decided_as_the_object_is_and_comes_back_typed,
    a_missing_input_is_an_error,
    a_mistyped_input_is_an_error,
    what_it_did_not_record_reading_makes_no_difference,
)
