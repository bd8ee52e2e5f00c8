"""What is in a ConfigMap, read as what it is; and that our own memoization writes what eviction takes for its own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.argo.evict.cluster import KEPT, artifact, config_map, entry
from couler_argo.memo_entries import parts_of, shard_of
from couler_plugins.api import optimize

WORKFLOW = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: train-, annotations: {couler.io/cache: pure}}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - [{name: fit, template: fit, arguments: {parameters: [{name: rate, value: "1"}]}}]
    - [{name: use, template: use, arguments: {artifacts: [{name: m, from: "{{steps.fit.outputs.artifacts.model}}"}]}}]
  - name: fit
    inputs: {parameters: [{name: rate}]}
    container: {image: "a@sha256:0", command: [fit, "{{inputs.parameters.rate}}"]}
    outputs: {artifacts: [{name: model, path: /m}]}
  - name: use
    inputs: {artifacts: [{name: m, path: /m}]}
    container: {image: "a@sha256:0", command: [use]}
"""


def test_what_memoization_writes_is_ours() -> None:
    """The ConfigMap's name and the mark on the artifact, as `couler optimize` writes them, are those that we know."""
    from couler_plugins.documents import read

    (document,) = optimize(read(WORKFLOW.encode(), "a.yaml").documents[0].data, "cache{via=memoize}").documents
    (template,) = [item for item in document["spec"]["templates"] if "memoize" in item]
    (output,) = template["outputs"]["artifacts"]
    assert output["artifactGC"] == KEPT
    name = template["memoize"]["cache"]["configMap"]["name"]
    stored = {**output, "s3": {"key": "train-x/train-x-fit-12/model.tgz"}}  # as the executor completes it
    shard = shard_of(config_map(name, {"k": entry("train-x-12", [stored])}))
    assert shard.ours
    assert shard.family == "train"
    (found,) = shard.entries["k"].artifacts
    assert found == ("train-x/train-x-fit-12/model.tgz", "", "train-x-fit-12", True)
    assert found.deletable


@pytest.mark.parametrize(
    ("key", "node", "pod"),
    [
        ("w-abc/w-abc-fit-123/x.tgz", "w-abc-123", "w-abc-fit-123"),
        ("w-abc/w-abc-123/x.tgz", "w-abc-123", "w-abc-123"),
        ("w-abc/w-abc/x.tgz", "w-abc", "w-abc"),
        ("2026/11/w-abc/w-abc-fit-99/x", "w-abc-123", "w-abc-fit-99"),
        ("w-abc/x.tgz", "w-abc-123", ""),
        ("w-abcd/w-abcd-fit-123/x", "w-abc-123", ""),
        ("w-abc/w-abc-fit-123", "w-abc-123", ""),
        ("w-abc-fit-123", "w-abc-123", ""),
    ],
)
def test_the_pod_that_made_an_artifact_is_in_its_key(key: str, node: str, pod: str) -> None:
    shard = shard_of(config_map("couler-cache-w-00", {"k": entry(node, [artifact(key)])}))
    (found,) = shard.entries["k"].artifacts
    assert found.pod == pod
    assert found.deletable == bool(pod)


def test_kinds_of_buckets_are_told_apart() -> None:
    key = "w/w-1/x"
    places = [
        {"s3": {"key": key, "bucket": "b", "endpoint": "e"}},
        {"gcs": {"key": key, "bucket": "b"}},
        {"oss": {"key": key, "bucket": "b"}},
        {"azure": {"blob": key, "container": "b"}},
    ]
    text = entry("w-1", [{"name": "x", "artifactGC": KEPT, **place} for place in places])
    found = shard_of(config_map("c", {"k": text})).entries["k"].artifacts
    assert [(item.key, item.bucket) for item in found] == [(key, "b")] * 4


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(outputs=json_values, item=json_values, node=st.text(max_size=12))
def test_whatever_is_in_a_config_map_raises_nothing(outputs: Any, item: Any, node: str) -> None:
    memo = {"nodeID": node, "creationTimestamp": "2026-01-01T00:00:00Z"}
    texts = [
        json.dumps(outputs),
        json.dumps({**memo, "outputs": outputs}),
        json.dumps({**memo, "outputs": {"artifacts": [{"name": "x", "s3": item, "artifactGC": KEPT}]}}),
        json.dumps({**memo, "outputs": {"artifacts": [{"s3": {"key": item}}, item]}}),
    ]
    shard = shard_of(config_map("c", {str(number): text for number, text in enumerate(texts)}))
    assert len(shard.entries) + len(shard.unreadable) == 4
    for found in shard.entries.values():
        for one in found.artifacts:
            assert ".." not in one.key.split("/")
            assert not one.key.startswith("/")


@given(st.text(alphabet="ab/.-_\\%~ \n\0é", max_size=20))
def test_no_key_leads_out_of_its_store(key: str) -> None:
    if parts_of(key):
        assert all(part not in ("", ".", "..") for part in key.split("/"))
        assert key.replace("/", "").isascii()
        assert not set(key) & set("\\%~ \n\0")
