"""Checks that a workflow is whole: names are unique, references resolve, no graph has a cycle, inputs are supplied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from couler_plugins.ir.graph import GraphView
from couler_plugins.ir.ports import Argument, Output, Port
from couler_plugins.ir.recursion import endless_recursion
from couler_plugins.ir.values import ANY_STEP, Node, Reference, Source
from couler_plugins.ir.walk import CallSite, call_sites, callables, references, written_inline
from couler_plugins.ir.workflow import Call, Callable, Graph, Operation, Step, Workflow

ByName = Mapping[str, Graph | Operation]
Ports = frozenset[tuple[str, str]]


class Problem(Node, frozen=True):
    """Something that keeps a workflow from running.

    Attributes:
        subject: the graph, operation or step (`graph/step`) concerned.
        message: what is wrong.
        hint: what to do.
        source: where it was read, if it was.
    """

    subject: str
    message: str
    hint: str = ""
    source: Source | None = None


def verify(workflow: Workflow) -> list[Problem]:
    """Return all problems of a workflow; empty if there are none. Linear in its size."""
    by_name = callables(workflow)
    outputs = {name: _ports(item.outputs) for name, item in by_name.items()}
    inline = written_inline(by_name)
    problems = list(_duplicate_callables(workflow))
    for graph in workflow.graphs:
        problems.extend(_GraphCheck(graph, inline, outputs).problems())
    for operation in workflow.operations:
        problems.extend(_operation_problems(operation))
    for site in call_sites(workflow):
        problems.extend(_call_problems(site, workflow, by_name))
    if names := endless_recursion(workflow):
        problems.append(
            Problem(
                subject=names[0],
                message=f"{names[0]!r} calls itself for ever: {' → '.join(names)}",
                hint="put a condition on the step that calls it again",
                source=by_name[names[0]].source,
            )
        )
    return problems


def _ports(ports: Iterable[Port | Output]) -> Ports:
    """The ports of a callable as (kind, name), and as ("", name) for references that give no kind."""
    pairs = [(port.kind, port.name) for port in ports]
    return frozenset(pairs + [("", name) for _, name in pairs])


def _repeated(names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    repeated: dict[str, None] = {}
    for name in names:
        if name in seen:
            repeated[name] = None
        seen.add(name)
    return list(repeated)


def _duplicate_callables(workflow: Workflow) -> Iterator[Problem]:
    for name in _repeated(item.name for item in (*workflow.graphs, *workflow.operations)):
        yield Problem(subject=name, message=f"two templates are called {name!r}", hint="rename one of them")


class _GraphCheck:
    """The checks of one graph, with what all of them look up."""

    def __init__(self, graph: Graph, inline: ByName, outputs: Mapping[str, Ports]) -> None:
        self.graph = graph
        self.inline = inline
        self.outputs = outputs
        self.inputs = _ports(graph.inputs)
        self.steps = {step.name: step for step in graph.steps}

    def problems(self) -> Iterator[Problem]:
        graph = self.graph
        for name in _repeated(step.name for step in graph.steps):
            yield self.problem(None, f"has two steps {name!r}", "rename one of them")
        staged = [name for stage in graph.stages or () for name in stage]
        grouped = [name for region in graph.regions for name in region.steps]
        wanted = [name for name in graph.targets if isinstance(name, str)]
        for name in dict.fromkeys((*wanted, *graph.finalizers, *staged, *grouped)):
            if name not in self.steps:
                yield self.problem(None, f"names a step {name!r}, which it does not have", "correct the name")
        if graph.stages is not None and sorted(staged) != sorted(self.steps):
            yield self.problem(None, "does not have each of its steps in one stage", "put it there")
        view = GraphView(graph, self.inline)
        for step, waits, step_references in zip(graph.steps, view.waits, view.references, strict=True):
            for name in waits:
                if name not in self.steps:
                    yield self.problem(step, f"needs {name!r}, which {graph.name!r} does not have", "correct the name")
            for reference in step_references:
                yield from self.reference_problems(step, reference)
        for reference in references((graph.outputs, graph.regions, graph.parallelism)):
            yield from self.reference_problems(None, reference)
        for edge in view.against_barriers():
            message = f"waits for {edge.before!r}, which does not start before it ends"
            yield self.problem(self.steps[edge.after], message, "move one of them")
        if cycle := view.cycle():
            path = " → ".join([*cycle, cycle[0]])
            yield self.problem(None, f"has a cycle: {path}", "remove one of these needs or references")

    def reference_problems(self, step: Step | None, reference: Reference) -> Iterator[Problem]:
        hint = "correct the name, or add what it names"
        if reference.to in ("output", "status") and reference.step and reference.step != ANY_STEP:
            if reference.step not in self.steps:
                message = f"refers to a step {reference.step!r}, which {self.graph.name!r} does not have"
                yield self.problem(step, message, hint)
            elif reference.to == "output" and not self.has_output(reference):
                message = f"refers to an output {reference.name!r} of {reference.step!r}, which does not have it"
                yield self.problem(step, message, hint)
        elif reference.to == "input" and reference.name and (reference.kind, reference.name) not in self.inputs:
            message = f"refers to an input {reference.name!r}, which {self.graph.name!r} does not have"
            yield self.problem(step, message, hint)

    def has_output(self, reference: Reference) -> bool:
        call = self.steps[reference.step].call
        outputs = self.outputs.get(call.name) if isinstance(call, Call) else None
        if outputs is None or not reference.name or reference.kind == "result":
            return True
        return (reference.kind, reference.name) in outputs

    def problem(self, step: Step | None, message: str, hint: str) -> Problem:
        name = step.name if step else self.graph.name
        subject = f"{self.graph.name}/{name}" if step else name
        source = step.source if step else self.graph.source
        return Problem(subject=subject, message=f"{name!r} {message}", hint=hint, source=source)


def _operation_problems(operation: Operation) -> Iterator[Problem]:
    if operation.inline:  # the engine completes it with the inputs of the graph around it, too
        return
    inputs = _ports(operation.inputs)
    for reference in dict.fromkeys(references(operation)):
        if reference.to == "input" and reference.name and (reference.kind, reference.name) not in inputs:
            yield Problem(
                subject=operation.name,
                message=f"{operation.name!r} refers to an input {reference.name!r}, which it does not have",
                hint="correct the name, or declare the input",
                source=operation.source,
            )


def _call_problems(site: CallSite, workflow: Workflow, by_name: ByName) -> Iterator[Problem]:
    step, graph = site.step, site.graph
    if not isinstance(step.call, Call):
        return
    name = step.name or "the exit handler"
    subject = f"{graph.name}/{name}" if graph else name
    callee = by_name.get(step.call.name)
    if callee is None:
        message = f"{name!r} calls {step.call.name!r}, which {workflow.label} does not have"
        yield Problem(subject=subject, message=message, hint="correct the name, or add it", source=step.source)
        return
    if graph is not None or not workflow.library:  # whoever runs a library passes what it needs
        yield from unsupplied(site, callee, workflow.parameters if graph is None else ())


def unsupplied(site: CallSite, callee: Callable, arguments: tuple[Port, ...] = ()) -> Iterator[Problem]:
    """The inputs of a callee that it needs and that its call site does not pass.

    Args:
        site: the call.
        callee: what it calls.
        arguments: what the run passes by itself.
    """
    step, graph = site.step, site.graph
    name = step.name or "the exit handler"
    ports: tuple[Argument | Port, ...] = (*step.arguments, *arguments)
    passed = {(item.kind, item.name) for item in ports}
    for port in callee.inputs:
        if (port.kind, port.name) not in passed and port.required:
            yield Problem(
                subject=f"{graph.name}/{name}" if graph else name,
                message=f"{name!r} does not pass the {port.kind} {port.name!r} of {callee.name!r}",
                hint="pass it, or give the input a default",
                source=step.source,
            )
