"""Runs Argo manifests in symbols, without adapter code: who starts, with which command, and how the run ends.

Only what a DAG can be is known here: steps and DAGs of containers and scripts, conditions that compare, items in the
manifest, outputs that depend on how a step ended. Sources: Argo's docs/enhanced-depends-logic.md and docs/walk-through,
`assessDAGPhase` in its `workflow/controller/dag.go`, `processAggregateNodeOutputs` in `operator.go`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from adapters.airflow.generated.argo_expressions import chosen, filled, holds, text_of
from adapters.argo.objects import called, referred, spec_of

__all__ = ["Leaf", "ManifestRun", "Outcome"]

DEPENDS = re.compile(r"([A-Za-z0-9][-\w]*)(?:\.(\w+))?")
OK = ("Succeeded", "Skipped", "Daemoned")


class Leaf(NamedTuple):
    """What a pod runs."""

    image: str
    command: tuple[str, ...]
    script: str
    env: tuple[tuple[str, str | None], ...]


class Outcome(NamedTuple):
    """How a pod ends: whether well, and what it gives by output (`result` for what it prints)."""

    well: bool
    outputs: Callable[[str], str]


@dataclass
class Node:
    """A step that was decided on: its phase, and the phase of its branch, which it inherits where it did not run."""

    phase: str
    outputs: dict[str, str] = field(default_factory=dict)
    inherited: str = "Succeeded"

    @property
    def branch(self) -> str:
        return self.phase if self.phase in ("Succeeded", "Failed") else self.inherited


class ManifestRun:
    """A run of a manifest.

    Args:
        document: the manifest.
        outcome: how a pod ends.
        others: all objects beside which it stands, whose templates it may use.

    Attributes:
        started: what was started, in order.
        well: whether the run succeeded.
    """

    def __init__(self, document: Any, outcome: Callable[[Leaf], Outcome], others: Sequence[Any] = ()) -> None:
        self._spec = _joined(spec_of(document), others)
        self._others = others
        self._outcome = outcome
        given = {item["name"]: text_of(item.get("value", "")) for item in _parameters(self._spec.get("arguments"))}
        listed = [{"name": key, "value": value} for key, value in given.items()]
        self._globals = {f"workflow.parameters.{key}": value for key, value in given.items()}
        self._globals["workflow.parameters.json"] = text_of(listed)
        metadata = document["metadata"]
        name = metadata.get("name") or metadata.get("generateName", "").rstrip("-")
        self._globals |= {f"workflow.{key}": f"{name}-run" for key in ("name", "uid")}
        self.started: list[Leaf] = []
        self.well = self._run({"template": self._spec["entrypoint"]}, given).phase == "Succeeded"
        exits = self._spec.get("onExit") or (self._spec.get("hooks") or {}).get("exit", {}).get("template")
        self._globals["workflow.status"] = "Succeeded" if self.well else "Failed"
        if exits and self._run({"template": exits}, given).phase != "Succeeded":
            self.well = False

    def _run(self, site: Any, given: Mapping[str, str]) -> Node:
        """A run of what a step or a hook calls."""
        template = called(site, self._spec, self._others)
        with self._within(site):
            return self._template(template, given)

    @contextmanager
    def _within(self, site: Any) -> Iterator[None]:
        """Finds templates by name where the template stands that a call site calls."""
        outer, other = self._spec, referred(site, self._others)
        self._spec = spec_of(other) if other else outer
        try:
            yield
        finally:
            self._spec = outer

    def _template(self, template: Any, given: Mapping[str, str]) -> Node:
        scope = {**self._globals, "retries": "0"}
        for item in _parameters(template.get("inputs")):
            scope[f"inputs.parameters.{item['name']}"] = given.get(
                item["name"], filled(item.get("value", item.get("default", "")), scope)
            )
        if "steps" in template:
            return self._outputs(template, scope, self._steps(template, scope))
        if "dag" in template:
            return self._outputs(template, scope, self._dag(template["dag"], scope))
        return self._leaf(template, scope)

    def _outputs(self, template: Any, scope: dict[str, str], phase: str) -> Node:
        found = {}
        for item in _parameters(template.get("outputs")):
            if "parameter" in item["valueFrom"]:  # others are read by nobody
                found[f"parameters.{item['name']}"] = filled(item["valueFrom"]["parameter"], scope)
            elif (value := chosen(item["valueFrom"].get("expression", ""), scope)) is not None:
                found[f"parameters.{item['name']}"] = value
        return Node(phase, found)

    def _leaf(self, template: Any, scope: Mapping[str, str]) -> Node:
        body = template.get("container") or template["script"]
        words = [filled(word, scope) for word in [*(body.get("command") or []), *(body.get("args") or [])]]
        env = tuple(
            (item["name"], filled(item["value"], scope) if "value" in item else None) for item in body.get("env") or []
        )
        leaf = Leaf(filled(body["image"], scope), tuple(words), filled(body.get("source", ""), scope), env)
        self.started.append(leaf)
        outcome = self._outcome(leaf)
        names = [f"parameters.{item['name']}" for item in _parameters(template.get("outputs"))]
        outputs = {name: outcome.outputs(name) for name in [*names, "result"]} if outcome.well else {}
        return Node("Succeeded" if outcome.well else "Failed", outputs)

    def _steps(self, template: Any, scope: dict[str, str]) -> str:
        for group in template["steps"]:
            nodes = [(step, self._call(step, scope, "steps", "Succeeded")) for step in group]
            if any(node.phase == "Failed" and not _tolerated(step) for step, node in nodes):
                return "Failed"
        return "Succeeded"

    def _dag(self, dag: Any, scope: dict[str, str]) -> str:
        tasks = {task["name"]: task for task in dag["tasks"]}
        wanted: list[str] = (dag.get("target") or "").split()
        while wanted and (more := {name for one in wanted for name in _before(tasks[one])} - {*wanted}):
            wanted += more
        tasks = {name: task for name, task in tasks.items() if not wanted or name in wanted}
        nodes: dict[str, Node] = {}
        waited: set[str] = set()
        while len(nodes) < len(tasks):
            for name, task in tasks.items():
                before = _before(task)
                if name in nodes or not before <= nodes.keys():
                    continue
                waited |= before
                inherited = "Failed" if any(nodes[other].branch == "Failed" for other in before) else "Succeeded"
                if _depends(task, tasks, nodes):
                    nodes[name] = self._call(task, scope, "tasks", inherited)
                else:
                    nodes[name] = Node("Omitted", {}, inherited)
        targets = [name for name in tasks if name not in waited and not _tolerated(tasks[name])]
        return "Failed" if any(nodes[name].branch == "Failed" for name in targets) else "Succeeded"

    def _call(self, step: Any, scope: dict[str, str], root: str, inherited: str) -> Node:
        items = _items(step, scope)
        if items is None:
            return Node("Failed")
        nodes = []
        for item in items:
            inner = {**scope, **_of_item(item)}
            try:
                met = holds(filled(step.get("when", ""), inner))
            except ValueError:  # govaluate cannot read it, or compares what cannot be compared
                nodes.append(Node("Failed"))
                continue
            if not met:
                nodes.append(Node("Skipped", {}, inherited))
                continue
            nodes.append(self._run(step, _given(step, inner)))
            for hook in _exits(step):
                own = {**inner, **{f"{root}.{step['name']}.outputs.{k}": v for k, v in nodes[-1].outputs.items()}}
                self._run(hook, _given(hook, own))
        if not nodes:
            return Node("Skipped" if _is_read(step, scope) else "Failed", {}, inherited)
        phases = {node.phase for node in nodes}
        phase = nodes[0].phase if len(phases) == 1 else "Failed" if "Failed" in phases else "Succeeded"
        for name, value in nodes[0].outputs.items() if len(nodes) == 1 else ():
            scope[f"{root}.{step['name']}.outputs.{name}"] = value
        scope[f"{root}.{step['name']}.status"] = phase
        if items != [None]:
            well = [node.outputs for node in nodes if node.phase == "Succeeded"]
            start = "parameters."
            made = [{n.removeprefix(start): value for n, value in one.items() if n.startswith(start)} for one in well]
            scope[f"{root}.{step['name']}.outputs.parameters"] = text_of(made)
            for name in {name for one in well for name in one}:
                listed = [_parsed(one[name]) for one in well]
                scope[f"{root}.{step['name']}.outputs.{name}"] = text_of(listed)
        return Node(phase, nodes[0].outputs, inherited)


def _parameters(holder: Any) -> list[Any]:
    return (holder or {}).get("parameters") or []


def _given(site: Any, scope: Mapping[str, str]) -> dict[str, str]:
    return {item["name"]: filled(item["value"], scope) for item in _parameters(site.get("arguments"))}


def _joined(spec: Any, others: Sequence[Any]) -> Any:
    """A spec with what it takes from a template of workflows: its own fields and arguments count."""
    other = referred({"templateRef": spec.get("workflowTemplateRef")}, others)
    if other is None:
        return spec
    base = spec_of(other)
    listed = [*_parameters(base.get("arguments")), *_parameters(spec.get("arguments"))]
    arguments = {"parameters": list({item["name"]: item for item in listed}.values())}
    return {**base, **spec, "arguments": arguments}


def _exits(step: Any) -> list[Any]:
    hook = (step.get("hooks") or {}).get("exit")
    return [hook] if hook else [{"template": step["onExit"]}] if step.get("onExit") else []


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _is_read(step: Any, scope: Mapping[str, str]) -> bool:
    """Whether a condition is one that is read: Argo reads that of a loop before its items, and Airflow fails early."""
    condition = step.get("when", "")
    try:
        return "{{item" in condition or holds(filled(condition, scope)) in (True, False)
    except ValueError:
        return False


def _tolerated(step: Any) -> bool:
    return bool((step.get("continueOn") or {}).get("failed"))


def _before(task: Any) -> set[str]:
    if task.get("depends"):
        return {name for name, _ in DEPENDS.findall(task["depends"])}
    return set(task.get("dependencies") or ())


def _depends(task: Any, tasks: Mapping[str, Any], nodes: Mapping[str, Node]) -> bool:
    def met(name: str, outcome: str) -> bool:
        wanted = [outcome] if outcome else [*OK, *(["Failed"] if _tolerated(tasks[name]) else [])]
        return nodes[name].phase in wanted

    if not task.get("depends"):
        return all(met(name, "") for name in task.get("dependencies") or ())
    text = DEPENDS.sub(lambda found: str(met(found[1], found[2] or "")), task["depends"])
    text = text.replace("&&", " and ").replace("||", " or ").replace("!", " not ")
    return bool(eval(text, {}))  # nothing but True, False, brackets and operators is left


def _items(step: Any, scope: Mapping[str, str]) -> list[Any] | None:
    """The items of a loop, one None where there is none; None where it is no list."""
    if "withItems" in step:
        return list(json.loads(filled(json.dumps(step["withItems"]), scope)))
    if "withParam" in step:
        try:
            found = json.loads(filled(step["withParam"], scope))
        except ValueError:
            return None
        return found if isinstance(found, list) else None
    if "withSequence" in step:
        given = {key: filled(value, scope) for key, value in step["withSequence"].items()}
        if not all(given[key].isdigit() for key in given if key != "format"):
            return None
        start = int(given.get("start", 0))
        end = start + int(given["count"]) - 1 if "count" in given else int(given["end"])
        numbers = range(start, end + 1) if start <= end else range(start, end - 1, -1)
        return [given["format"] % number if "format" in given else str(number) for number in numbers]
    return [None]


def _of_item(item: Any) -> dict[str, str]:
    if item is None:
        return {}
    inner = {f"item.{key}": text_of(value) for key, value in item.items()} if isinstance(item, dict) else {}
    return {"item": text_of(item), **inner}
