"""What a Python callable computes, as JSON for a key: its code, and all that its code reads.

Functions and classes of users count one by one, wherever they are, so that editing one leaves the keys of what does not
use it as they are. Those of libraries count with the state of their distribution.
"""

from __future__ import annotations
import __future__

import functools
import math
import threading
import types
from collections.abc import Collection
from typing import Any

from couler_plugins.caching.code.budget import Budget
from couler_plugins.caching.code.modules import dotted_name, is_installed, is_library_code, module_of
from couler_plugins.caching.code.names import constants_of
from couler_plugins.caching.code.objects import (
    NO_STATE,
    Objects,
    cells_of,
    is_made,
    members_of,
    options_of,
    order_of,
)
from couler_plugins.caching.code.reading import UNSEEN, Reading
from couler_plugins.caching.code.sources import Sources
from couler_plugins.caching.code.uncacheable import VALUE, Uncacheable
from couler_plugins.caching.code.values import (
    Surroundings,
    atom_form,
    is_stateless,
    logger_parts,
    parts_of,
)
from couler_plugins.caching.keys import digest
from couler_plugins.hookspecs.caching import Objection

FUNCTIONS = (
    *(types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType),
    *(types.MethodWrapperType, types.ClassMethodDescriptorType),
)
MEMBERS = (types.MemberDescriptorType, types.GetSetDescriptorType)
LONGEST_DAY = 16
"""Characters of a text that may be a word for a day."""
ASIDE = 10_000
"""Values that are looked at of what is no part of the code itself; what holds more counts as one without a form."""
CHANGEABLE = ("list", "dict", "set", "bytearray", "array", "object", "holding", "context variable", "weak")
"""Forms of values of which one that is met twice is not the same as two that are equal: both change at once."""


class Fingerprint:
    """Gives the forms of callables and values, and gathers the modules behind them.

    Args:
        allow: what the owner allows bodies to reach.
        surroundings: what an engine puts around the code.
        others: the modules of another part of the same key.

    Attributes:
        sources: the modules behind all that was asked for until now.
        objections: what no key can cover of all that was asked for until now.
        waived: what the owner allows of that.
    """

    def __init__(
        self,
        allow: Collection[str] = (),
        surroundings: Surroundings | None = None,
        others: Sources | None = None,
    ) -> None:
        self.objections: list[Objection] = []
        self.waived: list[Objection] = []
        self._allow = allow
        self._around = surroundings or Surroundings()
        self._reading = Reading(self, allow, self.objections, self.waived, self._around)
        self.sources = Sources(self._reading, self.other, self._around, others)
        self._budget = Budget()
        self._aside = Budget(values=ASIDE, seconds=math.inf)  # what it takes is to be the same on a busy machine
        self._numbers: dict[int, int] = {}
        self._digests: dict[int, Any] = {}
        self._equal: dict[str, dict[int, int]] = {}
        self._open: dict[int, int] = {}
        self._alive: list[Any] = []
        self._functions: list[types.FunctionType] = []
        self._objects = Objects(self, self._around)

    @property
    def descriptions(self) -> list[Any]:
        """How functions are annotated and documented that were met, where some code asks for that; else nothing."""
        if not self._reading.introspects:
            return []
        return [[self.form(getattr(one, "__annotations__", None)), one.__doc__] for one in [*self._functions]]

    @property
    def draws_idly(self) -> bool:
        """Whether the code draws from NumPy's shared generator, and computes the same whatever it draws."""
        return self._reading.draws_idly

    def form(self, value: Any) -> Any:
        """Return the form of a callable or any other value; it is worth nothing once there are objections.

        Raises:
            Uncacheable: it has none.
        """
        kind = type(value)
        sized = kind in (str, bytes, bytearray)
        self._budget.spend(len(self._open), len(value) if sized else 0)
        atom = atom_form(value, kind)
        if atom is not None:
            if kind is str and len(value) < LONGEST_DAY:
                self._reading.meet_text(value)
            return atom
        number = id(value)
        if number in self._digests:
            return self._met_again(number)
        if number in self._open:
            return ["inside", len(self._open) - self._open[number]]
        self._open[number] = len(self._open)
        try:
            parts = self._form(value, kind)
        finally:
            del self._open[number]
        if parts[0] not in ("function", "class", "again"):
            # The same for values that are equal, however often one of them is met.
            holds = kind is tuple and any(item[0] in CHANGEABLE for item in parts[1])
            parts = self._digests[number] = ["holding" if holds else parts[0], digest(parts)]
            if parts[0] in CHANGEABLE:
                equal = self._equal.setdefault(parts[1], {})
                equal[number] = len(equal)
            self._alive.append(value)  # or another value could get its id
        return parts

    def _met_again(self, number: int) -> Any:
        """The form of a value that was met before: if it can be changed, another one that is equal is not the same."""
        parts = self._digests[number]
        return parts if parts[0] not in CHANGEABLE else [*parts, "again", self._equal[parts[1]][number]]

    def _form(self, value: Any, kind: type) -> Any:
        if kind is types.FunctionType:  # a proxy says that it is one, and has another code
            return self._once(value, self._function)
        if issubclass(kind, type):
            return self._once(value, self._class)
        if isinstance(value, types.ModuleType):
            return self.sources.add_whole(value.__name__)
        if isinstance(value, types.CodeType):
            return self._code(value)
        if kind is functools.partial:
            return ["partial", *map(self.form, (value.func, value.args, value.keywords, vars(value)))]
        if kind is types.MethodType:
            return ["method", self.form(value.__self__), self.form(value.__func__)]
        if kind is staticmethod or kind is classmethod:
            return [kind.__name__, self.form(value.__func__)]
        if kind is property:
            return ["property", *(self.form(part) for part in (value.fget, value.fset, value.fdel))]
        if isinstance(value, functools.cached_property):
            return ["cached property", self.form(value.func)]
        if isinstance(value, FUNCTIONS):
            return self._builtin(value)
        if isinstance(value, MEMBERS):
            return ["member", value.__name__]
        if callable(value) and hasattr(value, "__qualname__") and is_installed(value):
            return self._builtin(value)  # a function of compiled code
        if is_stateless(value):
            return ["stateless", kind.__qualname__]
        if kind is threading.local:
            return ["local", self.form(dict(vars(value)))]
        logged = logger_parts(value)
        if logged is not None:
            name = kind.__qualname__ if self._objects.is_library_class(kind) else self.form(kind)
            return ["logger", name, self.form(logged)]
        special = self._around.special(value, self.form)
        if special is not None:
            return special
        size = value.nbytes if hasattr(kind, "nbytes") else 0  # an object's own `__getattr__` may do anything
        self._budget.spend(len(self._open), size if isinstance(size, int) else 0)
        parts = parts_of(value, kind, self.form)
        return self._objects.form(value, kind) if parts is None else parts

    def _once(self, value: Any, form: Any) -> Any:
        """A form, or the number of the one that was given before: functions may call each other."""
        number = self._numbers.get(id(value))
        if number is not None:
            return ["again", number]
        self._numbers[id(value)] = len(self._numbers)
        self._alive.append(value)  # or another value could get its id
        return form(value)

    def _function(self, function: types.FunctionType) -> Any:
        if f"{function.__module__}.{function.__qualname__}" in self._around.opaque:
            return ["opaque", function.__qualname__]
        scope = function.__globals__
        module = str(scope.get("__name__", ""))  # its `__module__` is that of the function that it wraps
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is not None and module.partition(".")[0] in self._around.packages:
            return ["wrapped", module, self.form(wrapped)]  # what an engine puts around methods
        registry = getattr(function, "registry", None)
        if module == "functools" and isinstance(registry, types.MappingProxyType):
            return ["dispatch", self.form(registry)]
        if is_library_code(function.__code__):
            self.sources.add_library(module)
            if is_installed(function):
                self._reading.reached(dotted_name(function))
                self._reading.opened(function.__module__, dotted_name(function))
                return ["installed", function.__module__, function.__qualname__]
            return self._objects.library_function(function)
        self.sources.add_effects(module)
        self._functions.append(function)
        return [
            "function",
            self._code(function.__code__),
            self.form(function.__defaults__),
            self.form(function.__kwdefaults__),
            [self.cell(name, cell) for name, cell in cells_of(function)],
            self._reading.read(function.__code__, scope, str(scope.get("__package__") or "")),
            self._attributes(function),
            *_name_of(function),
        ]

    def _attributes(self, function: types.FunctionType) -> Any:
        left_out = (*NO_STATE, *self._around.marks)
        return self.form({name: value for name, value in vars(function).items() if name not in left_out})

    def cell(self, name: str, cell: types.CellType) -> Any:
        """Return the form of what a function holds by a name."""
        try:
            return [name, self._reading.named(name, cell.cell_contents)]
        except ValueError:
            return [name, ["empty"]]

    def _class(self, cls: type) -> Any:
        """A class by all that is in it."""
        module = module_of(cls)
        dotted = f"{module}.{cls.__qualname__}"
        if not module:
            raise Uncacheable(f"the class {cls.__qualname__} belongs to no module", step=dotted)
        if self._objects.is_library_class(cls):
            self._reading.reached(dotted)
            if not issubclass(cls, BaseException):
                self._reading.opened(module, dotted)
            self.sources.add_library(module)
            if not is_installed(cls) and is_made(cls):
                raise Uncacheable(f"the class {dotted} was made at run time", step=dotted)
            return ["installed", module, cls.__qualname__]
        self.sources.add_effects(module)
        bases = [self.form(base) for base in cls.__bases__ if base is not object]
        maker = [] if type(cls) is type or self._objects.is_library_class(type(cls)) else [self.form(type(cls))]
        members = [[name, self._member(cls, name, member)] for name, member in members_of(cls)]
        return ["class", cls.__qualname__, bases, maker, members, order_of(cls), *map(self.form, options_of(cls))]

    def _member(self, cls: type, name: str, member: Any) -> Any:
        try:
            return self.form(member)
        except Uncacheable as error:
            if error.step is not None or error.objections[0].rule != VALUE:
                raise
            raise Uncacheable(f"{cls.__qualname__}.{name}: {error.message}", step=name) from None

    def _builtin(self, value: Any) -> Any:
        owner = getattr(value, "__self__", None)
        is_class = isinstance(owner, type)
        if (
            owner is not None
            and not isinstance(owner, types.ModuleType)
            and not (is_class and self._objects.is_library_class(owner))
        ):
            below = owner.__subclasses__() if is_class and value.__name__ == "__subclasses__" else []
            return ["bound", value.__name__, self.form(owner), *map(self.form, below)]
        dotted = dotted_name(value)
        if dotted in UNSEEN:
            self._reading.refuse_unseen(dotted)
        self._reading.reached(dotted)
        self._reading.opened(dotted.partition(".")[0], dotted)
        self.sources.add_library(dotted.partition(".")[0])
        return ["builtin", dotted]

    def _code(self, code: types.CodeType) -> Any:
        flags = code.co_flags & ~__future__.annotations.compiler_flag
        counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, flags)
        names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
        table = getattr(code, "co_exceptiontable", b"")
        constants = [self.form(constant) for constant in constants_of(code)]
        return ["code", code.co_name, code.co_code.hex(), table.hex(), *counts, *map(list, names), constants]

    def other(self) -> Fingerprint:
        """Return another one for the same key, whose objections are for itself."""
        other = Fingerprint(self._allow, self._around, self.sources)
        other._budget = other._aside = self._aside
        return other


def _name_of(function: types.FunctionType) -> list[str]:
    """The names that a function was given after it was made."""
    names = [function.__name__, function.__qualname__]
    return [] if names == [function.__code__.co_name, function.__code__.co_qualname] else names
