"""Values of workflows of other engines in Argo's words: CEL, keys of parameters, outputs of what ran, files.

Sources: Argo's docs/variables.md (`jsonpath`, `asInt`, `asFloat`), docs/conditional-artifacts-parameters.md.
"""

from __future__ import annotations

import json
import re

from couler_plugins.engine_kit.legalize.outcomes import is_outcome
from couler_plugins.ir import (
    Expression,
    FirstOf,
    Graph,
    Literal,
    Native,
    Node,
    Operation,
    Output,
    Reference,
    Template,
    Value,
    Workflow,
    rebuild,
    replace,
)

__all__ = ["in_argos_words"]

CASTS = {"int": "asInt", "double": "asFloat"}
WORD = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\b(int|double)(?=\()")


def in_argos_words(workflow: Workflow) -> Workflow:
    """The workflow with those of its values that Argo says otherwise."""

    def change(node: Node) -> Node:
        match node:
            case Expression(language="cel"):
                parts = (piece for part in node.parts for piece in _pieces(part))
                return Expression(language="expr", parts=tuple(parts))
            case Operation():
                return replace(node, outputs=tuple(map(_from_file, node.outputs)))
            case Graph():
                return replace(node, outputs=tuple(map(_chosen, node.outputs)))
            case Template() if any(isinstance(part, Template) for part in node.parts):
                inner = (part.parts if isinstance(part, Template) else (part,) for part in node.parts)
                return Template(parts=tuple(piece for pieces in inner for piece in pieces))
        if isinstance(node, Reference) and is_outcome(node):
            return Reference(to="run", name="workflow", path=("status",))
        return _keyed(node) if isinstance(node, Reference) else node

    return rebuild(workflow, change)


def _pieces(part: str | Reference | Template) -> tuple[str | Reference | Template, ...]:
    """A part of a CEL expression in Argo's language: one that was looked up by a key is an expression by itself."""
    if isinstance(part, Template) and isinstance(part.parts[0], Expression):
        return part.parts[0].parts
    return (_cast(part) if isinstance(part, str) else part,)


def _cast(text: str) -> str:
    return WORD.sub(lambda found: CASTS[found[1]] if found[1] else found[0], text)


def _from_file(output: Output) -> Output:
    """An output parameter of an operation that is read from a file."""
    if output.kind != "parameter" or not isinstance(output.path, Literal):
        return output
    return replace(output, value=Native.of({"path": output.path.value}), path=None)


def _keyed(reference: Reference) -> Node:
    """A key of a parameter that is JSON, as what looks it up; a key of an item is spelled out."""
    if not reference.path or reference.kind != "parameter" or reference.to == "item":
        return reference
    path = "$" + "".join(f"[{json.dumps(key)}]" for key in reference.path)
    whole = replace(reference, path=())
    return Template(parts=(Expression(language="expr", parts=("jsonpath(", whole, f", {_quoted(path)})")),))


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _chosen(output: Output) -> Output:
    """An output that is that of the first step of several that succeeded."""
    if not isinstance(output.value, FirstOf):
        return output
    *others, last = output.value.values
    parts: list[str | Reference | Template] = []
    for value in others:
        if not (isinstance(value, Reference) and value.step):
            return output
        parts += [Reference(to="status", step=value.step, name="status"), " == 'Succeeded' ? ", value, " : "]
    return replace(output, value=Expression(language="expr", parts=(*parts, _plain(last))))


def _plain(value: Value) -> Reference:
    assert isinstance(value, Reference)
    return value
