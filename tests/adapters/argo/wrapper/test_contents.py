"""Input artifacts by content: what Argo puts into a pod before its command, and what the key makes of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.argo.caching.small import Made, made, workflow
from adapters.argo.crd import violations
from adapters.argo.wrapper.manifests import container, option
from adapters.argo.wrapper.pods import Ran, pod
from couler_plugins.api import lint
from couler_plugins.caching.artifacts import open_cache
from support import first_of

STORE = "store=s3://bucket/cache,image=registry/couler:1,timeout=60"
WRAPPER, BOTH = f"cache{{via=wrapper,{STORE}}}", f"cache{{via=both,{STORE}}}"
KEY = "a" * 64
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
SCRIPT = "echo >> log; echo $(cat in/t/x)2 > in/t/x; echo 1 > out/size"


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


class Pods:
    """Pods of one step, one after the other: what is in them goes, what is in the store stays."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store, self.count = folder, str(folder / "store"), 0
        self.template = manifest().template("edit")

    def run(self, content: str = "1", script: str = SCRIPT, *, executable: bool = False, name: str = "x") -> Ran:
        self.count += 1
        (self.place / "out").mkdir(parents=True)
        (self.place / "couler-key").mkdir()
        (self.place / "in/t").mkdir(parents=True)
        (self.place / "in/t" / name).write_text(content)
        (self.place / "in/t" / name).chmod(0o755 if executable else 0o644)
        command = [script if text == "RUN" else text for text in self.template["container"]["command"]]
        container = {**self.template["container"], "command": command}
        return pod({**self.template, "container": container}, self.place, KEY, self.store)

    @property
    def place(self) -> Path:
        return self.folder / f"pod-{self.count}"

    def ran(self) -> bool:
        return (self.place / "log").exists()

    def blobs(self) -> list[Path]:
        return sorted(Path(self.store).glob("v1/*/blobs/*/*"))


@pytest.fixture
def pods(tmp_path: Path) -> Pods:
    return Pods(tmp_path)


def test_the_same_content_is_a_hit(pods: Pods) -> None:
    assert pods.run().code == 0
    assert pods.ran()
    again = pods.run()
    assert (again.code, pods.ran()) == (0, False), again
    assert (pods.place / "in/t/x").read_text() == "12\n"
    assert (pods.place / "out/size").read_text() == "1\n"
    with open_cache(pods.store) as cache:
        (entry,) = cache.entries()
    assert entry.key != KEY


@pytest.mark.parametrize("other", [{"content": "2"}, {"executable": True}, {"name": "y"}], ids=str)
def test_another_content_is_none(other: dict[str, Any], pods: Pods) -> None:
    pods.run(script="echo >> log; echo 1 > out/size")
    pods.run(script="echo >> log; echo 1 > out/size", **other)
    assert pods.ran()


def test_a_content_that_cannot_be_told_is_not_kept(pods: Pods) -> None:
    for _ in range(2):
        pods.count += 1
        (pods.place / "in/t").mkdir(parents=True)
        (pods.place / "in/t/out").symlink_to("/etc")
        pods.count -= 1
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                Path, "mkdir", lambda self, *_, _old=Path.mkdir, **more: _old(self, parents=True, exist_ok=True)
            )
            ran = pods.run()
        assert (ran.code, pods.ran()) == (0, True)
        assert "leads out of its folder" in ran.around
        assert "the result is not kept" in ran.around
    assert pods.blobs() == []


def test_a_command_cannot_have_its_result_kept_as_that_of_another_content(pods: Pods) -> None:
    """It can write into the folder that it shares with the sidecar, and the key is not there."""
    pods.run("evil", f"{SCRIPT}; echo {'b' * 64} > /couler/key; rm -rf in/t; mkdir in/t; echo 1 > in/t/x")
    with open_cache(pods.store) as cache:
        (entry,) = cache.entries()
    assert entry.key != "b" * 64
    pods.run("1")
    assert pods.ran()


GONE: dict[str, Callable[[Path], object]] = {
    "deleted": Path.unlink,
    "cut off": lambda path: (path.chmod(0o644), path.write_bytes(path.read_bytes()[:-1])),
    "empty": lambda path: (path.chmod(0o644), path.write_bytes(b"")),
    "other bytes": lambda path: (path.chmod(0o644), path.write_bytes(b"!" * path.stat().st_size)),
}


@pytest.mark.parametrize("harm", [GONE[name] for name in first_of(list(GONE), 4)], ids=first_of(list(GONE), 4))
@pytest.mark.parametrize("which", [0, 1])
def test_a_hit_whose_artifact_is_gone_is_a_miss(harm: Callable[[Path], object], which: int, pods: Pods) -> None:
    pods.run()
    blobs = pods.blobs()
    assert len(blobs) == 2
    harm(blobs[which])
    again = pods.run()
    assert (again.code, pods.ran()) == (0, True)
    assert (pods.place / "in/t/x").read_text() == "12\n"
    assert "Traceback" not in again.around


def test_what_goes_between_the_look_up_and_the_launcher_is_a_miss(pods: Pods) -> None:
    pods.run()
    lost = {"name": "late", "image": "i", "command": ["rm", "-r", "/couler/restored/artifact-t"]}
    pods.template["initContainers"] = [*pods.template["initContainers"], lost]
    again = pods.run()
    assert (again.code, pods.ran()) == (0, True)
    assert (pods.place / "in/t/x").read_text() == "12\n"


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
