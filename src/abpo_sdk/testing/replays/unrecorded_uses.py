"""Notes what a process uses that is not recorded, and what would be."""

from __future__ import annotations

from dataclasses import dataclass, field

from abpo_sdk.testing.replays.code_origin import by_the_process


@dataclass(slots=True)
class UnrecordedUses:
    """What was used, and what is to be used instead."""

    used: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)

    def note(self, what: str, instead: str) -> None:
        """Something was used; noted where the process did it, and not the library or Python for reasons of their own."""
        if by_the_process():
            self.used.setdefault(what, instead)

    def advice(self) -> str:
        """What to do about it."""
        if not self.used:
            return (
                "something in it moves from run to run: a counter, an iterator, a variable of its module, the order of a set; "
                "have a step return it"
            )
        return "; ".join(f"it uses {what}: {instead}" for what, instead in self.used.items())
