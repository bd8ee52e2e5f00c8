"""Python that a model wrote: read as text, never run."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection

from couler_plugins.engine_kit.legalize.python.functions import Function
from couler_plugins.engine_kit.legalize.python.source import function_from_text
from couler_plugins.errors import InvalidInput

__all__ = ["ENGINES_OWN", "FUNCTION", "VALUES_OWN", "read_function"]

ENGINES_OWN = re.compile(r"\{\{|\{%|\$\(")
"""What engines take for placeholders, and fill in with whatever they know."""

VALUES_OWN = re.compile(rf"{ENGINES_OWN.pattern}|\$\$")
"""The same in values, which become arguments of containers: there, Kubernetes reads `$$` as `$`."""

BUILT_IN = frozenset({"bool", "dict", "float", "int", "list", "str"})
TYPES = (ast.Name, ast.Constant, ast.Subscript, ast.Tuple, ast.BinOp, ast.BitOr, ast.Load)

FUNCTION = "run"
LONGEST = 20_000
"""Characters of one function. Beyond that, nobody reads it; and parsers have their limits."""


def read_function(code: str, inputs: Collection[str], outputs: Collection[str]) -> Function:
    """The function of a step.

    Args:
        code: its text.
        inputs: the names of the step's inputs, which its parameters have to be.
        outputs: the names of what it gives, as texts.

    Raises:
        InvalidInput: the text is no such function.
    """
    if len(code) > LONGEST:
        raise InvalidInput(f"it has {len(code)} characters, more than {LONGEST}", hint="write less")
    if match := ENGINES_OWN.search(code):
        raise InvalidInput(f"engines take {match[0]!r} for a placeholder", hint="write it otherwise, as with a space")
    try:
        function = function_from_text(code, outputs=dict.fromkeys(outputs, "str"))
        definition = ast.parse(code).body[0]
    except (RecursionError, MemoryError):
        raise InvalidInput("it is too deep to be read", hint="write it with fewer levels") from None
    assert isinstance(definition, ast.FunctionDef), "a function is something else when it is read again"
    if function.name != FUNCTION:
        raise InvalidInput(f"the function is called {function.name!r}", hint=f"call it {FUNCTION!r}")
    if not _is_plain(definition.returns):
        raise InvalidInput("the annotation of what it returns is more than built-in types", hint="take it off")
    names = [parameter.name for parameter in function.inputs]
    if set(names) != set(inputs):
        message = f"its parameters are {_listed(names)}, and the step's inputs {_listed(inputs)}"
        raise InvalidInput(message, hint="give both the same names")
    return function


def _is_plain(annotation: ast.expr | None) -> bool:
    """Whether an annotation holds built-in types only: what loads the function may evaluate it."""
    nodes = ast.walk(annotation) if annotation is not None else ()
    return all(isinstance(node, TYPES) and getattr(node, "id", "str") in BUILT_IN for node in nodes)


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "none"
