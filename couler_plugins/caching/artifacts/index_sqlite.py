"""The index of one host: SQLite with a write-ahead log."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakSet

from couler_plugins.caching.artifacts.database import LIFETIME, SCHEMA, Broken, Connection, Row
from couler_plugins.caching.artifacts.entry import Closed

BALLAST = 64 << 10
"""Bytes of a file beside the index that is given up when the disk is full."""


class SqliteDatabase:
    """One connection for all threads of a process; none is open while the process forks.

    A file that cannot be written, or is in such a folder, is opened to be read only.

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
        self._opened: sqlite3.Connection | None = None
        self._closed = False
        self.read_only = not all(os.access(place, os.W_OK) for place in (path, path.parent) if place.exists())
        if self.read_only and not path.exists():
            raise OSError(errno.EROFS, f"there is no index {path}, and none can be made there")
        _known.add(self)
        self._connect()

    def before_fork(self) -> None:
        """Waits for the other threads and closes the connection, which is opened again when it is needed.

        SQLite keeps books of a process's locks that a child would take for its own: it may inherit no connection.
        """
        self._lock.acquire()
        opened, self._opened = self._opened, None
        if opened is not None:
            with contextlib.suppress(sqlite3.Error):  # a fork goes on whatever happens
                opened.close()

    def after_fork(self) -> None:
        """Lets the other threads go on; the child has none, and a lock of its own."""
        self._lock.release()

    def forked(self) -> None:
        self._lock = threading.RLock()

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
        if self.read_only:
            raise OSError(errno.EROFS, f"the index {self._path} can only be read")
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
            self._closed = True
            if self._opened is not None:
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
        if self._opened is not None:
            return self._opened
        if self._closed:
            raise Closed
        with _failures():
            opened = self._open_to_read() if self.read_only else self._open()
        self._opened = opened
        if not self.read_only:
            self.keep_room()
        return opened

    def _open(self) -> sqlite3.Connection:
        """Whoever turns the log on, or closes last, locks others out for a moment, and SQLite waits for none of it.

        See "Sometimes Queries Return SQLITE_BUSY In WAL Mode" in https://sqlite.org/wal.html.
        """
        end = time.monotonic() + self._patience
        while True:
            opened = self._connected(str(self._path))
            try:
                _prepare(opened)
            except BaseException as error:
                opened.close()
                if not _is_busy(error) or time.monotonic() > end:
                    raise
                time.sleep(0.01)
            else:
                return opened

    def _open_to_read(self) -> sqlite3.Connection:
        """A log that somebody is writing is read with it; without one the file stands still, and needs no locks.

        Writers of a log share memory in a file. Where there is none, and none can be made, the log is a copy that
        nobody writes: memory of our own does, which SQLite uses with an exclusive lock, and no file is locked.
        """
        place = f"{self._path.absolute().as_uri()}?mode=ro"
        log, shared = (self._path.with_name(f"{self._path.name}-{end}") for end in ("wal", "shm"))
        if not log.exists():
            return self._connected(f"{place}&immutable=1", uri=True)
        if shared.exists() or os.access(self._path.parent, os.W_OK):
            return self._connected(place, uri=True)
        opened = self._connected(f"{place}&vfs=unix-none", uri=True)
        opened.execute("PRAGMA locking_mode = EXCLUSIVE")
        return opened

    def _connected(self, place: str, *, uri: bool = False) -> sqlite3.Connection:
        return sqlite3.connect(
            place, uri=uri, timeout=self._patience, isolation_level=None, check_same_thread=False, cached_statements=256
        )


class _Transaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, **values: Any) -> Sequence[Row]:
        with _failures():
            return self._connection.execute(statement, values).fetchall()


def _prepare(connection: sqlite3.Connection) -> None:
    """Settings and tables. NORMAL: commits survive a killed process; after a power cut `verify` mends what is lost."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint = 100")  # pages: what the log takes is no part of the capacity
    if "lifetime" in _columns_of_owners(connection):
        return
    connection.execute("BEGIN IMMEDIATE")
    for statement in SCHEMA:
        connection.execute(statement)
    if "lifetime" not in _columns_of_owners(connection):
        connection.execute(LIFETIME)
    connection.execute("COMMIT")


def _is_busy(error: BaseException) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _columns_of_owners(connection: sqlite3.Connection) -> set[str]:
    return {row[1] for row in connection.execute("PRAGMA table_info(owners)")}


@contextmanager
def _failures() -> Iterator[None]:
    """SQLite's errors as OSError; a full disk as ENOSPC."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, f"the index failed: {error}") from None
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise Broken(f"the index is broken: {error}") from None
        raise OSError(f"the index failed: {error}") from None


_known: WeakSet[SqliteDatabase] = WeakSet()


class _Stopped(threading.local):
    """What the fork that a thread is at has stopped: two threads may fork at a time, and each lets its own go on."""

    def __init__(self) -> None:
        self.databases: list[SqliteDatabase] = []


_stopped = _Stopped()


def _before_fork() -> None:
    for database in list(_known):
        database.before_fork()
        _stopped.databases.append(database)


def _after_fork() -> None:
    while _stopped.databases:
        _stopped.databases.pop().after_fork()


def _in_child() -> None:
    while _stopped.databases:
        _stopped.databases.pop().forked()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child)
