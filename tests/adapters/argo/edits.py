"""The structural edits that the suite carries out on every workflow: for each, a name and the edited workflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    Call,
    Directive,
    Graph,
    GraphView,
    Operation,
    Step,
    Workflow,
    callables,
    clone_callable,
    clone_step,
    map_steps,
    move_into_graph,
    rename_steps,
    replace_steps,
    with_directive,
)

__all__ = ["CACHE", "EDITS", "Edited", "edited"]

CACHE = Directive(kind="cache", options=(("config-map", "c"), ("key", "k"), ("max-age", "")))


class Edited(NamedTuple):
    """One edit: its kind, what it was made on, and the workflow after it, or why it was refused."""

    kind: str
    what: str
    result: Workflow | Unsupported


def _directive_everywhere(workflow: Workflow) -> Iterator[tuple[str, Callable[[], Workflow]]]:
    inline = {name for name, callee in callables(workflow).items() if callee.inline}

    def change(step: Step) -> Step:
        named = isinstance(step.call, Call) and step.call.name not in inline
        return with_directive(step, CACHE) if named else step

    yield "all", lambda: map_steps(workflow, change)
    for operation in workflow.operations:

        def one(step: Step, name: str = operation.name) -> Step:
            return with_directive(step, CACHE) if isinstance(step.call, Call) and step.call.name == name else step

        yield operation.name, partial(map_steps, workflow, one)


def _directive_once(workflow: Workflow) -> Iterator[tuple[str, Callable[[], Workflow]]]:
    for graph in workflow.graphs:
        for step in graph.steps:
            changed = {(graph.name, step.name): with_directive(step, CACHE)}
            yield f"{graph.name}/{step.name}", partial(replace_steps, workflow, changed)


def _rename(workflow: Workflow) -> Iterator[tuple[str, Callable[[], Workflow]]]:
    def everything() -> Workflow:
        result = workflow
        for graph in workflow.graphs:
            result = rename_steps(result, graph.name, {step.name: f"r-{step.name}" for step in graph.steps})
        return result

    yield "all", everything
    for graph in workflow.graphs:
        names = {step.name: f"r-{step.name}" for step in graph.steps}
        yield graph.name, partial(rename_steps, workflow, graph.name, names)


def subsets(workflow: Workflow, graph: Graph) -> list[tuple[str, ...]]:
    """Steps of a graph to move: each, half of them, all, pairs with an edge between them."""
    view = GraphView(graph, callables(workflow))
    order = view.order()
    chosen = [*((name,) for name in order), tuple(order[: len(order) // 2]), tuple(order), tuple(order[1:])]
    chosen += [(edge.before, edge.after) for edge in view.edges()]
    return [names for names in dict.fromkeys(chosen) if names]


def _moved(workflow: Workflow, graph: str, names: tuple[str, ...]) -> Workflow:
    return move_into_graph(workflow, graph, names, "moved").workflow


def _move(workflow: Workflow) -> Iterator[tuple[str, Callable[[], Workflow]]]:
    for graph in workflow.graphs:
        if graph.stages is None:
            for names in subsets(workflow, graph):
                yield (
                    f"{graph.name}: {' '.join(names)}",
                    partial(_moved, workflow, graph.name, names),
                )


def _clone_step(workflow: Workflow) -> Iterator[tuple[str, Callable[[], Workflow]]]:
    for graph in workflow.graphs:
        for step in graph.steps:
            yield (
                f"{graph.name}/{step.name}",
                partial(clone_step, workflow, graph.name, step.name, "a-copy"),
            )


def _clone_callable(workflow: Workflow) -> Iterator[tuple[str, Callable[[], Workflow]]]:
    items: tuple[Graph | Operation, ...] = (*workflow.graphs, *workflow.operations)
    for item in items:
        yield item.name, partial(clone_callable, workflow, item.name, "a-copy")


EDITS = {
    "directive": _directive_everywhere,
    "directive once": _directive_once,
    "rename": _rename,
    "move": _move,
    "clone step": _clone_step,
    "clone callable": _clone_callable,
}


def edited(workflow: Workflow, kind: str) -> Iterator[Edited]:
    """Every edit of a kind, carried out or refused."""
    for what, carry_out in EDITS[kind](workflow):
        try:
            result: Workflow | Unsupported = carry_out()
        except Unsupported as error:
            result = error
        yield Edited(kind, what, result)
