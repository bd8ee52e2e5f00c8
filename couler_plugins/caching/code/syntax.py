"""The source of functions, parsed. Python's own way to it asks each loaded module for its file, which takes 50 ms."""

from __future__ import annotations

import ast
import inspect
import linecache
import textwrap
import types
from typing import Any

__all__ = ["last_name", "syntax_of"]


def syntax_of(function: Any) -> ast.Module | None:
    """Return the syntax of a function, of what it wraps, or of a code object; None where it has no source.

    Args:
        function: the function, or its code; of anything else as well, as far as `inspect` knows its source.
    """
    try:
        return ast.parse(textwrap.dedent(_source_of(function)))
    except (OSError, TypeError, SyntaxError, ValueError, IndexError):
        return None


def last_name(node: ast.AST) -> str:
    """Return the last name of a dotted one, empty for all else."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _source_of(function: Any) -> str:
    plain = inspect.unwrap(function) if callable(function) else function
    code = getattr(plain, "__code__", plain)
    if isinstance(code, types.CodeType):
        linecache.checkcache(code.co_filename)
        lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]
        if lines:
            return "".join(inspect.getblock(lines))
    return inspect.getsource(function)  # it is in an archive
