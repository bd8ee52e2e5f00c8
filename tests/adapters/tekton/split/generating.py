"""Pipelines of Tekton to split: a small one with most of what there is, chains, and random ones."""

from __future__ import annotations

from random import Random
from typing import Any

import yaml

__all__ = ["TRAIN", "chain", "random_run", "train"]

Data = dict[str, Any]
TRAIN = """\
# Nightly.
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: train}
spec:
  params:
  - {name: rows, value: "7"}
  - {name: tags, value: [a, b]}
  - {name: loose, value: x}
  workspaces:
  - name: data
    volumeClaimTemplate:
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
  taskRunSpecs:
  - {pipelineTaskName: fit, serviceAccountName: gpu}
  pipelineSpec:
    params:
    - {name: rows}
    - {name: tags, type: array}
    workspaces:
    - {name: data}
    results:
    - {name: score, value: $(tasks.fit.results.score)}
    - {name: said, value: $(finally.tell.results.said)}
    tasks:
    - name: fetch
      params: [{name: rows, value: $(params.rows)}]
      workspaces: [{name: data, workspace: data}]
      taskSpec:
        params: [{name: rows}]
        workspaces: [{name: data}]
        results: [{name: list, type: array}, {name: key}]
        steps:
        - image: busybox
          script: echo $(params.rows) $(params.loose) $(context.pipelineRun.name) > $(results.key.path)
    - name: clean
      params:
      - {name: all, value: ["$(tasks.fetch.results.list[*])"]}
      - {name: one, value: "$(tasks.fetch.results.list[0])-$(tasks.fetch.results.key)"}
      workspaces: [{name: data, workspace: data}]
      taskSpec:
        params: [{name: all, type: array}, {name: one}]
        workspaces: [{name: data}]
        results: [{name: o, type: object, properties: {a: {}, b: {}}}]
        steps: [{image: busybox, command: [echo], args: ["$(params.all[*])"]}]
    - name: fit
      runAfter: [clean]
      retries: 2
      timeout: 1h
      params:
      - {name: tags, value: ["$(params.tags[*])"]}
      - {name: a, value: $(tasks.clean.results.o.a)}
      taskSpec:
        params: [{name: tags, type: array}, {name: a}]
        results: [{name: score}]
        steps: [{image: busybox, command: [echo], args: ["$(params.tags[*])"]}]
    - name: report
      runAfter: [fit]
      when: [{input: $(params.rows), operator: in, values: ["7"]}]
      taskSpec:
        steps: [{image: busybox, script: "echo done"}]
    finally:
    - name: tell
      params: [{name: s, value: $(tasks.status)}]
      taskSpec:
        params: [{name: s}]
        results: [{name: said}]
        steps: [{image: busybox, script: "echo $(params.s)"}]
    - name: tidy
      params: [{name: k, value: $(tasks.fetch.results.key)}]
      taskSpec:
        params: [{name: k}]
        steps: [{image: busybox, script: "echo $(params.k)"}]
"""
TYPES = (
    {"name": "text"},
    {"name": "list", "type": "array"},
    {"name": "thing", "type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}},
)
READS = ("text", "list[0]", "thing.a")


def train() -> list[Data]:
    """The documents of `TRAIN`."""
    return list(yaml.safe_load_all(TRAIN))


def chain(tasks: int, script: str = "echo") -> Data:
    """A PipelineRun whose tasks run one after another, each with a result of the one before."""
    items = []
    for number in range(tasks):
        value = f"$(tasks.t{number - 1}.results.text)" if number else "start"
        items.append(_task(f"t{number}", [{"name": "in", "value": value}], script))
    return _run(items, [], {"results": [{"name": "last", "value": f"$(tasks.t{tasks - 1}.results.text)"}]})


def _task(name: str, params: list[Data], script: str = "echo") -> Data:
    declared = [
        {"name": item["name"], **({"type": "array"} if isinstance(item["value"], list) else {})} for item in params
    ]
    steps = [{"name": "work", "image": "busybox", "script": f"{script} $(params.in)"}]
    return {"name": name, "params": params, "taskSpec": {"params": declared, "results": list(TYPES), "steps": steps}}


def _run(tasks: list[Data], last: list[Data], beside: Data) -> Data:
    spec = {"params": [{"name": "word", "default": "w"}, {"name": "many", "type": "array"}], "tasks": tasks, **beside}
    if last:
        spec["finally"] = last
    params = [{"name": "word", "value": "hello"}, {"name": "many", "value": ["x", "y"]}]
    return {
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": {"name": "big"},
        "spec": {"params": params, "workspaces": [{"name": "data", "emptyDir": {}}], "pipelineSpec": spec},
    }


def random_run(seed: int, *, reading: bool = True) -> list[Data]:
    """A PipelineRun of up to ten tasks with about everything that a pipeline may have, and the Task that some refer to.

    Half of them refer to their Pipeline. Without `reading`, nobody reads a result of a task.
    """
    chance = Random(seed)
    tasks: list[Data] = []
    for number in range(chance.randint(2, 10)):
        tasks.append(_random_task(chance, number, tasks, reading))
    last = [_random_last(chance, number, tasks if reading else []) for number in range(chance.choice((0, 0, 1, 3)))]
    shown = chance.choice(tasks)
    results = (
        [{"name": "out", "value": f"$(tasks.{shown['name']}.results.text)"}]
        if "matrix" not in shown and reading
        else []
    )
    run = _run(tasks, last, {"workspaces": [{"name": "data"}], **({"results": results} if results else {})})
    named = {"apiVersion": "tekton.dev/v1", "kind": "Task", "metadata": {"name": "shared"}}
    shared = {**named, "spec": _task("shared", [{"name": "in", "value": ""}])["taskSpec"]}
    if seed % 2:
        pipeline = {**named, "kind": "Pipeline", "metadata": {"name": "big"}, "spec": run["spec"].pop("pipelineSpec")}
        run["spec"]["pipelineRef"] = {"name": "big"}
        return [shared, pipeline, run]
    return [shared, run]


def _random_task(chance: Random, number: int, before: list[Data], reading: bool) -> Data:
    readable = [task["name"] for task in before if "matrix" not in task] if reading else []
    gathered = [task["name"] for task in before if "matrix" in task] if reading else []
    params: list[Data] = [{"name": "in", "value": _value(chance, readable)}]
    task = _task(f"t{number}", params)
    if chance.random() < 0.3:
        task = {"name": f"t{number}", "params": params, "taskRef": {"name": "shared"}}
    elif readable and chance.random() < 0.3:
        value = f"$(tasks.{chance.choice(readable)}.results.list[*])"
        task["params"].append({"name": "all", "value": [value]})
        task["taskSpec"]["params"].append({"name": "all", "type": "array"})
    elif chance.random() < 0.3:
        task["workspaces"] = [{"name": "data"}]
        task["taskSpec"]["workspaces"] = [{"name": "data"}]
    elif chance.random() < 0.2:
        values = chance.choice((["$(params.many[*])"], ["one", "$(params.word)"]))
        task["matrix"] = {"params": [{"name": "in", "value": values}]}
        task["params"] = []
    elif gathered and chance.random() < 0.7:
        task["params"].append({"name": "all", "value": f"$(tasks.{chance.choice(gathered)}.results.text[*])"})
        task["taskSpec"]["params"].append({"name": "all", "type": "array"})
    if before and chance.random() < 0.4:
        task["runAfter"] = [chance.choice(before)["name"]]
    if chance.random() < 0.2:
        task["when"] = [
            {"input": _value(chance, readable), "operator": chance.choice(("in", "notin")), "values": ["hello"]}
        ]
    if chance.random() < 0.1:
        task["onError"] = "continue"
    elif chance.random() < 0.2:
        task |= {"retries": 1, "timeout": "5m"}
    return task


def _random_last(chance: Random, number: int, tasks: list[Data]) -> Data:
    readable = [task["name"] for task in tasks if "matrix" not in task and "when" not in task]
    value = chance.choice(("$(tasks.status)", "$(params.word)", _value(chance, readable)))
    return _task(f"last{number}", [{"name": "in", "value": value}])


def _value(chance: Random, readable: list[str]) -> str:
    constant = chance.choice(("$(params.word)", "$(context.pipelineRun.name)-$(context.pipeline.name)", "hello"))
    if not readable or chance.random() < 0.3:
        return constant
    return f"$(tasks.{chance.choice(readable)}.results.{chance.choice(READS)})"
