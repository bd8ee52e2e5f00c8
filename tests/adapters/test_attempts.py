"""Attempts of past runs are found by the operations that they ran, those of libraries too, on every engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import yaml

from adapters.subjects import Subject, each_file, lift_file
from airflow_history import document, instance
from conversions import plugins
from couler_plugins import Text, lift
from couler_plugins.documents import read
from couler_plugins.driver.context import RunContext
from couler_plugins.hookspecs import Profile
from couler_plugins.ir import Operation, Workflow
from couler_plugins.runs import Attempt, ContainerUse
from kfp_history import PIPELINE, run, task

GIB = 2**30
RESOURCES = {"requests": {"cpu": "500m"}, "limits": {"memory": "1Gi"}}


class Past(NamedTuple):
    """Documents of an engine, and what tells of a run of them.

    Attributes:
        documents: the workflows and their libraries.
        history: a run.
        name: of the file.
        attempts: the pods of each operation, by workflow and name.
    """

    documents: str
    history: Any
    attempts: dict[tuple[str, str], list[str]]
    name: str = "w.yaml"


def each(*documents: dict[str, Any]) -> str:
    return yaml.safe_dump_all(documents)


def container(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "container": {"name": "mine", "image": "busybox", "resources": RESOURCES}, **more}


def argo() -> Past:
    """Own templates, one that is called in a library, and a graph of that library which calls its own template."""
    sidecars = [{"name": "proxy", "image": "envoy", "resources": {"requests": {"memory": "64Mi"}}}]
    tasks = [
        {"name": "load", "template": "work"},
        {"name": "send", "templateRef": {"name": "lib", "template": "publish"}},
        {"name": "both", "templateRef": {"name": "lib", "template": "main"}},
    ]
    own = [{"name": "main", "dag": {"tasks": tasks}}, container("work", sidecars=sidecars)]
    held = [
        {"name": "main", "dag": {"tasks": [{"name": "load", "template": "work"}]}},
        container("publish"),
        {"name": "work", "script": {"image": "python", "source": "1", "resources": RESOURCES}},
    ]
    spec = {"entrypoint": "main", "templates": own}
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "train-"},
        "spec": spec,
    }
    library = {**workflow, "kind": "WorkflowTemplate", "metadata": {"name": "lib"}, "spec": {"templates": held}}

    def node(ident: str, name: str, inside: str, scope: str, **of: Any) -> dict[str, Any]:
        times = {"startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:10Z", "phase": "Succeeded"}
        ran = {"id": ident, "type": "Pod", "displayName": name, "boundaryID": inside, "templateScope": scope}
        return {**ran, **times, "hostNodeName": "n1", "outputs": {"exitCode": "0"}, **of}

    local, ref = "local/train-x", {"name": "lib", "template": "main"}
    nodes = {
        "train-x": {"id": "train-x", "type": "DAG", "displayName": "train-x", "templateName": "main"},
        "train-x-1": node("train-x-1", "load", "train-x", local, templateName="work"),
        "train-x-2": node("train-x-2", "send", "train-x", local, templateRef={"name": "lib", "template": "publish"}),
        "train-x-3": node("train-x-3", "both", "train-x", local, type="DAG", templateRef=ref),
        "train-x-4": node("train-x-4", "load", "train-x-3", "namespaced/lib", templateName="work"),
    }
    stored = {f"namespaced/lib/{template['name']}": template for template in held}
    metadata = {"name": "train-x", "generateName": "train-", "namespace": "ml", "uid": "u1"}
    ran = {**workflow, "metadata": metadata, "status": {"nodes": nodes, "storedTemplates": stored}}
    pods = {
        ("", "work"): ["train-x-work-1"],
        ("lib", "publish"): ["train-x-publish-2"],
        ("lib", "work"): ["train-x-work-4"],
    }
    return Past(each(workflow, library), ran, pods)


def tekton() -> Past:
    """A task that stands in its Pipeline, one of the cluster, and one that a resolver has found."""
    step = {"image": "busybox", "script": "true", "computeResources": RESOURCES}
    build = {"steps": [step, {"name": "push", **step}], "sidecars": [{"name": "db", "image": "mysql"}]}
    tasks = [
        {"name": "own", "taskSpec": {"steps": [step]}},
        {"name": "make", "taskRef": {"name": "build"}},
        {"name": "scan", "taskRef": {"resolver": "bundles", "params": [{"name": "name", "value": "scan"}]}},
    ]
    head = {"apiVersion": "tekton.dev/v1", "kind": "Pipeline"}
    pipeline = {**head, "metadata": {"name": "build"}, "spec": {"tasks": tasks}}  # as the Task that it calls
    built = {**head, "kind": "Task", "metadata": {"name": "build"}, "spec": build}
    scanned = {**head, "kind": "Task", "metadata": {"name": "scan"}, "spec": {"steps": [step]}}

    def task_run(name: str, spec: dict[str, Any], **labels: str) -> dict[str, Any]:
        ran = next(item for item in tasks if item["name"] == name)
        marks = {"tekton.dev/pipelineRun": "build-x", "tekton.dev/pipelineTask": name}
        marks |= {f"tekton.dev/{key}": label for key, label in labels.items()}
        status = {
            "podName": f"{name}-pod",
            "startTime": "2026-01-01T00:00:00Z",
            "completionTime": "2026-01-01T00:00:10Z",
            "conditions": [{"type": "Succeeded", "status": "True", "reason": "Succeeded"}],
            "steps": [{"terminated": {"exitCode": 0}}],
            "taskSpec": spec,
        }
        reference = {key: item for key, item in ran.items() if key in ("taskSpec", "taskRef")}
        metadata = {"name": f"build-x-{name}", "namespace": "ml", "labels": marks}
        return {**head, "kind": "TaskRun", "metadata": metadata, "spec": reference, "status": status}

    whole = {
        **head,
        "kind": "PipelineRun",
        "metadata": {"name": "build-x", "namespace": "ml", "uid": "u1"},
        "spec": {"pipelineRef": {"name": "build"}},
        "status": {"startTime": "2026-01-01T00:00:00Z", "pipelineSpec": {"tasks": tasks}},
    }
    ran = [task_run("own", {"steps": [step]}), task_run("make", build, task="build")]
    ran.append(task_run("scan", {"steps": [step]}, task="scan"))
    pods = {("build", "pipeline/own"): ["own-pod"], ("build", "task"): ["make-pod"], ("scan", "task"): ["scan-pod"]}
    items = {"apiVersion": "v1", "kind": "List", "items": [whole, *ran]}
    return Past(each(pipeline, built, scanned), items, pods)


def kfp() -> Past:
    """A component that one task calls, and one that a loop does."""
    spec = json.loads(json.dumps(PIPELINE))
    asked = {"resourceCpuRequest": "500m", "resourceMemoryLimit": "1Gi"}
    for executor in spec["deploymentSpec"]["executors"].values():
        executor["container"]["resources"] = asked
    entries: list[Any] = []
    for number, (name, start, end) in enumerate([("load", 20, 80), ("fit", 100, 150), ("fit", 160, 200)]):
        driver, whole, executor = task(name, start, end)
        executor["pod_name"] = f"train-x-system-container-impl-{number}"
        whole["child_tasks"] = [{"pod_name": f"train-x-{number}"}]  # by the id of the node, which is no pod's name
        entries += [driver, whole, executor]
    pods = {
        ("train", "comp-load"): ["train-x-system-container-impl-0"],
        ("train", "comp-fit"): [f"train-x-system-container-impl-{number}" for number in (1, 2)],
    }
    return Past(yaml.safe_dump(spec), run(*entries, run_id="u1", pipeline_spec=spec), pods)


PAST = {"argo": argo, "tekton": tekton, "kfp": kfp}
USED = {"main": (0.5, GIB), "step-unnamed-0": (0.5, GIB), "step-push": (0.5, GIB), "proxy": (None, 64 * 2**20)}


def workflows_of(past: Past) -> Iterator[tuple[Workflow, Operation]]:
    for workflow in lift(Text(past.documents, past.name), plugins=plugins()).workflows:
        for operation in workflow.operations:
            if operation.containers:
                yield workflow, operation


def context_of(history: Any) -> RunContext:
    return RunContext(plugins(), history=[read(json.dumps(history), "runs.json")])


@pytest.mark.parametrize("engine", PAST)
def test_attempts_are_found_by_the_name_of_the_operation(engine: str) -> None:
    past = PAST[engine]()
    context = context_of(past.history)
    found: dict[tuple[str, str], list[str]] = {}
    for workflow, operation in workflows_of(past):
        tries = context.profile(workflow, operation.name).tries or ()
        found[workflow.name, operation.name] = [one.pod for one in tries]
        names = plugins().adapter(engine).pod_containers(operation)
        for one in tries:
            assert tuple(item.container for item in one.containers) == names
            assert {name: USED[name] for name in names if name in USED} == {
                item.container: (item.cpu_request, item.memory_request)
                for item in one.containers
                if item.container in USED
            }
    assert found == past.attempts


@pytest.mark.parametrize("engine", PAST)
def test_a_run_has_an_identity(engine: str) -> None:
    past = PAST[engine]()
    (file,) = [read(json.dumps(past.history), "runs.json")]
    replies = plugins().call("couler_runs", document=file.documents[0])
    (ran,) = [item for reply in replies for item in reply.result or ()]
    assert (ran.engine, ran.uid) == (engine, "u1")


def test_attempts_of_airflow_are_found_by_the_name_of_the_operation() -> None:
    ran = document(instance("work"), instance("other"))
    workflow = Workflow(
        engine="airflow", kind="DAG", name="train", operations=(Operation(name="task/work", kind="python"),)
    )
    profile: Profile = context_of(ran).profile(workflow, "task/work")
    assert profile.tries == (Attempt(start=1767225600.0, end=1767225660.0, succeeded=True),)


@pytest.mark.parametrize(("subject", "path"), each_file())
def test_containers_of_a_pod_have_names_of_their_own(subject: Subject, path: Any) -> None:
    for workflow in lift_file(subject, path).workflows:
        for operation in workflow.operations:
            names = subject.adapter.pod_containers(operation)
            assert len(names) == len(operation.containers)
            assert len(set(names)) == len(names), operation.name
            if operation.kind in ("container", "script"):
                assert all(names)


def test_a_container_may_be_the_only_thing_that_is_known() -> None:
    assert ContainerUse(container="main") == ContainerUse(container="main", cpu_request=None)
