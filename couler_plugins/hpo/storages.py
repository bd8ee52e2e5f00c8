"""Databases that studies are kept in, and what to say when one of them fails."""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from couler_plugins.errors import EngineError, InvalidInput

if TYPE_CHECKING:
    import optuna


class MissingDriver(InvalidInput):
    """A package that the storage needs is not installed."""


def open_storage(place: str | Path) -> optuna.storages.RDBStorage:
    """A database, with no connection that stays open between two calls.

    Args:
        place: its URL, whose driver is the one that we install; or a file of SQLite, of any name.
    """
    from optuna.storages import RDBStorage
    from sqlalchemy.pool import NullPool

    if isinstance(place, Path):

        def connect() -> sqlite3.Connection:
            return sqlite3.connect(place, timeout=60)

        return RDBStorage("sqlite://", engine_kwargs={"poolclass": NullPool, "creator": connect})
    url = re.sub("^postgres(ql)?://", "postgresql+psycopg://", place)
    return RDBStorage(url, engine_kwargs={"poolclass": NullPool})


@contextmanager
def storage_errors() -> Iterator[None]:
    """Says in one line what a storage or a URL has against it.

    Raises:
        InvalidInput: the URL is none.
        MissingDriver: a package is missing.
        EngineError: the storage failed.
    """
    from optuna.exceptions import DuplicatedStudyError, StorageInternalError

    hint = "a storage is written as sqlite:///study.db or postgresql://user@host/database"
    try:
        yield
    except _sqlalchemy_errors("ArgumentError", "NoSuchModuleError") as error:
        raise InvalidInput("the storage's URL is not understood", hint=hint) from error
    except ImportError as error:
        raise MissingDriver(f"the storage needs a driver: {error}", hint="install it") from error
    except _sqlalchemy_errors("SQLAlchemyError", DuplicatedStudyError, StorageInternalError) as error:
        reason = type(error.__cause__ or error).__name__  # its text would hold the statement, and maybe the password
        raise EngineError(
            f"the storage of the study failed: {reason}", hint="check that it exists, and that you may write to it"
        ) from error


def _sqlalchemy_errors(*names: str | type[Exception]) -> tuple[type[Exception], ...]:
    """Errors of SQLAlchemy by name, if it is in use (a study in memory needs none of it), and others as they are."""
    module = sys.modules.get("sqlalchemy.exc")
    kinds = (getattr(module, name, None) if isinstance(name, str) else name for name in names)
    return tuple(error for error in kinds if error is not None)
