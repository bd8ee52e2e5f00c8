"""What runs and tasks of Tekton say that means something only to Tekton."""

from __future__ import annotations

import re

from couler_plugins.engine_kit.legalize.legality import Rule
from couler_plugins.engine_kit.legalize.native_fields import POD_FIELDS
from couler_plugins.engine_kit.legalize.placeholders import is_placeholder
from couler_plugins.engine_kit.legalize.rules import texts
from couler_plugins.engine_kit.legalize.tables import Table
from couler_plugins.ir import Graph, Literal, Operation, Output, Reference, Workflow, references
from couler_tekton.portable.bindings import NEW
from couler_tekton.portable.bodies import CARRIED, PROGRAM, file_of
from couler_tekton.portable.calls import CALLS
from couler_tekton.portable.runs import ALONE, spec_of, template_of
from couler_tekton.portable.steps import is_spread
from couler_tekton.portable.values import ONLY_TEKTON, interpreter, is_of_run, is_text, said
from couler_tekton.variables import spell

SAID = frozenset({"description", "displayName"})
"""What is only for people."""
VOLUMES = ("emptyDir", "secret", "configMap", "persistentVolumeClaim", "projected", "csi")
OF_RUN = {"workspaces", "params", "timeout", "timeouts", "taskRunTemplate", "taskRunSpecs", "retries", *ALONE}
OF_TASK = {"pipelineTaskName", "timeout"}
IGNORED = {"continue", "stopAndFail"}
OF_TEKTON = re.compile(r"/tekton/(?!home(?![\w.-]|/\.))")
"""A path of Tekton's own; its home is a directory that steps share, beside what it puts there to sign in."""


# Runs.


def _new_claims(workflow: Workflow) -> list[str]:
    """Return the workspaces of a run that are bound to what other engines cannot bind."""
    return [
        item.get("name")
        for item in spec_of(workflow).get("workspaces", [])
        if len(kinds := item.keys() - {"name", "subPath"}) != 1 or not kinds <= {*VOLUMES, NEW} or "$(" in str(item)
    ]


def _unknown(workflow: Workflow) -> list[str]:
    rest, spec, template = said(workflow), spec_of(workflow), template_of(workflow)
    return [
        *sorted(rest.keys() - {"apiVersion", "spec", "metadata", "status"}),
        *sorted(f"spec.{key}" for key in spec.keys() - OF_RUN),
        *(["spec.taskRunSpecs"] if any(item.keys() - OF_TASK for item in spec.get("taskRunSpecs", ())) else []),
        *sorted(f"taskRunTemplate.{key}" for key in template.keys() - {*ALONE}),
        *sorted(f"podTemplate.{key}" for key in template.get("podTemplate", {}).keys() - POD_FIELDS - {"volumes"}),
    ]


# Pipelines.


def is_computed(output: Output, graph: Graph) -> bool:
    """Return whether a result of a Pipeline is more than one result of a task, or comes from the end."""
    value = output.value
    is_plain = isinstance(value, Reference) and value.to == "output" and not value.path
    return not is_plain or getattr(value, "step", "") in graph.finalizers


def readers_at_end(graph: Graph) -> list[str]:
    """Return the tasks at the end that read what others give."""
    return [
        step.name
        for step in graph.steps
        if step.name in graph.finalizers and any(item.step for item in references((step.arguments, step.condition)))
    ]


# Tasks.


def _foreign_reads(operation: Operation) -> list[str]:
    if is_placeholder(operation):
        return []
    names = {container.name for container in operation.containers}
    words = {word for item in operation.containers for word in (*item.command, *item.args) if is_spread(word)}

    def is_plain(item: Reference) -> bool:
        match item:
            case Reference(to="input", path=()):
                return item.name in declared
            case Reference(to="parameter", path=()) | Reference(to="output", step="", path=("path",)):
                return True
            case Reference() if is_of_run(item):
                return True
            case Reference(to="workspace"):
                return item.path in (("bound",), ("path",), ("volume",), ("claim",))
        return item in words or file_of(item, "", names) is not None

    declared = {port.name for port in operation.inputs}
    inside = (operation.containers, operation.native_extra)
    return list(dict.fromkeys(spell(item) for item in references(inside) if not is_plain(item)))


def _without_command(operation: Operation) -> bool:
    """Return whether there is something to do around a command that is not known."""
    mains = [item for item in operation.containers if item.role == "main"]
    parts = any("part" in said(output) for output in operation.outputs)
    return any(
        not item.command and item.script is None
        for item in mains
        if said(item).get("onError") == "continue" or any(map(is_spread, item.args)) or (parts and item is mains[-1])
    )


def _unknown_of_steps(operation: Operation) -> list[str]:
    names = set()
    for item in operation.containers:
        rest = said(item)
        carried = {
            *CARRIED,
            *SAID,
            "results",
            "workspaces",
            "when",
            *(["onError"] if rest.get("onError") in IGNORED else []),
        }
        names |= rest.keys() - carried
    return sorted(names)


def _odd_programs(operation: Operation) -> list[str]:
    """Return the programs that run scripts from files only, where there are also arguments."""
    words = [interpreter(item.script) for item in operation.containers if item.script is not None and item.args]
    return [" ".join(command) for command, program in words if command and not PROGRAM.fullmatch(program)]


TABLE = Table(
    legality=ONLY_TEKTON,
    title="Tekton",
    workflow=(
        Rule(
            "Workflow.native_extra",
            "binds {!r} to what only Tekton knows",
            _new_claims,
            "bind it to an emptyDir, a Secret, a ConfigMap or a claim",
        ),
        Rule("Workflow.native_extra", "has {}", _unknown),
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
    graph=(Rule("Graph.native_extra", "has {}", lambda graph: sorted(said(graph).keys() - SAID - {"workspaces"})),),
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
        Rule("Container.native_extra", "has {} in a container", _unknown_of_steps),
        Rule(
            "Step.condition",
            "has a step with a condition of its own",
            lambda operation: any("when" in said(item) for item in operation.containers),
            "decide it in the step",
        ),
        Rule(
            "Container.command", "does not say what it runs", _without_command, "give the step a command, or a script"
        ),
        Rule(
            "Container.image",
            "has a step without an image",
            lambda operation: any(item.image is None for item in operation.containers),
            "put the StepAction into the same files",
        ),
        Rule("Step.arguments", "reads {}, which only Tekton knows", _foreign_reads),
        Rule(
            "Container.args",
            "names a path of Tekton's own",
            lambda operation: any(OF_TEKTON.search(text) for text in texts(operation.containers)),
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
            "run it by sh, bash, python, perl or ruby, or without arguments",
        ),
    ),
    step=CALLS,
    circle=(),
)
