"""Order of steps: when they run, after what, and what runs at the end of a workflow."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from enum import Enum
from itertools import pairwise
from typing import Any

from couler_plugins.authoring.checks import checked_list, checked_name
from couler_plugins.authoring.conditions import Condition, check_condition
from couler_plugins.authoring.places import said_where, shown
from couler_plugins.authoring.recording import Recorder, recorder, whole
from couler_plugins.authoring.scopes import Branch, Scope, after
from couler_plugins.authoring.values import Returned, listed
from couler_plugins.engine_kit.legalize.depends import bare_outcomes, parse_depends
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Literal, Reference, needed

Function = Callable[..., Any]


@said_where
@whole
def when(condition: Condition, function: Function) -> Any:
    """Runs what a function writes only where a condition holds.

    Two of these, one after the other, that ask about the same value run side by side.

    Args:
        condition: such as `equal(result, "heads")`.
        function: writes one step, or several.

    Returns:
        What the function returns.

    Raises:
        InvalidInput: the condition is none of a value of the run.
    """
    check_condition(condition)
    if condition.left is None:
        raise InvalidInput("the condition asks about no value", hint='ask about one: equal(result, "heads")')
    work = recorder()
    scope = work.scope
    beside = scope.tested is not None and scope.tested[0] == condition.left
    before = scope.tested[1] if beside and scope.tested is not None else scope.last
    others = scope.last if beside else ()
    scope.last, scope.tested, kept = before, None, scope.conditions
    scope.conditions = (*kept, condition)
    try:
        result = work.run(function)
    finally:
        scope.conditions = kept
    scope.last = tuple(dict.fromkeys((*others, *scope.last)))
    scope.tested = (condition.left, before)
    return result


@said_where
@whole
def concurrent(functions: Sequence[Function]) -> list[Any]:
    """Runs what each of these functions writes beside what the others write; what they return.

    What is written next waits for all of them.
    """
    work = recorder()
    scope = work.scope
    entry, results, ends = scope.waits(), [], list[str]()
    sources: list[str] = []
    for function in checked_list(functions, "functions"):
        with scope.branch(entry) as branch:
            results.append(work.run(function))
        ends += branch.sinks
        sources += branch.sources
    _joined(scope, sources, ends)
    return results


@said_where
@whole
def dag(chains: Sequence[Sequence[Function]]) -> None:
    """Runs steps in the order of a graph, given by its edges; a step that is named again is the same step.

    Args:
        chains: of functions that write steps: `[A]` is a step by itself, `[A, B]` says that B waits for A. The order of
            the chains does not count.

    Raises:
        InvalidInput: two steps of one name do not do the same.
    """
    work = recorder()
    scope = work.scope
    entry, kept, before = scope.waits(), scope.is_dag, set(scope.calls)
    branches_by_function: dict[Function, Branch] = {}
    scope.is_dag = True
    try:
        for chain in checked_list(chains, "lists of functions"):
            branches = [
                _node(work, scope, function, branches_by_function) for function in checked_list(chain, "functions")
            ]
            for first, second in pairwise(branches):
                for name in second.sources:
                    scope.need(name, after(first.sinks))
    finally:
        scope.is_dag = kept
    own = {name for branch in branches_by_function.values() for name in branch.names}
    new = {name: None for name in scope.calls if name in own and name not in before}  # what was there keeps its place
    sources = [name for name in new if not any(need.step in new for need in needed(scope.calls[name].needs))]
    for name in sources:
        scope.need(name, entry)
    _joined(scope, sources, scope.unneeded(name for name in scope.calls if name in own))


@said_where
@whole
def set_dependencies(function: Function, dependencies: Sequence[str | Returned] | str | None = None) -> Any:
    """Runs what a function writes after steps that are named, and after what it reads; what it returns.

    Args:
        function: writes one step, or several.
        dependencies: names of steps, which may be written later, or what these returned; or an expression such as
            `A && (C.Succeeded || C.Failed)`; None for no other step.

    Raises:
        InvalidInput: the expression cannot be read.
    """
    work = recorder()
    scope = work.scope
    if isinstance(dependencies, str):
        entry = parse_depends(dependencies, lambda name: bare_outcomes(()))
    else:
        items = listed(dependencies)
        names = [work.giver.take(item.reference).step if isinstance(item, Returned) else item for item in items]
        if others := [name for name in names if not isinstance(name, str)]:
            raise InvalidInput(f"{shown(others[0])} is no name of a step", hint='give names: dependencies=["A", "B"]')
        entry = after(names)
    for need in needed(entry):
        checked_name(need.step, "the name of a step", 'give names: dependencies=["A", "B"]')
    with scope.branch(entry) as branch:
        result = work.run(function)
    before = {need.step for need in needed(entry)}
    ends = [name for name in scope.last if name not in before]
    _joined(scope, branch.sources, [*ends, *branch.sinks])
    return result


def _node(work: Recorder, scope: Scope, function: Function, branches_by_function: dict[Function, Branch]) -> Branch:
    """The steps of one function in a dag."""
    if not isinstance(function, Hashable):
        raise InvalidInput(f"{shown(function)} is no function", hint="give chains of functions: [[a, b], [b, c]]")
    if function not in branches_by_function:
        before = set(scope.calls)
        with scope.branch() as branch:
            work.run(function)
        branch.names = (*(name for name in scope.calls if name not in before), *branch.sources, *branch.sinks)
        branches_by_function[function] = branch
    return branches_by_function[function]


def _joined(scope: Scope, sources: Sequence[str], ends: Sequence[str]) -> None:
    """What was written in branches is behind what was there."""
    if not scope.last:
        scope.sources += sources
    scope.last = tuple(dict.fromkeys(ends)) or scope.last
    scope.tested = None


STATUS = Reference(to="run", name="workflow", path=("status",))


class WFStatus(Enum):
    """How a workflow ended."""

    Succeeded = "Succeeded"
    Failed = "Failed"
    Error = "Error"
    Always = ""
    """However it ended: the one that every engine has."""


@said_where
@whole
def set_exit_handler(status: WFStatus, function: Callable[[], Any]) -> None:
    """Runs what a function writes at the end of the workflow, where it ended like this.

    Args:
        status: how the workflow has to have ended.
        function: writes one step, or several.

    Raises:
        InvalidInput: there is no such end.
    """
    if not isinstance(status, WFStatus):
        hint = f"one of {', '.join(str(item) for item in WFStatus)}"
        raise InvalidInput(f"{shown(status)} is not a final status of a workflow", hint=hint)
    work = recorder()
    if work.scope is not work.main or work.scope.conditions:
        message = "an exit handler belongs to the whole workflow, and this one is inside of a loop or a condition"
        raise InvalidInput(message, hint="set it outside of them, and test the condition inside of the handler")
    scope = Scope(conditions=(Condition("==", Literal(value=status.value), STATUS),) if status.value else ())
    with work.inside(scope):
        work.run(function)
    work.handlers.append((status.value, scope))
