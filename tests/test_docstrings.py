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


def test_the_public_words_have_examples() -> None:
    with_examples = [
        "DecisionTable",
        "Gate",
        "Ledger",
        "Personal",
        "Reviews",
        "Runtime",
        "fields",
        "key_scope",
        "process",
        "step",
    ]
    assert [name for name in with_examples if ">>>" not in (getattr(abpo_sdk, name).__doc__ or "")] == []
