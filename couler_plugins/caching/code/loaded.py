"""Whether what was loaded from a file is still what the file says: workers load code before tasks of theirs begin."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator, Mapping
from pathlib import Path

__all__ = ["is_current"]


def is_current(module: types.ModuleType, path: Path, data: bytes) -> bool:
    """Return whether the functions and methods that a module has are those of its file now.

    Args:
        module: the module.
        path: its file.
        data: what is in it, Python source.
    """
    try:
        code = compile(data, str(path), "exec", dont_inherit=True)
    except (ValueError, SyntaxError):
        return False
    written: dict[str, list[types.CodeType]] = {}
    for one in _all(code):
        written.setdefault(one.co_qualname, []).append(one)
    return all(loaded in written.get(loaded.co_qualname, ()) for loaded in _loaded(module))


def _all(code: types.CodeType) -> Iterator[types.CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from _all(constant)


def _loaded(module: types.ModuleType) -> Iterator[types.CodeType]:
    """The code of the functions that were defined in the module's own file; decorators may hide some."""
    scopes: list[Mapping[str, object]] = [vars(module)]
    scopes += [
        vars(cls) for cls in vars(module).values() if isinstance(cls, type) and cls.__module__ == module.__name__
    ]
    for scope in scopes:
        for value in tuple(scope.values()):
            function = inspect.unwrap(getattr(value, "__func__", value)) if callable(value) else None
            code = getattr(function, "__code__", None)
            if isinstance(code, types.CodeType) and code.co_filename == module.__file__:
                yield code
