"""Checks of how a store writes on connections: on those of others, and on its own that it lends. The name of each says what it must do."""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import Any

from abpo_sdk.errors import DefinitionError, StoreUnavailable
from abpo_sdk.ledger.rows import RunRow
from abpo_sdk.testing.expectations import NotAsExpectedError, expect, refused
from abpo_sdk.testing.store_checks.samples import RUN, entry, head, nothing_in
from abpo_sdk.testing.store_checks.storage import Storage


def what_is_no_connection_to_its_database_is_not_joined(storage: Storage) -> None:
    store = storage.new()
    for thing in (object(), None, "connection"):
        with refused(f"joined({thing!r})", DefinitionError):
            store.joined(thing)


def what_is_written_on_a_callers_connection_is_kept_or_lost_with_it(storage: Storage) -> None:
    store = storage.new()
    connection = storage.connection(store)
    for commit in (False, True):
        tx = store.joined(connection)
        expect("add_head", tx.add_head(head(1)), expected=True)
        tx.append([entry(0)])
        tx.put(RUN)
        expect("entries, for the caller", tx.entries("R-1"), [entry(0)])
        expect("entries, for others, before the commit", store.entries("R-1"), [])
        (connection.commit if commit else connection.rollback)()
        expect("entries, for others", store.entries("R-1"), [entry(0)] if commit else [])
        expect("rows, for others", store.select(RunRow), [RUN] if commit else [])
    tx = store.joined(connection)
    expect("add_head of a chain that is there", tx.add_head(head(7)), expected=False)
    tx.put(RUN._replace(id="R-2"))  # the caller's transaction goes on
    connection.commit()
    expect("rows", [row.id for row in store.select(RunRow)], ["R-1", "R-2"])


def what_is_written_on_the_lent_connection_is_kept_or_lost_with_the_write(storage: Storage) -> None:
    store = storage.new()
    table = f"lent_{secrets.token_hex(6)}"
    with suppress(ZeroDivisionError), store.transaction() as tx:
        tx.append([entry(0)])
        with tx.lent() as connection:
            _run(connection, f"CREATE TABLE {table} (number INTEGER)")
            _run(connection, f"INSERT INTO {table} VALUES (1)")
        raise ZeroDivisionError
    nothing_in(store)
    with store.transaction() as tx:
        with tx.lent() as connection:
            try:
                _run(connection, f"CREATE TABLE {table} (number INTEGER)")
            except Exception as error:
                raise NotAsExpectedError(
                    f"a table that was made on the lent connection, in a write that raised: it should be gone, and making it again raised {error!r}"
                ) from error
            _run(connection, f"INSERT INTO {table} VALUES (7)")
        tx.append([entry(0)])
        tx.set_head(head(1))
    expect("entries", store.entries("R-1"), [entry(0)])
    with store.transaction() as tx, tx.lent() as connection:
        rows = [tuple(row) for row in _run(connection, f"SELECT number FROM {table}").fetchall()]
        _run(connection, f"DROP TABLE {table}")
        expect("rows that were written on the lent connection", rows, [(7,)])


def a_write_cannot_be_ended_on_the_lent_connection_without_being_noticed(storage: Storage) -> None:
    for end in ("commit", "rollback"):
        store = storage.new()
        try:
            with store.transaction() as tx:
                tx.append([entry(0)])
                tx.set_head(head(1))
                tx.put(RUN)
                with tx.lent() as connection, suppress(Exception):  # that it is refused, the caller may not heed
                    getattr(connection, end)()
                tx.put(RUN._replace(id="R-2"))
        except StoreUnavailable:
            nothing_in(store)
        else:
            expect(f"entries, after {end}() on the lent connection", store.entries("R-1"), [entry(0)])
            rows = [row.id for row in store.select(RunRow)]
            expect(f"rows, after {end}() on the lent connection", rows, ["R-1", "R-2"])


def _run(connection: Any, sql: str) -> Any:
    cursor = connection.cursor()
    cursor.execute(sql)
    return cursor


CHECKS = (
    what_is_no_connection_to_its_database_is_not_joined,
    what_is_written_on_a_callers_connection_is_kept_or_lost_with_it,
    what_is_written_on_the_lent_connection_is_kept_or_lost_with_the_write,
    a_write_cannot_be_ended_on_the_lent_connection_without_being_noticed,
)
