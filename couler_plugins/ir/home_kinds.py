"""Homes of settings that several engines have: the main container of an operation, and a place in its native fields."""

from __future__ import annotations

from collections.abc import Callable as Function
from typing import Any, NamedTuple

from couler_plugins.ir.homes import Home
from couler_plugins.ir.ports import Container, EnvVar
from couler_plugins.ir.settings import PAIRS, Pairs
from couler_plugins.ir.values import Native, Value, replace
from couler_plugins.ir.workflow import Operation


class NativeForm(NamedTuple):
    """How an adapter reads and writes its engine's own structures.

    Attributes:
        load, dump: from a structure to its data, and back.
        value, spell: from a piece of data to a value, and back.
    """

    load: Function[[Native], Any]
    dump: Function[[Any], Native]
    value: Function[[Any], Value]
    spell: Function[[Value], Any]


def container_home(setting: str, native: str, note: str = "") -> Home:
    """Return the home of `requests`, `limits` or `env` in the first main container of an operation."""

    def get(operation: Operation) -> Pairs:
        held = getattr(_main(operation), setting, ())
        return tuple((item.name, item.value) if isinstance(item, EnvVar) else item for item in held)

    def put(operation: Operation, pairs: Pairs) -> Operation:
        content: Any = tuple(sorted(pairs))
        if setting == "env":
            content = tuple(EnvVar(name=name, value=value) for name, value in pairs)
        main = _main(operation)
        changed = [replace(item, **{setting: content}) if item is main else item for item in operation.containers]
        return replace(operation, containers=tuple(changed))

    def refuse(operation: Operation | None) -> str:
        return "" if operation is not None and _main(operation) is not None else "it has no container of its own"

    return Home(at="operation", native=native, note=note, get=get, put=put, refuse=refuse)


def _main(operation: Operation) -> Container | None:
    return next((container for container in operation.containers if container.role == "main"), None)


def native_home(
    setting: str,
    path: tuple[str, ...],
    form: NativeForm,
    note: str = "",
    refuse: Function[[Operation], str] = lambda operation: "",
) -> Home:
    """Return the home of a setting under a path of an operation's native fields.

    Args:
        setting: its name.
        path: the keys that lead to it.
        form: how the adapter reads and writes such fields.
        note: what limits it.
        refuse: says why an operation cannot have it; empty where it can.
    """

    def load(operation: Operation) -> Any:
        return form.load(operation.native_extra) if operation.native_extra is not None else {}

    def get(operation: Operation) -> Any:
        content = load(operation)
        for key in path:
            content = content.get(key) if isinstance(content, dict) else None
        if setting not in PAIRS:
            return None if content is None else form.value(content)
        return tuple((name, form.value(item)) for name, item in content.items()) if isinstance(content, dict) else ()

    def put(operation: Operation, value: Any) -> Operation:
        if setting in PAIRS:
            value = {name: form.spell(item) for name, item in value}
        elif value is not None:
            value = form.spell(value)
        data = _with(load(operation), path, value)
        return replace(operation, native_extra=form.dump(data) if data else None)

    def objection(operation: Operation | None) -> str:
        if operation is None:
            return "what it calls is in another workflow"
        content = load(operation)
        for key in path if setting in PAIRS else path[:-1]:
            content = content.get(key) or {}
            if not isinstance(content, dict):
                return f"{key} is no mapping there"
        return refuse(operation)

    return Home(at="operation", native=".".join(path), note=note, get=get, put=put, refuse=objection)


def _with(data: dict[str, Any], path: tuple[str, ...], content: Any) -> dict[str, Any]:
    """`data` with other content under a path; mappings that it leaves empty go."""
    key, *inner = path
    if inner:
        content = _with(data.get(key) or {}, tuple(inner), content)
    others = {name: item for name, item in data.items() if name != key}
    return {**others, key: content} if content not in (None, {}) else others
