"""What splitting has to know of a pipeline: how large its run gets, what holds its tasks together, its parts."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from couler_plugins.hookspecs.splitting import Extent, Load, Parts
from couler_plugins.ir import Bond, Graph, Reference, Step, Workflow, bonds, callables, inline_callees, references
from couler_plugins.plan import Plan
from couler_plugins.plan.originals import kept
from couler_tekton.footprint import FRAME, Footprints, size_of
from couler_tekton.split.bonds import refuse_undetachable, tekton_bonds
from couler_tekton.split.detaching import detach
from couler_tekton.split.detect_split import is_part, joined, starts_parts
from couler_tekton.split.parts import base_name
from couler_tekton.split.resolved_pipeline import ROOT, core_of, whole_of
from couler_tekton.writing import Writing

__all__ = ["TektonSplitting", "splitting_of"]

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
    if not isinstance(root, Graph) or not root.steps or is_part(workflow) or starts_parts(workflow):
        return None
    return TektonSplitting(workflow, plan)


class TektonSplitting:
    """One pipeline."""

    partitioner = "critical-path"
    nests = False
    """A pipeline in a pipeline is written in it, and makes nothing smaller."""
    coordinates = False
    limits = LIMITS
    graph = ROOT

    def __init__(self, workflow: Workflow, plan: Plan) -> None:
        self._workflow = workflow
        self._whole = whole_of(workflow, plan)
        self._footprints = Footprints(workflow, copies=1)
        by_name = callables(workflow)
        content = tuple((step, inline_callees(step, by_name)) for step in self._whole.root.steps)
        self._reads = Counter(core_of(item) for item in references(content) if item.to == "output")

    def extent(self, workflow: Workflow) -> Extent:
        """How large the largest object gets, and how many tasks there are."""
        root = callables(workflow)[ROOT]
        assert isinstance(root, Graph)
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
        """What the IR knows, and what only Tekton has; see `couler_tekton.split.bonds`."""
        return [*bonds(self._whole.workflow, ROOT), *tekton_bonds(self._whole)]

    def detach(self, parts: Mapping[str, Sequence[str]]) -> Parts:
        """A Pipeline for each part, and what is left: which parts there are, and what they read of each other."""
        refuse_undetachable(self._whole, parts)
        coordinator, parts_made = detach(self._workflow, self._whole, parts)
        return Parts(coordinator, parts_made, joined((coordinator, *parts_made))[1], (), NOTES)

    def original(self, file: str, text: str) -> tuple[Any, ...]:
        """ConfigMaps with the text; see `couler_plugins.plan.originals`."""
        return kept(base_name(self._workflow), self._workflow.namespace, file, text)
