"""Connections that leave no event: compiled drivers make them, or a pool has them already."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from couler_plugins.caching.artifacts.heartbeat import Heartbeat
from reads_observed import Observe, missed, recorded

psycopg, sqlalchemy = pytest.importorskip("psycopg"), pytest.importorskip("sqlalchemy")
connect = psycopg.connect
NOWHERE = "host=127.0.0.1 port=1"


def by_engine(url: str) -> None:
    with sqlalchemy.create_engine(url).connect():
        pass


CONNECTIONS: dict[str, tuple[Callable[[], Any], str]] = {
    "function": (lambda: psycopg.connect(NOWHERE), "postgresql"),
    "function by its name": (lambda: connect(NOWHERE), "postgresql"),
    "class": (lambda: psycopg.Connection.connect(NOWHERE), "postgresql"),
    "asynchronous": (lambda: asyncio.run(psycopg.AsyncConnection.connect(NOWHERE)), "postgresql"),
    "engine": (lambda: by_engine("postgresql+psycopg://u:secret@127.0.0.1:1/d"), "postgresql://127.0.0.1:1/d"),
    "socket": (lambda: by_engine("postgresql+psycopg:///d?host=/nowhere"), "postgresql://:/d"),
}


@pytest.mark.parametrize("name", CONNECTIONS)
def test_connections(name: str, watch: Observe) -> None:
    work, told = CONNECTIONS[name]
    with watch() as seen, contextlib.suppress(psycopg.OperationalError, sqlalchemy.exc.OperationalError):
        work()
    assert told in [fact.name for fact in seen.facts.connections]
    assert "secret" not in repr(seen.facts)
    assert "Wrapper" not in repr(vars(psycopg.Connection)["connect"])


def test_a_database_whose_connection_was_made_before(data: Path, watch: Observe) -> None:
    engine = sqlalchemy.create_engine(f"sqlite:///{data / 'a.db'}")

    def change(statement: str) -> None:
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text(statement))

    change("create table t (n)")
    with watch() as seen, engine.connect() as connection:
        connection.execute(sqlalchemy.text("select * from t")).all()
    assert ("file", str(data / "a.db")) in recorded(seen)
    assert missed(seen) == ""
    change("insert into t values (1)")
    assert missed(seen) == f"file {data / 'a.db'}"
    engine.dispose()


def test_what_renews_a_claim_is_no_part_of_a_step(data: Path, watch: Observe) -> None:
    renewed: list[str] = []
    heartbeat = Heartbeat(lambda: renewed.append((data / "x.csv").read_text()), 0.01)
    with watch() as seen:
        hold = heartbeat.hold(lambda: None)
        while not renewed:
            time.sleep(0.01)
    hold()
    heartbeat.close()
    assert recorded(seen) == set()
