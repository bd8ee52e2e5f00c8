"""Workflows of the IR as what a lake keeps: their operations as ready-made steps, and how they are put together."""

from __future__ import annotations

import re
from collections.abc import Iterator

from couler_plugins.engine_kit.legalize.conditions import memberships
from couler_plugins.generation.form import Comparison, Form, FormStep, Given, Scalar, Taken
from couler_plugins.generation.lake import SCHEMA, Item, LakeStep
from couler_plugins.generation.validation import validate
from couler_plugins.hookspecs.steps import StepInput, StepOutput
from couler_plugins.ir import (
    Argument,
    Call,
    Graph,
    Literal,
    Native,
    Need,
    Operation,
    Port,
    Reference,
    Retry,
    Step,
    Value,
    Workflow,
    callables,
    conjuncts,
    fresh_name,
    references,
    replace,
)

LONGEST_NAME = 50
LONGEST_DESCRIPTION = 300
MOST_RETRIES = 10


class _Unsaid(Exception):
    """The flat form has no words for something."""


def kept(workflow: Workflow, name: str = "", description: str = "") -> Item:
    """What a lake keeps of a workflow.

    Args:
        workflow: a portable one.
        name: what to call it; its own name unless given.
        description: what it is for.
    """
    own = _slug(name or workflow.name or workflow.prefix or workflow.kind)
    steps: dict[str, LakeStep] = {}
    for operation in workflow.operations:
        called = fresh_name(_slug(f"{own}-{operation.name}"), [step.name for step in steps.values()])
        if (step := _step(operation, workflow, own, called)) is not None:
            steps[operation.name] = step
    shape = _shape(workflow, own, {key: step.name for key, step in steps.items()})
    if shape is not None and validate(shape, {step.name: step for step in steps.values()}):
        shape = None  # it stands on more than the form can say, such as what an engine passes by itself
    return Item(
        schema_name=SCHEMA,
        name=own,
        engine=workflow.engine,
        description=description[:LONGEST_DESCRIPTION],
        steps=tuple(steps.values()),
        shape=shape,
    )


def _step(operation: Operation, workflow: Workflow, owner: str, name: str) -> LakeStep | None:
    """An operation as a ready-made step; None where it needs more than texts as its inputs."""
    kinds = {port.kind for port in operation.inputs} | {port.kind for port in operation.outputs}
    foreign = any(reference.to != "input" for reference in references(operation.containers))
    if foreign or not operation.containers or kinds - {"parameter"}:
        return None
    program = next((str(part.value) for part in operation.containers[0].command[:1] if isinstance(part, Literal)), "")
    outputs = [StepOutput(name=port.name, description=port.name) for port in operation.outputs]
    return LakeStep(
        name=name,
        description=f"{operation.name} of the workflow {owner}"[:LONGEST_DESCRIPTION],
        tags=(owner, *filter(None, (program.rsplit("/", 1)[-1],))),
        inputs=tuple(_input(port) for port in operation.inputs),
        outputs=(*outputs, *_printed(operation, workflow)),
        operation=replace(operation, name=name),
    )


def _input(port: Port) -> StepInput:
    value = port.value if port.value is not None else port.default
    default = value.value if isinstance(value, Literal) else None
    if default is None and port.optional:
        default = ""
    return StepInput(name=port.name, description=port.name, default=None if default is None else str(default))


def _printed(operation: Operation, workflow: Workflow) -> Iterator[StepOutput]:
    """What it prints, where somebody reads that."""
    calls = {
        (graph.name, step.name)
        for graph in workflow.graphs
        for step in graph.steps
        if isinstance(step.call, Call) and step.call.name == operation.name
    }
    for graph in workflow.graphs:
        for reference in references(graph):
            if reference.to == "output" and reference.kind == "result" and (graph.name, reference.step) in calls:
                yield StepOutput(name="result", description="what it prints")
                return


def _shape(workflow: Workflow, name: str, uses: dict[str, str]) -> Form | None:
    """How a workflow is put together; None where the form cannot say that."""
    entry = workflow.entry
    callee = callables(workflow).get(entry.call.name) if entry is not None and isinstance(entry.call, Call) else None
    if callee is None or entry is None or workflow.handlers:
        return None
    if isinstance(callee, Operation):
        callee = Graph(name=callee.name, steps=(_alone(entry, callee, workflow),))
    if callee.stages is not None or callee.finalizers or callee.regions or callee.inputs:
        return None
    try:
        inputs = tuple(Given(name=port.name, value=_constant(port.value)) for port in workflow.parameters)
        names = {step.name: _slug(step.name) for step in callee.steps}
        return Form(name=name, inputs=inputs, steps=tuple(_form_step(step, uses, names) for step in callee.steps))
    except _Unsaid:
        return None


def _alone(entry: Step, operation: Operation, workflow: Workflow) -> Step:
    """The only step of a workflow without a graph, given what Argo passes by itself: parameters, by their names."""
    passed = {argument.name for argument in entry.arguments}
    own = {port.name for port in workflow.parameters}
    more = tuple(
        Argument(name=port.name, value=Reference(to="parameter", kind="parameter", name=port.name))
        for port in operation.inputs
        if port.name in own - passed
    )
    return replace(entry, name=_slug(operation.name), arguments=(*entry.arguments, *more))


def _form_step(step: Step, uses: dict[str, str], names: dict[str, str]) -> FormStep:
    if not isinstance(step.call, Call) or step.call.name not in uses or step.handlers or step.tolerates:
        raise _Unsaid
    needs = conjuncts(step.needs)
    if not all(isinstance(need, Need) for need in needs):
        raise _Unsaid
    over: tuple[Scalar, ...] | str | None = None
    if step.loop is not None:
        if len(step.loop.axes) != 1 or step.loop.includes:
            raise _Unsaid
        over = _items(step.loop.axes[0].values, names)
    return FormStep(
        name=names[step.name],
        use=uses[step.call.name],
        inputs=tuple(_taken(argument, names) for argument in step.arguments),
        needs=tuple(names[need.step] for need in needs if isinstance(need, Need) and need.step in names),
        when=_when(step, names),
        over=over,
        retries=_retries(step.retry),
    )


def _retries(retry: Retry | None) -> int:
    if retry is None:
        return 0
    limit = _constant(retry.limit)
    if retry != Retry(limit=retry.limit) or not str(limit).isdigit() or int(str(limit)) > MOST_RETRIES:
        raise _Unsaid
    return int(str(limit))


def _taken(argument: Argument, names: dict[str, str]) -> Taken:
    if isinstance(argument.value, Literal):
        return Taken(name=argument.name, value=_constant(argument.value))
    return Taken(name=argument.name, source=_reference(argument.value, names))


def _reference(value: Value, names: dict[str, str]) -> str:
    match value:
        case Reference(to="parameter"):
            return f"inputs.{value.name}"
        case Reference(to="item", path=()):
            return "item"
        case Reference(to="output") if value.step in names and value.name and not value.path:
            return f"{names[value.step]}.{value.name}"
    raise _Unsaid


def _items(values: Value, names: dict[str, str]) -> tuple[Scalar, ...] | str:
    if isinstance(values, Native):
        data = values.data if all(isinstance(part, str) for part in values.parts) else None
        if isinstance(data, list) and all(isinstance(item, str | int | float | bool) for item in data):
            return tuple(data)
        raise _Unsaid
    return _reference(values, names)


def _when(step: Step, names: dict[str, str]) -> Comparison | None:
    members = memberships(step.condition)
    if members == ():
        return None
    if members is None or len(members) != 1 or len(members[0].among) != 1:
        raise _Unsaid
    left_side = _reference(members[0].value, names)
    return Comparison(left=left_side, op="!=" if members[0].negated else "==", right=members[0].among[0])


def _constant(value: Value | None) -> Scalar | None:
    if value is None:
        return None
    if isinstance(value, Literal):
        return value.value
    raise _Unsaid


def _slug(name: str) -> str:
    """A name as the form has them."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LONGEST_NAME].strip("-")
    return slug if slug[:1].isalpha() else f"w-{slug}".strip("-")
