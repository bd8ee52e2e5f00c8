"""What the code of tasks pulls of other tasks. Code is read, not run, and read as far as names and values lead.

A function is followed to what it calls: by names of globals and of its own imports, by what is bound to it (closures,
defaults, partials, the objects of methods), and what wraps it. Code that came with Python or a package knows no tasks,
unless its file has the word `xcom_pull` in it.
"""

from __future__ import annotations

import ast
import contextlib
import dis
import functools
import importlib
import sysconfig
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from couler_airflow.pulls import PULL, Named, named
from couler_plugins.caching.code.modules import file_of, module_of
from couler_plugins.caching.code.names import names_of, syntax_of

PULLS = frozenset({PULL, f"a{PULL}"})
ASKING = frozenset({"get_task_breadcrumbs", "get_task_states", "get_ti_count"})
"""What asks for the states of tasks by the ids of a DAG and a run."""
EARLIER = frozenset(
    {
        "get_previous_dagrun",
        "get_previous_ti",
        *(f"prev_{what}_success" for what in ("data_interval_end", "data_interval_start", "end_date", "start_date")),
    }
)
"""What asks for the run before, of which a part has its own."""
STORES = frozenset({"BaseXCom", "XCom", "XComModel"})
"""Where results are kept: who names these pulls past `xcom_pull`."""
INSTALLED = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
THEIRS = ("airflow.", "couler_")
"""Modules whose code pulls what it is told to by arguments, which are looked at by themselves."""
PLAIN = frozenset({bool, bytes, complex, float, int, str, type(None)})
MAPPING = (dict, types.MappingProxyType)
HOLDING = (*MAPPING, frozenset, list, set, tuple)
UNKNOWN = Named(..., ..., ...)


class Code:
    """What functions, and objects that hold some, pull; each is read once."""

    def __init__(self) -> None:
        self._read: dict[types.FunctionType, tuple[frozenset[Named], tuple[Any, ...]]] = {}
        self._kept: dict[int, tuple[Any, frozenset[Named]]] = {}  # with the value, so that it lives

    def pulled(self, source: Any) -> frozenset[Named]:
        """What a function or an object pulls, with all that it calls; `UNKNOWN` for what only the run can tell.

        Args:
            source: a function, a class or any value, as far as it is no part of Airflow.
        """
        if type(source) in PLAIN:
            return frozenset()
        if id(source) not in self._kept:
            self._kept[id(source)] = (source, frozenset(self._walked(source)))
        return self._kept[id(source)][1]

    def _walked(self, source: Any) -> set[Named]:
        names: set[Named] = set()
        seen: dict[int, Any] = {}
        waiting: list[tuple[Any, str]] = [(source, "")]
        while waiting:
            value, package = waiting.pop()
            if type(value) in PLAIN or id(value) in seen:
                continue
            seen[id(value)] = value
            if type(value) is types.FunctionType:
                waiting += ((item, _package(value)) for item in _bound(value))
                if _is_own(value, package) or value is source:
                    pulls, called = self._reading(value)
                    names |= pulls
                    waiting += ((item, _package(value)) for item in called)
            else:
                waiting += ((item, package) for item in _within(value))
        return names

    def _reading(self, function: types.FunctionType) -> tuple[frozenset[Named], tuple[Any, ...]]:
        if str(function.__module__).startswith(THEIRS):
            return frozenset(), ()
        if function not in self._read:
            names = names_of(function.__code__, str(function.__globals__.get("__package__") or ""))
            called = (*_chained(function.__globals__, names.chains), *_imported(names.imports))
            said = {*names.attributes, *(name for chain in (*names.chains, *names.imports) for name in chain)}
            words = {*said, *_words(function.__code__)}
            # An annotation of Airflow's names no store, but what code names is one, under whatever name it has here.
            stored = not said.isdisjoint(STORES) or any(_is_store(value) for value in called)
            pulls = set() if words.isdisjoint(PULLS) else set(_pulls(function))
            if stored or not words.isdisjoint(ASKING):
                pulls.add(UNKNOWN)
            if not words.isdisjoint(EARLIER):
                pulls.add(Named((), None, "", past=True))
            self._read[function] = frozenset(pulls), called
        return self._read[function]


def _is_own(function: types.FunctionType, package: str) -> bool:
    """Whether it may pull: it came with no package, or is called from that package itself, or its file says so."""
    file = function.__code__.co_filename
    return not file.startswith(INSTALLED) or _package(function) == package != "" or _names_pulls(file)


@functools.cache
def _names_pulls(file: str) -> bool:
    try:
        return PULL.encode() in Path(file).read_bytes()
    except OSError:
        return False


def _package(function: types.FunctionType) -> str:
    return (function.__module__ or "").partition(".")[0]


def _is_store(value: Any) -> bool:
    return isinstance(value, type) and module_of(value).startswith(THEIRS) and value.__name__ in STORES


def _bound(function: types.FunctionType) -> Iterator[Any]:
    """What belongs to a function beside its code: also what wraps another one, whoever has written it."""
    yield getattr(function, "__wrapped__", None)
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # it is bound later
            yield cell.cell_contents


def _within(value: Any) -> Iterator[Any]:
    """What else than a function holds some."""
    kind = type(value)
    if kind is types.MethodType:
        yield from (value.__func__, value.__self__)
    elif kind in (staticmethod, classmethod):
        yield value.__func__
    elif kind is property:
        yield from (value.fget, value.fset)
    elif kind is functools.partial:
        yield from (value.func, value.args, value.keywords)
    elif issubclass(kind, HOLDING):
        yield from value.values() if issubclass(kind, MAPPING) else value
    elif issubclass(kind, type):
        for base in value.__mro__:
            if _is_written(base):
                yield from vars(base).values()
    elif module_of(kind).startswith(THEIRS):
        yield getattr(value, "function", None) if kind.__name__.endswith("Decorator") else None  # of @task
    else:
        yield getattr(value, "__wrapped__", None) if kind.__module__ == "functools" else None  # of lru_cache
        if _is_written(kind):
            yield kind
            yield from _state(value)


def _state(value: Any) -> Iterator[Any]:
    """What an object holds, asked past what it may have to say when it is asked for attributes."""
    with contextlib.suppress(AttributeError):
        yield from object.__getattribute__(value, "__dict__").values()
    for base in type(value).__mro__:
        for slot in vars(base).values():
            if type(slot) is types.MemberDescriptorType:
                with contextlib.suppress(AttributeError):  # nothing is in it
                    yield slot.__get__(value)


def _is_written(kind: type) -> bool:
    """Whether a class is one that a user has written: none of Python, of Airflow or of a package."""
    if module_of(kind).startswith(THEIRS) or kind.__module__ == "builtins":
        return False
    functions = (item for item in vars(kind).values() if type(item) is types.FunctionType)
    first = next(functions, None)
    return first is None or not first.__code__.co_filename.startswith(INSTALLED)


def _chained(scope: Mapping[str, Any], chains: tuple[tuple[str, ...], ...]) -> tuple[Any, ...]:
    return tuple(_followed(scope.get(root), path) for root, *path in chains)


def _imported(imports: tuple[tuple[str, ...], ...]) -> Iterator[Any]:
    """What a body imports by itself, of modules that came with no package: loading those is what the body does, too."""
    for module, *path in imports:
        file = file_of(module)
        if file is not None and not str(file).startswith(INSTALLED):
            with contextlib.suppress(Exception):  # a module's own code may raise anything
                yield _followed(importlib.import_module(module), path)


def _followed(value: Any, path: list[str]) -> Any:
    """What attributes of a module lead to; of anything else, all that it holds is looked at."""
    for name in path:
        if type(value) is not types.ModuleType:
            break
        value = vars(value).get(name)
    return value


def _words(code: types.CodeType) -> Iterator[str]:
    """The names and texts in some code by which it may ask for a method: `getattr(ti, "xcom_pull")`."""
    yield from code.co_varnames
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _words(constant)
        elif isinstance(constant, str):
            yield constant
        elif isinstance(constant, (tuple, frozenset)):
            yield from (item for item in constant if isinstance(item, str))


def _pulls(function: types.FunctionType) -> Iterator[Named]:
    tree = syntax_of(function.__code__)
    if tree is None:
        yield UNKNOWN
        return
    calls = {node.func: node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    written = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in PULLS]
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    if len(written) < len(_places(function.__code__)) or any(text in PULLS for text in texts if isinstance(text, str)):
        yield UNKNOWN  # Python gives the source of a lambda only as far as its first line goes
    for node in written:
        yield named(calls[node]) if node in calls else UNKNOWN


def _places(code: types.CodeType) -> set[tuple[Any, ...]]:
    """Where code reads an attribute that pulls."""
    inner = (item for item in code.co_consts if isinstance(item, types.CodeType))
    here = {tuple(item.positions or ()) for item in dis.get_instructions(code) if item.argval in PULLS}
    return here.union(*map(_places, inner))
