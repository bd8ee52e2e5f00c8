"""What steps, graphs and operations are beside what changes no result: by that, edited ones are told from others."""

from __future__ import annotations

from collections.abc import Mapping

from couler_plugins.hookspecs.resuming import Ended, PastRun
from couler_plugins.ir import Call, Graph, Operation, Step, callees_of, references, replace


def bare_graph(graph: Graph) -> Graph:
    """A graph without its steps and what changes no result."""
    bare = replace(graph, name="", steps=(), stages=None, finalizers=(), regions=(), retry=None, timeout=None)
    return replace(bare, metrics=None, locks=None, memoized=None, fail_fast=None, parallelism=None, inline=False)


def bare_step(step: Step) -> Step:
    """A call site without its place in the graph and what changes no result."""
    call = Call(name="") if isinstance(step.call, Call) else step.call
    bare = replace(step, call=call, needs=None, tolerates=(), retry=None, timeout=None, directives=())
    return replace(bare, handlers=tuple(replace(item, step=bare_step(item.step)) for item in step.handlers))


def program_of(operation: Operation) -> Operation:
    """What an operation runs."""
    containers = tuple(replace(item, requests=(), limits=()) for item in operation.containers)
    bare = replace(operation, name="", containers=containers, retry=None, timeout=None, memoized=None)
    return replace(bare, locks=None, metrics=None, directives=(), inline=False)


def unfinished(step: Step, ended: Ended, past: PastRun) -> str:
    """Why a step that succeeded is not done; a handler's condition that nobody looked at may have held."""
    due = {one.step.name or one.event for one in step.handlers if one.condition is None or past.was_stopped}
    return ended.again or ("" if ended.handlers is None or due <= ended.handlers else "its hook has not run")


def run_variables(
    step: Step, callables: Mapping[str, Graph | Operation], past: PastRun, *, outputs: bool = True
) -> set[str]:
    """The variables of the run that a step and what it calls mention, in their `outputs`, too, or only beside these."""
    if not past.of_run:
        return set()
    every = [past.plain(part) for part in callees_of([step], callables).values()]
    bare = every if outputs else [replace(part, outputs=()) for part in every]
    read = (one for part in (past.plain(step), *bare) for one in references(part) if one.to == "run")
    return {".".join((one.name, *one.path[:1])) for one in read} & past.of_run
