"""What splitting has to know of a pipeline: how large its backend makes it, what holds its tasks together, its parts,
and the pipeline that is left without them.

Sources: `workflow/packer/packer.go` of Argo (a workflow has to fit into 1 MiB together with the status of its nodes,
which is compressed where it does not); kubeflow/pipelines#13738 (56 tasks took 1.95 MiB once they ran, 36 KB each).

Finds again what was split: the pipelines that another one stands for, and what crosses between them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence

from couler_kfp.components import write_graph
from couler_kfp.documents import ROOT, pipelines
from couler_kfp.footprint import FRAME, Footprints, quoted
from couler_kfp.split.bonds import as_it_was, kfp_bonds, plain_root, refuse_undetachable
from couler_kfp.split.parts import Part as Split
from couler_kfp.split.parts import part_name, part_of, type_of, typed
from couler_kfp.structures import rest_of, write_structure
from couler_plugins.documents.mappings import Mapped, mapping_at
from couler_plugins.hookspecs.splitting import Extent, Load, Parts
from couler_plugins.ir import (
    Bond,
    Bundle,
    Call,
    Graph,
    Operation,
    Output,
    Reference,
    Step,
    Workflow,
    bonds,
    callables,
    callee_of,
    graph_of,
    move_into_graphs,
    references,
    replace,
)
from couler_plugins.parallelism.cuts import DocumentSplitting, links_between
from couler_plugins.plan import Link, Part, Plan

PIPELINE = "pipeline"
"""The kind of the operation that stands for a part, and the key of its executor."""
OURS = "comp-couler-"
"""How the names of the components begin that only parts have."""


def is_ours(step: Step) -> bool:
    """Whether a step of a part imports or hands out what crosses: the whole had no such step."""
    return getattr(step.call, "name", "").startswith(OURS)


def started(operation: Operation) -> str:
    """The name of the pipeline that an operation stands for; empty where it stands for none."""
    content = write_structure(operation.native_extra) if operation.kind == PIPELINE and operation.native_extra else {}
    name = mapping_at(content, "executor", PIPELINE).get("name")
    return name if isinstance(name, str) else ""


def whole_of(workflow: Workflow) -> str:
    """What was split, where a pipeline is a part of it, or what is left of it; empty where nobody has split it."""
    if any(item.name.startswith(OURS) for item in workflow.operations):
        return "another pipeline"  # a part does not say of which
    return workflow.label if any(map(started, workflow.operations)) else ""


def joined(workflows: Iterable[Workflow]) -> tuple[tuple[Part, ...], tuple[Link, ...]]:
    """The parts and the links of these pipelines; none for what nobody has split."""
    every = list(workflows)
    by_name = {workflow.name: workflow for workflow in every}
    parts: list[Part] = []
    links: list[Link] = []
    for workflow in every:
        steps, names = _callers(workflow)
        for name, part in names.items():
            if part in by_name:
                own = tuple(step.name for step in _callers(by_name[part])[0] if not is_ours(step))
                parts.append(Part(workflow=workflow.label, name=name, steps=own))
        links += links_between(steps, names)
    return tuple(parts), tuple(links)


def _callers(workflow: Workflow) -> tuple[tuple[Step, ...], dict[str, str]]:
    """The steps of a root, and the names of the pipelines of parts, by those of the steps that stand for them."""
    by_name = callables(workflow)
    root = by_name.get(ROOT)
    steps = root.steps if isinstance(root, Graph) else ()
    called = {step.name: callee_of(step, by_name) for step in steps}
    names = {step: started(callee) for step, callee in called.items() if isinstance(callee, Operation)}
    return steps, {step: name for step, name in names.items() if name}


# Takes graphs out of a pipeline; what is left of it says which pipelines there are now, and how they hang together.
#
# It keeps the form of a pipeline: its root has a task for each part, in place of that part's tasks. Those tasks have an
# executor of our own, `pipeline: {name: …}`, which `couler run` understands, and every backend refuses.


def detach(workflow: Workflow, root: Graph, names: Iterable[str]) -> tuple[Workflow, tuple[Split, ...]]:
    """Takes graphs out of a pipeline, each with all that it calls.

    Args:
        workflow: the pipeline; its root does nothing but call these graphs, once each.
        root: its root as it was before, with what its inputs are.
        names: those of the graphs.

    Returns:
        What is left of it; and the parts, in the order of their graphs.
    """
    by_name = callables(workflow)
    graphs: dict[str, Graph] = {}
    for name in names:
        graph = graph_of(workflow, name)
        graphs[name] = replace(as_it_was(graph, root), outputs=tuple(_typed_outputs(graph, by_name)))
    outer = replace(graph_of(workflow, ROOT), inputs=root.inputs)
    called = {step.name: graphs[step.call.name] for step in outer.steps if isinstance(step.call, Call)}
    outputs = {(step, output.name): output for step, graph in called.items() for output in graph.outputs}
    read = {(reference.step, reference.name) for step in outer.steps for reference in references(step)}
    parts: dict[str, Split] = {}
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
    return coordinator, tuple(parts[name] for name in graphs)


def _typed_outputs(graph: Graph, by_name: dict[str, Graph | Operation]) -> Iterator[Output]:
    """The outputs of a graph, with the types of the tasks' outputs that they are."""
    steps = {step.name: step for step in graph.steps}
    for output in graph.outputs:
        assert isinstance(output.value, Reference)
        callee = callee_of(steps[output.value.step], by_name)
        declared = callee.outputs if callee is not None else ()
        kinds = [item for item in declared if (item.kind, item.name) == (output.kind, output.value.name)]
        yield replace(output, native_extra=kinds[0].native_extra if kinds else None)


def _runner(graph: Graph, name: str, part: Split) -> Operation:
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


LIMITS = Extent(bytes=600_000, steps=sys.maxsize, definitions=sys.maxsize)
"""Bytes of the workflow that the backend makes. A task takes some 6 KB of it, and some 30 KB of status, which is
taken to be a tenth of that once it is compressed: so a workflow of 600 KB is 0.9 MB in the end. Nothing else counts."""
HANDED, READ, IMPORTED = 900, 500, 4_600
"""Upper estimates of what a value takes where it is handed out, and where it comes in as a parameter or an artifact, in
bytes beside its name."""
ENDING = 5_500
"""The task that hands out, with its program."""
NAMED = 24
"""How often a name is written in any of these places, at most."""
NOTES = (
    ("run it with couler run", "KFP has nothing that starts one pipeline after another and hands values on"),
    ("keep the plan (--save-plan, --previous)", "KFP looks cached results up by pipeline: parts keep their names then"),
)


def splitting_of(workflow: Workflow, plan: Plan) -> KfpSplitting | None:
    """The facet of a pipeline with a graph; None for what is left of one that was split, and for its parts."""
    root = callables(workflow).get(ROOT)
    if not isinstance(root, Graph) or not root.steps or any(item.kind == PIPELINE for item in workflow.operations):
        return None
    if any(item.name.startswith(OURS) for item in workflow.operations) or workflow.name in _parts_in(plan.bundle):
        return None
    return KfpSplitting(workflow, root)


def _parts_in(bundle: Bundle) -> set[str]:
    """The names of the pipelines that are parts of another one in the bundle."""
    specs = [mapping_at(bundle.documents[item.spec.document].data, *item.spec.path) for item in pipelines(bundle)]
    executors = [item for spec in specs for item in mapping_at(spec, "deploymentSpec", "executors").values()]
    return {str(part.get("name")) for item in executors if (part := mapping_at(item, PIPELINE))}


class KfpSplitting(DocumentSplitting):
    """One pipeline, and its root: a pipeline within a pipeline would make no workflow smaller."""

    limits = LIMITS
    graph = ROOT

    def __init__(self, workflow: Workflow, root: Graph) -> None:
        super().__init__(workflow)
        self._root = root
        self._footprints = Footprints(workflow)

    def extent(self, workflow: Workflow) -> Extent:
        """How large the backend makes a pipeline, and how many of its tasks are not of our making."""
        root = graph_of(workflow, ROOT)
        own = [step for step in root.steps if not is_ours(step)]
        size = Footprints(workflow).whole(root.steps, _head(root))
        return Extent(size, len(own), len(workflow.graphs) + len(workflow.operations))

    def load(self, step: Step) -> Load:
        """A task, and the components that it reaches."""
        pieces = self._footprints.pieces(step)
        return Load(pieces.own, self._footprints(step).pods, pieces.called)

    @property
    def wrapper(self) -> Extent:
        """A part without tasks, which is passed all that the pipeline is."""
        return Extent(FRAME + ENDING + _head(replace(self._root, outputs=())), 0, 0)

    def crossing(self, value: Reference, size: int | None) -> tuple[int, int]:
        """An output of the part's root, which it hands out; an input, and what imports an artifact."""
        named = NAMED * len(f"{value.step}-{value.name}")
        return HANDED + named, (IMPORTED if value.kind == "artifact" else READ) + named

    def bonds(self) -> Sequence[Bond]:
        """What the IR knows, and what only KFP has; see `couler_kfp.split.bonds`."""
        return [*bonds(plain_root(self._workflow), ROOT), *kfp_bonds(self._root, self._by_name)]

    def detach(self, parts: Mapping[str, Sequence[str]]) -> Parts:
        """A pipeline for each part, and what is left: which parts there are, and what they read of each other."""
        refuse_undetachable(self._workflow, self._root, parts)
        moved = move_into_graphs(plain_root(self._workflow), ROOT, parts).workflow
        coordinator, parts_made = detach(moved, self._root, parts)
        workflows = tuple(part.workflow for part in parts_made)
        return Parts(coordinator, workflows, joined((coordinator, *workflows))[1], (), NOTES)


def _head(root: Graph) -> int:
    """The bytes of a root without its tasks."""
    return len(quoted(write_graph(replace(root, steps=()), {})))
