"""Python that a model wrote: read as text, never run."""

from __future__ import annotations

import ast
from collections.abc import Collection

__all__ = ["FUNCTION", "code_problem"]

FUNCTION = "run"
LONGEST = 20_000
"""Characters of one function. Beyond that, nobody reads it; and parsers have their limits."""


def code_problem(code: str, inputs: Collection[str]) -> str:
    """What keeps a text from being the function of a step; empty where nothing does.

    Args:
        code: the text.
        inputs: the names of the step's inputs, which its parameters have to be.
    """
    if len(code) > LONGEST:
        return f"it has {len(code)} characters, more than {LONGEST}"
    try:
        body = ast.parse(code).body
    except SyntaxError as error:
        return f"it is no Python: line {error.lineno or 1}: {error.msg}"
    except (ValueError, RecursionError, MemoryError):
        return "it is no Python that can be read"
    if len(body) != 1 or not isinstance(body[0], ast.FunctionDef) or body[0].name != FUNCTION:
        return f"it is not one function {FUNCTION!r} and nothing else: imports and helpers stand inside of it"
    function = body[0]
    if function.decorator_list:
        return f"the function {FUNCTION!r} has decorators"
    own = function.args
    if own.vararg is not None or own.kwarg is not None or own.posonlyargs:
        return f"the function {FUNCTION!r} takes more than named parameters"
    names = [argument.arg for argument in (*own.args, *own.kwonlyargs)]
    if set(names) != set(inputs):
        return f"the parameters of {FUNCTION!r} are {_listed(names)}, the step's inputs {_listed(inputs)}"
    return ""


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "none"
