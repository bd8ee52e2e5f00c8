"""From a plan back to KFP's documents, with every edit traced to the decision behind it.

Operations that were merged into one: their tasks keep components of their own, which share its executor.

KFP's local runner writes what a task makes into a folder with the name of its *component* (measured with 2.17.3: two
tasks that share one and write an artifact each leave one of these behind both). A backend keeps them apart by task,
but its newest versions make a task's own cache key unique by that name. The executor (image, command, source) is the
big part, and both look it up by its label, as they do platform configuration (the backend in
`backend/src/v2/compiler/visitor.go`), so that components may share one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace as with_fields
from functools import partial
from typing import Any, NamedTuple

import msgspec

from couler_kfp.components import label_of, sharing
from couler_kfp.documents import OBJECT, Pipeline, pipelines
from couler_kfp.generating.pipelines import pipeline_of
from couler_kfp.plugin import Options
from couler_kfp.structures import rest_of, write_structure
from couler_kfp.support import unsupported
from couler_kfp.writing import Writing
from couler_plugins.documents import Edit, Path, diff
from couler_plugins.documents.mappings import without
from couler_plugins.engine_kit.lowering import Lowering, trace
from couler_plugins.engine_kit.merge import Merge, Sources, shared_nodes
from couler_plugins.ir import Call, Operation, Step, Workflow, call_sites, map_steps, replace
from couler_plugins.plan import Decision, Lowered, Plan, TracedEdit


class Settled(NamedTuple):
    """A workflow as it is written, and what there is to say of that."""

    workflow: Workflow
    decisions: tuple[Decision, ...]


def settle(new: Workflow, old: Workflow, document: int, *, merge: bool) -> Settled:
    """The workflow with the component that each task had, where its call moved to an identical operation.

    Args:
        new: the workflow as it is to be.
        old: the workflow as it was lifted.
        document: the number of its document.
        merge: whether such tasks share a component instead; those with a cache key of their own still do not.
    """
    twins = _Twins(new, old)
    apart = map_steps(new, lambda step: step if merge and not _has_key(step) else twins.moved_back(step))
    if twins.made:
        called = _calls(apart)
        operations = (item for item in apart.operations if called[item.name] or not twins.is_new_target(item.name))
        apart = replace(apart, operations=(*operations, *twins.made.values()))
    said = (*twins.decisions(apart, document), *_remarks(old, apart, document))
    return Settled(apart, said)


class _Twins:
    """Operations that are gone, made anew with the executor of the one that tasks call in their place.

    Attributes:
        made: these operations, by name.
    """

    def __init__(self, new: Workflow, old: Workflow) -> None:
        self._called = {
            site.step.source: site.step.call.name
            for site in call_sites(old)
            if isinstance(site.step.call, Call) and site.step.source is not None
        }
        kept = {operation.source for operation in new.operations}
        self._gone = {operation.name: operation for operation in old.operations if operation.source not in kept}
        self._before = {operation.source: operation for operation in old.operations}
        self._names = {operation.name for operation in old.operations}
        self._there = {operation.name: operation for operation in new.operations}
        self._taken = {item.name for item in (*new.graphs, *new.operations)}
        self._targets: dict[str, str] = {}
        self.made: dict[str, Operation] = {}

    def moved_back(self, step: Step) -> Step:
        """The step with a call of what it called before, where it now calls something identical."""
        name = self._called.get(step.source or (), "")
        if not isinstance(step.call, Call) or name not in self._gone or name in self._taken:
            return step
        target = step.call.name
        if name not in self.made and self._is_identical(name, target):
            self._targets[name] = target
            self.made[name] = self._twin(self._gone[name], self._there[target])
        return replace(step, call=Call(name=name)) if self._targets.get(name) == target else step

    def _is_identical(self, name: str, target: str) -> bool:
        operation = self._there.get(target)
        before = self._before.get(operation.source) if operation is not None else None
        return before is not None and _nameless(before) == _nameless(self._gone[name])

    def _twin(self, gone: Operation, target: Operation) -> Operation:
        changed = target != self._before[target.source]
        twin = replace(target, name=gone.name, source=gone.source) if changed else gone
        return sharing(twin, label_of(target))

    def is_new_target(self, name: str) -> bool:
        """Whether an operation was made for tasks that have their own components again."""
        return name in self._targets.values() and name not in self._names

    def decisions(self, workflow: Workflow, document: int) -> Iterator[Decision]:
        for target, number in Counter(self._targets.values()).items():
            yield Decision(
                optimizer="kfp",
                workflow=workflow.label,
                subject=target,
                action="let them run its executor, and keep their components",
                reason="kfp.local keeps tasks apart by component; kfp{merge=components} is for backends only",
                figures=(("components", number),),
                document=document,
            )


def _nameless(operation: Operation) -> Operation:
    """The operation without its name, its label, an order, and what follows from its tasks."""
    rest = (
        without(write_structure(operation.native_extra), "executorLabel") if operation.native_extra is not None else {}
    )
    return replace(
        operation,
        name="",
        native_extra=rest_of(rest),
        inputs=tuple(sorted(operation.inputs, key=lambda port: (port.kind, port.name))),
        outputs=tuple(sorted(operation.outputs, key=lambda output: (output.kind, output.name))),
        memoized=None,
    )


def _has_key(step: Step) -> bool:
    options = write_structure(step.native_extra).get("cachingOptions") if step.native_extra is not None else None
    return isinstance(options, dict) and bool(options.get("cacheKey"))


def _remarks(old: Workflow, new: Workflow, document: int) -> Iterator[Decision]:
    """A remark for every operation with artifacts that more tasks share than before."""
    before, after = _calls(old), _calls(new)
    for operation in new.operations:
        name = operation.name
        if any(output.kind == "artifact" for output in operation.outputs) and after[name] > max(1, before[name]):
            yield Decision(
                optimizer="kfp",
                workflow=new.label,
                subject=name,
                action="let several tasks share it",
                reason="kfp.local mixes up their artifacts: run this pipeline on a backend",
                figures=(("tasks", after[name]),),
                document=document,
            )


def _calls(workflow: Workflow) -> Counter[str]:
    return Counter(site.step.call.name for site in call_sites(workflow) if isinstance(site.step.call, Call))


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
        options: what tasks share that call the same operation (see `couler_kfp.lower`), and the image of containers
            of other engines that say none.

    Raises:
        Unsupported: a workflow without an origin has something that KFP cannot say.
    """
    return _Lowering(plan, options.merge == "components", options.image, options.kubectl).lowered()


class _Lowering(Lowering):
    """Lowers to pipelines with their platform documents."""

    def __init__(self, plan: Plan, merge: bool, image: str, kubectl: str) -> None:
        super().__init__(plan)
        self._image, self._kubectl = image, kubectl
        self._merge = merge
        self._pipelines = {(item.holder.document, *item.holder.path): item for item in pipelines(plan.bundle)}
        self._appended: dict[int, tuple[Any, list[TracedEdit]]] = {}

    def lowered(self) -> Lowered:
        lowered = super().lowered()
        appended = {file: pair for file, pair in self._appended.items() if file not in self.refused}
        edits = [
            msgspec.structs.replace(edit, document=number)
            for number, (_, edits) in enumerate(appended.values(), len(self.plan.bundle.documents))
            for edit in edits
        ]
        documents = tuple((file, platform) for file, (platform, _) in appended.items())
        return with_fields(lowered, appended=documents, edits=(*lowered.edits, *edits))

    def generate(self, workflow: Workflow) -> list[Any]:
        if workflow.engine != "kfp":
            workflow, notes = pipeline_of(workflow, self._image, self._kubectl)
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
