"""Removes from the store what the index has condemned."""

from __future__ import annotations

import logging

from couler_plugins.caching.artifacts.index import Index
from couler_plugins.caching.artifacts.names import namespace_of
from couler_plugins.caching.artifacts.owners import Doomed
from couler_plugins.hookspecs.stores import ArtifactStore
from couler_plugins.redacting import redact

__all__ = ["sweep"]

log = logging.getLogger(__name__)


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
