"""Every example in a docstring runs."""

import doctest
import importlib
import pkgutil

import pytest

import abpo_sdk

MODULES = sorted(m.name for m in pkgutil.walk_packages(abpo_sdk.__path__, "abpo_sdk."))


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_run(name: str) -> None:
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert failed == 0


SHOWN_ELSEWHERE = {
    "AbpoError", "Answer", "Clock", "Condition", "Decision", "Incident", "Lineage", "Policy", "Reason", "Review",
    "ReviewRequired", "Run", "Wired",
}  # fmt: skip
"""What nobody makes alone: the examples of what makes or takes it show it."""


def test_the_public_words_have_examples() -> None:
    words = [name for name in abpo_sdk.__all__ if callable(getattr(abpo_sdk, name))]
    without = {name for name in words if ">>>" not in (getattr(abpo_sdk, name).__doc__ or "")}
    assert without == SHOWN_ELSEWHERE
