"""Prometheus metrics of templates."""

from __future__ import annotations

import re
from typing import Any

from couler_argo.lint.releases import EVER
from couler_argo.lint.report import Report
from couler_argo.lint.tags import is_computed
from couler_plugins.documents import Path

__all__ = ["check_metrics"]

Mapping = dict[str, Any]
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
COLONS_UNTIL = (3, 6)
"""Before, the name of a metric may have a `:` as well."""


def check_metrics(metrics: Mapping, path: Path, where: str, report: Report) -> None:
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
