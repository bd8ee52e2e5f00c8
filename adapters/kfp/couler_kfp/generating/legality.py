"""What KFP cannot say of workflows of other engines."""

from __future__ import annotations

from couler_kfp.generating import pods
from couler_kfp.generating.calls import BRACES, CALLS
from couler_plugins.engine_kit.legalize import rules
from couler_plugins.engine_kit.legalize.legality import Legality, Rule
from couler_plugins.engine_kit.legalize.native_fields import fields_of, raw_text, unsaid
from couler_plugins.engine_kit.legalize.python.functions import function_of
from couler_plugins.engine_kit.legalize.tables import WAY_OUT, Table, faults
from couler_plugins.ir import Graph, Operation, Reference, references

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
        "Container.command": "give the command: KFP's launcher starts it, and does not know an image's own entrypoint",
        "Container.image": "name one for all of these: --to 'kfp{image=busybox}'",
        "Operation.kind": "make it a container or a script; for resources, name an image: --to 'kfp{kubectl=IMAGE}'",
        "Operation.containers": "do it in one container: a component has no other",
        "Workflow.entry": "convert a workflow that calls it",
        **{f"Graph.{part}": rules.WHOLE for part in rules.WHOLE_PARTS},
    },
)
refuse = KFP.refusal


# What runs.


def _images(operation: Operation) -> bool:
    """Return whether an image is more than a text, or an input as a whole: KFP fills in nothing else."""
    images = [item.image for item in operation.containers]
    return any(rules.is_unknown(item) and not (isinstance(item, Reference) and not item.path) for item in images)


def _foreign_artifacts(callee: Graph | Operation) -> list[str]:
    """Return the artifacts that come from elsewhere than from steps, or texts."""
    artifacts = [port for port in callee.inputs if port.kind == "artifact"]
    return [
        f"{port.name!r} from {', '.join(fields_of(port.origin)) or 'elsewhere'}"
        for port in artifacts
        if port.value is not None or (port.origin is not None and raw_text(port.origin) is None)
    ]


def _odd_artifacts(callee: Graph | Operation) -> list[str]:
    """Return what an artifact says of its file that is more than a path and a mode."""
    ports = [port for port in callee.inputs if port.kind == "artifact"] if isinstance(callee, Operation) else []
    return [
        field
        for port in ports
        for field in sorted(fields_of(port.native_extra).keys() - {"mode", "archive"})
        if fields_of(port.native_extra)[field] not in (None, False)
    ]


def _odd_outputs(operation: Operation) -> list[str]:
    return [
        field
        for output in operation.outputs
        if output.kind == "artifact"
        for field in sorted(fields_of(output.native_extra).keys() - IN_STORE - STORES)
    ]


STORES = frozenset({"s3", "gcs", "http", "hdfs", "oss", "azure", "artifactory", "plugin"})
"""Where an artifact of Argo may be kept."""
IN_STORE = frozenset({"archive", "archiveLogs", "artifactGC", "deleted", "optional", "mode", "recurseMode"})
"""What an artifact says of how its engine keeps it."""


KEPT = frozenset({"artifactRepositoryRef"})
"""What a workflow says of where its artifacts are kept, which is told."""
PORTS = (
    *(rule for rule in rules.PORTS if rule.feature != "Port.kind"),
    Rule("Port.origin", "takes the artifact {}", _foreign_artifacts, "let a step fetch it"),
    Rule("Port.native_extra", "takes an artifact with {}", _odd_artifacts),
    Rule(
        "Port.default",
        "has a default of {!r} that is no constant",
        lambda callee: rules.parameters(callee.inputs, lambda port: rules.is_unknown(rules.usual(port))),
    ),
    Rule("Step.arguments", BRACES, lambda callee: any("{{" in text for text in rules.texts(callee.inputs))),
)


def _of_runs(*table: Rule) -> tuple[Rule, ...]:
    """Return rules that count for all that runs in a container, functions of Python among it."""

    def limited(rule: Rule) -> Rule:
        def fault(operation: Operation) -> object:
            runs = operation.kind in rules.KINDS or function_of(operation) is not None
            return faults(rule, operation) if runs else []

        return rule._replace(fault=fault)

    return tuple(map(limited, table))


COMPONENT = (
    *_of_runs(
        Rule("Container.native_extra", "has {} in its container", pods.unknown_of_containers),
        Rule("Container.image", "has an image that is put together of parameters", _images, KFP.usual),
        Rule("Operation.timeout", "has {}", lambda operation: list(pods.timeouts(operation)), "give whole seconds"),
        Rule(
            "Container.env",
            "takes the variable {!r} from what KFP has no words for",
            pods.unknown_variables,
            "pass it as an argument",
        ),
    ),
    *rules.of_containers(
        *PORTS,
        Rule("Operation.native_extra", "has {}, which a task of KFP does not", pods.unknown_of_pod),
        Rule("Output.native_extra", "has an artifact with {}", _odd_outputs),
        Rule(
            "Operation.containers",
            "has more than one container",
            lambda operation: [item.role for item in operation.containers] != ["main"],
        ),
        Rule(
            "Container.command",
            "has no command",
            lambda operation: not all(item.command for item in operation.containers),
        ),
        Rule(
            "Step.arguments",
            BRACES,
            lambda operation: any(
                "{{" in text for text in rules.texts((operation.containers, operation.outputs, operation.native_extra))
            ),
        ),
    ),
)

TABLE = Table(
    legality=KFP,
    title="KFP",
    workflow=(
        rules.WORKFLOW[0],
        Rule("Workflow.native_extra", "has {}, of which only the run knows what it is", pods.unknown_of_workflow),
        Rule(
            "Workflow.native_extra",
            "has {}, which KFP does not support",
            lambda workflow: unsaid(workflow, pods.WORKFLOW),
        ),
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
    parameter=(
        Rule(
            "Workflow.parameters",
            "is an artifact that a run is given",
            lambda port: port.kind == "artifact",
            "let a step fetch it, and pass its place as a parameter",
        ),
    ),
    graph=(
        *rules.GRAPH,
        *PORTS,
    ),
    operation=(
        *(rule for rule in rules.OPERATION if rule.feature != "Output.kind"),
        *COMPONENT,
    ),
    step=(*(rule for rule in rules.SITE if rule.feature not in ("Port.kind", "Step.directives")), *CALLS),
)
