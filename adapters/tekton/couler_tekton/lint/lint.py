"""What Tekton's admission webhook would refuse, found in the documents as they stand.

Each check follows `pkg/apis/pipeline/v1` of Tekton 1.15 (and `v1beta1`, for its objects) in what it refuses, and is
written anew. An `error` is what the webhook of a cluster refuses as it is installed; what is accepted and fails later
is a `warning`, and so is what a cluster takes that has raised `enable-api-fields`.

What documents say of each other: accepted by the webhook, which sees one at a time, and a failure when it runs.

Only what is among the documents is judged; anything else may be on the cluster. Where a name is there several times,
the nearest object is meant: see `couler_plugins.ir.definitions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from couler_plugins.documents import FilePlace, Mapped, Path, Remark, remarks_on_reread
from couler_plugins.engine_kit.reporting import Report
from couler_plugins.ir.bundle import Bundle
from couler_plugins.ir.definitions import Definitions, SharedNames, Subject
from couler_tekton.cache.stale import stale_keys
from couler_tekton.documents import Entry, Object, definitions, full_name, objects
from couler_tekton.feature_gates import features, is_beyond
from couler_tekton.kinds import in_v1, is_older
from couler_tekton.lint.graphs import reads
from couler_tekton.lint.names import check_metadata
from couler_tekton.lint.older import check_older, said_of_older
from couler_tekton.lint.passing import matrix_params
from couler_tekton.lint.pipelines import check_pipeline_object, tasks_of
from couler_tekton.lint.runs import check_pipeline_run, check_task_run
from couler_tekton.lint.shapes import check_shape, without_nulls
from couler_tekton.lint.steps import check_step_action, check_task_object
from couler_tekton.plugin import Options


class Callee(NamedTuple):
    """What is called: its spec, and whether it is written at its call site, where more can be seen."""

    spec: Mapped
    embedded: bool


class Shelf(NamedTuple):
    """The Tasks, Pipelines and StepActions of some documents.

    Attributes:
        objects: all of them.
        shared: is told of references that may mean several.
        specs: of the objects that are built as their kinds are, by document and place.
    """

    objects: Definitions[Entry]
    shared: SharedNames[Entry]
    specs: Mapping[tuple[int, Path], Mapped]


class View(NamedTuple):
    """What one object may refer to."""

    shelf: Shelf
    item: Object
    document: int
    place: FilePlace

    def callee(self, holder: Mapped, what: str, path: Path) -> Callee | None:
        """What a task or a run at a path calls; None where it is not known, or one of several."""
        spec, reference = holder.get(f"{what}Spec"), holder.get(f"{what}Ref")
        if isinstance(spec, dict) and not spec.get("apiVersion") and not spec.get("kind"):
            return Callee(spec, embedded=True)
        return self.referred(reference, what.capitalize(), (*path, f"{what}Ref"))

    def referred(self, reference: Mapped | None, kind: str, path: Path) -> Callee | None:
        """What a reference at a path names, as `callee`."""
        if not reference or reference.get("resolver") or reference.get("apiVersion"):
            return None
        if (reference.get("kind") or kind) != kind:
            return None
        namespace, _ = full_name(self.item)
        named = (kind, reference.get("name") or "")
        objects = self.shelf.objects.resolve(named, namespace, self.place, reference.get("version") or "")
        if len(objects) > 1:
            self.shelf.shared.add(objects, self.document, (*self.item.path, *path))
        spec = self.shelf.specs.get((objects[0].document, objects[0].item.path)) if len(objects) == 1 else None
        return None if spec is None else Callee(spec, embedded=False)


def check_links(shelf: View, report: Report) -> None:
    """What an object expects of those that it refers to."""
    item = shelf.item
    spec, path = item.data["spec"], ("spec",)
    match item.kind:
        case "Pipeline":
            _check_pipeline(spec, path, shelf, report)
        case "Task":
            _check_steps(spec, path, shelf, report)
        case "PipelineRun":
            _check_run(spec, path, shelf, report)
            if spec.get("pipelineSpec") is not None:
                _check_pipeline(spec["pipelineSpec"], (*path, "pipelineSpec"), shelf, report)
        case "TaskRun":
            callee = shelf.callee(spec, "task", path)
            _check_passed(spec, spec.get("params") or (), path, callee, "Task", report)
            if callee is not None and callee.embedded:
                _check_steps(callee.spec, (*path, "taskSpec"), shelf, report)


def _check_run(spec: Mapped, path: Path, shelf: View, report: Report) -> None:
    callee = shelf.callee(spec, "pipeline", path)
    _check_passed(spec, spec.get("params") or (), path, callee, "Pipeline", report)
    if callee is None:
        return
    names = {task.get("name") for key in ("tasks", "finally") for task in callee.spec.get(key) or ()}
    for number, item in enumerate(spec.get("taskRunSpecs") or ()):
        name = item.get("pipelineTaskName") or ""
        if name not in names:
            hint = report.meant(name, [str(known) for known in names], "correct the name")
            place = (*path, "taskRunSpecs", number)
            report.warning("unknown-task", place, f"the pipeline has no task {name!r}", hint)


def _check_pipeline(spec: Mapped, path: Path, shelf: View, report: Report) -> None:
    every = [*tasks_of(spec, path), *tasks_of(spec, path, "finally")]
    callees: dict[str, Callee | None] = {}
    for task, place in every:
        what = "pipeline" if {"pipelineSpec", "pipelineRef"} & task.keys() else "task"
        callee = shelf.callee(task, what, place)
        callees[task.get("name") or ""] = callee if what == "task" else None
        filled = [param for param, _, _ in matrix_params(task, place)]
        _check_passed(task, [*(task.get("params") or ()), *filled], place, callee, what.capitalize(), report)
        if callee is not None and callee.embedded and what == "task":
            _check_steps(callee.spec, (*place, "taskSpec"), shelf, report)
    for task, place in every:
        for read in reads(task, place):
            callee = callees.get(read.task)
            names = [] if callee is None else [str(held.get("name")) for held in callee.spec.get("results") or ()]
            if callee is not None and read.result not in names:
                message = f"the task {read.task!r} has no result {read.result!r}"
                hint = report.meant(read.result, names, "declare it, or correct the name")
                report.warning("unknown-result", read.path, message, hint)


def _check_passed(
    holder: Mapped, passed: Iterable[Mapped], path: Path, callee: Callee | None, kind: str, report: Report
) -> None:
    """That what is referred to gets its parameters and its workspaces; what is embedded sees those around it."""
    if callee is None or callee.embedded:
        return
    _check_params(callee.spec, passed, path, kind, report)
    bound = {use.get("name") for use in holder.get("workspaces") or ()}
    for workspace in callee.spec.get("workspaces") or ():
        if not workspace.get("optional") and workspace.get("name") not in bound:
            message = f"the {kind} needs the workspace {workspace.get('name')!r}, and does not get it"
            report.warning("missing-workspace", path, message, "bind it, or let it be optional")


def _check_steps(spec: Mapped, path: Path, shelf: View, report: Report) -> None:
    """What steps pass to StepActions."""
    for number, step in enumerate(spec.get("steps") or ()):
        place = (*path, "steps", number)
        action = shelf.referred(step.get("ref"), "StepAction", (*place, "ref"))
        if action is not None:
            _check_params(action.spec, step.get("params") or (), place, "StepAction", report)


def _check_params(spec: Mapped, passed: Iterable[Mapped], path: Path, kind: str, report: Report) -> None:
    names = {param.get("name") for param in passed}
    for param in spec.get("params") or ():
        if param.get("default") is None and param.get("name") not in names:
            message = f"the {kind} needs the parameter {param.get('name')!r}, and does not get it"
            report.warning("missing-argument", path, message, "pass it, or give it a default")


TEXTS = {"params": ("value", "default", "properties"), "results": ("value",)}
"""What Tekton takes for a text, whatever stands there."""
DEFAULT_API = "beta"
"""What `enable-api-fields` is on a cluster as it is installed."""

CHECKS = {
    "Pipeline": check_pipeline_object,
    "PipelineRun": check_pipeline_run,
    "Task": check_task_object,
    "TaskRun": check_task_run,
    "StepAction": check_step_action,
}


def lint(bundle: Bundle, options: Options | None = None) -> Iterator[Remark]:
    """Every remark on the documents of a bundle; references are looked up in all of them.

    Args:
        bundle: the documents.
        options: with the cluster's `enable-api-fields`: what it does not take is an error. Without options, what the
            default does not take is a warning. And what makes the documents ready before a cluster sees them.
    """
    api, prebuild = (options.api, options.prebuild) if options is not None else ("", "")
    documents = enumerate(bundle.documents)
    reports = [(item, Report(number, item.path)) for number, document in documents for item in objects(document.data)]
    whole = [
        (_readable(item), report) for item, report in reports if check_shape(item.kind, item.data, report, prebuild)
    ]
    named = definitions((Entry(item, report.document) for item, report in reports), bundle)
    shared = SharedNames(named, lambda one: _subject(one, bundle))
    shelf = Shelf(named, shared, {(report.document, item.path): item.data["spec"] for item, report in whole})
    for item, report in whole:
        check_metadata(item.data, report)
        CHECKS[item.kind](item.data["spec"], ("spec",), report)
        if is_older(item.kind, item.data["apiVersion"]):
            check_older(item, report)
        check_links(View(shelf, item, report.document, bundle.place_of(report.document)), report)
        _check_level(item, api, report)
    for item, report in reports:
        yield from remarks_on_reread(bundle.documents[report.document], report.document, item.path, item.data, TEXTS)
        older = is_older(item.kind, item.data["apiVersion"])
        yield from said_of_older(item, report.remarks) if older else report.remarks
    yield from shared.remarks("warning", "duplicate-object")
    yield from stale_keys(bundle)


def _readable(item: Object) -> Object:
    """An object whose shape was checked, as Go reads it, in the words of v1."""
    data = without_nulls(item.kind, item.data)
    return item._replace(data=in_v1(item.kind, data) if is_older(item.kind, data["apiVersion"]) else data)


def _check_level(item: Object, api: str, report: Report) -> None:
    for feature in features(item.data):
        if is_beyond(feature, api or DEFAULT_API):
            message = f"{feature.name} needs a cluster with {feature.switch}"
            hint = f"set {feature.switch} to {feature.level if feature.switch == 'enable-api-fields' else 'true'} there"
            (report.error if api else report.warning)("api-level", feature.path, message, hint)


def _subject(one: Entry, bundle: Bundle) -> Subject:
    _, name = full_name(one.item)
    path = (*one.item.path, "metadata", "name")
    referable = not one.item.kind.endswith("Run")
    return Subject(f"{one.item.kind} {name!r}", one.document, path, bundle.describe(one.source), referable)
