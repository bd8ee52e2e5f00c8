"""What Tekton cannot say of workflows of other engines."""

from __future__ import annotations

from couler_plugins.engine_kit.legalize import rules
from couler_plugins.engine_kit.legalize.legality import Legality, Rule
from couler_plugins.engine_kit.legalize.native_fields import POD_FIELDS, fields_of, raw_text, unsaid
from couler_plugins.engine_kit.legalize.schedules import schedule_text
from couler_plugins.engine_kit.legalize.tables import WAY_OUT, Table
from couler_plugins.ir import (
    Container,
    Literal,
    Operation,
    Output,
    Reference,
    Template,
    Workflow,
    references,
)
from couler_tekton.generating.calls import CALLS, VALUES, has_variable

TEKTON = Legality(
    engine="tekton",
    rules={},
    usual="take it out of the workflow, or keep this workflow where it is",
    hints={
        "Step.condition": "compare texts by == or in, joined by &&, or decide it in the container",
        "Step.needs": "let a step need that those before it succeeded, or were skipped; "
        "use an exit handler for the end",
        "Step.loop": "list the items in the workflow itself, at most 256, and loop over a container",
        "Step.call": "put what it calls into the workflow itself",
        "Port.kind": "let the container fetch it, and pass its address as a parameter",
        "Output.kind": "let the container put it into a store, and pass its address as a parameter",
        "Container.command": "give the command: an image's own entrypoint is not known here",
        "Container.image": "name one for all of these: --to 'tekton{image=busybox}'",
        "Operation.kind": "make it a container or a script",
        "Workflow.entry": "convert a caller",
    },
)
refuse = TEKTON.refusal

CARRIED = ("activeDeadlineSeconds", "serviceAccountName", "volumeClaimTemplates", "volumes", *POD_FIELDS)
"""Fields of a workflow's spec that a PipelineRun has, too."""
CONTAINER_FIELDS = frozenset(
    {"envFrom", "imagePullPolicy", "securityContext", "volumeDevices", "volumeMounts", "workingDir"}
)
SIDECAR_FIELDS = CONTAINER_FIELDS | {"lifecycle", "livenessProbe", "ports", "stdin", "tty"}


def is_computed(output: Output) -> bool:
    """Return whether a graph's output has to be evaluated: it is more than texts and references."""
    parts = output.value.parts if isinstance(output.value, Template) else (output.value,)
    is_plain = all(isinstance(part, (str, Literal, Reference)) for part in parts)
    return not is_plain or output.exported is not None or output.default is not None


# What runs.


def _unknown_fields(container: Container) -> set[str]:
    return fields_of(container.native_extra).keys() - (
        SIDECAR_FIELDS if container.role == "sidecar" else CONTAINER_FIELDS
    )


def _mains(operation: Operation) -> list[Container]:
    return [container for container in operation.containers if container.role == "main"]


def _unknown_of_pod(operation: Operation) -> list[str]:
    rest = fields_of(operation.native_extra)
    unknown = rest.pop("metadata", {}).keys() - {"labels", "annotations"}
    return sorted([*(rest.keys() - {"volumes"}), *(f"metadata.{key}" for key in unknown)])


BODY = rules.of_containers(
    Rule(
        "Operation.containers",
        "has {} main containers",
        lambda operation: [count for count in [len(_mains(operation))] if count != 1],
    ),
    Rule(
        "Container.native_extra",
        "has {} in its container",
        lambda operation: sorted({name for item in operation.containers for name in _unknown_fields(item)}),
    ),
    Rule(
        "Container.command",
        "has outputs or files, and no command",
        lambda operation: (
            (operation.outputs or rules.artifacts(operation.inputs))
            and any(not (item.command or item.script) for item in _mains(operation))
        ),
    ),
    Rule(
        "Container.command",
        "is a script without a command to run it",
        lambda operation: any(
            item.script and not item.command for item in operation.containers if item.role != "sidecar"
        ),
    ),
    Rule(
        "Step.arguments",
        "has a text that Tekton would take for a variable",
        lambda operation: has_variable(operation.containers),
    ),
    Rule(
        "Operation.native_extra",
        "says of its pod what is only known at run time",
        lambda operation: any(references(operation.native_extra)),
    ),
    Rule("Operation.native_extra", "has {}", _unknown_of_pod),
    Rule(
        "Port.origin",
        "takes the artifact {!r} from elsewhere",
        lambda operation: [
            port.name
            for port in operation.inputs
            if port.kind == "artifact" and port.origin is not None and raw_text(port.origin) is None
        ],
        "let the container fetch it",
    ),
)


def _schedule(workflow: Workflow) -> str:
    """Return when a workflow starts by itself; empty where it does not."""
    return schedule_text(fields_of(workflow.native_extra).get("spec", {})) if workflow.kind == "CronWorkflow" else ""


TABLE = Table(
    legality=TEKTON,
    title="Tekton",
    workflow=(
        *rules.WORKFLOW,
        Rule(
            "Workflow.kind",
            "has the schedule {}, which Tekton does not have",
            _schedule,
            "convert its workflow, and start that by a Trigger or a CronJob",
        ),
        Rule(
            "Workflow.native_extra", "has {}, which Tekton does not support", lambda workflow: unsaid(workflow, CARRIED)
        ),
    ),
    circle=(Rule("Step.call", "calls {!r}, which calls itself", str, WAY_OUT),),
    parameter=(
        Rule(
            "Workflow.parameters",
            "is no parameter with a value",
            lambda port: port.kind != "parameter" or port.origin is not None,
        ),
        Rule(
            "Workflow.parameters",
            "has no value",
            lambda port: port.origin is None and not isinstance(rules.usual(port), Literal),
            "give it one: a PipelineRun names all of its values",
        ),
        Rule(
            "Workflow.parameters",
            "has a value that Tekton may take for a variable",
            lambda port: any("$(" in text for text in rules.texts(rules.usual(port))),
        ),
    ),
    handler=(
        Rule(
            "Workflow.handlers",
            "runs on an event, and not at the end",
            lambda handler: handler.event != "exit" or handler.condition is not None,
        ),
    ),
    graph=(*rules.GRAPH, rules.PORTS[0], *VALUES),
    operation=(*rules.OPERATION, *rules.PORTS, *BODY),
    step=(
        *rules.SITE,
        *CALLS,
    ),
)


def table_with(store: str) -> Table:
    """Return the table for a cluster with a store for artifacts, or without one."""
    if not store:
        return TABLE

    def kept(part: tuple[Rule, ...]) -> tuple[Rule, ...]:
        return tuple(rule for rule in part if rule.feature not in ("Port.kind", "Output.kind"))

    return TABLE._replace(graph=kept(TABLE.graph), operation=kept(TABLE.operation), step=kept(TABLE.step))
