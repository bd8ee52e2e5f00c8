"""Texts and structures of Tekton, as far as other engines take them."""

from __future__ import annotations

import re
from typing import Any

from couler_plugins.engine_kit.legalize.legality import Legality
from couler_plugins.ir import Expression, Literal, Reference, Template, Value
from couler_tekton.variables import spell, write_structure

ONLY_TEKTON = Legality(engine="tekton", rules={}, hints={}, usual="remove it, or keep this workflow on Tekton")
refuse = ONLY_TEKTON.refusal
RUN = "workflow"
"""What the run is called in references that all engines have: as Argo calls it."""
SHEBANG = re.compile(r"\s*#!\s*(\S+)[ \t]*([^\n]*)\n")


def said(node: Any) -> dict[str, Any]:
    """Return what a node says that has no field."""
    return {} if node.native_extra is None else write_structure(node.native_extra, spell)


def first_text(script: Value) -> str:
    """Return the text that a script begins with; empty where it begins with a parameter."""
    first = script.parts[0] if isinstance(script, Template) else getattr(script, "value", "")
    return first if isinstance(first, str) else ""


def interpreter(script: Value) -> tuple[list[str], str]:
    """Return the words before a script that run it, and the program among them; no words where nobody knows it."""
    match = SHEBANG.match(first_text(script))
    if match is None:
        return ([], "") if first_text(script).lstrip().startswith("#!") else (["/bin/sh"], "sh")
    words = [word for word in match.groups() if word]
    return words, words[-1] if words[0].endswith("/env") else words[0].rsplit("/", 1)[-1]


def is_of_run(reference: Reference) -> bool:
    """Return whether this is a fact of a run that other engines have, too: its name, or its uid."""
    return reference.to == "run" and reference.name == RUN


def is_text(value: Value | str) -> bool:
    """Whether this is a text, rather than a list or a mapping."""
    match value:
        case str() | Literal(value=str()):
            return True
        case Reference(path=path):
            return not path or is_of_run(value)
        case Template(parts=parts):
            return all(not isinstance(part, Expression) and is_text(part) for part in parts)
    return False
