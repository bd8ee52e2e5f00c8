"""Expressions of Argo, where references, texts or comparisons say the same.

Source: docs/variables.md; parameters are texts in expressions, and `workflow.parameters.json` lists them in order.
"""

from __future__ import annotations

import re
from typing import Any

from couler_plugins.engine_kit.legalize.conditions import memberships, outcome
from couler_plugins.engine_kit.legalize.values import joined
from couler_plugins.ir import Expression, Literal, Node, Reference, Step, Template, Value, Workflow, rebuild, replace

AT = re.compile(r"\s*,\s*['\"]\$\[(\d+)\]\.value['\"]\s*\)")
QUOTED = re.compile(r"'([^'\\]*)'|\"([^\"\\]*)\"")
TEXTS = ("parameter", "input", "output")
"""What refers to texts, of which an expression makes no numbers."""


def with_plain_texts(workflow: Workflow) -> Workflow:
    """Return a workflow with texts and comparisons in place of those expressions that are no more than that."""
    names = [port.name for port in workflow.parameters if port.kind == "parameter"]

    def change(node: Node) -> Node:
        match node:
            case Reference(to="run", name="workflow", path=("status",)):
                return outcome()
            case Expression(language="expr"):
                return replace(node, parts=_numbered(node.parts, names))
            case Template(parts=parts) if any(isinstance(part, Expression) for part in parts):
                return _text(parts)
            case Step(condition=Template(parts=(Expression(language="expr") as test,))):
                plain = replace(test, language="cel")
                return replace(node, condition=plain) if memberships(plain) is not None else node
        return node

    return rebuild(workflow, change)


def _numbered(parts: tuple[Any, ...], names: list[str]) -> tuple[Any, ...]:
    """Return an expression in which parameters that are taken out of the list of all have their names."""
    result: list[Any] = []
    for part in parts:
        before = result[-1] if result else None
        match = AT.match(part) if isinstance(part, str) and _is_list(before) else None
        opened = len(result) > 1 and isinstance(result[-2], str) and result[-2].endswith("jsonpath(")
        if match is None or not opened or int(match[1]) >= len(names):
            result.append(part)
            continue
        result[-2:] = [
            result[-2].removesuffix("jsonpath("),
            Reference(to="parameter", kind="parameter", name=names[int(match[1])]),
            part[match.end() :],
        ]
    return joined(result)


def _is_list(part: object) -> bool:
    return isinstance(part, Reference) and part.to == "parameter" and part.name == "json" and not part.path


def _text(parts: tuple[Any, ...]) -> Value:
    pieces = joined(
        piece for part in parts for piece in (_plain(part) if isinstance(part, Expression) else None) or (part,)
    )
    if len(pieces) == 1 and isinstance(pieces[0], (str, Reference)):
        return pieces[0] if isinstance(pieces[0], Reference) else Literal(value=pieces[0])
    return Template(parts=pieces)


def _plain(expression: Expression) -> tuple[Any, ...]:
    """Return the texts and references that an expression puts one behind the other; none where it does more."""
    result: list[Any] = []
    wants_value = True
    for part in expression.parts:
        if isinstance(part, Reference) and wants_value and part.to in TEXTS and part.kind != "artifact":
            result.append(part)
            wants_value = False
            continue
        if not isinstance(part, str):
            return ()
        text = part.strip()
        while text:
            match = QUOTED.match(text) if wants_value else None
            if match is None and (wants_value or not text.startswith("+")):
                return ()
            result.append("" if match is None else match[1] if match[1] is not None else match[2])
            text = text[1 if match is None else match.end() :].lstrip()
            wants_value = not wants_value
    return () if wants_value else tuple(result)
