"""Small workflows for the tests of the IR."""

from __future__ import annotations

from typing import Any

from couler_plugins.ir import (
    Argument,
    Call,
    Container,
    Graph,
    Literal,
    Need,
    Operation,
    Output,
    Port,
    Reference,
    Step,
    Workflow,
    all_of,
    callables,
)

SKIPPED_TOO = ("daemoned", "skipped", "succeeded")


def out(step: str, name: str = "y", **more: Any) -> Reference:
    return Reference(to="output", kind="parameter", step=step, name=name, **more)


def given(name: str, **more: Any) -> Reference:
    return Reference(to="input", kind="parameter", name=name, **more)


def passing(**values: Any) -> tuple[Argument, ...]:
    return tuple(Argument(name=name, value=value) for name, value in sorted(values.items()))


def operation(name: str = "op", *inputs: str, **more: Any) -> Operation:
    more.setdefault("outputs", (Output(name="y"),))
    return Operation(name=name, kind="container", inputs=tuple(Port(name=name) for name in inputs), **more)


def step(name: str, *after: str, call: str = "op", outcomes: tuple[str, ...] = ("succeeded",), **more: Any) -> Step:
    more.setdefault("needs", all_of([Need(step=before, outcomes=outcomes) for before in after]))
    return Step(name=name, call=Call(name=call), **more)


def workflow(*graphs: Graph, operations: tuple[Operation, ...] = (), **more: Any) -> Workflow:
    operations = operations or (operation(), operation("use", "x"))
    more.setdefault("entry", Step(name="entry", call=Call(name=graphs[0].name)))
    return Workflow(engine="none", kind="test", name="w", graphs=graphs, operations=operations, **more)


def graph(*steps: Step, name: str = "g", **more: Any) -> Graph:
    return Graph(name=name, steps=steps, **more)


def diamond(**more: Any) -> Workflow:
    """a, then b and c, then d, which reads what b and c make."""
    return workflow(
        graph(
            step("a"),
            step("b", "a", call="use", arguments=passing(x=out("a", native="{{a.y}}"))),
            step("c", "a"),
            step("d", "b", "c", call="use", arguments=passing(x=out("b"))),
            outputs=(Output(name="z", value=out("d")),),
            **more,
        )
    )


def inline(name: str, *read: Reference) -> Operation:
    """An operation that is written inside its only call site and reads from the graph around it."""
    return operation(name, inline=True, containers=(Container(image=Literal(value="img"), args=read),))


def steps_of(workflow: Workflow, name: str = "g") -> dict[str, Step]:
    found = callables(workflow)[name]
    assert isinstance(found, Graph)
    return {item.name: item for item in found.steps}


def graph_of(workflow: Workflow, name: str = "g") -> Graph:
    found = callables(workflow)[name]
    assert isinstance(found, Graph)
    return found
