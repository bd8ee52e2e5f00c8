"""What of an Argo workflow only a cluster can run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from couler_argo.run.local.evaluating import check_condition, check_expression
from couler_argo.run.local.facts import data_of, filled_in, known_fact, objections
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.hookspecs.local import NotThere, Refusal
from couler_plugins.ir import (
    ANY_STEP,
    Argument,
    Expression,
    Literal,
    Native,
    Operation,
    Port,
    Reference,
    Step,
    Template,
    Value,
    Workflow,
    call_sites,
    nodes,
)

SPEC = frozenset(
    [
        "activeDeadlineSeconds",
        "affinity",
        "archiveLogs",
        "arguments",
        "artifactGC",
        "automountServiceAccountToken",
        "dnsConfig",
        "dnsPolicy",
        "executor",
        "hostAliases",
        "imagePullSecrets",
        "metrics",
        "nodeSelector",
        "parallelism",
        "podDisruptionBudget",
        "podGC",
        "podMetadata",
        "podPriorityClassName",
        "podSpecPatch",
        "priority",
        "schedulerName",
        "securityContext",
        "serviceAccountName",
        "templates",
        "tolerations",
        "ttlStrategy",
        "volumeClaimGC",
        "volumeClaimTemplates",
        "volumes",
        "workflowMetadata",
        "entrypoint",
    ]
) - {"activeDeadlineSeconds"}
"""Fields of a spec that mean nothing where there is no cluster; volumes count only where something mounts them."""
TEMPLATE = frozenset(
    [
        "activeDeadlineSeconds",
        "affinity",
        "archiveLocation",
        "automountServiceAccountToken",
        "executor",
        "failFast",
        "hostAliases",
        "metadata",
        "nodeSelector",
        "parallelism",
        "podSpecPatch",
        "priority",
        "priorityClassName",
        "schedulerName",
        "securityContext",
        "serviceAccountName",
        "tolerations",
        "volumes",
        "annotations",
    ]
)
CONTAINER = frozenset(
    [
        "imagePullPolicy",
        "livenessProbe",
        "ports",
        "readinessProbe",
        "resources",
        "securityContext",
        "startupProbe",
        "terminationMessagePath",
        "terminationMessagePolicy",
    ]
)
OF_PODS = frozenset({"hostAliases", "podSpecPatch"})
"""Fields of a pod that would mean something to a container of this machine."""
IN_CONTAINERS = frozenset({"volumeMounts", "workingDir"})
"""Fields that a container of this machine has as well; see `couler_argo.run.local.containers`."""
PORT = frozenset({"description", "enum", "archive", "artifactGC", "optional"})
ROLES = {"init": "an init container", "sidecar": "a sidecar"}
WHY = {
    "volumeMounts": "it mounts a volume",
    "envFrom": "its environment comes from a secret or a ConfigMap",
    "workingDir": "it runs in a folder of its image",
}


def refusals(workflow: Workflow, *, contained: bool) -> Iterator[Refusal]:
    """Everything that cannot mean the same here, with the reason.

    Args:
        contained: whether each program runs in a container of its image.
    """
    fields = SPEC - OF_PODS if contained else SPEC
    for key in sorted(mapping_at(data_of(workflow.native_extra), "spec").keys() - fields):
        yield Refusal("", f"its {key} has a meaning only in a cluster")
    for port in workflow.parameters:
        yield from _ports("", (port,))
    for site in call_sites(workflow):
        subject = f"{site.graph.name}/{site.step.name}" if site.graph is not None else site.step.name
        yield from _step(subject, site.step)
    for graph in workflow.graphs:
        for key in sorted(data_of(graph.native_extra).keys() - TEMPLATE):
            yield Refusal(graph.name, f"its {key} has a meaning only in a cluster")
        yield from _ports(graph.name, graph.inputs)
        yield from _within(graph.name, (graph.inputs, graph.outputs, graph.parallelism))
    for operation in workflow.operations:
        yield from _operation(operation, contained)


def _step(subject: str, step: Step) -> Iterator[Refusal]:
    for key in sorted(data_of(step.native_extra)):
        yield Refusal(subject, f"its {key} is not supported by --local")
    for argument in step.arguments:
        yield from _argument(subject, argument)
    if step.condition is not None:
        yield from _tried(subject, partial(check_condition, _static(step.condition)))
    conditions = [handler.condition for handler in step.handlers]
    yield from _within(subject, (step.arguments, step.condition, step.loop, *filter(None, conditions)))


def _argument(subject: str, argument: Argument) -> Iterator[Refusal]:
    if not isinstance(argument.value, Native):
        return
    keys = data_of(argument.value)
    if argument.kind == "parameter":
        yield Refusal(subject, f"its argument {argument.name!r} comes from the cluster ({', '.join(sorted(keys))})")
    elif keys.keys() != {"raw"}:
        yield Refusal(subject, f"its artifact {argument.name!r} comes from outside ({', '.join(sorted(keys))})")


def _ports(subject: str, ports: Iterable[Port]) -> Iterator[Refusal]:
    for port in ports:
        origin = data_of(port.origin)
        if origin and (port.kind == "parameter" or origin.keys() != {"raw"}):
            yield Refusal(subject, f"its input {port.name!r} comes from outside ({', '.join(sorted(origin))})")
        for key in sorted(data_of(port.native_extra).keys() - PORT):
            yield Refusal(subject, f"its input {port.name!r} has {key!r}, which --local does not support")


def _operation(operation: Operation, contained: bool) -> Iterator[Refusal]:
    name = operation.name
    if operation.kind != "script" and not (contained and operation.kind == "container"):
        return  # the core says so
    for key in sorted(data_of(operation.native_extra).keys() - (TEMPLATE - OF_PODS if contained else TEMPLATE)):
        yield Refusal(name, f"its {key} has a meaning only in a cluster")
    for container in operation.containers:
        if container.role != "main":
            yield Refusal(name, f"it has {ROLES[container.role]}")
        elif container.args and not contained:
            yield Refusal(name, "its script has arguments")
        for key in sorted(
            data_of(container.native_extra).keys() - (CONTAINER | IN_CONTAINERS if contained else CONTAINER)
        ):
            yield Refusal(name, WHY.get(key, f"its {key} is not supported by --local"))
    yield from _ports(name, operation.inputs)
    for output in operation.outputs:
        for key in sorted(data_of(output.native_extra).keys() - PORT):
            yield Refusal(name, f"its output {output.name!r} goes to a place of its own ({key})")
    for reason in objections(operation.retry) if operation.retry is not None else ():
        yield Refusal(name, reason)
    body: tuple[Any, ...] = (operation.inputs, operation.outputs, operation.timeout, filled_in(operation.retry))
    for container in operation.containers:
        body += (container.script, container.command, container.env)
        body += (container.image, container.args) if contained else ()
    yield from _within(name, body)


def _within(subject: str, body: Any) -> Iterator[Refusal]:
    """What of the references and expressions in something is not known here."""
    for node in nodes(body):
        if isinstance(node, Expression):
            yield from _tried(subject, partial(check_expression, _static(node)))
        elif isinstance(node, Reference) and not _known(node):
            yield Refusal(subject, f"it refers to {node.native or node.name!r}, which --local does not support")


def _known(reference: Reference) -> bool:
    if reference.step == ANY_STEP or reference.to in ("secret", "workspace", "unknown"):
        return False
    if reference.to in ("run", "status"):
        return known_fact(reference)
    return bool(reference.name) or reference.to in ("item", "output")


def _static(value: Value) -> str:
    """A value as a text, a name in the place of each tag, and a number in that of what an expression looks up."""
    match value:
        case Literal():
            return str(value.value)
        case Expression():
            parts = enumerate(value.parts)
            return "".join(part if isinstance(part, str) else f"\x00{number}\x00" for number, part in parts)
        case Template():
            return "".join(part if isinstance(part, str) else "x" for part in value.parts)
    return "x"


def _tried(subject: str, check: Any) -> Iterator[Refusal]:
    try:
        check()
    except NotThere as error:
        yield Refusal(subject, str(error))
