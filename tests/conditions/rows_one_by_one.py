"""The oracle of frames: each row made a case, and asked alone."""

from abpo_sdk.conditions.rows import case_of_row, plan_for
from abpo_sdk.errors import MissingInput, MistypedInput


def cases_of(frame, model):
    """Each row as a case, or the error that it gives."""
    plan = plan_for(model, list(frame.columns))
    columns = {name: frame[name].tolist() for name in plan.columns()}
    for row in range(len(frame)):
        try:
            yield case_of_row({name: values[row] for name, values in columns.items()}, model, plan, what="the row")
        except (MissingInput, MistypedInput) as error:
            yield error


def asked_one_by_one(condition, frame, model):
    """What a condition says of each row: "holds", "does not", "missing" or "mistyped"."""
    for case in cases_of(frame, model):
        try:
            if isinstance(case, Exception):
                raise case
            yield "holds" if condition.holds(case) else "does not"
        except MissingInput:
            yield "missing"
        except MistypedInput:
            yield "mistyped"


def asked_at_once(condition, frame):
    """The same as a `FrameTruth` has it."""
    truth = condition.holds_frame(frame)
    for holds, missing, mistyped, field in zip(truth.holds, truth.missing, truth.mistyped, truth.field, strict=True):
        assert holds + missing + mistyped <= 1
        assert (field is not None) == (missing or mistyped)
        yield "holds" if holds else "missing" if missing else "mistyped" if mistyped else "does not"
