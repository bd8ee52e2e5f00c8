"""What an action is about: the graph and step that it names, and what references in it mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from couler_plugins.driver.rewrite import Session
from couler_plugins.editing.actions import Input, Scalar
from couler_plugins.editing.native import native_needs
from couler_plugins.errors import InvalidInput, closest
from couler_plugins.generation.scope import read_reference
from couler_plugins.generation.types import text_of
from couler_plugins.ir import (
    Call,
    Container,
    External,
    Graph,
    Literal,
    Need,
    Operation,
    Output,
    Reference,
    Step,
    Value,
    Workflow,
    callables,
    needed,
)
from couler_plugins.ir.ports import PortKind
from couler_plugins.plan import Plan

Callee = Graph | Operation
ONE_STEP = "a workflow of one step has no graph: add steps in its file"


class Scope:
    """One graph of a workflow, with what is called in it.

    Args:
        plan: the plan, to look up what other workflows hold.
        workflow: the workflow.
        name: the name of the graph; empty for what is in none: the entry, handlers, and what only others call.

    Raises:
        InvalidInput: the workflow has no such graph.
    """

    def __init__(self, plan: Plan, workflow: Workflow, name: str) -> None:
        self.plan = plan
        self.workflow = workflow
        self.by_name: Mapping[str, Callee] = callables(workflow)
        graph = self.by_name.get(name) if name else Graph(name="", steps=tuple(_outer(workflow, self.by_name)))
        if not isinstance(graph, Graph):
            graphs = [item.name for item in workflow.graphs]
            hint = closest(name, graphs) or ONE_STEP
            raise InvalidInput(f"{workflow.label} has no graph {name!r}", hint=hint)
        self.graph = graph
        self.steps = {step.name: step for step in graph.steps}

    def step(self, name: str) -> Step:
        """Return a step of the graph.

        Raises:
            InvalidInput: it has none of this name.
        """
        if name not in self.steps:
            place = f"{self.graph.name!r}" if self.graph.name else self.workflow.label
            hint = closest(name, self.steps) or f"it has {', '.join(self.steps) or 'none'}"
            raise InvalidInput(f"{place} has no step {name!r}", hint=hint)
        return self.steps[name]

    def checked(self, name: str) -> str:
        """Return the name of a step, if the graph has it; raises `InvalidInput` as `step` does."""
        return self.step(name).name

    def is_no_call(self, step: Step) -> bool:
        """Return whether this stands for something that nothing calls here."""
        handlers = (handler.step for handler in self.workflow.handlers)
        return not self.graph.name and all(step is not site for site in (self.workflow.entry, *handlers))

    def callee(self, step: Step) -> Callee | None:
        """Return what a step calls in its own workflow; None where it is elsewhere."""
        return self.by_name.get(step.call.name) if isinstance(step.call, Call) else None

    def operation(self, step: Step) -> Operation:
        """Return what a step runs.

        Raises:
            InvalidInput: it calls a graph, or something in another file.
        """
        callee = self.callee(step)
        if isinstance(callee, Operation):
            return callee
        if isinstance(callee, Graph):
            hint = "open it, and edit the steps in it"
            raise InvalidInput(f"{step.name!r} calls the graph {callee.name!r}", hint=hint)
        where = step.call.workflow if isinstance(step.call, External) else ""
        what = (
            f"what {step.name!r} runs is in {where!r}" if where else f"what {step.name!r} runs is not in this workflow"
        )
        raise InvalidInput(what, hint=f"open {where or 'where it is defined'}, and edit it there")

    def ports(self, step: Step) -> dict[str, PortKind] | None:
        """Return the inputs of what a step runs, with their kinds; None where that is in no file here."""
        callee = self.callee(step) or self.plan.libraries.callee(self.workflow, step)
        return {port.name: port.kind for port in callee.inputs} if callee is not None else None

    def outputs(self, step: Step) -> tuple[Output, ...]:
        """Return what a step gives, as far as that is known; a script also gives what it prints."""
        callee = self.callee(step) or self.plan.libraries.callee(self.workflow, step)
        return callee.outputs if callee is not None else ()

    def value(self, entry: Input) -> Value | None:
        """Return what an input is given: a constant or a reference; None for nothing.

        Raises:
            InvalidInput: there is both, or the reference names nothing that there is.
        """
        if entry.source is None:
            return None if entry.value is None else literal(entry.value)
        if entry.value is not None:
            raise InvalidInput(f"the input {entry.name!r} has a value and a reference", hint="give one of them")
        return self.reference(entry.source)

    def reference(self, text: str) -> Reference:
        """Return what `step.output`, `inputs.name` or `item` means in this graph.

        Raises:
            InvalidInput: it is no such text, or there is no such step, output or input.
        """
        parts = read_reference(text)
        if parts is None:
            raise InvalidInput(f"{text!r} is no reference", hint="write step.output, inputs.name, or item")
        if parts.is_item:
            return Reference(to="item")
        if parts.is_input:
            return self._input(parts.name)
        step = self.step(parts.step)
        outputs = self.outputs(step)
        for output in outputs:
            if output.name == parts.name:
                return Reference(to="output", kind=output.kind, step=step.name, name=output.name)
        if parts.name == "result" and any(item.script is not None for item in self._containers(step)):
            return Reference(to="output", kind="result", step=step.name, name="result")
        names = [output.name for output in outputs]
        hint = closest(parts.name, names) or f"it gives {', '.join(names) or 'nothing'}"
        raise InvalidInput(f"{step.name!r} gives no {parts.name!r}", hint=hint)

    def _containers(self, step: Step) -> tuple[Container, ...]:
        callee = self.callee(step)
        return callee.containers if isinstance(callee, Operation) else ()

    def _input(self, name: str) -> Reference:
        for port in self.graph.inputs:
            if port.name == name:
                return Reference(to="input", kind=port.kind, name=name)
        for port in self.workflow.parameters:
            if port.name == name:
                return Reference(to="parameter", kind="parameter", name=name)
        names = [port.name for port in (*self.graph.inputs, *self.workflow.parameters)]
        hint = closest(name, names) or f"there are {', '.join(names) or 'none'}"
        raise InvalidInput(f"there is no input {name!r}", hint=hint)

    def need(self, name: str, session: Session) -> Need:
        """Return the need of a step, for the outcomes that this graph's other needs accept."""
        return Need(step=self.step(name).name, outcomes=self._outcomes(session))

    def _outcomes(self, session: Session) -> tuple[str, ...]:
        graphs: Iterable[Graph] = (self.graph, *self.workflow.graphs)
        for graph in graphs:
            every = (need.outcomes for step in graph.steps for need in needed(step.needs))
            common = Counter(item for item in every if "succeeded" in item and not {"failed", "errored"} & {*item})
            if common:
                return common.most_common(1)[0][0]
        return native_needs(self.workflow.engine, session).outcomes


def _outer(workflow: Workflow, by_name: Mapping[str, Callee]) -> Iterator[Step]:
    """The steps in no graph: the entry, handlers of the run, and by its own name whatever else could be called."""
    steps = [workflow.entry] if workflow.entry is not None else []
    steps += [handler.step for handler in workflow.handlers]
    yield from steps
    names = {step.name for step in steps}
    yield from (Step(name=name, call=Call(name=name)) for name in by_name if name not in names)


def literal(value: Scalar | list[Scalar]) -> Literal:
    """Return a constant as the text that it travels as."""
    return Literal(value=text_of(value))
