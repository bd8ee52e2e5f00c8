"""Runs, and pipelines that nothing runs, as workflows of containers, texts and files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from couler_plugins.engine_kit.legalize.native_fields import without_nulls
from couler_plugins.engine_kit.legalize.outcomes import is_outcome
from couler_plugins.ir import (
    Argument,
    Call,
    Graph,
    Handler,
    Literal,
    Native,
    Operation,
    Output,
    Port,
    Reference,
    Step,
    Value,
    Workflow,
    callables,
    fresh_name,
    map_references,
    references,
    replace,
)
from couler_plugins.ir.bundle import Bundle
from couler_plugins.plan import Decision
from couler_tekton.converting.bodies import check_port, portable_operation
from couler_tekton.converting.calls import portable_step
from couler_tekton.converting.gathering import gathered, is_called
from couler_tekton.converting.refusing import refuse
from couler_tekton.converting.runs import portable_rest, volumes_of
from couler_tekton.converting.values import is_text
from couler_tekton.kinds import KINDS
from couler_tekton.lift import ENTRY
from couler_tekton.structures import write_structure
from couler_tekton.variables import spell

__all__ = ["portable"]

PIPELINE, FINALLY = "pipeline", "finally"
SAID = frozenset({"description", "displayName", "workspaces"})


def portable(workflow: Workflow, bundle: Bundle) -> tuple[Workflow | None, tuple[Decision, ...]]:
    """A run as a workflow of containers, and what is not quite the same about it; None for what others refer to.

    Raises:
        Unsupported: some of it means nothing outside of Tekton.
    """
    if not KINDS[workflow.kind].runs:
        if workflow.kind != "Pipeline" or is_called(workflow, bundle):
            return None, ()
        workflow = replace(workflow, library="", entry=Step(name=ENTRY, call=Call(name=PIPELINE)))
    whole = without_nulls(gathered(workflow, bundle))
    workflow_made = _Portable(whole).workflow()
    return workflow_made, tuple(_notes(whole, workflow_made))


class _Portable:
    def __init__(self, workflow: Workflow) -> None:
        assert workflow.entry is not None
        self._workflow = workflow
        self._by_name = callables(workflow)
        self._top = self._by_name[getattr(workflow.entry.call, "name", "")]
        self._volumes = volumes_of(workflow)
        self._given = {port.name for port in workflow.parameters}
        self._made: dict[str, Graph | Operation] = {}

    def workflow(self) -> Workflow:
        parameters = self._parameters()
        self._given = {port.name for port in parameters}
        self._add(self._top, self._volumes, {})
        entry = Step(name=ENTRY, call=Call(name=self._top.name))
        handlers: tuple[Handler, ...] = ()
        top = self._made[self._top.name]
        if isinstance(top, Graph):
            top, handlers = self._without_finally(top)
            self._made[top.name] = map_references(replace(top, inputs=()), _as_parameter)
        return replace(
            self._workflow,
            parameters=parameters,
            entry=entry,
            handlers=handlers,
            graphs=tuple(item for item in self._made.values() if isinstance(item, Graph)),
            operations=tuple(item for item in self._made.values() if isinstance(item, Operation)),
            native_extra=portable_rest(self._workflow),
        )

    def _parameters(self) -> tuple[Port, ...]:
        """What the run is given, and what its pipeline falls back to."""
        ports: dict[str, Port] = {}
        if isinstance(self._top, Graph):
            for port in self._top.inputs:
                check_port(port, self._workflow.label)
                ports[port.name] = Port(name=port.name, value=port.default)
        for port in self._workflow.parameters:
            if port.value is None or not is_text(port.value):
                reason = "is given a list, a mapping, or what only the run knows"
                raise refuse("Workflow.parameters", port.name, reason, "pass texts, one by one")
            ports[port.name] = Port(name=port.name, value=port.value)
        for port in ports.values():
            if port.value is not None and not isinstance(port.value, Literal):
                raise refuse("Workflow.parameters", port.name, "has a value that only the run knows")
        return tuple(ports.values())

    def _add(self, item: Graph | Operation, volumes: Mapping[str, Any], around: Mapping[str, Value]) -> None:
        """Adds a graph or an operation, with what it calls.

        Args:
            item: it is called once.
            volumes: what its workspaces are bound to, by their names.
            around: parameters that it also finds around it.
        """
        if isinstance(item, Operation):
            self._made[item.name] = portable_operation(item, volumes)
            return
        rest = {} if item.native_extra is None else write_structure(item.native_extra, spell)
        if unknown := sorted(rest.keys() - SAID):
            raise refuse("Graph.native_extra", item.name, f"has {unknown[0]}")
        if item.finalizers and item is not self._top:
            raise refuse("Graph.finalizers", item.name, "has tasks that run at the end, in a pipeline in a pipeline")
        self._made[item.name] = item
        own = {port.name: Reference(to="input", kind="parameter", name=port.name) for port in item.inputs}
        inside: dict[str, Value] = {**{name: _parameter(name) for name in self._given}, **around, **own}
        steps = []
        for step in item.steps:
            callee = self._by_name[getattr(step.call, "name", "")]
            step, callee = _explicit(step, callee, inside)  # noqa: PLW2901  # it says what it reads
            self._add(callee, _bound(step, callee, volumes), {})
            steps.append(portable_step(step, item))
        outputs = tuple(self._output(output, item) for output in item.outputs)
        inputs = tuple(Port(name=port.name, default=port.default) for port in item.inputs)
        self._made[item.name] = Graph(
            name=item.name, inputs=inputs, outputs=outputs, steps=tuple(steps), finalizers=item.finalizers
        )

    def _output(self, output: Output, graph: Graph) -> Output:
        check_port(output, graph.name)
        value = output.value
        if not isinstance(value, Reference) or value.to != "output" or value.path or value.step in graph.finalizers:
            raise refuse("Output.value", graph.name, f"gives {output.name!r}, which is more than one result of a task")
        missing = Literal(value="") if value.step in _without_results(graph) else None
        return Output(name=output.name, value=value, default=missing)

    def _without_finally(self, graph: Graph) -> tuple[Graph, tuple[Handler, ...]]:
        """A pipeline without the tasks that run at the end, and what runs them."""
        if not graph.finalizers:
            return graph, ()
        last = [map_references(step, _as_parameter) for step in graph.steps if step.name in graph.finalizers]
        for step in last:
            if any(item.step for item in references(step)):
                reason = "runs at the end, and reads what tasks give"
                raise refuse("Graph.finalizers", step.name, reason, "let it find that out itself")
        kept = replace(
            graph, steps=tuple(step for step in graph.steps if step.name not in graph.finalizers), finalizers=()
        )
        if len(last) == 1 and last[0] == Step(name=last[0].name, call=last[0].call):
            return kept, (Handler(step=replace(last[0], name="")),)
        name = fresh_name(FINALLY, self._made)
        self._made[name] = Graph(name=name, steps=tuple(last))
        return kept, (Handler(step=Step(name="", call=Call(name=name))),)


def _without_results(graph: Graph) -> set[str]:
    """The tasks that may have no results although the pipeline succeeds: skipped ones, and those that may fail.

    A task that reads a result that is not there is skipped as well.
    """
    names: set[str] = set()
    while more := {step.name for step in graph.steps if step.name not in names and _may_lack(step, names)}:
        names |= more
    return names


def _may_lack(step: Step, before: set[str]) -> bool:
    return bool(step.condition or step.tolerates or any(item.step in before for item in references(step)))


def _parameter(name: str) -> Reference:
    return Reference(to="parameter", kind="parameter", name=name)


def _as_parameter(reference: Reference) -> Reference:
    return replace(reference, to="parameter", native="") if reference.to == "input" else reference


def _explicit(step: Step, callee: Graph | Operation, inside: Mapping[str, Value]) -> tuple[Step, Graph | Operation]:
    """A call and its callee, with what an embedded spec finds around it passed to it."""
    if not callee.inline:
        return step, callee
    declared = {port.name: port for port in callee.inputs}
    read = {item.name for item in references(callee) if item.to in ("input", "parameter")}
    passed_names = {argument.name for argument in step.arguments}
    bare = {name for name, port in declared.items() if port.default is None}
    more = sorted(((read - declared.keys()) | bare) - passed_names)
    passed = tuple(Argument(name=name, value=inside[name]) for name in more if name in inside)
    names = read & (passed_names | {argument.name for argument in passed})
    ports = tuple(Port(name=name) for name in sorted(names - declared.keys()))

    def own(reference: Reference) -> Reference:
        return replace(reference, to="input") if reference.to == "parameter" else reference

    callee = replace(map_references(callee, own), inputs=(*callee.inputs, *ports))
    return replace(step, arguments=(*step.arguments, *passed)), callee


def _bound(step: Step, callee: Graph | Operation, volumes: Mapping[str, Any]) -> dict[str, Any]:
    """What the workspaces of a callee are bound to, by its own names for them."""
    rest = {} if step.native_extra is None else write_structure(step.native_extra, spell)
    declared = {} if callee.native_extra is None else write_structure(callee.native_extra, spell)
    bound: dict[str, Any] = {}
    named = {item["name"]: item for item in rest.get("workspaces", [])}
    for item in declared.get("workspaces", []):
        entry = named.get(item["name"], {"name": item["name"]})
        outer = entry.get("workspace") or entry["name"]
        if outer in volumes:
            bound[item["name"]] = volumes[outer]
            if "subPath" in entry:
                raise refuse("Step.native_extra", step.name, "uses a part of a workspace", "bind that part in the run")
    return bound


def _notes(workflow: Workflow, workflow_made: Workflow) -> Iterator[Decision]:
    """What means nearly the same elsewhere."""

    def note(subject: str, action: str, reason: str) -> Decision:
        return Decision(optimizer="tekton", workflow=workflow.label, subject=subject, action=action, reason=reason)

    rest: dict[str, Any] = (
        {} if not isinstance(workflow.native_extra, Native) else write_structure(workflow.native_extra, spell)
    )
    if workflow.kind.endswith("Run") and not rest.get("spec", {}).keys() & {"timeouts", "timeout"}:
        yield note("", "has no time limit", "Tekton ends a run after an hour where it says nothing; others do not")
    for port in (port for item in (*workflow.graphs, *workflow.operations) for port in item.inputs):
        said = write_structure(port.native_extra, spell) if isinstance(port.native_extra, Native) else {}
        if "enum" in said:
            yield note(port.name, "takes any text", "Tekton holds the parameter to its enum; others do not")
    if any(map(is_outcome, references(workflow_made))):
        reason = "Tekton says neither Succeeded nor Failed of a run that was cancelled or took too long; others do"
        yield note("", "asks at its end how it went", reason)
    for graph in workflow_made.graphs:
        if any(output.default is not None for output in graph.outputs):
            reason = "Tekton leaves a result out whose task was skipped, or failed and may; others give an empty text"
            yield note(graph.name, "gives empty results", reason)
    for operation in workflow.operations:
        if operation.outputs:
            yield note(operation.name, "loses a newline at the end", "Tekton keeps it in results, others take it off")
        if sum(container.role == "main" for container in operation.containers) > 1:
            reason = "all steps but the last are init containers, so logs and resources are counted otherwise"
            yield note(operation.name, "runs its steps in one pod", reason)
