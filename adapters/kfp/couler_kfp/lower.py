"""From a plan back to KFP's documents, with every edit traced to the decision behind it."""

from __future__ import annotations

from typing import Any

from couler_kfp.generating.pipelines import pipeline_of
from couler_kfp.patching import Lowering
from couler_kfp.pipelines import Pipeline, pipelines
from couler_kfp.plugin import Options
from couler_kfp.sharing import settle
from couler_kfp.tracing import trace
from couler_plugins.documents import diff
from couler_plugins.errors import CoulerError
from couler_plugins.ir import Source, Workflow
from couler_plugins.plan import Lowered, Plan, TracedEdit

__all__ = ["lower"]


def lower(plan: Plan, options: Options) -> Lowered:
    """The documents of a plan.

    Args:
        plan: workflows with an origin become their documents again, the others documents of their own each.
        options: what tasks share that call the same operation (see `couler_kfp.sharing`), and the image of containers
            of other engines that say none.

    Raises:
        Unsupported: a workflow without an origin has something that KFP cannot say.
    """
    return _Lowerer(plan, options.merge == "components", options.image).lowered()


class _Lowerer:
    """Lowers the workflows of a plan, one after another; one that cannot be written refuses its file."""

    def __init__(self, plan: Plan, merge: bool, image: str) -> None:
        self._plan = plan
        self._image = image
        self._merge = merge
        self._originals: dict[Source, Workflow] = {
            original.source: original for original in plan.originals if original.source is not None
        }
        self._pipelines = {(item.holder.document, *item.holder.path): item for item in pipelines(plan.bundle)}
        self._decisions = list(plan.decisions)
        self._changed: dict[int, Any] = {}
        self._edits: list[TracedEdit] = []
        self._added: list[Any] = []
        self._refused: dict[int, Exception] = {}

    def lowered(self) -> Lowered:
        bundle = self._plan.bundle
        for workflow in self._plan.workflows:
            original = self._originals.get(workflow.source) if workflow.source is not None else None
            if original is None or original.source is None:
                self._added.extend(Lowering(self._own(workflow), None, {}, None).generated())
            elif workflow is not original:
                self._patch(workflow, original, self._pipelines[original.source])
        refused = {number for number, file in enumerate(bundle.file_numbers) if file in self._refused}
        return Lowered(
            bundle=bundle,
            changed={number: data for number, data in self._changed.items() if number not in refused},
            added=(*self._added, *self._plan.side),
            edits=tuple(edit for edit in self._edits if edit.document not in refused),
            decisions=tuple(self._decisions),
            refused=self._refused,
        )

    def _own(self, workflow: Workflow) -> Workflow:
        """The workflow in KFP's terms."""
        if workflow.engine == "kfp":
            return workflow
        written, notes = pipeline_of(workflow, self._image)
        self._decisions += notes
        return written

    def _patch(self, changed: Workflow, original: Workflow, pipeline: Pipeline) -> None:
        documents = self._plan.bundle.documents
        numbers = {place.document for place in (pipeline.spec, pipeline.platform) if place is not None}
        before = {number: documents[number].data for number in numbers}
        file = self._plan.bundle.file_numbers[pipeline.holder.document]
        workflow, remarks = settle(changed, original, pipeline.holder.document, merge=self._merge)
        lowering = Lowering(workflow, original, before, pipeline)
        try:
            after = lowering.patched()
        except CoulerError as error:
            error.file = error.file or self._plan.bundle.files[file].name
            self._refused[file] = error
            return
        decisions = self._plan.decisions_about(pipeline.holder.document, original.label, workflow.label)
        self._decisions.extend(remarks)
        for number in sorted(numbers):
            edits = diff(before[number], after[number], lowering.origins(number))
            if edits:
                sides = (original, workflow)
                self._edits.extend(trace(edits, number, pipeline, sides, decisions))
                self._changed[number] = after[number]
