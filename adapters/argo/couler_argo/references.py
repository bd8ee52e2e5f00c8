"""Argo's `{{…}}` tags and expr-lang expressions: found in strings and taken apart.

Sources: Argo's docs/variables.md; `util/template` (a tag ends at the first `}}`; one that begins with `=`, without a
space before it, is an expression); `util/variables/keys` for the catalogue of variables.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

import msgspec

from couler_plugins.engine_kit.structures import cut_text
from couler_plugins.ir import ANY_STEP, Expression, Literal, Native, Reference, Template, Value

TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
STRING = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
MEMBER = rf"\s*\.\s*[A-Za-z_$][\w$]*|\s*\[\s*(?:{STRING})\s*\]"
TOKEN = re.compile(rf"(?:{STRING})|`[^`]*`|(?<![\w$.])(?P<chain>[A-Za-z_$][\w$]*(?:{MEMBER})*)", re.DOTALL)
SEGMENT = re.compile(rf"[A-Za-z_$][\w$]*|{STRING}", re.DOTALL)
RUN = frozenset({"workflow", "pod", "node", "retries", "lastRetry", "duration", "status", "exitCode", "cronworkflow"})
ROOTS = RUN | {"inputs", "outputs", "steps", "tasks", "item"}
CHOSEN = '"fromExpression":"'
"""What stands in JSON before an expression without braces around it."""
CHOICE = re.compile(rf'(?<={CHOSEN})(?:[^"\\]|\\.)+')
KINDS = {"parameters": "parameter", "artifacts": "artifact"}


def value(data: Any) -> Value:
    """A field's content as an IR value."""
    if isinstance(data, str):
        if "{{" not in data:
            return Literal(value=data)
        parts = _parts(data)
        if len(parts) == 1:
            return Literal(value=data) if isinstance(parts[0], str) else _alone(parts[0])
        return Template(parts=parts)
    return native(data) if isinstance(data, (dict, list)) else Literal(value=data)


def _alone(part: Reference | Expression) -> Value:
    return part if isinstance(part, Reference) else Template(parts=(part,))


def native(data: Any) -> Native:
    """A structure of Argo's own, with the references in all of its strings; mapping order does not count."""
    text = msgspec.json.encode(data, order="sorted").decode()
    if "{{" not in text and CHOSEN not in text:
        return Native(parts=(text,))
    parts: list[str | Reference | Expression] = []
    for piece in cut_text(text, CHOICE, lambda match: expression(json.loads(f'"{match[0]}"'))):
        parts += _parts(piece, escaped=True) if isinstance(piece, str) else [piece]
    return Native(parts=tuple(parts))


def expression(text: str) -> Expression:
    """A field that holds an expression without braces around it (`expression`, `fromExpression`)."""
    parts: list[str | Reference | Template] = []
    for part in _parts(text) if "{{" in text else (text,):
        parts.extend(_expression_parts(part) if isinstance(part, str) else [Template(parts=(part,))])
    return Expression(language="expr", parts=tuple(parts))


def _parts(text: str, escaped: bool = False) -> tuple[str | Reference | Expression, ...]:
    """Text cut at its tags; `escaped` text is JSON, so that the inside of a tag has to be unescaped."""

    def read(tag: re.Match[str]) -> Reference | Expression | None:
        inner = _unescaped(tag[1]) if escaped else tag[1]
        if inner is None or not inner.startswith("="):
            return None if inner is None else _reference(inner)
        return Expression(language="expr", parts=_expression_parts(inner[1:]))

    return cut_text(text, TAG, read)


def _unescaped(text: str) -> str | None:
    """The inside of a tag in JSON text; None where the tag reaches over the end of its string."""
    if "\\" not in text:
        return None if '"' in text else text
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _reference(inner: str) -> Reference:
    return _from_segments(inner.strip().split("."), inner)


@lru_cache(maxsize=4096)
def _expression_parts(text: str) -> tuple[str | Reference, ...]:
    """An expression cut at the variables that it reads."""

    def read(token: re.Match[str]) -> Reference | None:
        segments = [_unquoted(segment) for segment in SEGMENT.findall(token["chain"] or "")]
        is_key = len(segments) == 1 and segments[0] in RUN and _is_key(text, token.end())
        return None if is_key or not ROOTS.intersection(segments[:1]) else _from_segments(segments, token["chain"])

    return cut_text(text, TOKEN, read)


def _is_key(text: str, end: int) -> bool:
    """Whether the name is a key of a map (`{status: 1}`), not a variable."""
    return text[end:].lstrip().startswith(":")


def _unquoted(segment: str) -> str:
    return segment[1:-1] if segment[0] in "'\"" else segment


def _from_segments(segments: list[str], spelling: str) -> Reference:
    """The reference that a dotted name stands for; `unknown` where Argo has no such variable."""
    match segments:
        case ["inputs", ("parameters" | "artifacts") as plural, name, *path]:
            return Reference(to="input", kind=KINDS[plural], name=name, path=tuple(path), native=spelling)
        case ["inputs"] | ["inputs", "parameters" | "artifacts"]:
            kind = KINDS[segments[1]] if len(segments) > 1 else ""
            return Reference(to="input", kind=kind, native=spelling)
        case ["outputs", ("parameters" | "artifacts") as plural, name, *path]:
            return Reference(to="output", kind=KINDS[plural], name=name, path=tuple(path), native=spelling)
        case [("steps" | "tasks"), step, "outputs", ("parameters" | "artifacts") as plural, *path]:
            name = path[0] if path else ""
            return Reference(
                to="output", step=step, kind=KINDS[plural], name=name, path=tuple(path[1:]), native=spelling
            )
        case [("steps" | "tasks"), step, "outputs", "result", *path]:
            return Reference(to="output", step=step, kind="result", name="result", path=tuple(path), native=spelling)
        case [("steps" | "tasks"), step, *path]:
            return Reference(to="status", step=step, name=".".join(path), native=spelling)
        case ["steps" | "tasks"]:
            return Reference(to="status", step=ANY_STEP, name=segments[0], native=spelling)
        case ["item", *path]:
            return Reference(to="item", name=path[0] if path else "", path=tuple(path[1:]), native=spelling)
        case ["workflow", "parameters", name, *path]:
            return Reference(to="parameter", kind="parameter", name=name, path=tuple(path), native=spelling)
        case ["workflow", "outputs", ("parameters" | "artifacts") as plural, name, *path]:
            return Reference(to="global", kind=KINDS[plural], name=name, path=tuple(path), native=spelling)
        case [root, *_] if root in RUN or root == "outputs":
            return Reference(to="run", name=segments[0], path=tuple(segments[1:]), native=spelling)
    return Reference(to="unknown", name=spelling, native=spelling)
