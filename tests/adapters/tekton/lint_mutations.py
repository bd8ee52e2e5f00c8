"""Ways to break Tekton documents, for the lint and Tekton's own webhook to judge: most of the results are refused."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

__all__ = ["KINDS", "Mutation", "broken_at_random", "mutants"]

Mapped = dict[str, Any]
Place = tuple[str | int, ...]
Mutation = Callable[[Mapped], Iterator[Callable[[], Any]]]


def mutants(mutation: Mutation, data: Mapped, most: int) -> Iterator[Mapped]:
    """Documents that differ from this one at one place each, at up to so many places from all over."""
    places = list(mutation(copy.deepcopy(data)))
    for number in range(0, len(places), max(1, -(-len(places) // most))):
        broken = copy.deepcopy(data)
        list(mutation(broken))[number]()
        yield broken


def _mappings(data: Any, key: str = "") -> Iterator[tuple[str, Mapped]]:
    if isinstance(data, dict):
        yield key, data
        for name, item in list(data.items()):
            yield from _mappings(item, name)
    for item in data if isinstance(data, list) else ():
        yield from _mappings(item, key)


def _tasks(data: Mapped) -> list[Mapped]:
    return [item for key, item in _mappings(data["spec"]) if key in ("tasks", "finally") and "name" in item]


def _items(*keys: str) -> Callable[[Mapped], list[Mapped]]:
    """Finds the mappings of lists under these keys."""
    return lambda data: [item for key, item in _mappings(data["spec"]) if key in keys]


def _put(find: Callable[[Mapped], list[Mapped]], **fields: Any) -> Mutation:
    """Sets fields of what is found."""

    def mutation(data: Mapped) -> Iterator[Callable[[], Any]]:
        for item in find(data):
            yield partial(item.update, copy.deepcopy(fields))

    return mutation


def _drop(find: Callable[[Mapped], list[Mapped]], key: str) -> Mutation:
    def mutation(data: Mapped) -> Iterator[Callable[[], Any]]:
        for item in find(data):
            if key in item:
                yield partial(item.pop, key)

    return mutation


def _rewrite(old: str, new: str) -> Mutation:
    """Replaces a piece of a text, wherever it stands."""

    def mutation(data: Mapped) -> Iterator[Callable[[], Any]]:
        for holder, key, text in _texts(data["spec"]):
            if old in text:
                yield partial(holder.__setitem__, key, text.replace(old, new, 1))

    return mutation


def _texts(data: Any) -> Iterator[tuple[Any, Any, str]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, content in list(items):
        if isinstance(content, str):
            yield data, key, content
        else:
            yield from _texts(content)


def _double(*keys: str) -> Mutation:
    """Repeats the first item of lists under these keys."""

    def mutation(data: Mapped) -> Iterator[Callable[[], Any]]:
        for _, holder in _mappings(data["spec"], "spec"):
            for key in keys:
                if isinstance(holder.get(key), list) and holder[key]:
                    yield partial(holder[key].append, copy.deepcopy(holder[key][0]))

    return mutation


def _append(find: Callable[[Mapped], list[Mapped]], key: str, item: Any) -> Mutation:
    def mutation(data: Mapped) -> Iterator[Callable[[], Any]]:
        for holder in find(data):
            yield partial(_add, holder, key, copy.deepcopy(item))

    return mutation


def _add(holder: Mapped, key: str, item: Any) -> None:
    holder.setdefault(key, []).append(item)


def _wait_for_each_other(one: Mapped, other: Mapped) -> None:
    _add(one, "runAfter", other["name"])
    _add(other, "runAfter", one["name"])


def _circle(data: Mapped) -> Iterator[Callable[[], Any]]:
    for key, spec in _mappings(data["spec"], "pipelineSpec"):
        tasks = spec.get("tasks") or []
        if key == "pipelineSpec" and len(tasks) > 1:
            yield partial(_wait_for_each_other, tasks[0], tasks[-1])


def _filled(data: Mapped) -> Iterator[Callable[[], Any]]:
    for task in _tasks(data):
        for param in task.get("matrix", {}).get("params") or ():
            passed = {"name": param["name"], "value": "x"}
            yield partial(_add, task, "params", passed)


def _final(data: Mapped) -> list[Mapped]:
    return [item for key, item in _mappings(data["spec"]) if key == "finally"]


def _steps(data: Mapped) -> list[Mapped]:
    return [item for key, item in _mappings(data["spec"]) if key == "steps"]


def _specs(data: Mapped) -> list[Mapped]:
    return [data["spec"]]


def _task_specs(data: Mapped) -> list[Mapped]:
    own = [data["spec"]] if data["kind"] == "Task" else []
    return [*own, *(item for key, item in _mappings(data["spec"]) if key == "taskSpec")]


def _pipeline_specs(data: Mapped) -> list[Mapped]:
    own = [data["spec"]] if data["kind"] == "Pipeline" else []
    return [*own, *(item for key, item in _mappings(data["spec"]) if key == "pipelineSpec")]


def _declared(data: Mapped) -> list[Mapped]:
    specs = [*_task_specs(data), *_pipeline_specs(data), *([data["spec"]] if data["kind"] == "StepAction" else [])]
    return [param for spec in specs for param in spec.get("params") or ()]


def _matrices(data: Mapped) -> list[Mapped]:
    return [item for key, item in _mappings(data["spec"]) if key == "matrix"]


def _bindings(data: Mapped) -> list[Mapped]:
    return list(data["spec"].get("workspaces") or ()) if data["kind"].endswith("Run") else []


def _actions(data: Mapped) -> list[Mapped]:
    return [data["spec"]] if data["kind"] == "StepAction" else []


def _task_runs(data: Mapped) -> list[Mapped]:
    return [data["spec"]] if data["kind"] == "TaskRun" else []


def _callers(data: Mapped) -> list[Mapped]:
    """Whatever refers to another object."""
    own = [data["spec"]] if data["kind"].endswith("Run") else []
    return [item for item in (*own, *_tasks(data), *_steps(data)) if {"taskRef", "pipelineRef", "ref"} & item.keys()]


def _results(data: Mapped) -> list[Mapped]:
    return [result for spec in _task_specs(data) for result in spec.get("results") or ()]


def _metadata(data: Mapped) -> list[Mapped]:
    return [data["metadata"]]


LONG = {"name": "many", "value": [str(number) for number in range(300)]}
KINDS: dict[str, Mutation] = {
    "a bad name of an object": _put(_metadata, name="Not_A_Name"),
    "a name of an object that is too long": _put(_metadata, name="n" * 64),
    "no name of a task": _drop(_tasks, "name"),
    "a bad name of a task": _put(_tasks, name="Upper"),
    "a name that others need": _put(_tasks, name="renamed"),
    "two tasks of one name": _double("tasks"),
    "two final tasks of one name": _double("finally"),
    "two steps of one name": _double("steps"),
    "two parameters of one name": _double("params"),
    "two workspaces of one name": _double("workspaces"),
    "two volumes of one name": _double("volumes"),
    "waiting for nobody": _append(_tasks, "runAfter", "nobody"),
    "waiting for itself": _circle,
    "a final task that waits": _put(_final, runAfter=["anything"]),
    "a result of an unknown task": _rewrite("$(tasks.", "$(tasks.un"),
    "a result in a wrong spelling": _rewrite(".results.", ".result."),
    "a result of a result": _rewrite(".results.", ".results.x.y."),
    "an unknown parameter": _rewrite("$(params.", "$(params.un"),
    "an unknown parameter in brackets": _rewrite("$(params.", "$(params['a.b'] $(params."),
    "a parameter with too many dots": _rewrite("$(params.", "$(params.a.b.c) $(params."),
    "a whole list in a text": _rewrite("[*])", "[*]) and more"),
    "no declaration of a parameter": _put(_declared, name="other"),
    "a parameter of a bad type": _put(_declared, type="number"),
    "a parameter that is a list": _put(_declared, type="array"),
    "a parameter that is an object": _put(_declared, type="object"),
    "a default that is a list": _put(_declared, default=["a"]),
    "a default that is an object": _put(_declared, default={"a": "b"}),
    "a bad name of a parameter": _put(_declared, name="1st"),
    "a dotted name of a parameter": _put(_declared, name="a.b"),
    "an enum without the default": _put(_declared, enum=["x", "x"]),
    "bad properties": _put(_declared, properties={"a": {"type": "array"}}),
    "no image": _drop(_steps, "image"),
    "a bad name of a step": _put(_steps, name="Step_1"),
    "a script beside a command": _put(_steps, script="exit", command=["sh"]),
    "params without a StepAction": _put(_steps, params=[{"name": "a", "value": "b"}]),
    "a reference beside an image": _put(_steps, ref={"name": "action"}),
    "a bad onError of a step": _put(_steps, onError="ignore"),
    "a negative timeout of a step": _put(_steps, timeout="-1m"),
    "a mount of Tekton's own": _put(_steps, volumeMounts=[{"name": "v", "mountPath": "/tekton/x"}]),
    "an unknown workspace of a step": _put(_steps, workspaces=[{"name": "unknown"}]),
    "a result of a step in its script": _put(_steps, script="echo $(steps.a.results.b)"),
    "an unknown result in a script": _put(_steps, script="echo > $(results.nothing.path)"),
    "an unknown context in a step": _put(_steps, workingDir="$(context.taskRun.age)"),
    "output to a file": _put(_steps, stdoutConfig={"path": "/x"}),
    "nothing among the steps": _append(_task_specs, "steps", None),
    "nothing among the parameters": _append(_task_specs, "params", None),
    "nothing among the tasks": _append(_pipeline_specs, "tasks", None),
    "no type, no default and no properties": _put(_declared, type=None, default=None, properties=None),
    "no steps": _put(_task_specs, steps=[]),
    "a bad name of a result": _put(_items("results"), name="-x"),
    "a bad type of a result": _put(_items("results"), type="number"),
    "a result that is an object": _put(_items("results"), type="object"),
    "a value of a result that is none": _put(_items("results"), value="constant"),
    "a bad operator": _put(_items("when"), operator="equals"),
    "no values": _put(_items("when"), values=[]),
    "CEL beside an input": _put(_items("when"), cel="'a' == 'a'"),
    "a task that runs nothing": _drop(_tasks, "taskRef"),
    "a task without its spec": _drop(_tasks, "taskSpec"),
    "a reference beside a spec": _put(_tasks, taskRef={"name": "a"}),
    "a bad reference": _put(_tasks, taskRef={"name": "a b"}),
    "a reference with params": _put(_items("taskRef"), params=[]),
    "a resolver beside a name": _put(_items("taskRef", "pipelineRef"), resolver="git"),
    "a reference to a URL": _put(_items("taskRef", "pipelineRef"), name="https://example.com/a"),
    "a custom task": _put(_items("taskRef"), apiVersion="example.dev/v1"),
    "a custom task of a bad version": _put(_items("taskRef"), apiVersion="v1", kind="Wait"),
    "a custom task with steps": _put(_items("taskSpec"), apiVersion="example.dev/v1", kind="Wait"),
    "onError": _put(_tasks, onError="continue"),
    "a bad onError of a task": _put(_tasks, onError="ignore"),
    "onError beside retries": _put(_tasks, onError="continue", retries=2),
    "a ClusterTask": _put(_items("taskRef"), kind="ClusterTask"),
    "retries that are a text": _put(_tasks, retries="2"),
    "a timeout without a unit": _put(_tasks, timeout="10"),
    "an unknown field of a task": _put(_tasks, dependsOn=["a"]),
    "an unknown field of a step": _put(_steps, imagePullPolice="Always"),
    "an unknown field of a spec": _put(_specs, sizes=1),
    "an unknown field of the metadata": _put(lambda data: [data["metadata"]], annotation={"a": "b"}),
    "an unknown field of a security context": _put(_steps, securityContext={"runAsRoot": True}),
    "an unknown field of a variable": _put(_steps, env=[{"name": "A", "valueFrom": {"secretKeyRef": {"nme": "s"}}}]),
    "an unknown field of a volume": _put(_task_specs, volumes=[{"name": "v", "emptyDir": {"size": "1Gi"}}]),
    "an unknown field of a probe": _put(
        _task_specs, sidecars=[{"name": "a", "image": "b", "readinessProbe": {"httpGet": {"port": 1}, "every": 1}}]
    ),
    "a number as a text": _put(_steps, image=5),
    "a mapping as a list": _put(_specs, params={"a": "b"}),
    "a status in a task": _append(_tasks, "params", {"name": "state", "value": "$(tasks.some.status)"}),
    "a variable of the shell": _append(_tasks, "params", {"name": "home", "value": "$(HOME)"}),
    "a bad context variable": _append(_tasks, "params", {"name": "c", "value": "$(context.pipelineRun.age)"}),
    "a list that is passed beside a text": _append(_tasks, "params", {"name": "c", "value": "$(params.a[*])-x"}),
    "a large matrix": _append(_matrices, "params", LONG),
    "a matrix": _put(_tasks, matrix={"params": [{"name": "many", "value": ["a", "b"]}]}),
    "a matrix of what is passed": _filled,
    "a pipeline in a pipeline": _put(_tasks, pipelineRef={"name": "a"}),
    "an unknown workspace of a task": _put(_tasks, workspaces=[{"name": "a", "workspace": "unknown"}]),
    "a result of a pipeline that is constant": _put(
        lambda data: [item for spec in _pipeline_specs(data) for item in spec.get("results") or ()], value="constant"
    ),
    "a result of a pipeline of nothing": _append(
        _pipeline_specs, "results", {"name": "r", "value": "$(tasks.nothing.results.a)"}
    ),
    "final tasks alone": _put(_pipeline_specs, tasks=[], **{"finally": [{"name": "a", "taskRef": {"name": "a"}}]}),
    "no volume": _drop(_bindings, "emptyDir"),
    "two volumes": _put(_bindings, emptyDir={}, configMap={"name": "a"}),
    "a claim without a name": _put(_bindings, persistentVolumeClaim={}),
    "a run of nothing": _drop(_specs, "pipelineRef"),
    "a run without its spec": _drop(_specs, "taskSpec"),
    "a run of two things": _put(_specs, pipelineRef={"name": "a"}, pipelineSpec={"tasks": []}),
    "a bad status": _put(_specs, status="Paused"),
    "a negative timeout": _put(_specs, timeout="-1m"),
    "timeouts that do not fit": _put(_specs, timeouts={"pipeline": "10m", "tasks": "8m", "finally": "5m"}),
    "a task that may take longer than its run": _put(_specs, taskRunSpecs=[{"pipelineTaskName": "a", "timeout": "2h"}]),
    "resources of a step and of the pod": _put(
        _specs,
        computeResources={"requests": {"cpu": "1"}},
        stepSpecs=[{"name": "a", "computeResources": {"requests": {"cpu": "1"}}}],
    ),
    "a script that reads a parameter": _put(_actions, script="echo $(params.a)"),
    "breakpoints that do not exist": _put(_task_runs, debug={"breakpoints": {"onFailure": "never"}}),
    "a negative number of retries": _put(_task_runs, retries=-1),
    "PipelineResources": _put(_specs, resources={"inputs": []}),
    "a list of PipelineResources": _put(_specs, resources=[{"name": "git"}]),
    "PipelineResources of a task": _put(_tasks, resources={"inputs": []}),
    "PipelineResources of a spec": _put(_items("taskSpec"), resources={}),
    "a bundle": _put(_items("taskRef", "pipelineRef"), bundle="example.com/tasks:1"),
    "two timeouts": _put(_specs, timeout="5m", timeouts={"pipeline": "10m"}),
    "a sidecar without an image": _put(_task_specs, sidecars=[{"name": "a", "script": "sleep 9"}]),
    "a sidecar with a script and a command": _put(
        _task_specs, sidecars=[{"name": "a", "image": "a", "script": "b", "command": ["c"]}]
    ),
    "results of a step, and a template": _put(
        _task_specs, stepTemplate={"workingDir": "/"}, steps=[{"image": "a", "results": [{"name": "-"}]}]
    ),
    "params of a step, and a template": _put(
        _task_specs, stepTemplate={"workingDir": "/"}, steps=[{"image": "a", "params": [{"name": "a", "value": "b"}]}]
    ),
    "a step that reads an unknown task": _append(_steps, "args", "$(tasks.unknown.results.a)"),
    "a bad name in a nested pipeline": _put(_items("pipelineSpec"), tasks=[{"name": "A", "taskRef": {"name": "a"}}]),
    "a field in another case": _put(_steps, workingdir="/"),
    "nothing that is passed": _drop(_callers, "params"),
    "no workspaces that are given": _drop(_callers, "workspaces"),
    "a result that is called otherwise": _put(_results, name="renamed"),
}


def broken_at_random(items: list[Mapped], number: int, chance: random.Random) -> Iterator[Mapped]:
    """Documents in each of which something is gone, is there twice, or holds what stands elsewhere under its key."""
    elsewhere: dict[str, list[Any]] = {}
    for item in items:
        for holder, key in _places(item["spec"]):
            if isinstance(key, str):
                elsewhere.setdefault(key, []).append(holder[key])
    for _ in range(number):
        item = copy.deepcopy(chance.choice(items))
        holder, key = chance.choice(list(_places(item["spec"])))
        if chance.random() < 0.3:
            del holder[key]
        elif isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        else:
            holder[key] = copy.deepcopy(chance.choice(elsewhere[key]))
        yield item


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    for key in list(data) if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ():
        yield data, key
        yield from _places(data[key])
