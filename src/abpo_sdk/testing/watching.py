"""Notes what a process uses that is not recorded, and what would be."""

from __future__ import annotations

import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

import abpo_sdk

LIBRARY = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib")})
PACKAGES = tuple({sysconfig.get_path(name) for name in ("purelib", "platlib")})
OURS = str(Path(abpo_sdk.__file__).parent)


@dataclass(slots=True)
class Watch:
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


def by_the_process() -> bool:
    """Whether what is being done here is asked for by code that is neither Python's nor this library's."""
    frame = sys._getframe(1)  # noqa: SLF001  the only way to see who calls
    while frame is not None:
        file = frame.f_code.co_filename
        if not is_foreign(file) and Path(file).parent != HERE:
            return not file.startswith(OURS)
        frame = frame.f_back  # type: ignore[assignment]
    return False


def is_foreign(file: str) -> bool:
    """Whether a file is of Python itself."""
    return file.startswith("<frozen") or (file.startswith(LIBRARY) and not file.startswith(PACKAGES))


def is_installed(file: str) -> bool:
    """Whether a file is of Python, of a package that is installed, or of this library."""
    return is_foreign(file) or file.startswith((*PACKAGES, OURS))


HERE = Path(__file__).parent
