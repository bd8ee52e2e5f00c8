"""Chains of random graphs, and what stands for their pods where a judge runs them: graphs of one step after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from couler_plugins.engine_kit.wiring import wire
from couler_plugins.hookspecs.fusing import Member
from couler_plugins.ir import (
    Argument,
    Call,
    Graph,
    GraphView,
    Need,
    Operation,
    Output,
    Reference,
    SettableStep,
    Step,
    Workflow,
    callables,
    remove_callables,
    replace,
    replace_callables,
)
from couler_plugins.ir.merging import Merge, Surroundings, merge_steps
from couler_plugins.ir.walk import written_inline

__all__ = ["chains_of", "merged", "parts_of", "unrolled"]


def members_of(workflow: Workflow, graph: Graph, names: Sequence[str]) -> list[Member]:
    """The members of a chain; fewer where one calls no operation with a name, or is retried for itself."""
    by_name, steps = callables(workflow), {step.name: step for step in graph.steps}
    called = [(steps[name], by_name.get(getattr(steps[name].call, "name", ""))) for name in names]
    return [
        Member(SettableStep(**{field: getattr(step, field) for field in Step.__struct_fields__}), callee)
        for step, callee in called
        if isinstance(callee, Operation) and not callee.inline and step.retry is None and callee.retry is None
    ]


def chains_of(workflow: Workflow, graph: Graph) -> Iterator[list[str]]:
    """The chains that nothing in the graph stands against, as long as they can be."""
    scope = Surroundings(GraphView(graph, written_inline(callables(workflow))))
    for name in (name for name in scope.links if name not in scope.links.values()):
        chain = [name]
        while (following := scope.links.get(chain[-1])) is not None:
            pair = [chain[-1], following]
            fits = len(members_of(workflow, graph, pair)) == 2 and not any(map(list, map(scope.around, pair)))
            if not fits or list(scope.between([*chain, following])):
                yield chain
                chain = []
            chain.append(following)
        yield chain


def merged(workflow: Workflow, graph: Graph, chains: Sequence[Sequence[str]]) -> Workflow:
    """The workflow with chains as steps whose operations have the ports of all of theirs."""
    merges = []
    for number, names in enumerate(chains):
        ports = wire(members_of(workflow, graph, names))
        outputs = [Output(name=name, kind=kind) for kind, name in ports.outputs.values()]  # type: ignore[arg-type]  # the kinds are plain texts here
        ordered = tuple(sorted(outputs, key=lambda port: (port.kind, port.name)))
        pod = Operation(name=f"pod {number}", kind="pod", inputs=ports.inputs, outputs=ordered)
        step = Step(name=f"chain {number}", call=Call(name=pod.name), arguments=ports.arguments)
        merges.append(Merge(tuple(names), step, pod, ports.outputs))
    return merge_steps(workflow, graph.name, merges)


def unrolled(workflow: Workflow, graph: Graph, chains: Sequence[Sequence[str]], after: Workflow) -> Workflow:
    """What was merged, with a graph in the place of each pod: its steps run one after another, as in the pod."""
    pods = [part for number, names in enumerate(chains) for part in parts_of(workflow, graph, names, f"pod {number}")]
    kept = {item.name for item in after.operations}
    lost = [item for item in workflow.operations if item.name not in kept]
    without = remove_callables(after, {f"pod {number}" for number in range(len(chains))})
    return replace_callables(without, {}, [*pods, *lost])


def parts_of(workflow: Workflow, graph: Graph, names: Sequence[str], name: str) -> Iterator[Graph]:
    """The graph that does what a pod does."""
    members = members_of(workflow, graph, names)
    ports = wire(members)
    before = {two: one for one, two in pairwise(names)}
    steps = []
    for step, operation, _ in members:
        arguments = []
        for port in operation.inputs:
            place = (step.name, port.kind, port.name)
            passed = ports.inner.get(place)
            if passed is None:
                passed = Reference(to="input", kind=port.kind, name=ports.names[place])
                if all(item.name != port.name for item in step.arguments):
                    continue
            arguments.append(Argument(name=port.name, kind=port.kind, value=passed))
        needs = Need(step=before[step.name]) if step.name in before else None
        steps.append(Step(name=step.name, call=Call(name=operation.name), arguments=tuple(arguments), needs=needs))
    outputs = [
        Output(name=new, kind=kind, value=Reference(to="output", step=step, kind=old, name=port))  # type: ignore[arg-type]  # the kinds are plain texts here
        for (step, old, port), (kind, new) in ports.outputs.items()
    ]
    inputs = tuple(replace(port, default=None) if port.default is None else port for port in ports.inputs)
    ordered = tuple(sorted(outputs, key=lambda port: (port.kind, port.name)))
    yield Graph(name=name, inputs=inputs, outputs=ordered, steps=tuple(steps))
