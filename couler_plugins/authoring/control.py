"""When steps run, how often, and after what: `when`, `map`, `concurrent`, `exec_while`, `dag`, `set_dependencies`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from inspect import Parameter, signature
from itertools import pairwise
from typing import Any

from couler_plugins.authoring.conditions import Condition
from couler_plugins.authoring.context import recorder
from couler_plugins.authoring.recording import Branch, Call, Recorder, Scope, after, place
from couler_plugins.authoring.values import Returned, RunValue, listed
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Axis, Loop, Native, Reference, needed, replace
from couler_plugins.portable.depends import bare_outcomes, parse_depends

__all__ = ["concurrent", "dag", "exec_while", "map", "set_dependencies", "when"]

Function = Callable[..., Any]
NAMED = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


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
    _check(condition)
    if condition.left is None:
        raise _wrong("the condition asks about no value", 'ask about one: equal(result, "heads")')
    work = recorder()
    scope = work.scope
    beside = scope.tested is not None and scope.tested[0] == condition.left
    before = scope.tested[1] if beside and scope.tested is not None else scope.last
    others = scope.last if beside else ()
    scope.last, kept = before, scope.conditions
    scope.conditions = (*kept, condition)
    try:
        result = work.run(function)
    finally:
        scope.conditions = kept
    scope.last = tuple(dict.fromkeys((*others, *scope.last)))
    scope.tested = (condition.left, before)
    return result


def concurrent(functions: Sequence[Function]) -> list[Any]:
    """Runs what each of these functions writes beside what the others write; what they return.

    What is written next waits for all of them.
    """
    work = recorder()
    scope = work.scope
    entry, results, ends = scope.waits(), [], list[str]()
    sources: list[str] = []
    for function in _functions(functions):
        with scope.branch(entry) as branch:
            results.append(work.run(function))
        ends += branch.sinks
        sources += branch.sources
    _joined(scope, sources, ends)
    return results


def map(function: Function, *lists: Any) -> Any:  # noqa: A001  # the paper's name for it
    """Runs what a function writes once for each item, side by side.

    Args:
        function: is called once, with what stands for an item of each list.
        lists: as long as each other, of texts and numbers; or one value of the run that is a list in JSON.

    Returns:
        What the function returns: each output is the list of what all of its runs gave.

    Raises:
        InvalidInput: there is no list, the lists are not as long as each other, or the function writes no step.
    """
    work = recorder()
    mark = work.loop_id()
    items, loop = _loop(mark, lists, function)
    body = Scope()
    with work.inside(body):
        result = work.run(function, *items)
    if not body.calls:
        raise _wrong("map was given a function that writes no step", "let it call run_container, or its like")
    (first, *others) = body.calls.values()
    if not others and first.loop is None and not first.conditions:
        work.release(first.name)
        first.loop, first.loop_id, first.needs = loop, mark, None
        return _renamed(result, first.name, work.add(first).name)
    call = Call(first.template, place(), first.is_named, body=body, loop=loop, loop_id=mark)
    return _given(work, call, result)


def exec_while(condition: Condition, function: Function) -> Any:
    """Runs what a function writes, and again while a condition holds of what it returned (do, then ask).

    Args:
        condition: such as `equal("tails")`, which asks about what the function returns.
        function: writes one step, or several, and returns what one of them gave.

    Returns:
        What the function returned in its last run.

    Raises:
        InvalidInput: the function returns nothing to ask about.
    """
    _check(condition)
    work = recorder()
    body = Scope()
    with work.inside(body):
        result = work.run(function)
    if not body.calls or (condition.left is None and not isinstance(result, RunValue)):
        raise _wrong("exec_while was given a function that returns nothing of a step", "return what run_script gives")
    (first, *_) = body.calls.values()
    again = condition.of(result) if condition.left is None else condition
    call = Call(first.template, place(), first.is_named, body=body, again=again)
    return _given(work, call, result)


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
    entry, kept = scope.waits(), scope.is_dag
    known: dict[Function, Branch] = {}
    scope.is_dag = True
    try:
        for chain in chains:
            branches = [_node(work, scope, function, known) for function in _functions(chain)]
            for before, behind in pairwise(branches):
                for name in behind.sources:
                    scope.need(name, after(before.sinks))
    finally:
        scope.is_dag = kept
    own = {name for branch in known.values() for name in branch.names}
    sources = [name for name in scope.calls if name in own and not _waits_within(scope.calls[name], own)]
    for name in sources:
        scope.need(name, entry)
    _joined(scope, sources, scope.unneeded(name for name in scope.calls if name in own))


def set_dependencies(function: Function, dependencies: Sequence[str] | str | None = None) -> Any:
    """Runs what a function writes after steps that are named, and after what it reads; what it returns.

    Args:
        function: writes one step, or several.
        dependencies: names of steps, which may be written later, or an expression such as
            `A && (C.Succeeded || C.Failed)`; None for no other step.

    Raises:
        InvalidInput: the expression cannot be read.
    """
    work = recorder()
    scope = work.scope
    if isinstance(dependencies, str):
        entry = parse_depends(dependencies, lambda name: bare_outcomes(()))
    else:
        names = [item.step if isinstance(item, Returned) else item for item in listed(dependencies)]
        if wrong := [name for name in names if not isinstance(name, str)]:
            raise _wrong(f"{wrong[0]!r} is no name of a step", 'give names: dependencies=["A", "B"]')
        entry = after(names)
    with scope.branch(entry) as branch:
        result = work.run(function)
    before = {need.step for need in needed(entry)}
    ends = [name for name in scope.last if name not in before]
    _joined(scope, branch.sources, [*ends, *branch.sinks])
    return result


def _node(work: Recorder, scope: Scope, function: Function, known: dict[Function, Branch]) -> Branch:
    """The steps of one function in a dag."""
    if function not in known:
        before = set(scope.calls)
        with scope.branch() as branch:
            work.run(function)
        branch.names = (*(name for name in scope.calls if name not in before), *branch.sources, *branch.sinks)
        if not branch.names:
            raise _wrong("a function of the dag writes no step", "let it call run_container, or its like")
        known[function] = branch
    return known[function]


def _waits_within(call: Call, names: set[str]) -> bool:
    return any(need.step in names for need in needed(call.needs))


def _joined(scope: Scope, sources: Sequence[str], ends: Sequence[str]) -> None:
    """What was written in branches is behind what was there."""
    if not scope.last:
        scope.sources += sources
    scope.last = tuple(dict.fromkeys(ends)) or scope.last
    scope.tested = None


def _functions(functions: Any) -> Sequence[Function]:
    if isinstance(functions, Sequence) and not isinstance(functions, str) and functions:
        return functions
    raise _wrong(f"{functions!r} is no list of functions", "give one: [lambda: job('A'), lambda: job('B')]")


def _loop(mark: str, lists: Sequence[Any], function: Function) -> tuple[list[RunValue], Loop]:
    """What stands for an item of each list, and the loop over all of them."""
    if len(lists) == 1 and isinstance(lists[0], RunValue):
        axis = Axis(name="item", values=lists[0].reference)
        return [RunValue(Reference(to="item", step=mark))], Loop(axes=(axis,))
    columns = [list(column) for column in lists]
    if not columns or not columns[0] or len({len(column) for column in columns}) > 1:
        raise _wrong("map needs lists that are as long as each other, and not empty", "map(f, [1, 2], ['a', 'b'])")
    for item in (item for column in columns for item in column):
        if isinstance(item, RunValue) or not isinstance(item, (str, int, float, bool)):
            hint = "give texts and numbers; a list that only the run knows is given by itself"
            raise _wrong(f"map goes over {item!r}, a {type(item).__name__}", hint)
    if len(columns) == 1:
        return [RunValue(Reference(to="item", step=mark))], Loop(axes=(_axis(columns[0]),))
    keys = _keys(function, len(columns))
    rows = [dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)]
    return [RunValue(Reference(to="item", step=mark, name=key)) for key in keys], Loop(axes=(_axis(rows),))


def _keys(function: Function, count: int) -> list[str]:
    """What the values of an item are called: as the function calls them, where it names as many."""
    try:
        names = [name for name, item in signature(function).parameters.items() if item.kind in NAMED]
    except (TypeError, ValueError):
        names = []
    return names if len(names) == count else [f"value-{number}" for number in range(1, count + 1)]


def _axis(items: list[Any]) -> Axis:
    return Axis(name="item", values=Native(parts=(json.dumps(items, ensure_ascii=False, separators=(",", ":")),)))


def _renamed(result: Any, old: str, new: str) -> Any:
    """What a function returned of a step that has another name now."""
    return result.of_step(new) if isinstance(result, Returned) and result.step == old else result


def _given(work: Recorder, call: Call, result: Any) -> Any:
    """Writes a step that runs a whole scope; what it gives: the outputs of what the function returned."""
    assert call.body is not None
    if call.template in call.body.calls:  # the user's name is that of the whole
        inner = work.step_name(f"{call.template}-once")
        call.body.rename(call.template, inner)
        work.release(call.template)
        result = _renamed(result, call.template, inner)
        call.again = call.again and call.again.refer(
            lambda item: replace(item, step=inner) if item.step == call.template else item
        )
    inside = set(call.body.calls)
    values = {"result": result} if isinstance(result, RunValue) else {}
    if isinstance(result, Returned):
        values = {"result": result.printed, **{value.reference.name: value for value in result}}
    call.gives = {name: value.reference for name, value in values.items() if value.reference.step in inside}
    name = work.add(call).name
    references = {
        key: RunValue(
            Reference(to="output", step=name, name=key, kind=value.kind if value.kind == "artifact" else "parameter")
        )
        for key, value in call.gives.items()
    }
    if not references:
        return result
    printed = references.pop("result")
    return Returned(name, references, printed)


def _check(condition: object) -> None:
    if not isinstance(condition, Condition):
        raise _wrong(
            f"{condition!r} is no condition", 'compare: equal(result, "heads"), or equal("heads") in exec_while'
        )


def _wrong(message: str, hint: str) -> InvalidInput:
    where = place()
    return InvalidInput(message, file=where.file, line=where.line, hint=hint)
