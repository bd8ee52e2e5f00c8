"""Where Argo keeps the settings of steps: all of them in the template."""

from __future__ import annotations

from typing import Any, TypeVar

from couler_argo.cache.wrappable import active_seconds, timeout_seconds
from couler_argo.documents import spec_of
from couler_argo.footprint import POD_KINDS
from couler_argo.references import native, value
from couler_argo.spelling import write, write_native
from couler_plugins.engine_kit.durations import go_duration
from couler_plugins.hookspecs.ordering import StartOrder
from couler_plugins.ir import (
    Graph,
    Home,
    Homes,
    Literal,
    NativeForm,
    Need,
    Needs,
    Operation,
    Value,
    Workflow,
    conjuncts,
    container_home,
    native_home,
    needed,
    replace,
)
from couler_plugins.ir.cut import ENDED_WELL

T = TypeVar("T", Graph, Operation, Graph | Operation)

FORM = NativeForm(write_native, native, value, write)
DEADLINE = native_home("timeout", ("activeDeadlineSeconds",), FORM)


def _timeout(operation: Operation) -> Any:
    """The time that a template has by either of its two fields, in seconds where these are known."""
    said = operation.timeout if operation.timeout is not None else DEADLINE.read("timeout", operation)
    seconds = timeout_seconds(operation) if operation.timeout is not None else active_seconds(operation)
    return said if seconds is None else Literal(value=int(seconds) if seconds == int(seconds) else seconds)


def with_timeout(operation: T, timeout: Value | None) -> T:
    """The template with a timeout; a number is seconds, which Argo wants with their unit."""
    if isinstance(timeout, Literal) and isinstance(timeout.value, (int, float)):
        timeout = Literal(value=go_duration(timeout.value))
    return replace(operation, timeout=timeout)


def _waiting(operation: Operation | None) -> str:
    return "Argo has no timeout of a suspended step" if operation is not None and operation.kind == "suspend" else ""


def _without_pod(operation: Operation) -> str:
    return "" if operation.kind in POD_KINDS else "it runs in no pod of its own"


HOMES: Homes = {
    "retry": Home(at="operation", native="retryStrategy"),
    "timeout": Home(at="operation", native="timeout", get=_timeout, put=with_timeout, refuse=_waiting),
    "requests": container_home("requests", "resources.requests"),
    "limits": container_home("limits", "resources.limits"),
    "env": container_home("env", "env"),
    "labels": native_home("labels", ("metadata", "labels"), FORM, refuse=_without_pod),
    "annotations": native_home("annotations", ("metadata", "annotations"), FORM, refuse=_without_pod),
    "node_selector": native_home("node_selector", ("nodeSelector",), FORM, refuse=_without_pod),
    "priority": native_home("priority", ("priorityClassName",), FORM, refuse=_without_pod),
    "scheduler": native_home("scheduler", ("schedulerName",), FORM, refuse=_without_pod),
    "weight": Home(at="none", note="tasks have no weights; a DAG starts them in the order of its target"),
}
"""The home of each setting."""
IN_STAGES = "its steps run in stages, each as a whole: a DAG has an order (`parallelize` makes one where data allow it)"
UNLIMITED = "nothing limits how many of its tasks run at once: say it (parallelism), or name priority classes"
HAS_TARGET = "its owner says in `target` what runs, and in which order"
TOLERANT = "a failure of {!r} need not fail the whole, as it would if its `target` named all tasks"
HOOKED = "{!r} has a hook, which Argo starts in another way where `target` names its task"
"""Why a graph keeps its order. Source: `executeDAG` and `assessDAGPhase` in workflow/controller/dag.go."""


def homes() -> Homes:
    """Return where Argo keeps each setting of a step."""
    return HOMES


def start_order(workflow: Workflow, graph: Graph) -> StartOrder:
    """Return how Argo starts the tasks of the entrypoint: it looks at the targets in turn, at what each needs first.

    Without a target it takes the leaves by name. What a task needs, it looks at in an order that it draws each time.
    """
    spec = spec_of(workflow)
    own = graph.parallelism.value if isinstance(graph.parallelism, Literal) else None
    limits = [limit for limit in (own, spec.get("parallelism")) if isinstance(limit, int) and limit > 0]
    tolerant = [step.name for step in graph.steps if step.tolerates]
    tolerant += [need.step for step in graph.steps if not _all_well(step.needs) for need in needed(step.needs)]
    hooked = [step.name for step in graph.steps if step.handlers]
    reasons = {
        IN_STAGES: graph.stages is not None,
        HAS_TARGET: bool(graph.targets),
        UNLIMITED: not limits,
        TOLERANT.format("".join(tolerant[:1])): bool(tolerant),
        HOOKED.format("".join(hooked[:1])): bool(hooked),
    }
    refusal = next((reason for reason, holds in reasons.items() if holds), "")
    return StartOrder("leaves", min(limits, default=None), refusal, str(spec.get("podPriorityClassName") or ""))


def _all_well(needs: Needs | None) -> bool:
    """Return whether a task runs only where all that it needs ended well."""
    return all(isinstance(need, Need) and ENDED_WELL.issuperset(need.outcomes) for need in conjuncts(needs))
