"""Modules of the ledger, loaded anew from their sources with one fragment changed: what tests must notice."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

CHAIN = ("note_syntax", "note", "checkpoint")  # each imports those before it


def mutant(of: str, fragment: str, replacement: str, *, give: str) -> ModuleType:
    """The module `give`, where it and those that it imports are copies, and `of` has the replacement."""
    loaded: dict[str, ModuleType] = {}
    try:
        for name in CHAIN:
            spec = find_spec(f"abpo_sdk.ledger.transparency.{name}")
            assert spec is not None
            assert spec.origin is not None
            source = Path(spec.origin).read_text()
            if name == of:
                assert source.count(fragment) == 1, f"{fragment!r} occurs {source.count(fragment)} times in {name}"
                source = source.replace(fragment, replacement)
            for other in loaded:
                source = source.replace(
                    f"from abpo_sdk.ledger.transparency.{other} import", f"from mutant_{other} import"
                )
            loaded[name] = sys.modules[f"mutant_{name}"] = module = ModuleType(f"mutant_{name}")
            exec(compile(source, spec.origin, "exec"), module.__dict__)
    finally:
        for name in loaded:
            del sys.modules[f"mutant_{name}"]
    return loaded[give]
