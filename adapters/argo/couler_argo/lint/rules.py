"""Rules of the default CRDs of Argo 4 that Argo's own validation does not have.

The API server holds them against the templates of a spec; inline templates it takes as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from couler_argo.lint.holders import Holder
from couler_argo.lint.releases import FULL_CRDS
from couler_argo.lint.report import Report
from couler_argo.lint.run import calls_of, named
from couler_argo.lint.shapes import LOCATION
from couler_plugins.documents import Path

__all__ = ["check_rules"]

Mapping = dict[str, Any]
REQUIRED = {
    "memoize": ("key", "maxAge", "cache"),
    "http": ("url",),
    "data": ("source", "transformation"),
    "gauge": ("realtime",),
    "histogram": ("buckets",),
}
STRATEGIES = ("", "OnWorkflowCompletion", "OnWorkflowDeletion", "Never")
MERGES = ("strategic", "merge", "json")
OPERATIONS = ("Set", "Add", "Sub")
MINIMAL = "the minimal CRDs do not ask for it"


def check_rules(holder: Holder, report: Report) -> None:
    """What the API server refuses, besides what Argo does."""
    spec, path = holder.spec, holder.spec_path
    _check_word(spec.get("artifactGC", {}), "strategy", STRATEGIES, (*path, "artifactGC"), "artifactGC", report)
    _check_parallelism(spec, path, "the workflow", report)
    _check_artifacts(spec.get("arguments", {}), (*path, "arguments"), "", report)
    for number, template in enumerate(holder.templates):
        place, where = (*path, "templates", number), named(template)
        for key in ("memoize", "http", "data"):
            _check_required(template, key, place, f"{where}: ", report)
        _check_word(template.get("resource", {}), "mergeStrategy", MERGES, (*place, "resource"), where, report)
        _check_parallelism(template, place, where, report)
        for index, metric in enumerate(template.get("metrics", {}).get("prometheus", ())):
            at = (*place, "metrics", "prometheus", index)
            for key in ("gauge", "histogram"):
                _check_required(metric, key, at, f"{where}: ", report)
            _check_word(metric.get("gauge", {}), "operation", OPERATIONS, (*at, "gauge"), where, report)
        for ports, at in _ports(template, place):
            _check_artifacts(ports, at, f"{where}: ", report)
        _check_location(template.get("archiveLocation", {}), (*place, "archiveLocation"), where, report)


def _ports(template: Mapping, path: Path) -> Iterator[tuple[Mapping, Path]]:
    """All inputs, outputs and arguments of a template."""
    for side in ("inputs", "outputs"):
        yield template.get(side, {}), (*path, side)
    for call, place in calls_of(template, path):
        yield call.get("arguments", {}), (*place, "arguments")


def _check_artifacts(ports: Mapping, path: Path, where: str, report: Report) -> None:
    for number, item in enumerate(ports.get("artifacts", ())):
        place, subject = (*path, "artifacts", number), f"{where}artifact {item.get('name', '')!r}"
        _check_location(item, place, subject, report)
        _check_word(item.get("artifactGC", {}), "strategy", STRATEGIES, (*place, "artifactGC"), subject, report)


def _check_location(item: Mapping, path: Path, subject: str, report: Report) -> None:
    kinds = [kind for kind in LOCATION if kind in item]
    if len(kinds) > 1:
        message = f"{subject} has several locations: {', '.join(kinds)}"
        report.since(FULL_CRDS, "crd-rule", path, message, "keep one of them", before="warning")


def _check_required(holder: Mapping, key: str, path: Path, where: str, report: Report) -> None:
    missing = [name for name in REQUIRED[key] if key in holder and name not in holder[key]]
    if missing:
        message = f"{where}{key} has no {' and no '.join(missing)}, which the default CRDs of Argo 4 ask for"
        report.since(FULL_CRDS, "crd-rule", (*path, key), message, f"add it; {MINIMAL}")


def _check_word(holder: Mapping, key: str, allowed: tuple[str, ...], path: Path, where: str, report: Report) -> None:
    word = holder.get(key)
    if word is not None and word not in allowed:
        message = f"{where}: {key} is {word!r}, which does not exist"
        hint = report.meant(word, allowed, f"use one of {', '.join(filter(None, allowed))}")
        report.since(FULL_CRDS, "crd-rule", (*path, key), message, hint, before="warning")


def _check_parallelism(holder: Mapping, path: Path, where: str, report: Report) -> None:
    if holder.get("parallelism", 1) < 1:
        message = f"{where} has a parallelism of {holder['parallelism']}"
        hint = "give a number above zero, or remove it"
        report.since(FULL_CRDS, "crd-rule", (*path, "parallelism"), message, hint, before="warning")
