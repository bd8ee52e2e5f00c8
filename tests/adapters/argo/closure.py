"""What moves along when one field of an Argo workflow changes, and what Argo has no words for."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from couler_plugins.ir import (
    Argument,
    Call,
    Container,
    Directive,
    External,
    Graph,
    Handler,
    Loop,
    Native,
    Need,
    Node,
    Operation,
    Output,
    Port,
    Step,
    Workflow,
    call_sites,
    callables,
    map_needs,
    map_steps,
    needed,
    nodes,
    rebuild,
    redirect_calls,
    remove_callables,
    rename_steps,
    replace,
)

__all__ = ["closed", "consistent", "excused"]


def consistent(workflow: Workflow, node: Node, name: str, value: Any) -> Workflow | None:
    """The workflow with one field set, and with what has to follow."""
    inline = {item.name for item in callables(workflow).values() if item.inline}
    match node, name:
        case Step(), "name":
            graph = _graph_of(workflow, node)
            if graph is None:
                return None
            if any(step.name == value for step in graph.steps):
                return None
            return rename_steps(workflow, graph.name, {node.name: value})
        case Step(), "tolerates":
            graph = _graph_of(workflow, node)
            return None if graph is None else _tolerating(workflow, graph, node, value)
        case Step(), "call" if isinstance(value, Call) and value.name.startswith("inline."):
            return None
        case Workflow(), "entry" if value is None and workflow.kind == "CronWorkflow":
            return None  # without one it would hold no workflow
        case Container(), "role" if any(node in item.containers[2:] for item in workflow.operations):
            return None  # init containers stand before all others
        case Step(), "directives":
            return _directed(workflow, node, value)
        case Operation(), "directives":
            called = any(site.step.call == Call(name=node.name) for site in call_sites(workflow))
            return _set(workflow, node, name, value) if called and not node.inline else None
        case Handler(), "step":
            event = "exit" if value.name in ("", "exit") else "condition"
            return rebuild(workflow, lambda item: replace(node, step=value, event=event) if item is node else item)
        case ((Port() | Output() | Argument()), "kind"):
            return _alone(workflow, node, value)
        case Graph(), "native_extra" if value is not None and '"target"' in str(value.parts[0]):
            return None  # goes together with `targets`
        case Graph(), "steps" | "targets":
            return None if inline else _with_steps(workflow, node, name, value)
        case Graph(), "stages":
            return None if inline else _restaged(workflow, node)
        case ((Graph() | Operation()), "name"):
            return None if node.inline or value in callables(workflow) else _set(workflow, node, name, value)
        case Workflow(), "graphs" | "operations":
            items = getattr(workflow, name)
            dropped = {item.name for item in items[1:] or (items if name == "graphs" else ())}
            return remove_callables(workflow, dropped) if dropped and not inline else None
        case Workflow(), "handlers" | "native_extra" | "parameters" | "entry" | "name" | "prefix" | "namespace":
            return replace(workflow, **{name: value})
        case Workflow(), _:
            return None
    return _set(workflow, node, name, value)


def _set(workflow: Workflow, node: Node, name: str, value: Any) -> Workflow:
    return rebuild(workflow, lambda item: replace(item, **{name: value}) if item is node else item)


def _graph_of(workflow: Workflow, step: Step) -> Graph | None:
    return next((graph for graph in workflow.graphs if any(item is step for item in graph.steps)), None)


def _tolerating(workflow: Workflow, graph: Graph, step: Step, value: tuple[str, ...]) -> Workflow | None:
    """What a step tolerates is part of what its bare name accepts."""
    usual = {"succeeded", "skipped", "daemoned"}

    def follows(need: Need) -> Need:
        bare = need.step == step.name and set(need.outcomes) == usual | set(step.tolerates)
        return replace(need, outcomes=tuple(sorted(usual | set(value)))) if bare else need

    steps = tuple(replace(item, needs=item.needs and map_needs(item.needs, follows)) for item in graph.steps)
    steps = tuple(replace(item, tolerates=value) if item.name == step.name else item for item in steps)
    return _set(workflow, graph, "steps", steps)


def _with_steps(workflow: Workflow, graph: Graph, name: str, value: Any) -> Workflow | None:
    """A graph's own steps, fewer of them or turned round; steps of other graphs call what is not there."""
    steps = graph.steps[::-1] if len(value) % 2 else graph.steps[:-1]
    if name == "targets":
        return _set(workflow, graph, name, tuple(step.name for step in steps) if graph.stages is None else ())
    names = {step.name for step in steps}
    stages = graph.stages and tuple(tuple(step for step in stage if step in names) for stage in graph.stages)
    if stages is not None:  # the order of the steps is that of the stages
        place = {step: number for number, step in enumerate(step for stage in stages for step in stage)}
        steps = tuple(sorted(steps, key=lambda step: place[step.name]))
    return rebuild(workflow, lambda item: replace(graph, steps=steps, stages=stages) if item is graph else item)


def _restaged(workflow: Workflow, graph: Graph) -> Workflow | None:
    """All in one stage, or (where they were) each step in a stage of its own."""
    if graph.stages is None:
        return None
    names = tuple(step.name for step in graph.steps)
    return _set(workflow, graph, "stages", tuple((name,) for name in names) if len(graph.stages) == 1 else (names,))


def excused(workflow: Workflow, node: Node, name: str, value: Any) -> bool:
    """Whether Argo cannot say this one value here (the notes of the table of capabilities say so)."""
    graph = _graph_of(workflow, node) if isinstance(node, Step) else None
    match node, name:
        case Step(), "needs":
            tolerant = graph is not None and any(step.tolerates for step in graph.steps)
            return value is not None and (graph is None or graph.stages is not None or tolerant)
        case Step(), "tolerates":
            return graph is None or any(len(list(needed(step.needs))) for step in graph.steps)
        case Step(), "arguments" | "condition" | "loop" | "handlers" | "native_extra" | "name":
            return graph is None  # the entry and handlers
        case ((Port() | Output()), "optional" | "path"):
            return node.kind == "parameter"
        case ((Port() | Output()), "default"):
            return node.kind == "artifact"
        case ((Port() | Output()), "kind"):
            return True  # the two kinds have different fields
        case Handler(), "step":
            return True  # a step may have a hook of that name already
        case Loop(), "combine" | "axes":
            return True  # a list cannot be a sequence, nor the other way round
        case Container(), "role":
            return value == "main" or node.script is not None
        case Container(), "script":
            return node.role != "main"
        case Graph(), "fail_fast" | "targets":
            return node.stages is not None
        case Workflow(), "entry":
            return not isinstance(value.call if value else None, (Call, External))
    return False


def _directed(workflow: Workflow, step: Step, value: tuple[Directive, ...]) -> Workflow | None:
    """Argo carries directives out in the template: all call sites have the same."""
    called = step.call
    if not isinstance(called, Call) or workflow.library or not value or called.name.startswith("inline."):
        return None
    return map_steps(workflow, lambda item: replace(item, directives=value) if item.call == called else item)


def _alone(workflow: Workflow, node: Port | Output | Argument, value: Any) -> Workflow | None:
    """Parameters stand before artifacts: only what stands alone keeps its place."""
    for holder in nodes(workflow):
        for name in ("inputs", "outputs", "arguments", "parameters"):
            held = getattr(holder, name, ())
            if any(item is node for item in held):
                return _set(workflow, node, "kind", value) if len(held) == 1 else None
    return None


def closed(workflow: Workflow) -> Workflow:
    """Without the kind of operations (it follows from the rest), our mark, order and made-up names.

    Directives of an operation that others cannot call are those of its call sites.
    """
    if not workflow.library:
        directives = {item.name: item.directives for item in workflow.operations if item.directives}

        def called(step: Step) -> Step:
            own = directives.get(step.call.name) if isinstance(step.call, Call) else None
            return replace(step, directives=own) if own else step

        workflow = map_steps(workflow, called)

    def change(node: Node) -> Node:
        match node:
            case Operation():
                return replace(node, kind="", directives=node.directives if workflow.library else ())
            case Step() | Workflow():
                node = replace(node, handlers=tuple(sorted(node.handlers, key=lambda handler: handler.step.name)))
                return replace(node, native_extra=_unmarked(node.native_extra)) if isinstance(node, Workflow) else node
        return node

    inline = {item.name for item in callables(workflow).values() if item.inline}
    names: dict[str, str] = {}
    for graph in sorted(workflow.graphs, key=lambda graph: graph.name):  # what is inline in a graph that is inline too
        for step in graph.steps:
            if isinstance(step.call, Call) and step.call.name in inline:
                names[step.call.name] = f"{names.get(graph.name, graph.name)}/{step.name}"
    workflow = redirect_calls(rebuild(workflow, change), names)

    def sorted_by_name(items: tuple[Any, ...]) -> tuple[Any, ...]:
        renamed = [replace(item, name=names.get(item.name, item.name)) for item in items]
        return tuple(sorted(renamed, key=lambda item: item.name))

    return replace(workflow, graphs=sorted_by_name(workflow.graphs), operations=sorted_by_name(workflow.operations))


def _unmarked(rest: Native | None) -> Native | None:
    """What is left of a document without the annotation that says which expansions are ours."""
    if rest is None or "couler.io/key-spec" not in str(rest.parts):
        return rest
    others = [part for part in rest.parts if not isinstance(part, str)]
    numbers = iter(range(len(others)))
    data = json.loads("".join(part if isinstance(part, str) else f"<<{next(numbers)}>>" for part in rest.parts))
    del data["metadata"]["annotations"]["couler.io/key-spec"]
    for holder, key in ((data["metadata"], "annotations"), (data, "metadata")):
        if not holder[key]:
            del holder[key]
    if not data:
        return None
    pieces = re.split(r"<<(\d+)>>", msgspec.json.encode(data, order="sorted").decode())
    parts = tuple(others[int(piece)] if number % 2 else piece for number, piece in enumerate(pieces) if piece)
    return Native(parts=parts)
