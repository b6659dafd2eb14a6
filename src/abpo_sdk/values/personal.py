"""The mark on a field that holds something about a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


def subject_text(subject: object) -> str:
    """The subject that a field or parameter names, as it is written and erased by; empty where it names nobody.

    >>> subject_text("ACME"), subject_text(7), subject_text(None)
    ('ACME', '7', '')
    """
    if isinstance(subject, Enum):  # whose text would name its class
        subject = subject.value
    return "" if subject is None else str(subject)


@dataclass(frozen=True, slots=True)
class Personal:
    """Marks a field as personal: it is encrypted under its subject's own key wherever the ledger stores it.

    Put it into the annotation of a field of a pydantic model or dataclass, or of a parameter of a step or
    process: `iban: Annotated[str, Personal("bank account", subject_field="supplier")]`.

    Args:
        label: what the field holds, in words that may be shown in place of the value.
        subject_field: the field (of the same model) or the parameter (of the same function) that says whose
            it is. Erasing that subject makes every field encrypted for it unreadable.

    >>> Personal("bank account", subject_field="supplier").label
    'bank account'
    """

    label: str
    subject_field: str = field(kw_only=True)

    @property
    def mask(self) -> str:
        """What is shown in place of the value."""
        return f"<{self.label}>"
