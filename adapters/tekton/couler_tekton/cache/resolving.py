"""A workflow without what caching added, and with the Tasks that it refers to in it, as far as the files hold them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard

from couler_plugins.caching.declarations import with_own
from couler_plugins.documents.mappings import by_key, reached
from couler_plugins.hookspecs.caching import Declared
from couler_plugins.ir import (
    Argument,
    Call,
    Callee,
    Dynamic,
    External,
    Graph,
    Operation,
    Reference,
    Step,
    Workflow,
    call_sites,
    callables,
    needed,
    replace,
)
from couler_plugins.plan import Plan
from couler_tekton.cache.actions import KIND, pointed, with_actions
from couler_tekton.cache.declared import (
    CACHED_FROM,
    annotations_of,
    entries,
    mapping_at,
    rest_of,
    with_annotations,
)
from couler_tekton.cache.files import files_of, with_files
from couler_tekton.cache.propagated import around, declared_ports, passed, with_results
from couler_tekton.cache.wrapping import unwrapped
from couler_tekton.variables import scope_in

TASK = "task:{}"
"""What a Task that is referred to is called in the workflow that refers to it."""
Name = tuple[str, str]
"""A namespace, and a name in it."""


class Tasks:
    """The Tasks of a plan, by who refers to them.

    Args:
        plan: all objects.
    """

    def __init__(self, plan: Plan) -> None:
        self._libraries = plan.libraries
        self._copies: dict[Name, Workflow] = {}
        for workflow in plan.workflows:
            if workflow.kind == "Task" and (origin := annotations_of(workflow).get(CACHED_FROM)) is not None:
                self._copies.setdefault((workflow.namespace, origin), workflow)
        self._callers = by_key(
            (pipeline, workflow)
            for workflow in plan.workflows
            for call in {site.step.call for site in call_sites(workflow) if is_pipeline_call(site.step.call)}
            for pipeline in self._libraries.candidates(workflow, call)
        )
        self._called: set[Workflow] = set()  # by what they are: of equal copies, each counts as called
        for workflow in plan.workflows:
            for name in {site.step.call.workflow for site in call_sites(workflow) if is_task_call(site.step.call)}:
                tasks = self.candidates(workflow, self.original(workflow, name))
                self._called.update(tasks if len(tasks) == 1 else ())

    def candidates(self, workflow: Workflow, name: str) -> Sequence[Workflow]:
        """Return the Task that an object means by a name, a cached copy of it where it is not here itself.

        There are several where it is unclear which of them is meant.
        """
        copy = self._copies.get((workflow.namespace, name)) or self._copies.get(("", name))
        return self._meant(workflow, name) or ([copy] if copy is not None else ())

    def _meant(self, workflow: Workflow, name: str, kind: str = "Task") -> Sequence[Workflow]:
        return self._libraries.candidates(workflow, External(workflow=name, name=kind.lower(), kind=kind))

    def original(self, workflow: Workflow, name: str, kind: str = "Task") -> str:
        """Return what the Task (or StepAction) of a name is a cached copy of; the name itself where it is none."""
        origins = {annotations_of(task).get(CACHED_FROM) for task in self._meant(workflow, name, kind)}
        return (origins.pop() or name) if len(origins) == 1 else name

    def action(self, workflow: Workflow, name: str) -> Workflow | None:
        """Return the StepAction that an object means by a name, of a copy the original if it is here.

        None where it is not here, or where it is unclear which one is meant.
        """
        original = self._meant(workflow, self.original(workflow, name, KIND), KIND)
        meant = original or self._meant(workflow, name, KIND)
        return meant[0] if len(meant) == 1 else None

    def bare(self, workflow: Workflow, operation: Operation) -> Operation:
        """Return a task without what caching added: our steps, and copies of StepActions."""
        return pointed(unwrapped(operation), lambda name: self.original(workflow, name, KIND))

    def runs(self, workflow: Workflow) -> list[Workflow]:
        """Return what an object is run by in these files, or is: all that may call a Pipeline, and what calls these."""
        callers = reached([workflow], lambda one: self._callers.get(one, ()))
        return [one for one in callers if one.kind != "Pipeline"]

    def is_called(self, task: Workflow) -> bool:
        """Whether something calls a Task, be it by a cached copy."""
        return task in self._called


def is_task_call(call: Callee) -> TypeGuard[External]:
    """Whether this calls a Task as Tekton does; one with a version is for a build, which puts a bundle in its place."""
    return isinstance(call, External) and call.name == "task" and not call.version


def is_pipeline_call(call: Callee) -> TypeGuard[External]:
    """Whether this calls a Pipeline of the files."""
    return isinstance(call, External) and call.name == "pipeline"


def annotated(workflow: Workflow) -> Operation:
    """The task of a Task, bare, with the annotations of that."""
    (operation,) = workflow.operations
    metadata = mapping_at(rest_of(workflow), "metadata")
    bare = unwrapped(operation)
    return replace(
        bare,
        native_extra=scope_in(bare).rest({**rest_of(bare), "metadata": metadata}) if metadata else bare.native_extra,
    )


def resolved(workflow: Workflow, tasks: Tasks, declared: Callable[[Workflow], Declared]) -> Workflow:
    """The workflow as its calls are judged: what is embedded and what is referred to alike.

    Args:
        workflow: the workflow.
        tasks: the Tasks that it may refer to.
        declared: returns what the settings say of its steps, once it is known what they call.
    """
    operations: dict[str, Operation] = {}

    def with_steps(operation: Operation) -> Operation:
        return with_actions(operation, lambda name: tasks.action(workflow, name))

    own = [annotated(workflow)] if workflow.kind == "Task" else [unwrapped(item) for item in workflow.operations]
    own = [with_steps(item) for item in own]

    def called(step: Step) -> Step:
        call = step.call
        if isinstance(call, Dynamic):  # a resolver never finds what is embedded here
            return replace(step, call=External(workflow="", name="task"))
        if is_task_call(call):
            name = tasks.original(workflow, call.workflow)
            meant = tasks.candidates(workflow, name)
            if len(meant) == 1:
                target = TASK.format(name)
                operations.setdefault(target, replace(with_steps(annotated(meant[0])), name=target))
                return replace(step, call=Call(name=target))
        return step

    embedded = {item.name: item for item in own if item.inline}

    def propagated(step: Step, graph: Graph | None) -> Step:
        name = step.call.name if isinstance(step.call, Call) else ""
        if name not in embedded:
            return step
        reachable = around(workflow, graph)
        embedded[name] = with_results(declared_ports(embedded[name], reachable), step)
        return passed(step, embedded[name], reachable)

    graphs = [
        replace(item, steps=tuple(propagated(called(step), item) for step in item.steps)) for item in workflow.graphs
    ]
    entry = workflow.entry and propagated(called(workflow.entry), None)
    own = [embedded.get(item.name, item) for item in own]
    called_here = replace(workflow, graphs=tuple(graphs), operations=(*own, *operations.values()), entry=entry)
    said = declared(called_here)
    judged = tuple(_judged(item, said.annotations(item)) for item in called_here.operations)
    by_name = {**callables(workflow), **{item.name: item for item in judged}}
    graphs = [replace(_with_reads(item, by_name), inline=False) for item in graphs]
    return replace(called_here, graphs=tuple(graphs), operations=judged)


def _judged(operation: Operation, said: Mapping[str, str]) -> Operation:
    """A task with what the settings say of it; the files that it makes count as results."""
    inputs = tuple(replace(port, optional=False) for port in operation.inputs)
    rest = operation.native_extra
    if said:
        data = rest_of(operation)
        own = mapping_at(data, "metadata", "annotations")
        rest = scope_in(operation).rest(with_annotations(data, with_own(said, own)))
    return with_files(replace(operation, inline=False, inputs=inputs, native_extra=rest))


def _with_reads(graph: Graph, by_name: Mapping[str, Any]) -> Graph:
    """The graph with what tasks read in workspaces, which keys cover by content, among what they are given.

    Who comes after such a task by order alone does not see that content: so it counts as a value of the run.
    """
    bound = {step.name: _bindings(step) for step in graph.steps}
    waits = {step.name: [need.step for need in needed(step.needs)] for step in graph.steps}

    def reading(step: Step) -> Step:
        callee = by_name.get(step.call.name) if isinstance(step.call, Call) else None
        if not isinstance(callee, Operation):
            return step
        names = {file.workspace for file in files_of(callee).read}
        read = [place for name, place in bound[step.name].items() if name in names]
        files = [
            Argument(name=f"content of {name}", value=Reference(to="workspace", name=name))
            for name in sorted({place[0] for place in read})
        ]
        files += [
            Argument(name=f"files of {name}", value=Reference(to="output", kind="parameter", step=name, name="files"))
            for name in reached(waits[step.name], lambda one: waits.get(one, ()))
            if any(_meet(one, other) for one in read for other in bound.get(name, {}).values())
        ]
        return replace(step, arguments=(*step.arguments, *files)) if files else step

    return replace(graph, steps=tuple(map(reading, graph.steps)))


def _bindings(step: Step) -> dict[str, tuple[str, str]]:
    """The workspaces that a task is given, each with the folder in it, by their names in the task."""
    items = entries(rest_of(step), "workspaces")
    return {
        str(item.get("name")): (str(item.get("workspace") or item.get("name")), str(item.get("subPath") or ""))
        for item in items
    }


def _meet(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether what is written to the one may be read from the other."""
    return one[0] == other[0] and (one[1] == other[1] or not one[1] or not other[1])
