"""What somebody plants into a store, and what the cache hands out then."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from couler_plugins.caching.artifacts import ArtifactCache, Lost, Stored, open_cache
from couler_plugins.caching.artifacts.sources import entry_name

__all__ = [
    "CONTENT",
    "OUTSIDE",
    "file_outside",
    "files_in",
    "manifest_of",
    "output_of",
    "planted",
    "served",
    "stored",
]

OUTSIDE = b"a secret outside of the store"
CONTENT = b"content" * 9


def file_outside(tmp_path: Path) -> Path:
    path = tmp_path / "outside"
    path.write_bytes(OUTSIDE)
    return path


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def stored(cache: ArtifactCache, store: Path) -> tuple[Path, Path]:
    """A result in the cache: its blob and its manifest."""
    assert isinstance(cache.put("key", {"out": CONTENT}), Stored)
    (blob,) = [path for path in store.glob("blobs/*/*") if path.is_file()]
    (manifest,) = store.glob("entries/*/*")
    return blob, manifest


def served(cache: ArtifactCache, key: str = "key") -> bytes | None:
    """What the cache hands out for a key; None for a miss."""
    hit = cache.get(key)
    if hit is None:
        return None
    with hit:
        try:
            return hit.read("out")
        except Lost:
            return None


def planted(store: Path, index: str | None, text: str | bytes) -> ArtifactCache:
    """A cache that finds this in the place of the manifest of its only result."""
    with open_cache(str(store.parents[1]), namespace="mine", index=index) as cache:
        _, manifest = stored(cache, store)
    manifest.unlink()
    data = text if isinstance(text, bytes) else text.encode()
    version = hashlib.sha256(data).hexdigest() if index is None else ""
    (store / entry_name("key", version)).write_bytes(data)
    return _reopened(store, index)


def manifest_of(**changes: Any) -> str:
    entry = {"version": 1, "namespace": "mine", "key": "key", "outputs": [output_of()], "meta": {}, "created": 1.0}
    return json.dumps({**entry, **changes})


def output_of(name: str = "out", content: bytes = OUTSIDE, **changes: Any) -> dict[str, Any]:
    value = {"name": name, "codec": "bytes", "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return {**value, **changes}


def _reopened(store: Path, index: str | None) -> ArtifactCache:
    """The cache after its index was lost: it has nothing but what is in the store."""
    folder = store.parents[1]
    for path in folder.glob("index.sqlite*"):
        path.unlink()
    return open_cache(str(folder), namespace="mine", index=index)
