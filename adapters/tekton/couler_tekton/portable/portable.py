"""Runs, and pipelines that nothing runs, as workflows of containers, texts and files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from couler_plugins.engine_kit.legalize.conditions import is_outcome
from couler_plugins.engine_kit.legalize.native_fields import POD_FIELDS, without_nulls
from couler_plugins.ir import (
    Argument,
    Bundle,
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
from couler_plugins.plan import Decision
from couler_tekton.kinds import KINDS
from couler_tekton.lift import ENTRY
from couler_tekton.portable.bodies import portable_operation
from couler_tekton.portable.calls import portable_step
from couler_tekton.portable.gathering import gathered, is_called
from couler_tekton.portable.legality import ALONE, TABLE
from couler_tekton.portable.values import refuse, said

PIPELINE, FINALLY = "pipeline", "finally"


def portable(workflow: Workflow, bundle: Bundle) -> tuple[Workflow | None, tuple[Decision, ...]]:
    """Return a run as a workflow of containers, and what is not quite the same; None for what others refer to.

    Raises:
        Unsupported: some of it means nothing outside of Tekton.
    """
    if not KINDS[workflow.kind].runs:
        if workflow.kind != "Pipeline" or is_called(workflow, bundle):
            return None, ()
        workflow = replace(workflow, library="", entry=Step(name=ENTRY, call=Call(name=PIPELINE)))
    whole = without_nulls(gathered(workflow, bundle))
    run = _Portable(whole)
    TABLE.check(replace(whole, parameters=run.parameters), whole)
    workflow_made = run.workflow()
    return workflow_made, tuple(_notes(whole, workflow_made))


class _Portable:
    def __init__(self, workflow: Workflow) -> None:
        assert workflow.entry is not None
        self._workflow = workflow
        self._by_name = callables(workflow)
        self._top = self._by_name[getattr(workflow.entry.call, "name", "")]
        bindings = said(workflow).get("spec", {}).get("workspaces", [])
        self._volumes = {
            str(item.get("name", "")): {key: content for key, content in item.items() if key != "name"}
            for item in bindings
        }
        inputs = self._top.inputs if isinstance(self._top, Graph) else ()
        ports = {port.name: Port(name=port.name, value=port.default) for port in inputs}
        ports |= {port.name: Port(name=port.name, value=port.value) for port in workflow.parameters}
        self.parameters = tuple(ports.values())
        """What the run is given, and what its pipeline falls back to."""
        self._made: dict[str, Graph | Operation] = {}

    def workflow(self) -> Workflow:
        self._add(self._top, self._volumes, {})
        entry = Step(name=ENTRY, call=Call(name=self._top.name))
        handlers: tuple[Handler, ...] = ()
        top = self._made[self._top.name]
        if isinstance(top, Graph):
            top, handlers = self._without_finally(top)
            self._made[top.name] = map_references(replace(top, inputs=()), _as_parameter)
        return replace(
            self._workflow,
            parameters=self.parameters,
            entry=entry,
            handlers=handlers,
            graphs=tuple(item for item in self._made.values() if isinstance(item, Graph)),
            operations=tuple(item for item in self._made.values() if isinstance(item, Operation)),
            native_extra=_rest(self._workflow),
        )

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
        if item.finalizers and item is not self._top:
            raise refuse("Graph.finalizers", item.name, "has tasks that run at the end, in a pipeline in a pipeline")
        self._made[item.name] = item
        own = {port.name: Reference(to="input", kind="parameter", name=port.name) for port in item.inputs}
        inside: dict[str, Value] = {**{port.name: _parameter(port.name) for port in self.parameters}, **around, **own}
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
        value = output.value
        assert isinstance(value, Reference)
        missing = Literal(value="") if value.step in _without_results(graph) else None
        return Output(name=output.name, value=value, default=missing)

    def _without_finally(self, graph: Graph) -> tuple[Graph, tuple[Handler, ...]]:
        """A pipeline without the tasks that run at the end, and what runs them."""
        if not graph.finalizers:
            return graph, ()
        last = [map_references(step, _as_parameter) for step in graph.steps if step.name in graph.finalizers]
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
    """Return what the workspaces of a callee are bound to, by its own names for them."""
    outer = {item.get("name"): item.get("workspace") or item.get("name") for item in said(step).get("workspaces", [])}
    names = [item.get("name", "") for item in said(callee).get("workspaces", [])]
    return {name: volumes[outer.get(name, name)] for name in names if outer.get(name, name) in volumes}


def _rest(workflow: Workflow) -> Native | None:
    """Return the labels of a run, and what it says of all of its pods."""
    metadata = said(workflow).get("metadata", {})
    spec = said(workflow).get("spec", {}) if workflow.kind.endswith("Run") else {}
    template = {**spec.get("taskRunTemplate", {}), **{key: spec[key] for key in ALONE if key in spec}}
    pod = template.get("podTemplate", {})
    kept = {key: pod[key] for key in sorted(POD_FIELDS & pod.keys())}
    if "serviceAccountName" in template:
        kept["serviceAccountName"] = template["serviceAccountName"]
    labels = {key: metadata[key] for key in ("labels", "annotations") if metadata.get(key)}
    fields = {**({"metadata": labels} if labels else {}), **({"spec": kept} if kept else {})}
    return Native.of(fields) if fields else None


def _notes(workflow: Workflow, workflow_made: Workflow) -> Iterator[Decision]:
    """What means nearly the same elsewhere."""

    def note(subject: str, action: str, reason: str) -> Decision:
        return Decision(optimizer="tekton", workflow=workflow.label, subject=subject, action=action, reason=reason)

    if workflow.kind.endswith("Run") and not said(workflow).get("spec", {}).keys() & {"timeouts", "timeout"}:
        yield note("", "has no time limit", "Tekton ends a run after an hour where it says nothing; others do not")
    for port in (port for item in (*workflow.graphs, *workflow.operations) for port in item.inputs):
        if "enum" in said(port):
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
