"""The index of several hosts: PostgreSQL through SQLAlchemy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from couler_plugins.caching.artifacts.database import SCHEMA, Connection, Row
from couler_plugins.caching.artifacts.redact import redact
from couler_plugins.errors import InvalidInput

if TYPE_CHECKING:
    import sqlalchemy

__all__ = ["PostgresDatabase"]

LOCK = 0x636F756C6572
"""The advisory lock that writing transactions of one database take turns by."""


class PostgresDatabase:
    """A pool of connections; a forked process opens its own.

    Writing transactions take one advisory lock in turn: the hard capacity is one sum, so they could not overlap anyway.

    Args:
        url: `postgresql://user:password@host/database`.
        patience: seconds that a transaction waits for others, and a connection for the server.
    """

    kind: ClassVar[str] = "postgresql"

    def __init__(self, url: str, *, patience: float = 20.0) -> None:
        try:
            import sqlalchemy
        except ImportError:
            hint = "install `couler-plugins[index]`"
            raise InvalidInput("an index in PostgreSQL needs SQLAlchemy and psycopg", hint=hint) from None
        self._process = -1
        self._patience = patience
        try:
            self._url = sqlalchemy.make_url(url).set(drivername="postgresql+psycopg")
        except (sqlalchemy.exc.ArgumentError, ValueError):
            raise InvalidInput(f"{redact(url)} is no URL of a database") from None
        self._engine = self._start()
        with self.writing() as connection:
            for statement in SCHEMA:
                connection.execute(statement)

    def one(self, statement: str, **values: Any) -> Row | None:
        with self.reading() as connection:
            rows = connection.execute(statement, **values)
            return rows[0] if rows else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._transaction("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with self._transaction(f"SELECT pg_advisory_xact_lock({LOCK})") as connection:
            yield connection

    def now(self) -> float:
        row = self.one("SELECT CAST(extract(epoch FROM clock_timestamp()) AS DOUBLE PRECISION)")
        return float(row[0]) if row else 0.0

    def make_room(self) -> None:
        pass

    def keep_room(self) -> None:
        pass

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[_Transaction]:
        with _failures(), self._current().begin() as connection:
            connection.exec_driver_sql(begin)
            yield _Transaction(connection)

    def _current(self) -> sqlalchemy.Engine:
        import os

        if self._process != os.getpid():
            self._engine.dispose(close=False)
            self._engine = self._start()
        return self._engine

    def _start(self) -> sqlalchemy.Engine:
        import os

        import sqlalchemy

        self._process = os.getpid()
        milliseconds = int(self._patience * 1000)
        options = f"-c lock_timeout={milliseconds} -c idle_in_transaction_session_timeout={3 * milliseconds}"
        return sqlalchemy.create_engine(
            self._url,
            hide_parameters=True,
            pool_pre_ping=True,
            pool_timeout=self._patience,
            connect_args={"options": options, "connect_timeout": max(2, int(self._patience))},
        )


class _Transaction:
    def __init__(self, connection: sqlalchemy.Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, **values: Any) -> list[Row]:
        with _failures():
            result = self._connection.execute(_text(statement), values)
            return [tuple(row) for row in result] if result.returns_rows else []


@lru_cache(maxsize=256)
def _text(statement: str) -> sqlalchemy.TextClause:
    import sqlalchemy

    return sqlalchemy.text(statement)


@contextmanager
def _failures() -> Iterator[None]:
    """The errors of SQLAlchemy and the driver as OSError, without the connection's settings."""
    import sqlalchemy

    try:
        yield
    except sqlalchemy.exc.SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0:1] or [type(error).__name__]
        raise OSError(f"the index failed: {redact(reason[0])}") from None
