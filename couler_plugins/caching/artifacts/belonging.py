"""Whose a store is: one index keeps its books, or none does. With two, each would take the other's for litter."""

from __future__ import annotations

import contextlib
import secrets

import msgspec

from couler_plugins.caching.artifacts.database import Database
from couler_plugins.errors import EngineError
from couler_plugins.hookspecs.stores import ArtifactStore
from couler_plugins.net.redacting import redact_url

MARK = "v1/index.json"
"""The object that says so."""
NOBODY = "none"
LARGEST = 4096


class _Mark(msgspec.Struct):
    """What the object says: the identity of the index, or that there is none."""

    index: str


def claim_store(store: ArtifactStore, database: Database | None, url: str) -> None:
    """Sees to it that a store has no other index than this one.

    A new index takes over a store whose index was lost, and one that had none.

    Raises:
        EngineError: it belongs to another index, or to one at all.
        OSError: the store or the index fails.
    """
    if database is None:
        _compare(store, NOBODY, url)
        return
    row = database.one("SELECT id FROM identity")
    if row is not None:
        _compare(store, str(row[0]), url)
        return
    with database.writing() as connection:  # the store is written to before the index knows: then a crash does no harm
        rows = connection.execute("SELECT id FROM identity")
        identity = str(rows[0][0]) if rows else secrets.token_hex(12)
        store.put(MARK, msgspec.json.encode(_Mark(identity)))
        if not rows:
            connection.execute("INSERT INTO identity (id) VALUES (:id)", id=identity)


def _compare(store: ArtifactStore, identity: str, url: str) -> None:
    result = _read(store)
    if result is None:
        with contextlib.suppress(OSError):  # a store that can only be read can be read by anybody
            store.put(MARK, msgspec.json.encode(_Mark(identity)), replace=False)
        result = _read(store)
    if result not in (None, identity):
        message = f"the store {redact_url(url)} belongs to another index"
        if identity == NOBODY:
            message = f"the store {redact_url(url)} belongs to an index"
        hint = "use the same --index (or COULER_CACHE_INDEX) as its other users, or choose another store or folder"
        raise EngineError(message, hint=hint)


def _read(store: ArtifactStore) -> str | None:
    """Whose the store is; None where nothing says so."""
    try:
        with store.read(MARK) as stream:
            return msgspec.json.decode(stream.read(LARGEST), type=_Mark).index
    except (FileNotFoundError, ValueError):
        return None
