"""One script as a program of Python, for images of which nobody has seen that they have a shell.

The launcher stands in the command, and everything that Argo fills something into in the file that it is called with:
so no value is ever read as a program. Kubernetes takes `$(…)` and `$$` in commands for its own: the launcher has none,
and makes one `$` of two in the commands of the steps.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Sequence
from typing import Any

from couler_argo.fuse import in_pod
from couler_argo.fuse.parts import Part, Piece, Text


def python_command(python: str) -> tuple[str, ...]:
    """Return the command of the script, for the Python of this name."""
    return (python, "-I", "-c", inspect.getsource(in_pod))


def python_program(parts: Sequence[Part]) -> tuple[Piece, ...]:
    """Return the file with the plan and the texts of what runs one after another."""
    texts: list[Text] = []

    def numbered(text: Text) -> int:
        texts.append(text)
        return len(texts) - 1

    plan: list[dict[str, Any]] = [
        {
            "name": part.step,
            "command": [numbered(word) if word.plain is None else word.plain.replace("$$", "$") for word in part.words],
            "script": None if part.source is None else numbered(part.source),
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
    written = "[\n" + ",\n".join(json.dumps(step, ensure_ascii=False) for step in plan) + "\n]"
    static = "".join(piece for text in texts for piece in text.texts) + written
    separator = f"--- couler {hashlib.sha256(static.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"
    pieces: list[Piece] = [f"{separator}\n{written}"]
    for text in texts:
        pieces += [f"\n{separator}\n", *text.pieces]
    return tuple(pieces)
