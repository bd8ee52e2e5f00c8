"""Outputs and metrics of templates."""

from __future__ import annotations

import re

from couler_argo.lint.artifacts import check_path
from couler_argo.lint.calls import Callee, check_references
from couler_argo.lint.report import EVER, Report, check_port_name, check_ports, is_computed, is_parameter, tags
from couler_argo.lint.run import Scope
from couler_plugins.documents import Path
from couler_plugins.documents.mappings import Mapped

LEAVES = ("container", "containerSet", "script", "resource", "data", "http", "plugin")
"""Types of templates that run one thing."""

SOURCES = ("path", "jqFilter", "jsonPath", "parameter", "expression")
OF_TYPES = {
    "container": ("path",),
    "containerSet": ("path",),
    "script": ("path",),
    "resource": ("jqFilter", "jsonPath"),
    "dag": ("parameter", "expression"),
    "steps": ("parameter", "expression"),
}
"""Where the outputs of each type of template can come from."""


def check_outputs(caller: Callee, scope: Scope) -> None:
    """The outputs of a template.

    Args:
        caller: the template, with what is known filled in.
        scope: what can be referred to in it, all its steps included.
    """
    outputs, path = caller.template.get("outputs", {}), (*caller.path, "outputs")
    if not outputs:
        return
    check_ports(outputs, path, f"{caller.where}: output ", caller.report, literal=False)
    check_references(tags(outputs, path), scope, f"{caller.where}: ", caller.report)
    leaf = any(kind in caller.template for kind in LEAVES)
    for number, item in enumerate(outputs.get("artifacts", ())):
        place = (*path, "artifacts", number)
        subject = f"{caller.where}: output artifact {item.get('name', '')!r}"
        check_path(item, place, subject, leaf, caller.report)
        _check_global_name(item, place, subject, caller.report)
    for number, item in enumerate(outputs.get("parameters", ())):
        place = (*path, "parameters", number)
        subject = f"{caller.where}: output parameter {item.get('name', '')!r}"
        _check_source(item, place, subject, caller)
        _check_global_name(item, place, subject, caller.report)


def _check_global_name(item: Mapped, path: Path, subject: str, report: Report) -> None:
    name = item.get("globalName", "")
    if name and not is_parameter(name) and not is_computed(name):
        check_port_name(name, "globalName", (*path, "globalName"), f"{subject}: ", report)


def _check_source(item: Mapped, path: Path, subject: str, caller: Callee) -> None:
    report = caller.report
    source = item.get("valueFrom")
    if source is None:
        if "value" not in item:
            report.error("output-source", path, f"{subject} has no source", "give it valueFrom")
        return
    path = (*path, "valueFrom")
    if "value" in item:
        report.error("output-source", path, f"{subject} has both value and valueFrom", "keep one of them")
        return
    sources = [key for key in SOURCES if source.get(key)] + [key for key in ("supplied",) if key in source]
    if len(sources) > 1:
        message = f"{subject} comes from several places: {', '.join(sources)}"
        report.error("output-source", path, message, "keep one of them")
        return
    kind = next((kind for kind in OF_TYPES if caller.template.get(kind, []) != []), "")
    wanted = OF_TYPES.get(kind, SOURCES)
    if not sources or (kind and sources[0] not in wanted):
        origin = f"comes from {sources[0]}" if sources else "has no source"
        report.error("output-source", path, f"{subject} {origin}", f"give it valueFrom.{' or '.join(wanted)}")


NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
COLONS_UNTIL = (3, 6)
"""Before, the name of a metric may have a `:` as well."""


def check_metrics(metrics: Mapped, path: Path, where: str, report: Report) -> None:
    """Names, labels, help and values."""
    for number, metric in enumerate(metrics.get("prometheus", ())):
        place = (*path, "prometheus", number)
        name = metric.get("name", "")
        subject = f"{where}metric {name!r}"
        if not NAME.fullmatch(name) and not is_computed(name):
            message, hint = f"{subject} has a name that Argo does not accept", "use letters, digits and _"
            since = COLONS_UNTIL if NAME.fullmatch(name.replace(":", "_")) else EVER
            report.since(since, "metric", (*place, "name"), message, hint)
        for index, label in enumerate(metric.get("labels", ())):
            key = label.get("key", "")
            if not NAME.fullmatch(key) and not is_computed(key):
                message = f"{subject} has a label {key!r} that Prometheus does not accept"
                report.error("metric", (*place, "labels", index), message, "use letters, digits and _")
        if not metric.get("help"):
            report.error("metric", place, f"{subject} has no help", "say in `help` what it measures")
        for kind in ("gauge", "counter", "histogram"):
            if kind in metric and not metric[kind].get("value"):
                report.error("metric", (*place, kind), f"{subject} has no {kind}.value", "give it one")
        gauge = metric.get("gauge", {})
        if gauge.get("realtime") and "resourcesDuration." in gauge.get("value", ""):
            message = f"{subject} measures resourcesDuration in real time"
            report.error("metric", (*place, "gauge", "value"), message, "remove realtime, or measure duration")
