"""Artifacts of evicted entries: written down until they are deleted, and the repository that they are deleted from.

The change that removes an entry writes its artifacts down on the ConfigMap that it was in, so there is no moment at
which either is lost. The repository is reached as far as somebody gave us its URL.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import msgspec

from couler_argo.memo_entries import Artifact, parts_of
from couler_plugins.documents.mappings import by_key
from couler_plugins.hookspecs import ArtifactStore

EVICTED = "couler.io/evicted-artifacts"
"""The annotation: a JSON object of artifacts' keys, each with the pod that made it and the time of the eviction."""

ROOM = 192 * 1024
"""Bytes of the annotation at most; Kubernetes takes 256 KiB for all annotations of an object."""


class Grave(NamedTuple):
    """One artifact: the part of its key that names its pod, and when its entry went, in seconds since 1970."""

    pod: str
    since: float


def graves_in(annotations: Mapping[str, str]) -> dict[str, Grave]:
    """The artifacts that wait, by key; none that we would not have written down."""
    try:
        written = msgspec.json.decode(annotations.get(EVICTED, "{}"), type=dict[str, tuple[str, float]])
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
        return {}
    return {key: Grave(pod, since) for key, (pod, since) in written.items() if pod and pod in parts_of(key)}


def graves_text(graves: Mapping[str, Grave]) -> str | None:
    """The annotation's text; None for none at all."""
    return json.dumps(graves, separators=(",", ":"), sort_keys=True) if graves else None


def with_graves(graves: Mapping[str, Grave], artifacts: Iterable[Artifact], now: float) -> dict[str, Grave] | None:
    """These and those of one more entry; None where they have no room."""
    more = {**{item.key: Grave(item.pod, int(now)) for item in artifacts}, **graves}
    return more if sum(len(key) + len(grave.pod) + 24 for key, grave in more.items()) <= ROOM else None


BUCKETS = frozenset({"s3", "s3a", "gs", "gcs", "oss", "az", "abfs", "adl"})
"""Schemes whose URLs name a bucket, and perhaps a folder in it."""

AT_ONCE = 8  # requests


class Repository:
    """The store that an artifact repository's bucket is.

    Args:
        store: the store, opened at the URL.
        url: the URL. Of a bucket, it says which (`s3://bucket`), and artifacts outside of its folder
            (`s3://bucket/folder`) are out of reach. Of anything else, it is where the repository's keys begin.
    """

    def __init__(self, store: ArtifactStore, url: str) -> None:
        scheme, _, rest = url.partition("://")
        # What stands before the `@` are credentials, which may hold a `/`.
        bucket, _, folder = (
            rest.partition("?")[0].rpartition("@")[2].partition("/") if scheme in BUCKETS else ("", "", "")
        )
        self._store = store
        self._bucket = bucket
        self._root = f"{folder.strip('/')}/" if folder.strip("/") else ""

    def reaches(self, artifact: Artifact) -> bool:
        """Whether an artifact is in this store, as far as its entry tells."""
        return artifact.key.startswith(self._root) and artifact.bucket in ("", self._bucket) and bool(artifact.key)

    def sizes(self, artifacts: Iterable[Artifact]) -> dict[str, int]:
        """The bytes of those that are there, by key; a folder counts with all that is in it.

        Raises:
            OSError: the store failed.
        """
        keys = (artifact.key for artifact in artifacts if self.reaches(artifact))
        by_folder = by_key((key.rpartition("/")[0], key) for key in keys)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            sizes = pool.map(self._sizes_in, by_folder, by_folder.values())
            return {key: size for some in sizes for key, size in some.items()}

    def delete(self, key: str) -> None:
        """Deletes an artifact, which may be a folder; one that is not there is no error.

        Raises:
            OSError: the store failed.
        """
        if not key.startswith(self._root):
            return
        name = key.removeprefix(self._root)
        for thing in list(self._store.list(f"{name}/")):
            self._store.delete(thing.name)
        with contextlib.suppress(IsADirectoryError):  # a folder is empty now, and in a bucket it is nothing
            self._store.delete(name)

    def _sizes_in(self, folder: str, keys: list[str]) -> dict[str, int]:
        sizes: dict[str, int] = {}
        wanted = set(keys)
        depth = folder.count("/") + 2
        for thing in self._store.list(f"{folder}/".removeprefix(self._root)):
            key = "/".join(f"{self._root}{thing.name}".split("/")[:depth])
            if key in wanted:
                sizes[key] = sizes.get(key, 0) + thing.bytes
        return sizes
