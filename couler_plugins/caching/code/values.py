"""Values as JSON that tells any two apart which a task could tell apart: what keys are made of.

Each form names its kind, so that no value passes for another one: 1, True, "1" and 1.0 are four. Only exact types are
taken for what they are: a subclass of `dict` is an object with a class. Nothing is pickled; how libraries take their
objects apart for pickle (PEP 307) is asked, since that is all of them.

What an engine puts around the code of its users: a fingerprint is told of it, and knows no engine.
"""

from __future__ import annotations

import contextvars
import copyreg
import dataclasses
import enum
import functools
import gc
import hashlib
import logging
import re
import struct
import threading
import types
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import PosixPath
from typing import Any

from couler_plugins.caching.code.modules import is_library
from couler_plugins.caching.code.uncacheable import Uncacheable

Form = Callable[[Any], Any]
"""The form of what a value is made of."""

LONG = 64
"""Texts and bytes that are longer stand in a form by their digest."""

CONTENT: dict[type, Callable[[Any], Any]] = {
    dict: lambda value: dict(dict.items(value)),
    list: lambda value: list(list.__iter__(value)),
    tuple: lambda value: tuple(tuple.__iter__(value)),
    set: lambda value: set(set.__iter__(value)),
    frozenset: lambda value: frozenset(frozenset.__iter__(value)),
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
    bytearray: lambda value: bytes(bytearray.__getitem__(value, slice(None))),
}
"""What is in an object whose class is made of a builtin one, whatever methods the class has."""

KEY = type(functools.cmp_to_key(lambda one, other: 0))
WEAK = (weakref.WeakSet, weakref.WeakKeyDictionary, weakref.WeakValueDictionary)

STATELESS = (*(type(threading.Lock()), type(threading.RLock()), threading.Condition),)
"""Who holds a lock is no part of a result."""
LOGGERS = ("structlog.", "loguru.")
"""What is logged is none either."""
OF_MEMBERS = frozenset({"_value_", "_name_", "__objclass__", "_sort_order_"})
"""What each member of an enumeration has."""


def atom_form(value: Any, kind: type) -> Any:
    """Return the form of a value that is made of nothing else; None where it is made of others, or an object."""
    if kind is str:
        if len(value) <= LONG:
            return ["str", value]
        return ["text", len(value), _digest(value.encode("utf-8", "surrogatepass"))]
    if kind is int:
        return ["int", hex(value)]
    if kind is bool:
        return ["bool", value]
    if kind is float:
        return ["float", value.hex()]
    if kind is complex:
        return ["complex", value.real.hex(), value.imag.hex()]
    if kind is bytes or kind is bytearray:
        return [kind.__name__, _digest(value)]
    if kind is PosixPath:
        return ["path", str(value)]
    if value is None or value is ... or value is NotImplemented:
        return ["singleton", repr(value)]
    return None


def parts_of(value: Any, kind: type, form: Form) -> Any:
    """Return the form of a builtin container of the exact type, or None where it is none."""
    if kind is list or kind is tuple:
        return [kind.__name__, [form(item) for item in value]]
    if kind is dict or kind is types.MappingProxyType:
        # Their order can be seen. What is looked at may be filled meanwhile, by another thread or by the look itself.
        return ["dict", [[form(key), form(item)] for key, item in [*value.items()]]]
    if kind is set or kind is frozenset:
        return [kind.__name__, sorted((form(item) for item in [*value]), key=repr)]
    if kind is range or kind is slice:
        return [kind.__name__, *(form(part) for part in (value.start, value.stop, value.step))]
    if isinstance(value, enum.Enum):
        own = {name: item for name, item in vars(value).items() if name not in OF_MEMBERS}
        return ["enum", form(kind), value.name, form(value._value_), form(own)]
    if isinstance(value, threading.Semaphore):
        return ["semaphore", form(value._value)]
    if kind.__name__ == "ndarray" and kind.__module__ == "numpy" and not value.dtype.hasobject:
        # As it would be taken apart, without a copy of it.
        flat = value if value.flags.c_contiguous or value.flags.f_contiguous else value.copy()
        order = "C" if flat.flags.c_contiguous else "F"
        content = memoryview(flat if order == "C" else flat.T).cast("B") if flat.size else b""
        return ["array", form(value.dtype), list(value.shape), order, value.flags.writeable, _digest(content)]
    return _parts_of_holder(value, kind, form)


def _parts_of_holder(value: Any, kind: type, form: Form) -> Any:
    """Return the form of an object of Python's library that cannot be taken apart for pickle, or None."""
    if kind is struct.Struct:
        return ["struct", value.format]
    if kind is contextvars.ContextVar:
        # In a new context it is what it is by default.
        contexts = contextvars.Context(), contextvars.copy_context()
        return ["context variable", value.name, *(_held(context, value, form) for context in contexts)]
    if kind is KEY:  # CPython visits its class, the function, and what it holds
        return ["comparison", [form(item) for item in gc.get_referents(value) if item is not kind]]
    if kind in WEAK:
        if len(value):
            raise Uncacheable(f"a {kind.__name__} holds something, and nobody can tell for how long")
        return ["weak", kind.__name__]
    return None


def _held(context: contextvars.Context, variable: contextvars.ContextVar[Any], form: Form) -> list[Any]:
    try:
        value = context.run(variable.get)
    except LookupError:
        return []
    return [form(value)]


def is_stateless(value: Any) -> bool:
    """Return whether nothing that a value holds can be part of a result."""
    kind = type(value)
    return kind in STATELESS or str(kind.__module__).startswith(LOGGERS)


def logger_parts(value: Any) -> dict[str, Any] | None:
    """Return what a result can have of a logger: its name, and what it was given beside; None where it is none."""
    if isinstance(value, logging.Logger):
        plain = vars(logging.Logger("", logging.NOTSET))
        return {"name": value.name, **{name: item for name, item in vars(value).items() if name not in plain}}
    return dict(vars(value)) if isinstance(value, logging.LoggerAdapter) else None


def builtin_content(value: Any) -> Iterator[Any]:
    """Give what an object holds as a list, a dict, a text, … whose subclass its class is; nothing where it is none."""
    for base in type(value).__mro__:
        if base in CONTENT:
            yield CONTENT[base](value)
            return


def remembered(function: Any) -> list[Any]:
    """Return what a function cached by `lru_cache` holds already: results, and what they were computed from.

    Raises:
        Uncacheable: it cannot be looked into.
    """
    if not function.cache_info().currsize:
        return []
    # CPython visits keys and results, oldest first, then the dictionary of both, then the function.
    referents = gc.get_referents(function)
    end = next((place for place, item in enumerate(referents) if item is function.__wrapped__), 0)
    if not end or type(referents[end - 1]) is not dict:
        raise Uncacheable(f"{function.__qualname__} remembers results, and nobody can tell which")
    *visited, cache = referents[:end]
    links = {type(function), *(type(link) for link in cache.values() if type(link).__name__ == "_lru_list_elem")}
    return [item for item in visited if not (isinstance(item, type) and item in links)] or [cache]


def slots_of(value: Any) -> dict[str, Any]:
    """Return what an object holds in slots and in its dictionary, by name; without what is not set."""
    result = dict(getattr(value, "__dict__", None) or {})
    for base in type(value).__mro__:
        slots = vars(base).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            member = vars(base).get(_mangled(base, name))
            if isinstance(member, types.MemberDescriptorType):
                try:
                    result[name] = member.__get__(value)
                except AttributeError:
                    continue
    return result


def left_out(value: Any, state: Any) -> dict[str, Any]:
    """Return the attributes of an object, by name, that what it says of its state leaves out.

    A base of compiled code knows nothing of what classes behind it add, and a library's own may leave out anything.
    """
    said = {name for part in (state if type(state) is tuple else (state,)) if type(part) is dict for name in part}
    # Who remembers a hash has one that is another in each process.
    return {name: item for name, item in slots_of(value).items() if name not in said and "hash" not in name}


def reduces_itself(kind: type) -> bool:
    """Return whether a class of Python says how its objects are taken apart, or leaves it to Python."""
    for base in kind.__mro__:
        method = vars(base).get("__reduce_ex__") or vars(base).get("__reduce__")
        if method is not None:
            return base is object or isinstance(method, types.FunctionType)
    return True


def reduced(value: Any) -> Any:
    """Take an object of a library apart as it says itself: its constructor and state, or the name that it has.

    Raises:
        Uncacheable: it cannot be taken apart.
    """
    reduce: Any = copyreg.dispatch_table.get(type(value))
    try:
        reduction = reduce(value) if reduce is not None else value.__reduce_ex__(4)
    except Exception as error:  # noqa: BLE001  # the object's own code may raise anything
        raise Uncacheable(f"a {type(value).__qualname__} has no form for a key ({type(error).__name__})") from None
    if isinstance(reduction, str):
        return reduction
    factory, arguments, *rest = reduction
    state, items, pairs = (*rest, None, None, None)[:3]
    return [factory, arguments, state, None if items is None else [*items], None if pairs is None else [*pairs]]


@functools.lru_cache(maxsize=4096)
def _mangled(base: type, name: str) -> str:
    private = name.startswith("__") and not name.endswith("__")
    return f"_{base.__name__.lstrip('_')}{name}" if private else name


def _digest(data: Any) -> str:
    return hashlib.sha256(data).hexdigest()


def count_own(value: Any, path: Sequence[str]) -> int:
    """Return how many attributes of a path are found in modules, classes and objects of users: they have a form."""
    for count, name in enumerate(path):
        if isinstance(value, types.ModuleType):
            if is_library(value.__name__) or name not in vars(value):
                return count
            value = vars(value)[name]
            continue
        if is_library(str(type(value).__module__)):
            return count
        own = [vars(base) for base in type(value).__mro__ if not is_library(str(base.__module__))]
        return count + any(name in found for found in (*own, slots_of(value)))
    return len(path)


def _none(*_: Any) -> None:
    return None


def _no(*_: Any) -> bool:
    return False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What an engine puts around code.

    Attributes:
        packages: its packages: what a module does with them when it is loaded is writing workflows down.
        aliases: matches the names of modules that have another name wherever their file is.
        opaque: functions, by module and name, whose own code is no matter: their arguments say all that they give.
        marks: attributes of functions that say how they are cached.
        is_own: tells what is a part of a workflow, and no code of its user.
        special: gives the form of what the engine hands to a body in the place of a value; None for all else.
        words: what of the engine's own a body reaches by name, as in `reach`.
        observed: what is seen while a body runs, and so is nothing to object to before.
        remedy: what an owner may declare against an objection to a kind of reach; empty for nothing.
    """

    packages: tuple[str, ...] = ()
    aliases: re.Pattern[str] = re.compile(r"__main__$")
    opaque: frozenset[str] = frozenset()
    marks: tuple[str, ...] = ()
    is_own: Callable[[Any], bool] = _no
    special: Callable[[Any, Form], Any] = _none
    observed: frozenset[str] = frozenset()
    words: tuple[tuple[str, re.Pattern[str]], ...] = ()
    remedy: Callable[[str], str] = lambda kind: ""
