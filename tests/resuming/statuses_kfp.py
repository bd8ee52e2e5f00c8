"""Runs as KFP's API tells of them, of runs of the IR's interpreter: from documents to documents, and back."""

from __future__ import annotations

import json
from typing import Any

from couler_plugins.hookspecs.resuming import Place
from couler_plugins.ir import Graph, Operation, Step, Workflow, callables, callee_of
from ir.interpreter import Ports
from resuming.points import Recorder

STATES = {"succeeded": "SUCCEEDED", "failed": "FAILED", "errored": "FAILED", "skipped": "SKIPPED"}
VALUES: dict[str, Any] = {
    "STRING": str,
    "NUMBER_INTEGER": lambda number: number,
    "NUMBER_DOUBLE": lambda number: number + 0.5,
    "LIST": lambda number: [number],
    "STRUCT": lambda number: {"number": number},
}
"""A value of each type that no other output has; there are not enough of the others."""


class Told:
    """A run that failed.

    Attributes:
        tasks: its tasks as the next version of the API has them, with the ids of those that they are in.
        nodes: its tasks as the nodes of 2.17.
        results: what a record of its results has.
        tokens: what each constant stands for.
    """

    def __init__(self, workflow: Workflow, recorder: Recorder) -> None:
        self.by_name: dict[str, Graph | Operation] = callables(workflow)
        self.recorder = recorder
        self.tasks: list[Any] = [{"task_id": "entry", "name": "root", "type": "ROOT", "state": "FAILED"}]
        self.nodes: list[Any] = [{"task_id": "n", "display_name": "root", "state": "FAILED"}]
        self.results: list[Any] = []
        self.tokens: dict[str, Any] = {}
        self.artifacts: dict[str, Any] = {}
        assert workflow.entry is not None
        self.graph(self.by_name["root"], ("entry",))

    def graph(self, graph: Any, place: Place) -> None:
        for step in graph.steps if isinstance(graph, Graph) else ():
            here = (*place, step.name)
            if here in self.recorder.ended:
                self.step(graph, step, here)

    def step(self, graph: Graph, step: Step, place: Place) -> None:
        outcome, outputs = self.recorder.ended[place]
        callee = callee_of(step, self.by_name)
        assert callee is not None
        state = {"state": STATES[outcome]} if outcome in STATES else {}
        parent = "/".join(place[:-1])
        if state:
            said = self.outputs(callee, step, outputs, outcome)
            task = {"task_id": "/".join(place), "name": step.name, "parent_task_id": parent, **state}
            self.tasks.append({**task, "outputs": said} if isinstance(callee, Operation) else task)
            self.nodes.append({"task_id": f"n-{len(self.nodes)}", "display_name": step.name, **state})
            if isinstance(callee, Operation) and outcome == "succeeded":
                self.nodes.append({"display_name": f"{step.name}-driver", **state})
                self.nodes.append({"display_name": "executor", **state})
                self.results.append(
                    {
                        "key": "/".join(place),
                        "step": f"{graph.name}/{step.name}",
                        "parameters": {item["parameter_key"]: item["value"] for item in said["parameters"]},
                        "artifacts": {item["artifact_key"]: item["artifacts"][0] for item in said["artifacts"]},
                    }
                )
        if step.loop is None:
            self.graph(callee, place)

    def outputs(self, callee: Any, step: Step, outputs: Ports, outcome: str) -> Any:
        said: dict[str, list[Any]] = {"parameters": [], "artifacts": []}
        declared = {(item.kind, item.name): item for item in callee.outputs}
        for key, value in outputs.items() if outcome == "succeeded" and step.loop is None else ():
            kind, name = key
            number = 1000 + len(self.tokens)
            if kind == "artifact":
                uri = f"s3://bucket/{number}"
                self.tokens[uri] = value
                said["artifacts"].append({"artifact_key": name, "artifacts": [{"uri": uri}], "type": "OUTPUT"})
                continue
            native = declared[kind, name].native_extra
            written = VALUES.get(str(native and native.data.get("parameterType")))
            if written is not None:
                constant = written(number)
                spelled = {"constant": constant} if isinstance(constant, (list, dict)) else constant
                self.tokens[
                    json.dumps(spelled, separators=(",", ":")) if spelled is not constant else str(constant)
                ] = value
                said["parameters"].append({"parameter_key": name, "value": constant, "type": "OUTPUT"})
        return said

    def run(self, spec: Any, **tasks: Any) -> Any:
        return {"run_id": "run-1", "state": "FAILED", "pipeline_spec": spec, **tasks}
