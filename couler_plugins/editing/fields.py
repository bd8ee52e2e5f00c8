"""Fields of steps: what a form shows, and what a change of it does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from couler_plugins.caching.declarations import CACHE
from couler_plugins.driver.rewrite import Session
from couler_plugins.editing.actions import Scalar, SetField
from couler_plugins.editing.native import native_condition, native_loop
from couler_plugins.editing.reads import behind_reads
from couler_plugins.editing.scope import Scope
from couler_plugins.engine_kit.durations import as_seconds
from couler_plugins.errors import InvalidInput, Unsupported, closest
from couler_plugins.generation.form import Comparison
from couler_plugins.generation.types import text_of
from couler_plugins.ir import (
    Argument,
    Axis,
    Container,
    EnvVar,
    Literal,
    Loop,
    Native,
    Operation,
    Reference,
    Retry,
    SettableStep,
    Step,
    Value,
    Workflow,
    references,
    replace,
    replace_callables,
    replace_steps,
)
from couler_plugins.ir.homes import change_steps
from couler_plugins.ir.quantities import QUANTITY
from couler_plugins.ir.settings import with_settings
from couler_plugins.ir.walk import CallSite

OF_CONTAINER = ("image", "command", "args", "script", "env")
"""The fields that are those of a container of what a step runs: all steps that run the same share them."""
NAME = re.compile(r"[A-Za-z0-9._/-]+")
"""Names of variables and of resources that every engine takes."""


def set_field(scope: Scope, action: SetField, session: Session) -> Workflow:
    """Give a field of a step another value.

    Raises:
        InvalidInput: the value is not of the field's kind, or the step has no such container.
        Unsupported: the engine cannot have it.
    """
    step = scope.step(action.step)
    if action.field in OF_CONTAINER:
        return _set_container(scope, step, action)
    if action.field in ("when", "over"):
        new = behind_reads(scope, step, _placed(scope, step, action, session), session)
        return replace_steps(scope.workflow, {(scope.graph.name, step.name): new})
    return _set_setting(scope, step, action)


# The fields of containers.


def _set_container(scope: Scope, step: Step, action: SetField) -> Workflow:
    operation = scope.operation(step)
    mains = [item for item in operation.containers if item.role == "main"]
    wanted = [item for item in operation.containers if item.name == action.container] if action.container else mains
    if not wanted:
        names = [item.name for item in operation.containers if item.name]
        what = f"{step.name!r} has no container {action.container or 'main'!r}"
        raise InvalidInput(what, hint=closest(action.container, names) or "choose one of its containers")
    old = wanted[0]
    if action.field == "script" and old.script is None and (old.command or old.args):
        what = f"{step.name!r} runs a command, which would not run the script"
        raise InvalidInput(what, hint="remove its command and arguments first")
    new = replace(old, **{action.field: WRITERS[action.field](old, action.value)})
    containers = tuple(new if item is old else item for item in operation.containers)
    return replace_callables(scope.workflow, {operation.name: replace(operation, containers=containers)})


def _text(old: Container, value: Any) -> Value | None:
    if value is not None and not isinstance(value, str):
        raise InvalidInput("this field takes a text", hint="write one")
    return Literal(value=value) if value is not None else None


def _texts(field: str) -> Callable[[Container, Any], tuple[Value, ...]]:
    def write(old: Container, value: Any) -> tuple[Value, ...]:
        if not isinstance(value, list | None):
            raise InvalidInput("this field takes a list of texts", hint="write one text a line")
        before = {_seen(item): item for item in getattr(old, field)}
        return tuple(before.get(text, Literal(value=text)) for text in map(str, value or ()))

    return write


def _variables(old: Container, value: Any) -> tuple[EnvVar, ...]:
    """The variables: those that come from elsewhere stay, and so does the order."""
    wanted = dict(_pairs(value))
    before = {item.name: item for item in old.env}
    kept = [item for item in old.env if item.name in wanted or not isinstance(item.value, Literal)]
    written = {name: EnvVar(name=name, value=Literal(value=text)) for name, text in wanted.items()}
    _check_names(wanted.keys() - before.keys())
    same = {name for name in wanted if name in before and _seen(before[name].value) == wanted[name]}
    return (
        *(item if item.name in same or item.name not in wanted else written[item.name] for item in kept),
        *(item for name, item in written.items() if name not in before),
    )


def _pairs(value: Any) -> list[tuple[str, str]]:
    if not isinstance(value, Mapping | None):
        raise InvalidInput("this field takes names with values", hint="write both")
    return [(str(name), str(text)) for name, text in (value or {}).items()]


def _check_names(names: Iterable[str]) -> None:
    for name in names:
        if not NAME.fullmatch(name):
            raise InvalidInput(f"{name!r:.60} is no name", hint="write letters, digits, hyphens, dots and underscores")


def _seen(value: Value | None) -> str | None:
    return str(value.value) if isinstance(value, Literal) else None


WRITERS: dict[str, Callable[[Container, Any], Any]] = {
    "image": _text,
    "command": _texts("command"),
    "args": _texts("args"),
    "script": _text,
    "env": _variables,
}

# Where and how often a step runs.


def _placed(scope: Scope, step: Step, action: SetField, session: Session) -> Step:
    if action.field == "when":
        return replace(step, condition=None if action.value is None else _condition(scope, action.value, session))
    if action.value is None:
        readers = [item.name for item in step.arguments if any(one.to == "item" for one in references(item))]
        if step.loop is not None and readers:
            hint = "pass something else to it first"
            raise InvalidInput(f"{', '.join(readers)} takes the item of {step.name!r}", hint=hint)
        return replace(step, loop=None)
    ports = scope.ports(step) or {}
    loop, native = _loop(scope, action.value), native_loop(scope.workflow.engine, session)
    if any(reference.to == "item" for reference in references(step)) or (len(ports) != 1 and not native.by_input):
        old = step.loop
        axis = old.axes[0].name if old is not None and len(old.axes) == 1 else loop.axes[0].name
        return replace(step, loop=replace(loop, combine=native.combine, axes=(replace(loop.axes[0], name=axis),)))
    if len(ports) != 1:
        hint = "write the loop in the file"
        what = f"{step.name!r} takes {len(ports)} inputs: it is not clear which of them takes the item"
        raise Unsupported(what, feature="Step.loop", hint=hint)
    ((name, kind),) = ports.items()
    axis = name if native.by_input else loop.axes[0].name
    item = Reference(to="item", name=name if native.by_name else "")
    return replace(
        step,
        loop=replace(loop, combine=native.combine, axes=(replace(loop.axes[0], name=axis),)),
        arguments=(Argument(name=name, value=item, kind=kind),),
    )


def _condition(scope: Scope, value: Any, session: Session) -> Value:
    try:
        wanted = msgspec.convert(value, Comparison)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"this is no comparison: {error}", hint="give left, op and right") from None
    if wanted.op not in ("==", "!="):
        hint = "compare by == or !=, or let a step of its own compare the numbers"
        raise Unsupported(
            f"{wanted.op} compares numbers, which not every engine does", feature="Step.condition", hint=hint
        )
    right = text_of(wanted.right)
    if "{{" in right or "}}" in right:
        raise InvalidInput(f"{right!r:.60} holds what engines take for a placeholder", hint="write it without braces")
    return native_condition(scope.reference(wanted.left), wanted.op, right, scope.workflow.engine, session)


def _loop(scope: Scope, value: Any) -> Loop:
    if isinstance(value, str):
        return Loop(axes=(Axis(name="item", values=scope.reference(value)),))
    if isinstance(value, list) and value:
        return Loop(axes=(Axis(name="item", values=Native.of(value)),))
    raise InvalidInput("a loop takes a list of constants, or a reference", hint="write at least one item")


# Settings that each engine keeps in its own place.


def _set_setting(scope: Scope, step: Step, action: SetField) -> Workflow:
    value, field = action.value, action.field
    shared = _kept_by_operation(scope, step, "annotations" if field == "cache" else field)

    def changed(seen: SettableStep) -> SettableStep:
        if seen.call != step.call or not (shared or (seen.name == step.name and seen.graph == scope.graph.name)):
            return seen
        if field in ("requests", "limits"):
            return replace(seen, **{field: tuple(_amounts(dict(getattr(seen, field)), value))})
        if field == "cache":
            others = tuple(pair for pair in seen.annotations if pair[0] != CACHE)
            bare = replace(seen, annotations=others)
            return bare if value is None else with_settings(seen, annotations={CACHE: _word(value)})
        if value is None:
            return replace(seen, **{field: None})
        if field == "retry":
            return replace(seen, retry=replace(seen.retry or Retry(), limit=Literal(value=_number(value))))
        return with_settings(seen, timeout=_seconds(value))

    new, outcomes = change_steps(scope.workflow, scope.plan.homes, changed)
    for outcome in outcomes:
        if "reason" in outcome:
            raise Unsupported(outcome["reason"], engine=scope.workflow.engine, step=step.name, feature=f"Step.{field}")
    return new


def _kept_by_operation(scope: Scope, step: Step, setting: str) -> bool:
    """Whether the engine keeps a setting in what a step runs, so that all steps that run it share it.

    Raises:
        Unsupported: only the calls of something say it, and this is none of them.
    """
    callee = scope.callee(step)
    if scope.plan.homes is None or not isinstance(callee, Operation):
        return False
    site = CallSite(scope.graph if scope.graph.name else None, step)
    at = scope.plan.homes[setting].of(scope.workflow, site, callee).at
    if at == "step" and scope.is_no_call(step):
        what = f"each call of {step.name!r} has its own {setting}"
        raise Unsupported(what, feature=f"Step.{setting}", hint="set it on the steps that call it")
    return at == "operation"


def _amounts(before: Mapping[str, Value], value: Any) -> Iterator[tuple[str, Value]]:
    """Amounts of resources: those that are the same stay as they are written."""
    _check_names({name for name, _ in _pairs(value)} - before.keys())
    for name, text in _pairs(value):
        if name in before and _seen(before[name]) == text:
            yield name, before[name]
        elif QUANTITY.fullmatch(text) or "{{" in text:
            yield name, Literal(value=text)
        else:
            raise InvalidInput(f"{text!r} is no amount of {name}", hint="write a number, or a text such as 500m, 2Gi")


def _word(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidInput("a cache declaration is a word", hint="write pure, never, or ttl=24h")
    return value


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidInput(f"{value!r} is no number of attempts", hint="write a whole number from 0")
    return value


def _seconds(value: Any) -> Scalar:
    text = f"{value}s" if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(text, str) or (as_seconds(text) is None and "{{" not in text and "$(" not in text):
        raise InvalidInput(f"{value!r:.60} is no time", hint="write seconds, or a time as the engine has it (5m)")
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
