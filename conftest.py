"""Executes the code blocks of README and docs, each page in one namespace and an empty directory."""

import os
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser
from sybil.sybil import SybilCollection

from tests.postgres import Server, open_store, postgres, schema  # noqa: F401  # fixtures, for pages and for tests

NEEDS_POSTGRES = "use-postgres.md"


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


@pytest.fixture(scope="session")
def database_url(postgres: Server) -> Iterator[str]:  # noqa: F811
    """A database of a page's own, named by the environment as an application's would be."""
    postgres.run("CREATE DATABASE shop")
    os.environ["DATABASE_URL"] = url = postgres.as_user("postgres", database="shop")
    yield url
    del os.environ["DATABASE_URL"]


pytest_collect_file = SybilCollection(
    [
        Sybil(
            parsers=[PythonCodeBlockParser()],
            patterns=["README.md", "*.md"],
            excludes=[f"**/{NEEDS_POSTGRES}"],
            setup=enter_empty_directory,
            teardown=leave_directory,
        ),
        Sybil(
            parsers=[PythonCodeBlockParser()],
            patterns=[f"**/{NEEDS_POSTGRES}"],
            setup=enter_empty_directory,
            teardown=leave_directory,
            fixtures=["database_url"],
        ),
    ]
).pytest()
