"""What evaluating an expression does to others."""

from __future__ import annotations

import ast
import functools
import sys
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
    computed,
    functions_of,
    holds_users,
    operated,
)
from couler_plugins.caching.code.effects.following import Following
from couler_plugins.caching.code.effects.reads import (
    COPIES,
    IMPORTERS,
    METACLASSES,
    PLAIN,
    SAYS,
    SETS,
    WRITERS,
    is_environment,
    read_by,
    variable,
)
from couler_plugins.caching.code.modules import is_library, module_of
from couler_plugins.caching.code.names import called_name

OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "truediv",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.BitOr: "or",
    ast.BitAnd: "and",
    ast.BitXor: "xor",
    ast.LShift: "lshift",
    ast.RShift: "rshift",
    ast.MatMult: "matmul",
    ast.Pow: "pow",
}
FUNCTIONS = (types.FunctionType, types.MethodType, types.BuiltinFunctionType)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
DISPLAYS = (ast.List, ast.Tuple, ast.Set, ast.Dict, ast.JoinedStr)


class Evaluation(Following):
    """Visits expressions."""

    def evaluate(self, node: ast.expr, *, kept: bool = True) -> Abstract:
        self.world.steps += 1
        match node:
            case ast.Constant(value=value):
                return Known(value)
            case ast.Name(id=name):
                return self.scope.find(name, self.world.abstract_of)
            case ast.Attribute(value=value, attr=attr):
                owner = self.evaluate(value)
                held_value = self.scope.names.get(f"{value.id}.{attr}") if isinstance(value, ast.Name) else None
                return held_value or self._attribute(owner, attr)
            case ast.Call():
                return self._call(node, kept=kept)
            case ast.Lambda():
                return Code(node, self.scope)
            case ast.BinOp(left=left, right=right):
                one, other = self.evaluate(left), self.evaluate(right)
                name = OPERATORS.get(type(node.op), "")
                self._special(one, f"__{name}__")
                self._special(other, f"__r{name}__")
                return operated(node, one, other)
            case ast.NamedExpr(target=target, value=value):
                result = self.evaluate(value)
                self.assign(target, result)
                return result
            case ast.Subscript(value=value, slice=index):
                owner, key = self.evaluate(value), self.evaluate(index)
                if is_environment(owner) and isinstance(node.ctx, ast.Load):
                    self._read(variable(key, ast.unparse(node)))
                self._special(owner, "__getitem__", "__class_getitem__")
                return Marks.OWN if owner is Marks.OWN else self._one_of(value)
            case ast.Compare(left=left, comparators=others):
                values = [self.evaluate(item) for item in (left, *others)]
                if any(map(is_environment, values[1:])):
                    self._read(variable(values[0], ast.unparse(node)))
                return Marks.UNKNOWN
            case ast.Await(value=value) | ast.Starred(value=value) | ast.FormattedValue(value=value):
                return self.evaluate(value, kept=kept)
        if isinstance(node, COMPREHENSIONS):
            return self._comprehension(node, kept=kept)
        values = [self.evaluate(item) for item in ast.iter_child_nodes(node) if isinstance(item, ast.expr)]
        if isinstance(node, ast.JoinedStr):
            texts = [
                item.value for item in values if isinstance(item, Known) and isinstance(item.value, (str, PurePath))
            ]
            return Known("".join(map(str, texts))) if len(texts) == len(values) else Marks.FRESH
        if isinstance(node, (ast.List, ast.Tuple)) and values and all(item is Marks.OWN for item in values):
            return Marks.OWN
        return Marks.FRESH if isinstance(node, DISPLAYS) else Marks.UNKNOWN

    def assign(self, target: ast.expr, value: Abstract) -> None:
        """Bind what a target names; something of others that it changes is an effect."""
        match target:
            case ast.Name(id=name):
                self.scope.bind(name, value)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part in parts:
                    self.assign(part, value if value in (Marks.OWN, Marks.USERS) else Marks.UNKNOWN)
            case ast.Starred(value=inner):
                self.assign(inner, value)
            case ast.Attribute(value=owner, attr=attr):
                self._change(self.evaluate(owner))
                if isinstance(owner, ast.Name):
                    self.scope.names[f"{owner.id}.{attr}"] = value if value in MINE else Marks.UNKNOWN
            case ast.Subscript(value=owner, slice=index):
                self.evaluate(index)
                names = isinstance(owner, ast.Call) and isinstance(owner.func, ast.Name) and owner.func.id == "globals"
                if not names:  # what is bound there is a name of the module
                    changed = self.evaluate(owner)
                    self._special(changed, "__setitem__", "__delitem__")
                    self._change(changed)

    def iterate(self, node: ast.expr) -> Abstract:
        """Visit what a loop goes through, and return what one of it stands for."""
        self._special(self.evaluate(node), "__iter__", "__next__", "__aiter__", "__anext__")
        return self._one_of(node)

    def _one_of(self, node: ast.expr) -> Abstract:
        names = (item.id for item in ast.walk(node) if isinstance(item, ast.Name))
        holds = any(holds_users(self.scope.values.get(name), self.world.abstract_of) for name in names)
        return Marks.USERS if holds else Marks.UNKNOWN

    def change_name(self, name: str) -> None:
        """Change in place what a name stands for: what was imported belongs to others."""
        value = self.scope.find(name, self.world.abstract_of)
        imported = isinstance(value, Known) and not isinstance(value.value, ATOMS) and name in self.scope.source.taken
        self._effect(imported)

    def imported(self, node: ast.Import | ast.ImportFrom) -> None:
        """Bind what an import binds."""
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            module = node.module or "" if isinstance(node, ast.ImportFrom) else alias.name
            if not getattr(node, "level", 0) and module.partition(".")[0] in self.world.around.packages:
                self.scope.bind(name, Marks.OWN)
                continue
            whole = module if isinstance(node, ast.ImportFrom) or alias.asname else name
            value: Abstract = Marks.UNKNOWN
            if whole in sys.modules and not getattr(node, "level", 0):
                value = self.world.abstract_of(sys.modules[whole])
                value = self._attribute(value, alias.name) if isinstance(node, ast.ImportFrom) else value
            self.scope.bind(name, value)

    def entered(self, manager: Abstract) -> Abstract:
        """Return what a `with` binds, and look at what entering does."""
        if isinstance(manager, (Known, Made)):
            for name in ("__enter__", "__exit__", "__aenter__", "__aexit__"):
                self._method(manager, name)
        return manager if manager is Marks.OWN else Marks.UNKNOWN

    def decorate(self, node: ast.expr, value: Abstract) -> Abstract:
        """Apply a decorator, and return what it makes of something."""
        name = called_name(node)
        decorator = self.evaluate(node)
        if Marks.OWN in (decorator, value):
            return Marks.OWN
        if name == "register" and self._is_dispatch(node):
            return Marks.UNKNOWN
        if self._users(decorator):
            return self._follow(decorator, None, [value])
        plain = name in PLAIN
        self._effect(not plain)
        return value if plain else Marks.UNKNOWN

    def subclassed(self, bases: list[Abstract]) -> None:
        """Look at what making a class does: classes around it may write it down."""
        for base in bases:
            if not isinstance(base, Known):
                continue
            kind = base.value if isinstance(base.value, type) else type(base.value)
            maker = kind if issubclass(kind, type) else type(kind)
            if is_library(module_of(maker)) and module_of(maker).partition(".")[0] not in METACLASSES:
                self._effect()
            for name in ("__init_subclass__", "__new__", "__init__", "__call__"):
                self._method(Known(kind) if name == "__init_subclass__" else Made(maker), name)

    def _call(self, node: ast.Call, *, kept: bool) -> Abstract:
        receiver = self.evaluate(node.func.value) if isinstance(node.func, ast.Attribute) else None
        name = called_name(node.func)
        called = self.evaluate(node.func) if receiver is None else self._attribute(receiver, name)
        arguments = [self.evaluate(item) for item in (*node.args, *(keyword.value for keyword in node.keywords))]
        base = self._base_of(node.func) if Marks.OWN in (receiver, called) else receiver
        read = read_by(node, base, called, arguments, self.world.around)
        if read is not None:
            self._read(read)
        if name in IMPORTERS:
            self._imports(arguments)
            return Marks.UNKNOWN
        if Marks.OWN in (called, receiver):
            base = self._base_of(node.func) if isinstance(node.func, ast.Name) else None
            if isinstance(base, Known) and isinstance(base.value, type):
                for one in functions_of(base.value):  # of an operator of the user
                    self._run(one, Marks.OWN, arguments)
            return Marks.OWN
        if name == "super" and receiver is None and not arguments:
            return self._base()
        if isinstance(called, Made):
            receiver, called = called, self._attribute(called, "__call__")
        if self._users(called):
            return self._follow(called, receiver, arguments)
        path = computed(receiver, called, name, arguments)
        if path is not None:
            return path
        for item in arguments if name not in PLAIN else ():
            if isinstance(item, Code) or (isinstance(item, Known) and isinstance(item.value, FUNCTIONS)):
                self._follow(item, None, [])  # it may be called
        if name == "setattr" and ast.unparse(node.args[0] if node.args else node) == "sys.modules[__name__]":
            return Marks.UNKNOWN
        return self._of_library(node, name, receiver, called, arguments, kept=kept)

    def _of_library(
        self,
        node: ast.Call,
        name: str,
        receiver: Abstract | None,
        called: Abstract,
        arguments: list[Abstract],
        *,
        kept: bool,
    ) -> Abstract:
        """The call of something that is not followed: what it is called, and who has its value, has to tell."""
        if receiver is Marks.FRESH or (isinstance(receiver, Known) and isinstance(receiver.value, ATOMS)):
            return Marks.UNKNOWN
        value = called.value if isinstance(called, Known) else None
        if receiver is None and name in WRITERS:
            self._change(arguments[0] if arguments else Marks.UNKNOWN)
        elif isinstance(value, type):
            self._do(not kept, node)
            if value is functools.partial and arguments:
                return arguments[0]
            for item in arguments:
                self._special(item, "__iter__")
            return Marks.FRESH if value.__module__ in ("builtins", "collections") else Made(value)
        elif name in ("globals", "locals") and receiver is None:
            return Marks.FRESH
        elif (name not in SAYS or called is Marks.USERS) and not (isinstance(receiver, Made) and name.startswith("__")):
            real = getattr(value, "__name__", name) if isinstance(value, FUNCTIONS) else name
            free = receiver is None and not (isinstance(value, FUNCTIONS) and value.__module__ != "builtins")
            sets = SETS.match(real) and not free
            nobody = receiver is None and value is None  # nobody can tell what is called
            self._do(not kept or bool(sets) or nobody or called is Marks.USERS, node)
        return Marks.FRESH if COPIES.fullmatch(name) else Marks.UNKNOWN

    def _comprehension(self, node: Any, *, kept: bool) -> Abstract:
        outer = self.scope
        self.scope = Scope(outer.source, outer.values, {}, outer)
        for part in node.generators:
            self.assign(part.target, self.iterate(part.iter))
            for test in part.ifs:
                self.evaluate(test)
        parts = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
        values = [self.evaluate(item, kept=kept) for item in parts]
        self.scope = outer
        return Marks.OWN if values[-1] is Marks.OWN else Marks.FRESH
