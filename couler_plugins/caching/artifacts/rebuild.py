"""Makes an index anew from the manifests in the store."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from couler_plugins.caching.artifacts import later, ledger
from couler_plugins.caching.artifacts.database import Connection
from couler_plugins.caching.artifacts.entry import Entry
from couler_plugins.caching.artifacts.index import FIND, Index
from couler_plugins.caching.artifacts.manifests import Later, read_manifests
from couler_plugins.caching.artifacts.names import LAYOUT, namespace_of, namespaces_in
from couler_plugins.hookspecs.stores import ArtifactStore
from couler_plugins.net.redacting import redact

__all__ = ["rebuild", "rebuild_others"]

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
                later.keep(connection, index.namespace, name, manifest, blobs)
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
