"""How much fits: what the default CRDs of Argo 4 count, and how many bytes etcd and the controller take.

Sources: `manifests/base/crds/full` (the minimal CRDs have none of these limits); etcd's `--max-request-bytes`;
`workflow/packer` for the controller's limit, which is for the object with its status.
"""

from __future__ import annotations

from typing import Any

import msgspec

from couler_argo.lint.holders import Holder
from couler_argo.lint.releases import FULL_CRDS
from couler_argo.lint.report import Report
from couler_argo.lint.run import named
from couler_plugins.documents import Path

Mapping = dict[str, Any]
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


def _check_metrics(holder: Mapping, path: Path, where: str, report: Report) -> None:
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
