"""Checks of a policy: made again, here or in another process, it has the same version."""

from __future__ import annotations

import subprocess
import sys

from abpo_sdk.policies import Policy
from abpo_sdk.testing.expectations import NotAsExpectedError, SkippedError, expect
from abpo_sdk.testing.hash_seeds import environment_with
from abpo_sdk.testing.policy_checks.examined import Examined

SECONDS = 60
"""How long another process may take to import a policy."""


def made_again_it_has_the_same_version(examined: Examined) -> None:
    if examined.again is None:
        raise SkippedError("needs again=, which makes the policy once more")
    policy, other = examined.policy, examined.again()
    if other is policy:
        raise NotAsExpectedError("again= gave the same object; let it make the policy anew")
    for name in ("name", "version", "outcomes"):
        expect(name, getattr(other, name), getattr(policy, name))


def another_process_gives_it_the_same_version(examined: Examined) -> None:
    place = _place_of(examined.policy)
    if place is None:
        raise SkippedError("no module that was imported has it as a global, so no other process can import it")
    for seed in ("1", "2"):  # of the hash of texts, on which the order of a set depends
        expect(
            f"version in a process with PYTHONHASHSEED={seed}",
            _version_elsewhere(*place, seed),
            examined.policy.version,
        )


def _place_of(policy: Policy) -> tuple[str, str] | None:
    """The module that has a policy as a global, and under which name."""
    for module in list(sys.modules.values()):
        if module.__name__ != "__main__":
            for name, value in list(vars(module).items()):
                if value is policy:
                    return module.__name__, name
    return None


def _version_elsewhere(module: str, name: str, seed: str) -> str:
    script = f"import importlib\nprint('version', getattr(importlib.import_module({module!r}), {name!r}).version)"
    try:
        done = subprocess.run(  # noqa: S603  this very interpreter
            [sys.executable, "-c", script],
            env=environment_with(seed),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SkippedError(f"another process could not import {module}: {error}") from error
    said = done.stdout.splitlines()[-1:]
    if done.returncode or not said or not said[0].startswith("version "):
        why = (done.stderr.strip().splitlines() or ["it printed no version"])[-1]
        raise SkippedError(f"another process could not import {module}: {why}")
    return said[0].removeprefix("version ")


CHECKS = (
    made_again_it_has_the_same_version,
    another_process_gives_it_the_same_version,
)
