"""Templates of steps: names, calls, and references to steps before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from couler_argo.lint.arguments import Arguments, check_arguments
from couler_argo.lint.calls import Callee, Request, check_hooks, has_exit_hook, resolve
from couler_argo.lint.loops import gathers, items_of
from couler_argo.lint.names import check_field
from couler_argo.lint.references import check_references, publish
from couler_argo.lint.run import Run, Scope
from couler_argo.lint.shapes import CALL
from couler_argo.lint.tags import is_computed, tags
from couler_plugins.documents import Path

Mapping = dict[str, Any]


def visit_steps(run: Run, caller: Callee, scope: Scope, descend: bool) -> Iterator[Request]:
    """Checks the steps of a template, and asks for visits of what they call.

    Args:
        run: the checks.
        caller: the template, with what is known filled in.
        scope: what can be referred to in it; gets what the steps publish.
        descend: whether Argo looks at what is called.
    """
    check_composite(caller)
    names: set[str] = set()
    any_item = False
    for group, steps in enumerate(caller.template["steps"]):
        for number, step in enumerate(steps):
            path = (*caller.path, "steps", group, number)
            name = step.get("name", "")
            where = f"{caller.where}, step {name!r}: "
            _check_step(step, path, names, caller)
            scope.names.add(f"steps.{name}.status")
            items = items_of(step, path, where, caller.report)
            scope.names |= items.names  # Argo lets later steps refer to them as well
            any_item = any_item or items.any
            check_arguments(step.get("arguments", {}), (*path, "arguments"), where, caller.report)
            resolved = resolve(run, caller, step, path, where)
            callee = resolved.callee
            if callee is not None and descend:
                yield Request(callee, None, caller.report, path, where)
            if has_exit_hook(step):
                publish(run, resolved, f"steps.{name}", scope)
            check_hooks(step.get("hooks", {}), (*path, "hooks"), where, caller.report)
            check_references(tags(step, path), scope, where, caller.report, inline_inputs(step), any_item)
            publish(run, resolved, f"steps.{name}", scope, gathered=gathers(step))
            if callee is not None and descend:
                subject = f"{where}{callee.where}"
                yield Request(callee, Arguments(step.get("arguments", {})), caller.report, path, subject)


def _check_step(step: Mapping, path: Path, names: set[str], caller: Callee) -> None:
    report = caller.report
    name = step.get("name", "")
    for field in step.keys() - CALL.keys():
        message = f"{caller.where}, step {name!r}: steps have no field {field!r}"
        hint = "write the steps in the order in which they run" if field.startswith("depend") else "remove it"
        report.error("unknown-field", (*path, field), message, hint)
    if not name:
        report.error("missing-name", path, f"{caller.where} has a step without a name", "name it")
        return
    if not is_computed(name):
        check_field(name, "step", (*path, "name"), f"{caller.where}: ", report)
    if name in names:
        message = f"{caller.where}: two steps are named {name!r}"
        report.error("duplicate-name", (*path, "name"), message, "rename one of them, also in references to it")
    names.add(name)


def check_composite(caller: Callee) -> None:
    """What a template of steps or tasks cannot have."""
    if "activeDeadlineSeconds" in caller.template:
        message = f"{caller.where} cannot have activeDeadlineSeconds"
        hint = "move it to the templates that it calls, or to the workflow's spec"
        caller.report.error("deadline", (*caller.path, "activeDeadlineSeconds"), message, hint)


def inline_inputs(call: Mapping) -> frozenset[str]:
    """The input parameters of an inline template, which its step can refer to as well."""
    parameters = call.get("inline", {}).get("inputs", {}).get("parameters", ())
    return frozenset(f"inputs.parameters.{item.get('name', '')}" for item in parameters)
