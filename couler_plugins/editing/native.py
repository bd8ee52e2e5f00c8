"""Ready-made steps as an engine has them: its adapter writes one as a workflow of its own, and reads that again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Literal as OneOf
from typing import NamedTuple

import msgspec

from couler_plugins.documents import read
from couler_plugins.documents.collector import collector_paused
from couler_plugins.driver.rewrite import Session, adapter_errors, lift_files
from couler_plugins.errors import CoulerError, Unsupported
from couler_plugins.generation.composition import ENGINE, FOLDER, MAIN
from couler_plugins.hookspecs.steps import Built
from couler_plugins.ir import (
    Argument,
    Axis,
    Call,
    Container,
    Expression,
    Graph,
    Literal,
    Loop,
    Native,
    Need,
    Operation,
    Output,
    Port,
    Reference,
    Step,
    Value,
    Workflow,
    callables,
    map_references,
    needed,
    references,
    replace,
    without_origin,
)
from couler_plugins.plan import Plan


class NativeStep(NamedTuple):
    """A ready-made step as an engine has it.

    Attributes:
        operation: what it runs.
        step: its call.
        parameters: the inputs of its graph, or of the workflow where `of_workflow`, that it reads.
        of_workflow: whether its engine has parameters of workflows that all graphs see.
    """

    operation: Operation
    step: Step
    parameters: tuple[Port, ...]
    of_workflow: bool


class NativeNeeds(NamedTuple):
    """How steps wait for others in an engine.

    Attributes:
        outcomes: what of the other one lets them start, where nothing is said about that.
        for_reads: whether they need to name those that they read from.
    """

    outcomes: tuple[str, ...]
    for_reads: bool


class NativeLoop(NamedTuple):
    """How a step loops in an engine.

    Attributes:
        combine: how the lists are combined, also where there is one.
        by_input: whether a list has the name of the input that takes its items.
        by_name: whether an item is referred to by that name.
    """

    combine: OneOf["product", "zip", "rows", "sequence"]
    by_input: bool
    by_name: bool


def native_step(built: Built, engine: str, session: Session) -> NativeStep:
    """Return a ready-made step as an engine has it.

    Args:
        built: what the catalogue made of it.
        engine: the engine's name.
        session: has the adapters.

    Raises:
        Unsupported: the engine cannot have it.
    """
    later = {item.name: item.value for item in built.arguments if not isinstance(item.value, Literal)}
    passed = tuple(
        replace(item, value=Reference(to="parameter", kind="parameter", name=STAND_IN + item.name))
        if item.name in later and not _is_parameter(item.value)
        else item
        for item in built.arguments
    )
    names = [*built.parameters, *(STAND_IN + name for name, value in later.items() if not _is_parameter(value))]
    step = Step(name=ADDED, call=Call(name=built.operation.name), arguments=passed)
    lifted = _lifted(_workflow(names, [step], [built.operation]), ADDED, engine, session)
    arguments = tuple(
        replace(item, value=later[item.name]) if item.name in later and not _is_parameter(later[item.name]) else item
        for item in lifted.step.arguments
    )
    wanted = {*built.parameters}
    read = {reference.to for reference in references(lifted.step) if reference.name in wanted}
    ports = lifted.workflow.parameters if "parameter" in read else lifted.graph.inputs
    return NativeStep(
        lifted.operation,
        replace(lifted.step, arguments=arguments),
        tuple(replace(port, value=None, default=None, optional=False) for port in ports if port.name in wanted),
        "parameter" in read,
    )


def native_needs(engine: str, session: Session) -> NativeNeeds:
    """Return how steps wait for others in an engine.

    What lets a step start where nothing is said is what the engine writes with the fewest letters: `first`, and not
    `first.Succeeded`.
    """
    source = Operation(
        name="source",
        kind="container",
        containers=(CONTAINER,),
        outputs=(Output(name="left", path=Literal(value=f"{FOLDER}/left")),),
    )
    read = Reference(to="output", kind="parameter", step="source", name="left")
    target = Operation(name="target", kind="container", containers=(CONTAINER,), inputs=(Port(name="left"),))
    passed = (Argument(name="left", value=read),)
    written: list[_Lifted] = []
    for outcomes in OUTCOMES:
        need = Need(step="source", outcomes=outcomes)
        steps = [
            Step(name="source", call=Call(name="source")),
            Step(name="second", call=Call(name="source"), needs=need),
            Step(name="target", call=Call(name="target"), arguments=passed, needs=need),
        ]
        with suppress(Unsupported):
            written.append(_lifted(_workflow([], steps, [source, target]), "target", engine, session))
    shortest = min(written, key=lambda item: len(item.text))
    needs = {step.name: next(needed(step.needs), None) for step in shortest.graph.steps}
    second = needs["second"]
    return NativeNeeds(second.outcomes if second is not None else ("succeeded",), needs["target"] is not None)


OUTCOMES = (("succeeded",), ("skipped", "succeeded"), ("daemoned", "skipped", "succeeded"))
"""What engines let steps start after, where users do not say more than a name."""


def native_loop(engine: str, session: Session) -> NativeLoop:
    """Return how a step loops in an engine.

    Raises:
        Unsupported: the engine has no loops.
    """
    target = Operation(name="target", kind="container", containers=(CONTAINER,), inputs=(Port(name="left"),))
    loop = Loop(axes=(Axis(name="item", values=Native.of(["a", "b"])),))
    passed = (Argument(name="left", value=Reference(to="item")),)
    step = Step(name="target", call=Call(name="target"), arguments=passed, loop=loop)
    workflow = _lifted(_workflow([], [step], [target]), "target", engine, session).workflow
    for looped in (step for graph in workflow.graphs for step in graph.steps):
        if looped.loop is None:
            continue
        for item in looped.arguments:
            if isinstance(item.value, Reference) and item.value.to == "item":
                axes, combine = looped.loop.axes, looped.loop.combine
                return NativeLoop(combine, any(axis.name == item.name for axis in axes), bool(item.value.name))
    raise Unsupported(f"{engine} has no loops", engine=engine, feature="Step.loop", hint="write it in the file")


def native_condition(reference: Reference, op: str, right: str, engine: str, session: Session) -> Value:
    """Return a comparison of what a reference gives with a constant, in the engine's own language.

    Args:
        reference: an input of the workflow or the graph, or an output of a step.
        op: `==` or `!=`.
        right: the constant.
        engine: the engine's name.
        session: has the adapters.

    Raises:
        Unsupported: the engine cannot compare it.
    """
    passed = Reference(to="parameter", kind="parameter", name="left")
    source = Operation(
        name="source",
        kind="container",
        containers=(CONTAINER,),
        outputs=(Output(name="left", path=Literal(value=f"{FOLDER}/left")),),
    )
    if reference.to == "output":
        passed = Reference(to="output", kind="parameter", step="source", name="left")
    condition = Expression(language="cel", parts=(passed, f" {op} {msgspec.json.encode(right).decode()}"))
    steps = [
        Step(name="source", call=Call(name="source")),
        Step(name="target", call=Call(name="target"), needs=Need(step="source"), condition=condition),
    ]
    target = Operation(name="target", kind="container", containers=(CONTAINER,))
    lifted = _lifted(_workflow(["left"], steps, [source, target]), "target", engine, session).step
    if lifted.condition is None:
        raise Unsupported(
            f"{engine} has conditions on groups of steps, and none on one step",
            engine=engine,
            feature="Step.condition",
            hint="write the condition where the pipeline is written",
        )
    return map_references(lifted.condition, lambda other: reference if other.name == "left" else other)


def no_condition(engine: str, session: Session) -> str:
    """Return why no single step of an engine takes a condition; empty where it does."""
    try:
        native_condition(Reference(to="parameter", kind="parameter", name="left"), "==", "", engine, session)
    except CoulerError as error:
        return error.message
    return ""


CONTAINER = Container(image=Literal(value="busybox"), command=(Literal(value="true"),))
ADDED = "added-step"
STAND_IN = "value-of-"
"""What a parameter is called by that stands for a reference, which means nothing in a workflow of its own."""


def _is_parameter(value: Value) -> bool:
    return isinstance(value, Reference) and value.to == "parameter"


def _workflow(parameters: Iterable[str], steps: Sequence[Step], operations: Sequence[Operation]) -> Workflow:
    return Workflow(
        name="alone",
        engine=ENGINE,
        kind="Workflow",
        parameters=tuple(Port(name=name, value=Literal(value="")) for name in dict.fromkeys(parameters)),
        entry=Step(name=MAIN, call=Call(name=MAIN)),
        graphs=(Graph(name=MAIN, steps=tuple(steps)),),
        operations=tuple(operations),
    )


class _Lifted(NamedTuple):
    workflow: Workflow
    graph: Graph
    step: Step
    operation: Operation
    text: str


def _lifted(workflow: Workflow, name: str, engine: str, session: Session) -> _Lifted:
    """What an engine's adapter makes of a step: its workflow and graph, its call, and what it runs."""
    adapter = session.plugins.adapter(engine)
    with collector_paused(), adapter_errors(engine, "lower()"):
        plan = Plan(bundle=adapter.load(()), originals=(), workflows=(workflow,))
        lowered = adapter.lower(plan, session.options(adapter))
        for refusal in lowered.refused.values():
            raise refusal
        text = adapter.dump(lowered).added
    plan = lift_files(adapter, [read(text.encode(), "<step>")], [0], _raise)
    for own in plan.workflows:
        by_name = callables(own)
        for graph, step in ((item, step) for item in own.graphs for step in item.steps if step.name == name):
            callee = by_name.get(step.call.name) if isinstance(step.call, Call) else None
            if isinstance(callee, Operation):
                return _Lifted(own, graph, without_origin(step), without_origin(callee), text)
    raise Unsupported(
        f"{engine} has no such step", engine=engine, step=name, feature="Operation", hint="add another step"
    )


def _raise(_: object, error: CoulerError) -> None:
    raise error
