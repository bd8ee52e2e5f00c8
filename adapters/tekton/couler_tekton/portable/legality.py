"""What runs and tasks of Tekton say that means something only to Tekton."""

from __future__ import annotations

import re
from typing import Any

from couler_plugins.engine_kit.legalize.legality import Rule
from couler_plugins.engine_kit.legalize.native_fields import POD_FIELDS
from couler_plugins.engine_kit.legalize.rules import texts
from couler_plugins.engine_kit.legalize.tables import Table
from couler_plugins.engine_kit.legalize.values import substituted
from couler_plugins.ir import (
    Container,
    Graph,
    Literal,
    Native,
    Operation,
    Output,
    Port,
    Reference,
    Workflow,
    references,
)
from couler_tekton.portable.calls import CALLS
from couler_tekton.portable.values import ONLY_TEKTON, interpreter, is_text, said
from couler_tekton.variables import spell

CARRIED = frozenset(
    {
        "envFrom",
        "imagePullPolicy",
        "securityContext",
        "volumeDevices",
        "volumeMounts",
        "workingDir",
        "lifecycle",
        "ports",
    }
)
SAID = frozenset({"description", "displayName"})
"""What is only for people."""
VOLUMES = ("emptyDir", "secret", "configMap", "persistentVolumeClaim", "projected", "csi")
ALONE = ("serviceAccountName", "podTemplate")
"""What a TaskRun, and a PipelineRun of v1beta1, say of their pods without a taskRunTemplate."""
FOREVER = ("0", "0s", "0h0m0s")
PROGRAM = re.compile(r"(?:ba|da|a|z)?sh|python[\d.]*|perl|ruby")
"""What runs the text of a script that it is given as an argument."""


# Runs.


def _spec(workflow: Workflow) -> dict[str, Any]:
    spec = said(workflow).get("spec", {}) if workflow.kind.endswith("Run") else {}
    return dict(spec)


def _new_claims(workflow: Workflow) -> list[str]:
    """Return the workspaces of a run that are bound to what other engines cannot bind."""
    return [
        item.get("name")
        for item in said(workflow).get("spec", {}).get("workspaces", [])
        if len(kinds := item.keys() - {"name", "subPath"}) != 1 or not kinds <= {*VOLUMES} or "$(" in str(item)
    ]


def _has_limit(workflow: Workflow) -> bool:
    spec = _spec(workflow)
    limits = [*spec.get("timeouts", {}).values(), *([spec["timeout"]] if spec.get("timeout") is not None else [])]
    return any(str(limit) not in FOREVER for limit in limits)


def _unknown(workflow: Workflow) -> list[str]:
    rest, spec = said(workflow), _spec(workflow)
    template = {**spec.get("taskRunTemplate", {}), **{key: spec[key] for key in ALONE if key in spec}}
    return [
        *sorted(rest.keys() - {"apiVersion", "spec", "metadata"}),
        *sorted(
            f"spec.{key}"
            for key in spec.keys() - {"workspaces", "params", "timeout", "timeouts", "taskRunTemplate", *ALONE}
        ),
        *sorted(f"taskRunTemplate.{key}" for key in template.keys() - {*ALONE}),
        *sorted(f"podTemplate.{key}" for key in template.get("podTemplate", {}).keys() - POD_FIELDS),
    ]


# Parameters and results.

ARRAY = Rule("Port.kind", "has {0[0]!r}, an {0[1]}", hint="pass texts, one by one")


def _arrays(definitions: tuple[Port | Output, ...]) -> list[tuple[str, str]]:
    """Return those parameters and results that are no texts, with their types."""
    return [
        (item.name, kind if kind != "string" else "array")
        for item in definitions
        if (kind := said(item).get("type", "string")) != "string"
        or (isinstance(item, Port) and isinstance(item.default, Native))
    ]


def _arrays_of_pipeline(workflow: Workflow) -> list[tuple[str, str]]:
    name = getattr(workflow.entry and workflow.entry.call, "name", "")
    return [pair for graph in workflow.graphs if graph.name == name for pair in _arrays(graph.inputs)]


def _computed(graph: Graph) -> list[str]:
    return [
        output.name
        for output in graph.outputs
        if not isinstance(output.value, Reference)
        or output.value.to != "output"
        or output.value.path
        or output.value.step in graph.finalizers
    ]


# Tasks.


def _foreign_reads(operation: Operation) -> list[str]:
    names = {item.get("name") for item in said(operation).get("workspaces", [])}

    def is_plain(item: Reference) -> bool:
        match item:
            case Reference(to="input" | "parameter", path=()) | Reference(to="output", step="", path=("path",)):
                return True
            case Reference(to="workspace"):
                return item.path == ("bound",) or (item.path == ("path",) and item.name in names)
        return False

    return list(dict.fromkeys(spell(item) for item in references(operation.containers) if not is_plain(item)))


def _takes_parts(container: Container) -> bool:
    """Return whether a container takes the items of an array, or a part of an object."""

    def path(item: Reference) -> Reference | str:
        return "" if item.to in ("output", "workspace") else item

    values = (*container.command, *container.args, *(item.value for item in container.env))
    return not all(isinstance(value, Native) or is_text(substituted(value, path)) for value in values)


def _odd_programs(operation: Operation) -> list[str]:
    """Return the programs that run scripts from files only, or that are not known."""
    words = [interpreter(item.script) for item in operation.containers if item.script is not None]
    return [" ".join(found) for found, program in words if found and not PROGRAM.fullmatch(program)]


TABLE = Table(
    legality=ONLY_TEKTON,
    title="Tekton",
    workflow=(
        Rule(
            "Workflow.native_extra",
            "binds {!r} to a new claim",
            _new_claims,
            "bind it to an emptyDir, a Secret, a ConfigMap or an existing claim",
        ),
        Rule("Workflow.native_extra", "has a timeout as a whole", _has_limit, "set timeouts of its tasks"),
        Rule("Workflow.native_extra", "has {}", _unknown),
        ARRAY._replace(fault=_arrays_of_pipeline),
    ),
    parameter=(
        Rule(
            "Workflow.parameters",
            "is given a list, a mapping, or what is only known at run time",
            lambda port: port.value is not None and not is_text(port.value),
            "pass texts, one by one",
        ),
        Rule(
            "Workflow.parameters",
            "has a value that is only known at run time",
            lambda port: port.value is not None and is_text(port.value) and not isinstance(port.value, Literal),
        ),
    ),
    graph=(
        Rule("Graph.native_extra", "has {}", lambda graph: sorted(said(graph).keys() - SAID - {"workspaces"})),
        ARRAY._replace(fault=lambda graph: _arrays(graph.outputs)),
        Rule("Output.value", "gives {!r}, which is more than one result of a task", _computed),
    ),
    operation=(
        Rule(
            "Operation.native_extra",
            "has {}",
            lambda operation: sorted(said(operation).keys() - SAID - {"volumes", "workspaces", "metadata"}),
        ),
        Rule(
            "Operation.kind",
            "is not a Task of steps",
            lambda operation: (
                operation.kind != "container" or all(item.role != "main" for item in operation.containers)
            ),
        ),
        ARRAY._replace(fault=lambda operation: _arrays((*operation.inputs, *operation.outputs))),
        Rule(
            "Container.native_extra",
            "has {} in a container",
            lambda operation: sorted({key for item in operation.containers for key in said(item)} - CARRIED - SAID),
        ),
        Rule(
            "Container.image",
            "has a step without an image",
            lambda operation: any(item.image is None for item in operation.containers),
            "put the StepAction into the Task",
        ),
        Rule("Step.arguments", "reads {}, which only Tekton knows", _foreign_reads),
        Rule(
            "Container.args",
            "takes the items of an array, or a part of an object",
            lambda operation: any(map(_takes_parts, operation.containers)),
            "pass texts",
        ),
        Rule(
            "Container.args",
            "names a path of Tekton's own",
            lambda operation: any("/tekton/" in text for text in texts(operation.containers)),
            "use $(results.NAME.path)",
        ),
        Rule(
            "Container.script",
            "names its interpreter by a parameter, or holds nothing else",
            lambda operation: any(item.script and not interpreter(item.script)[0] for item in operation.containers),
        ),
        Rule(
            "Container.script",
            "has a script for {}",
            _odd_programs,
            "run it by sh, bash, python, perl or ruby",
        ),
    ),
    step=(
        *CALLS,
        Rule(
            "Graph.finalizers",
            "runs at the end, and reads what tasks give",
            lambda site: (
                site.graph is not None
                and site.step.name in site.graph.finalizers
                and any(item.step for item in references((site.step.arguments, site.step.condition)))
            ),
            "let it find that out itself",
        ),
    ),
    circle=(),
)
