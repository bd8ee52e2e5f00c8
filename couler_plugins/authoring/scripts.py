"""Python functions as programs: the whole source of the function, and a call of it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Container, Literal, replace

__all__ = ["source_of"]


def source_of(function: Callable[..., Any], container: Container) -> Container:
    """The container that runs a function, with the container's arguments as the function's.

    Raises:
        InvalidInput: its source is not there, or it is no function of its own.
    """
    text = _source(function)
    name = function.__name__
    if not container.args:
        return replace(container, script=Literal(value=f"{text}\n\n{name}()\n"))
    program = Literal(value=f"import sys\n\n{text}\n\n{name}(*sys.argv[1:])\n")
    return replace(container, command=(*container.command, Literal(value="-c"), program))


def _source(function: Callable[..., Any]) -> str:
    hint = "give a function that is defined by def in a file, or a text"
    name = getattr(function, "__name__", repr(function))
    try:
        lines = textwrap.dedent(inspect.getsource(function))
        tree = ast.parse(lines)
    except (OSError, TypeError, SyntaxError, IndentationError) as error:
        raise InvalidInput(f"the source of {name!r} cannot be had", hint=hint) from error
    found = tree.body[0] if len(tree.body) == 1 else None
    if not isinstance(found, ast.FunctionDef):
        raise InvalidInput(f"{name!r} is no function of its own", hint=hint)
    if outside := inspect.getclosurevars(function).nonlocals:
        hint = "pass it in args, or define it inside of the function"
        raise InvalidInput(f"{name!r} uses {min(outside)!r} of the function around it", hint=hint)
    start = found.lineno - 1  # below the decorators
    return "\n".join(lines.splitlines()[start:]).rstrip()
