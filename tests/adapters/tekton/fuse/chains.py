"""Chains of pipelines as one task, and what the pods of a pipeline do before and after."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from adapters.tekton.caching.pod import Ended, Pod
from adapters.tekton.test_extract import plugins
from couler_plugins.api import optimize
from couler_plugins.documents import read
from couler_plugins.driver.results import Result
from couler_plugins.hookspecs.fusing import Member, Refusal
from couler_plugins.ir import External, Graph, Operation, SettableStep, Step, Workflow
from couler_plugins.ir.bundle import Bundle
from couler_plugins.plan import Plan
from couler_tekton.fuse.fusing import TektonFusing, fusing_of
from couler_tekton.lift import lift

__all__ = ["Ran", "fuse_all", "refusals_of", "run_pipeline"]


def _plan(text: str) -> Plan:
    def refuse(number: int, error: Exception) -> None:
        raise error

    return lift(Bundle.of([read(text, "p.yaml")]), refuse)


def _chain(plan: Plan, names: Sequence[str]) -> tuple[Workflow, Graph, TektonFusing, list[Member]]:
    workflow = next(item for item in plan.workflows if item.graphs)
    graph = workflow.graphs[0]
    fusing = fusing_of(workflow, plan)
    assert fusing is not None
    steps = {step.name: step for step in graph.steps}
    return workflow, graph, fusing, [_member(plan, workflow, steps[name]) for name in names]


def _member(plan: Plan, workflow: Workflow, step: Step) -> Member:
    operation = plan.libraries.callee(workflow, step)
    assert isinstance(operation, Operation)
    settable = SettableStep(**{name: getattr(step, name) for name in Step.__struct_fields__})
    library = plan.libraries.candidates(workflow, step.call)[0] if isinstance(step.call, External) else None
    return Member(settable, operation, library)


def refusals_of(text: str, *names: str) -> list[Refusal]:
    """Return why tasks of the first pipeline of some documents cannot be one, each with what is in front of it.

    Their owner allows one timeout for all.
    """
    _, graph, fusing, members = _chain(_plan(text), names)
    reasons = [refusal for member in members for refusal in fusing.refuse_member(graph, member)]
    for place in range(1, len(members)):
        reasons += fusing.refuse_link(graph, members[:place], members[place])
    return [refusal for refusal in reasons if refusal.word != "timeout"]


def fuse_all(source: Any, to: str = "tekton") -> Result:
    """Return what `fuse` makes of documents."""
    return optimize(source, "fuse{keep-original=false,allow=timeout}", to=to, plugins=plugins())


@dataclass
class Ran:
    """What became of a pipeline.

    Attributes:
        outcomes: by task, in their order: whether it succeeded, and the steps that ran.
        results: of the pipeline.
        files: in its workspaces, with what is in them.
    """

    outcomes: dict[str, Ended] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        return all(ended.succeeded for ended in self.outcomes.values())


def run_pipeline(text: str, folder: Path, params: Mapping[str, str] | None = None) -> Ran:
    """Run the tasks of the first pipeline of some documents in pods, one after another, until one fails."""
    documents = list(yaml.safe_load_all(text))
    spec = next(item["spec"] for item in documents if item["kind"] in ("Pipeline", "PipelineRun"))
    spec = spec.get("pipelineSpec", spec)
    tasks = {item["metadata"]["name"]: item["spec"] for item in documents if item["kind"] == "Task"}
    values = {f"params.{item['name']}": item["default"] for item in spec.get("params", ()) if "default" in item}
    values |= {f"params.{name}": value for name, value in (params or {}).items()}
    places = {item["name"]: folder / "volumes" / item["name"] for item in spec.get("workspaces", ())}
    ran = Ran()
    pending = list(spec["tasks"])
    while pending:
        task = next(item for item in pending if not _before(item) & {other["name"] for other in pending})
        pending.remove(task)
        if any(not ended.succeeded for ended in ran.outcomes.values()):
            continue
        body = task.get("taskSpec") or tasks[task["taskRef"]["name"]]
        passed = {item["name"]: _filled(item["value"], values) for item in task.get("params", ())}
        usual = {item["name"]: item["default"] for item in body.get("params", ()) if "default" in item}
        bound = {
            item["name"]: places[item.get("workspace", item["name"])] / item.get("subPath", "")
            for item in task.get("workspaces", ())
        }
        for place in bound.values():
            place.mkdir(parents=True, exist_ok=True)
        if missing := [text for text in map(str, passed.values()) if "$(tasks." in text]:
            ran.outcomes[task["name"]] = Ended(False, {}, [], missing[0])
            continue
        ended = Pod(folder / task["name"], body, {**usual, **passed}, bound).run()
        ran.outcomes[task["name"]] = ended
        values |= {f"tasks.{task['name']}.results.{name}": value for name, value in ended.results.items()}
    ran.results = {item["name"]: _filled(item["value"], values) for item in spec.get("results", ())}
    volumes = folder / "volumes"
    ran.files = {
        path.relative_to(volumes).as_posix(): path.read_text() for path in sorted(volumes.rglob("*")) if path.is_file()
    }
    return ran


def _before(task: Mapping[str, Any]) -> set[str]:
    return {*task.get("runAfter", ()), *re.findall(r"\$\(tasks\.([\w-]+)\.results", json.dumps(task))}


def _filled(content: Any, values: Mapping[str, str]) -> Any:
    if isinstance(content, list):
        return [_filled(item, values) for item in content]
    return re.sub(r"\$\(([^()\s]*)\)", lambda match: values.get(match[1], match[0]), content)
