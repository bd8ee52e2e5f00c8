"""What expressions stand for, as far as that is told without evaluating them."""

from __future__ import annotations

import ast
import builtins
import enum
import inspect
import os.path
import types
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from couler_plugins.caching.code.effects.source import Source
from couler_plugins.caching.code.modules import is_library_code, module_of

ATOMS = (str, int, float, bool, bytes, type(None))
NAMED = (types.FunctionType, types.BuiltinFunctionType, type)
PATHS = ("with_name", "with_suffix", "joinpath", "resolve", "absolute", "as_posix")
COMPUTING: tuple[Any, ...] = (Path, PurePath, str, os.path.join, os.path.dirname, os.path.abspath, os.path.realpath)
"""What may be called to see which path an expression names."""


class Marks(enum.Enum):
    """What is known of something without a value."""

    FRESH = "fresh"
    """Nobody else has it."""

    OWN = "own"
    """It is the engine's, or a part of a workflow."""

    UNKNOWN = "unknown"

    USERS = "users"
    """It is one of several functions or objects of users."""


MINE = (Marks.FRESH, Marks.OWN)


class Known(NamedTuple):
    """Something that there is."""

    value: Any


class Made(NamedTuple):
    """A new object of a class."""

    cls: type


class Code(NamedTuple):
    """A function that is defined in code that is followed."""

    node: Any
    scope: Scope


Abstract = Known | Made | Code | Marks


class Scope:
    """The names that code sees.

    Args:
        source: the module that it is in.
        values: the globals of the module, as they are now.
        names: what its own names stand for; None for the code of a module.
        outer: the scope around it.
    """

    def __init__(
        self,
        source: Source,
        values: Mapping[str, Any],
        names: dict[str, Abstract] | None = None,
        outer: Scope | None = None,
    ) -> None:
        self.source, self.values, self.outer = source, values, outer
        self._is_module = names is None
        self.names: dict[str, Abstract] = names or {}

    def find(self, name: str, to_abstract: Callable[[Any], Abstract]) -> Abstract:
        """Return what a name stands for."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.outer
        if name in self.source.displays:
            return Marks.FRESH
        if name in self.values:
            return to_abstract(self.values[name])
        return Known(getattr(builtins, name)) if hasattr(builtins, name) else Marks.UNKNOWN

    def bind(self, name: str, value: Abstract) -> None:
        """Say what a name stands for from here on; the value of a module's name that it binds once is known."""
        if not self._is_module or name not in self.values or name in self.source.again:
            self.names[name] = value


def member_of(owner: Abstract, name: str) -> Any:
    """Return an attribute as it is kept, without running code of anybody.

    Raises:
        AttributeError: there is none, or nobody can tell.
    """
    if isinstance(owner, Made):
        return inspect.getattr_static(owner.cls, name)
    if isinstance(owner, Known):
        value = owner.value
        if isinstance(value, types.ModuleType):
            try:
                return vars(value)[name]
            except KeyError:
                raise AttributeError(name) from None
        return inspect.getattr_static(value, name)
    raise AttributeError(name)


def functions_of(value: Any) -> list[types.FunctionType]:
    """Return the functions of users that run when something is called: of a class, those that make an object."""
    functions: list[types.FunctionType] = []
    waiting, seen = [value], set[int]()
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, types.FunctionType):
            generated = item.__code__.co_filename.startswith("<")  # of dataclasses and attrs
            if not generated and not is_library_code(item.__code__):
                functions.append(item)
            waiting.append(vars(item).get("__wrapped__"))
            registry = vars(item).get("registry")
            waiting += registry.values() if isinstance(registry, types.MappingProxyType) else ()
        elif isinstance(item, (staticmethod, classmethod, types.MethodType)):
            waiting.append(item.__func__)
        elif isinstance(item, type):
            waiting += [_in_class(item, name) for name in ("__new__", "__init__", "__post_init__", "model_post_init")]
            waiting.append(_in_class(type(item), "__call__"))
        elif module_of(type(item)) == "functools":
            waiting += [getattr(item, "__wrapped__", None), getattr(item, "func", None)]
        elif item is not None:
            waiting.append(_in_class(type(item), "__call__"))
    return functions


def computed(receiver: Abstract | None, called: Abstract, name: str, arguments: list[Abstract]) -> Abstract | None:
    """Return the path or text that a call makes of known ones; None where it is another call."""
    values = [item.value for item in arguments if isinstance(item, Known) and isinstance(item.value, (str, PurePath))]
    result: Any = called.value if isinstance(called, Known) else None
    if isinstance(receiver, Known) and isinstance(receiver.value, PurePath) and name in PATHS:
        result = getattr(receiver.value, name)
    elif not values or not any(result is one for one in COMPUTING):
        return None
    try:
        return Known(result(*values)) if len(values) == len(arguments) else None
    except (TypeError, ValueError, OSError):
        return None


def operated(node: ast.BinOp, left: Abstract, right: Abstract) -> Abstract:
    """Return what an operator makes of two things: a path or a text of known ones."""
    if Marks.OWN in (left, right):
        return Marks.OWN
    if isinstance(left, Known) and isinstance(right, Known):
        first, second = left.value, right.value
        if isinstance(node.op, ast.Div) and isinstance(first, PurePath) and isinstance(second, (str, PurePath)):
            return Known(first / second)
        if isinstance(node.op, ast.Add) and isinstance(first, str) and isinstance(second, str):
            return Known(first + second)
    return Marks.UNKNOWN


def dotted_name(value: Any) -> str:
    """Return where a function or class comes from, or the class of anything else; nobody's code is asked."""
    named = value if isinstance(value, NAMED) else type(value)
    owner = getattr(named, "__self__", None)
    module = getattr(named, "__module__", None) or (
        owner.__name__ if isinstance(owner, types.ModuleType) else "builtins"
    )
    return f"{module}.{named.__qualname__}"


def holds_users(value: Any, around: Callable[[Any], Abstract], holders: frozenset[int] = frozenset()) -> bool:
    """Return whether a container holds functions, classes or objects of users.

    Args:
        value: the container.
        around: says what is known of an object.
        holders: the containers that it stands in, by `id`: one may hold itself.
    """
    items = value.values() if type(value) is dict else value if type(value) in (list, tuple, set, frozenset) else ()
    return any(_is_users(item, holders | {id(value)}) and around(item) is not Marks.OWN for item in items)


def _is_users(value: Any, holders: frozenset[int]) -> bool:
    if isinstance(value, ATOMS) or id(value) in holders:
        return False
    if type(value) in (list, tuple, dict, set):
        return holds_users(value, Known, holders)
    if isinstance(value, types.FunctionType):
        return not is_library_code(value.__code__)
    kind = value if isinstance(value, type) else type(value)
    members = (member for base in kind.__mro__ for member in vars(base).values())
    return any(isinstance(item, types.FunctionType) and not is_library_code(item.__code__) for item in members)


def _in_class(cls: type, name: str) -> Any:
    return next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
