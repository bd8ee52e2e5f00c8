"""What steps, graphs and operations are beside what changes no result: by that, edited ones are told from others."""

from __future__ import annotations

from couler_plugins.ir import Call, Graph, Operation, Step, replace


def bare_graph(graph: Graph) -> Graph:
    """A graph without its steps and what changes no result."""
    bare = replace(graph, name="", steps=(), stages=None, finalizers=(), regions=(), retry=None, timeout=None)
    return replace(bare, metrics=None, locks=None, memoized=None, fail_fast=None, parallelism=None, inline=False)


def bare_step(step: Step) -> Step:
    """A call site without its place in the graph and what changes no result."""
    call = Call(name="") if isinstance(step.call, Call) else step.call
    bare = replace(step, call=call, needs=None, tolerates=(), retry=None, timeout=None, handlers=())
    return replace(bare, directives=())


def program_of(operation: Operation) -> Operation:
    """What an operation runs."""
    containers = tuple(replace(item, requests=(), limits=()) for item in operation.containers)
    bare = replace(operation, name="", containers=containers, retry=None, timeout=None, memoized=None)
    return replace(bare, locks=None, metrics=None, directives=(), inline=False)
