"""What the compiled code behind an operator names, read without the syntax trees that the adapter looks at."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator
from typing import Any

__all__ = ["functions_of", "names_of", "texts_of"]

CORE = ("airflow.sdk.", "airflow.models.", "airflow.utils.")


def functions_of(cls: type) -> set[types.FunctionType]:
    """Return the functions of providers that the methods of an operator's class reach by name, and these methods."""
    bases = [base for base in cls.__mro__ if not base.__module__.startswith(CORE)]
    waiting = [function for base in bases for member in vars(base).values() for function in _functions(member)]
    found: set[types.FunctionType] = set()
    while waiting:
        function = waiting.pop()
        if function in found:
            continue
        found.add(function)
        behind = [function.__globals__.get(name) for name in names_of(function)]
        behind += [getattr(function, "__wrapped__", None)]
        behind += [cell.cell_contents for cell in function.__closure__ or () if cell != types.CellType()]
        waiting += [one for value in behind for one in _functions(value)]
    return {function for function in found if "/airflow/providers/" in function.__code__.co_filename}


def names_of(function: types.FunctionType) -> set[str]:
    """Return all names in the code of a function."""
    return {name for code in _codes(function.__code__) for name in code.co_names}


def texts_of(function: types.FunctionType) -> set[str]:
    """Return all texts in the code of a function."""
    return {text for code in _codes(function.__code__) for text in _texts(code.co_consts)}


def _functions(member: Any) -> Iterator[types.FunctionType]:
    if isinstance(member, types.FunctionType):
        yield member
    elif isinstance(member, staticmethod | classmethod):
        yield from _functions(member.__func__)
    elif isinstance(member, property):
        yield from (*_functions(member.fget), *_functions(member.fset))
    elif isinstance(member, functools.cached_property):
        yield from _functions(member.func)


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            yield from _codes(part)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple | frozenset):
        for part in value:
            yield from _texts(part)
