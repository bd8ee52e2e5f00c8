"""What a Python callable computes, as JSON for a key: its code, and all that its code reads.

Functions and classes of users count one by one, wherever they are, so that editing one leaves the keys of what does not
use it as they are. Those of libraries count with the state of their distribution.
"""

from __future__ import annotations

import contextlib
import functools
import math
import sys
import threading
import types
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from couler_plugins.caching.code.budget import Budget
from couler_plugins.caching.code.effects import Effect, decorators_of, loading_of
from couler_plugins.caching.code.modules import (
    Modules,
    file_of,
    is_installed,
    is_library,
    is_library_code,
    is_third_party,
    module_of,
    source_of,
)
from couler_plugins.caching.code.names import constants_of
from couler_plugins.caching.code.reading import Reading, dotted_name
from couler_plugins.caching.code.surroundings import Surroundings
from couler_plugins.caching.code.uncacheable import VALUE, Uncacheable
from couler_plugins.caching.code.values import (
    CONTENT,
    atom_form,
    builtin_content,
    is_stateless,
    parts_of,
    reduced,
    slots_of,
)
from couler_plugins.caching.keys import digest
from couler_plugins.hookspecs.caching import Objection

__all__ = ["Fingerprint"]

NO_STATE = ("__wrapped__", "__signature__")
"""Attributes of functions that say nothing of what they compute: the function inside is in their closure as well."""
FUNCTIONS = (
    *(types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType),
    *(types.MethodWrapperType, types.ClassMethodDescriptorType),
)
MEMBERS = (types.MemberDescriptorType, types.GetSetDescriptorType)
OF_CLASSES = frozenset(
    {
        *("__dict__", "__weakref__", "__module__", "__doc__", "__qualname__", "__firstlineno__", "__abstractmethods__"),
        *(
            "__static_attributes__",
            "__orig_bases__",
            "__parameters__",
            "_abc_impl",
            "__annotate_func__",
            "__annotate__",
        ),
        *("__annotations_cache__", "__signature__", "__dataclass_params__", "__attrs_props__"),
    }
)
"""What classes have that says nothing of what they compute, or that is made of what is looked at anyway."""
MACHINERY = ("__pydantic_", "_sunder_", "__attrs_base_of_slotted__")
KEPT = ("__pydantic_fields__", "__pydantic_decorators__")
HEAP_TYPE = 1 << 9
"""The flag of classes that are made while a program runs (CPython's `Py_TPFLAGS_HEAPTYPE`)."""
ASIDE = 10_000
"""Values that are looked at of what is no part of the code itself; what holds more counts as one without a form."""
OVERRIDES = ("__reduce__", "__reduce_ex__", "__getstate__", "__getnewargs__", "__getnewargs_ex__")


class Fingerprint:
    """Gives the forms of callables and values, and gathers the modules behind them.

    Args:
        allow: what the owner allows bodies to reach.
        surroundings: what an engine puts around the code.

    Attributes:
        objections: what no key can cover of all that was asked for until now.
        waived: what the owner allows of that.
    """

    def __init__(self, allow: Collection[str] = (), surroundings: Surroundings | None = None) -> None:
        self.objections: list[Objection] = []
        self.waived: list[Objection] = []
        self._allow = allow
        self._around = surroundings or Surroundings()
        self._modules = Modules()
        self._reading = Reading(self, allow, self.objections, self.waived, self._around)
        self._budget = Budget()
        self._aside = Budget(values=ASIDE, seconds=math.inf)  # what it takes is to be the same on a busy machine
        self._numbers: dict[int, int] = {}
        self._digests: dict[int, Any] = {}
        self._open: dict[int, int] = {}
        self._alive: list[Any] = []
        self._effects: dict[str, Any] = {}
        self._libraries: dict[str, bool] = {}  # whether a module is one

    def modules(self) -> list[Any]:
        """The modules behind all that was asked for until now, and what they do when they are loaded."""
        return [self._modules.form, sorted(self._effects.items())]

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
            return atom
        number = id(value)
        if number in self._digests:
            return self._digests[number]
        if number in self._open:
            return ["inside", len(self._open) - self._open[number]]
        self._open[number] = len(self._open)
        try:
            found = self._form(value, kind)
        finally:
            del self._open[number]
        if found[0] not in ("function", "class", "again"):
            # The same for values that are equal, however often one of them is met.
            found = self._digests[number] = [found[0], digest(found)]
            self._alive.append(value)  # or another value could get its id
        return found

    def library(self, name: str) -> None:
        """Add the distribution behind a module of a library."""
        self._modules.add_library(name)

    def module(self, name: str) -> Any:
        """Return the form of a module that is used as a whole, or is not loaded: its file, and what that names."""
        path = file_of(name)
        if is_library(name) or path is None:
            self.library(name)
            return ["module", name]
        label = self._label(name)
        data = self._modules.add_source(label, name, path)
        if data is not None:
            self._add_effects(name, path)
            if path.suffix == ".py":
                self._effects[f"{label} as a whole"] = []  # it may be met again on the way
                self._effects[f"{label} as a whole"] = self._whole(name, path, data)
        return ["module", label]

    def _whole(self, name: str, path: Path, data: bytes) -> list[Any]:
        """Look at all code of a module as if a body had it inside, and return what that reads."""
        loaded = sys.modules.get(name)
        try:
            code = compile(data, str(path), "exec", dont_inherit=True)
        except (ValueError, SyntaxError):
            raise Uncacheable(f"{path.name} is no Python that can be read", rule="unreadable-source") from None
        scope = vars(loaded) if loaded is not None else {}
        read = [
            self._reading.read(constant, scope, _package(name, path))
            for constant in code.co_consts
            if isinstance(constant, types.CodeType)
        ]
        for imported in loading_of(data, _package(name, path), self._around.packages).imports:
            if not is_library(imported) and file_of(imported) is not None:
                self.module(imported)
        return read

    def _form(self, value: Any, kind: type) -> Any:
        if kind is types.FunctionType:  # a proxy says that it is one, and has another code
            return self._once(value, self._function)
        if issubclass(kind, type):
            return self._once(value, self._class)
        if isinstance(value, types.ModuleType):
            return self.module(value.__name__)
        if isinstance(value, types.CodeType):
            return self._code(value)
        if kind is functools.partial:
            return ["partial", self.form(value.func), self.form(value.args), self.form(value.keywords)]
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
        special = self._around.special(value, self.form)
        if special is not None:
            return special
        size = value.nbytes if hasattr(kind, "nbytes") else 0  # an object's own `__getattr__` may do anything
        self._budget.spend(len(self._open), size if isinstance(size, int) else 0)
        found = parts_of(value, kind, self.form)
        return self._object(value, kind) if found is None else found

    def _object(self, value: Any, kind: type) -> Any:
        wrapped = getattr(value, "__wrapped__", None)
        if isinstance(wrapped, types.FunctionType) and module_of(kind) == "functools":
            return ["cached", self.form(wrapped)]
        own = [base for base in kind.__mro__ if not self._is_library_class(base)]
        behind = [base for base in kind.__mro__ if base not in own and base is not object]
        if not own:
            self.library(module_of(kind))
            return ["object", *self._taken_apart(value, kind)]
        for base in own:
            if behind and any(base not in CONTENT for base in behind) and any(name in vars(base) for name in OVERRIDES):
                raise Uncacheable(
                    f"a {kind.__qualname__} says itself how it is kept, and no key can tell what it leaves out"
                )
        if all(base in CONTENT for base in behind):
            return ["object", self.form(kind), self.form(slots_of(value)), *map(self.form, builtin_content(value))]
        return ["object", self.form(kind), *self._taken_apart(value, kind)]

    def _taken_apart(self, value: Any, kind: type) -> list[Any]:
        """The form of an object of a library: what it says that it is made of."""
        found = reduced(value)
        if isinstance(found, str):
            return ["named", self._label(module_of(kind)), found]
        made, arguments, *state = found
        # Its own class is no name that code says: a generator with a state is not the class `Random`.
        made_of = [["its class"] if part is kind else self.form(part) for part in (made, *arguments)]
        return [self._label(module_of(kind)), kind.__qualname__, made_of, *map(self.form, state)]

    def _is_library_class(self, cls: type) -> bool:
        module = module_of(cls)
        if module not in self._libraries:
            own = not module or self._around.aliases.match(module)
            self._libraries[module] = not own and is_library(module)
        return self._libraries[module]

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
        if wrapped is not None and module.partition(".")[0] in self._around.packages:
            return ["wrapped", module, self.form(wrapped)]  # what an engine puts around methods
        registry = getattr(function, "registry", None)
        if module == "functools" and isinstance(registry, types.MappingProxyType):
            return ["dispatch", self.form(registry)]
        if is_library_code(function.__code__):
            self.library(module)
            if is_installed(function):
                self._reading.reached(f"{function.__module__}.{function.__qualname__}")
                return ["installed", function.__module__, function.__qualname__]
            return self._made(function)
        self.add_effects(module)
        return [
            "function",
            self._code(function.__code__),
            self.form(function.__defaults__),
            self.form(function.__kwdefaults__),
            self._cells(function),
            self._reading.read(function.__code__, scope, str(scope.get("__package__") or "")),
            self._attributes(function),
        ]

    def _made(self, function: types.FunctionType) -> Any:
        """A function that a library made for somebody: its code is the library's, and what it holds is not."""
        wrapped = getattr(function, "__wrapped__", None)
        annotations = getattr(wrapped, "__annotations__", None)
        return [
            "made",
            str(function.__globals__.get("__name__", "")),
            function.__code__.co_qualname,
            self.form(function.__defaults__),
            self.form(function.__kwdefaults__),
            self._cells(function) if wrapped is None else self._cells_around(function),
            self.form(wrapped),
            None if not annotations else self.form(dict(annotations)),
            [self._effect(item, getattr(wrapped, "__globals__", {})) for item in decorators_of(wrapped)],
        ]

    def _cells_around(self, function: types.FunctionType) -> list[Any]:
        return [self._cell_of_library(name, cell) for name, cell in _cells(function)]

    def _cell_of_library(self, name: str, cell: types.CellType) -> Any:
        """What a library's function holds around another: of the library's own objects no more than can be told."""
        try:
            value = cell.cell_contents
        except ValueError:
            return [name, ["empty"]]
        kind = type(value)
        if isinstance(value, (types.FunctionType, type)) or not self._is_library_class(kind) or kind in CONTENT:
            return self._cell(name, cell)
        other = self._other()
        with contextlib.suppress(Uncacheable):
            form = other.form(value)
            if not other.objections:
                return [name, form]
        return [name, ["of a library", module_of(kind), kind.__qualname__]]

    def _attributes(self, function: types.FunctionType) -> Any:
        left_out = (*NO_STATE, *self._around.marks)
        return self.form({name: value for name, value in vars(function).items() if name not in left_out})

    def _cells(self, function: types.FunctionType) -> list[Any]:
        return [self._cell(name, cell) for name, cell in _cells(function)]

    def _cell(self, name: str, cell: types.CellType) -> Any:
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
        if self._is_library_class(cls):
            self._reading.reached(dotted)
            self.library(module)
            if not is_installed(cls) and cls.__flags__ & HEAP_TYPE:
                raise Uncacheable(f"the class {dotted} was made at run time", step=dotted)
            return ["installed", module, cls.__qualname__]
        self.add_effects(module)
        bases = [self.form(base) for base in cls.__bases__ if base is not object]
        maker = [] if type(cls) is type or self._is_library_class(type(cls)) else [self.form(type(cls))]
        members = [
            [name, self._member(cls, name, member)] for name, member in sorted(vars(cls).items()) if _counts(name)
        ]
        return ["class", cls.__qualname__, bases, maker, members]

    def _member(self, cls: type, name: str, member: Any) -> Any:
        try:
            return self.form(member)
        except Uncacheable as error:
            if error.step is not None or error.objections[0].rule != VALUE:
                raise
            raise Uncacheable(f"{cls.__qualname__}.{name}: {error.message}", step=name) from None

    def _builtin(self, value: Any) -> Any:
        owner = getattr(value, "__self__", None)
        if owner is not None and not isinstance(owner, types.ModuleType | type):
            return ["bound", value.__name__, self.form(owner)]
        dotted = dotted_name(value)
        self._reading.reached(dotted)
        self.library(dotted.partition(".")[0])
        return ["builtin", dotted]

    def _code(self, code: types.CodeType) -> Any:
        counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
        names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
        table = getattr(code, "co_exceptiontable", b"")
        constants = [self.form(constant) for constant in constants_of(code)]
        return ["code", code.co_name, code.co_code.hex(), table.hex(), *counts, *map(list, names), constants]

    def add_effects(self, module: str) -> None:
        """Add what a module, and those that it imports, do to others when they are loaded."""
        path = file_of(module)
        if path is not None and self._label(module) not in self._effects and not is_library(module):
            self._add_effects(module, path)

    def _add_effects(self, module: str, path: Path) -> None:
        label = self._label(module)
        if label in self._effects:
            return
        self._effects[label] = []  # it may import itself, by way of others
        if path.suffix != ".py":
            self._modules.add_source(label, module, path)
            return
        loaded = sys.modules.get(module)
        try:
            found = loading_of(source_of(path, loaded), _package(module, path), self._around.packages)
        except (SyntaxError, ValueError):
            raise Uncacheable(f"{path.name} is no Python that can be read", rule="unreadable-source") from None
        scope = vars(loaded) if loaded is not None else {}
        self._effects[label] = [
            *(self._effect(effect, scope) for effect in found.effects if not self._is_own(effect, scope)),
            *(["import", name] for name in found.unused if is_third_party(name)),
        ]
        for imported in found.imports:
            self.add_effects(imported)

    def _is_own(self, effect: Effect, scope: dict[str, Any]) -> bool:
        return bool(effect.roots) and all(root in scope and self._around.is_own(scope[root]) for root in effect.roots)

    def _effect(self, effect: Effect, scope: dict[str, Any]) -> Any:
        """A statement with what it reads of its module, as far as that has a form."""
        # What is against code that ran when the module was loaded is not against the task: nobody runs it again.
        other = self._other()
        read = []
        for name in effect.names:
            if name in scope and not self._around.is_own(scope[name]):
                try:
                    read.append([name, other.form(scope[name])])
                except Uncacheable:
                    read.append([name, ["formless"]])
        return [effect.text, read]

    def _other(self) -> Fingerprint:
        """Another one for the same key, whose objections are for itself."""
        other = Fingerprint(self._allow, self._around)
        other._modules, other._effects = Modules(self._modules), self._effects
        other._budget = other._aside = self._aside
        return other

    def _label(self, module: str) -> str:
        return "<main>" if self._around.aliases.match(module) else module


def _counts(name: str) -> bool:
    return name in KEPT or (name not in OF_CLASSES and not name.startswith(MACHINERY))


def _cells(function: types.FunctionType) -> Iterator[tuple[str, types.CellType]]:
    return zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)


def _package(module: str, path: Path) -> str:
    return module if path.name == "__init__.py" else module.rpartition(".")[0]
