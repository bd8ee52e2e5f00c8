"""Input artifacts by content: what Argo puts into a pod before its command, and what the key makes of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from adapters.argo.caching.small import Made, made, workflow
from adapters.argo.crd import violations
from adapters.argo.wrapper.manifests import container, option
from couler_plugins.api import lint

STORE = "store=s3://bucket/cache,image=registry/couler:1,timeout=60"
WRAPPER, BOTH = f"cache{{via=wrapper,{STORE}}}", f"cache{{via=both,{STORE}}}"
TASKS = """
- {name: a, template: load}
- {name: b, template: edit, depends: a, arguments: {artifacts: [{name: t, from: "{{tasks.a.outputs.artifacts.o}}"}]}}
"""
EDIT = """
- name: edit
  metadata: {annotations: {couler.io/cache: pure}}
  inputs: {artifacts: [{name: t, path: /in/t}]}
  outputs: {artifacts: [{name: t, path: /in/t}], parameters: [{name: size, valueFrom: {path: /out/size}}]}
  container: {image: i, command: [sh, -c, RUN]}
"""


def manifest(templates: str = EDIT, tasks: str = TASKS, pipeline: str = WRAPPER, **more: Any) -> Made:
    return made(workflow(tasks, templates, **more), pipeline=pipeline)


def test_a_producer_without_a_key_does_not_matter_for_what_is_wrapped() -> None:
    found = manifest()
    assert found.rules["main/b"] == ""
    assert found.rules["main/a"] == "no-inputs"
    edit = found.template("edit")
    restore, save = container(edit, "initContainers", "couler-restore"), container(edit, "sidecars", "couler-save")
    assert option(restore, "input") == "t=/in/t"
    assert restore["mirrorVolumeMounts"] is True
    assert [one["name"] for one in restore["volumeMounts"]] == ["couler-cache-key"]
    assert [one["name"] for one in save["volumeMounts"]] == ["couler-cache", "couler-cache-key"]
    assert [one["name"] for one in edit["container"]["volumeMounts"]] == ["couler-cache"]
    assert "artifact-t=@/in/t" in edit["container"]["command"]


def test_memoization_sees_no_content() -> None:
    assert manifest(pipeline="cache{via=memoize}").rules["main/b"] == "unknown-producer"


def test_it_is_valid_made_once_and_back() -> None:
    before = workflow(TASKS, EDIT)
    (after,) = made(copy.deepcopy(before), pipeline=WRAPPER).documents
    assert violations(after) == violations(before)
    assert not lint([after]).findings
    assert not made(copy.deepcopy(after), pipeline=WRAPPER).changed
    assert made(copy.deepcopy(after), pipeline="cache{via=memoize}").documents == [before]


EDITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "an input": lambda item: item["initContainers"][0]["args"].remove("--input=t=/in/t"),
    "the path of an input": lambda item: item["inputs"]["artifacts"][0].update(path="/in/u"),
    "the volume of the key": lambda item: item["container"]["volumeMounts"].append(
        {"name": "couler-cache-key", "mountPath": "/couler-key"}
    ),
    "the command": lambda item: item["container"]["command"].append("-v"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_what_is_edited_afterwards_is_stale(edit: Callable[[dict[str, Any]], object]) -> None:
    found = manifest()
    edit(found.template("edit"))
    assert any("stale-key" in str(item) for item in lint(found.documents).findings)


ORDER = """
- {name: a, template: load}
- {name: o, template: load}
- name: b
  template: edit
  depends: a && o
  arguments: {artifacts: [{name: t, from: "{{tasks.a.outputs.artifacts.o}}"}]}
"""
CHAIN = """
- {name: a, template: load}
- {name: b, template: edit, depends: a, arguments: {artifacts: [{name: t, from: "{{tasks.a.outputs.artifacts.o}}"}]}}
- {name: c, template: edit, depends: b, arguments: {artifacts: [{name: t, from: "{{tasks.b.outputs.artifacts.t}}"}]}}
"""
SKIPPED = """
- {name: a, template: load, when: "1 == 1"}
- {name: b, template: edit, depends: a, arguments: {artifacts: [{name: t, from: "{{tasks.a.outputs.artifacts.o}}"}]}}
"""


@pytest.mark.parametrize(
    ("tasks", "step", "rule"),
    [
        (ORDER, "main/b", "unknown-producer"),  # `o` may leave behind what nobody declares
        (CHAIN, "main/c", "unknown-producer"),  # so may `a`, which `c` reads nothing of
        (SKIPPED, "main/b", "uncertain-producer"),
    ],
)
def test_order_counts_all_the_same(tasks: str, step: str, rule: str) -> None:
    assert manifest(tasks=tasks).rules[step] == rule


def test_what_only_its_content_covers_has_no_key_for_others() -> None:
    """`c` reads nothing of `b`: its key would have to cover what `b` was given."""
    tasks = f"{TASKS}- {{name: c, template: pure, depends: b}}\n"
    for pipeline in (WRAPPER, BOTH):
        assert manifest(tasks=tasks, pipeline=pipeline).rules["main/c"] == "unknown-producer"


PLACES = {
    "s3": "s3: {bucket: b, key: k}",
    "a place of the run": 's3: {bucket: b, key: "{{workflow.name}}/k"}',
    "http": "http: {url: https://example.org/x}",
    "git with credentials": "git: {repo: r, revision: main, usernameSecret: {name: s, key: k}}",
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("at", ["template", "call"])
def test_the_place_of_an_artifact_does_not_matter(place: str, at: str) -> None:
    templates = (
        EDIT.replace("path: /in/t}]}\n  outputs", f"path: /in/t, {place}}}]}}\n  outputs") if at == "template" else EDIT
    )
    arguments = "" if at == "template" else f", arguments: {{artifacts: [{{name: t, {place}}}]}}"
    tasks = f"- {{name: b, template: edit{arguments}}}\n- {{name: c, template: pure, depends: b}}\n"
    found = manifest(templates, tasks)
    assert found.rules["main/b"] == ""
    assert found.rules["main/c"] == "unknown-producer"  # what is there may change, and `c` does not see it
    assert manifest(templates, tasks, pipeline="cache{via=memoize}").rules["main/b"] != ""
    assert not lint(found.documents).findings


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("path: /in/t}]}\n", "path: '/in/{{inputs.parameters.x}}'}], parameters: [{name: x, value: t}]}\n"),
        ("path: /in/t}]}\n", "path: /usr/lib/t}]}\n"),
        ("RUN]", "RUN], volumeMounts: [{name: v, mountPath: /etc}]}\n  volumes: [{name: v, emptyDir: {}}"),
        ("RUN]}", "RUN]}\n  initContainers: [{name: f, image: i, restartPolicy: Always}]"),
    ],
)
def test_where_our_container_cannot_have_it_the_lineage_counts(old: str, new: str) -> None:
    templates = EDIT.replace("artifacts: [{name: t, path: /in/t}], parameters", "parameters")
    if "volumes" in new:
        new = f"{new}]".removesuffix("]]") + "]" if new.endswith("]]") else f"{new}]"
        new = "RUN], volumeMounts: [{name: v, mountPath: /etc}]}\n  volumes: [{name: v, emptyDir: {}}]"
        old = "RUN]}"
    assert manifest(templates).rules["main/b"] == ""
    found = manifest(templates.replace(old, new, 1))
    assert templates.count(old) == 1
    assert found.rules["main/b"] == "unknown-producer"


INSIDE = """
- name: inner
  inputs: {artifacts: [{name: t}]}
  dag:
    tasks:
    - {name: e, template: edit, arguments: {artifacts: [{name: t, from: "{{inputs.artifacts.t}}"}]}}
    - {name: p, template: pure, depends: e}
    - {name: q, template: pure}
"""


def test_an_artifact_goes_into_a_graph() -> None:
    found = manifest(EDIT + INSIDE, TASKS.replace("template: edit", "template: inner"))
    assert found.rules["inner/e"] == ""
    assert found.rules["inner/p"] == "unknown-producer"
    assert found.rules["inner/q"] == "unknown-producer"  # `a` runs before it, and it reads nothing of it


LIBRARY = """
- name: show
  metadata: {annotations: {couler.io/cache: pure}}
  inputs: {artifacts: [{name: t, path: /in/t}], parameters: [{name: p}]}
  script: {image: i, command: [sh], source: "cat /in/t"}
- name: effect
  metadata: {annotations: {couler.io/cache: pure}}
  inputs: {artifacts: [{name: t, path: /in/t}]}
  container: {image: i, command: [push]}
"""


def library(pipeline: str) -> Made:
    return manifest(
        EDIT + LIBRARY, "- {name: a, template: load}\n", pipeline, metadata="name: lib", kind="WorkflowTemplate"
    )


def test_a_library_takes_artifacts_of_its_callers_by_content() -> None:
    found = library(WRAPPER)
    assert [found.rules[name] for name in ("edit", "show", "effect")] == ["", "", "no-outputs"]
    show = found.template("show")
    assert show["script"]["command"] == ["/couler/busybox", "sh", "/couler/launch", "60", "result=-", "--", "sh"]
    assert "result=-" in found.template("edit")["container"]["command"]
    assert not lint(found.documents).findings
    again = made(*copy.deepcopy(found.documents), pipeline=WRAPPER)
    assert not again.changed
    natively = library("cache{via=memoize}")
    assert [natively.rules[name] for name in ("edit", "show")] == ["unknown-producer", "no-outputs"]


@pytest.mark.parametrize("pipeline", [WRAPPER, BOTH])
def test_calls_of_a_library_are_cached_where_it_is(pipeline: str) -> None:
    call = (
        "templateRef: {name: lib, template: show}, arguments: {parameters: [{name: p, value: '1'}], artifacts: [ART]}"
    )
    call = call.replace("ART", '{name: t, from: "{{tasks.d.outputs.artifacts.o}}"}')
    caller = workflow(f"- {{name: d, template: load}}\n- {{name: r, depends: d, {call}}}\n")
    lib = workflow("- {name: a, template: load}\n", EDIT + LIBRARY, metadata="name: lib", kind="WorkflowTemplate")
    found = made(lib, caller, pipeline=pipeline)
    (decision,) = (item for item in found.decisions if item.subject == "main/r")
    assert decision.verdict == "cached"
    assert json.dumps(found.documents[1]) == json.dumps(caller)
