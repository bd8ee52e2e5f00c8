"""What somebody who writes into the store, or chooses names, may try: nothing outside, nothing of others, no secret."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from couler_plugins.caching.artifacts import ArtifactCache, Lost, Meta, Stored, open_cache
from couler_plugins.caching.artifacts.names import entry_name
from couler_plugins.errors import InvalidInput

OUTSIDE = b"a secret outside of the store"
CONTENT = b"content" * 9

NAMES = [
    "../escape",
    "..",
    ".",
    "",
    "/etc/passwd",
    "a/../../b",
    "a/b",
    "a\\b",
    "a\0b",
    "a\nb",
    "~root",
    "%2e%2e%2fescape",
    "C:\\windows",
    "－ｗｉｄｅ",
    "a" * 5_000,
]


@pytest.fixture(params=[None, "none"], ids=["indexed", "store-only"])
def index(request: pytest.FixtureRequest) -> str | None:
    value: str | None = request.param
    return value


@pytest.fixture
def cache(index: str | None, tmp_path: Path) -> Iterator[ArtifactCache]:
    with open_cache(str(tmp_path / "store"), namespace="mine", index=index) as cache:
        yield cache


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store" / "v1" / "mine"


def _reopened(store: Path, index: str | None) -> ArtifactCache:
    """The cache after its index was lost: it has nothing but what is in the store."""
    folder = store.parents[1]
    for path in folder.glob("index.sqlite*"):
        path.unlink()
    return open_cache(str(folder), namespace="mine", index=index)


def _outside(tmp_path: Path) -> Path:
    path = tmp_path / "outside"
    path.write_bytes(OUTSIDE)
    return path


def _tree(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", NAMES)
def test_names_that_lead_elsewhere_are_refused(cache: ArtifactCache, tmp_path: Path, name: str) -> None:
    before = _tree(tmp_path)
    with pytest.raises(InvalidInput):
        cache.put(name, {"out": b"x"})
    with pytest.raises(InvalidInput):
        cache.put("key", {name: b"x"})
    for call in (cache.get, cache.lookup, cache.remove, cache.unpin):
        with pytest.raises(InvalidInput):
            call(name)
    with pytest.raises(InvalidInput):
        cache.put("key", {"out": b"x"}, Meta(parents=(name,)))
    with pytest.raises(InvalidInput):
        open_cache(str(tmp_path / "store"), namespace=name)
    assert {path for path in _tree(tmp_path) - before if not path.startswith("store/index.sqlite")} == set()
    assert cache.lookup("key") is None


def test_what_is_in_metadata_is_only_text(cache: ArtifactCache, tmp_path: Path) -> None:
    evil = "../../etc/passwd\n\x1b[31m$(rm -rf /){{inputs}}"
    meta = Meta(family=evil, step=evil, type=evil, spec=evil, run=evil, made_by=evil)
    assert isinstance(cache.put("key", {"out": b"x"}, meta), Stored)
    assert all(path.startswith(("store/v1/mine/", "store/v1/index.json", "store/index")) for path in _tree(tmp_path))


def _stored(cache: ArtifactCache, store: Path) -> tuple[Path, Path]:
    """A result in the cache: its blob and its manifest."""
    assert isinstance(cache.put("key", {"out": CONTENT}), Stored)
    (blob,) = [path for path in store.glob("blobs/*/*") if path.is_file()]
    (manifest,) = store.glob("entries/*/*")
    return blob, manifest


def _served(cache: ArtifactCache, key: str = "key") -> bytes | None:
    """What the cache hands out for a key; None for a miss."""
    hit = cache.get(key)
    if hit is None:
        return None
    with hit:
        try:
            return hit.read("out")
        except Lost:
            return None


def test_a_blob_that_is_a_link_is_not_followed(cache: ArtifactCache, store: Path, tmp_path: Path) -> None:
    blob, _ = _stored(cache, store)
    outside = _outside(tmp_path)
    outside.write_bytes(blob.read_bytes())  # the right content, so that only the link can give it away
    blob.unlink()
    blob.symlink_to(outside)
    assert _served(cache) is None
    cache.verify(repair=True)
    assert outside.exists()


@pytest.mark.parametrize("part", ["blobs", "entries", "tmp", "."])
def test_a_folder_that_is_a_link_leads_nowhere(cache: ArtifactCache, store: Path, tmp_path: Path, part: str) -> None:
    """Neither reading, writing, evicting nor mending touches what is behind a link."""
    _stored(cache, store)
    target = tmp_path / "victim"
    folder = (store / part).resolve()
    if folder.exists():
        folder.rename(target)
    else:
        target.mkdir()
    (target / "ab").mkdir(exist_ok=True)
    (target / "ab" / "precious").write_bytes(OUTSIDE)
    folder.symlink_to(target)
    before = {path: (target / path).read_bytes() for path in _tree(target)}
    assert _served(cache) in (None, CONTENT)
    cache.put("another", {"out": b"other content"})
    cache.remove("key")
    cache.evict(0)
    cache.verify(repair=True)
    cache.rebuild()
    assert {path: (target / path).read_bytes() for path in _tree(target)} == before


def test_a_pipe_in_the_place_of_a_blob_does_not_hang(cache: ArtifactCache, store: Path) -> None:
    blob, _ = _stored(cache, store)
    blob.unlink()
    os.mkfifo(blob)
    assert _served(cache) is None
    cache.verify(repair=True)
    assert cache.verify().ok


def test_a_folder_in_the_place_of_a_blob_is_a_miss(cache: ArtifactCache, store: Path) -> None:
    blob, _ = _stored(cache, store)
    blob.unlink()
    blob.mkdir()
    assert _served(cache) is None


def _planted(store: Path, index: str | None, text: str | bytes) -> ArtifactCache:
    """A cache that finds this in the place of the manifest of its only result."""
    with open_cache(str(store.parents[1]), namespace="mine", index=index) as cache:
        _, manifest = _stored(cache, store)
    manifest.unlink()
    data = text if isinstance(text, bytes) else text.encode()
    version = hashlib.sha256(data).hexdigest() if index is None else ""
    (store / entry_name("key", version)).write_bytes(data)
    return _reopened(store, index)


def _manifest(**changes: Any) -> str:
    entry = {"version": 1, "namespace": "mine", "key": "key", "outputs": [_output()], "meta": {}, "created": 1.0}
    return json.dumps({**entry, **changes})


def _output(name: str = "out", content: bytes = OUTSIDE, **changes: Any) -> dict[str, Any]:
    value = {"name": name, "codec": "bytes", "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return {**value, **changes}


BOMBS: dict[str, str | bytes] = {
    "nested": "[" * 200_000,
    "nested in a field": '{"version":1,"namespace":"mine","key":"key","unheard-of":' + "[" * 200_000,
    "nested objects": '{"a":' * 100_000,
    "numbers": '{"version":1,"created":1e999999999,"namespace":"mine","key":"key","outputs":[]}',
    "huge text": '{"version":1,"namespace":"mine","key":"' + "k" * 50_000_000 + '","outputs":[]}',
    "many outputs": '{"version":1,"namespace":"mine","key":"key","outputs":['
    + ",".join(json.dumps(_output(f"o{number}")) for number in range(200_000))
    + "]}",
    "not utf-8": b'{"version":1,"namespace":"mine","key":"\xff\xfe","outputs":[]}',
    "empty": "",
    "another version": '{"version":2,"namespace":"mine","key":"key","outputs":[]}',
    "a pickle": b"\x80\x04\x95\x1e\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_manifests_that_are_none(store: Path, index: str | None, bomb: str) -> None:
    with _planted(store, index, BOMBS[bomb]) as cache:
        assert _served(cache) is None
        assert isinstance(cache.put("after", {"out": b"x"}), Stored)
        assert _served(cache, "after") == b"x"
        cache.verify(repair=True)
        assert isinstance(cache.put("key", {"out": b"x"}), Stored)
        assert _served(cache) == b"x"


@pytest.mark.parametrize(
    "output",
    [
        _output("../escape"),
        _output("/etc/passwd"),
        _output(sha256="../../outside"),
        _output(sha256="/etc/passwd"),
        _output(sha256="../" * 21 + "x"),
        _output(bytes=-1),
        _output(bytes=2**63),
        _output(bytes=1e308),
        _output(bytes=10**30),
        _output(codec="../x"),
        _output(codec="pickle\n"),
    ],
    ids=lambda output: str(sorted(set(output.items()) ^ set(_output().items()), key=str))[:60],
)
def test_outputs_that_lie(store: Path, index: str | None, tmp_path: Path, output: dict[str, Any]) -> None:
    _outside(tmp_path)
    with _planted(store, index, _manifest(outputs=[output])) as cache:
        assert _served(cache) is None
        target = tmp_path / "restored"
        assert cache.restore("key", {"out": target}) is None
        assert not target.exists()
        cache.verify(repair=True)
        assert isinstance(cache.put("after", {"out": b"x"}), Stored)
        assert _served(cache, "after") == b"x"
    assert (tmp_path / "outside").read_bytes() == OUTSIDE


@pytest.mark.parametrize("size", [0, 1, len(CONTENT) + 1, 2**40, 2**63 - 1])
def test_a_size_that_is_not_the_blobs_is_a_miss(store: Path, index: str | None, size: int) -> None:
    with _planted(store, index, _manifest(outputs=[_output(content=CONTENT, bytes=size)])) as cache:
        assert _served(cache) is None
        cache.verify(repair=True)
        assert isinstance(cache.put("key", {"out": CONTENT}), Stored)
        assert _served(cache) == CONTENT


def test_another_keys_manifest_is_not_served(store: Path, index: str | None) -> None:
    """A manifest under the name of one key that says it is another's."""
    with _planted(store, index, _manifest(key="victim", outputs=[_output(content=CONTENT)])) as cache:
        assert _served(cache) is None
        assert _served(cache, "victim") is None


def test_a_manifest_as_it_should_be_is_served(store: Path, index: str | None) -> None:
    """What is planted above fails for what is wrong with it, and for nothing else."""
    with _planted(store, index, _manifest(outputs=[_output(content=CONTENT)])) as cache:
        assert _served(cache) == CONTENT


def test_another_namespaces_results_cannot_be_reached(tmp_path: Path) -> None:
    place = str(tmp_path / "store")
    with open_cache(place, namespace="theirs") as theirs, open_cache(place, namespace="mine") as mine:
        assert isinstance(theirs.put("key", {"out": OUTSIDE}), Stored)
        assert mine.get("key") is None
        assert mine.lookup("key") is None
        assert mine.entries() == []
        assert not mine.remove("key")
        assert not mine.pin("key", 60)
        assert mine.evict(0) == ()
        assert isinstance(mine.put("other", {"out": b"x"}), Stored)
        assert mine.evict(0) != ()
        mine.verify(repair=True)
        mine.rebuild()
        assert _served(theirs) == OUTSIDE


@pytest.mark.parametrize("claims", ["mine", "theirs"])
def test_a_manifest_that_refers_to_another_namespace_is_no_way_in(store: Path, index: str | None, claims: str) -> None:
    """Knowing the digest of another's blob is not enough to be handed its bytes."""
    place = str(store.parents[1])
    with open_cache(place, namespace="theirs", index=index) as theirs:
        assert isinstance(theirs.put("key", {"out": OUTSIDE}), Stored)
    with _planted(store, index, _manifest(namespace=claims)) as cache:
        assert _served(cache) is None
        cache.verify(repair=True)
        cache.remove("key")
        assert isinstance(cache.put("key", {"out": CONTENT}), Stored)
        assert _served(cache) == CONTENT
    with open_cache(place, namespace="theirs", index=index) as theirs:
        assert _served(theirs) == OUTSIDE


def test_an_attackers_names_in_the_store_are_passed_over(cache: ArtifactCache, store: Path) -> None:
    _stored(cache, store)
    for name in ("entries/zz/$(reboot).json", "entries/ab/..json", "blobs/zz/x y", "blobs/ab/\u202eevil", "entries/x"):
        path = store / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    assert _served(cache) == CONTENT
    cache.verify()
    cache.verify(repair=True)
    cache.rebuild()
    assert _served(cache) == CONTENT


def test_a_quota_holds_against_another_namespaces_pressure(tmp_path: Path) -> None:
    """One namespace cannot push out what another holds."""
    place = str(tmp_path / "store")
    with (
        open_cache(place, namespace="theirs", capacity=2_000) as theirs,
        open_cache(place, namespace="mine", quota=1_500) as mine,
    ):
        assert isinstance(theirs.put("key", {"out": b"t" * 800}), Stored)
        for number in range(20):
            mine.put(f"key-{number}", {"out": bytes([number]) * 400})
        assert _served(theirs) == b"t" * 800
        assert theirs.stats().usage["mine"].bytes <= 1_200
