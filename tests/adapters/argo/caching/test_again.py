"""Optimising what was optimised: nothing, a new key after a change, nothing left after the declaration went."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from adapters.argo.caching.small import Made, made, workflow
from couler_plugins.api import lint

TASKS = """
- {name: a, template: pure}
- {name: b, template: eat, depends: a, arguments: {artifacts: [{name: a, from: "{{tasks.a.outputs.artifacts.o}}"}]}}
- {name: c, template: twin, depends: a}
- {name: d, template: load}
- {name: e, template: pure, depends: d}
"""
TWIN = """
- name: twin
  metadata: {annotations: {couler.io/cache: pure, couler.io/cache-version: "1", couler.io/max-output-bytes: "64"}}
  inputs: {parameters: [{name: x, default: "0"}]}
  outputs: {parameters: [{name: r, valueFrom: {path: /r}}], artifacts: [{name: o, path: /o}]}
  container: {image: i, args: ["{{inputs.parameters.x}}"]}
"""


def document() -> dict[str, Any]:
    return workflow(TASKS, TWIN)


def stale(found: Made) -> list[str]:
    """What lint says of keys that are out of date."""
    return [str(item) for item in lint(copy.deepcopy(found.documents)).findings if "stale-key" in str(item)]


@pytest.mark.parametrize(
    "pipeline",
    [
        "cache{via=memoize}",
        "dedupe,cache{via=memoize}",
        "cache{via=memoize},dedupe",
        "prune,cache{via=memoize}",
        "cache{via=memoize},prune",
        "dedupe,cache{via=memoize},dedupe",
        "cache{via=memoize},cache{via=memoize}",
    ],
)
@pytest.mark.parametrize("kind", ["Workflow", "WorkflowTemplate"])
def test_twice_is_once(pipeline: str, kind: str) -> None:
    start = document() | {"kind": kind}
    if kind != "Workflow":
        start["metadata"] = {"name": "w"}
    once = made(start, pipeline=pipeline)
    assert once.changed
    again = made(*once.documents, pipeline=pipeline)
    assert again.documents == once.documents
    assert not again.changed
    assert not stale(once)


def test_the_order_of_optimizers_changes_no_key() -> None:
    one, other = (
        made(document(), pipeline="dedupe,cache{via=memoize}"),
        made(document(), pipeline="cache{via=memoize},dedupe,cache{via=memoize}"),
    )
    assert one.lineage("b") == other.lineage("b")
    assert {memo["key"] for memo in one.memoized.values()} == {memo["key"] for memo in other.memoized.values()}


@pytest.mark.parametrize("name", ["pure", "eat"])
def test_an_edit_is_found_and_makes_a_new_key(name: str) -> None:
    once = made(document())
    edited = copy.deepcopy(once.documents)
    template = next(item for item in edited[0]["spec"]["templates"] if item["name"] == name)
    template["container"]["image"] = "another"
    fresh = copy.deepcopy(document())
    next(item for item in fresh["spec"]["templates"] if item["name"] == name)["container"]["image"] = "another"
    after = made(*edited)
    assert after.changed
    assert after.documents == made(fresh).documents
    changed = {found for found in once.memoized if after.memoized[found]["key"] != once.memoized[found]["key"]}
    assert changed == ({"eat"} if name == "eat" else {"pure-cache"})
    if name == "pure":
        assert after.lineage("b") != once.lineage("b")


def test_an_edit_of_what_does_not_matter_leaves_keys_alone() -> None:
    once = made(document())
    edited = copy.deepcopy(once.documents)
    edited[0]["spec"]["templates"][1]["retryStrategy"] = {"limit": "2"}
    assert not made(*edited).changed


@pytest.mark.parametrize("word", [None, "never", "always"])
def test_a_declaration_that_goes(word: str | None) -> None:
    once = made(document())
    edited = copy.deepcopy(once.documents)
    for template in edited[0]["spec"]["templates"]:
        annotations = template.get("metadata", {}).get("annotations", {})
        if "couler.io/cache" in annotations and template["name"].startswith("pure"):
            annotations.pop("couler.io/cache")
            annotations.update({"couler.io/cache": word} if word else {})
    after = made(*edited)
    assert after.decision("main/a").action == "stop caching"
    assert after.decision("main/b").action == "stop caching"
    assert after.decision("main/c").action == "stop caching"
    assert not after.memoized
    assert "couler.io/key-spec" not in json.dumps(after.documents)
    assert "lineage" not in json.dumps(after.documents)
    assert "artifactGC" not in json.dumps(after.documents)


def test_an_owners_garbage_collection_stays() -> None:
    start = document()
    output = start["spec"]["templates"][1]["outputs"]["artifacts"][0]
    output["artifactGC"] = {"strategy": "Never"}
    once = made(start)
    assert once.template("pure")["outputs"]["artifacts"][0]["artifactGC"] == {"strategy": "Never"}
    output["artifactGC"] = {"strategy": "OnWorkflowDeletion"}
    refused = made(start)
    assert refused.rules["main/a"] == "collected"
    assert refused.rules["main/b"] == ""  # its producer's result is known all the same
    once.documents[0]["spec"]["templates"][1]["metadata"]["annotations"]["couler.io/cache"] = "never"
    back = made(*once.documents)
    assert back.template("pure")["outputs"]["artifacts"][0]["artifactGC"] == {"strategy": "Never"}


def test_an_owners_memoization_stays() -> None:
    start = document()
    own = {"key": "mine", "maxAge": "1h", "cache": {"configMap": {"name": "couler-cache-mine-00"}}}
    start["spec"]["templates"][1]["memoize"] = own
    found = made(start)
    assert found.rules["main/a"] == "cached-by-owner"
    assert found.rules["main/b"] == "unknown-producer"
    assert found.template("pure")["memoize"] == own


@pytest.mark.parametrize("name", ["pure-1", "1x", "item", "true", "null", "1", "n"])
def test_names_in_the_mark(name: str) -> None:
    start = workflow("- {name: a, template: pure}")
    start["spec"]["templates"][1]["name"] = start["spec"]["templates"][0]["dag"]["tasks"][0]["template"] = name
    once = made(start)
    marks = json.loads(once.documents[0]["metadata"]["annotations"]["couler.io/key-spec"])
    assert marks.keys() == once.memoized.keys() == {name}
    assert not made(*once.documents).changed
    start["spec"]["templates"][1]["metadata"]["annotations"].pop("couler.io/cache")
    once.documents[0]["spec"]["templates"][1]["metadata"]["annotations"].pop("couler.io/cache")
    assert made(*once.documents).documents == [start]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pure": 1}', '{"pure": "v1:00"}', '{"nobody": "v1:00"}', None])
def test_a_broken_mark(text: str | None) -> None:
    """Our keys are known without it: all are made anew."""
    once = made(document())
    edited = copy.deepcopy(once.documents)
    edited[0]["metadata"]["annotations"].update({"couler.io/key-spec": text} if text is not None else {})
    if text is None:
        del edited[0]["metadata"]["annotations"]["couler.io/key-spec"]
    after = made(*edited)
    assert {memo["key"] for memo in after.memoized.values()} == {memo["key"] for memo in once.memoized.values()}
    assert after.documents[0]["metadata"] == once.documents[0]["metadata"]
    assert not made(*after.documents).changed
