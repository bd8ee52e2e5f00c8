"""The index of several hosts: PostgreSQL, with SQLAlchemy's pool of psycopg's connections."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, cast, overload

from couler_plugins.caching.artifacts.database import LIFETIME, SCHEMA, Connection, Row
from couler_plugins.caching.artifacts.entry import Closed
from couler_plugins.caching.artifacts.heartbeat import begins_anew
from couler_plugins.errors import InvalidInput, install_hint, restating
from couler_plugins.net.redacting import redact, redact_url

if TYPE_CHECKING:
    import psycopg
    import sqlalchemy

LOCK = 0x636F756C6572
"""The advisory lock that writing transactions of one database take turns by."""

HAS_LIFETIME = (
    "SELECT 1 FROM pg_attribute WHERE attrelid = CAST('owners' AS regclass) AND attname = 'lifetime'"
    " AND NOT attisdropped"
)

CLOCK_HOLDS = 10.0
"""Seconds for which the server's clock is reckoned from ours before it is asked again: ours hardly drifts in them."""


class PostgresDatabase:
    """A pool of connections; a forked process opens its own.

    Writing transactions take one advisory lock in turn: the hard capacity is one sum, so they could not overlap anyway.
    They hold it for as few round trips as can be: statements are sent together.

    Args:
        url: `postgresql://user:password@host/database`.
        patience: seconds that a transaction waits for others, and a connection for the server.
    """

    kind: ClassVar[str] = "postgresql"
    read_only = False

    def __init__(self, url: str, *, patience: float = 20.0) -> None:
        with restating(ImportError, "an index in PostgreSQL needs SQLAlchemy and psycopg", reason=False, extra="index"):
            import sqlalchemy
        if sqlalchemy.__version__.startswith("1."):
            hint = f"{install_hint('index')} (Airflow 3.0 does not allow it: 3.1 does)"
            message = f"an index in PostgreSQL needs SQLAlchemy 2, and this is {sqlalchemy.__version__}"
            raise InvalidInput(message, hint=hint)
        self._patience = patience
        try:
            self._url = sqlalchemy.make_url(url).set(drivername="postgresql+psycopg")
        except (sqlalchemy.exc.ArgumentError, ValueError):
            raise InvalidInput(f"{redact_url(url)} is no URL of a database") from None
        if "@" in (self._url.host or ""):  # the rest of a password, which the driver would tell everybody
            hint = "in a user or a password write %40 for @, %3A for : and %2F for /"
            raise InvalidInput(f"{redact_url(url)} has more than one @", hint=hint)
        self._closed = False
        self._inherited: list[sqlalchemy.Engine] = []
        self._engine = self._start()
        self._ahead, self._asked = 0.0, float("-inf")
        begins_anew(self)
        with self.writing() as connection:
            for statement in SCHEMA:
                connection.execute(statement)
            if not connection.execute(HAS_LIFETIME):
                connection.execute(LIFETIME)

    def forked(self) -> None:
        """Leaves the connections to the parent: they are kept, because what is garbage would be closed."""
        self._inherited.append(self._engine)
        self._engine = self._start()

    def one(self, statement: str, **values: Any) -> Row | None:
        with self._connected() as connection:
            rows = _Transaction(connection).execute(statement, **values)
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
        if not 0 <= _here() - self._asked < CLOCK_HOLDS:
            row = self.one("SELECT CAST(extract(epoch FROM clock_timestamp()) AS DOUBLE PRECISION)")
            self._asked = _here()
            self._ahead = (float(row[0]) if row else 0.0) - self._asked
        return _here() + self._ahead

    def make_room(self) -> None:
        pass

    def keep_room(self) -> None:
        pass

    def close(self) -> None:
        self._closed = True
        self._engine.dispose()

    @contextmanager
    def _transaction(self, *first: str) -> Iterator[_Transaction]:
        with self._connected() as connection:
            transaction = _Transaction(connection)
            for statement in ("BEGIN", *first):
                transaction.execute(statement)
            yield transaction
            transaction.execute("COMMIT")
            transaction.send()

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[Row]]:
        if self._closed:
            raise Closed
        with _failures():
            pooled = self._engine.raw_connection()
        connection = cast("psycopg.Connection[Row]", pooled.driver_connection)
        try:
            yield connection
        except BaseException as error:
            if connection.closed or not isinstance(error, Exception):  # nobody knows what an interrupted one is at
                pooled.invalidate()
            raise
        finally:
            with _failures():
                pooled.close()  # the pool rolls back what was not committed

    def _start(self) -> sqlalchemy.Engine:
        import psycopg
        import sqlalchemy

        milliseconds = int(self._patience * 1000)
        options = (
            f"-c lock_timeout={milliseconds} -c idle_in_transaction_session_timeout={3 * milliseconds}"
            " -c default_transaction_isolation=read\\ committed"  # what comes after the lock must see what came before
        )
        engine = sqlalchemy.create_engine(
            self._url,
            isolation_level="AUTOCOMMIT",  # BEGIN and COMMIT are statements like others here
            pool_timeout=self._patience,
            connect_args={
                "options": options,
                "connect_timeout": max(2, int(self._patience)),
                "cursor_factory": psycopg.ClientCursor,
            },
        )
        sqlalchemy.event.listen(engine, "checkout", _still_open)
        return engine


class _Transaction:
    """Statements that wait until somebody looks at the rows of one of them; then all are sent, in one text."""

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._cursor = cast("psycopg.ClientCursor[Row]", connection.cursor())  # it puts values into the text, quoted
        self._waiting: list[tuple[str, _Rows]] = []

    def execute(self, statement: str, **values: Any) -> Sequence[Row]:
        rows = _Rows(self)
        with _failures():
            self._waiting.append((self._cursor.mogrify(_text(statement), values), rows))
        return rows

    def send(self) -> None:
        """Sends what waits, and gives each statement its rows."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        with _failures():
            self._cursor.execute(";".join(text for text, _ in waiting).encode())
            for _, rows in waiting:
                rows.found = self._cursor.fetchall() if self._cursor.description else []
                self._cursor.nextset()


class _Rows(Sequence[Row]):
    """The rows of a statement; the first look at them sends it, and all those before it."""

    def __init__(self, transaction: _Transaction) -> None:
        self._transaction = transaction
        self.found: list[Row] | None = None

    def __len__(self) -> int:
        return len(self._rows())

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        return self._rows()[index]

    def _rows(self) -> list[Row]:
        if self.found is None:
            self._transaction.send()
        if self.found is None:
            raise OSError("the index failed: the transaction was given up")
        return self.found


def _here() -> float:
    """Seconds that have passed for this machine, also those in which it slept, where it tells."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _still_open(connection: psycopg.Connection[Row], *_: object) -> None:
    """Takes a connection out of the pool that the server has ended: then there is something to read, of itself.

    Asking the server would be a round trip each time.
    """
    import psycopg
    import sqlalchemy

    poll = select.poll()
    try:
        poll.register(connection, select.POLLIN)
        while poll.poll(0):
            connection.pgconn.consume_input()
    except (psycopg.Error, OSError):
        raise sqlalchemy.exc.DisconnectionError from None


@lru_cache(maxsize=256)
def _text(statement: str) -> bytes:
    """A statement with the values named as psycopg wants it."""
    import sqlalchemy
    from sqlalchemy.dialects import postgresql

    dialect = postgresql.dialect()  # type: ignore[no-untyped-call,unused-ignore]  # untyped where sqlalchemy is installed
    return str(sqlalchemy.text(statement).compile(dialect=dialect)).encode()


@contextmanager
def _failures() -> Iterator[None]:
    """The errors of SQLAlchemy and the driver as OSError, without the connection's settings."""
    import psycopg
    import sqlalchemy

    try:
        yield
    except (psycopg.Error, sqlalchemy.exc.SQLAlchemyError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0:1] or [type(error).__name__]
        raise OSError(f"the index failed: {redact(reason[0])}") from None
