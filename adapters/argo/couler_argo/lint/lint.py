"""What Argo's own validation and the API server would refuse, found in the documents as they stand.

Each check follows `workflow/validate` of Argo 4 in what it refuses, and is written anew; what releases of Argo 3 judge
otherwise says so. An `error` is what Argo or its default CRDs refuse when the object is created; what is accepted and
fails later is a `warning`.

How much fits: what the default CRDs of Argo 4 count, and how many bytes etcd and the controller take.

Sources: `manifests/base/crds/full` (the minimal CRDs have none of these limits); etcd's `--max-request-bytes`;
`workflow/packer` for the controller's limit, which is for the object with its status.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from couler_argo.annotations import lost_settings
from couler_argo.cache.stale import stale_keys
from couler_argo.lint.advice import advise
from couler_argo.lint.crons import check_cron
from couler_argo.lint.holders import Holder, Shelf
from couler_argo.lint.report import FULL_CRDS, Releases, Report
from couler_argo.lint.rules import check_fields, check_rules
from couler_argo.lint.run import named
from couler_argo.lint.shapes import FLAG, TEXT
from couler_argo.lint.workflows import check_workflow
from couler_argo.plugin import Options
from couler_plugins.documents import Mapped, Path, Remark, remarks_on_reread
from couler_plugins.ir.bundle import Bundle

TEMPLATES = TASKS = 200
PARAMETERS = 500
METRICS = 100
MAX_GAUGE = 256
ETCD = 1_572_864
CONTROLLER = 1_048_576
COMFORT = 700_000
"""Above this, the status that is written beside the spec soon makes the object too big for the controller."""
NAME = {"Workflow": 63, "WorkflowTemplate": 63, "ClusterWorkflowTemplate": 63, "CronWorkflow": 52}


def check_limits(holder: Holder, report: Report) -> None:
    """What is too long, too much or too big."""
    _check_name(holder, report)
    path = (*holder.spec_path, "templates")
    _check_count(holder.templates, TEMPLATES, "the workflow", "templates", path, report)
    _check_metrics(holder.spec, holder.spec_path, "the workflow", report)
    for number, template in enumerate(holder.templates):
        place, where = (*path, number), named(template)
        tasks = template.get("dag", {}).get("tasks", ())
        _check_count(tasks, TASKS, where, "tasks", (*place, "dag", "tasks"), report)
        parameters = template.get("inputs", {}).get("parameters", ())
        _check_count(parameters, PARAMETERS, where, "input parameters", (*place, "inputs", "parameters"), report)
        _check_metrics(template, place, where, report)
    _check_size(holder, report)


def _check_name(holder: Holder, report: Report) -> None:
    most = NAME[holder.kind]
    if len(holder.name.encode()) > most:
        message = f"the {holder.kind} has a name of {len(holder.name)} characters"
        hint = f"use at most {most}"
        if holder.kind == "CronWorkflow":
            hint += ": the time of each run is appended to it"
        report.error("invalid-name", ("metadata", "name"), message, hint)


def _check_count(items: Any, most: int, where: str, what: str, path: Path, report: Report) -> None:
    if len(items) > most:
        message = f"{where} has {len(items)} {what}; the default CRDs of Argo 4 take {most}"
        hint = "split it, or install the minimal CRDs, which have no such limit"
        report.since(FULL_CRDS, "crd-limit", path, message, hint)


def _check_metrics(holder: Mapped, path: Path, where: str, report: Report) -> None:
    metrics, place = holder.get("metrics", {}).get("prometheus", ()), (*path, "metrics", "prometheus")
    _check_count(metrics, METRICS, where, "metrics", place, report)
    for number, metric in enumerate(metrics):
        value = metric.get("gauge", {}).get("value", "")
        if len(value) > MAX_GAUGE:
            message = f"{where}: metric {metric.get('name', '')!r} has a gauge of {len(value)} characters"
            hint = f"use at most {MAX_GAUGE}, or install the minimal CRDs"
            report.since(FULL_CRDS, "crd-limit", (*place, number, "gauge", "value"), message, hint)


def _check_size(holder: Holder, report: Report) -> None:
    try:
        size = len(msgspec.json.encode(holder.manifest.data))
    except (TypeError, ValueError, RecursionError):  # data that was made in Python and is no JSON
        return
    hint = "split it, and move what is shared into WorkflowTemplates"
    if size > ETCD:
        message = f"the {holder.kind} has {size:,} bytes as JSON; etcd takes {ETCD:,}"
        report.error("document-size", (), message, hint)
    elif size > COMFORT and holder.kind == "Workflow":
        message = f"the Workflow has {size:,} bytes as JSON; with its status the controller takes {CONTROLLER:,}"
        report.warning("document-size", (), message, hint)


TEXTS = {"parameters": ("value", "default", "enum"), "withItems": ()}
"""What Argo takes for a text, whatever stands there."""


def lint(bundle: Bundle, options: Options | None = None) -> Iterator[Remark]:
    """Every remark on the documents of a bundle; references are looked up in all of them.

    Args:
        bundle: the documents.
        options: with the version that they are for, such as `3.7`, which decides what rules hold. Without one, what any
            release takes is no error; what some refuse is a note.

    Raises:
        InvalidInput: the version is none that we know.
    """
    shelf = Shelf(bundle)
    releases = Releases.of(options.version if options is not None else "")
    reports = {id(holder): Report(holder.document, holder.manifest.path, releases) for holder in shelf.holders}
    for holder in shelf.holders:
        check_fields(holder, reports[id(holder)])
        _check(shelf, holder, reports[id(holder)])
    for holder in shelf.holders:
        yield from reports[id(holder)].remarks
        number, manifest = holder.document, holder.manifest
        yield from remarks_on_reread(bundle.documents[number], number, manifest.path, manifest.data, TEXTS)
    yield from shelf.shared.remarks("error", "duplicate-library")
    yield from lost_settings(bundle)
    yield from stale_keys(bundle)


def _check(shelf: Shelf, holder: Holder, report: Report) -> None:
    if holder.misfits:  # Argo cannot read it, so there is nothing that it would say of it
        for misfit in holder.misfits:
            message = f"{misfit.actual} stands where Argo reads {misfit.wanted}"
            quoted = misfit.wanted == TEXT.name and misfit.actual in ("a number", FLAG.name)
            hint = "put it into quotes" if quoted else f"write {misfit.wanted}"
            report.error("wrong-type", misfit.path, message, hint)
        return
    check_limits(holder, report)
    if holder.kind == "CronWorkflow":
        check_cron(holder.data.get("spec", {}), report)
    check_workflow(shelf, holder, report)
    check_rules(holder, report)
    advise(holder, report)
