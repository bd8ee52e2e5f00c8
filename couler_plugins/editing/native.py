"""Ready-made steps as an engine has them: its adapter writes one as a workflow of its own, and reads that again."""

from __future__ import annotations

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
    Call,
    Container,
    Expression,
    Graph,
    Literal,
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
    replace,
    without_origin,
)
from couler_plugins.plan import Plan


class NativeStep(NamedTuple):
    """A ready-made step as an engine has it.

    Attributes:
        operation: what it runs.
        step: its call, with the arguments that are constants.
    """

    operation: Operation
    step: Step


def native_step(built: Built, name: str, engine: str, session: Session) -> NativeStep:
    """Return a ready-made step as an engine has it; its references are arguments of the same names, to be put in.

    Args:
        built: what the catalogue made of it.
        name: the name of the step.
        engine: the engine's name.
        session: has the adapters.

    Raises:
        Unsupported: the engine cannot have it.
    """
    constants = tuple(item for item in built.arguments if isinstance(item.value, Literal))
    later = tuple(item for item in built.arguments if not isinstance(item.value, Literal))
    passed = (
        Argument(name=item.name, value=Reference(to="parameter", kind="parameter", name=item.name)) for item in later
    )
    step = Step(name=name, call=Call(name=built.operation.name), arguments=(*constants, *passed))
    alone = Workflow(
        name="one-step",
        engine=ENGINE,
        kind="Workflow",
        parameters=tuple(
            Port(name=item, value=Literal(value="")) for item in (*built.parameters, *(a.name for a in later))
        ),
        entry=Step(name=MAIN, call=Call(name=MAIN)),
        graphs=(Graph(name=MAIN, steps=(step,)),),
        operations=(built.operation,),
    )
    operation, lifted = _lifted(alone, name, engine, session)
    references = {item.name: item.value for item in later}
    arguments = tuple(
        replace(item, value=references[item.name]) if item.name in references else item for item in lifted.arguments
    )
    return NativeStep(operation, replace(lifted, arguments=arguments))


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
    first = Step(name="source", call=Call(name="source"))
    target = Step(name="target", call=Call(name="target"), needs=Need(step="source"), condition=condition)
    alone = Workflow(
        name="two-steps",
        engine=ENGINE,
        kind="Workflow",
        parameters=(Port(name="left", value=Literal(value="")),),
        entry=Step(name=MAIN, call=Call(name=MAIN)),
        graphs=(Graph(name=MAIN, steps=(first, target)),),
        operations=(source, Operation(name="target", kind="container", containers=(CONTAINER,))),
    )
    _, lifted = _lifted(alone, "target", engine, session)
    if lifted.condition is None:
        raise Unsupported(
            f"{engine} cannot compare this", engine=engine, feature="Step.condition", hint="compare in a step"
        )
    return map_references(lifted.condition, lambda other: reference if other.name == "left" else other)


CONTAINER = Container(image=Literal(value="busybox"), command=(Literal(value="true"),))


def _lifted(workflow: Workflow, name: str, engine: str, session: Session) -> tuple[Operation, Step]:
    """What an engine's adapter makes of a step: what it runs, and its call."""
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
        for step in (step for graph in own.graphs for step in graph.steps if step.name == name):
            callee = by_name.get(step.call.name) if isinstance(step.call, Call) else None
            if isinstance(callee, Operation):
                return without_origin(callee), without_origin(step)
    raise Unsupported(
        f"{engine} has no such step", engine=engine, step=name, feature="Operation", hint="add another step"
    )


def _raise(_: object, error: CoulerError) -> None:
    raise error
