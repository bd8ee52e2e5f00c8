"""What is to be tuned in a workflow: steps that are marked, or that the options name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from couler_plugins.errors import CoulerError, InvalidInput, Unsupported, closest
from couler_plugins.hookspecs.trials import Task
from couler_plugins.hookspecs.tuning import Tuning
from couler_plugins.hpo.files import read_annotation
from couler_plugins.hpo.workflows.values import argument_of, default_of, parameter_of, port_of, read_value
from couler_plugins.ir import (
    Graph,
    Libraries,
    Literal,
    Operation,
    Reference,
    Scalar,
    Step,
    Value,
    Workflow,
    references,
)

Place = tuple[str, str]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One step to tune.

    Attributes:
        graph, step, callee: the step, where it is, and what it calls.
        task: what is tuned. What is set in the workflow is the default of its space.
        where: where that is asked for.
        output: for trials, the output parameter that holds the metric; empty where it is what the step prints, or where
            none are wanted.
        was: the constants that its owner passes, by hyperparameter; None where nothing is passed, or a parameter.
        parameters: the parameters of the workflow that hand hyperparameters to the step, by hyperparameter.
    """

    graph: Graph
    step: Step
    callee: Operation
    task: Task
    where: str
    output: str
    was: dict[str, Scalar]
    parameters: dict[str, Reference]

    @property
    def place(self) -> str:
        """What the step is called in decisions."""
        return f"{self.graph.name}/{self.step.name}"


def asked_steps(
    workflow: Workflow, facet: Tuning, named: Sequence[str], task: Task | None
) -> dict[Place, tuple[str, Task | str]]:
    """The steps to tune, with where that is asked for and what says how: a task, or the text of an annotation.

    Args:
        workflow: the workflow.
        facet: what knows its annotations.
        named: `graph/step` or `step`, as the options name them; the others of other workflows are left aside.
        task: what the options say of them.
    """
    requests: dict[Place, tuple[str, Task | str]] = dict(facet.requests())
    chosen = _named(workflow, named)
    if task is not None:
        return dict.fromkeys(chosen, ("the option task", task))
    return {place: requests[place] for place in requests if not named or place in chosen}


def read_request(
    workflow: Workflow,
    place: Place,
    directive: tuple[str, Task | str],
    facet: Tuning,
    libraries: Libraries,
    *,
    trials: bool,
) -> Request:
    """What is asked for a step, held against what that step is.

    Args:
        workflow: the workflow.
        place: the step.
        directive: where that is asked for, and what.
        facet: what knows the engine.
        libraries: what the step may call.
        trials: whether settings are to be tried, so that the metric has to be handed out.

    Raises:
        InvalidInput: what is asked for makes no sense, by itself or for this step.
        Unsupported: the step is none that can be tuned.
    """
    where, what = directive
    try:
        graph, step = _step(workflow, place)
        callee = libraries.callee(workflow, step)
        if not isinstance(callee, Operation):
            raise _callee_refusal(callee)
        for reason, hint in _objections(graph, step, callee):
            raise Unsupported(reason, feature="tune", hint=hint)
        task = read_annotation(what, "/".join(place)) if isinstance(what, str) else what
        was: dict[str, Scalar] = {}
        parameters: dict[str, Reference] = {}
        set_now = {}
        for name, parameter in task.space.parameters:
            port_of(callee, name)
            value = argument_of(step, callee, name)
            if (behind := parameter_of(workflow, graph, value)) is not None:
                parameters[name] = behind
            if value is not None:
                set_now[name] = read_value(name, parameter, _constant(workflow, name, value, behind).value)
            own = next((item.value for item in step.arguments if (item.kind, item.name) == ("parameter", name)), None)
            was[name] = own.value if isinstance(own, Literal) else None
        task = msgspec.structs.replace(task, space=task.space.with_defaults(set_now))
        return Request(
            graph=graph,
            step=step,
            callee=callee,
            task=task,
            where=where,
            output=_output(task, callee, facet) if trials else "",
            was=was,
            parameters=parameters,
        )
    except CoulerError as error:
        raise about(error, workflow, place, where) from error.__cause__


def about(error: CoulerError, workflow: Workflow, place: Place, where: str) -> CoulerError:
    """The error, with the step that it is about."""
    error.message = f"{workflow.label}: {'/'.join(filter(None, place))} cannot be tuned ({where}): {error.message}"
    error.engine, error.step = error.engine or workflow.engine, "/".join(filter(None, place))
    return error


def check_named(workflows: Sequence[Workflow], named: Sequence[str]) -> None:
    """Sees to it that the steps that the options name are there.

    Raises:
        InvalidInput: one is not.
    """
    names = {f"{graph.name}/{step.name}" for workflow in workflows for graph in workflow.graphs for step in graph.steps}
    names |= {name.rpartition("/")[2] for name in names}
    for name in named:
        if name not in names:
            hint = closest(name, sorted(names)) or f"there are {', '.join(sorted(names)[:10])}"
            raise InvalidInput(f"there is no step {name!r} to tune", hint=hint)


def refuse_named(workflow: Workflow, named: Sequence[str]) -> None:
    """Raises `Unsupported` where the options name a step of a workflow whose engine cannot tune it."""
    for place in _named(workflow, named):
        raise Unsupported(
            f"the adapter of {workflow.engine} cannot tune steps",
            engine=workflow.engine,
            step="/".join(place),
            feature="tune",
            hint="tune the program by itself, with `couler tune`",
        )


def _named(workflow: Workflow, named: Sequence[str]) -> list[Place]:
    places = [(graph.name, step.name) for graph in workflow.graphs for step in graph.steps]
    return [place for place in places if place[1] in named or "/".join(place) in named]


def _step(workflow: Workflow, place: Place) -> tuple[Graph, Step]:
    graphs = {graph.name: graph for graph in workflow.graphs}
    steps = {step.name: step for step in graphs[place[0]].steps} if place[0] in graphs else {}
    if place[1] in steps:
        return graphs[place[0]], steps[place[1]]
    if not place[0]:
        raise Unsupported(
            "it is called outside of any graph", feature="tune", hint="call it from a graph, with arguments"
        )
    names = [f"{graph.name}/{step.name}" for graph in workflow.graphs for step in graph.steps]
    raise InvalidInput("there is no such step", hint=closest("/".join(place), names) or None)


def _callee_refusal(callee: object) -> Unsupported:
    if callee is None:
        reason, hint = "what it calls is not in these files", "give the file that holds it as well"
    else:
        reason, hint = "it calls a graph", "mark the step in there that trains"
    return Unsupported(reason, feature="tune", hint=hint)


def _objections(graph: Graph, step: Step, callee: Operation) -> Iterator[tuple[str, str]]:
    """Why no step of this kind is tuned, whatever the engine."""
    if step.loop is not None or any(region.loop is not None and step.name in region.steps for region in graph.regions):
        yield "it runs in a loop", "tune a run of it outside of the loop"
    if step.role != "normal":
        yield f"it is a {step.role}", "mark a step that trains"
    if step.name in graph.finalizers:
        yield "it runs at the end, whatever happened", "mark a step that trains"
    if callee.daemon:
        yield "it keeps running beside the steps after it", "mark a step that ends"


def _constant(workflow: Workflow, name: str, value: Value, behind: Reference | None) -> Literal:
    """What a hyperparameter is set to by now, be it by what a parameter of the workflow is unless a run says otherwise.

    Raises:
        Unsupported: only a run knows.
    """
    constant = value if behind is None else default_of(workflow, behind.name)
    if isinstance(constant, Literal):
        return constant
    if behind is not None:
        why = f"it is the parameter {behind.name!r}, which has no value in the workflow"
        hint = f"give {behind.name!r} one there, which a run may replace; or pass a constant"
    else:
        why = f"it is {' and '.join(item.native or item.name for item in references(value)) or 'an expression'}"
        hint = "pass a constant or a parameter of the workflow, or leave the parameter out of the search space"
    raise Unsupported(f"only a run knows {name!r}: {why}", feature="tune", hint=hint)


def _output(task: Task, callee: Operation, facet: Tuning) -> str:
    name = task.metric_from or task.data.metric
    outputs = [output.name for output in callee.outputs if output.kind == "parameter"]
    if name in outputs:
        return name
    if facet.prints(callee) and task.metric_from in ("", "result"):
        return ""
    listed: Mapping[bool, str] = {True: f"it has {', '.join(outputs)}", False: "it has none"}
    hint = " ".join(filter(None, (closest(name, outputs), f"name one with metric-from; {listed[bool(outputs)]}")))
    raise InvalidInput(f"{callee.name!r} has no output parameter {name!r} for the metric", hint=hint)
