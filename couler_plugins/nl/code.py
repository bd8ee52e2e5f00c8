"""Python that a model wrote: read as text, never run."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection

__all__ = ["ENGINES_OWN", "FUNCTION", "code_problem"]

FUNCTION = "run"
ENGINES_OWN = re.compile(r"\{\{|\{%|\$\(")
"""What engines take for placeholders, and fill in with whatever they know."""

BUILT_IN = frozenset({"bool", "dict", "float", "int", "list", "object", "set", "str", "tuple"})
TYPES = (ast.Name, ast.Constant, ast.Subscript, ast.Tuple, ast.BinOp, ast.BitOr, ast.Load)

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
    if found := ENGINES_OWN.search(code):
        return f"engines take {found[0]!r} for a placeholder: write it with a space in between, or otherwise"
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
    if any(
        not isinstance(default, ast.Constant) for default in (*own.defaults, *own.kw_defaults) if default is not None
    ):
        return f"a default of {FUNCTION!r} is more than a constant"
    annotations = [argument.annotation for argument in (*own.args, *own.kwonlyargs)]
    if not all(_is_plain(annotation) for annotation in (*annotations, function.returns)):
        return f"an annotation of {FUNCTION!r} is more than names of built-in types"
    names = [argument.arg for argument in (*own.args, *own.kwonlyargs)]
    if set(names) != set(inputs):
        return f"the parameters of {FUNCTION!r} are {_listed(names)}, the step's inputs {_listed(inputs)}"
    return ""


def _is_plain(annotation: ast.expr | None) -> bool:
    """Whether an annotation holds built-in types only: what loads the function evaluates it, as it does defaults."""
    nodes = ast.walk(annotation) if annotation is not None else ()
    return all(isinstance(node, TYPES) and getattr(node, "id", "str") in BUILT_IN for node in nodes)


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "none"
