"""After a wrong declaration: a version that is raised gives other keys, and a time to live ends hits, on each engine.

Airflow's workers are in `airflow/runtime/test_runs.py`, `couler cache run` in `tests/cli/test_cache_run.py`.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.kfp.caching.small import document as salted
from adapters.kfp.caching.small import pipeline
from couler_plugins.api import Text, optimize
from couler_plugins.caching.artifacts import ArtifactCache, open_cache
from running.local.running import STARTED, runs, script, workflow

IMAGE = f"registry/couler@sha256:{'0' * 64}"
WRAPPER = f"via=wrapper,store=s3://bucket/cache,image={IMAGE}"
VERSION = "couler.io/cache-version"
Annotations = Mapping[str, str]
Texts = dict[str, str]

TASKS = """\
- {name: with-inputs, template: eats, arguments: {parameters: [{name: x, value: "1"}]}}
- {name: without, template: starts}
- {name: after, template: follows, depends: without, arguments: {artifacts: [{name: a, from: FROM}]}}
"""


def argo(whole: Annotations, own: Annotations) -> dict[str, Any]:
    """A workflow whose templates have inputs, none, or an artifact of that without."""
    output = {"artifacts": [{"name": "o", "path": "/tmp/o"}]}
    container = {"image": "alpine", "command": ["make"]}
    pure, first = {"couler.io/cache": "pure"}, {"couler.io/cache": "pure", VERSION: "1"}
    tasks = yaml.safe_load(TASKS.replace("FROM", "'{{tasks.without.outputs.artifacts.o}}'"))
    templates: list[dict[str, Any]] = [{"name": "main", "dag": {"tasks": tasks}}]
    for name, said, inputs in (
        ("eats", {**pure, **own}, {"parameters": [{"name": "x"}]}),
        ("starts", {**first, **own}, {}),
        ("follows", pure, {"artifacts": [{"name": "a", "path": "/tmp/a"}]}),
    ):
        metadata = {"annotations": said}
        templates.append(
            {"name": name, "metadata": metadata, "inputs": inputs, "outputs": output, "container": container}
        )
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "w-", "annotations": dict(whole)},
        "spec": {"entrypoint": "main", "templates": templates},
    }


def argo_keys(via: str, whole: Annotations, own: Annotations) -> Texts:
    """What makes the key of each template; of one after another, also what its call hands over."""
    (changed,) = optimize([argo(whole, own)], f"cache{{{via}}}").documents
    main, *templates = changed["spec"]["templates"]
    lineages = {task["template"]: json.dumps(task.get("arguments")) for task in main["dag"]["tasks"]}
    texts = {item["name"]: json.dumps(item.get("memoize") or item.get("initContainers")) for item in templates}
    return {name: text + lineages[name] for name, text in texts.items()}


def tekton_keys(whole: Annotations, own: Annotations) -> Texts:
    """What the first step of each task is told."""
    result, say = [{"name": "r"}], {"image": "busybox", "script": "printf x > $(results.r.path)"}
    steps: dict[str, Any] = {"results": result, "steps": [say]}
    pure = {"couler.io/cache": "pure", "couler.io/max-output-bytes": "64"}
    with_inputs = {**steps, "params": [{"name": "x"}], "metadata": {"annotations": {**pure, **own}}}
    without = {**steps, "metadata": {"annotations": {**pure, VERSION: "1", **own}}}
    after = {**steps, "params": [{"name": "x"}], "metadata": {"annotations": pure}}
    tasks = [
        {"name": "eats", "params": [{"name": "x", "value": "1"}], "taskSpec": with_inputs},
        {"name": "starts", "taskSpec": without},
        {"name": "follows", "runAfter": ["starts"], "params": [{"name": "x", "value": "1"}], "taskSpec": after},
    ]
    run = {
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": {"generateName": "w-", "annotations": dict(whole)},
        "spec": {"pipelineSpec": {"tasks": tasks}},
    }
    (changed,) = optimize([run], f"cache{{{WRAPPER}}}").documents
    found = changed["spec"]["pipelineSpec"]["tasks"]
    return {item["name"]: json.dumps(item["taskSpec"]["steps"][0].get("args")) for item in found}


def kfp_keys(whole: Annotations, own: Annotations, epoch: str = "2026-11-26") -> Texts:
    """The salts: of a task with inputs, of one without, and of one that comes after that."""
    data = pipeline()
    spec = data["spec"]
    off = {"cachingOptions": {"enableCache": True}, "componentRef": {"name": "comp-starts"}}
    spec["components"]["comp-starts"] = {
        "executorLabel": "exec-starts",
        "outputDefinitions": spec["components"]["comp-make"]["outputDefinitions"],
    }
    spec["deploymentSpec"]["executors"]["exec-starts"] = {
        "container": {"image": f"example/tool@sha256:{'0' * 64}", "command": ["tool"]}
    }
    spec["root"]["dag"]["tasks"]["starts"] = {**off, "taskInfo": {"name": "starts"}}
    spec["root"]["dag"]["tasks"]["follows"] = {
        **spec["root"]["dag"]["tasks"]["make"],
        "componentRef": {"name": "comp-follows"},
        "dependentTasks": ["starts"],
        "taskInfo": {"name": "follows"},
    }
    spec["components"]["comp-follows"] = {**spec["components"]["comp-make"], "executorLabel": "exec-follows"}
    spec["deploymentSpec"]["executors"]["exec-follows"] = spec["deploymentSpec"]["executors"]["exec-make"]
    pure = {"couler.io/cache": "pure"}
    said = {"exec-make": {**pure, **own}, "exec-starts": {**pure, VERSION: "1", **own}, "exec-follows": pure}
    executors = {label: {"podMetadata": {"annotations": one}} for label, one in said.items()}
    data["platform"] = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}
    if whole:
        metadata = {"name": "p", "annotations": dict(whole)}
        head = {"apiVersion": "pipelines.kubeflow.org/v2beta1", "kind": "PipelineVersion", "metadata": metadata}
        version = {**head, "spec": {"pipelineSpec": spec, "platformSpec": data["platform"]}}
        (file,) = optimize(Text(json.dumps(version)), f"cache{{epoch={epoch}}}").files
        assert file.error is None, file.error
        changed = file.documents[0]["spec"]["pipelineSpec"]
    else:
        changed = salted(data, f"cache{{epoch={epoch}}}")
    names = {"eats": "make", "starts": "starts", "follows": "follows"}
    tasks = changed["root"]["dag"]["tasks"]
    return {name: json.dumps(tasks[task]["inputs"]["parameters"].get("couler-salt")) for name, task in names.items()}


ENGINES: dict[str, Callable[[Annotations, Annotations], Texts]] = {
    "argo memoizes": partial(argo_keys, "via=memoize"),
    "argo wraps": partial(argo_keys, WRAPPER),
    "tekton": tekton_keys,
    "kfp": kfp_keys,
}


@pytest.mark.parametrize("engine", ENGINES)
def test_another_version_is_another_key_with_inputs_and_without_and_for_what_comes_after(engine: str) -> None:
    keys = ENGINES[engine]
    before = keys({}, {VERSION: "1"})
    assert keys({}, {VERSION: "1"}) == before
    after = keys({}, {VERSION: "2"})
    assert {name for name in before if before[name] != after[name]} == {"eats", "starts", "follows"}
    assert keys({}, {})["eats"] != before["eats"], "the first version is another key as well"


@pytest.mark.parametrize("engine", ENGINES)
def test_the_version_of_a_whole_workflow_counts_beside_that_of_a_step(engine: str) -> None:
    keys = ENGINES[engine]
    seen = [keys({VERSION: whole}, {VERSION: own}) for whole, own in (("1", "1"), ("2", "1"), ("1", "2"), ("2", "2"))]
    for name in seen[0]:
        assert len({each[name] for each in seen}) == 4, name
    plain = keys({"couler.io/cache": "pure"}, {VERSION: "1"})
    assert all(plain[name] != seen[0][name] for name in plain)


def test_the_version_of_a_workflow_is_no_input() -> None:
    bare = argo({VERSION: "1", "couler.io/cache": "pure"}, {})
    bare["spec"]["templates"][2]["metadata"] = {}
    (changed,) = optimize([bare], "cache{via=memoize}").documents
    cached = {item["name"]: "memoize" in item for item in changed["spec"]["templates"]}
    assert (cached["eats"], cached["starts"]) == (True, False)


TTL = {"couler.io/cache": "ttl=90m"}


def test_a_time_to_live_is_handed_to_each_engine_with_inputs_and_without() -> None:
    memoized, wrapped, tekton = (ENGINES[name]({}, TTL) for name in ("argo memoizes", "argo wraps", "tekton"))
    for name in ("eats", "starts"):
        assert '"maxAge": "5400s"' in memoized[name]
        assert '"--max-age=5400s"' in wrapped[name]
        assert '"--max-age=5400s"' in tekton[name]
    assert "--key-folder=" in wrapped["follows"], "the content of the artifact that it reads is in its key"
    for text in (memoized["follows"], tekton["follows"]):
        assert text.startswith("null"), "what is made anew after a time has no key for what comes after it"
    early, same, late = (kfp_keys({}, TTL, f"2026-11-26T{hour}") for hour in ("00:10", "01:20", "01:40"))
    for name in ("eats", "starts"):
        assert early[name] == same[name] != late[name]
    assert early["follows"] == "null"


LOCAL = """
steps:
- - {name: a, template: eats, arguments: {parameters: [{name: x, value: "1"}]}}
  - {name: b, template: starts}
"""


def local(whole: str, own: str) -> str:
    """A workflow for the local engine, whose steps write down that they have started."""
    said = f"{{annotations: {{{own}}}}}"
    output = "{artifacts: [{name: o, path: /tmp/o}]}"
    program = f"echo NAME >> {STARTED}\necho 1 > /tmp/o"
    eats = script(program.replace("NAME", "a"), inputs="{parameters: [{name: x}]}", outputs=output, metadata=said)
    starts = script(program.replace("NAME", "b"), outputs=output, metadata=said)
    return workflow(LOCAL, eats=eats, starts=starts).replace("name: w}", f"name: w, annotations: {{{whole}}}}}")


@contextlib.contextmanager
def opened(folder: Path, ago: float = 0.0) -> Iterator[ArtifactCache]:
    with contextlib.closing(open_cache(folder, clock=lambda: time.time() - ago)) as cache:
        yield cache


def started(text: str, folder: Path, name: str, ago: float = 0.0) -> str:
    """The steps that a local run executes."""
    ran = runs(text, folder / name, run=name, opening=partial(opened, folder / "cache", ago))
    assert ran.well
    log = ran.folder / "started"
    return "".join(sorted(log.read_text().split())) if log.exists() else ""


def test_the_local_engine_heeds_versions(tmp_path: Path) -> None:
    pure = "couler.io/cache: pure"
    assert started(local("", f'{pure}, {VERSION}: "1"'), tmp_path, "one") == "ab"
    assert started(local("", f'{pure}, {VERSION}: "1"'), tmp_path, "two") == ""
    assert started(local("", f'{pure}, {VERSION}: "2"'), tmp_path, "three") == "ab"
    assert started(local(f'{VERSION}: "7"', f'{pure}, {VERSION}: "2"'), tmp_path, "four") == "ab"
    assert started(local(f'{VERSION}: "7"', f'{pure}, {VERSION}: "2"'), tmp_path, "five") == ""


def test_the_local_engine_heeds_times_to_live(tmp_path: Path) -> None:
    text = local("", f'couler.io/cache: ttl=1h, {VERSION}: "1"')
    assert started(text, tmp_path, "one", ago=7_200.0) == "ab"
    assert started(text, tmp_path, "two") == "ab", "it is too old"
    assert started(text, tmp_path, "three") == "", "what was made anew has taken its place"
