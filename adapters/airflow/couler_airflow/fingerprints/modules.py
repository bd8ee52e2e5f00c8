"""Which code stands behind a module's name: the version of a distribution, or the source of files that may change.

What is in Python's own library, or belongs to a distribution in a `site-packages` folder, is known by a version. All
else (the DAG bundle, the plugins folder, editable installs, folders in PYTHONPATH) is known by its source, with what it
imports.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.machinery
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from couler_airflow.fingerprints.distributions import needed_by, owner_of
from couler_airflow.fingerprints.loaded import is_current
from couler_airflow.uncacheable import Uncacheable

__all__ = [
    "DAG_FILE",
    "DAG_MODULES",
    "Modules",
    "file_of",
    "is_installed",
    "is_library",
    "label_of",
    "module_of",
    "source_of",
]

ABSENT = "absent"

DAG_FILE = "<dag file>"
"""What keys call the DAG file."""

DAG_MODULES = "unusual_prefix_"
"""How the names begin that Airflow gives to DAG files."""


class Modules:
    """The modules behind some code, each by what tells one state of it from another."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._found: dict[str, str] = {}

    @property
    def form(self) -> list[list[str]]:
        """The modules as a key covers them."""
        return [[name, state] for name, state in sorted(self._found.items())]

    def add(self, name: str) -> None:
        """Adds a module and the packages around it, and what they import as far as they are known by their source.

        Raises:
            Uncacheable: the source of one cannot be read.
        """
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            self._add_one(".".join(parts[:end]))

    def add_if_module(self, name: str) -> None:
        """Adds what is taken from a package where it is a module of that and not a name in it."""
        package, _, last = name.rpartition(".")
        if _is_module(package, last):
            self.add(name)

    def add_file(self, label: str, path: Path, loaded: types.ModuleType | None) -> None:
        """Adds a file of source by its content, under a name that does not say where it is.

        Args:
            label: the name.
            path: the file.
            loaded: the module that was made of it, where it was loaded.

        Raises:
            Uncacheable: it cannot be read, or is not what was loaded any more.
        """
        digest, imports = source_of(path)
        if loaded is not None and not is_current(loaded, path):
            raise Uncacheable(f"{path.name} has changed since it was loaded", rule="changed-source")
        self._found[label] = digest
        for imported in imports:
            self.add(imported)

    def _add_one(self, name: str) -> None:
        if name in self._seen or name.partition(".")[0] in sys.stdlib_module_names:
            return
        self._seen.add(name)  # it may import itself, by way of others
        path = file_of(name)
        if path is None:
            self._found[name] = "namespace" if _is_namespace(name) else ABSENT
        elif (owner := owner_of(path)) is not None:
            self._found |= dict.fromkeys([owner, *needed_by(owner)], "installed")
        else:
            self.add_file(name, path, sys.modules.get(name))


def label_of(module: str) -> str:
    """Return what a key calls a module: that of the DAG file has another name in each folder, and as a program."""
    return DAG_FILE if module.startswith(DAG_MODULES) or module == "__main__" else module


def is_library(name: str) -> bool:
    """Whether a module is known by a version, so that nobody looks into it."""
    if name.partition(".")[0] in sys.stdlib_module_names:
        return True
    path = file_of(name)
    return path is not None and owner_of(path) is not None


def module_of(kind: type) -> str:
    """The name of the module that a class says it is from; empty for the few that say none (some of protobuf's)."""
    named: object = kind.__module__
    return named if isinstance(named, str) else ""


def is_installed(value: Any) -> bool:
    """Whether a function or class is one that a library has under its own name, and not one that it made for others.

    A decorator of a library makes functions, too: they are of the library's code and somebody else's functions.
    """
    module = str(value.__module__)
    if not is_library(module):
        return False
    found: Any = sys.modules.get(module)
    for part in value.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is value or getattr(found, "__func__", None) is value


def file_of(name: str) -> Path | None:
    """The file of a module, which is not imported for it; None where there is none, or no such module."""
    loaded = sys.modules.get(name)
    if loaded is not None:
        file = getattr(loaded, "__file__", None)
        return Path(file) if file else None
    spec = _spec(name)
    return Path(spec.origin) if spec is not None and spec.origin and spec.has_location else None


def _is_namespace(name: str) -> bool:
    spec = getattr(sys.modules.get(name), "__spec__", None) or _spec(name)
    return spec is not None and spec.origin is None and spec.submodule_search_locations is not None


def _spec(name: str) -> importlib.machinery.ModuleSpec | None:
    """Where a module would be loaded from; none of the packages around it is imported."""
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
    """Asks the finders, those of editable installs among them."""
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        try:
            spec = find(name, places) if find is not None else None
        except (ImportError, ValueError, AttributeError):
            spec = None
        if isinstance(spec, importlib.machinery.ModuleSpec):
            return spec
    return None


def source_of(path: Path) -> tuple[str, tuple[str, ...]]:
    """The sha256 of a file and, where it is Python, the modules that it imports.

    Raises:
        Uncacheable: it cannot be read.
    """
    try:
        status = path.stat()
        return _source_of(path, status.st_mtime_ns, status.st_size)
    except (OSError, ValueError, SyntaxError):
        raise Uncacheable(
            f"the source {path.name} of a module that it uses cannot be read", rule="unreadable-source"
        ) from None


@functools.lru_cache(maxsize=4096)
def _source_of(path: Path, modified: int, size: int) -> tuple[str, tuple[str, ...]]:
    data = path.read_bytes()
    imports: tuple[str, ...] = ()
    if path.suffix == ".py":
        imports = tuple(sorted({*_imports(ast.parse(data), _package_of(path))}))
    return hashlib.sha256(data).hexdigest(), imports


def _package_of(path: Path) -> list[str]:
    """The package that relative imports in a file start from, as far as folders tell."""
    parts: list[str] = []
    for folder in path.parents:
        if not (folder / "__init__.py").exists():
            break
        parts.insert(0, folder.name)
    return parts


def _imports(tree: ast.AST, package: list[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            if module:
                yield module
                # What is taken from a package may be a module of it.
                yield from (f"{module}.{alias.name}" for alias in node.names if _is_module(module, alias.name))


def _is_module(package: str, name: str) -> bool:
    return name != "*" and not is_library(package) and file_of(f"{package}.{name}") is not None
