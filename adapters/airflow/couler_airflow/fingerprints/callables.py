"""What a Python callable computes, as JSON for a key: its code, and all that its code reads.

Functions of the DAG file count one by one, so that editing one task leaves the keys of the others as they are.
Functions of other files count with all of their file and of what that imports; functions of installed distributions by
a version.
"""

from __future__ import annotations

import functools
import logging
import re
import sys
import types
from collections.abc import Collection
from pathlib import Path
from typing import Any

from couler_airflow.fingerprints.modules import (
    DAG_FILE,
    DAG_MODULES,
    Modules,
    is_installed,
    is_library,
    module_of,
)
from couler_airflow.fingerprints.reading import Reading, dotted_name
from couler_airflow.fingerprints.values import serialized_form, too_deep, value_form
from couler_airflow.marks import MARK
from couler_airflow.uncacheable import VALUE, Uncacheable
from couler_plugins.hookspecs.caching import Objection

__all__ = ["Fingerprint"]

DAG_NAMES = re.compile(rf"\b(?:{DAG_MODULES}\w+|__main__)(?=\.)")
"""The DAG file in the name of a type."""

WRAPPED = (staticmethod, classmethod)
NO_STATE = ("__wrapped__", MARK)
"""Attributes of functions that say nothing of what they compute: the function inside is in their closure as well."""


class Fingerprint:
    """Gives the forms of callables and values, and gathers the modules behind them.

    Args:
        dag_file: the DAG file.
        allow: what the owner allows bodies to read, and `context` where named values of the run are in the key.

    Attributes:
        objections: what no key can cover of all that was asked for until now.
    """

    def __init__(self, dag_file: str, allow: Collection[str] = ()) -> None:
        self.objections: list[Objection] = []
        self._dag_file = Path(dag_file).absolute()
        self._modules = Modules()
        self._reading = Reading(self._modules, self.form, allow, self.objections)
        self._numbers: dict[int, int] = {}
        self._alive: list[Any] = []
        self._depth = 0

    def modules(self) -> list[list[str]]:
        """The modules behind all that was asked for until now."""
        return self._modules.form

    def form(self, value: Any) -> Any:
        """Return the form of a callable or any other value; it is worth nothing once there are objections.

        Raises:
            Uncacheable: it has none.
        """
        self._depth += 1
        too_deep(self._depth)
        try:
            return self._form(value)
        finally:
            self._depth -= 1

    def _form(self, value: Any) -> Any:
        if isinstance(value, types.FunctionType):
            return self._once(value, self._function)
        if isinstance(value, type):
            return self._once(value, self._class)
        if isinstance(value, types.ModuleType):
            self._modules.add(value.__name__)
            return ["module", value.__name__]
        if isinstance(value, types.CodeType):
            return self._code(value)
        if isinstance(value, functools.partial):
            return ["partial", self.form(value.func), self.form(value.args), self.form(value.keywords)]
        if isinstance(value, types.MethodType):
            return ["method", self.form(value.__self__), self.form(value.__func__)]
        if isinstance(value, WRAPPED):
            return [type(value).__name__, self.form(value.__func__)]
        if isinstance(value, property):
            return ["property", *(self.form(part) for part in (value.fget, value.fset, value.fdel))]
        if isinstance(value, types.BuiltinFunctionType | types.MethodDescriptorType | types.WrapperDescriptorType):
            return self._builtin(value)
        if isinstance(value, logging.Logger | logging.LoggerAdapter):
            return ["logger"]  # what is logged is no part of a result
        if type(value).__module__ in ("typing", "types") or isinstance(value, types.GenericAlias):
            return ["typing", DAG_NAMES.sub(DAG_FILE, repr(value))]
        return self._instance(value)

    def _instance(self, value: Any) -> Any:
        found = value_form(value, self.form)
        if found is not None:
            return found
        wrapped = getattr(value, "__wrapped__", None) or getattr(value, "function", None)
        if isinstance(wrapped, types.FunctionType) and _is_airflow_or_cache(value):
            return ["wrapped", f"{type(value).__module__}.{type(value).__qualname__}", self.form(wrapped)]
        if self._is_plain(type(value)):
            return ["object", self.form(type(value)), self.form(vars(value))]
        return serialized_form(value)

    def _is_plain(self, cls: type) -> bool:
        """Whether all that objects of a class hold is in their `__dict__`: no class behind it is another's."""
        own = [base for base in cls.__mro__ if base is not object]
        modules = [module_of(base) for base in own]
        slots = any("__slots__" in vars(base) for base in own)
        return bool(own) and not slots and not any(name in ("", "builtins") or is_library(name) for name in modules)

    def _once(self, value: Any, form: Any) -> Any:
        """A form, or the number of the one that was given before: functions may call each other."""
        number = self._numbers.get(id(value))
        if number is not None:
            return ["again", number]
        self._numbers[id(value)] = len(self._numbers)
        self._alive.append(value)  # or another value could get its id
        return form(value)

    def _function(self, function: types.FunctionType) -> Any:
        scope = function.__globals__
        module = str(scope.get("__name__", ""))  # its `__module__` is that of the function that it wraps
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is not None and module.startswith("airflow."):
            self._modules.add(module)  # what Airflow puts around the methods of operators
            return ["wrapped", module, self.form(wrapped)]
        if not self._is_dag_file(scope):
            self._modules.add(module)
            if is_installed(function):
                self._reading.reached(f"{function.__module__}.{function.__qualname__}")
                return ["installed", function.__module__, function.__qualname__]
        free = function.__code__.co_freevars
        return [
            "function",
            self._code(function.__code__),
            self.form(function.__defaults__),
            self.form(function.__kwdefaults__),
            [self._cell(name, cell) for name, cell in zip(free, function.__closure__ or (), strict=True)],
            self._reading.read(function),
            self.form({name: value for name, value in vars(function).items() if name not in NO_STATE}),
        ]

    def _cell(self, name: str, cell: types.CellType) -> Any:
        try:
            return [name, self._reading.named(name, cell.cell_contents)]
        except ValueError:
            return [name, ["empty"]]

    def _class(self, cls: type) -> Any:
        """A class by the source of its file, and its methods by what they read."""
        module = module_of(cls)
        dotted = f"{module}.{cls.__qualname__}"
        if not module:
            raise Uncacheable(f"the class {cls.__qualname__} belongs to no module", step=dotted)
        in_dag_file = self._is_dag_file(vars(sys.modules.get(module, object)) if module in sys.modules else {})
        if not in_dag_file and is_library(module):
            self._reading.reached(dotted)
            self._modules.add(module)
            if not is_installed(cls):
                raise Uncacheable(f"the class {dotted} was made at run time", step=dotted)
            return ["installed", module, cls.__qualname__]
        if in_dag_file:
            self._modules.add_file(DAG_FILE, self._dag_file, sys.modules.get(module))
        else:
            self._modules.add(module)
        named = sorted(vars(cls).items())
        members = [[name, self._member(name, member)] for name, member in named]
        bases = [self.form(base) for base in cls.__bases__ if base is not object]
        return ["class", cls.__qualname__, bases, members]

    def _member(self, name: str, member: Any) -> Any:
        """The form of what is in a class; of what has none, the source of the class says enough."""
        is_code = isinstance(member, (types.FunctionType, property, *WRAPPED))
        if name.startswith("__") and not is_code:
            return ["source"]
        if is_code:
            return self.form(member)
        forms, objections = len(self._numbers), len(self.objections)
        form: Any = ["source"]
        try:
            form = self.form(member)
        except Uncacheable as error:
            self.objections += error.objections
        formless = [item for item in self.objections[objections:] if item.rule == VALUE]
        if not formless:
            return form
        self.objections[objections:] = [item for item in self.objections[objections:] if item.rule != VALUE]
        while len(self._numbers) > forms:  # what is met again elsewhere has to be looked at anew
            self._numbers.popitem()
        return ["source"]

    def _builtin(self, value: Any) -> Any:
        owner = getattr(value, "__self__", None)
        if owner is not None and not isinstance(owner, types.ModuleType | type):
            return ["bound", value.__name__, self.form(owner)]
        dotted = dotted_name(value)
        self._reading.reached(dotted)
        self._modules.add(dotted.partition(".")[0])
        return ["builtin", dotted]

    def _code(self, code: types.CodeType) -> Any:
        counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
        names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
        table = getattr(code, "co_exceptiontable", b"")
        constants = [self.form(constant) for constant in code.co_consts]
        return ["code", code.co_name, code.co_code.hex(), table.hex(), *counts, *map(list, names), constants]

    def _is_dag_file(self, scope: dict[str, Any]) -> bool:
        name, file = str(scope.get("__name__", "")), scope.get("__file__")
        return name.startswith(DAG_MODULES) or (file is not None and Path(file).absolute() == self._dag_file)


def _is_airflow_or_cache(value: Any) -> bool:
    return module_of(type(value)).startswith(("airflow.", "functools"))
