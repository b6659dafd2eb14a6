"""Where code comes from: Python, an installed package, this library, or the project whose process is replayed."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

import abpo_sdk

LIBRARY = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib")})
PACKAGES = tuple({sysconfig.get_path(name) for name in ("purelib", "platlib")})
OURS = str(Path(abpo_sdk.__file__).parent)


def by_the_process() -> bool:
    """Whether what is being done here is asked for by code that is neither Python's nor this library's."""
    frame = sys._getframe(1)  # noqa: SLF001  the only way to see who calls
    while frame is not None:
        file = frame.f_code.co_filename
        if not is_of_python(file) and Path(file).parent != HERE:
            return not file.startswith(OURS)
        frame = frame.f_back  # type: ignore[assignment]
    return False


def is_of_python(file: str) -> bool:
    """Whether a file is of Python itself."""
    return file.startswith("<frozen") or (file.startswith(LIBRARY) and not file.startswith(PACKAGES))


def is_installed(file: str) -> bool:
    """Whether a file is of Python, of a package that is installed, or of this library."""
    return is_of_python(file) or file.startswith((*PACKAGES, OURS))


HERE = Path(__file__).parent
