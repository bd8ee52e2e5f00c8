"""The manifests in a store: ours, and those of a later version, which are left alone."""

from __future__ import annotations

import errno
import hashlib
import logging
import re
from collections.abc import Iterator

import msgspec

from couler_plugins.caching.artifacts.entry import LONGEST, Entry, LaterVersion, decode_entry
from couler_plugins.caching.artifacts.names import blob_name, entry_name, namespace_of
from couler_plugins.hookspecs.stores import ArtifactStore

log = logging.getLogger(__name__)

AGAIN = 3
"""How often a manifest is read again that is replaced meanwhile."""
DIGEST = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


class Later(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest of a later version.

    Attributes:
        blobs: the blobs that it may need: in this layout of a store every version names them by their digests.
    """

    blobs: frozenset[str]


def read_manifest(store: ArtifactStore, namespace: str, name: str) -> Entry | Later | None:
    """What a manifest in the store says; None where it is damaged, gone, or another's.

    Raises:
        OSError: the store failed.
    """
    try:
        data = _content(store, namespace_of(namespace) + name)
        entry = decode_entry(data)
    except FileNotFoundError:
        return None
    except LaterVersion:
        log.info("the manifest %s is left alone: a later version made it", name)
        return Later(blobs=frozenset(blob_name(digest.decode()) for digest in DIGEST.findall(data)))
    except ValueError as error:
        log.warning("the manifest %s is left out: %s", name, error)
        return None
    names = (entry_name(entry.key), entry_name(entry.key, hashlib.sha256(data).hexdigest()))
    if entry.namespace != namespace or name not in names:
        log.warning("the manifest %s is left out: it is another's, or was changed", name)
        return None
    return entry


def _content(store: ArtifactStore, name: str) -> bytes:
    """What an object holds; one that is replaced while it is read is read again."""
    for _ in range(AGAIN):
        try:
            with store.read(name) as stream:
                return stream.read(LONGEST + 1)
        except OSError as error:
            if error.errno != errno.ESTALE:
                raise
    with store.read(name) as stream:
        return stream.read(LONGEST + 1)


def read_manifests(store: ArtifactStore, namespace: str) -> Iterator[tuple[str, Entry | Later | None]]:
    """All manifests of a namespace: the name inside of it, and what is there.

    Raises:
        OSError: the store failed.
    """
    folder = namespace_of(namespace)
    for item in store.list(f"{folder}entries/"):
        name = item.name.removeprefix(folder)
        yield name, read_manifest(store, namespace, name)
