"""Runs, and pipelines that nothing runs, as workflows of containers, texts and files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from couler_plugins.engine_kit.legalize.conditions import is_outcome
from couler_plugins.engine_kit.legalize.native_fields import without_nulls
from couler_plugins.engine_kit.legalize.placeholders import is_placeholder
from couler_plugins.engine_kit.legalize.values import fields
from couler_plugins.ir import (
    Bundle,
    Call,
    Graph,
    Handler,
    Literal,
    Need,
    Operation,
    Output,
    Reference,
    Step,
    Workflow,
    all_of,
    callables,
    fresh_name,
    needed,
    references,
    replace,
)
from couler_plugins.plan import Decision
from couler_plugins.plan.plan import Loss
from couler_tekton.kinds import KINDS
from couler_tekton.lift import ENTRY
from couler_tekton.portable.bindings import NEW, share_volumes, volumes_of
from couler_tekton.portable.bodies import portable_operation
from couler_tekton.portable.calls import portable_step
from couler_tekton.portable.context import Context
from couler_tekton.portable.entering import as_parameter, type_of
from couler_tekton.portable.gathering import gather, is_called
from couler_tekton.portable.legality import TABLE, is_computed, readers_at_end
from couler_tekton.portable.resolution import Resolution
from couler_tekton.portable.runs import limits_left_out, rest_of_run, retries_of_run, volumes_of_pods
from couler_tekton.portable.values import refuse, said

FINALLY = "finally"


def portable(workflow: Workflow, bundle: Bundle) -> tuple[Workflow | None, tuple[Decision, ...]]:
    """Return a run as a workflow of containers, and what is not quite the same; None for what others refer to.

    A Pipeline or a Task that nothing refers to runs by itself.

    Raises:
        Unsupported: some of it means nothing outside of Tekton.
    """
    if not KINDS[workflow.kind].runs:
        if workflow.kind == "StepAction" or is_called(workflow, bundle):
            return None, ()
        workflow = replace(workflow, library="", entry=Step(name=ENTRY, call=Call(name=KINDS[workflow.kind].root)))
    whole, actions = gather(workflow, bundle)
    whole = without_nulls(whole)
    resolution = Resolution(whole, actions, volumes_of(whole))
    closed = resolution.workflow()
    TABLE.check(closed)
    claims = dict(share_volumes(resolution.bindings, closed))
    workflow_made = _Portable(closed, resolution.bindings).workflow()
    losses = (*_losses(closed, resolution.context, claims), *_unread(whole))
    return workflow_made, (*_notes(whole, workflow_made), *losses)


class _Portable:
    def __init__(self, workflow: Workflow, bindings: Mapping[str, Mapping[str, Any]]) -> None:
        assert workflow.entry is not None
        self._workflow = workflow
        self._bindings = bindings
        self._by_name = callables(workflow)
        self._top = self._by_name[getattr(workflow.entry.call, "name", "")]
        self._made: dict[str, Graph | Operation] = {}

    def workflow(self) -> Workflow:
        for graph in self._workflow.graphs:
            self._made[graph.name] = self._graph(graph)
        more = volumes_of_pods(self._workflow)
        for operation in self._workflow.operations:
            self._made[operation.name] = portable_operation(operation, self._bindings[operation.name], more)
        entry = Step(name=ENTRY, call=Call(name=self._top.name), retry=retries_of_run(self._workflow))
        handlers: tuple[Handler, ...] = ()
        top = self._made[self._top.name]
        if isinstance(top, Graph):
            self._made[top.name], handlers = self._without_finally(top)
        return replace(
            self._workflow,
            entry=entry,
            handlers=handlers,
            graphs=tuple(item for item in self._made.values() if isinstance(item, Graph)),
            operations=tuple(item for item in self._made.values() if isinstance(item, Operation)),
            native_extra=rest_of_run(self._workflow),
        )

    def _graph(self, graph: Graph) -> Graph:
        if graph.finalizers and graph is not self._top:
            raise refuse("Graph.finalizers", graph.name, "has tasks that run at the end, in a pipeline in a pipeline")
        return Graph(
            name=graph.name,
            inputs=graph.inputs,
            outputs=tuple(self._output(output, graph) for output in graph.outputs if not is_computed(output, graph)),
            steps=tuple(
                portable_step(step, graph, self._by_name[getattr(step.call, "name", "")]) for step in graph.steps
            ),
            finalizers=graph.finalizers,
        )

    def _output(self, output: Output, graph: Graph) -> Output:
        value = output.value
        assert isinstance(value, Reference)
        missing = Literal(value="") if value.step in _without_results(graph) else None
        return Output(name=output.name, value=value, default=missing)

    def _without_finally(self, graph: Graph) -> tuple[Graph, tuple[Handler, ...]]:
        """A pipeline without the tasks that run at the end, and what runs them; those that read results stay."""
        reading = readers_at_end(graph)
        last = [step for step in graph.steps if step.name in graph.finalizers and step.name not in reading]
        kept = [_behind(step, graph) if step.name in reading else step for step in graph.steps if step not in last]
        graph = replace(graph, steps=tuple(kept), finalizers=())
        if not last:
            return graph, ()
        if len(last) == 1 and last[0] == Step(name=last[0].name, call=last[0].call, arguments=last[0].arguments):
            return graph, (Handler(step=last[0]),)
        name = fresh_name(FINALLY, self._made)
        self._made[name] = Graph(name=name, steps=tuple(last))
        return graph, (Handler(step=Step(name="", call=Call(name=name))),)


def _behind(step: Step, graph: Graph) -> Step:
    """Return a task that runs behind all others."""
    needs = {need.step: need for need in needed(step.needs)}
    for other in graph.steps:
        if other.name not in graph.finalizers and other.name not in needs:
            needs[other.name] = Need(
                step=other.name, outcomes=tuple(sorted({"skipped", "succeeded", *other.tolerates}))
            )
    return replace(step, needs=all_of(list(needs.values())))


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


def _note(workflow: Workflow, subject: str, action: str, reason: str, loss: Loss = "") -> Decision:
    return Decision(
        optimizer="tekton", workflow=workflow.label, subject=subject, action=action, reason=reason, loss=loss
    )


def _notes(workflow: Workflow, workflow_made: Workflow) -> Iterator[Decision]:
    """What means nearly the same elsewhere."""
    note = partial(_note, workflow)

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
    for operation in (item for item in workflow.operations if not is_placeholder(item)):
        if operation.outputs:
            yield note(operation.name, "loses a newline at the end", "Tekton keeps it in results, others take it off")
        if sum(container.role == "main" for container in operation.containers) > 1:
            reason = "all steps but the last are init containers, so logs and resources are counted otherwise"
            yield note(operation.name, "runs its steps in one pod", reason)


def _unread(workflow: Workflow) -> Iterator[Decision]:
    """Yield the lists and objects that a run or its Pipeline declares, and that nothing reads."""
    top = callables(workflow)[getattr(workflow.entry and workflow.entry.call, "name", "")]
    readers = tuple(item for item in (*workflow.graphs, *workflow.operations) if item is top or item.inline)
    read = {own.name for reference in references(readers) if (own := as_parameter(reference)) is not None}
    for port in top.inputs:
        if type_of(port) != "string" and port.name not in read:
            reason = f"nothing reads the {type_of(port)} {port.name!r}, so its default is left out"
            yield _note(workflow, port.name, "leave out a parameter", reason, loss="detail")


def _losses(workflow: Workflow, context: Context, claims: Mapping[str, str]) -> Iterator[Decision]:
    """Yield what is left out, and what has to be there beforehand."""
    note = partial(_note, workflow, loss="detail")

    for claim, kind in claims.items():
        if kind == "alone":
            yield note(claim, "uses an empty directory", f"no tasks share it, so {NEW} and its size are left out")
            continue
        origin = f"Tekton makes a new one by {NEW} for each run" if kind == "new" else "no run binds the workspace"
        yield note(claim, "uses a claim", f"the PersistentVolumeClaim {claim!r} has to be there: {origin}")
    if context.has_namespace:
        yield note("", "is given a parameter", "it reads the namespace of its run, which is a parameter here")
    for graph in workflow.graphs:
        for output in graph.outputs:
            if is_computed(output, graph):
                reason = f"the result {output.name!r} is put together, or comes from the end; no task reads it"
                yield note(graph.name, "leave out a result", reason)
        for call in graph.steps:
            if call.loop is not None and any("name" in fields(item) for item in call.loop.includes):
                yield note(call.name, "leave out what people read", "matrix.include has a name for each combination")
        for step in readers_at_end(graph):
            reason = f"{step!r} reads results at the end, so it does not run where a task failed"
            yield note(step, "runs at the end of what succeeded", reason, loss="run")
    for part in limits_left_out(workflow):
        yield note("", "leave out a time limit", f"only Tekton limits the {part} of a run by themselves", loss="run")
