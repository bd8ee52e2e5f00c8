"""Holds an index to its store: every entry whole, nothing in the store that nobody knows, all counts right."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from couler_plugins.caching.artifacts import ledger, rebuild
from couler_plugins.caching.artifacts.blobs import Blobs, Later, read_manifest
from couler_plugins.caching.artifacts.entry import Damaged, Entry, Lost
from couler_plugins.caching.artifacts.index import Index
from couler_plugins.caching.artifacts.owners import Doomed
from couler_plugins.caching.artifacts.results import Report
from couler_plugins.caching.artifacts.sources import namespace_of
from couler_plugins.hookspecs.stores import ArtifactStore, StoredObject
from couler_plugins.net.redacting import redact

log = logging.getLogger(__name__)


def verify(index: Index, store: ArtifactStore, blobs: Blobs, *, repair: bool) -> Report:
    """What is wrong in a namespace; writers may be at work meanwhile.

    With `repair` an entry with a missing or damaged blob is dropped, what nobody knows is removed, and counts are set.
    Manifests of a later version, and what they need, are nobody's to remove: they are booked. Where the index can only
    be read, nothing is held meanwhile, and what the dead hold is theirs still.

    Raises:
        OSError: the store or the index failed, or is to be mended and can only be read.
    """
    if repair or not index.database.read_only:
        index.bury()
        sweep(index, store)
    folder = namespace_of(index.namespace)
    missing, corrupt, unreadable = _check_entries(index, blobs)
    books = _compare(index, store)
    listed = books.listed
    strays = index.strays()
    late = _later(index, store, books.strange)
    alone = late.keys() | {blob for manifest in late.values() for blob in manifest.blobs}
    orphans = [name for name in books.strange if name not in alone]
    if repair:
        for entry in (*missing, *corrupt):
            index.drop(entry)
        for key in strays:
            index.drop_stray(key)
        _keep_later(index, late, listed)
        _adopt(index, [listed[name] for name in orphans], folder)
        _recount(index)
        sweep(index, store)
    stored = [item for name, item in listed.items() if name.startswith("blobs/")]
    return Report(
        entries=len(index.kept()),
        blobs=len(stored),
        bytes=sum(item.bytes for item in stored),
        missing=tuple(entry.key for entry in missing),
        corrupt=tuple(entry.key for entry in corrupt),
        orphans=tuple(orphans),
        unknown=(
            *books.absent,
            *books.miscounted,
            *unreadable,
            *(f"{key}: its row holds no entry of its own" for key in strays),
        ),
        later=tuple(sorted({*late, *_kept_later(index)})),
        leases=books.dead,
        over=books.over,
        repaired=repair,
    )


def _check_entries(index: Index, blobs: Blobs) -> tuple[list[Entry], list[Entry], list[str]]:
    """The entries that lack a blob, those with a damaged one, and what cannot be read at the moment."""
    missing: list[Entry] = []
    corrupt: list[Entry] = []
    unreadable: list[str] = []
    good: set[str] = set()
    for item in index.kept():
        with _held(index, item.entry) as there:
            if not there:
                continue
            try:
                for output in item.entry.outputs:
                    if output.sha256 not in good:
                        blobs.check(output)
                        good.add(output.sha256)
            except Damaged:
                if index.find(item.entry.key) != item.entry:
                    continue  # it was evicted meanwhile
                whole = all(blobs.present(output) for output in item.entry.outputs)
                (corrupt if whole else missing).append(item.entry)
            except Lost as error:
                unreadable.append(f"{item.entry.key}: {error.message}")
    return missing, corrupt, unreadable


@contextlib.contextmanager
def _held(index: Index, entry: Entry) -> Iterator[bool]:
    """Keeps the blobs of an entry, where the index can be written; says whether it has any and was not evicted."""
    if index.database.read_only or not entry.outputs:
        yield bool(entry.outputs)
        return
    lease = index.lease(entry.key)
    try:
        yield lease is not None and lease.entry == entry
    finally:
        if lease is not None:
            index.release(lease.lease)


class _Books(NamedTuple):
    """An index beside its store.

    Attributes:
        listed: what is in the store, by its name in the namespace.
        strange: what the index does not know of that.
        absent: manifests that it knows, and that are not there.
        miscounted: counts of bytes that are wrong.
        dead: how much is held by owners who are gone.
        over: bytes above a limit.
    """

    listed: Mapping[str, StoredObject]
    strange: Sequence[str]
    absent: Sequence[str]
    miscounted: Sequence[str]
    dead: int
    over: int


def _compare(index: Index, store: ArtifactStore) -> _Books:
    """What differs each time that one looks: the store cannot be listed in the moment in which the index is read."""
    first = _glance(index, store)
    if not (first.strange or first.absent):
        return first
    again, strange, absent = _glance(index, store), set(first.strange), set(first.absent)
    return again._replace(
        strange=[name for name in again.strange if name in strange],
        absent=[name for name in again.absent if name in absent],
    )


def _glance(index: Index, store: ArtifactStore) -> _Books:
    folder = namespace_of(index.namespace)
    listed = {item.name.removeprefix(folder): item for item in store.list(folder)}
    with index.database.reading() as connection:
        rows = connection.execute(
            "SELECT name, aside, state, bytes FROM objects WHERE namespace = :namespace", namespace=index.namespace
        )
        booked = ledger.used_bytes(connection, index.namespace)
        dead = connection.execute(
            "SELECT COUNT(*) FROM holds WHERE NOT EXISTS (SELECT 1 FROM owners o WHERE o.id = holds.owner)"
        )[0][0]
        over = 0
        for scope in ("", index.namespace):
            limit = ledger.limit_of(connection, scope)
            over = max(over, ledger.used_bytes(connection, scope) - limit) if limit is not None else over
    names = {name for row in rows for name in row[:2]}
    strange = sorted(name for name in listed if name not in names)
    absent = sorted(
        row[0] for row in rows if row[2] == "stored" and row[0].startswith("entries/") and row[0] not in listed
    )
    total = sum(row[3] for row in rows)
    miscounted = [] if total == booked else [f"{booked} bytes are booked, the objects take {total}"]
    return _Books(listed, strange, absent, miscounted, dead, over)


def _later(index: Index, store: ArtifactStore, strange: Iterable[str]) -> dict[str, Later]:
    """The manifests of a later version among what the index does not know."""
    read = ((name, read_manifest(store, index.namespace, name)) for name in strange if name.startswith("entries/"))
    return {name: found for name, found in read if isinstance(found, Later)}


def _keep_later(index: Index, late: Mapping[str, Later], listed: Mapping[str, StoredObject]) -> None:
    sizes = {name: item.bytes for name, item in listed.items() if name.startswith("blobs/")}
    with index.database.writing() as connection:
        rebuild.forget_gone(connection, index.namespace, listed)
        for name, manifest in late.items():
            rebuild.keep(connection, index.namespace, name, manifest, sizes)


def _kept_later(index: Index) -> list[str]:
    with index.database.reading() as connection:
        return rebuild.kept(connection, index.namespace)


def _adopt(index: Index, orphans: Iterable[StoredObject], folder: str) -> None:
    """Books what nobody knows, unless somebody has by now, so that it is removed like anything else."""
    with index.database.writing() as connection:
        for item in orphans:
            name = item.name.removeprefix(folder)
            if ledger.state_of(connection, index.namespace, name) is None:
                ledger.add_object(connection, index.namespace, name, item.bytes, state="condemned")


def _recount(index: Index) -> None:
    with index.database.writing() as connection:
        total = connection.execute(
            "SELECT COALESCE(SUM(bytes), 0) FROM objects WHERE namespace = :namespace", namespace=index.namespace
        )[0][0]
        booked = ledger.used_bytes(connection, index.namespace)
        ledger.count(connection, index.namespace, int(total) - booked)


def sweep(index: Index, store: ArtifactStore) -> bool:
    """Removes condemned objects; no lock is held meanwhile. Says whether all could be removed.

    Raises:
        OSError: the index failed.
    """
    while doomed := index.take_condemned():
        gone: list[Doomed] = []
        try:
            for one in doomed:
                if not _remove(store, one):
                    return False
                gone.append(one)
        finally:
            index.finish(gone, doomed[len(gone) :])
    return True


def _remove(store: ArtifactStore, doomed: Doomed) -> bool:
    folder = namespace_of(doomed.namespace)
    try:
        for name in {doomed.name, doomed.aside} - {""}:
            store.delete(folder + name)
    except OSError as error:
        log.warning("%s cannot be removed from the store: %s", doomed.name, redact(error))
        return False
    return True
