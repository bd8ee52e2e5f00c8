"""One script as a program of Python, for images of which nobody has seen that they have a shell.

The launcher stands in the command, its plan in the file that it is called with, and texts that Argo fills something
into in variables, which no step sees. Kubernetes takes `$(…)` and `$$` in commands for its own: the launcher has none.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence

from couler_argo.fuse import in_pod
from couler_argo.fuse.parts import Part, Text


def python_command(python: str) -> tuple[str, ...]:
    """Return the command of the script, for the Python of this name."""
    return (python, "-I", "-c", inspect.getsource(in_pod))


def python_program(parts: Sequence[Part], variables: Mapping[Text, str]) -> str:
    """Return the file with the plan of what runs one after another.

    Args:
        parts: what it runs.
        variables: where it gets texts that stand in its environment.
    """

    def entry(text: Text) -> dict[str, str]:
        return {"variable": variables[text]} if text in variables else {"text": str(text.literal)}

    plan = [
        {
            "name": part.step,
            "command": [entry(word) for word in part.words],
            "script": None if part.source is None else entry(part.source),
            "variables": part.variables or 0,
            "marks": part.marks,
            "place": part.place,
            "keep": part.keep,
            "remove": part.remove,
            "printed": part.printed,
            "quiet": part.quiet,
        }
        for part in parts
    ]
    return "[\n" + ",\n".join(json.dumps(step, ensure_ascii=False) for step in plan) + "\n]"
