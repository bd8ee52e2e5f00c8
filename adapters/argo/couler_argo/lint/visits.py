"""Visits templates in the order in which Argo validates them: each is checked where it is called first.

That includes their outputs and metrics.

The order matters: what a step publishes under a `globalName` is known only to what is visited after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from couler_argo.lint.arguments import Arguments, check_supply
from couler_argo.lint.artifacts import check_location, check_path
from couler_argo.lint.calls import Callee, Request, check_references
from couler_argo.lint.leaves import check_leaf
from couler_argo.lint.report import (
    EVER,
    Report,
    Unjudged,
    check_port_name,
    check_ports,
    filled,
    is_computed,
    is_parameter,
    tags,
)
from couler_argo.lint.run import Run, Scope, local_names
from couler_argo.lint.steps import visit_dag, visit_steps
from couler_plugins.documents import Mapped, Path

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
