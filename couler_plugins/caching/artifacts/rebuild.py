"""Makes an index anew from the manifests in the store."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping

from couler_plugins.caching.artifacts import ledger
from couler_plugins.caching.artifacts.database import Connection
from couler_plugins.caching.artifacts.entry import Entry, decode_entry
from couler_plugins.caching.artifacts.index import FIND, Index
from couler_plugins.caching.artifacts.names import entry_name, namespace_of
from couler_plugins.hookspecs.stores import ArtifactStore

__all__ = ["read_manifest", "rebuild"]

log = logging.getLogger(__name__)

LONGEST = 4 << 20
"""Bytes of the longest manifest that is read."""


def rebuild(index: Index, store: ArtifactStore) -> int:
    """Makes the index say what the manifests in the store say; how many entries were added.

    Of several manifests of one key the newest whose blobs are all there counts. Entries without one are dropped. What
    else the store has takes room and could come back: it is condemned, unless there is a manifest that cannot be read
    and may need it; then it is left to `verify`.

    Raises:
        OSError: the store or the index failed.
    """
    folder = namespace_of(index.namespace)
    before = index.kept()
    blobs = {item.name.removeprefix(folder): item.bytes for item in store.list(f"{folder}blobs/")}
    manifests = [item.name.removeprefix(folder) for item in store.list(f"{folder}entries/")]
    read = [(read_manifest(store, folder, name, index.namespace), name) for name in manifests]
    found = [
        (entry, name)
        for entry, name in read
        if entry is not None and all(blobs.get(output.blob) == output.bytes for output in entry.outputs)
    ]
    found.sort(key=lambda pair: (-pair[0].created, pair[1]))
    whole = {entry for entry, _ in found}
    for kept in before:
        if kept.entry not in whole:
            index.drop(kept.entry)
    with index.database.writing() as connection:
        ledger.count(connection, index.namespace, 0)
        added = sum(_add(connection, index, entry, name) for entry, name in found)
        if all(entry is not None for entry, _ in read):
            _condemn(connection, index.namespace, {**blobs, **dict.fromkeys(manifests, 0)})
        return added


def _condemn(connection: Connection, namespace: str, sizes: Mapping[str, int]) -> None:
    """Books as to be removed what has no row: whoever writes an object books it first."""
    for name, size in sizes.items():
        if ledger.state_of(connection, namespace, name) is None:
            ledger.add_object(connection, namespace, name, size, state="condemned")


def read_manifest(store: ArtifactStore, folder: str, name: str, namespace: str) -> Entry | None:
    """The entry of a manifest in the store; None where it is damaged, gone, or another's.

    Raises:
        OSError: the store failed.
    """
    try:
        with store.read(folder + name) as stream:
            data = stream.read(LONGEST + 1)
        entry = decode_entry(data)
    except FileNotFoundError:
        return None
    except ValueError as error:
        log.warning("the manifest %s is left out: %s", name, error)
        return None
    names = (entry_name(entry.key), entry_name(entry.key, hashlib.sha256(data).hexdigest()))
    if entry.namespace != namespace or name not in names:
        log.warning("the manifest %s is left out: it is another's, or was changed", name)
        return None
    return entry


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
