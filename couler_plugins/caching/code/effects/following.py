"""How calls are followed: into the functions of users, and no further."""

from __future__ import annotations

import ast
import inspect
import types
from pathlib import PurePath
from typing import Any

from couler_plugins.caching.code.effects.abstract import (
    ATOMS,
    MINE,
    Abstract,
    Code,
    Known,
    Made,
    Marks,
    Scope,
    functions_of,
    member_of,
)
from couler_plugins.caching.code.effects.reads import Found, Read, World
from couler_plugins.caching.code.effects.source import source_at
from couler_plugins.caching.code.modules import module_of

STEPS = 50_000
"""Expressions that are looked at for a key; behind them, a call of a user's function counts as an effect."""
DEEPEST = 40


class Following:
    """Follows calls.

    Args:
        world: what all walks for a key share.
        scope: the names that the code sees.

    Attributes:
        found: what the code does.
    """

    def __init__(self, world: World, scope: Scope) -> None:
        self.world, self.scope = world, scope
        self.found = Found()

    def evaluate(self, node: ast.expr, *, kept: bool = True) -> Abstract:
        """Visit an expression, and return what it stands for.

        Args:
            node: the expression.
            kept: whether anybody has its value.
        """
        raise NotImplementedError

    def block(self, statements: Any, branch: str = "") -> None:
        """Visit statements."""
        raise NotImplementedError

    def _attribute(self, owner: Abstract, name: str) -> Abstract:
        if owner in (Marks.OWN, Marks.USERS):
            return owner
        if isinstance(owner, Known) and isinstance(owner.value, PurePath) and name in ("parent", "name", "stem"):
            return Known(getattr(owner.value, name))
        try:
            value = member_of(owner, name)
        except (AttributeError, TypeError):
            return Marks.UNKNOWN
        if isinstance(value, property) and isinstance(value.fget, types.FunctionType):
            return self._run(value.fget, owner, [])
        return self.world.abstract_of(value)

    def _method(self, owner: Abstract, name: str) -> None:
        self._follow(self._attribute(owner, name), owner, [])

    def _special(self, owner: Abstract, *names: str) -> None:
        if isinstance(owner, Made) or (isinstance(owner, Known) and not isinstance(owner.value, (*ATOMS, type))):
            for name in names:
                self._method(owner, name)

    def _follow(self, called: Abstract, receiver: Abstract | None, arguments: list[Abstract]) -> Abstract:
        """Visit the functions of users that a call runs, and return what it gives."""
        if isinstance(called, Code):
            return self._enter(called.node, called.scope, arguments)
        value = called.value if isinstance(called, Known) else None
        instance = Made(value) if isinstance(value, type) else None
        if isinstance(value, types.MethodType):
            receiver = self.world.abstract_of(value.__self__)
        users = self._users(called)
        results = [self._run(one, instance or receiver, arguments) for one in users]
        return instance or (results[0] if len(results) == 1 and value is users[0] else Marks.UNKNOWN)

    def _users(self, value: Abstract) -> list[Any]:
        """The functions of users that run when something is called."""
        if isinstance(value, Code):
            return [value]
        return functions_of(value.value) if isinstance(value, Known) and not isinstance(value.value, ATOMS) else []

    def _base(self) -> Abstract:
        """What `super()` is in a method."""
        own = self.scope.find("__class__", self.world.abstract_of)
        if own is Marks.OWN:
            return own
        has_base = isinstance(own, Known) and isinstance(own.value, type) and len(own.value.__mro__) > 1
        return Made(own.value.__mro__[1]) if isinstance(own, Known) and has_base else Marks.UNKNOWN

    def _base_of(self, node: ast.expr) -> Abstract | None:
        """What a function or method is taken from, as far as that is a global."""
        while isinstance(node, (ast.Attribute, ast.Call)):
            node = node.func if isinstance(node, ast.Call) else node.value
        value = self.scope.values.get(node.id) if isinstance(node, ast.Name) else None
        return None if value is None else Known(value)

    def _run(self, function: types.FunctionType, receiver: Abstract | None, arguments: list[Abstract]) -> Abstract:
        code = function.__code__
        scope = function.__globals__
        source = source_at(code.co_filename, str(scope.get("__package__") or ""))
        node = None if source is None else source.function(code.co_firstlineno, code.co_name)
        if source is None or node is None:
            self._effect()  # nobody can tell what it does
            return Marks.UNKNOWN
        cells: dict[str, Abstract] = {}
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            try:
                cells[name] = self.world.abstract_of(cell.cell_contents)
            except ValueError:
                cells[name] = Marks.UNKNOWN
        first: list[Abstract] = []
        if code.co_varnames[:1] == ("self",):
            first = [receiver or Marks.UNKNOWN]
        elif code.co_varnames[:1] == ("cls",):
            first = [Known(receiver.cls) if isinstance(receiver, Made) else receiver or Marks.UNKNOWN]
        return self._enter(node, Scope(source, scope, cells), [*first, *arguments])

    def _enter(self, node: Any, outer: Scope, arguments: list[Abstract]) -> Abstract:
        """Visit the body of a function, once for each kind of arguments."""
        parameters = [item.arg for item in (*node.args.posonlyargs, *node.args.args)]
        rest = [item.arg for item in (*node.args.kwonlyargs, node.args.vararg, node.args.kwarg) if item is not None]
        names: dict[str, Abstract] = dict.fromkeys([*parameters, *rest], Marks.UNKNOWN)
        names |= dict(zip(parameters, arguments, strict=False))
        key = (id(node), id(outer.values), tuple(_kind(item) for item in arguments))
        result = self.world.done.get(key)
        if result is None:
            result = self.world.done[key] = Found()  # it may call itself
            self.world.alive.append((node, outer, arguments))
            if self.world.steps > STEPS or self.world.depth > DEEPEST:
                result.effect = result.loud = True
            else:
                self.world.depth += 1
                walk = type(self)(self.world, Scope(outer.source, outer.values, names, outer))
                if isinstance(node, ast.Lambda):
                    result.results.append(walk.evaluate(node.body))
                else:
                    walk.block(node.body)
                result.add(walk.found)
                result.results += walk.found.results
                self.world.depth -= 1
        self.found.add(result)
        return result.result

    def _imports(self, arguments: list[Abstract]) -> None:
        first = arguments[0] if arguments else None
        if isinstance(first, Known) and isinstance(first.value, str) and not first.value.startswith("."):
            self.found.imports.update((first.value, first.value.rpartition(".")[0]))
            self.found.imports.discard("")
        else:
            self.found.dynamic = True

    def _is_dispatch(self, node: ast.expr) -> bool:
        """Whether a decorator is `register` of a generic function, which knows all of its implementations."""
        function = node.func if isinstance(node, ast.Call) else node
        if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
            return False
        value = self.scope.find(function.value.id, self.world.abstract_of)
        if isinstance(value, Known):
            return isinstance(value.value, types.FunctionType) and {"registry", "dispatch"} <= {*vars(value.value)}
        return function.value.id in self.scope.names  # a method of the class that it stands in

    def _change(self, owner: Abstract) -> None:
        made = isinstance(owner, Made) and not isinstance(inspect.getattr_static(owner.cls, "__new__"), staticmethod)
        self._effect(not (made or owner in MINE))

    def _effect(self, effect: bool = True) -> None:
        self.found.effect |= effect
        self.found.loud |= effect

    def _do(self, effect: bool, node: ast.Call) -> None:
        """Say that a call of a library changes something; how things are logged is no part of a result."""
        base = self._base_of(node.func)
        value = base.value if isinstance(base, Known) else None
        module = value.__name__ if isinstance(value, types.ModuleType) else module_of(type(value))
        self.found.effect |= effect
        self.found.loud |= effect and module.partition(".")[0] not in ("logging", "warnings")

    def _read(self, read: Read) -> None:
        self.found.reads[read] = None


def _kind(value: Abstract) -> Any:
    if isinstance(value, Known):
        return ("known", value.value) if isinstance(value.value, str) else ("known", id(value.value))
    if isinstance(value, Made):
        return ("made", id(value.cls))
    return ("code", id(value.node)) if isinstance(value, Code) else value
