"""Ready-made steps as an engine has them: its adapter writes one as a workflow of its own, and reads that again."""

from __future__ import annotations

from typing import NamedTuple

from couler_plugins.documents import read
from couler_plugins.driver.rewrite import Session, adapter_errors, lift_files
from couler_plugins.errors import CoulerError, Unsupported
from couler_plugins.generation.composition import ENGINE, MAIN
from couler_plugins.hookspecs.steps import Built
from couler_plugins.ir import (
    Argument,
    Call,
    Graph,
    Literal,
    Operation,
    Port,
    Reference,
    Step,
    Workflow,
    callables,
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
    adapter = session.plugins.adapter(engine)
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
    with adapter_errors(engine, "lower()"):
        lowered = adapter.lower(
            Plan(bundle=adapter.load(()), originals=(), workflows=(alone,)), session.options(adapter)
        )
        for refusal in lowered.refused.values():
            raise refusal
        text = adapter.dump(lowered).added
    plan = lift_files(adapter, [read(text.encode(), "<step>")], [0], _raise)
    for workflow in plan.workflows:
        for graph in workflow.graphs:
            for lifted in graph.steps:
                callee = callables(workflow).get(lifted.call.name) if isinstance(lifted.call, Call) else None
                if isinstance(callee, Operation):
                    return _with_references(without_origin(callee), without_origin(lifted), built)
    hint = "add another step"
    raise Unsupported(f"{engine} has no such step", engine=engine, step=name, feature="Operation", hint=hint)


def _with_references(operation: Operation, step: Step, built: Built) -> NativeStep:
    references = {item.name: item.value for item in built.arguments if not isinstance(item.value, Literal)}
    arguments = tuple(
        replace(item, value=references[item.name]) if item.name in references else item for item in step.arguments
    )
    return NativeStep(operation, replace(step, arguments=arguments))


def _raise(_: object, error: CoulerError) -> None:
    raise error
