"""From a plan back to KFP's documents, with every edit traced to the decision behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace as with_fields
from functools import partial
from typing import Any

from msgspec.structs import replace

from couler_kfp.components import label_of
from couler_kfp.documents import OBJECT, Pipeline, pipelines
from couler_kfp.generating.pipelines import pipeline_of
from couler_kfp.plugin import Options
from couler_kfp.sharing import settle
from couler_kfp.support import unsupported
from couler_kfp.writing import Writing
from couler_plugins.documents import Edit, Path, diff
from couler_plugins.engine_kit.lowering import Lowering, trace
from couler_plugins.engine_kit.merge import Merge, Sources, shared_nodes
from couler_plugins.ir import Workflow
from couler_plugins.plan import Lowered, Plan, TracedEdit


def _names_of(edit: Edit, pipeline: Pipeline, sides: tuple[Mapping[str, str], Mapping[str, str]]) -> tuple[str, ...]:
    """The task or component that an edit belongs to, and the component around it.

    Args:
        edit: the difference.
        pipeline: the pipeline that it belongs to.
        sides: the operation that each executor is for, by its label, before and after.
    """
    path, side = (edit.before, 0) if edit.after is None else (edit.after, 1)
    subject = _subject(path or (), pipeline, sides[side]) or _configured(edit.new, sides[side])
    return subject, subject.split("/")[0]


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
    return _Lowering(plan, options.merge == "components", options.image).lowered()


class _Lowering(Lowering):
    """Lowers to pipelines with their platform documents."""

    def __init__(self, plan: Plan, merge: bool, image: str) -> None:
        super().__init__(plan)
        self._image = image
        self._merge = merge
        self._pipelines = {(item.holder.document, *item.holder.path): item for item in pipelines(plan.bundle)}
        self._appended: dict[int, tuple[Any, list[TracedEdit]]] = {}

    def lowered(self) -> Lowered:
        lowered = super().lowered()
        appended = {file: pair for file, pair in self._appended.items() if file not in self.refused}
        edits = [
            replace(edit, document=number)
            for number, (_, edits) in enumerate(appended.values(), len(self.plan.bundle.documents))
            for edit in edits
        ]
        documents = tuple((file, platform) for file, (platform, _) in appended.items())
        return with_fields(lowered, appended=documents, edits=(*lowered.edits, *edits))

    def generate(self, workflow: Workflow) -> list[Any]:
        if workflow.engine != "kfp":
            workflow, notes = pipeline_of(workflow, self._image)
            self.decisions += notes
        writing = Writing(workflow)
        own = workflow.kind != OBJECT and writing.platform
        return [writing.document, writing.platform] if own else [writing.document]

    def patch(self, workflow: Workflow, original: Workflow, document: int) -> None:
        pipeline = self._pipelines[original.source or ()]
        workflow, remarks = settle(workflow, original, document, merge=self._merge)
        numbers = {place.document for place in (pipeline.spec, pipeline.platform) if place is not None}
        documents = {number: self.data(number) for number in numbers}
        shared = shared_nodes(original, workflow) - _sharers(original) - _sharers(workflow)
        before = Writing(original, Sources(documents, shared), pipeline)
        after = Writing(workflow, Sources(documents, shared), pipeline, before)
        appended = after.platform if pipeline.kind != OBJECT and pipeline.platform is None else {}
        self._check_end(pipeline, appended)
        decisions = self.plan.decisions_about(document, original.label, workflow.label)
        self.decisions += remarks
        names_of = partial(_names_of, pipeline=pipeline, sides=(before.labels, after.labels))
        if appended:
            edits = trace(diff(BARE, appended), 0, names_of, decisions)
            self._appended[self.plan.bundle.file_numbers[document]] = appended, edits
        pairs = {pipeline.spec.document: (before.document, after.document)}
        if pipeline.kind != OBJECT and pipeline.platform is not None:
            pairs[pipeline.platform.document] = before.platform, after.platform
        merge = Merge(before.sources, after.sources)
        for number, (old, new) in sorted(pairs.items()):
            merged = merge.merged(documents[number], old, new, (number,))
            self.record(number, merged, merge.origins, names_of, decisions)

    def _check_end(self, pipeline: Pipeline, platform: Any) -> None:
        """Refuses a new PlatformSpec where the end of the file is not the place of this pipeline's."""
        bundle, document = self.plan.bundle, pipeline.holder.document
        if platform and bundle.file_of(document).format == "json":
            hint = "write the pipeline as YAML"
            raise unsupported("Operation.native_extra", "the file", "is JSON, and cannot have a second document", hint)
        file = bundle.file_numbers[document]
        behind = [item.holder.document for item in self._pipelines.values() if item.holder.document > document]
        if platform and any(bundle.file_numbers[number] == file for number in behind):
            reason = "has another pipeline behind this one, where its platform configuration would be"
            raise unsupported("Operation.native_extra", "the file", reason, "give each pipeline a file of its own")


def _sharers(workflow: Workflow) -> set[int]:
    """The `id` of each operation whose executor others have, too: these are compared as they are written."""
    labels = [label_of(operation) for operation in workflow.operations]
    sharers = Counter(labels)
    return {id(item) for item, label in zip(workflow.operations, labels, strict=True) if sharers[label] > 1}
