"""From a plan back to KFP's documents, with every edit traced to the decision behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from couler_kfp.components import label_of
from couler_kfp.generating.pipelines import pipeline_of
from couler_kfp.patching import Lowering
from couler_kfp.pipelines import Pipeline, pipelines
from couler_kfp.plugin import Options
from couler_kfp.sharing import settle
from couler_kfp.support import unsupported
from couler_plugins.documents import Edit, Path, diff
from couler_plugins.errors import CoulerError
from couler_plugins.ir import Source, Workflow
from couler_plugins.plan import Decision, Lowered, Plan, TracedEdit

__all__ = ["lower", "trace"]


# Which task or component, and which decision, each edit of a document belongs to.


def trace(
    edits: Sequence[Edit],
    document: int,
    pipeline: Pipeline,
    sides: tuple[Mapping[str, str], Mapping[str, str]],
    decisions: Sequence[tuple[int, Decision]],
) -> list[TracedEdit]:
    """The edits with their subjects and decisions.

    Args:
        edits: the difference between two versions of a document.
        document: its number in the bundle.
        pipeline: the pipeline that it belongs to.
        sides: the operation that each executor is for, by its label, before and after.
        decisions: the decisions on that workflow, each with its position among all.
    """
    positions: dict[str, int] = {}
    for position, decision in decisions:
        for subject in (decision.subject, *decision.affects):
            positions[subject] = position
    traced = []
    for edit in edits:
        path, side = (edit.before, 0) if edit.after is None else (edit.after, 1)
        subject = _subject(path or (), pipeline, sides[side]) or _configured(edit.new, sides[side])
        component = subject.split("/")[0]
        existing = next((positions[name] for name in (subject, component, "") if name in positions), None)
        traced.append(TracedEdit(document=document, edit=edit, subject=subject, decision=existing))
    return traced


def _subject(path: Path, pipeline: Pipeline, labels: Mapping[str, str]) -> str:
    """The component, or `component/task`, that a path leads into; empty for anything else of the pipeline."""
    spec = pipeline.spec.path
    within = path[len(spec) :] if path[: len(spec)] == spec else path
    match within:
        case ["root", *rest]:
            return _in_component("root", rest)
        case ["components", str(name), *rest]:
            return _in_component(name, rest)
    if "executors" in within:
        label = [*within, ""][within.index("executors") + 1]
        return labels.get(str(label), "")
    return ""


def _configured(content: Any, labels: Mapping[str, str]) -> str:
    """The first component that new platform configuration is for."""
    for key in ("platforms", "kubernetes", "deploymentSpec", "executors"):
        content = content.get(key, content) if isinstance(content, dict) else {}
    return next((labels[label] for label in content if label in labels), "")


def _in_component(name: str, path: list[str | int]) -> str:
    match path:
        case ["dag", "tasks", str(task), *_]:
            return f"{name}/{task}"
    return name


BARE: dict[str, Any] = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {}}}}}
"""What edits of a new PlatformSpec are told from, so that there is one for each executor."""


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
        self._appended: dict[int, tuple[Any, list[TracedEdit]]] = {}
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
        appended = {file: held for file, held in self._appended.items() if file not in self._refused}
        for number, (_, edits) in enumerate(appended.values(), len(bundle.documents)):
            self._edits.extend(replace(edit, document=number) for edit in edits)
        return Lowered(
            bundle=bundle,
            changed={number: data for number, data in self._changed.items() if number not in refused},
            appended=tuple((file, platform) for file, (platform, _) in appended.items()),
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
            self._check_end(pipeline, lowering.appended)
        except CoulerError as error:
            error.file = error.file or self._plan.bundle.files[file].name
            self._refused[file] = error
            return
        decisions = self._plan.decisions_about(pipeline.holder.document, original.label, workflow.label)
        self._decisions.extend(remarks)
        sides = ({label_of(operation): operation.name for operation in original.operations}, lowering.labels)
        if lowering.appended:
            edits = diff(BARE, lowering.appended)
            self._appended[file] = lowering.appended, trace(edits, 0, pipeline, sides, decisions)
        for number in sorted(numbers):
            edits = diff(before[number], after[number], lowering.origins(number))
            if edits:
                self._edits.extend(trace(edits, number, pipeline, sides, decisions))
                self._changed[number] = after[number]

    def _check_end(self, pipeline: Pipeline, platform: Any) -> None:
        """Refuses a new PlatformSpec where the end of the file is not the place of this pipeline's."""
        bundle, document = self._plan.bundle, pipeline.holder.document
        if platform and bundle.file_of(document).format == "json":
            hint = "write the pipeline as YAML"
            raise unsupported("Operation.native_extra", "the file", "is JSON, and cannot have a second document", hint)
        file = bundle.file_numbers[document]
        behind = [item.holder.document for item in self._pipelines.values() if item.holder.document > document]
        if platform and any(bundle.file_numbers[number] == file for number in behind):
            reason = "has another pipeline behind this one, where its platform configuration would be"
            raise unsupported("Operation.native_extra", "the file", reason, "give each pipeline a file of its own")
