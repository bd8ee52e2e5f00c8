"""Reads from outside of the process while a module is loaded, and names that are known to have effects.

What walks through the code of modules find, and what they share.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import os
import re
import types
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from couler_plugins.caching.code.effects.abstract import ATOMS, Abstract, Known, Made, Marks, dotted_name
from couler_plugins.caching.code.modules import read_file
from couler_plugins.caching.code.reach import kind_of
from couler_plugins.caching.code.uncacheable import Uncacheable
from couler_plugins.caching.code.values import Surroundings

SETS = re.compile(
    r"_*(?:set|del|reg|conf|enabl|disabl|use|patch|install|init|add|updat|seed|activ|load_|basic|filter|append|exec|eval|run_path|run_module|start$|enter_context|_enter_)"
)
"""How functions of libraries are named whose result is kept although they do something else."""

WRITERS = ("setattr", "delattr", "exec", "eval")
"""Builtin functions that do."""

SAYS = frozenset({"print", "debug", "info", "warning", "error", "exception", "log", "critical"})

PLAIN = (
    *("property", "staticmethod", "classmethod", "abstractmethod", "cached_property", "contextmanager", "wraps"),
    *("asynccontextmanager", "lru_cache", "cache", "total_ordering", "singledispatch", "singledispatchmethod"),
    *("dataclass", "define", "frozen", "mutable", "attrs", "s", "final", "override", "overload", "runtime_checkable"),
    *("retry", "validate_call", "field_validator", "model_validator", "validator", "root_validator", "computed_field"),
    *("field_serializer", "model_serializer", "jit", "njit", "vectorize", "unique", "dataclass_transform"),
    *("deprecated", "cached", "never", "setter", "getter", "deleter", "partial", "partialmethod"),
)
"""Decorators of libraries that change what a name stands for, and nothing else."""

METACLASSES = (
    *("builtins", "abc", "enum", "typing", "typing_extensions", "pydantic", "msgspec", "ctypes", "_ctypes"),
    *("sqlmodel", "attr", "attrs", "collections"),
)
"""Packages whose metaclasses tell nobody else of a new class."""

COPIES = re.compile(r"(?:deep)?copy|read_\w+|loads?|safe_load|fromkeys|split\w*|sorted")
"""Functions of libraries that return something that nobody else has."""

IMPORTERS = ("import_module", "__import__", "run_module", "import_string", "resolve_name", "locate", "load_module")
"""Functions that import what a text names."""

READERS = re.compile(r"open|read_\w+|run_path|load_dotenv|fileConfig|spec_from_file_location")
"""Functions that read a file which their first argument, or what they are called on, names."""


UNSEEN = ("environment", "variables", "connections", "network", "programs")
QUIET = ("setdefault", "update", "pop", "__setitem__", "__delitem__", "putenv", "unsetenv")
ASKING = {
    **dict.fromkeys(("variables", "connections"), re.compile("get")),
    "network": re.compile(
        "get|post|put|patch|head|request|send|recv|url|fetch|execut|scalar|quer|all|first|one|read|connect|open|download"
        "|list|describe|run|invoke|call|load|pull|consum|sync|create"
    ),
}
"""How functions begin that ask for something, of those that may reach such things."""
WRITING = frozenset("wax")
LARGEST = 16 << 20


class Read(NamedTuple):
    """Something that is read.

    Attributes:
        kind: `environment`, `files`, `network`, …
        name: the variable, or the path; empty where it cannot be told.
        said: what reads it.
    """

    kind: str
    name: str
    said: str


def is_environment(value: Abstract) -> bool:
    """Return whether something is the environment of the process."""
    return isinstance(value, Known) and (value.value is os.environ or value.value is os.environb)


def variable(key: Abstract | None, said: str) -> Read:
    """Return the reading of a variable, as far as its name is known."""
    name = key.value if isinstance(key, Known) and isinstance(key.value, str) else ""
    return Read("environment", name, said)


def read_by(
    node: ast.Call, receiver: Abstract | None, called: Abstract, arguments: Sequence[Abstract], around: Surroundings
) -> Read | None:
    """Return what a call reads from outside; None where that is nothing.

    Args:
        node: the call.
        receiver: what a method is called on.
        called: what is called.
        arguments: its arguments.
        around: what an engine puts around code.
    """
    said = ast.unparse(node.func)
    name = said.rpartition(".")[2]
    first = arguments[0] if arguments else None
    if receiver is not None and is_environment(receiver):
        return None if name in QUIET else variable(first if name == "get" else None, said)
    dotted = _dotted(called, receiver, name)
    if dotted == "os.getenv":
        return variable(first, said)
    kind = next((kind for kind, word in around.words if word.match(dotted)), None) or kind_of(dotted)
    if READERS.fullmatch(name) or name in ("read_text", "read_bytes"):
        path = receiver if isinstance(receiver, Known) and isinstance(receiver.value, PurePath) else first
        if name == "open" and _writes(node):
            return None
        if isinstance(path, Known) and isinstance(path.value, (str, PurePath)):
            return Read("files", str(path.value), said)
        opened = kind == "files" or (isinstance(receiver, Made) and issubclass(receiver.cls, PurePath))
        return Read("files", "", said) if opened or name.startswith(("read_", "run_")) else None
    if any(is_environment(item) for item in arguments):
        return Read("environment", "", said)
    matches = kind not in ASKING or ASKING[kind].match(name) is not None
    return Read(kind, "", said) if kind in UNSEEN and matches and name not in QUIET else None


def form_of(read: Read, file: str) -> list[Any]:
    """Return what was read, for a key.

    Args:
        read: what is read.
        file: the file of the module that reads it.

    Raises:
        Uncacheable: nobody can tell what that is.
    """
    if read.name and read.kind == "environment":
        return ["environment", read.name, os.environ.get(read.name)]
    if read.name and read.kind == "files" and Path(read.name).is_absolute():
        path = Path(read.name)
        try:
            if path.is_file() and path.stat().st_size > LARGEST:
                return ["file", read.name, path.stat().st_mtime_ns]
            return ["file", read.name, hashlib.sha256(read_file(path)).hexdigest()]
        except (OSError, ValueError, KeyError):
            return ["file", read.name, None]
    raise Uncacheable(
        f"{Path(file).name} changes others when it is loaded, by what {read.said} reads ({read.kind}), and no key can "
        "tell what that was; it can where a name of the module stands for what was read",
        rule="reads",
    )


def _dotted(called: Abstract, receiver: Abstract | None, name: str) -> str:
    if not isinstance(called, Known):
        base = receiver.cls if isinstance(receiver, Made) else getattr(receiver, "value", None)
        kind = base if isinstance(base, type) else type(base)
        return f"{kind.__module__}.{kind.__qualname__}.{name}"
    return dotted_name(called.value)


def _writes(node: ast.Call) -> bool:
    modes = [*node.args[:2], *(item.value for item in node.keywords if item.arg == "mode")]
    texts = [mode.value for mode in modes if isinstance(mode, ast.Constant) and isinstance(mode.value, str)]
    return any(len(text) < 4 and WRITING & {*text} for text in texts)


@dataclasses.dataclass
class Found:
    """What some code does.

    Attributes:
        effect: whether it changes something of others.
        loud: whether that is more than how things are logged.
        own: whether it only opens a part of a workflow.
        dynamic: whether it imports modules that nobody can name.
        imports: the modules that it imports, by name.
        reads: what it reads from outside of the process.
        results: what it returns.
    """

    effect: bool = False
    loud: bool = False
    own: bool = False
    dynamic: bool = False
    imports: set[str] = dataclasses.field(default_factory=set)
    reads: dict[Read, None] = dataclasses.field(default_factory=dict)
    results: list[Abstract] = dataclasses.field(default_factory=list)

    @property
    def result(self) -> Abstract:
        """What it returns, as far as that is one thing."""
        first, *others = self.results or [Marks.UNKNOWN]
        return Marks.UNKNOWN if any(other != first for other in others) else first

    def add(self, other: Found) -> None:
        """Add what other code does."""
        self.effect |= other.effect
        self.loud |= other.loud
        self.dynamic |= other.dynamic
        self.imports |= other.imports
        self.reads |= other.reads


class World:
    """What all walks for a key share.

    Args:
        around: what an engine puts around code.
    """

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.steps = 0
        self.depth = 0
        self.done: dict[Any, Found] = {}
        self.alive: list[Any] = []

    def abstract_of(self, value: Any) -> Abstract:
        """Return what stands for a value."""
        if isinstance(value, ATOMS):
            return Known(value)
        try:
            module = value.__name__ if isinstance(value, types.ModuleType) else dotted_name(value)
            own = module.partition(".")[0] in self.around.packages or self.around.is_own(value)
        except Exception:  # noqa: BLE001  # a class's own code may raise anything
            return Known(value)
        return Marks.OWN if own else Known(value)
