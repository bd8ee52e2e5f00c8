"""The results that Argo keeps in a ConfigMap, and the artifacts that they refer to.

Source: `workflow/controller/cache/configmap_cache.go` (an entry is JSON: nodeID, outputs, creationTimestamp,
lastHitTimestamp; every hit writes the whole ConfigMap). What is in a ConfigMap anybody may have written who can: no
part of it is trusted with a path.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from couler_argo.cache.memoize import KEPT, PREFIX
from couler_plugins.caching.artifacts.sources import check_object
from couler_plugins.documents.mappings import Mapped
from couler_plugins.errors import InvalidInput

HASH = re.compile(r"-\d+$")
"""How the controller ends the names of nodes and pods."""


class Artifact(NamedTuple):
    """An artifact that an entry refers to.

    Attributes:
        key: its key in its bucket; empty where it has none that we handle.
        bucket: the bucket; empty for the one of the namespace's artifact repository.
        pod: the part of the key that names the pod which made it; empty where none does.
        ours: whether our own memoization put it out of reach of Argo's garbage collection.
    """

    key: str
    bucket: str
    pod: str
    ours: bool

    @property
    def deletable(self) -> bool:
        """Whether it is ours to delete: we kept it from being collected, and only the pod that made it writes there."""
        return self.ours and bool(self.pod)


class Entry(NamedTuple):
    """One result. Times are in seconds since 1970.

    Attributes:
        text: it as it is written; another text is another entry, or one that was used since.
        bytes: what it takes of its ConfigMap, key included.
    """

    key: str
    text: str
    bytes: int
    node: str
    created: float
    used: float
    artifacts: tuple[Artifact, ...]


class Shard(NamedTuple):
    """One ConfigMap.

    Attributes:
        name: its name.
        version: its resource version.
        entries: its results, by key.
        unreadable: keys of what is none, each with what is wrong.
        sizes: bytes of all its data by key, unreadable and binary ones included.
        annotations: its annotations.
        ours: whether our own memoization chose its name.
    """

    name: str
    version: str
    entries: Mapping[str, Entry]
    unreadable: Mapping[str, str]
    sizes: Mapping[str, int]
    annotations: Mapping[str, str]
    ours: bool

    @property
    def bytes(self) -> int:
        """What all its data takes."""
        return sum(self.sizes.values())

    @property
    def family(self) -> str:
        """The workflow whose results it holds, as far as its name tells."""
        return self.name.removeprefix(PREFIX).strip("-").rpartition("-")[0] if self.ours else self.name


class _Memo(msgspec.Struct, frozen=True, rename="camel"):
    node_id: str = msgspec.field(name="nodeID")
    creation_timestamp: datetime
    outputs: dict[str, Any] | None = None
    last_hit_timestamp: datetime | None = None


def shard_of(config_map: Mapped) -> Shard:
    """What a ConfigMap holds; whatever it holds, this raises nothing."""
    metadata: Mapped = config_map["metadata"]
    data: Mapped = config_map.get("data") or {}
    entries: dict[str, Entry] = {}
    unreadable: dict[str, str] = {}
    for key, text in data.items():
        try:
            entries[key] = _entry(key, text)
        except (msgspec.MsgspecError, ValueError, TypeError, AttributeError, RecursionError) as error:
            unreadable[key] = f"{type(error).__name__}: {error}"[:200]
    name = str(metadata["name"])
    return Shard(
        name=name,
        version=str(metadata.get("resourceVersion", "")),
        entries=entries,
        unreadable=unreadable,
        sizes={key: _bytes(key, text) for key, text in {**(config_map.get("binaryData") or {}), **data}.items()},
        annotations=metadata.get("annotations") or {},
        ours=name.startswith(f"{PREFIX}-"),
    )


def parts_of(key: str) -> list[str]:
    """The folders in an artifact's key; none for a key that could lead out of its store, or is not in a folder."""
    try:
        return check_object(key).split("/")[:-1]
    except InvalidInput:
        return []


def _entry(key: str, text: str) -> Entry:
    memo = msgspec.json.decode(text, type=_Memo)
    artifacts = (memo.outputs or {}).get("artifacts") or []
    return Entry(
        key=key,
        text=text,
        bytes=_bytes(key, text),
        node=memo.node_id,
        created=memo.creation_timestamp.timestamp(),
        used=(memo.last_hit_timestamp or memo.creation_timestamp).timestamp(),
        artifacts=tuple(artifact for item in artifacts for artifact in _artifacts(item, memo.node_id)),
    )


def _artifacts(item: Mapped, node: str) -> Iterator[Artifact]:
    """The place of an artifact, for the kinds of repositories that have keys; nothing for one that has no place."""
    for kind, name in (("s3", "key"), ("gcs", "key"), ("oss", "key"), ("azure", "blob")):
        match item.get(kind):
            case {**place} if place:
                text = str(place.get(name, ""))
                key = text if parts_of(text) else ""
                bucket = str(place.get("bucket") or place.get("container") or "")
                yield Artifact(key, bucket, _pod(key, node), item.get("artifactGC") == KEPT)


def _pod(key: str, node: str) -> str:
    """The part of a key that names a pod of the node's workflow: no other pod writes there."""
    workflow = HASH.sub("", node)
    for part in parts_of(key):
        if part == node or (part.startswith(f"{workflow}-") and HASH.search(part)):
            return part
    return ""


def _bytes(key: str, text: object) -> int:
    return len(key.encode()) + len(str(text).encode("utf-8", "surrogatepass"))
