"""Loops of which some runs go on at a time, as graphs of their own with that much parallelism."""

from __future__ import annotations

from couler_plugins.ir import (
    Argument,
    Axis,
    Call,
    Graph,
    Loop,
    Port,
    Reference,
    Step,
    Workflow,
    callables,
    fresh_name,
    replace,
)

__all__ = ["with_limits_inside"]

ITEMS = "items"


def with_limits_inside(workflow: Workflow) -> Workflow:
    """The workflow with each limited loop in a graph that only holds this loop; other engines limit graphs."""
    names = set(callables(workflow))
    product: list[Graph] = []

    def changed(step: Step) -> Step:
        if step.loop is None or step.loop.limit is None:
            return step
        name = fresh_name(f"{step.name}-limited", names)
        names.add(name)
        outer, graph = _inside(step, name)
        product.append(graph)
        return outer

    graphs = tuple(replace(graph, steps=tuple(map(changed, graph.steps))) for graph in workflow.graphs)
    return replace(workflow, graphs=(*graphs, *product)) if product else workflow


def _inside(step: Step, name: str) -> tuple[Step, Graph]:
    """A call of a new graph, and that graph, which holds the loop."""
    assert step.loop is not None
    (axis,) = step.loop.axes
    outer = [argument for argument in step.arguments if getattr(argument.value, "to", "") != "item"]
    items = axis.values
    if isinstance(items, Reference):
        key = fresh_name(ITEMS, {argument.name for argument in outer})
        outer.append(Argument(name=key, value=items))
        items = Reference(to="input", kind="parameter", name=key)
    passed = {argument.name for argument in outer}
    inner = tuple(
        replace(argument, value=Reference(to="input", kind=argument.kind, name=argument.name))
        if argument.name in passed
        else argument
        for argument in step.arguments
    )
    looped = Step(
        name=step.name,
        call=step.call,
        arguments=inner,
        loop=Loop(axes=(Axis(name=axis.name, values=items),)),
        retry=step.retry,
    )
    inputs = tuple(Port(name=argument.name, kind=argument.kind) for argument in outer)
    graph = Graph(name=name, inputs=inputs, steps=(looped,), parallelism=step.loop.limit)
    return replace(step, call=Call(name=name), arguments=tuple(outer), loop=None, retry=None), graph
