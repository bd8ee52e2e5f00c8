"""Values of hyperparameters and what a workflow says of them: as arguments of a step, or by its own parameters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from couler_plugins.errors import InvalidInput, closest
from couler_plugins.hookspecs.parameters import Choice, Number, Value
from couler_plugins.ir import (
    Argument,
    Call,
    External,
    Graph,
    Libraries,
    Literal,
    Operation,
    Port,
    Reference,
    Step,
    Workflow,
    call_sites,
    references,
    replace,
    replace_callables,
)
from couler_plugins.ir import Value as Passed

EVERYTHING = "workflow"
"""The fact of a run that stands for all that is known of it, its parameters included."""


def as_text(value: Value) -> str:
    """A value as the text that stands for it where everything is text: `0.001`, `1e-05`, `true`, or itself."""
    return value if isinstance(value, str) else json.dumps(value)


def read_value(name: str, parameter: Number | Choice, passed: object) -> Value:
    """The value that a constant of a workflow stands for.

    Raises:
        InvalidInput: it stands for none of the parameter's, or for several.
    """
    if isinstance(parameter, Choice):
        text = passed if isinstance(passed, str) else json.dumps(passed)
        choices = [choice for choice in parameter.choices if as_text(choice) == text or _same_number(choice, passed)]
        if len(choices) == 1:
            return choices[0]
        what = "is several of" if choices else "is none of"
        listed = ", ".join(map(as_text, parameter.choices))
        raise InvalidInput(f"{name} is set to {text!r:.40}, which {what} {listed:.200}", hint="correct one of the two")
    number: float | None = None
    try:
        # "1_000" is a number to Python, and to hardly anybody else.
        if isinstance(passed, (int, float, str)) and not isinstance(passed, bool) and "_" not in str(passed):
            number = float(passed)
    except ValueError:
        number = None
    if number is not None and parameter.type in ("int", "log-int") and number.is_integer():
        number = int(number)
    problem = "is no number" if number is None else parameter.problem(number)
    if number is None or problem:
        hint = "the search space has to hold what is set"
        raise InvalidInput(f"{name} is set to {passed!r:.40}: it {problem}", hint=hint)
    return number


def port_of(callee: Operation, name: str) -> Port:
    """The input parameter of a hyperparameter.

    Raises:
        InvalidInput: there is none of that name.
    """
    ports = {port.name: port for port in callee.inputs if port.kind == "parameter"}
    if name not in ports:
        what = f"it has {', '.join(ports)}" if ports else "it has none"
        hint = " ".join(filter(None, (closest(name, ports), what)))
        raise InvalidInput(f"{callee.name!r} has no input parameter {name!r}", hint=hint)
    return ports[name]


def argument_of(step: Step, callee: Operation, name: str) -> Passed | None:
    """What an input parameter gets by now; None where it gets nothing."""
    passed = next((item.value for item in step.arguments if _is_parameter(item, name)), None)
    if passed is not None:
        return passed
    port = port_of(callee, name)
    return port.value if port.value is not None else port.default


def with_arguments(step: Step, values: Mapping[str, Passed | None]) -> Step:
    """The step with these parameters passed to what it calls; None for one that is passed no more."""
    kept = [item for item in step.arguments if item.kind != "parameter" or values.get(item.name, item) is not None]
    remaining = dict(values)
    changed = [
        replace(item, value=value)
        if item.kind == "parameter" and (value := remaining.pop(item.name, None)) is not None and value != item.value
        else item
        for item in kept
    ]
    added = [Argument(name=name, value=value) for name, value in remaining.items() if value is not None]
    parameters = [item for item in changed if item.kind == "parameter"]
    others = [item for item in changed if item.kind != "parameter"]
    return replace(step, arguments=(*parameters, *added, *others))


def _same_number(choice: Value, passed: object) -> bool:
    """Whether both are numbers, and the same: KFP writes 3 as 3.0."""
    return choice == passed and not isinstance(choice, (str, bool)) and not isinstance(passed, bool)


def _is_parameter(argument: Argument, name: str) -> bool:
    return argument.kind == "parameter" and argument.name == name


def parameter_of(workflow: Workflow, graph: Graph, value: Passed | None) -> Reference | None:
    """The reference to a parameter of the workflow that a value in one of its graphs is; None where it is none.

    The inputs of the graph that a run starts with are filled by name from these, or are these.
    """
    if not isinstance(value, Reference) or value.path or not value.name:
        return None
    if value.to == "parameter" or (value.to == "input" and _begins(workflow, graph)):
        return value
    return None


def default_of(workflow: Workflow, name: str) -> Literal | None:
    """What a parameter is where a run does not say otherwise; None where there is no such thing."""
    literal = next((held for port in _ports(workflow, name) for _, held in _holding(port)), None)
    return literal if isinstance(literal, Literal) else None


def port_of_parameter(workflow: Workflow, name: str) -> Port:
    """How a parameter of the workflow that has a default is declared."""
    return next(_ports(workflow, name))


def with_default(workflow: Workflow, name: str, value: Literal) -> Workflow:
    """The workflow with another value for one of its parameters, where a run does not say otherwise."""
    kind, old = next((kind, held) for port in _ports(workflow, name) for kind, held in _holding(port))

    def changed(port: Port) -> Port:
        same = (port.name, port.kind) == (name, "parameter") and dict(_holding(port)).get(kind) == old
        return replace(port, **{kind: value}) if same else port

    new = replace(workflow, parameters=tuple(map(changed, workflow.parameters)))
    begins = [graph for graph in workflow.graphs if _begins(workflow, graph)]
    graphs = {graph.name: replace(graph, inputs=tuple(map(changed, graph.inputs))) for graph in begins}
    return replace_callables(new, graphs) if graphs else new


def readers(workflow: Workflow, libraries: Libraries, name: str, place: tuple[str, str]) -> list[str]:
    """Who else reads a parameter of the workflow than one argument of the step at `place`."""
    names = list(_readers(workflow, name))
    if (own := "/".join(place)) in names:
        names.remove(own)
    for site in call_sites(workflow):
        callee = libraries.callee(workflow, site.step) if isinstance(site.step.call, External) else None
        names += [f"what {site.step.name} calls" for _ in _reads(callee, name)]
    return list(dict.fromkeys(names))


def _readers(workflow: Workflow, name: str) -> Iterator[str]:
    for graph in workflow.graphs:
        begins = _begins(workflow, graph)
        for step in graph.steps:
            yield from (f"{graph.name}/{step.name}" for _ in _reads(step, name, begins=begins))
        yield from (graph.name for _ in _reads(replace(graph, steps=()), name, begins=begins))
    for operation in workflow.operations:
        yield from (operation.name for _ in _reads(operation, name))
    yield from (workflow.label for _ in _reads(replace(workflow, graphs=(), operations=()), name))


def _reads(part: object, name: str, *, begins: bool = False) -> Iterator[Reference]:
    for reference in references(part):
        own = reference.to == "parameter" or (begins and reference.to == "input")
        if (own and reference.name == name) or (reference.to == "run" and reference.name == EVERYTHING):
            yield reference


def _begins(workflow: Workflow, graph: Graph) -> bool:
    """Whether a run starts with a graph, and nothing else calls it."""
    called: list[Step] = [site.step for site in call_sites(workflow) if site.step.call == Call(name=graph.name)]
    if workflow.entry is None:
        return not called and len(workflow.graphs) == 1
    return called == [workflow.entry] and not workflow.entry.arguments


def _ports(workflow: Workflow, name: str) -> Iterator[Port]:
    """A parameter as the workflow declares it, and then as the graph that a run starts with does."""
    yield from (port for port in workflow.parameters if port.name == name)
    for graph in workflow.graphs:
        if _begins(workflow, graph):
            yield from (port for port in graph.inputs if port.name == name and port.kind == "parameter")


def _holding(port: Port) -> Iterator[tuple[str, Passed]]:
    """What a port holds where nothing is passed, and as what: at most one."""
    if port.value is not None:
        yield "value", port.value
    elif port.default is not None:
        yield "default", port.default
