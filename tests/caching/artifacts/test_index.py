"""The index by itself, on SQLite and on PostgreSQL: rows that lie, limits that come and go, round trips."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from couler_plugins.caching.artifacts import UNLIMITED, Claim, Existed, Hit, Refused, Stored, index_sqlite, open_cache
from couler_plugins.caching.artifacts.database import Database
from couler_plugins.caching.artifacts.index import Index
from couler_plugins.caching.artifacts.index_postgres import PostgresDatabase
from couler_plugins.caching.artifacts.index_sqlite import SqliteDatabase
from couler_plugins.errors import EngineError, InvalidInput
from servers.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """Where a cache is, as arguments of `open_cache`."""
    if request.param == "sqlite":
        return {"url": str(tmp_path / "cache"), "index": f"sqlite:///{tmp_path}/index.sqlite"}
    return {"url": str(tmp_path / "cache"), "index": request.getfixturevalue("postgres").database()}


def _database(place: dict[str, Any]) -> Database:
    index = place["index"]
    if index.startswith("sqlite"):
        return SqliteDatabase(Path(index.removeprefix("sqlite:///")))
    return PostgresDatabase(index)


def _change(place: dict[str, Any], statement: str, **values: Any) -> None:
    """Somebody edits the index by hand, or the disk does."""
    database = _database(place)
    with database.writing() as connection:
        connection.execute(statement, **values)
    database.close()


LIES = {
    "another key": "(SELECT manifest FROM entries WHERE key = 'victim')",
    "another namespace": """replace(manifest, '"mine"', '"theirs"')""",
    "no manifest": "'{'",
}
"""What is put into the place of a key's manifest."""


@pytest.mark.parametrize("lie", LIES)
def test_a_row_that_is_not_its_keys_is_a_miss(place: dict[str, Any], lie: str) -> None:
    with open_cache(**place, namespace="mine") as cache:
        assert isinstance(cache.put("key", {"out": b"its own"}), Stored)
        assert isinstance(cache.put("victim", {"out": b"a secret"}), Stored)
        _change(place, f"UPDATE entries SET manifest = {LIES[lie]} WHERE key = 'key'")
        assert cache.lookup("key") is None
        assert cache.get("key") is None
        assert not cache.remove("key")
        assert [entry.key for entry in cache.entries()] == ["victim"]
        assert isinstance(cache.put("key", {"out": b"again"}), Stored), "what lies keeps nobody from storing it anew"
        hit = cache.get("key")
        assert hit is not None
        with hit:
            assert hit.read("out") == b"again"
        assert cache.evict(0) != ()
        assert cache.stats().bytes == 0


@pytest.mark.parametrize("lie", LIES)
def test_a_row_that_lies_can_be_found_and_dropped(place: dict[str, Any], lie: str) -> None:
    with open_cache(**place, namespace="mine") as cache:
        cache.put("key", {"out": b"its own"})
        cache.put("victim", {"out": b"a secret"})
    _change(place, f"UPDATE entries SET manifest = {LIES[lie]} WHERE key = 'key'")
    index = Index(_database(place), "mine")
    assert index.strays() == ["key"]
    index.drop_stray("victim")  # it is none
    index.drop_stray("key")
    assert index.strays() == []
    assert [item.entry.key for item in index.kept()] == ["victim"]
    index.database.close()


def test_a_limit_stays_until_another_is_said(place: dict[str, Any]) -> None:
    with open_cache(**place, capacity=1_000, quota=500) as cache:
        assert cache.stats().capacity == 1_000
    with open_cache(**place) as cache:
        assert cache.stats().capacity == 1_000
        assert isinstance(cache.put("key", {"out": b"x" * 600}), Refused)
    with open_cache(**place, quota=UNLIMITED) as cache:
        assert cache.stats().capacity == 1_000
        assert isinstance(cache.put("key", {"out": b"x" * 600}), Stored)
        assert cache.stats().usage["default"].quota is None
    with open_cache(**place, capacity=UNLIMITED) as cache:
        assert cache.stats().capacity is None
        assert isinstance(cache.put("large", {"out": b"x" * 5_000}), Stored)
    with open_cache(**place) as cache:
        assert cache.stats().capacity is None
    with open_cache(**place, capacity=UNLIMITED) as cache:  # nothing to lift is no fault
        assert len(cache.entries()) == 2


@pytest.mark.parametrize("capacity", [-1, float("nan"), -UNLIMITED, 2**63])
def test_limits_that_are_none(tmp_path: Path, capacity: float) -> None:
    with pytest.raises(InvalidInput):
        open_cache(tmp_path, capacity=capacity)


def test_store_only_has_no_limit_to_lift(tmp_path: Path) -> None:
    with open_cache(tmp_path, index="none", capacity=UNLIMITED) as cache:
        assert isinstance(cache.put("key", {"out": b"x" * 5_000}), Stored)
        assert cache.stats().capacity is None


def test_how_often_the_server_is_waited_for(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round trip is what an operation costs in a cluster; under the lock everybody waits for it."""
    import psycopg

    trips = 0
    execute = psycopg.ClientCursor.execute

    def counted(self: psycopg.ClientCursor[Any], *args: Any, **kwargs: Any) -> Any:
        nonlocal trips
        trips += 1
        return execute(self, *args, **kwargs)

    def cost(call: Any) -> int:
        nonlocal trips
        trips = 0
        result = call()
        if isinstance(result, Hit):
            result.close()
        return trips

    outputs = {f"out-{number}": bytes([number]) * 100 for number in range(5)}
    with open_cache(tmp_path, index=postgres.database(), capacity=10_000) as cache:
        cache.put("before", {"out": b"x"})  # asks for the time, too
        monkeypatch.setattr(psycopg.ClientCursor, "execute", counted)
        assert cost(lambda: cache.lookup("key")) == 1
        assert cost(lambda: cache.get("key")) == 1
        assert cost(lambda: cache.put("key", outputs)) <= 7
        assert cost(lambda: cache.lookup("key")) == 1
        assert cost(lambda: cache.get("key")) <= 4
        assert cost(lambda: cache.put("key", outputs)) <= 3
        assert cost(lambda: cache.pin("key", 10)) == 1
        assert cost(lambda: cache.unpin("key")) == 1
        assert cost(lambda: cache.remove("key")) <= 7


def test_values_are_no_part_of_a_statement(place: dict[str, Any]) -> None:
    database = _database(place)
    texts = ["'; DROP TABLE entries; --", "\\'; DROP TABLE entries; --", "%(x)s %s :x", "ü\n\t'\"", "E'\\x00'"]
    with database.writing() as connection:
        for text in texts:
            connection.execute("INSERT INTO limits (scope, bytes) VALUES (:scope, 1)", scope=text)
    with database.reading() as connection:
        rows = connection.execute("SELECT scope FROM limits")
        entries = connection.execute("SELECT COUNT(*) FROM entries")
    assert {row[0] for row in rows} == set(texts)
    assert entries[0][0] == 0
    database.close()


def test_a_transaction_that_fails_changes_nothing(place: dict[str, Any]) -> None:
    database = _database(place)
    add = "INSERT INTO limits (scope, bytes) VALUES ('x', 1)"

    def twice() -> None:
        with database.writing() as connection:
            connection.execute(add)
            connection.execute(add)

    def interrupted() -> None:
        with database.writing() as connection:
            connection.execute(add)
            assert connection.execute("SELECT 1 FROM limits")
            raise ZeroDivisionError

    with pytest.raises(OSError, match="the index failed"):
        twice()
    with pytest.raises(ZeroDivisionError):
        interrupted()
    assert database.one("SELECT 1 FROM limits") is None
    with database.writing() as connection:
        connection.execute(add)
    assert database.one("SELECT bytes FROM limits") == (1,)
    database.close()


def test_rows_can_be_looked_at_late(place: dict[str, Any]) -> None:
    """They are what the statement found at its place, also where later statements change that."""
    database = _database(place)
    with database.writing() as connection:
        before = connection.execute("SELECT scope FROM limits")
        connection.execute("INSERT INTO limits (scope, bytes) VALUES ('x', 1)")
        between = connection.execute("SELECT scope FROM limits")
        connection.execute("DELETE FROM limits")
    assert (list(before), list(between)) == ([], [("x",)])
    database.close()


def test_an_existing_result_stays(place: dict[str, Any]) -> None:
    with open_cache(**place) as cache:
        assert isinstance(cache.put("key", {"out": b"one"}), Stored)
        assert isinstance(cache.put("key", {"out": b"two"}), Existed)


def test_the_index_of_postgres_is_asked_for_the_time_now_and_then(postgres: Postgres) -> None:
    """Between, it is reckoned; it stays the server's."""
    database = PostgresDatabase(postgres.database())
    times = [database.now() for _ in range(5)]
    row = database.one("SELECT CAST(extract(epoch FROM clock_timestamp()) AS DOUBLE PRECISION)")
    assert row is not None
    assert times == sorted(times)
    assert 0 <= row[0] - times[-1] < 2  # a busy machine
    database.close()


def test_an_index_of_the_time_before_leases_had_their_own_length_is_used_on(place: dict[str, Any]) -> None:
    with open_cache(**place) as cache:
        assert isinstance(cache.put("key", {"out": b"old"}), Stored)
    _change(place, "ALTER TABLE owners DROP COLUMN lifetime")
    with open_cache(**place) as cache:
        found = cache.get("key")
        assert found is not None
        assert found.read("out") == b"old"
        assert isinstance(cache.put("other", {"out": b"new"}), Stored)
        claim = cache.claim("third")
        assert isinstance(claim, Claim)
        assert claim.leader


def test_an_index_in_postgresql_says_that_it_needs_a_newer_sqlalchemy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sqlalchemy.__version__", "1.4.54")
    with pytest.raises(InvalidInput, match=r"needs SQLAlchemy 2, and this is 1\.4\.54"):
        open_cache(tmp_path, index="postgresql://u@127.0.0.1:1/x")


def test_who_is_locked_out_for_a_moment_tries_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fakes what lasts for microseconds only: another process closes the last connection while this one opens."""
    busy = [sqlite3.OperationalError("database is locked") for _ in range(3)]
    for error in busy:
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    prepare = index_sqlite._prepare

    def locked(connection: sqlite3.Connection) -> None:
        if busy:
            raise busy.pop()
        prepare(connection)

    monkeypatch.setattr(index_sqlite, "_prepare", locked)
    cache = open_cache(str(tmp_path / "cache"))
    assert not busy
    cache.close()
    busy += [sqlite3.OperationalError("disk I/O error")] * 2
    with pytest.raises(EngineError, match="disk I/O error"):
        open_cache(str(tmp_path / "cache"))
    assert len(busy) == 1
