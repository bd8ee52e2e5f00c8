"""Connections to databases whose compiled drivers tell no event, or which were made before and are used again."""

from __future__ import annotations

from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from couler_plugins.caching.reads.events import handle_database
from couler_plugins.caching.reads.recorder import Recorder


def database_name(url: Any) -> str:
    """Return what the database behind a URL of SQLAlchemy is called in facts, without credentials."""
    return f"{url.get_backend_name()}://{url.host or ''}:{url.port or ''}/{url.database or ''}"


def _note_engine(recorder: Recorder, frame: FrameType, outcome: None, engine: Any, *args: Any) -> None:
    """Note what an engine of SQLAlchemy gets a connection to, be it one of its pool."""
    url = engine.url
    if url.get_backend_name() != "sqlite":
        recorder.notes.tell("connections", database_name(url))
    elif url.database is not None:
        handle_database(recorder, url.database)


def _note_connection(recorder: Recorder, frame: FrameType, outcome: None, *args: Any, **more: Any) -> None:
    recorder.notes.tell("connections", "postgresql")


CALLS: Final[tuple[tuple[str, str, Callable[..., None]], ...]] = (
    ("sqlalchemy.engine.base", "Engine.raw_connection", _note_engine),
    ("psycopg", "connect", _note_connection),
    ("psycopg", "Connection.connect", _note_connection),
    ("psycopg", "AsyncConnection.connect", _note_connection),
)
"""As those of `arrow`."""
