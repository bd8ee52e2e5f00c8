"""Calls into libraries of the same bundle."""

from __future__ import annotations

import pytest

from couler_plugins.ir import (
    Argument,
    Call,
    External,
    Graph,
    Libraries,
    Literal,
    Operation,
    Port,
    Step,
    Workflow,
    replace,
)


def library(namespace: str = "", *inputs: str, image: str = "a", kind: str = "k") -> Workflow:
    ports = tuple(Port(name=name) for name in inputs)
    operation = Operation(name="t", kind="container", inputs=ports, timeout=Literal(value=image))
    return Workflow(
        name="lib", namespace=namespace, engine="e", kind=kind, library="namespace", operations=(operation,)
    )


def caller(
    namespace: str = "", name: str = "t", workflow: str = "lib", *arguments: Argument, kind: str = ""
) -> Workflow:
    step = Step(name="s", call=External(workflow=workflow, name=name, kind=kind), arguments=arguments)
    graph = Graph(name="g", steps=(step,))
    entry = Step(name="entrypoint", call=Call(name="g"))
    return Workflow(name="w", namespace=namespace, engine="e", kind="k", entry=entry, graphs=(graph,))


def test_a_call_that_names_nothing_means_the_entry_of_the_library() -> None:
    call = Step(name="entrypoint", call=External(workflow="lib", name=""))
    start = Workflow(name="w", engine="e", kind="k", entry=call)
    assert Libraries([library(), start]).callee(start, call) is None
    entry = Step(name="entrypoint", call=Call(name="t"))
    operation = Libraries([replace(library(), entry=entry), start]).callee(start, call)
    assert isinstance(operation, Operation)
    assert operation.name == "t"


@pytest.mark.parametrize(
    ("libraries", "call", "problem"),
    [
        ([library()], caller(), ""),
        ([library("dev")], caller(), ""),
        ([library()], caller(workflow="elsewhere"), ""),
        ([library()], caller(name="u"), "'lib' does not have"),
        ([library("", "x")], caller(), "does not pass the parameter 'x'"),
        ([library("", "x")], caller("", "t", "lib", Argument(name="x", value=Literal(value=1))), ""),
        ([library("dev", image="a"), library("prod", image="b")], caller("prod"), ""),
        ([library("dev", "x"), library("prod")], caller("prod"), ""),
        ([library("dev", "x"), library("prod")], caller("dev"), "does not pass"),
        ([library("dev")], caller("prod", name="u"), ""),
        ([library(), library()], caller(), ""),
        ([library(image="a"), library(image="b")], caller(name="u"), ""),
        ([library("dev"), library("prod")], caller(name="u"), ""),
        ([library(kind="a"), library("", "x", kind="b")], caller(kind="a"), ""),
        ([library(kind="a"), library("", "x", kind="b")], caller(kind="b"), "does not pass"),
        ([library(kind="a")], caller(name="u", kind="b"), ""),
    ],
)
def test_calls_into_libraries(libraries: list[Workflow], call: Workflow, problem: str) -> None:
    found = list(Libraries([*libraries, call]).problems(call))
    assert [problem in item.message for item in found] == [True] * bool(problem)
