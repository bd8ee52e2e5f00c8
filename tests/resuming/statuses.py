"""Statuses as engines write them, of runs of the IR's interpreter: from documents to documents, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from couler_plugins.ir import Call, Graph, Operation, Step, Workflow, callables
from ir.interpreter import Ports
from resuming.points import PHASES, Recorder

TIMES = {"startedAt": "2026-01-01T00:01:00Z", "finishedAt": "2026-01-01T00:04:00Z"}
BAD = ("failed", "errored")


def argo(document: Mapping[str, Any], workflow: Workflow, recorder: Recorder) -> tuple[dict[str, Any], dict[str, Any]]:
    """A Workflow with its status, and what each text and location in it stands for."""
    return _Nodes(workflow, recorder).whole(document)


class _Nodes:
    def __init__(self, workflow: Workflow, recorder: Recorder) -> None:
        self.by_name: dict[str, Graph | Operation] = callables(workflow)
        self.entry = workflow.entry
        self.recorder = recorder
        self.nodes: dict[str, dict[str, Any]] = {}
        self.tokens: dict[str, Any] = {}

    def whole(self, document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        assert self.entry is not None
        self.node("run-1", "run-1", "", ("entry",), self.entry)
        status = {"phase": "Failed", "finishedAt": TIMES["finishedAt"], "nodes": self.nodes}
        metadata = {**document.get("metadata", {}), "name": "run-1", "generateName": "run-", "uid": "uid-1"}
        return {**document, "metadata": metadata, "status": status}, self.tokens

    def node(self, ident: str, name: str, around: str, place: tuple[str, ...], step: Step) -> dict[str, Any]:
        outcome, outputs = self.recorder.ended[place]
        callee = self.by_name.get(step.call.name) if isinstance(step.call, Call) else None
        runs = outcome in ("succeeded", *BAD)
        kind = "Pod" if runs else "Skipped"
        runs_graph = isinstance(callee, Graph) and runs and any(one[:-1] == place for one in self.recorder.ended)
        if isinstance(callee, Graph) and runs_graph:
            kind = "DAG" if callee.stages is None else "Steps"
        node: dict[str, Any] = {
            "id": ident,
            "name": ident,
            "displayName": name,
            "type": kind,
            "phase": PHASES[outcome],
            **TIMES,
        }
        if around:
            node["boundaryID"] = around
        node["templateName"] = callee.name if callee is not None else ""
        self.nodes[ident] = node
        if step.loop is not None and runs:
            return self.loop(node, outputs)
        node["outputs"] = self.outputs(outputs, ident)
        if isinstance(callee, Graph) and runs_graph:
            self.graph(callee, ident, place)
        return node

    def hooks(self, node: dict[str, Any], step: Step) -> None:
        """Those without a condition: nobody has looked at one here."""
        for hook in (one for one in step.handlers if one.condition is None and node["type"] != "Skipped"):
            end = "onExit" if hook.event == "exit" else f"hooks.{hook.step.name}"
            name, flag = f"{node['displayName']}.{end}", {"hooked": True}
            said = {"id": f"{node['id']}.{end}", "displayName": name, "type": "Pod", "phase": "Succeeded"}
            self.nodes[said["id"]] = {**said, "boundaryID": node["boundaryID"], "nodeFlag": flag, **TIMES}

    def graph(self, graph: Graph, ident: str, place: tuple[str, ...]) -> None:
        stage = {name: number for number, names in enumerate(graph.stages or ()) for name in names}
        for step in graph.steps:
            inner = f"{ident}.{step.name}"
            node = self.node(inner, step.name, ident, (*place, step.name), step)
            self.hooks(node, step)
            if graph.stages is None:
                continue
            group = f"{ident}[{stage[step.name]}]"
            number = f"[{stage[step.name]}]"
            held = {"id": group, "type": "StepGroup", "displayName": number, "phase": "Succeeded", "children": []}
            group_node = self.nodes.setdefault(group, {**held, "boundaryID": ident})
            children = [item["id"] for item in self.nodes.values() if item["id"].startswith(f"{inner}(")]
            group_node["children"] += children or [inner]
            if node["phase"] in ("Failed", "Error"):
                group_node["phase"] = "Failed"
            if node["type"] == "TaskGroup":
                del self.nodes[inner]

    def loop(self, group: dict[str, Any], outputs: Ports) -> dict[str, Any]:
        """The items of a loop: as many as its outputs are lists of."""
        group["type"] = "TaskGroup"
        count = max((len(value) for value in outputs.values()), default=1)
        for number in range(count):
            ident = f"{group['id']}({number}:x)"
            item = {**group, "id": ident, "name": ident, "displayName": f"{group['displayName']}({number}:x)"}
            values = {key: value[number] for key, value in outputs.items() if value[number] is not None}
            self.nodes[ident] = {**item, "type": "Pod", "outputs": self.outputs(values, ident)}
        for value in outputs.values():
            self.tokens[json.dumps(list(value), separators=(",", ":"))] = value
        return group

    def outputs(self, outputs: Ports, ident: str) -> dict[str, Any]:
        said: dict[str, Any] = {"parameters": [], "artifacts": []}
        for (kind, name), value in outputs.items():
            if kind == "artifact":
                place = {"s3": {"key": f"{ident}/{name}"}}
                said["artifacts"].append({"name": name, **place})
                self.tokens[json.dumps(place, separators=(",", ":"))] = value
            else:
                text = value if isinstance(value, str) else json.dumps(value)
                self.tokens[text] = value
                said["parameters"].append({"name": name, "value": text})
        return said


def tekton(document: Mapping[str, Any], recorder: Recorder) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A PipelineRun with its status and its TaskRuns, and what each text and list in them stands for."""
    children, skipped, runs = [], [], []
    tokens: dict[str, Any] = {}
    for place, (outcome, outputs) in recorder.ended.items():
        if len(place) != 2:
            continue
        if outcome in ("skipped", "omitted"):
            reason = "When Expressions evaluated to false" if outcome == "skipped" else "Parent Tasks were skipped"
            skipped.append({"name": place[1], "reason": reason})
            continue
        count = max((len(value) for value in outputs.values() if isinstance(value, tuple)), default=1)
        for number in range(count):
            name = f"run-1-{place[1]}-{number}"
            children.append({"name": name, "pipelineTaskName": place[1], "kind": "TaskRun"})
            results = []
            for (_, result), value in outputs.items():
                content = value[number] if isinstance(value, tuple) else value
                text = content if isinstance(content, str) else json.dumps(content)
                results.append({"name": result, "type": "string", "value": text})
                tokens[text] = content
                if isinstance(value, tuple):
                    tokens[json.dumps(list(value), separators=(",", ":"))] = value
            status = "True" if outcome == "succeeded" else "False"
            metadata = {"name": name, "labels": {"tekton.dev/pipelineRun": "run-1"}}
            said = {
                "conditions": [{"type": "Succeeded", "status": status, "reason": PHASES[outcome]}],
                "results": results,
            }
            runs.append(
                {"apiVersion": "tekton.dev/v1", "kind": "TaskRun", "metadata": metadata, "spec": {}, "status": said}
            )
    spec = document["spec"].get("pipelineSpec") or {}
    whole = {
        "conditions": [{"type": "Succeeded", "status": "False"}],
        "childReferences": children,
        "skippedTasks": skipped,
        "pipelineSpec": spec,
    }
    metadata = {**document.get("metadata", {}), "name": "run-1", "generateName": "run-", "uid": "uid-1"}
    return [{**document, "metadata": metadata, "status": whole}, *runs], tokens
