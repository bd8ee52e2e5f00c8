"""How often steps run: `map` for each item, `exec_while` for as long as a condition holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from inspect import Parameter, signature
from typing import Any

from couler_plugins.authoring.checks import checked_json
from couler_plugins.authoring.conditions import Condition, check_condition
from couler_plugins.authoring.places import place, said_where, shown
from couler_plugins.authoring.recording import Recorder, recorder, whole
from couler_plugins.authoring.scopes import Call, Scope
from couler_plugins.authoring.values import Returned, RunValue, as_value, checked_as_text
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Axis, Literal, Loop, Native, Reference, replace

Function = Callable[..., Any]
NAMED = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


@said_where
@whole
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

    def item(key: str = "") -> RunValue:
        return RunValue(work.giver.give(Reference(to="item", step=mark, name=key)))

    items, loop = _loop(item, lists, function)
    body = Scope()
    with work.inside(body):
        result = work.run(function, *items)
    (first, *others) = body.calls.values()
    if not others and first.loop is None and not first.conditions:
        work.release(first.name)
        first.loop, first.loop_id, first.needs = loop, mark, None
        return _renamed(work, result, first.name, work.add(first).name)
    return _given(work, Call(first.template, place(), first.is_named, body=body, loop=loop, loop_id=mark), result)


@said_where
@whole
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
    check_condition(condition)
    work = recorder()
    body = Scope()
    with work.inside(body):
        result = work.run(function)
    if condition.left is None and not isinstance(result, RunValue):
        raise InvalidInput(
            "the function of exec_while returns no result of a step", hint="return the result of run_script"
        )
    (first, *_) = body.calls.values()
    again = condition.of(result) if condition.left is None else condition
    return _given(work, Call(first.template, place(), first.is_named, body=body, again=again), result)


def _loop(item: Callable[..., RunValue], lists: Sequence[Any], function: Function) -> tuple[list[RunValue], Loop]:
    """What stands for an item of each list (`item` makes it, by key), and the loop over all of them."""
    if len(lists) == 1 and isinstance(lists[0], RunValue):
        axis = Axis(name="item", values=checked_as_text(lists[0].reference, "what map goes over"))
        return [item()], Loop(axes=(axis,))
    columns = [_column(column) for column in lists]
    if not columns or not columns[0] or len({len(column) for column in columns}) > 1:
        raise InvalidInput(
            "map needs lists of the same length, and none may be empty", hint="map(f, [1, 2], ['a', 'b'])"
        )
    for each in (each for column in columns for each in column):
        if isinstance(each, RunValue) or not isinstance(each, (str, int, float, bool)):
            hint = "give texts and numbers; pass a list that is only known at run time alone"
            raise InvalidInput(f"map goes over {shown(each)}, a {type(each).__name__}", hint=hint)
        if isinstance(each, str) and not isinstance(as_value(each, "an item"), Literal):
            hint = "give a list that is only known at run time by itself: map(f, result); others hold constants"
            raise InvalidInput("map goes over a text that holds a value of the run", hint=hint)
        if not isinstance(each, str):
            checked_json(each, "the list", "give numbers beyond that as texts")
    if len(columns) == 1:
        return [item()], Loop(axes=(_axis(columns[0]),))
    keys = _keys(function, len(columns))
    rows = [dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)]
    return [item(key) for key in keys], Loop(axes=(_axis(rows),))


def _column(values: Any) -> list[Any]:
    """The items of one list: in an order, so that the workflow is the same whenever it is written."""
    if not isinstance(values, Iterable) or isinstance(values, (str, bytes, Mapping, Set)):
        hint = "give one: map(f, [1, 2]); what a step returns is given as it is, not in a text"
        raise InvalidInput(f"map goes over a {type(values).__name__}, which is no list", hint=hint)
    return list(values)


def _keys(function: Function, count: int) -> list[str]:
    """What the values of an item are called: as the function calls them, where it names as many."""
    try:
        names = [name for name, item in signature(function).parameters.items() if item.kind in NAMED]
    except (TypeError, ValueError):
        names = []
    return names if len(names) == count else [f"value-{number}" for number in range(1, count + 1)]


def _axis(items: list[Any]) -> Axis:
    """What is gone over. Engines write 1.0 and 1e-7 each in its own way: as texts, they are the same everywhere."""
    rows = [{key: _item(value) for key, value in row.items()} if isinstance(row, dict) else _item(row) for row in items]
    return Axis(name="item", values=Native(parts=(json.dumps(rows, ensure_ascii=False, separators=(",", ":")),)))


def _item(value: Any) -> Any:
    return str(value) if isinstance(value, float) else value


def _renamed(work: Recorder, result: Any, old: str, new: str) -> Any:
    """What a function returned of a step that has another name now."""
    if not isinstance(result, Returned) or result.step != old:
        return result
    work.giver.take(result.reference)
    return result.of_step(new)


def _given(work: Recorder, call: Call, result: Any) -> Any:
    """Writes a step that runs a whole scope; what it gives: the outputs of what the function returned."""
    assert call.body is not None
    if call.template in call.body.calls:  # the user's name is that of the whole
        inner = work.step_name(f"{call.template}-once")
        call.body.rename(call.template, inner)
        work.release(call.template)
        result = _renamed(work, result, call.template, inner)
        if call.again is not None:
            call.again = call.again.refer(
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
            work.giver.give(
                Reference(
                    to="output", step=name, name=key, kind="artifact" if value.kind == "artifact" else "parameter"
                )
            )
        )
        for key, value in call.gives.items()
    }
    if not references:
        return result
    printed = references.pop("result")
    return Returned(name, references, printed)
