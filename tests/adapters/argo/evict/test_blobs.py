"""Artifacts of evicted entries: deleted after a grace, never while anything refers to them, and only ours."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.argo.evict.apiserver import ApiServer
from adapters.argo.evict.cluster import NAMESPACE, artifact, config_map, entry, node, workflow
from couler_argo.evict.artifacts import EVICTED, Grave, Repository, graves_in, with_graves
from couler_argo.evict.evictor import ArgoEvictor
from couler_argo.memo_entries import Artifact, shard_of
from couler_plugins.caching.artifacts.stores import FolderStore
from couler_plugins.caching.policies.simple import Everything, Nothing
from couler_plugins.errors import EngineError
from couler_plugins.hookspecs.eviction import Limits

Make = Callable[..., ArgoEvictor]
CACHE = "couler-cache-train-00"
KEY = "train-a/train-a-fit-17/model.tgz"
SPEC = {"entrypoint": "use", "templates": [{"name": "use", "container": {"image": "a"}}]}


def limits(grace: float = 0.0, **others: Any) -> Limits:
    return Limits(capacity=0, settle=0.0, grace=grace, **others)


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    return tmp_path / "bucket"


def put(bucket: Path, *keys: str) -> None:
    for key in keys:
        (bucket / key).parent.mkdir(parents=True, exist_ok=True)
        (bucket / key).write_text("content")


def files(bucket: Path) -> set[str]:
    return {path.relative_to(bucket).as_posix() for path in bucket.rglob("*") if path.is_file()}


def test_an_artifact_goes_after_its_grace(server: ApiServer, evictor: Make, bucket: Path) -> None:
    put(bucket, KEY, "train-a/train-a-fit-18/tree/a", "train-a/train-a-fit-18/tree/b", "train-a/train-a-fit-19/other")
    tree = artifact("train-a/train-a-fit-18/tree", name="tree")
    server.put("configmaps", config_map(CACHE, {"k": entry("train-a-17", [artifact(KEY), tree])}))
    found = evictor(bucket).evict(NAMESPACE, Nothing(), limits(3600))
    assert (found.deleted, found.waiting, found.remaining) == ((), 2, 0)
    assert len(files(bucket)) == 4
    assert not server.get("configmaps", NAMESPACE, CACHE)["data"]
    again = evictor(bucket).evict(NAMESPACE, Nothing(), limits(3600))
    assert (again.deleted, again.waiting) == ((), 2)
    last = evictor(bucket).evict(NAMESPACE, Nothing(), limits(0))
    assert last.deleted == (KEY, "train-a/train-a-fit-18/tree")
    assert last.waiting == 0
    assert files(bucket) == {"train-a/train-a-fit-19/other"}
    assert EVICTED not in server.get("configmaps", NAMESPACE, CACHE)["metadata"]["annotations"]


def test_a_dry_run_deletes_nothing(server: ApiServer, evictor: Make, bucket: Path) -> None:
    put(bucket, KEY)
    server.put("configmaps", config_map(CACHE, {"k": entry("train-a-17", [artifact(KEY)])}))
    evictor(bucket).evict(NAMESPACE, Nothing(), limits())
    found = evictor(bucket).evict(NAMESPACE, Nothing(), limits(dry_run=True))
    assert found.deleted == (KEY,)
    assert files(bucket) == {KEY}
    assert evictor(bucket).evict(NAMESPACE, Nothing(), limits()).deleted == (KEY,)
    assert files(bucket) == set()


@pytest.mark.parametrize(
    "referring",
    [
        workflow("b-1", SPEC, [node("b-1", "use", phase="Running", outputs={"artifacts": [artifact(KEY)]})]),
        workflow("b-1", {**SPEC, "arguments": {"artifacts": [artifact(KEY)]}}),
        workflow("train-a", SPEC, [node("train-a-fit-17", "use", phase="Running")]),
        workflow("b-1", SPEC, offloadNodeStatusVersion="v1"),
        workflow("b-1", SPEC, compressedNodes="KLUv/QRY"),
    ],
    ids=["in a node", "in the spec", "by the pod", "offloaded", "unreadable"],
)
def test_an_artifact_that_something_running_may_read_stays(
    server: ApiServer, evictor: Make, bucket: Path, referring: dict[str, Any]
) -> None:
    put(bucket, KEY)
    server.put("configmaps", config_map(CACHE, {"k": entry("train-a-17", [artifact(KEY)])}))
    server.put("workflows", referring)
    for _ in range(3):
        found = evictor(bucket).evict(NAMESPACE, Nothing(), limits())
        assert found.deleted == ()
        assert found.waiting == 1
        assert files(bucket) == {KEY}
    ended = workflow(referring["metadata"]["name"], SPEC, phase="Succeeded")
    server.put("workflows", ended)
    assert evictor(bucket).evict(NAMESPACE, Nothing(), limits()).deleted == (KEY,)
    assert files(bucket) == set()


def test_an_artifact_that_another_entry_refers_to_stays(server: ApiServer, evictor: Make, bucket: Path) -> None:
    put(bucket, KEY)
    server.put("configmaps", config_map(CACHE, {"k": entry("train-a-17", [artifact(KEY)])}))
    server.put("configmaps", config_map("somebodys", {"k": entry("train-a-17", [artifact(KEY)])}))
    evictor(bucket).evict(NAMESPACE, Nothing(), limits())
    found = evictor(bucket).evict(NAMESPACE, Nothing(), limits())
    assert found.deleted == ()
    assert files(bucket) == {KEY}


@pytest.mark.parametrize(
    "item",
    [
        artifact(KEY, ours=False),
        artifact("/" + KEY),
        artifact("train-a/train-a-fit-17/../../precious/x"),
        artifact("train-a/./train-a-fit-17/x"),
        artifact("precious/x"),
        artifact("train-a/train-a-fit-17"),
        artifact(f"train-a/train-a-fit-17/{'x' * 900}"),
        artifact("train-b/train-b-fit-17/x"),
        artifact(KEY, bucket="another"),
        {"name": "x", "artifactGC": artifact(KEY)["artifactGC"], "hdfs": {"path": "/train-a/train-a-fit-17/x"}},
    ],
    ids=[
        "collected by argo",
        "absolute",
        "dots",
        "dot",
        "no pod",
        "a folder",
        "too long",
        "another's pod",
        "another bucket",
        "hdfs",
    ],
)
def test_what_is_not_ours_to_delete_stays(server: ApiServer, evictor: Make, bucket: Path, item: dict[str, Any]) -> None:
    put(bucket, KEY, "precious/x", "train-b/train-b-fit-17/x")
    before = files(bucket)
    server.put("configmaps", config_map(CACHE, {"k": entry("train-a-17", [item])}))
    found = evictor(bucket).evict(NAMESPACE, Nothing(), limits())
    assert found.waiting == 0
    assert found.remaining == len(shard_of(config_map(CACHE, {"k": entry("n", [item])})).entries["k"].artifacts)
    evictor(bucket).evict(NAMESPACE, Nothing(), limits())
    assert files(bucket) == before
    assert not server.get("configmaps", NAMESPACE, CACHE)["data"]


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"../x": ["..", 1]}', '{"precious/x": ["", 1]}', '{"a/b/c": ["z", 1]}', '{"a/b": 1}']
)
def test_an_annotation_that_we_would_not_have_written_deletes_nothing(
    server: ApiServer, evictor: Make, bucket: Path, text: str
) -> None:
    put(bucket, "precious/x", "a/b/c")
    made = config_map(CACHE, {})
    made["metadata"]["annotations"] = {EVICTED: text}
    server.put("configmaps", made)
    assert evictor(bucket).evict(NAMESPACE, Nothing(), limits()).deleted == ()
    assert files(bucket) == {"precious/x", "a/b/c"}


def test_without_a_store_artifacts_are_left_and_said(server: ApiServer, evictor: Make) -> None:
    server.put("configmaps", config_map(CACHE, {"k": entry("train-a-17", [artifact(KEY)])}))
    found = evictor().evict(NAMESPACE, Nothing(), limits())
    assert (found.waiting, found.remaining) == (0, 1)
    assert EVICTED not in server.get("configmaps", NAMESPACE, CACHE)["metadata"].get("annotations", {})


def test_no_more_is_evicted_at_once_than_can_be_written_down(server: ApiServer, evictor: Make, bucket: Path) -> None:
    long = "x" * 190
    data = {
        f"k{n}": entry(f"train-a-{n}0001", [artifact(f"train-a/train-a-{n}0001/{long}", name="x")]) for n in range(1000)
    }
    server.put("configmaps", config_map(CACHE, data))
    found = evictor(bucket).evict(NAMESPACE, Nothing(), limits(3600))
    outcomes = [decision.outcome for decision in found.decisions]
    assert found.waiting == outcomes.count("evicted") > 300
    assert outcomes.count("postponed") > 100
    text = json.dumps(server.get("configmaps", NAMESPACE, CACHE)["metadata"]["annotations"])
    assert len(text) < 256 * 1024
    last = [evictor(bucket).evict(NAMESPACE, Nothing(), limits()) for _ in range(4)][-1]
    assert last.waiting == 0
    assert not server.get("configmaps", NAMESPACE, CACHE)["data"]


def test_a_store_that_fails_loses_nothing(
    server: ApiServer, evictor: Make, bucket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bucket, KEY)
    server.put("configmaps", config_map(CACHE, {"k": entry("train-a-17", [artifact(KEY)])}))
    evictor(bucket).evict(NAMESPACE, Nothing(), limits())
    with monkeypatch.context() as patched:
        patched.setattr(FolderStore, "delete", _fail)
        with pytest.raises(EngineError, match="while an artifact was deleted") as caught:
            evictor(bucket).evict(NAMESPACE, Nothing(), limits())
        assert "secret" not in str(caught.value)
        patched.setattr(FolderStore, "list", _fail)
        found = evictor(bucket).evict(NAMESPACE, Everything(), limits(3600))
        assert found.waiting == 1
    assert evictor(bucket).evict(NAMESPACE, Nothing(), limits()).deleted == (KEY,)


def _fail(*arguments: object, **options: object) -> Any:
    raise OSError("https://user:secret@store is away")


def test_a_bucket_has_to_be_the_one_that_is_meant(tmp_path: Path) -> None:
    store = FolderStore.open(str(tmp_path))
    plain, elsewhere = Artifact("a/p-1/x", "", "p-1", True), Artifact("a/p-1/x", "other", "p-1", True)
    named = Artifact("argo/a/p-1/x", "bucket", "p-1", True)
    whole, folder = Repository(store, "s3://key:se@cret@bucket"), Repository(store, "s3://bucket/argo/")
    assert whole.reaches(plain)
    assert whole.reaches(named)
    assert not whole.reaches(elsewhere)
    assert folder.reaches(named)
    assert not folder.reaches(plain)
    (tmp_path / "a/p-1").mkdir(parents=True)
    (tmp_path / "a/p-1/x").write_text("1234")
    assert folder.sizes([named, plain, elsewhere]) == {"argo/a/p-1/x": 4}
    folder.delete("a/p-1/x")
    assert (tmp_path / "a/p-1/x").exists()
    folder.delete("argo/a/p-1/x")
    assert not (tmp_path / "a/p-1/x").exists()


def test_graves_keep_the_time_of_the_first_eviction() -> None:
    first = with_graves({}, [Artifact(KEY, "", "train-a-fit-17", True)], 10.0)
    assert first == {KEY: Grave("train-a-fit-17", 10)}
    assert with_graves(first, [Artifact(KEY, "", "train-a-fit-17", True)], 20.0) == first
    assert graves_in({EVICTED: json.dumps(first)}) == first
    assert time.time() > 10
