"""Opens an artifact cache: which store, which index, which limits.

Whose a store is: one index keeps its books, or none does. With two, each would take the other's for litter.
"""

from __future__ import annotations

import contextlib
import math
import secrets
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import unquote

import msgspec

from couler_plugins.caching.artifacts.admission import default_policy
from couler_plugins.caching.artifacts.backend import Backend
from couler_plugins.caching.artifacts.cache import ArtifactCache
from couler_plugins.caching.artifacts.database import Broken, Database
from couler_plugins.caching.artifacts.index import Index
from couler_plugins.caching.artifacts.index_postgres import PostgresDatabase
from couler_plugins.caching.artifacts.index_sqlite import SqliteDatabase
from couler_plugins.caching.artifacts.indexed import Indexed
from couler_plugins.caching.artifacts.sources import check_namespace
from couler_plugins.caching.artifacts.store_only import StoreOnly
from couler_plugins.caching.artifacts.stores import checked_place, folder_of, open_store
from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.hookspecs import ArtifactStore, CachePolicy
from couler_plugins.net.redacting import redact, redact_url
from couler_plugins.runs import History

MARK = "v1/index.json"
"""The object that says so."""
NOBODY = "none"
LARGEST_MARK = 4096


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
            return msgspec.json.decode(stream.read(LARGEST_MARK), type=_Mark).index
    except (FileNotFoundError, ValueError):
        return None


UNLIMITED = math.inf
"""As a capacity or a quota: there is to be none, whatever was said before."""

INDEX = "index.sqlite"
"""The index of a cache in a local folder, in that folder."""

NO_INDEX = "none"
LARGEST = 2**63
"""What a database counts in."""


def open_cache(
    url: str | Path,
    *,
    namespace: str = "default",
    capacity: float | None = None,
    quota: float | None = None,
    index: str | None = None,
    policy: CachePolicy | None = None,
    history: History | None = None,
    stores: Iterable[type[ArtifactStore]] = (),
    clock: Callable[[], float] | None = None,
    lease_seconds: float = 60.0,
    patience: float = 20.0,
    grace_seconds: float = 3600.0,
) -> ArtifactCache:
    """Opens one namespace of a cache, and makes it where there is none.

    Args:
        url: a local folder, or any URL that fsspec or a plugin serves.
        namespace: whose results; namespaces never see or evict each other's.
        capacity: the most bytes that the blobs of all namespaces may take together, those included that are being
            written or removed; UNLIMITED lifts the limit. None: what was said last holds, at first nothing. An index
            keeps it to the byte; without one only `evict` does.
        quota: the same for this namespace.
        index: `sqlite:///path`, `postgresql://…`, or `none`. Default: SQLite in a local folder, `none` elsewhere.
        policy: what to evict (default `gdsf-subtree`).
        history: the runs that the policy knows.
        stores: those of plugins, asked before the built-in ones.
        clock: the time in seconds since 1970 (default: the index's own).
        lease_seconds: how long leases, claims and reservations outlive a process that was killed.
        patience: seconds to wait for others who change the index; then a get is a miss and a put is refused.
        grace_seconds: without an index, how long a blob stays that no entry needs: readers hold no leases there.

    Raises:
        InvalidInput: the URL, the namespace or a limit makes no sense, or what serves the URL is not installed.
        EngineError: the store or the index cannot be opened, or they do not belong together.
    """
    check_namespace(namespace)
    for limit in (capacity, quota):
        if limit not in (None, UNLIMITED) and not 0 <= limit < LARGEST:
            raise InvalidInput(
                f"a limit of {limit} bytes is not valid", hint="give a positive number of bytes, below 2**63"
            )
    history = history or History()
    chosen = _lazily(policy)
    place = checked_place(url)
    store = open_store(place, stores)
    try:
        database = _database(place, index, patience)
        claim_store(store, database, place)
        backend: Backend = (
            StoreOnly(
                place, store, namespace, chosen, history, capacity=_smaller(capacity, quota),
                clock=clock or time.time, lifetime=lease_seconds, grace=grace_seconds,
            )
            if database is None
            else _indexed(
                place, store, Index(database, namespace, clock=clock, lifetime=lease_seconds), chosen, history,
                capacity, quota,
            )
        )  # fmt: skip
    except OSError as error:
        hint = "move the index away: the next call rebuilds it from the store" if isinstance(error, Broken) else ""
        raise EngineError(f"the index or the store cannot be used: {redact(error)}", hint=hint) from None
    return ArtifactCache(backend, chosen, history)


def _indexed(
    url: str,
    store: ArtifactStore,
    index: Index,
    policy: Callable[[], CachePolicy],
    history: History,
    capacity: float | None,
    quota: float | None,
) -> Indexed:
    backend = Indexed(url, store, index, policy, history)
    if index.database.read_only:  # nobody writes here, so no limit matters
        return backend
    for scope, limit in (("", capacity), (index.namespace, quota)):
        if limit is not None:
            index.limit(scope, None if limit == UNLIMITED else int(limit))
    backend.begin()
    return backend


def _smaller(one: float | None, other: float | None) -> int | None:
    return min((int(limit) for limit in (one, other) if limit not in (None, UNLIMITED)), default=None)


def _database(url: str, index: str | None, patience: float) -> Database | None:
    """The database of an index; None where there is to be none."""
    folder = folder_of(url)
    if index is None:
        return None if folder is None else SqliteDatabase(folder / INDEX, patience=patience)
    if index == NO_INDEX:
        return None
    scheme, _, rest = index.partition("://")
    scheme = scheme.partition("+")[0].lower()
    if scheme == "sqlite":
        path = unquote(rest).removeprefix("/")
        if not path or not rest.startswith("/") or "?" in path:
            raise InvalidInput("an index in SQLite needs a file", hint="give sqlite:////folder/index.sqlite")
        return SqliteDatabase(Path(path), patience=patience)
    if scheme in ("postgresql", "postgres"):
        return PostgresDatabase(f"postgresql://{rest}", patience=patience)
    raise InvalidInput(f"{redact_url(index)} is no index", hint="give sqlite:///…, postgresql://… or none")


def _lazily(policy: CachePolicy | None) -> Callable[[], CachePolicy]:
    """The policy; the default one is imported when something has to go."""
    return default_policy if policy is None else lambda: policy
