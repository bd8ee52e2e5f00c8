"""Visits templates in the order in which Argo validates them: each is checked where it is called first.

The order matters: what a step publishes under a `globalName` is known only to what is visited after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from couler_argo.lint.arguments import Arguments, check_supply
from couler_argo.lint.artifacts import check_location, check_path
from couler_argo.lint.calls import Callee, Request
from couler_argo.lint.leaves import check_leaf
from couler_argo.lint.outputs import LEAVES, check_metrics, check_outputs
from couler_argo.lint.report import Report, Unjudged, check_ports, filled
from couler_argo.lint.run import Run, Scope, local_names
from couler_argo.lint.steps import visit_dag, visit_steps
from couler_plugins.documents import Path
from couler_plugins.documents.mappings import Mapped

TYPES = ("container", "containerSet", "steps", "script", "resource", "dag", "suspend", "data", "http", "plugin")
POLICIES = ("", "Always", "OnError", "OnFailure", "OnTransientError")
WHOLE_NUMBER = re.compile(r"[-+]?\d+")


def walk(run: Run, request: Request) -> None:
    """Carries out a visit and those that it leads to; no depth of calls exhausts the stack."""
    pending = [_visit(run, request)]
    while pending:
        for further in pending[-1]:
            pending.append(_visit(run, further))
            break
        else:
            pending.pop()


def _visit(run: Run, request: Request) -> Iterator[Request]:
    callee, arguments = request.callee, request.arguments
    template = callee.template
    if arguments is not None:
        check_supply(template, arguments, request.path, request.subject, request.report)
    values = run.values(template, arguments)
    place = (id(callee.holder), callee.path)
    if place in run.places:  # only what depends on the arguments can be different
        if arguments is not None:
            _check_timeout(filled(template.get("timeout", ""), values), callee, request.report, request.path)
        return
    run.places.add(place)
    report = callee.report
    _check_frame(template, callee.path, callee.where, report)
    if not _has_one_type(template, callee.path, callee.where, report):
        return
    name = template.get("name", "")
    judged = (id(callee.holder), name) not in run.seen
    run.seen.add((id(callee.holder), name))
    complete = filled(_supplied(template, arguments, values), values)
    _check_timeout(complete.get("timeout", ""), callee, report, (*callee.path, "timeout"))
    if not judged:  # of the inline templates of an object, Argo takes all to be the same one
        report = Unjudged(report)
    inner = replace(callee, template=complete, report=report)
    scope = Scope(run, _names(template))
    if template.get("steps"):  # without any, Argo takes the template for one that calls nothing
        yield from visit_steps(run, inner, scope, judged)
    elif "dag" in template:
        yield from visit_dag(run, inner, scope, judged)
    else:
        check_leaf(inner, scope)
    check_outputs(inner, scope)
    if "archiveLocation" in complete:
        path = (*callee.path, "archiveLocation")
        check_location(complete["archiveLocation"], path, f"{callee.where}: archiveLocation", report)
    check_metrics(complete.get("metrics", {}), (*callee.path, "metrics"), f"{callee.where}: ", report)


def _supplied(template: Mapped, arguments: Arguments | None, values: Any) -> Mapped:
    """A template with what is passed in the place of its inputs."""
    inputs = template.get("inputs", {})
    parameters = []
    for item in inputs.get("parameters", ()):
        name = item.get("name", "")
        value = values(f"inputs.parameters.{name}")
        passed = None if arguments is None else arguments.parameters.get(name)
        source = (item if passed is None else passed).get("valueFrom", {})
        supplied: Mapped = {"valueFrom": source} if value is None else {"value": value}
        parameters.append({**{key: item[key] for key in item if key not in ("value", "valueFrom")}, **supplied})
    artifacts: list[Mapped] = []
    for item in inputs.get("artifacts", ()):
        name = item.get("name", "")
        source = {"name": name} if arguments is None else arguments.artifacts.get(name)
        artifacts.append(item if source is None else {**source, "path": item.get("path", "")})
    return {**template, "inputs": {**inputs, "parameters": parameters, "artifacts": artifacts}} if inputs else template


def _names(template: Mapped) -> Iterator[str]:
    """What can be referred to inside a template, besides its steps."""
    yield from local_names(template)
    leaf = any(kind in template for kind in LEAVES)
    inputs = template.get("inputs", {})
    if inputs.get("parameters"):
        yield "inputs.parameters"
    for item in inputs.get("parameters", ()):
        yield f"inputs.parameters.{item.get('name', '')}"
    for item in inputs.get("artifacts", ()):
        yield f"inputs.artifacts.{item.get('name', '')}"
        if leaf:
            yield f"inputs.artifacts.{item.get('name', '')}.path"


def _has_one_type(template: Mapped, path: Path, where: str, report: Report) -> bool:
    types = [name for name in TYPES if name in template]
    if not types:
        message = f"{where} has no type"
        report.error("missing-type", path, message, f"give it one of {', '.join(TYPES)}")
    elif len(types) > 1:
        report.error("several-types", path, f"{where} has several types: {', '.join(types)}", "keep one of them")
    return len(types) == 1


def _check_frame(template: Mapped, path: Path, where: str, report: Report) -> None:
    """What is checked of a template as it is written, whatever it is called with."""
    policy = template.get("retryStrategy", {}).get("retryPolicy", "")
    if policy not in POLICIES:
        message = f"{where} has the retry policy {policy!r}, which does not exist"
        hint = f"use one of {', '.join(POLICIES[1:])}"
        report.error("retry-policy", (*path, "retryStrategy", "retryPolicy"), message, hint)
    inputs = template.get("inputs", {})
    check_ports(inputs, (*path, "inputs"), f"{where}: input ", report, literal=True)
    for number, item in enumerate(inputs.get("artifacts", ())):
        place = (*path, "inputs", "artifacts", number)
        subject = f"{where}: input artifact {item.get('name', '')!r}"
        check_path(item, place, subject, any(kind in template for kind in LEAVES), report)
        if item.get("from"):
            message = f"{subject} has `from`"
            report.error("artifact-location", (*place, "from"), message, "move it to the arguments of the call")
        check_location(item, place, subject, report)
    for number, item in enumerate(template.get("initContainers", ())):
        if not item.get("name"):
            message = f"{where}: init container number {number + 1} has no name"
            report.error("init-container", (*path, "initContainers", number), message, "name it")


def _check_timeout(timeout: str, callee: Callee, report: Report, path: Path) -> None:
    if not timeout:
        return
    if not any(kind in callee.template for kind in LEAVES):
        message = f"{callee.where} cannot have a timeout"
        report.error("timeout", path, message, "use it on templates that run one thing, or activeDeadlineSeconds")
    elif WHOLE_NUMBER.fullmatch(timeout):
        report.error("timeout", path, f"{callee.where} has a timeout without a unit", f"write {timeout}s")
