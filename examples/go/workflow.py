"""The workflow of main.go, in Python: `python workflow.py` prints the same bytes."""

from __future__ import annotations

import sys

from couler_plugins.ir import (
    AllOf,
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
    Retry,
    Step,
    Template,
    Value,
    Workflow,
    to_json,
)


def text(value: str) -> Literal:
    """Return a constant."""
    return Literal(value=value)


def given(name: str) -> Reference:
    """Return what a step is given for an input."""
    return Reference(to="input", kind="parameter", name=name)


def output(step: str, name: str) -> Reference:
    """Return what another step gives."""
    return Reference(to="output", kind="parameter", step=step, name=name)


def program(name: str, command: str, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Operation:
    """Return a step's program: a shell command, whose arguments are its inputs."""
    container = Container(
        image=text("alpine:3.20"),
        command=(text("sh"), text("-c"), text(command), text(name)),
        args=tuple(given(item) for item in inputs),
        requests=(("cpu", text("500m")), ("memory", text("256Mi"))),
    )
    return Operation(
        name=name,
        kind="container",
        containers=(container,),
        inputs=tuple(Port(name=item) for item in inputs),
        outputs=tuple(Output(name=item, path=text(f"/tmp/{item}")) for item in outputs),
    )


def argument(name: str, value: Value) -> Argument:
    """Return what a step passes to an input."""
    return Argument(name=name, value=value)


def nightly() -> Workflow:
    """Return the workflow: load a table, train with several rates, check, and publish what is good."""
    load = Step(
        name="load",
        call=Call(name="load"),
        arguments=(argument("table", Reference(to="parameter", kind="parameter", name="table")),),
        retry=Retry(limit=Literal(value=2)),
    )
    train = Step(
        name="train",
        call=Call(name="train"),
        arguments=(argument("data", output("load", "place")), argument("rate", Reference(to="item"))),
        needs=Need(step="load"),
        loop=Loop(axes=(Axis(name="item", values=Native.of(["0.1", "0.3"])),)),
    )
    check = Step(
        name="check",
        call=Call(name="check"),
        arguments=(argument("data", output("load", "place")),),
        needs=AllOf(needs=(Need(step="load"), Need(step="train"))),
    )
    title = Template(parts=("<nightly> & ", Reference(to="parameter", kind="parameter", name="table")))
    publish = Step(
        name="publish",
        call=Call(name="publish"),
        arguments=(argument("title", title),),
        needs=Need(step="check"),
        condition=Expression(language="cel", parts=(output("check", "verdict"), ' == "good"')),
    )
    return Workflow(
        name="nightly",
        engine="couler",
        kind="Workflow",
        parameters=(Port(name="table", value=text("usage")),),
        entry=Step(name="main", call=Call(name="main")),
        graphs=(Graph(name="main", steps=(load, train, check, publish)),),
        operations=(
            program("load", 'echo "/data/$1.csv" > /tmp/place', ("table",), ("place",)),
            program("train", 'echo "train on $1 with $2"', ("data", "rate"), ()),
            program("check", 'test -n "$1" && echo good > /tmp/verdict', ("data",), ("verdict",)),
            program("publish", 'echo "publish $1"', ("title",), ()),
        ),
    )


if __name__ == "__main__":
    sys.stdout.buffer.write(to_json(nightly()))
