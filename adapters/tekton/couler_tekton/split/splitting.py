"""What splitting has to know of a pipeline: how large its run gets, what holds its tasks together, its parts."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from couler_plugins.hookspecs.splitting import Extent, Load, Parts
from couler_plugins.ir import (
    Bond,
    Graph,
    Loop,
    Reference,
    Step,
    Workflow,
    bonds,
    callables,
    graph_of,
    inline_callees,
    references,
    together,
)
from couler_plugins.parallelism.cuts import DocumentSplitting, refuse_parts
from couler_plugins.plan import Plan
from couler_tekton.footprint import FRAME, Footprints, size_of
from couler_tekton.lower import Writing
from couler_tekton.split.detaching import detach
from couler_tekton.split.parts import part_name
from couler_tekton.split.resolved_pipeline import ROOT, Whole, core_of, joined, resolved_pipeline, whole_of
from couler_tekton.variables import write_value

# Results that are gathered from a matrix: lists, which Tekton hands out of a run where another task of it reads them.
#
# What `GetTaskRunsResults` has of a matrix is what `findResultValuesForMatrix` has put into its `ResultsCache`, for
# tasks that read it and come later in the pipeline. A result of the pipeline that is not there fails the run
# (`ApplyTaskResultsToPipelineResults`). So one reader stays with the matrix, and others may be anywhere. Source:
# `pkg/reconciler/pipelinerun/resources`; `docs/matrix.md`, "Results from fanned out Matrixed PipelineTasks".

WHOLE = ("*",)


def beside(producer: Step, root: Graph) -> str:
    """The name of the task that stays with a matrix so that others can read it elsewhere; empty where there is none."""
    later = iter(root.steps)
    while next(later, producer) is not producer:
        pass
    readers = (step.name for step in later if any(_gathers(item, producer) for item in references(step)))
    return next(readers, "")


def why_not_gathered(reference: Reference, producer: Step, root: Graph) -> str:
    """Why what is read of a matrix cannot leave its pipeline; empty where it can."""
    assert producer.loop is not None
    rules = (
        ("and not read as a whole", reference.path != WHOLE),
        ("which may be empty, and then there is none", not _is_filled(producer.loop)),
        (
            "which no task after it reads in its parameters: Tekton hands it out only where one does",
            not beside(producer, root),
        ),
    )
    what = f"{reference.name!r} of {producer.name!r} is gathered from its matrix"
    return next((f"{what}, {reason}" for reason, holds in rules if holds), "")


def _gathers(reference: Reference, producer: Step) -> bool:
    return (reference.to, reference.step, reference.path) == ("output", producer.name, WHOLE)


def _is_filled(loop: Loop) -> bool:
    """Whether each parameter of a matrix has a value that is no list whose length only the run can tell."""
    written = [write_value(axis.values) for axis in loop.axes]
    return all(isinstance(values, list) and any("[*]" not in str(value) for value in values) for values in written)


# What only Tekton has that holds tasks together when their pipeline is cut, beside what the IR knows.
#
# Sources: `docs/matrix.md`, `docs/variables.md`, `docs/artifacts.md`, `docs/pipelines-in-pipelines.md`.

LONGEST = 63
"""Characters of the name of a Pipeline."""
UNIQUE = "context.pipelineRun.uid"


def tekton_bonds(whole: Whole) -> list[Bond]:
    """What holds tasks of the pipeline together, beside what the IR knows."""
    return together(_holding(whole))


def _holding(whole: Whole) -> Iterator[tuple[list[str], str]]:
    by_name = callables(whole.workflow)
    steps = {step.name: step for step in whole.root.steps}
    unique: list[str] = []
    for step in whole.root.steps:
        read = list(references((step, inline_callees(step, by_name))))
        if any(item.to == "run" and item.name == UNIQUE for item in read):
            unique.append(step.name)
        for reference in read:
            producer = steps.get(reference.step)
            if producer is None or producer is step:
                continue
            if reason := _clinging(reference, producer, whole) or _staying(step, producer, whole):
                yield [step.name, producer.name], reason
    yield unique, "they read the uid of their run, which each part has its own of"


def _staying(reader: Step, producer: Step, whole: Whole) -> str:
    if producer.loop is None or reader.name != beside(producer, whole.root):
        return ""
    return f"Tekton hands out what {producer.name!r} gathers from its matrix where a task beside it reads it"


def _clinging(reference: Reference, producer: Step, whole: Whole) -> str:
    """Why what is read of a step cannot leave its pipeline; empty where it can."""
    if reference.to != "output":
        return ""
    if reference.kind != "parameter":
        return f"an artifact of {producer.name!r} is known to its own run only"
    if producer.loop is not None:
        return why_not_gathered(reference, producer, whole.root)
    declared = whole.types.of(producer.name, reference.name)
    if declared is not None and declared["type"] != "string" and not reference.path:
        return (
            f"{reference.name!r} of {producer.name!r} is of the type {declared['type']}, and read as if it were a text"
        )
    if declared is None:
        return f"{reference.name!r} of {producer.name!r} is of a type that only its Task tells, which is not here"
    return ""


def refuse_undetachable(whole: Whole, parts: Iterable[str]) -> None:
    """Refuses a pipeline whose parts could not do together what it does.

    Raises:
        Unsupported: the message says why.
    """
    refuse_parts(whole.workflow, ROOT, chain(_of_names(whole, parts), _of_finalizers(whole), _of_outputs(whole)))


def _of_names(whole: Whole, parts: Iterable[str]) -> Iterator[tuple[str, str]]:
    workflow = whole.workflow
    longest = max((part_name(workflow, part) for part in (*parts, f"finally-{len(whole.finalizers)}")), key=len)
    if not (workflow.name or workflow.prefix):
        yield "it has no name, after which its parts could be called", "give it one"
    if "apiVersion" in (write_value(workflow.native_extra) if workflow.native_extra else {}):
        yield "it is written for an older API version", "write it for tekton.dev/v1"
    if len(longest) > LONGEST:
        yield f"a part would be called {longest!r}, and Tekton takes {LONGEST} characters", "give it a shorter name"


def _of_finalizers(whole: Whole) -> Iterator[tuple[str, str]]:
    by_name = callables(whole.workflow)
    steps = {step.name: step for step in whole.root.steps}
    for step in whole.finalizers:
        for reference in references((step, inline_callees(step, by_name))):
            if reference.to == "status":
                reason = f"{step.name!r}, which runs at the end, reads how {reference.step!r} ended"
                yield reason, "read $(tasks.status), which says it of all of them"
            producer = steps.get(reference.step)
            if producer is not None and (reason := _clinging(reference, producer, whole)):
                yield f"{step.name!r}, which runs at the end, reads it: {reason}", "hand it over in a workspace"
            if reference.to == "run" and reference.name == UNIQUE:
                yield f"{step.name!r} reads the uid of the run, which has none", "read its name"


def _of_outputs(whole: Whole) -> Iterator[tuple[str, str]]:
    steps = {step.name: step for step in whole.root.steps}
    for_finalizers = set(whole.reads.values())  # which `_of_finalizers` has looked at as they are read
    for output in whole.root.outputs:
        for reference in references(output) if output.name not in for_finalizers else ():
            producer = steps.get(reference.step)
            if producer is not None and (reason := _clinging(reference, producer, whole)):
                yield f"it hands out what cannot leave a part: {reason}", "declare the type in the Task, or leave it"


LIMITS = Extent(bytes=1_200_000, steps=sys.maxsize, definitions=sys.maxsize)
"""etcd takes 1.5 MiB in one request; the rest is for what nobody can foresee: messages of conditions, results, events
of other controllers, and retries."""
HANDED, READ = 120, 60
"""What a value takes beside its names where it is handed out (declared, and in the status), and where it comes in."""
NAMED = 6
NOTES = (
    (
        "run it with couler run",
        "Tekton has no controller for a PipelinePart; where a cluster is at alpha, parts=nested in --to needs none",
    ),
    ("timeouts hold for each part", "each is a PipelineRun, and its time starts when it does"),
)


def splitting_of(workflow: Workflow, plan: Plan) -> TektonSplitting | None:
    """The facet of a Pipeline, or of a PipelineRun that holds one; None for what was split, and for its parts."""
    root = callables(workflow).get(ROOT)
    has_tasks = isinstance(root, Graph) and bool(root.steps)
    return TektonSplitting(workflow, plan) if has_tasks and not whole_of(workflow) else None


class TektonSplitting(DocumentSplitting):
    """One pipeline; a pipeline in a pipeline is written in it, and makes nothing smaller."""

    limits = LIMITS
    graph = ROOT

    def __init__(self, workflow: Workflow, plan: Plan) -> None:
        super().__init__(workflow)
        self._whole = resolved_pipeline(workflow, plan)
        self._footprints = Footprints(workflow, copies=1)
        content = tuple((step, inline_callees(step, self._by_name)) for step in self._whole.root.steps)
        self._reads = Counter(core_of(item) for item in references(content) if item.to == "output")

    def extent(self, workflow: Workflow) -> Extent:
        """How large the largest object gets, and how many tasks there are."""
        root = graph_of(workflow, ROOT)
        size = size_of(workflow, Writing(workflow).document())
        return Extent(size, len(root.steps) - len(root.finalizers), len(workflow.graphs) + len(workflow.operations))

    def load(self, step: Step) -> Load:
        """A task in its part, which is a Pipeline that a run refers to."""
        footprint = self._footprints(step)
        return Load(footprint.bytes, footprint.pods, {})

    @property
    def wrapper(self) -> Extent:
        """A part without tasks, which is passed all that the pipeline is."""
        root = self._whole.root
        head = sum(len(str(part)) + READ for part in (*root.inputs, root.native_extra))
        return Extent(FRAME + head, 0, 0)

    def crossing(self, value: Reference, size: int | None) -> tuple[int, int]:
        """A result of the part, and a parameter; each with the value, as far as past runs tell how large it is. That of
        a parameter is kept once more wherever a task reads it; see `couler_tekton.run.sizes`.
        """
        named = NAMED * len(f"{value.step}-{value.name}")
        copies = 1 + self._reads[core_of(value)]
        return HANDED + named + (size or 0), READ + named + copies * (size or 0)

    def bonds(self) -> Sequence[Bond]:
        """What the IR knows, and what only Tekton has; see `tekton_bonds`."""
        return [*bonds(self._whole.workflow, ROOT), *tekton_bonds(self._whole)]

    def detach(self, parts: Mapping[str, Sequence[str]]) -> Parts:
        """A Pipeline for each part, and what is left: which parts there are, and what they read of each other."""
        refuse_undetachable(self._whole, parts)
        coordinator, parts_made = detach(self._workflow, self._whole, parts)
        return Parts(coordinator, parts_made, joined((coordinator, *parts_made))[1], (), NOTES)
