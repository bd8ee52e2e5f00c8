"""Takes graphs out of a pipeline; what is left of it says which pipelines there are now, and how they hang together.

It keeps the form of a pipeline: its root has a task for each part, in place of that part's tasks. Those tasks have an
executor of our own, `pipeline: {name: …}`, which `couler run` understands, and every backend refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from couler_kfp.mappings import Mapped, rest_of
from couler_kfp.pipelines import ROOT
from couler_kfp.split.call_graph import callee_of
from couler_kfp.split.detect_split import PIPELINE
from couler_kfp.split.parts import Part, part_name, part_of, type_of, typed
from couler_kfp.split.roots import as_it_was
from couler_plugins.ir import (
    Call,
    Graph,
    Operation,
    Output,
    Reference,
    Workflow,
    callables,
    references,
    replace,
)

__all__ = ["Detached", "detach"]


class Detached(NamedTuple):
    """A pipeline and what has left it.

    Attributes:
        coordinator: what is left of it.
        parts: in the order of their graphs.
    """

    coordinator: Workflow
    parts: tuple[Part, ...]


def detach(workflow: Workflow, root: Graph, names: Iterable[str]) -> Detached:
    """Takes graphs out of a pipeline, each with all that it calls.

    Args:
        workflow: the pipeline; its root does nothing but call these graphs, once each.
        root: its root as it was before, with what its inputs are.
        names: those of the graphs.
    """
    by_name = callables(workflow)
    outer = by_name[ROOT]
    assert isinstance(outer, Graph)
    graphs: dict[str, Graph] = {}
    for name in names:
        graph = by_name[name]
        assert isinstance(graph, Graph)
        graphs[name] = replace(as_it_was(graph, root), outputs=tuple(_typed_outputs(graph, by_name)))
    outer = replace(outer, inputs=root.inputs)
    called = {step.name: graphs[step.call.name] for step in outer.steps if isinstance(step.call, Call)}
    outputs = {(step, output.name): output for step, graph in called.items() for output in graph.outputs}
    read = {(reference.step, reference.name) for step in outer.steps for reference in references(step)}
    parts: dict[str, Part] = {}
    runners: dict[str, Operation] = {}
    for step in outer.steps:
        graph = typed(called[step.name], step.arguments, outer, outputs)
        crossing = {output.name for output in graph.outputs if (step.name, output.name) in read}
        parts[graph.name] = part_of(workflow, graph, crossing)
        runners[graph.name] = _runner(graph, part_name(workflow, graph.name), parts[graph.name])
    steps = tuple(replace(step, call=Call(name=runners[called[step.name].name].name)) for step in outer.steps)
    coordinator = replace(
        workflow,
        graphs=(replace(outer, steps=steps),),
        operations=tuple(runners[name] for name in graphs),
        parameters=root.inputs,
    )
    return Detached(coordinator, tuple(parts[name] for name in graphs))


def _typed_outputs(graph: Graph, by_name: dict[str, Graph | Operation]) -> Iterator[Output]:
    """The outputs of a graph, with the types of the tasks' outputs that they are."""
    steps = {step.name: step for step in graph.steps}
    for output in graph.outputs:
        assert isinstance(output.value, Reference)
        callee = callee_of(steps[output.value.step], by_name)
        declared = callee.outputs if callee is not None else ()
        kinds = [item for item in declared if (item.kind, item.name) == (output.kind, output.value.name)]
        yield replace(output, native_extra=kinds[0].native_extra if kinds else None)


def _runner(graph: Graph, name: str, part: Part) -> Operation:
    """What stands for a part."""
    # The input of the part that takes an artifact's URI is told, since it may be called otherwise than usual.
    uris: Mapped = {"uris": dict(part.uris)} if part.uris else {}
    return Operation(
        name=f"comp-{graph.name}",
        kind=PIPELINE,
        inputs=graph.inputs,
        outputs=tuple(
            replace(output, value=None, native_extra=type_of(output.native_extra)) for output in graph.outputs
        ),
        native_extra=rest_of({"executor": {PIPELINE: {"name": name, **uris}}}),
    )
