"""Loops over what only the run counts, as loops over a list that a step before them writes; and their limits."""

from __future__ import annotations

from collections.abc import Mapping

from couler_plugins.engine_kit.legalize.loops import FORMAT, with_items
from couler_plugins.engine_kit.legalize.native_fields import fields_of
from couler_plugins.engine_kit.legalize.tables import waits
from couler_plugins.engine_kit.legalize.values import data_of, words
from couler_plugins.ir import (
    Argument,
    Axis,
    Call,
    Container,
    Graph,
    Literal,
    Native,
    Need,
    Needs,
    Operation,
    Output,
    Port,
    Reference,
    Step,
    Template,
    Value,
    Workflow,
    all_of,
    callables,
    map_steps,
    references,
    replace,
    take_name,
)

COUNT = """\
start=${2:-0} end=$3 step=1
if [ -n "$1" ]; then end=$((start + $1 - 1)); elif [ "$start" -gt "$end" ]; then step=-1; fi
items= number=$start
while [ $((number * step)) -le $((end * step)) ]; do
  items="$items${items:+,}\\"$(printf "$4" "$number")\\""
  number=$((number + step))
done
printf '[%s]' "$items" > /tmp/couler-items
"""
"""`sh -c COUNT sh COUNT START END FORMAT`: writes the list of what Argo's `withSequence` counts."""
ITEMS = "items"


def unrolled(workflow: Workflow, image: str) -> Workflow:
    """Return a workflow whose loops are over one list each.

    Args:
        workflow: the workflow.
        image: with a shell, for the containers that count what only the run knows; empty where there is none.
    """
    limited = replace(workflow, graphs=tuple(map(_with_limit, workflow.graphs)))
    listed = map_steps(limited, with_items)
    names = set(callables(listed))
    counts: list[Operation] = []
    graphs = tuple(_with_counts(graph, image, names, counts) for graph in listed.graphs) if image else listed.graphs
    return replace(listed, graphs=graphs, operations=(*listed.operations, *counts)) if counts else listed


def _with_counts(graph: Graph, image: str, names: set[str], counts: list[Operation]) -> Graph:
    """Return a graph with a step that counts before each loop whose bounds only the run knows."""
    steps: list[Step] = []
    step_names = {step.name for step in graph.steps}
    for step in graph.steps:
        values = _bounds(step)
        if values is None:
            steps.append(step)
            continue
        operation = take_name(f"{step.name}-count", names)
        name = take_name(f"{step.name}-{ITEMS}", step_names)
        keys = ("count", "start", "end", "format")
        args = tuple(Reference(to="input", kind="parameter", name=key) for key in keys)
        container = Container(image=Literal(value=image), command=words("sh", "-c", COUNT, "sh"), args=args)
        output = Output(name=ITEMS, path=Literal(value="/tmp/couler-items"))  # noqa: S108  # in a container of its own
        inputs = tuple(Port(name=key) for key in keys)
        counts.append(
            Operation(name=operation, kind="container", inputs=inputs, outputs=(output,), containers=(container,))
        )
        passed = tuple(Argument(name=key, value=values[key]) for key in keys)
        steps.append(Step(name=name, call=Call(name=operation), arguments=passed))
        items = Reference(to="output", kind="parameter", step=name, name=ITEMS)
        assert step.loop is not None
        loop = replace(step.loop, combine="rows", axes=(Axis(name="item", values=items),))
        steps.append(replace(step, loop=loop))
    if len(steps) == len(graph.steps):
        return graph
    accepted = waits(graph)
    own = {step.name for step in graph.steps}
    steps = [replace(step, needs=needs_of(accepted[step.name])) if step.name in own else step for step in steps]
    return replace(graph, stages=None, steps=tuple(steps))


def needs_of(accepted: Mapping[str, frozenset[str]]) -> Needs | None:
    """Return what a step waits for, by the outcomes that it accepts."""
    return all_of([Need(step=name, outcomes=tuple(sorted(outcomes))) for name, outcomes in accepted.items()])


def _bounds(step: Step) -> dict[str, Value] | None:
    """Return the bounds of a loop that counts, of which only the run knows some."""
    values = step.loop.axes[0].values if step.loop is not None and step.loop.combine == "sequence" else None
    if not isinstance(values, Native) or not any(references(values)):
        return None
    said = {"count": "", "start": "", "end": "", "format": "%d", **fields_of(values)}
    form = said["format"]
    if said.keys() != {"count", "start", "end", "format"} or not FORMAT.fullmatch(form) or set(form) & set('"\\'):
        return None
    bounds: dict[str, Value] = {key: Literal(value=str(said[key])) for key in said}
    bounds |= {key: value for key, value in data_of(values).items() if isinstance(value, (Reference, Template))}
    return bounds


def _with_limit(graph: Graph) -> Graph:
    """Return a graph of one loop that says itself how many of its runs go on at a time."""
    if graph.parallelism is None or len(graph.steps) != 1 or graph.steps[0].loop is None:
        return graph
    (step,) = graph.steps
    loop = step.loop
    if loop is None or loop.limit is not None or not isinstance(graph.parallelism, Literal):
        return graph
    return replace(graph, parallelism=None, steps=(replace(step, loop=replace(loop, limit=graph.parallelism)),))
