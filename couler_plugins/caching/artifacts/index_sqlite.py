"""The index of one host: SQLite with a write-ahead log."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from couler_plugins.caching.artifacts.database import SCHEMA, Connection, Row

__all__ = ["SqliteDatabase"]


BALLAST = 64 << 10
"""Bytes of a file beside the index that is given up when the disk is full."""


class SqliteDatabase:
    """One connection for all threads of a process; a forked process opens its own.

    Args:
        path: the file. Its folder must be on a disk of this host: a write-ahead log needs shared memory.
        patience: seconds that a transaction waits for others.
    """

    kind: ClassVar[str] = "sqlite"

    def __init__(self, path: Path, *, patience: float = 20.0) -> None:
        self._path = path
        self._patience = patience
        self._ballast = path.with_name(f"{path.name}-ballast")
        self._lock = threading.RLock()
        self._process = 0
        self._opened: sqlite3.Connection | None = None
        self._connect()

    def one(self, statement: str, **values: Any) -> Row | None:
        with self._lock, _failures():
            row: Row | None = self._connect().execute(statement, values).fetchone()
            return row

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._lock, self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with self._lock, self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def now(self) -> float:
        return time.time()

    def make_room(self) -> None:
        with contextlib.suppress(OSError):
            if self._free() < BALLAST:
                self._ballast.unlink(missing_ok=True)

    def keep_room(self) -> None:
        with contextlib.suppress(OSError):
            if not self._ballast.exists() and self._free() > 2 * BALLAST:
                self._ballast.write_bytes(bytes(BALLAST))

    def _free(self) -> int:
        return shutil.disk_usage(self._path.parent).free

    def close(self) -> None:
        with self._lock:
            if self._opened is not None and self._process == os.getpid():
                self._opened.close()
            self._opened = None

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[_Transaction]:
        connection = self._connect()
        with _failures():
            connection.execute(begin)
        try:
            yield _Transaction(connection)
            with _failures():
                connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                with _failures():
                    connection.execute("ROLLBACK")
            raise

    def _connect(self) -> sqlite3.Connection:
        if self._opened is not None and self._process == os.getpid():
            return self._opened
        with _failures():
            opened = sqlite3.connect(
                self._path, timeout=self._patience, isolation_level=None, check_same_thread=False, cached_statements=256
            )
            try:
                _prepare(opened)
            except BaseException:
                opened.close()
                raise
        self._opened, self._process = opened, os.getpid()
        self.keep_room()
        return opened


class _Transaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, **values: Any) -> list[Row]:
        with _failures():
            return self._connection.execute(statement, values).fetchall()


def _prepare(connection: sqlite3.Connection) -> None:
    """Settings and tables. NORMAL: commits survive a killed process; after a power cut `verify` mends what is lost."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint = 100")  # pages: what the log takes is no part of the capacity
    tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'owners'").fetchone()[0]
    if not tables:
        connection.execute("BEGIN IMMEDIATE")
        for statement in SCHEMA:
            connection.execute(statement)
        connection.execute("COMMIT")


@contextmanager
def _failures() -> Iterator[None]:
    """SQLite's errors as OSError; a full disk as ENOSPC."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, f"the index failed: {error}") from None
        raise OSError(f"the index failed: {error}") from None
