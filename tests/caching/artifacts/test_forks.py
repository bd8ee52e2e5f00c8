"""A process that forks while its threads use the cache, and one that goes on after it has closed it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from couler_plugins.caching.artifacts import ArtifactCache, Hit, Refused, Stored, index_sqlite, open_cache
from couler_plugins.caching.artifacts.index_postgres import PostgresDatabase
from couler_plugins.caching.artifacts.index_sqlite import SqliteDatabase
from couler_plugins.errors import EngineError
from servers.postgres import Postgres

PATIENCE = 10.0
"""Seconds after which a child hangs."""


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    url = str(tmp_path / "cache")
    if request.param == "sqlite":
        return {"url": url}
    return {"url": url, "index": request.getfixturevalue("postgres").database()}


def _in_child(work: Callable[[], bool]) -> str:
    """What becomes of `work` in a forked process."""
    child = os.fork()
    if not child:
        code = 3
        try:
            code = 0 if work() else 1
        finally:
            os._exit(code)
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return {0: "right", 1: "wrong"}.get(os.waitstatus_to_exitcode(status), "raised")
        time.sleep(0.002)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return "hung"


def _right(cache: ArtifactCache) -> bool:
    hit = cache.get("key")
    if hit is None:
        return False
    with hit:
        return hit.read("out") == b"x" * 100


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_forks_while_threads_use_the_cache(place: dict[str, Any]) -> None:
    with open_cache(**place) as cache:
        assert isinstance(cache.put("key", {"out": b"x" * 100}), Stored)
        stop = threading.Event()
        wrong: list[str] = []

        def use() -> None:
            while not stop.is_set():
                if not _right(cache):
                    wrong.append("a thread of the parent")

        threads = [threading.Thread(target=use) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            found = [_in_child(lambda: _right(cache)) for _ in range(15)]
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert found == ["right"] * 15
        assert wrong == []
        assert cache.stats().leases == 0
        assert cache.verify().ok


def test_a_child_writes_and_the_parent_sees_it(place: dict[str, Any]) -> None:
    with open_cache(**place) as cache:
        assert _in_child(lambda: isinstance(cache.put("child", {"out": b"x"}), Stored)) == "right"
        assert cache.lookup("child") is not None
        assert isinstance(cache.put("parent", {"out": b"y"}), Stored)


def test_a_child_that_closes_leaves_the_parents_connection(place: dict[str, Any]) -> None:
    with open_cache(**place) as cache:
        cache.put("key", {"out": b"x" * 100})

        def close() -> bool:
            cache.close()
            return cache.get("key") is None

        assert _in_child(close) == "right"
        assert _right(cache)
        assert isinstance(cache.put("after", {"out": b"y"}), Stored)


def test_the_parents_lease_lives_on_in_the_parent_only(place: dict[str, Any]) -> None:
    with open_cache(**place) as cache:
        cache.put("key", {"out": b"x" * 100})
        hit = cache.get("key")
        assert isinstance(hit, Hit)

        def close() -> bool:
            hit.close()
            cache.close()
            return True

        assert _in_child(close) == "right"
        assert cache.evict(0) == ()
        assert hit.read("out") == b"x" * 100
        hit.close()
        assert len(cache.evict(0)) == 1


def test_no_connection_of_sqlite_is_open_while_a_process_forks(tmp_path: Path) -> None:
    """A child would take the locks that SQLite remembers for its own."""
    database = SqliteDatabase(tmp_path / "index.sqlite")
    name = str(tmp_path / "index.sqlite")

    def links() -> list[str]:
        return [str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]

    assert any(link.startswith(name) for link in links())
    assert _in_child(lambda: not any(link.startswith(name) for link in links())) == "right"
    assert database.one("SELECT 1") == (1,)
    database.close()


def test_a_connection_of_postgresql_is_the_parents_alone(postgres: Postgres) -> None:
    """The server tells one connection from another by the process that serves it."""
    database = PostgresDatabase(postgres.database())
    serves = "SELECT pg_backend_pid()"
    before = database.one(serves)
    assert before is not None

    def another() -> bool:
        mine = database.one(serves)
        database.close()
        return mine is not None and mine != before

    assert _in_child(another) == "right"
    assert database.one(serves) == before
    database.close()


def test_after_close_nothing_is_opened_again(place: dict[str, Any]) -> None:
    others = set(threading.enumerate())
    cache = open_cache(**place)
    assert isinstance(cache.put("key", {"out": b"x" * 100}), Stored)
    hit = cache.get("key")
    assert hit is not None
    cache.close()
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert cache.get("key") is None
    assert cache.lookup("key") is None
    assert isinstance(cache.put("again", {"out": b"x"}), Refused)
    for call in (cache.entries, cache.stats, cache.verify, lambda: cache.evict(0), lambda: cache.remove("key")):
        with pytest.raises(EngineError):
            call()
    hit.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    for thread in set(threading.enumerate()) - others:
        thread.join(10)  # it was told to end, and may be in the middle of a renewal
        assert not thread.is_alive(), thread.name
    cache.close()
    with open_cache(**place) as cache:
        assert cache.stats().leases == 0
        assert cache.evict(0) != ()


def test_two_threads_that_fork_let_go_of_their_own_each(tmp_path: Path) -> None:
    """The second one gets the lock in the moment in which the first has let go of it."""
    database = SqliteDatabase(tmp_path / "index.sqlite")
    real, handed_over, stopped = database._lock, threading.Event(), threading.Event()

    class Lock:
        acquire = real.acquire

        def release(self) -> None:
            real.release()
            if threading.current_thread() is first:
                handed_over.set()
                stopped.wait(1)

    def fork_first() -> None:
        index_sqlite._before_fork()
        second.start()
        index_sqlite._after_fork()

    def fork_second() -> None:
        handed_over.wait(5)
        index_sqlite._before_fork()
        stopped.set()
        first.join(5)
        index_sqlite._after_fork()

    first, second = threading.Thread(target=fork_first), threading.Thread(target=fork_second)
    database._lock = Lock()  # type: ignore[assignment]  # one that tells
    first.start()
    first.join(10)
    second.join(10)
    assert real.acquire(timeout=1), "nobody else can ever use it"
    real.release()
    database._lock = real
    database.close()
