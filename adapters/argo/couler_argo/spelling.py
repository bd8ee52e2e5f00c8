"""IR values as Argo spells them: `{{…}}` tags, expr-lang expressions, structures of Argo's own."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from couler_argo.references import CHOSEN, KINDS, TAG
from couler_plugins.engine_kit.structures import join_structure
from couler_plugins.errors import Unsupported
from couler_plugins.ir import ANY_STEP, Expression, FirstOf, Literal, Native, Reference, Template, Value, replace

IDENTIFIER = re.compile(r"(?!(?:item|retries)\Z)[A-Za-z_$][\w$]*\Z")
"""What may stand behind a dot: Argo leaves an expression alone until its loop, or its retry, where it finds these."""
PLURALS = {kind: plural for plural, kind in KINDS.items()}


class Nested(NamedTuple):
    """How a graph that is written inline refers to steps: to its own, and to those of the graph around it."""

    own: str
    steps: frozenset[str]
    outer: Scope


Scope = str | Nested
"""How a graph refers to steps: `tasks` or `steps`."""


def _root(step: str, scope: Scope) -> str:
    while not isinstance(scope, str):
        scope = scope.own if step in scope.steps else scope.outer
    return scope


def _segments(reference: Reference, scope: Scope) -> list[str]:
    plural = [PLURALS[reference.kind]] if reference.kind in PLURALS else []
    name = [reference.name] if reference.name else []
    match reference.to:
        case "input":
            segments = ["inputs", *plural, *name]
        case "output" if reference.step:
            segments = [_root(reference.step, scope), reference.step, "outputs", *plural, *name]
        case "output":
            segments = ["outputs", *plural, *name]
        case "status":
            segments = [
                _root(reference.step, scope),
                reference.step,
                *(reference.name.split(".") if reference.name else []),
            ]
        case "item":
            segments = ["item", *name]
        case "parameter":
            segments = ["workflow", "parameters", *name]
        case "global":
            segments = ["workflow", "outputs", *plural, *name]
        case "run":
            segments = [reference.name]
        case _:
            raise Unsupported(f"Argo has no variable for a reference to a {reference.to}", engine="argo")
    return [*segments, *reference.path]


def _tag(reference: Reference, scope: Scope) -> str:
    if reference.to == "unknown":
        return f"{{{{{reference.native or reference.name}}}}}"
    return f"{{{{{reference.native or '.'.join(_segments(reference, scope))}}}}}"


def _chain(reference: Reference, scope: Scope) -> str:
    if reference.native:
        return reference.native
    if reference.to == "unknown" or reference.step == ANY_STEP:
        return reference.name
    first, *others = _segments(reference, scope)
    members = (f".{name}" if IDENTIFIER.match(name) else f"[{_quoted(name)}]" for name in others)
    return first + "".join(members)


def _quoted(name: str) -> str:
    return f"'{name}'" if "'" not in name else f'"{name}"'


def _expression_text(node: Expression, scope: Scope) -> str:
    if node.language != "expr":
        hint = "compute it in the container"
        raise Unsupported(f"Argo has no expressions in {node.language}", engine="argo", feature="Expression", hint=hint)
    texts = []
    for part in node.parts:
        match part:
            case str():
                texts.append(part)
            case Reference():
                texts.append(_chain(part, scope))
            case _:
                texts.append(_template_text(part, scope))
    return "".join(texts)


def _part_text(part: str | Reference | Expression, scope: Scope) -> str:
    match part:
        case str():
            return part
        case Reference():
            return _tag(part, scope)
    return f"{{{{={_expression_text(part, scope)}}}}}"


def _template_text(node: Template, scope: Scope) -> str:
    return "".join(_part_text(part, scope) for part in node.parts)


def write(node: Value, scope: Scope = "tasks") -> Any:
    """A value as Argo spells it.

    Args:
        node: the value.
        scope: `tasks` or `steps`: how the enclosing graph refers to its steps.

    Raises:
        Unsupported: Argo cannot say that.
    """
    match node:
        case Literal():
            if isinstance(node.value, str) and TAG.search(node.value):
                raise Unsupported(
                    f"Argo would take {node.value!r} for a reference", engine="argo", hint="pass it as an artifact"
                )
            return node.value
        case Reference():
            return _tag(node, scope)
        case Template():
            return _template_text(node, scope)
        case Expression():
            return _part_text(node, scope)
        case Native():
            return write_native(node, scope)
        case FirstOf():
            options = [_expression_text(expression_of(option), scope) for option in node.values]
            return f"{{{{={' ?? '.join(options)}}}}}"
    raise Unsupported(f"{node!r} is no value of the IR", engine="argo", hint="wrap constants in ir.Literal")


def write_expression(node: Value, scope: Scope = "tasks") -> Any:
    """A value where Argo takes an expression without braces around it."""
    return _expression_text(expression_of(node), scope)


def expression_of(node: Value) -> Expression:
    """A reference or literal as an expression."""
    match node:
        case Reference():
            return Expression(language="expr", parts=(replace(node, native=""),))
        case Literal():
            text = json.dumps(node.value, ensure_ascii=False)  # expr reads no surrogates; a tag ends at `}}`
            return Expression(language="expr", parts=(text.replace("}}", "}\\u007d"),))
        case Expression():
            return node
    raise Unsupported("Argo can only choose between references and constants", engine="argo")


def write_native(node: Native, scope: Scope = "tasks") -> Any:
    """A structure of Argo's own, as data."""
    if len(node.parts) == 1 and isinstance(node.parts[0], str):
        return json.loads(node.parts[0])

    def spelled(part: Reference | Expression, before: str) -> str:
        if isinstance(part, Expression) and before.endswith(CHOSEN):
            return _expression_text(part, scope)
        return _part_text(part, scope)

    return join_structure(node, spelled)
