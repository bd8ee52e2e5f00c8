"""Makes an index anew from the manifests in the store."""

from __future__ import annotations

from collections.abc import Mapping

from couler_plugins.caching.artifacts import later, ledger
from couler_plugins.caching.artifacts.database import Connection
from couler_plugins.caching.artifacts.entry import Entry
from couler_plugins.caching.artifacts.index import FIND, Index
from couler_plugins.caching.artifacts.manifests import Later, read_manifests
from couler_plugins.caching.artifacts.names import namespace_of
from couler_plugins.hookspecs.stores import ArtifactStore

__all__ = ["rebuild"]


def rebuild(index: Index, store: ArtifactStore) -> int:
    """Makes the index say what the manifests in the store say; how many entries were added.

    Of several manifests of one key the newest whose blobs are all there counts. Entries without one are dropped, and
    manifests of a later version stay with what they need. What else the store has takes room and could come back: it
    is condemned, unless there is a manifest that cannot be read and may need it; then it is left to `verify`.

    Raises:
        OSError: the store or the index failed.
    """
    folder = namespace_of(index.namespace)
    before = index.kept()
    blobs = {item.name.removeprefix(folder): item.bytes for item in store.list(f"{folder}blobs/")}
    manifests = dict(read_manifests(store, index.namespace))
    found = [
        (entry, name)
        for name, entry in manifests.items()
        if isinstance(entry, Entry) and all(blobs.get(output.blob) == output.bytes for output in entry.outputs)
    ]
    found.sort(key=lambda pair: (-pair[0].created, pair[1]))
    whole = {entry for entry, _ in found}
    for kept in before:
        if kept.entry not in whole:
            index.drop(kept.entry)
    with index.database.writing() as connection:
        ledger.count(connection, index.namespace, 0)
        added = sum(_add(connection, index, entry, name) for entry, name in found)
        for name, manifest in manifests.items():
            if isinstance(manifest, Later):
                later.keep(connection, index.namespace, name, manifest, blobs)
        if None not in manifests.values():
            _condemn(connection, index.namespace, {**blobs, **dict.fromkeys(manifests, 0)})
        return added


def _condemn(connection: Connection, namespace: str, sizes: Mapping[str, int]) -> None:
    """Books as to be removed what has no row: whoever writes an object books it first."""
    for name, size in sizes.items():
        if ledger.state_of(connection, namespace, name) is None:
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
