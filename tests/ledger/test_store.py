"""What every store must do beyond `abpo_sdk.testing.check_store`: names, bytes and writes that nobody thought of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abpo_sdk.errors import NotCanonical, StoreUnavailable
from abpo_sdk.ledger import Entry, Place, SqliteStore, Store
from abpo_sdk.ledger.rows import Head, RunRow
from abpo_sdk.ledger.stores.postgres import PostgresStore
from tests.postgres import Server, numbers

RUN = RunRow("R-1", "pay", "v1", "running", "2026-01-01", "2026-01-01")

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=3)
"""Texts that every store keeps; Postgres keeps none with NUL."""

EACH_MAKES_ITS_OWN = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(params=["sqlite in memory", "sqlite in a file", "postgres"])
def make(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Store]]:
    """Makes a new store each time; all are closed at the end."""
    made: list[Store] = []

    def maker() -> Store:
        if request.param == "postgres":
            server: Server = request.getfixturevalue("postgres")
            made.append(PostgresStore(server.url, schema=f"ledger_{next(numbers)}"))
        else:
            path = tmp_path_factory.mktemp("store") / "store.db" if request.param == "sqlite in a file" else None
            made.append(SqliteStore(path))
        return made[-1]

    yield maker
    for store in made:
        store.close()
        if isinstance(store, PostgresStore):
            request.getfixturevalue("postgres").run(f"DROP SCHEMA {store._database.schema} CASCADE")


def entry(position: int, *, chain: str = "R-1") -> Entry:
    return Entry(chain, position, Place("/", position), b"{}", b"p", b"s", b"x")


@given(items=st.lists(st.tuples(TEXTS, st.binary(max_size=9)), max_size=8))
@EACH_MAKES_ITS_OWN
def test_any_names_and_bytes_are_kept(make: Callable[[], Store], items: list[tuple[str, bytes]]) -> None:
    with closing(make()) as store:
        wanted: dict[str, list[Entry]] = {}
        for name, data in items:
            entries = wanted.setdefault(name, [])
            new = Entry(name, len(entries), Place(name, len(entries)), data, data, data, None)
            with store.transaction() as tx:
                tx.append([new])
                tx.set_head(Head(name, "h", len(entries) + 1))
            entries.append(new)
        assert {name: store.entries(name) for name in wanted} == wanted
        assert list(store.scan()) == [e for name in sorted(wanted) for e in wanted[name]]
        assert [(h.chain, h.length) for h in store.heads()] == [(name, len(wanted[name])) for name in sorted(wanted)]


@given(
    writes=st.lists(
        st.tuples(st.sampled_from(["put", "update", "clear"]), TEXTS, st.sampled_from(["open", "done", ""])), max_size=8
    )
)
@EACH_MAKES_ITS_OWN
def test_the_rows_are_those_of_a_dictionary_that_was_given_the_same_writes(
    make: Callable[[], Store], writes: list[tuple[str, str, str]]
) -> None:
    with closing(make()) as store:
        model: dict[str, RunRow] = {}
        for verb, key, status in writes:
            with store.transaction() as tx:
                if verb == "put":
                    model[key] = RUN._replace(id=key, status=status)
                    tx.put(model[key])
                elif verb == "update":
                    tx.update(RunRow, key, status=status)
                    model.update({key: model[key]._replace(status=status)} if key in model else {})
                else:
                    tx.clear(RunRow, key)
                    model.pop(key, None)
        rows = [model[key] for key in sorted(model)]
        assert store.select(RunRow) == rows
        assert store.select(RunRow, equal={"status": "open"}) == [row for row in rows if row.status == "open"]
        assert list(store.rows(RunRow, order="status")) == sorted(rows, key=lambda row: (row.status, row.id))


def test_a_name_that_is_no_text_is_refused_by_name(make: Callable[[], Store]) -> None:
    store = make()
    with pytest.raises(NotCanonical, match="surrogate"):
        store.entries("\ud800")
    with pytest.raises(NotCanonical, match="surrogate"), store.transaction() as tx:
        tx.append([entry(0, chain="\ud800")])
    with pytest.raises(NotCanonical, match="surrogate"), store.transaction() as tx:
        tx.append([entry(0), entry(1), entry(0, chain="\ud800")])
    assert list(store.scan()) == []


def test_a_refused_write_says_that_nothing_of_it_was_kept(make: Callable[[], Store]) -> None:
    store = make()
    with pytest.raises(StoreUnavailable, match="nothing of this write was kept"), store.transaction() as tx:
        tx.append([entry(0), entry(1), entry(0)])
    assert list(store.scan()) == []


@pytest.mark.parametrize(
    "query", [{"equal": {"colour": 1}}, {"until": {"colour": 1}}, {"order": "id; DROP TABLE abpo_runs"}]
)
def test_a_column_that_is_not_there_is_named(make: Callable[[], Store], query: dict[str, Any]) -> None:
    store = make()
    with pytest.raises(StoreUnavailable, match=r"runs has no column .*it has id, process"):
        store.select(RunRow, **query)
    with pytest.raises(StoreUnavailable, match="no column 'colour'"), store.transaction() as tx:
        tx.update(RunRow, "R-1", colour="red")
