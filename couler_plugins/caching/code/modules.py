"""Which code stands behind a module: a distribution in a certain state, or source of files that may change.

What is in Python's own library, or belongs to a distribution in a `site-packages` folder, is a library: nobody looks
into it. Where a file is decides, and not what its module is called: a folder in PYTHONPATH may hold another `profile`.
All else (the DAG bundle, the plugins folder, editable installs, folders in PYTHONPATH) is looked into. Of it, functions
and classes count by themselves, and a module by what it does when it is loaded.
"""

from __future__ import annotations

import hashlib
import importlib.machinery
import inspect
import sys
import types
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from couler_plugins.caching.code.distributions import needed_by, optionally_unobserved_by, owner_of, unobserved_by
from couler_plugins.caching.code.uncacheable import Uncacheable, nested_code
from couler_plugins.documents.mappings import by_key

ABSENT = "absent"


class Modules:
    """The modules behind some code, each by what tells one state of it from another.

    Args:
        others: what was found for another part of the same key.
    """

    def __init__(self, others: Modules | None = None) -> None:
        self._seen: set[str] = set()
        self._whole: set[str] = set()
        self._found: dict[str, str] = {} if others is None else others._found

    @property
    def form(self) -> list[list[str]]:
        """The modules as a key covers them."""
        return [[name, state] for name, state in sorted(self._found.items())]

    def add_library(self, name: str) -> None:
        """Add the distribution of a module of a library, with what that needs; Python's own is in every key."""
        if name in self._seen:
            return
        self._seen.add(name)
        path = file_of(name)
        if path is None:
            if not is_library(name):
                self._found[name] = "namespace" if _is_namespace(name) else ABSENT
            return
        owner = owner_of(path)
        if owner is not None and owner != "python":
            self._found |= dict.fromkeys([owner, *needed_by(owner)], "installed")

    def add_source(self, label: str, name: str, path: Path) -> bytes | None:
        """Add a module as a whole, by the content of its file; None where that was done before.

        Args:
            label: what a key calls it.
            name: its name.
            path: its file.

        Raises:
            Uncacheable: it cannot be read, or is not what was loaded any more.
        """
        if label in self._whole:
            return None
        self._whole.add(label)
        data = source_of(path, sys.modules.get(name))
        self._found[label] = hashlib.sha256(data).hexdigest()
        return data


def is_library(name: str) -> bool:
    """Return whether nobody looks into a module."""
    path = file_of(name)
    if path is not None:
        return owner_of(path) is not None
    return name.partition(".")[0] in sys.stdlib_module_names and not _is_namespace(name)


def unobserved_by_module(name: str, *, optional: bool = False) -> str:
    """Return the distribution of a library's module, or one that it needs, that may read files unseen; else empty.

    Args:
        name: the module.
        optional: whether it is looked for among those that it uses where they are installed instead.
    """
    path = file_of(name)
    owner = None if path is None else owner_of(path)
    if owner is None or owner == "python":
        return ""
    return optionally_unobserved_by(owner) if optional else unobserved_by(owner)


def is_third_party(name: str) -> bool:
    """Return whether a module belongs to a library that is not Python's own."""
    path = file_of(name)
    return path is not None and owner_of(path) not in (None, "python")


def is_library_code(code: types.CodeType) -> bool:
    """Return whether code was written in a file of a library: a decorator of one makes such functions for others."""
    return owner_of(Path(code.co_filename)) is not None


def module_of(kind: type) -> str:
    """The name of the module that a class says it is from; empty for the few that say none (some of protobuf's)."""
    named: object = kind.__module__
    return named if isinstance(named, str) else ""


def is_installed(value: Any) -> bool:
    """Return whether a library has a function or class under its own name, and has not made it for others."""
    module = getattr(value, "__module__", None)
    if not isinstance(module, str) or not is_library(module):
        return False
    result: Any = sys.modules.get(module)
    for part in value.__qualname__.split("."):
        result = getattr(result, part, None)
    return result is value or getattr(result, "__func__", None) is value


def dotted_name(value: Any) -> str:
    """Return where something comes from, as far as it says so."""
    named = value if hasattr(value, "__qualname__") else type(value)
    module = getattr(named, "__module__", None) or getattr(getattr(value, "__self__", None), "__name__", "builtins")
    return f"{module}.{getattr(named, '__qualname__', '')}"


def file_of(name: str) -> Path | None:
    """Return the file of a module, which is not imported for it; None where there is none, or no such module."""
    loaded = sys.modules.get(name)
    if loaded is not None:
        file = getattr(loaded, "__file__", None)
        return Path(file) if isinstance(file, str) else None
    spec = _spec(name)
    return Path(spec.origin) if spec is not None and spec.origin and spec.has_location else None


def has_source(name: str) -> bool:
    """Return whether there is such a module, with a file or as a folder of modules; it is not imported for it."""
    return file_of(name) is not None or _is_namespace(name)


def source_of(path: Path, loaded: types.ModuleType | None) -> bytes:
    """Return the content of a module's file.

    Args:
        path: the file; it may be in a zip archive.
        loaded: the module that was made of it, where it was loaded.

    Raises:
        Uncacheable: it cannot be read, or is not what was loaded any more.
    """
    try:
        data = read_file(path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        reason = f"the source {path.name} of a module that it uses cannot be read"
        raise Uncacheable(reason, rule="unreadable-source") from None
    # Who loads it in another way may have changed its code on purpose.
    plain = isinstance(getattr(loaded, "__loader__", None), importlib.machinery.SourceFileLoader)
    if loaded is not None and plain and path.suffix == ".py" and not is_current(loaded, path, data):
        raise Uncacheable(f"{path.name} has changed since it was loaded", rule="changed-source")
    return data


def read_file(path: Path) -> bytes:
    """Return the content of a file, which may be in a zip archive.

    Raises:
        OSError: it cannot be read.
        KeyError: it is not in the archive.
        BadZipFile: that is none.
    """
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        for parent in path.parents:
            if parent.is_file():
                with zipfile.ZipFile(parent) as archive:
                    return archive.read(path.relative_to(parent).as_posix())
        raise


def _is_namespace(name: str) -> bool:
    spec = getattr(sys.modules.get(name), "__spec__", None) or _spec(name)
    return spec is not None and spec.origin is None and spec.submodule_search_locations is not None


def _spec(name: str) -> importlib.machinery.ModuleSpec | None:
    """Return where a module would be loaded from; none of the packages around it is imported."""
    places = None
    spec = None
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        current = ".".join(parts[:end])
        loaded = sys.modules.get(current)
        if loaded is not None and end < len(parts):
            places = getattr(loaded, "__path__", None)
            if places is None:
                return None
            continue
        spec = _find(current, places)
        if spec is None:
            return None
        places = spec.submodule_search_locations
        if places is None and end < len(parts):
            return None
    return spec


def _find(name: str, places: object) -> importlib.machinery.ModuleSpec | None:
    """Ask the finders, those of editable installs among them."""
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        try:
            spec = find(name, places) if find is not None else None
        except (ImportError, ValueError, AttributeError):
            spec = None
        if isinstance(spec, importlib.machinery.ModuleSpec):
            return spec
    return None


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
    written = by_key((one.co_qualname, one) for one in nested_code(code))
    return all(loaded in written.get(loaded.co_qualname, ()) for loaded in _loaded(module))


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
