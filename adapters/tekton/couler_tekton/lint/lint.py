"""What Tekton's admission webhook would refuse, found in the documents as they stand.

Each check follows `pkg/apis/pipeline/v1` of Tekton 1.15 (and `v1beta1`, for its objects) in what it refuses, and is
written anew. An `error` is what the webhook of a cluster refuses as it is installed; what is accepted and fails later
is a `warning`, and so is what a cluster takes that has raised `enable-api-fields`.
"""

from __future__ import annotations

from collections.abc import Iterator

from couler_plugins.documents import Remark, remarks_on_reread
from couler_plugins.engine_kit.reporting import Report
from couler_plugins.ir.bundle import Bundle
from couler_plugins.ir.definitions import SharedNames, Subject
from couler_tekton.cache.stale import stale_keys
from couler_tekton.definitions import Entry, definitions, full_name
from couler_tekton.documents import Object, objects
from couler_tekton.feature_gates import features, is_beyond
from couler_tekton.lint.links import Shelf, View, check_links
from couler_tekton.lint.names import check_metadata
from couler_tekton.lint.older import check_older, said_of_older
from couler_tekton.lint.pipelines import check_pipeline_object
from couler_tekton.lint.runs import check_pipeline_run, check_task_run
from couler_tekton.lint.shapes import check_shape, without_nulls
from couler_tekton.lint.steps import check_step_action
from couler_tekton.lint.tasks import check_task_object
from couler_tekton.plugin import Options
from couler_tekton.versions import in_v1, is_older

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
