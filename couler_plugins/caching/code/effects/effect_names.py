"""Names of functions and decorators that are known to change something of others, or to change nothing."""

from __future__ import annotations

import re

__all__ = ["COPIES", "IMPORTERS", "METACLASSES", "PLAIN", "READERS", "SAYS", "SETS", "WRITERS"]

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
