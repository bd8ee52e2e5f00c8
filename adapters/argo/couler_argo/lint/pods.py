"""What is to happen to finished pods."""

from __future__ import annotations

import re
from typing import Any

from couler_argo.lint.report import Report
from couler_plugins.documents import Path

__all__ = ["check_pod_gc"]

Mapping = dict[str, Any]
STRATEGIES = ("OnPodCompletion", "OnPodSuccess", "OnWorkflowCompletion", "OnWorkflowSuccess")
OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
LABEL_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
LABEL_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def check_pod_gc(collection: Mapping, path: Path, report: Report) -> None:
    """The strategy, and which pods it is for."""
    strategy = collection.get("strategy", "")
    if strategy and strategy not in STRATEGIES:
        message = f"podGC has the strategy {strategy!r}, which does not exist"
        hint = report.meant(strategy, STRATEGIES, f"use one of {', '.join(STRATEGIES)}")
        report.error("pod-gc", (*path, "strategy"), message, hint)
    selector, place = collection.get("labelSelector", {}), (*path, "labelSelector")
    for key, content in selector.get("matchLabels", {}).items():
        if not _is_key(key) or not _is_value(content):
            message = f"podGC selects the label {key!r}: {content!r}, which is not a valid label"
            report.error("pod-gc", (*place, "matchLabels", key), message, "correct it")
    for number, item in enumerate(selector.get("matchExpressions", ())):
        if problem := _problem(item):
            report.error("pod-gc", (*place, "matchExpressions", number), f"podGC's selector {problem}", "correct it")


def _problem(item: Mapping) -> str:
    key, operator, values = item.get("key", ""), item.get("operator", ""), item.get("values", [])
    if operator not in OPERATORS:
        return f"has the operator {operator!r}, which does not exist"
    if not _is_key(key):
        return f"has the key {key!r}, which is not valid"
    if bool(values) is not operator.endswith("In"):
        return f"has {'values' if values else 'no values'} for {operator}"
    return "" if all(map(_is_value, values)) else "has a value that is not valid"


def _is_key(text: str) -> bool:
    prefix, slash, name = text.rpartition("/")
    return bool(LABEL_NAME.fullmatch(name)) and (not slash or bool(LABEL_PREFIX.fullmatch(prefix)))


def _is_value(text: str) -> bool:
    return not text or bool(LABEL_NAME.fullmatch(text))
