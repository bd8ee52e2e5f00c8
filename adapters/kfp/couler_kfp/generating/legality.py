"""What KFP cannot say of workflows of other engines."""

from __future__ import annotations

from couler_kfp.generating.calls import BRACES, CALLS
from couler_plugins.engine_kit.legalize import rules
from couler_plugins.engine_kit.legalize.legality import Legality, Rule
from couler_plugins.engine_kit.legalize.native_fields import fields_of, unsaid
from couler_plugins.engine_kit.legalize.tables import WAY_OUT, Table
from couler_plugins.ir import (
    EnvVar,
    Literal,
    Native,
    Operation,
    Value,
    references,
)

__all__ = ["BRACES", "KFP", "TABLE", "refuse"]

KFP = Legality(
    engine="kfp",
    rules={},
    usual="take it out of the workflow, or keep this workflow where it is",
    hints={
        "Step.condition": "compare texts by == or in, joined by &&, or decide it in the container",
        "Step.needs": "let a step need the success of steps without conditions; use an exit handler for the end",
        "Step.loop": "list the items in the workflow itself",
        "Step.call": "put what it calls into the workflow itself",
        "Port.kind": "let the container fetch it, and pass its address as a parameter",
        "Output.kind": "let the container put it into a store, and pass its address as a parameter",
        "Container.command": "give the command: KFP's launcher starts it, and does not know an image's own entrypoint",
        "Container.image": "name one for all of these: --to 'kfp{image=busybox}'",
        "Operation.kind": "make it a container or a script",
        "Operation.containers": "do it in one container: a component has no other",
        "Workflow.entry": "convert a workflow that calls it",
        **{f"Graph.{part}": rules.WHOLE for part in rules.WHOLE_PARTS},
    },
)
refuse = KFP.refusal


# What runs.


def _is_key(value: Value) -> bool:
    """Return whether a variable is a key of a Secret or a ConfigMap that has to be there."""
    source = value.data if isinstance(value, Native) and not any(references(value)) else {}
    kinds = source["valueFrom"] if source.keys() == {"valueFrom"} else {}
    return kinds.keys() in ({"secretKeyRef"}, {"configMapKeyRef"}) and all(
        item.keys() == {"name", "key"} for item in kinds.values()
    )


def _unknown_variables(operation: Operation) -> list[str]:
    variables: list[EnvVar] = [item for container in operation.containers for item in container.env]
    return [item.name for item in variables if not isinstance(item.value, Literal) and not _is_key(item.value)]


def _says_more_of_pod(operation: Operation) -> bool:
    """Return whether anything is said of a pod beside labels and annotations that are constants."""
    rest = fields_of(operation.native_extra)
    metadata = rest.get("metadata")
    if any(references(operation.native_extra)) or rest.keys() - {"metadata"} or metadata in ({}, None):
        return operation.native_extra is not None
    return not isinstance(metadata, dict) or bool(
        metadata.keys() - {"labels", "annotations"}
        or not all(isinstance(texts, dict) for texts in metadata.values())
        or not all(isinstance(text, str) for texts in metadata.values() for text in texts.values())
    )


PORTS = (
    *rules.PORTS,
    Rule(
        "Port.default",
        "has a default of {!r} that is no constant",
        lambda callee: rules.parameters(callee.inputs, lambda port: rules.is_unknown(rules.usual(port))),
    ),
    Rule("Step.arguments", BRACES, lambda callee: any("{{" in text for text in rules.texts(callee.inputs))),
)
COMPONENT = rules.of_containers(
    *PORTS[1:],
    Rule("Operation.native_extra", "has pod fields that KFP does not support", _says_more_of_pod),
    Rule(
        "Operation.containers",
        "has more than one container",
        lambda operation: [item.role for item in operation.containers] != ["main"],
    ),
    Rule(
        "Container.command", "has no command", lambda operation: not all(item.command for item in operation.containers)
    ),
    Rule(
        "Step.arguments",
        BRACES,
        lambda operation: any(
            "{{" in text for text in rules.texts((operation.containers, operation.outputs, operation.native_extra))
        ),
    ),
)

TABLE = Table(
    legality=KFP,
    title="KFP",
    workflow=(
        *rules.WORKFLOW,
        Rule(
            "Workflow.kind",
            "has a schedule, which a pipeline does not have",
            lambda workflow: workflow.kind == "CronWorkflow",
            "convert its workflow, and make a recurring run of the pipeline",
        ),
        Rule("Workflow.native_extra", "has {}, which KFP does not support", unsaid),
        Rule("Workflow.handlers", "has hooks beside an exit handler", lambda workflow: len(workflow.handlers) > 1),
    ),
    circle=(Rule("Step.call", "calls {!r}, which calls itself: components of KFP cannot", str, WAY_OUT),),
    handler=(
        Rule(
            "Workflow.handlers",
            "runs on an event, or reads how the run went",
            lambda handler: (
                handler.event != "exit"
                or handler.condition is not None
                or any(item.to != "parameter" for item in references(handler.step))
            ),
        ),
    ),
    graph=(
        *rules.GRAPH,
        *PORTS,
        Rule("Output.kind", "gives the artifact {!r}", lambda graph: rules.artifacts(graph.outputs)),
    ),
    operation=(
        *rules.OPERATION,
        PORTS[0],
        Rule("Operation.timeout", "has a timeout, which only a platform of KFP knows"),
        Rule(
            "Container.image",
            "has an image that depends on a parameter",
            lambda operation: any(rules.is_unknown(item.image) for item in operation.containers),
            KFP.usual,
        ),
        Rule(
            "Container.native_extra",
            "has {} in its container",
            lambda operation: sorted({name for item in operation.containers for name in fields_of(item.native_extra)}),
        ),
        Rule(
            "Container.env",
            "takes the variable {!r} from its pod, or from a parameter, or may lack it",
            _unknown_variables,
            "pass it as an argument",
        ),
        *COMPONENT,
    ),
    step=(*rules.SITE, *CALLS),
)
