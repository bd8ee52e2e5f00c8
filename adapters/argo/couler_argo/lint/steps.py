"""Templates of steps and of tasks: names, calls, dependencies, targets, and references to steps before."""

from __future__ import annotations

from collections.abc import Iterator

from couler_argo.lint.arguments import Arguments, check_arguments
from couler_argo.lint.calls import (
    Callee,
    Request,
    Resolved,
    check_hooks,
    check_references,
    has_exit_hook,
    publish,
    resolve,
)
from couler_argo.lint.loops import gathers, items_of
from couler_argo.lint.needs import Order, Tasks, check_needs, cycle_of, order_of
from couler_argo.lint.report import check_field, check_fields, is_computed, is_parameter, tags
from couler_argo.lint.run import Run, Scope
from couler_argo.lint.shapes import CALL
from couler_plugins.documents import Mapped, Path


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


def _check_step(step: Mapped, path: Path, names: set[str], caller: Callee) -> None:
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


def inline_inputs(call: Mapped) -> frozenset[str]:
    """The input parameters of an inline template, which its step can refer to as well."""
    parameters = call.get("inline", {}).get("inputs", {}).get("parameters", ())
    return frozenset(f"inputs.parameters.{item.get('name', '')}" for item in parameters)


def visit_dag(run: Run, caller: Callee, scope: Scope, descend: bool) -> Iterator[Request]:
    """Checks the tasks of a template, and asks for visits of what they call.

    Args:
        run: the checks.
        caller: the template, with what is known filled in.
        scope: what can be referred to in it; gets what the tasks publish.
        descend: whether Argo looks at what is called.
    """
    check_composite(caller)
    dag, path, report = caller.template["dag"], (*caller.path, "dag", "tasks"), caller.report
    tasks = Tasks.of(dag.get("tasks", []))
    if not tasks.items:
        report.error("empty-dag", (*caller.path, "dag"), f"{caller.where} has no tasks", "add one, or remove it")
        return
    check_fields(tasks.items, "task", path, f"{caller.where}: ", report, literal=False)
    check_needs(tasks, path, caller.where, report)
    waits = [[tasks.by_name[name] for name in names if name in tasks.by_name] for names in tasks.waits]
    order = order_of(waits)
    _check_cycle(tasks, cycle_of(waits, order), path, caller)
    _check_target(dag, tasks, (*caller.path, "dag", "target"), caller, scope)
    sequence = order if len(order) == len(waits) else range(len(waits))
    resolved: dict[int, Resolved] = {}
    for number in sequence:
        task, place = tasks.items[number], (*path, number)
        where = f"{caller.where}, task {task.get('name', '')!r}: "
        resolved[number] = resolve(run, caller, task, place, where)
        callee = resolved[number].callee
        if callee is not None and descend:
            yield Request(callee, None, report, place, where)
        publish(run, resolved[number], f"tasks.{task.get('name', '')}", scope, gathered=gathers(task))
    ended = Order(caller, tasks, scope)
    for number in sequence:
        task, place = tasks.items[number], (*path, number)
        where = f"{caller.where}, task {task.get('name', '')!r}: "
        _check_task(task, number, place, where, caller, scope, ended)
        callee = resolved[number].callee
        if callee is not None and descend:
            yield Request(callee, Arguments(task.get("arguments", {})), report, place, f"{where}{callee.where}")
    if len(order) == len(waits):
        ended.check(waits, order)


def _check_task(task: Mapped, number: int, path: Path, where: str, caller: Callee, scope: Scope, ended: Order) -> None:
    report = caller.report
    if "hooks" in task:
        scope.names.add(f"tasks.{task.get('name', '')}.status")
    items = items_of(task, path, where, report)
    beside = items.names | inline_inputs(task)
    read = list(tags(task, path))
    pending = [pair for pair in read if not ended.takes(*pair, number)]
    check_references(pending, scope, where, report, beside, items.any)
    check_arguments(task.get("arguments", {}), (*path, "arguments"), where, report)
    ended.takes_arguments(task.get("arguments", {}), (*path, "arguments"), number)


def _check_cycle(tasks: Tasks, ring: list[int], path: Path, caller: Callee) -> None:
    if not ring:
        return
    names = [str(tasks.items[number].get("name", "")) for number in ring]
    shown = " → ".join([*names[:8], *(["…"] if len(names) > 8 else []), names[0]])
    key = "depends" if tasks.items[ring[0]].get("depends") else "dependencies"
    message = f"{caller.where}: tasks wait for each other: {shown}" if len(names) > 1 else ""
    message = message or f"{caller.where}: task {names[0]!r} waits for itself"
    caller.report.error("cycle", (*path, ring[0], key), message, "remove one of these dependencies")


def _check_target(dag: Mapped, tasks: Tasks, path: Path, caller: Callee, scope: Scope) -> None:
    target = dag.get("target", "")
    check_references(tags(target, path), scope, f"{caller.where}: ", caller.report)
    if not target or is_computed(target):
        return
    for name in target.split(" "):
        if not is_parameter(name) and name not in tasks.by_name:
            message = f"{caller.where} has the target {name!r}, which does not exist"
            caller.report.error(
                "unknown-target", path, message, caller.report.meant(name, tasks.by_name, "correct the name")
            )
