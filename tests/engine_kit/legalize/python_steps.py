"""Workflows of Python functions, built by hand: what is the same on every engine is computed by these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from couler_plugins.engine_kit.legalize.python.functions import function_of, operation_of
from couler_plugins.engine_kit.legalize.python.source import function_from_text
from couler_plugins.ir import (
    Argument,
    Axis,
    Call,
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
    all_of,
    references,
)
from couler_plugins.plan import Plan

__all__ = ["IMAGE", "constant", "gave", "kinds_of", "plan_of", "step", "workflow_of"]

IMAGE = "python:3.12-slim"


def gave(step: str, output: str = "result") -> Reference:
    """What a step gave."""
    return Reference(to="output", kind="parameter", step=step, name=output)


def constant(data: Any) -> Value:
    return Native.of(data) if isinstance(data, (list, dict)) else Literal(value=data)


def step(
    name: str, function: str, *after: str, when: Value | None = None, each: Value | None = None, **given: Any
) -> Step:
    """A call of a function, which waits for what it reads; arguments that are no values are constants."""
    values = {key: value if isinstance(value, Value) else constant(value) for key, value in given.items()}
    before = dict.fromkeys(
        [*after, *(item.step for item in references((tuple(values.values()), when, each)) if item.step)]
    )
    return Step(
        name=name,
        call=Call(name=function),
        arguments=tuple(Argument(name=key, value=value) for key, value in values.items()),
        needs=all_of([Need(step=other) for other in before]),
        condition=when,
        loop=None if each is None else Loop(axes=(Axis(name="item", values=each),)),
    )


def workflow_of(
    sources: Sequence[str],
    *steps: Step,
    outputs: Sequence[Output] = (),
    parameters: Sequence[Port] = (),
    graphs: Sequence[Graph] = (),
    others: Sequence[Operation] = (),
    name: str = "steps",
) -> Workflow:
    """A workflow of these steps; the operations have the names of their functions."""
    functions = [function_from_text(source) for source in sources]
    return Workflow(
        engine="couler",
        kind="Workflow",
        name=name,
        parameters=tuple(parameters),
        entry=Step(name=name, call=Call(name="main")),
        graphs=(Graph(name="main", steps=steps, outputs=tuple(outputs)), *graphs),
        operations=(*(operation_of(item, item.name, IMAGE) for item in functions), *others),
    )


def plan_of(workflow: Workflow, adapter: Any) -> Plan:
    return Plan(bundle=adapter.load(()), originals=(), workflows=(workflow,))


def kinds_of(workflow: Workflow) -> dict[str, str]:
    """The kind of each value that its steps give, by the step and the output; a list where the step loops."""
    functions = {item.name: function for item in workflow.operations if (function := function_of(item))}
    found: dict[str, str] = {}
    for one in workflow.graphs[0].steps:
        function = functions.get(getattr(one.call, "name", ""))
        for name, kind in function.outputs if function is not None else ():
            key = one.name if name == "result" else f"{one.name}.{name}"
            found[key] = kind if one.loop is None else f"list:{kind}"
    return found
