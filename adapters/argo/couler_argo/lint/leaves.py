"""Templates that run one thing."""

from __future__ import annotations

import re
from typing import Any

from couler_argo.lint.calls import Callee
from couler_argo.lint.containers import check_containers
from couler_argo.lint.references import check_references
from couler_argo.lint.resources import check_resource
from couler_argo.lint.run import Scope
from couler_argo.lint.tags import tags

__all__ = ["check_leaf"]

Mapping = dict[str, Any]
WHOLE_NUMBER = re.compile(r"[-+]?\d+")


def check_leaf(caller: Callee, scope: Scope) -> None:
    """A template that calls no others, with what is known filled in."""
    template, report = caller.template, caller.report
    inputs = (*caller.path, "inputs")
    written = (
        # What is passed is written elsewhere: of an input, the place that the document has is the input itself.
        (tag, path[: len(inputs) + 2] if path[: len(inputs)] == inputs else path)
        for tag, path in tags(template, caller.path)
    )
    check_references(written, scope, f"{caller.where}: ", report)
    check_containers(caller)
    if "resource" in template:
        check_resource(caller, scope.run.is_standin)
    _check_plugin(caller)
    _check_deadline(caller, scope)
    if "parallelism" in template:
        message = f"{caller.where} runs one thing, and has parallelism"
        hint = "move it to the template of steps or tasks that calls it, or to the workflow's spec"
        report.error("parallelism", (*caller.path, "parallelism"), message, hint)


def _check_plugin(caller: Callee) -> None:
    plugin = caller.template.get("plugin")
    if plugin is not None and len(plugin) != 1:
        message = f"{caller.where} names {len(plugin)} plugins"
        caller.report.error("plugin", (*caller.path, "plugin"), message, "name one")


def _check_deadline(caller: Callee, scope: Scope) -> None:
    deadline = caller.template.get("activeDeadlineSeconds")
    if deadline is None:
        return
    text = str(deadline)
    number = WHOLE_NUMBER.fullmatch(text)
    variable = (text.startswith("{{") and text.endswith("}}")) or scope.run.is_standin(text)
    if (not number and not variable) or (number and int(text) < 0):
        message = f"{caller.where} has activeDeadlineSeconds {text!r}"
        hint = "give a number of seconds, or one {{…}}"
        caller.report.error("deadline", (*caller.path, "activeDeadlineSeconds"), message, hint)
