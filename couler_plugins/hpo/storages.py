"""Databases that studies are kept in, and what to say when one of them fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from couler_plugins.errors import EngineError, InvalidInput

if TYPE_CHECKING:
    import optuna

__all__ = ["open_storage", "storage_errors"]


def open_storage(url: str) -> optuna.storages.RDBStorage:
    """A database, by the driver that we install, and with no connection that stays open between two calls."""
    from optuna.storages import RDBStorage
    from sqlalchemy.pool import NullPool

    url = re.sub("^postgres(ql)?://", "postgresql+psycopg://", url)
    return RDBStorage(url, engine_kwargs={"poolclass": NullPool})


@contextmanager
def storage_errors() -> Iterator[None]:
    """Says in one line what a storage or a URL has against it.

    Raises:
        InvalidInput: the URL is none.
        EngineError: the storage failed.
    """
    from optuna.exceptions import DuplicatedStudyError, StorageInternalError
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

    hint = "a storage is written as sqlite:///study.db or postgresql://user@host/database"
    try:
        yield
    except (ArgumentError, NoSuchModuleError) as error:
        raise InvalidInput("the storage's URL is not understood", hint=hint) from error
    except ImportError as error:
        raise InvalidInput(f"the storage needs a driver: {error}", hint="install it") from error
    except (DuplicatedStudyError, StorageInternalError, SQLAlchemyError) as error:
        reason = type(error.__cause__ or error).__name__  # its text would hold the statement, and maybe the password
        raise EngineError(
            f"the storage of the study failed: {reason}", hint="is it there, and may we write?"
        ) from error
