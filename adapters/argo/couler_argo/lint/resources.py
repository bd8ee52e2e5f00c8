"""Templates that create or change Kubernetes objects."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml

from couler_argo.lint.calls import Callee

__all__ = ["check_resource"]

ACTIONS = ("get", "create", "apply", "delete", "replace", "patch")
EXPRESSION = re.compile(r"\{\{\s*=\s*.+?\s*\}\}")


def check_resource(caller: Callee, is_standin: Callable[[str], bool]) -> None:
    """The action of a resource template, and its manifest."""
    resource, path, report = caller.template["resource"], (*caller.path, "resource"), caller.report
    action = resource.get("action", "")
    if action not in ACTIONS and not is_standin(action):
        message = f"{caller.where} has the action {action!r}, which does not exist"
        hint = report.meant(action, ACTIONS, f"use one of {', '.join(ACTIONS)}")
        report.error("resource", (*path, "action"), message, hint)
    if action not in ("get", "delete"):
        _check_manifest(caller, is_standin)


def _check_manifest(caller: Callee, is_standin: Callable[[str], bool]) -> None:
    resource, path, report = caller.template["resource"], (*caller.path, "resource"), caller.report
    manifest, source = resource.get("manifest", ""), resource.get("manifestFrom")
    if bool(manifest) is (source is not None):
        message = f"{caller.where} has {'both manifest and manifestFrom' if manifest else 'no manifest'}"
        report.error("resource", path, message, "keep one of them" if manifest else "give it manifest or manifestFrom")
    if source is not None and "artifact" in source:
        inputs = caller.template.get("inputs", {}).get("artifacts", ())
        name = source["artifact"].get("name", "")
        names = [item.get("name", "") for item in inputs]
        if name not in names:
            message = f"{caller.where} takes its manifest from {name!r}, which is none of its input artifacts"
            hint = report.meant(name, names, "declare it in inputs.artifacts")
            report.error("resource", (*path, "manifestFrom", "artifact"), message, hint)
    if manifest and not is_standin(manifest) and not _is_yaml(EXPRESSION.sub("x", manifest)):
        message = f"{caller.where} has a manifest that is no YAML"
        report.error("resource", (*path, "manifest"), message, "correct it; {{…}} alone may need quotes")


def _is_yaml(text: str) -> bool:
    """Whether the first document of a text is YAML that JSON can say: its keys are no collections."""
    try:
        root = next(yaml.compose_all(text, Loader=yaml.CSafeLoader), None)
    except (yaml.YAMLError, ValueError, RecursionError):
        return False
    pending: list[Any] = [root]
    seen: set[int] = set()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            pending.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            if not all(isinstance(key, yaml.ScalarNode) for key, _ in node.value):
                return False
            pending.extend(content for _, content in node.value)
    return True
