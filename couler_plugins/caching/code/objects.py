"""Objects and classes: what they are made of, and which members of classes say what they compute."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Iterator, Mapping, Sized
from typing import Any, Protocol

from couler_plugins.caching.code.modules import file_of, is_library, module_of
from couler_plugins.caching.code.sources import Sources
from couler_plugins.caching.code.uncacheable import Uncacheable
from couler_plugins.caching.code.values import (
    CONTENT,
    Surroundings,
    builtin_content,
    left_out,
    reduced,
    reduces_itself,
    remembered,
    slots_of,
)
from couler_plugins.hookspecs.caching import Objection

NO_STATE = ("__wrapped__", "__signature__")
"""Attributes of functions that say nothing of what they compute: the function inside is in their closure as well."""
OF_CLASSES = frozenset(
    {
        *("__dict__", "__weakref__", "__module__", "__doc__", "__qualname__", "__firstlineno__", "__abstractmethods__"),
        *(
            "__static_attributes__",
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
DESCRIBED = "__pydantic_fields__"
"""What classes have whose documentation is a part of what they make: of a schema."""
HEAP_TYPE = 1 << 9
"""The flag of classes that are made while a program runs (CPython's `Py_TPFLAGS_HEAPTYPE`)."""
OVERRIDES = ("__reduce__", "__reduce_ex__", "__getstate__", "__getnewargs__", "__getnewargs_ex__")


class Forms(Protocol):
    """What gives the forms of what objects are made of."""

    sources: Sources
    objections: list[Objection]

    def form(self, value: Any) -> Any:
        """Return the form of a value."""

    def cell(self, name: str, cell: types.CellType) -> Any:
        """Return the form of what a function holds by a name."""

    def other(self) -> Forms:
        """Return another one for the same key, whose objections are for itself."""


class Objects:
    """Gives the forms of objects, and of functions that libraries made for somebody.

    Args:
        forms: gives the forms of what they are made of.
        around: what is around the code.
    """

    def __init__(self, forms: Forms, around: Surroundings) -> None:
        self._forms = forms
        self._form = forms.form
        self._around = around
        self._libraries: dict[str, bool] = {}  # whether a module is one

    def form(self, value: Any, kind: type) -> Any:
        """Return the form of an object of a class.

        Raises:
            Uncacheable: it has none.
        """
        wrapped = getattr(value, "__wrapped__", None)
        if isinstance(wrapped, types.FunctionType) and module_of(kind) == "functools":
            state = {name: item for name, item in vars(value).items() if name not in (*NO_STATE, "cache_parameters")}
            parameters = [self._form(value.cache_parameters()), self._form(state)]
            return ["cached", self._form(wrapped), [self._form(item) for item in remembered(value)], *parameters]
        if self._is_compiled(kind):
            if wrapped is None:
                return ["of a library", *self._taken_apart(value, kind)]
            return ["proxy", kind.__qualname__, self._form(wrapped), self._form(getattr(value, "_self_wrapper", None))]
        own = [base for base in kind.__mro__ if not self.is_library_class(base)]
        behind = [base for base in kind.__mro__ if base not in own and base is not object]
        if not own:
            self._forms.sources.add_library(module_of(kind))
            return ["of a library", *self._taken_apart(value, kind)]
        if any(base not in CONTENT for base in behind) and any(map(_overrides, own)):
            raise Uncacheable(
                f"a {kind.__qualname__} says itself how it is kept, and no key can tell what it leaves out"
            )
        if all(base in CONTENT for base in behind):
            return ["object", self._form(kind), self._form(slots_of(value)), *map(self._form, builtin_content(value))]
        return ["object", self._form(kind), *self._taken_apart(value, kind, whole=True)]

    def _taken_apart(self, value: Any, kind: type, *, whole: bool = False) -> list[Any]:
        """The form of an object of a library: what it says that it is made of.

        Args:
            value: the object.
            kind: its class.
            whole: whether what it leaves out of that counts as well; of compiled code, that always counts.
        """
        reduction = reduced(value)
        if isinstance(reduction, str):
            if not reduction.replace(".", "_").isidentifier():
                raise Uncacheable(f"{reduction!r} was made of a function at run time, and no key can tell which")
            named = ["named", self._forms.sources.label(module_of(kind)), reduction]
            # What it is called says all of what a library has, and nothing of what was made for a user's module.
            module = getattr(value, "__module__", None)
            if not isinstance(module, str) or is_library(module):
                return named
            return [*named, self._held(slots_of(value))]
        factory, arguments, *state = reduction
        # Its own class is no name that code says: a generator with a state is not the class `Random`.
        made_of = [["its class"] if part is kind else self._form(part) for part in (factory, *arguments)]
        rest = self._held(left_out(value, state[0])) if whole or not reduces_itself(kind) else []
        return [self._forms.sources.label(module_of(kind)), kind.__qualname__, made_of, *map(self._form, state), rest]

    def _held(self, attributes: Mapping[str, Any]) -> list[Any]:
        return [self._cell_of_library(name, types.CellType(item)) for name, item in attributes.items()]

    def is_library_class(self, cls: type) -> bool:
        """Return whether a class comes from a library."""
        module = module_of(cls)
        if module not in self._libraries:
            own = not module or self._around.aliases.match(module)
            self._libraries[module] = not own and is_library(module)
        return self._libraries[module]

    def _is_compiled(self, kind: type) -> bool:
        """Whether a class comes from compiled code whose module has no file: nothing of its objects can be seen."""
        module = module_of(kind)
        if not module or self._around.aliases.match(module) or self.is_library_class(kind):
            return False
        # A class of Python may be in such a module as well.
        return "__weakref__" not in vars(kind) and not _has_functions(kind) and file_of(module) is None

    def library_function(self, function: types.FunctionType) -> Any:
        """Return the form of a function that a library made for somebody, whose code alone is the library's."""
        wrapped = getattr(function, "__wrapped__", None)
        annotations = getattr(wrapped, "__annotations__", None)
        cell_form = self._forms.cell if wrapped is None else self._cell_of_library
        return [
            "made",
            str(function.__globals__.get("__name__", "")),
            function.__code__.co_qualname,
            self._form(function.__defaults__),
            self._form(function.__kwdefaults__),
            [cell_form(name, cell) for name, cell in cells_of(function)],
            self._form(wrapped),
            None if not annotations else self._form(dict(annotations)),
            self._forms.sources.decorators(wrapped),
        ]

    def _cell_of_library(self, name: str, cell: types.CellType) -> Any:
        """What a library's function holds around another: of the library's own objects no more than can be told."""
        try:
            value = cell.cell_contents
        except ValueError:
            return [name, ["empty"]]
        kind = type(value)
        if isinstance(value, (types.FunctionType, type)) or not self.is_library_class(kind) or kind in CONTENT:
            return self._forms.cell(name, cell)
        other = self._forms.other()
        with contextlib.suppress(Uncacheable):
            form = other.form(value)
            if not other.objections:
                return [name, form]
        if _is_filled(value):
            raise Uncacheable(f"{name!r} holds something already, and no key can tell what", step=name)
        return [name, ["of a library", module_of(kind), kind.__qualname__]]


def members_of(cls: type) -> list[tuple[str, Any]]:
    """Return the members of a class that say what it computes, by name."""
    described = DESCRIBED in vars(cls)
    own = sorted(vars(cls).items())
    return [(name, member) for name, member in own if _counts(name) or (described and name == "__doc__")]


def order_of(cls: type) -> list[str]:
    """Return the names of a class's values in their order: who goes through them sees that, and of methods nothing."""
    return [name for name, member in vars(cls).items() if not name.startswith("__") and not _is_method(member)]


def options_of(cls: type) -> list[Any]:
    """Return what a class of msgspec was told beside its members: options, and what its fields are called outside."""
    if not hasattr(type(cls), "__struct_config__"):
        return []
    config = cls.__struct_config__  # type: ignore[attr-defined]
    options = {name: getattr(config, name) for name in sorted(dir(config)) if not name.startswith("_")}
    return [options, getattr(cls, "__struct_encode_fields__", ())]


def _has_functions(cls: type) -> bool:
    """Return whether a class, or one behind it, has methods that are written in Python."""
    return any(isinstance(member, types.FunctionType) for base in cls.__mro__ for member in vars(base).values())


def is_made(cls: type) -> bool:
    """Return whether a class was made while the program ran."""
    return bool(cls.__flags__ & HEAP_TYPE)


def _overrides(cls: type) -> bool:
    """Return whether a class says itself how its objects are taken apart."""
    return any(name in vars(cls) for name in OVERRIDES)


def _is_method(member: Any) -> bool:
    return callable(member) or isinstance(member, (property, staticmethod, classmethod))


def _counts(name: str) -> bool:
    return name in KEPT or (name not in OF_CLASSES and not name.startswith(MACHINERY))


def cells_of(function: types.FunctionType) -> Iterator[tuple[str, types.CellType]]:
    """Return what a function holds, by name."""
    return zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)


def _is_filled(value: Any) -> bool:
    try:
        return isinstance(value, Sized) and len(value) > 0
    except Exception:  # noqa: BLE001  # the object's own code may raise anything
        return True
