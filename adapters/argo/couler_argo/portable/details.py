"""What others do not tell apart, or have no words for: attempts, errors beside failures, and fields of Argo's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from couler_argo.documents import rest_of
from couler_argo.homes import DEADLINE
from couler_argo.portable.loops import value_of
from couler_argo.references import native
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.engine_kit.durations import as_seconds
from couler_plugins.engine_kit.legalize.native_fields import fields_of, without_field
from couler_plugins.engine_kit.legalize.notes import Notes
from couler_plugins.ir import (
    Argument,
    Call,
    CallSite,
    FirstOf,
    Graph,
    Literal,
    Need,
    Node,
    Operation,
    Output,
    Port,
    Reference,
    Retry,
    Step,
    Value,
    Workflow,
    callables,
    callee_of,
    calls_by_callee,
    map_needs,
    map_steps,
    rebuild,
    replace,
)

ENDLESS = 1000
"""Attempts in place of those without an end."""
NO_POD = frozenset(
    str.split(
        """
        affinity archiveLocation automountServiceAccountToken executor hostAliases initContainers metadata nodeSelector
        podSpecPatch priority priorityClassName schedulerName securityContext serviceAccountName sidecars tolerations
        volumes
        """
    )
)
"""What a template says of its pod, and means nothing where it has none."""
NOWHERE = ("metrics", "podResources", "podSpecPatch")
"""Fields of a workflow, or of a template, that no other engine has words for, and that compute nothing."""


def with_common_words(workflow: Workflow, notes: Notes) -> Workflow:
    """Return a workflow with attempts, times and outcomes as all engines have them."""
    workflow = _without_own_fields(workflow, notes)
    workflow = _with_defaults(_with_times_at_calls(workflow))

    def change(node: Node) -> Node:
        match node:
            case Graph():
                rest = native(_of_no_pod(node)) if _of_no_pod(node) else None
                return replace(node, retry=node.retry and _retry(node.retry, node.name, notes), native_extra=rest)
            case Operation() if node.retry is not None:
                return replace(node, retry=_retry(node.retry, node.name, notes))
            case Step():
                return _one_failure(node, notes)
            case Port() if node.native_extra is not None:
                return _bare(node, notes)
        return node

    return rebuild(workflow, change)


def _without_own_fields(workflow: Workflow, notes: Notes) -> Workflow:
    def pruned(node: Any, where: str, fields: Mapping[str, Any], prefix: str = "") -> Any:
        for field in NOWHERE:
            if field in fields:
                notes.note(
                    where, f"leave out {prefix}{field}", f"it has {prefix}{field}, which only Argo has", "detail"
                )
                node = replace(node, native_extra=without_field(node.native_extra, f"{prefix}{field}"))
        return node

    path = ("spec", "workflowSpec") if workflow.kind == "CronWorkflow" else ("spec",)
    spec = mapping_at(fields_of(workflow.native_extra), *path)
    workflow = pruned(workflow, "", spec, "".join(f"{key}." for key in path))
    operations = (pruned(item, item.name, fields_of(item.native_extra)) for item in workflow.operations)
    return replace(workflow, operations=tuple(operations))


def _of_no_pod(graph: Graph) -> dict[str, Any]:
    """Return what a graph says beside what it says of a pod, which it does not have."""
    return {key: content for key, content in rest_of(graph).items() if key not in NO_POD}


def _retry(retry: Retry, name: str, notes: Notes) -> Retry:
    limit = retry.limit
    if limit is None:
        reason = f"it is tried again at most {ENDLESS} times; Argo goes on without an end"
        notes.note(name, "limit its attempts", reason, "detail")
        limit = Literal(value=ENDLESS)
    elif isinstance(limit, Literal) and str(limit.value).isdigit():
        limit = Literal(value=int(str(limit.value)))
    rest = fields_of(retry.native_extra)
    if mapping_at(rest, "backoff").get("maxDuration") is not None:
        reason = "it is tried again as often as it says, although Argo stops after a time (maxDuration)"
        notes.note(name, "try again for any time", reason, "run")
    if rest.get("retryPolicy") in ("OnError", "OnTransientError"):
        reason = f"it is tried again after every failure, although Argo does so for some only ({rest['retryPolicy']})"
        notes.note(name, "try again after failures", reason, "run")
    if rest.get("retryPolicy") == "OnFailure":
        reason = "it is tried again after errors as well, which its retryPolicy (OnFailure) leaves out"
        notes.note(name, "try again after errors", reason, "detail")
    if "affinity" in rest:
        notes.note(name, "try again anywhere", "others do not say on which node an attempt runs", "detail")
    others = {
        *rest.keys() - {"backoff", "affinity", "retryPolicy"},
        *mapping_at(rest, "backoff").keys() - {"maxDuration"},
    }
    return replace(retry, limit=limit, native_extra=retry.native_extra if others else None)


def _one_failure(step: Step, notes: Notes) -> Step:
    """Return a step for engines that have errors among the failures."""

    def both(need: Need) -> Need:
        if "failed" in need.outcomes and "errored" not in need.outcomes:
            notes.note(step.name, "take errors for failures", ERRORS)
            return replace(need, outcomes=tuple(sorted((*need.outcomes, "errored"))))
        return need

    if step.tolerates == ("failed",):
        notes.note(step.name, "take errors for failures", ERRORS)
        step = replace(step, tolerates=("errored", "failed"))
    elif step.tolerates == ("errored",):
        notes.note(step.name, "tolerate no errors", "others have failures only, and this step may have none", "run")
        step = replace(step, tolerates=())
    return step if step.needs is None else replace(step, needs=map_needs(step.needs, both))


ERRORS = "others do not tell errors from failures, as Argo does"


def _bare(port: Port, notes: Notes) -> Port:
    """Return an input without what only people read."""
    rest = rest_of(port)
    for field in ("enum", "description"):
        if rest.pop(field, None) is not None:
            notes.note(port.name, f"leave out {field}", f"the parameter has {field}, which is for people", "detail")
    return replace(port, native_extra=native(rest) if rest else None)


def _with_defaults(workflow: Workflow) -> Workflow:
    """Return a workflow whose steps say what they get from one that is skipped: a default of its output, or their own.

    Source: Argo's examples/skipped-output-defaults.
    """
    by_name = callables(workflow)

    def change(node: Node) -> Node:
        steps = node.steps if isinstance(node, Graph) else ()
        producers = {step.name: callee_of(step, by_name) for step in steps if step.condition is not None}
        if not producers:
            return node

        def with_default(argument: Argument, inputs: Sequence[Port]) -> Argument:
            value = argument.value
            if not isinstance(value, Reference) or value.to != "output" or value.path or value.step not in producers:
                return argument
            outputs = getattr(producers[value.step], "outputs", ())
            default = _default(outputs, value.name) or _default(inputs, argument.name)
            return argument if default is None else replace(argument, value=FirstOf(values=(value, default)))

        def with_arguments(step: Step) -> Step:
            inputs = getattr(callee_of(step, by_name), "inputs", ())
            return replace(step, arguments=tuple(with_default(item, inputs) for item in step.arguments))

        return replace(node, steps=tuple(map(with_arguments, steps)))

    return rebuild(workflow, change)


def _default(ports: Sequence[Port | Output], name: str) -> Literal | None:
    return next((port.default for port in ports if port.name == name and isinstance(port.default, Literal)), None)


# Times of templates that their calls pass.


def _with_times_at_calls(workflow: Workflow) -> Workflow:
    """Return a workflow that says at each call how long it may take, where its template takes that from an input."""
    by_callee = calls_by_callee(workflow)
    times: dict[str, Operation] = {}
    operations = []
    for operation in map(_with_deadline, workflow.operations):
        sites = by_callee.get(operation.name, [])
        times_passed = [_time(operation, site) for site in sites]
        if isinstance(operation.timeout, Reference) and sites and None not in times_passed:
            times[operation.name] = operation
            operations.append(replace(operation, timeout=None))
        else:
            operations.append(operation)

    def timed(step: Step) -> Step:
        operation = times.get(step.call.name) if isinstance(step.call, Call) else None
        if operation is None or step.timeout is not None:
            return step
        return replace(step, timeout=_time(operation, CallSite(None, step)))

    workflow = replace(workflow, operations=tuple(operations))
    return map_steps(workflow, timed) if times else workflow


def _time(operation: Operation, site: CallSite) -> Value | None:
    timeout = operation.timeout
    if not isinstance(timeout, Reference) or timeout.to != "input" or timeout.path:
        return None
    value = value_of(operation, timeout.name, site)
    return as_seconds(str(value.value)) if isinstance(value, Literal) else None


def _with_deadline(operation: Operation) -> Operation:
    """Return an operation with the deadline of its pod as its timeout, where it is not tried again."""
    deadline = DEADLINE.read("timeout", operation) if operation.timeout is None and operation.retry is None else None
    if not isinstance(deadline, Literal) or type(deadline.value) is not int:
        return operation
    rest = without_field(operation.native_extra, "activeDeadlineSeconds")
    return replace(operation, timeout=Literal(value=deadline.value), native_extra=rest)
