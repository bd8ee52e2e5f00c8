"""The source of a module that holds a function, with what runs around it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from couler_plugins.engine_kit.legalize.python.functions import Function

FUTURE = "from __future__ import annotations\n"
"""Annotations need not be known where the function runs."""
TAKEN = re.compile(r"\{\{|\$[$(]")
"""What an engine takes for a reference, or for an escaped sign, in any text."""


def module_of(function: Function, *around: Callable[..., Any]) -> str:
    """A module that defines a function, and then these.

    Args:
        function: a step's function.
        around: functions of `runtime`, or others that need nothing from around them.
    """
    imports = "from collections.abc import Callable, Mapping\nfrom typing import Any\n"
    sources = [inspect.getsource(item) for item in around]
    return "\n\n".join([f"{FUTURE}\n{imports}", function.source, *sources])


def typed_by(function: Function) -> str:
    """What makes a function take and give values of its kinds; see `runtime.typed`."""
    return f"typed({ {item.name: item.kind for item in function.inputs}!r}, {dict(function.outputs)!r})"


def untouched(program: str) -> str:
    """A program without what engines take for references: where it has such, it is in a text with escapes."""
    if not TAKEN.search(program):
        return program
    text = TAKEN.sub(lambda found: "".join(f"\\u{ord(sign):04x}" for sign in found[0]), ascii(program))
    return f"exec({text})\n"
