"""What Argo accepts when a workflow is created, and what fails or surprises when it runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from couler_argo.lint.holders import Holder
from couler_argo.lint.loops import loops
from couler_argo.lint.report import Report, open_tags, tags
from couler_argo.lint.run import calls_of, named
from couler_argo.references import expression, value
from couler_plugins.documents import Mapped, Path
from couler_plugins.engine_kit.legalize.schedules import DURATION
from couler_plugins.ir import ANY_STEP, Expression, Reference, Template

BARE = ("expression", "fromExpression")
"""Fields that hold an expression without braces around it."""


def check_expressions(template: Mapped, path: Path, where: str, report: Report) -> None:
    """References in a template's expressions to inputs and steps that it does not have; inline ones are left aside."""
    steps = [str(call.get("name", "")) for call, _ in calls_of(template, path)]
    inputs = {
        (kind, item.get("name", ""))
        for kind, plural in (("parameter", "parameters"), ("artifact", "artifacts"))
        for item in template.get("inputs", {}).get(plural, ())
    }
    names = set(steps)
    for reference, place in _references(template, path):
        if reference.to == "input" and reference.name and (reference.kind, reference.name) not in inputs:
            hint = report.meant(reference.name, [name for _, name in inputs], "declare it in the template's inputs")
            message = f"{where}: an expression reads {reference.native}, which is no input of it"
            report.warning("unresolved-reference", place, message, hint)
        elif reference.step and reference.step != ANY_STEP and reference.step not in names:
            if reference.step == "name":  # the name of the node itself
                continue
            hint = report.meant(reference.step, steps, "correct the name")
            message = f"{where}: an expression reads {reference.native}, and there is no step {reference.step!r}"
            report.warning("unresolved-reference", place, message, hint)


def _references(data: Any, path: Path, bare: bool = False) -> Iterator[tuple[Reference, Path]]:
    if isinstance(data, str):
        if bare or "{{=" in data:
            yield from ((found, path) for found in _inside(expression(data) if bare else value(data)))
    elif isinstance(data, dict):
        for key, content in data.items():
            if key != "inline":
                yield from _references(content, (*path, key), key in BARE)
    elif isinstance(data, list):
        for number, item in enumerate(data):
            yield from _references(item, (*path, number))


def _inside(part: Any, in_expression: bool = False) -> Iterator[Reference]:
    if isinstance(part, Reference):
        if in_expression:
            yield part
    elif isinstance(part, (Expression, Template)):
        for inner in part.parts:
            yield from _inside(inner, isinstance(part, Expression))


PODS = {"container", "containerSet", "data", "resource", "script"}
"""Types of templates that run in pods of their own."""
KEY = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")


def advise(holder: Holder, report: Report) -> None:
    """Warnings about an object."""
    _check_hooks(holder, holder.spec, holder.spec_path, "", report)
    for number, template in enumerate(holder.templates):
        path, where = (*holder.spec_path, "templates", number), named(template)
        _check_pod_name(holder, template, (*path, "name"), where, report)
        _check_memoize(template.get("memoize", {}), (*path, "memoize"), where, report)
        check_expressions(template, path, where, report)
        _check_open_tags(template, path, where, report)
        for call, place in calls_of(template, path):
            subject = f"{where}, {'task' if 'dag' in template else 'step'} {call.get('name', '')!r}: "
            _check_hooks(holder, call, place, subject, report)
            _check_item(call, place, subject, report)
        for group, steps in enumerate(template.get("steps", ())):
            _check_group(steps, (*path, "steps", group), where, report)


def _check_pod_name(holder: Holder, template: Mapped, path: Path, where: str, report: Report) -> None:
    """Pods are `WORKFLOW-TEMPLATE-HASH`, that of an entrypoint is `WORKFLOW`: `GeneratePodName` in util/pod_name.go.

    Source: Argo 4.0.5. An annotation brings back names without the template's.
    """
    name, annotations = template.get("name", ""), holder.metadata.get("annotations", {})
    if name == name.lower() or not PODS & template.keys() or name == holder.spec.get("entrypoint"):
        return
    if annotations.get("workflows.argoproj.io/pod-name-format") != "v1":
        message = f"{where} has capitals in its name, and Kubernetes takes none in the names of its pods"
        report.warning("pod-name", path, message, f"call it {name.lower()!r}")


def _check_hooks(holder: Holder, call: Mapped, path: Path, where: str, report: Report) -> None:
    """Hooks of templates that do not exist: Argo looks for these only when they run."""
    called = [(hook.get("template", ""), (*path, "hooks", event)) for event, hook in call.get("hooks", {}).items()]
    if "templates" not in call:  # what a workflow calls when it ends is found earlier
        called.append((call.get("onExit", ""), (*path, "onExit")))
    for name, place in called:
        if name and "{{" not in name and holder.find(name) is None and "workflowTemplateRef" not in holder.spec:
            hint = report.meant(name, holder.template_names, "correct the name, or add the template")
            message = f"{where}a hook calls {name!r}, which does not exist"
            report.warning("unknown-template", place, message, hint)


def _check_item(call: Mapped, path: Path, where: str, report: Report) -> None:
    for tag, place in () if loops(call) else tags(call, path):
        if tag == "item" or tag.startswith("item."):
            message = f"{where}{{{{{tag}}}}} cannot be resolved: the step does not loop"
            report.warning(
                "item-outside-loop", place, message, "add withItems, withParam or withSequence, or remove it"
            )


def _check_group(steps: list[Mapped], path: Path, where: str, report: Report) -> None:
    """References to steps that run at the same time: Argo takes those to steps that are written before."""
    names: set[str] = set()
    for number, step in enumerate(steps):
        own = str(step.get("name", ""))
        for tag, place in tags({key: step[key] for key in step if key != "inline"}, (*path, number)) if names else ():
            root, _, rest = tag.partition(".")
            name = rest.split(".", 1)[0]
            if root == "steps" and name in names:
                message = f"{where}, step {own!r}: {{{{{tag}}}}} refers to {name!r}, which runs at the same time"
                report.warning("reference-order", place, message, f"put {own!r} into a later group")
        names.add(own)


def _check_open_tags(template: Mapped, path: Path, where: str, report: Report) -> None:
    """Tags without an end: Argo takes all for one of them that comes before the next `}}`, and may refuse that."""
    for place in open_tags(template, path):
        message = f"{where} has a {{{{ without its }}}}"
        report.warning("open-tag", place, message, "close it, or write {{='{{'}} for the braces themselves")


def _check_memoize(memoize: Mapped, path: Path, where: str, report: Report) -> None:
    key, age = memoize.get("key", ""), memoize.get("maxAge", "")
    if key and "{{" not in key and not KEY.fullmatch(key):
        message = f"{where} has a memoization key {key!r}, with which it fails when it runs"
        report.warning("memoize", (*path, "key"), message, "use letters, digits and '-'; hash what has others")
    if age and "{{" not in age and not DURATION.fullmatch(age):
        message = f"{where} has a maxAge {age!r}, with which it fails when it runs"
        report.warning("memoize", (*path, "maxAge"), message, "write a duration such as 24h or 1h30m")
