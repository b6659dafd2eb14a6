"""Another Python process, in which hashes of texts, and so the order of sets, are others."""

from __future__ import annotations

import os
import sys


def environment_with(seed: str) -> dict[str, str]:
    """The environment of another Python process that finds the same modules, with this PYTHONHASHSEED."""
    path = os.pathsep.join(part or os.getcwd() for part in sys.path)
    return {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
