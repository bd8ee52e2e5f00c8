"""Whole-graph operations are linear: five times the size takes five times the instructions, counted and not timed.

What an instruction does in C (a membership test in a list, an edge of rustworkx) is not seen by that; names that count
how often they are compared see the former.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from couler_plugins.ir import (
    Call,
    Directive,
    Port,
    Step,
    Workflow,
    flatten,
    move_into_graph,
    move_into_graphs,
    rename_callable,
    rename_steps,
    replace_steps,
    verify,
    with_directive,
)
from ir.small import given, graph, operation, out, passing, step, workflow

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class Name(str):
    """A step's name that counts how often it is compared with another."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other: object) -> bool:
        Name.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def star(size: int) -> Workflow:
    """One step before all, and one after all."""
    middle = [step(Name(f"s{n}"), "root", call="use", arguments=passing(x=out("root"))) for n in range(size)]
    return workflow(graph(step("root"), *middle, step("join", *(f"s{n}" for n in range(size)))))


def layers(size: int) -> Workflow:
    """Ten steps beside each other, each after two of the layer before; the first layer is not counted."""
    ups = [[n - 10, n - 11] if n > 10 else [] for n in range(size + 11)]
    steps = [
        step(Name(f"s{n}"), *(f"s{up}" for up in before), call="use" if before else "op", arguments=reads(before))
        for n, before in enumerate(ups)
    ]
    return workflow(graph(*steps))


def reads(before: list[int]) -> Any:
    return passing(x=out(f"s{before[0]}")) if before else ()


def pairs(size: int) -> Workflow:
    """Every step of the first half is read by one of the second: a move of the first half hands out all of them."""
    half = size // 2
    makers = [step(Name(f"s{n}")) for n in range(half)]
    takers = [step(f"s{half + n}", f"s{n}", call="use", arguments=passing(x=out(f"s{n}"))) for n in range(half)]
    return workflow(graph(*makers, *takers))


def inputs(size: int) -> Workflow:
    """Every step reads an input of its own."""
    ports = tuple(Port(name=f"p{n:05}") for n in range(size))
    steps = [step(Name(f"s{n}"), call="use", arguments=passing(x=given(f"p{n:05}"))) for n in range(size)]
    return workflow(graph(*steps, inputs=ports), parameters=ports)


def graphs(size: int) -> Workflow:
    """Many small graphs, each with an operation of its own."""
    small = [graph(step("s0", call=f"op{n}"), name=f"g{n}") for n in range(size)]
    top = graph(*(Step(name=f"s{n}", call=Call(name=f"g{n}"), needs=None) for n in range(size)))
    return workflow(top, *small, operations=tuple(operation(f"op{n}") for n in range(size)))


def halves(whole: Workflow) -> object:
    count = sum(item.name.startswith("s") for item in whole.graphs[0].steps)
    return move_into_graph(whole, "g", [f"s{n}" for n in range(count // 2)], "new")


def tens(whole: Workflow) -> object:
    names = [item.name for item in whole.graphs[0].steps]
    return move_into_graphs(whole, "g", {f"new{n}": names[n : n + 10] for n in range(0, len(names), 10)})


JOBS: dict[str, Callable[[Workflow], object]] = {
    "verify": verify,
    "rename": lambda whole: rename_steps(whole, "g", {item.name: f"new {item.name}" for item in whole.graphs[0].steps}),
    "rename callable": lambda whole: rename_callable(whole, whole.operations[0].name, "new"),
    "replace": lambda whole: replace_steps(
        whole, {("g", item.name): with_directive(item, Directive(kind="cache")) for item in whole.graphs[0].steps}
    ),
    "move": halves,
    "move into many": tens,
    "flatten": flatten,
}


def work(job: Callable[[Workflow], object], whole: Workflow) -> int:
    """The instructions that run, and the comparisons of names."""
    steps = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal steps
        frame.f_trace_opcodes = True  # a comprehension is one line, however often it goes round
        steps += event == "opcode"
        return trace

    Name.compared = 0
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        job(whole)
    finally:
        sys.settrace(before)
    return steps + Name.compared


@pytest.mark.parametrize("size", [40, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.parametrize("shape", [star, layers, pairs, inputs, graphs], ids=lambda shape: shape.__name__)
@pytest.mark.parametrize("job", JOBS)
def test_five_times_the_size_is_five_times_the_work(job: str, shape: Callable[[int], Workflow], size: int) -> None:
    small, large = shape(size), shape(5 * size)
    assert verify(small) == []
    JOBS[job](small)  # fills the caches of what is known about types
    assert work(JOBS[job], large) < 5.5 * work(JOBS[job], small)


def test_the_count_notices_what_is_quadratic() -> None:
    def scan(whole: Workflow) -> object:
        names = [item.name for item in whole.graphs[0].steps]
        return [name for name in names if Name(f"{name}!") in names]

    def nested(whole: Workflow) -> object:
        found = 0
        for first in whole.graphs[0].steps:
            for second in whole.graphs[0].steps:
                found += first is second
        return found

    for job in (scan, nested):
        assert work(job, layers(200)) > 15 * work(job, layers(40))
