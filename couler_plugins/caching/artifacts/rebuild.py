"""Rebuilding of an index from the manifests in the store, those of later versions included.

A manifest of a later version has no row among the entries, and links under its own name, which no key can have.
"""

from __future__ import annotations

import logging
from collections.abc import Container, Mapping

from couler_plugins.caching.artifacts import ledger
from couler_plugins.caching.artifacts.blobs import Later, read_manifests
from couler_plugins.caching.artifacts.database import Connection
from couler_plugins.caching.artifacts.entry import Entry
from couler_plugins.caching.artifacts.index import FIND, Index
from couler_plugins.caching.artifacts.sources import LAYOUT, namespace_of, namespaces_in
from couler_plugins.hookspecs.stores import ArtifactStore
from couler_plugins.net.redacting import redact

log = logging.getLogger(__name__)


def rebuild(index: Index, store: ArtifactStore) -> int:
    """Makes the index say what the manifests in the store say; how many entries were added.

    Of several manifests of one key the newest whose blobs are all there counts. Entries without one are dropped, and
    manifests of a later version stay with what they need. What else the store has takes room and could come back: it
    is condemned, unless there is a manifest that cannot be read and may need it; then it is left to `verify`. What was
    written aside and has no writer goes in any case.

    Raises:
        OSError: the store or the index failed.
    """
    folder = namespace_of(index.namespace)
    before = index.kept()
    blobs = _sizes(store, folder, "blobs/")
    asides = _sizes(store, folder, "tmp/")
    manifests = dict(read_manifests(store, index.namespace))
    entries = [
        (entry, name)
        for name, entry in manifests.items()
        if isinstance(entry, Entry) and all(blobs.get(output.blob) == output.bytes for output in entry.outputs)
    ]
    entries.sort(key=lambda pair: (-pair[0].created, pair[1]))
    whole = {entry for entry, _ in entries}
    for kept in before:
        if kept.entry not in whole:
            index.drop(kept.entry)
    with index.database.writing() as connection:
        ledger.count(connection, index.namespace, 0)
        added = sum(_add(connection, index, entry, name) for entry, name in entries)
        for name, manifest in manifests.items():
            if isinstance(manifest, Later):
                keep(connection, index.namespace, name, manifest, blobs)
        if None not in manifests.values():
            _condemn(connection, index.namespace, {**blobs, **dict.fromkeys(manifests, 0)})
        _condemn(connection, index.namespace, asides)
        return added


def rebuild_others(index: Index, store: ArtifactStore) -> None:
    """Does the same for all namespaces in the store that the index knows nothing of: they share one capacity.

    What may not be read is left to those who open it, who may.

    Raises:
        OSError: the index failed.
    """
    try:
        for namespace in sorted(namespaces_in(item.name for item in store.list(f"{LAYOUT}/"))):
            other = index.beside(namespace)
            if other.is_new():
                rebuild(other, store)
    except OSError as error:
        log.info("what other namespaces hold is not known, and does not count: %s", redact(error))
        return
    with index.database.writing() as connection:
        ledger.count(connection, "", 0)


def _sizes(store: ArtifactStore, folder: str, part: str) -> dict[str, int]:
    return {item.name.removeprefix(folder): item.bytes for item in store.list(f"{folder}{part}")}


def _condemn(connection: Connection, namespace: str, sizes: Mapping[str, int]) -> None:
    """Books as to be removed what no row names: whoever writes an object books it first, and where it writes it."""
    named = connection.execute("SELECT name, aside FROM objects WHERE namespace = :namespace", namespace=namespace)
    names = {name for row in named for name in row}
    for name, size in sizes.items():
        if name not in names:
            ledger.add_object(connection, namespace, name, size, state="condemned")


def _add(connection: Connection, index: Index, entry: Entry, name: str) -> bool:
    if connection.execute(FIND, namespace=index.namespace, key=entry.key):
        return False
    sizes = {output.blob: output.bytes for output in entry.outputs} | {name: 0}
    for wanted, size in sizes.items():
        state = ledger.state_of(connection, index.namespace, wanted)
        if state not in (None, "stored"):
            return False  # somebody writes or removes it just now
        if state is None:
            ledger.add_object(connection, index.namespace, wanted, size, state="stored")
    index.add(connection, entry, sizes)
    return True


def keep(connection: Connection, namespace: str, name: str, later: Later, sizes: Mapping[str, int]) -> None:
    """Books a manifest of a later version and its blobs, so that they count and nothing removes them.

    Args:
        connection: the transaction.
        namespace: where.
        name: the manifest's.
        later: what it needs.
        sizes: the bytes of the blobs in the store.
    """
    for needed in (name, *sorted(later.blobs & sizes.keys())):
        if ledger.state_of(connection, namespace, needed) is None:
            ledger.add_object(connection, namespace, needed, sizes.get(needed, 0), state="stored")
        connection.execute(
            "UPDATE objects SET state = 'stored' WHERE namespace = :namespace AND name = :name"
            " AND state = 'condemned'",
            namespace=namespace, name=needed,
        )  # fmt: skip
        connection.execute(
            "INSERT INTO links (namespace, key, name) VALUES (:namespace, :key, :name)"
            " ON CONFLICT (namespace, key, name) DO NOTHING",
            namespace=namespace, key=name, name=needed,
        )  # fmt: skip


def kept(connection: Connection, namespace: str) -> list[str]:
    """The names of the manifests of a later version that the index knows."""
    rows = connection.execute(
        "SELECT DISTINCT key FROM links WHERE namespace = :namespace AND key LIKE 'entries/%' ORDER BY key",
        namespace=namespace,
    )
    return [row[0] for row in rows]


def forget_gone(connection: Connection, namespace: str, stored: Container[str]) -> None:
    """Lets go of what manifests needed that are in the store no more.

    Args:
        connection: the transaction.
        namespace: where.
        stored: the names of what is in the store.
    """
    for name in kept(connection, namespace):
        if name in stored:
            continue
        values = {"namespace": namespace, "key": name}
        needed = connection.execute("SELECT name FROM links WHERE namespace = :namespace AND key = :key", **values)
        names = [row[0] for row in needed]
        connection.execute("DELETE FROM links WHERE namespace = :namespace AND key = :key", **values)
        ledger.release(connection, namespace, names)
