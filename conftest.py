"""Executes the code blocks of README and docs, each page in one namespace and an empty directory."""

import os
import tempfile
from typing import Any

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser


def enter_empty_directory(namespace: dict[str, Any]) -> None:
    """A directory of the page's own, so that files that it writes are nobody else's."""
    namespace["__name__"] = "page"
    namespace["_directory"] = tempfile.TemporaryDirectory()
    namespace["_before"] = os.getcwd()
    os.chdir(namespace["_directory"].name)


def leave_directory(namespace: dict[str, Any]) -> None:
    """Back to where the tests were."""
    os.chdir(namespace["_before"])
    for value in list(namespace.values()):
        if type(value).__name__ in ("Runtime", "TestRuntime", "Ledger"):
            value.close()
    namespace["_directory"].cleanup()


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser()],
    patterns=["README.md", "*.md"],
    setup=enter_empty_directory,
    teardown=leave_directory,
).pytest()
