"""Chains of pipelines as one task, and what the pods of a pipeline do before and after."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import yaml

from adapters.tekton.caching.pod import Ended, Pod
from couler_plugins.documents import read
from couler_plugins.hookspecs.fusing import Chain, Member, Refusal
from couler_plugins.ir import (
    Bundle,
    Call,
    External,
    Graph,
    Operation,
    Reference,
    SettableStep,
    Step,
    Workflow,
    all_of,
    conjuncts,
    map_references,
    needed,
    references,
    replace,
)
from couler_plugins.plan import Plan
from couler_tekton.fuse.fusing import TektonFusing, fusing_of
from couler_tekton.lift import lift
from couler_tekton.lower import lower
from couler_tekton.plugin import Options

__all__ = ["Ran", "fuse_chain", "refusals_of", "run_pipeline"]


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
    """Return why tasks of the first pipeline of some documents cannot be one, each with what is in front of it."""
    _, graph, fusing, members = _chain(_plan(text), names)
    reasons = [refusal for member in members for refusal in fusing.refuse_member(graph, member)]
    for place in range(1, len(members)):
        reasons += fusing.refuse_link(graph, members[:place], members[place])
    return reasons


def fuse_chain(text: str, *names: str) -> str:
    """Return documents in which tasks of the first pipeline are one, which is called `fused`."""
    plan = _plan(text)
    workflow, graph, fusing, members = _chain(plan, names)
    assert not refusals_of(text, *names)
    read_outside = frozenset(
        (item.step, item.kind, item.name)
        for item in references((graph.outputs, tuple(step for step in graph.steps if step.name not in names)))
        if item.step in names
    )
    fused = fusing.fuse(Chain(graph, tuple(members), "fused", read_outside))
    needs = [need for member in members for need in conjuncts(member.step.needs)]
    step = Step(
        name="fused",
        call=Call(name=fused.operation.name),
        arguments=fused.arguments,
        needs=all_of([need for need in needs if not {item.step for item in needed(need)} & set(names)]),
        native_extra=fused.native_extra,
    )

    def renamed(reference: Reference) -> Reference:
        place = (reference.step, reference.kind, reference.name)
        if reference.step not in names:
            return reference
        return replace(reference, step="fused", name=fused.outputs[place][1], native="")

    steps = [
        map_references(step if item.name == names[-1] else item, renamed)
        for item in graph.steps
        if item.name not in names[:-1]
    ]
    steps = [
        replace(item, needs=map_need(item, names)) if item.needs is not None and item.name != "fused" else item
        for item in steps
    ]
    outputs = map_references(graph.outputs, renamed)
    gone = {member.operation.name for member in members if member.library is None}
    new = replace(
        workflow,
        graphs=(replace(graph, steps=tuple(steps), outputs=outputs), *workflow.graphs[1:]),
        operations=(*(item for item in workflow.operations if item.name not in gone), fused.operation),
    )
    lowered = lower(plan.with_workflow(workflow, new), Options())
    return "---\n".join(yaml.safe_dump(document, sort_keys=False) for document in lowered.documents)


def map_need(step: Step, names: Sequence[str]) -> Any:
    """Return what a step needs, where steps of some names are `fused`."""
    return all_of(
        [
            msgspec.structs.replace(need, step="fused") if getattr(need, "step", "") in names else need
            for need in conjuncts(step.needs)
        ]
    )


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
