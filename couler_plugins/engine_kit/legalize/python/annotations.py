"""What the types of a function mean: read off its annotations, which are never evaluated."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from couler_plugins.engine_kit.legalize.python.functions import Kind

KINDS: Mapping[str, Kind] = {
    "str": "text",
    "int": "int",
    "float": "float",
    "bool": "bool",
    "list": "list",
    "List": "list",
    "dict": "dict",
    "Dict": "dict",
}
HINT = f"write one of {', '.join(name for name in KINDS if name.islower())}"


def kind_of(annotation: ast.expr) -> tuple[Kind, bool]:
    """The kind that an annotation means, and whether it may be None.

    Raises:
        ValueError: it means something else.
    """
    annotation = unquoted(annotation)
    match annotation:
        case ast.Name() | ast.Attribute() if (kind := KINDS.get(_last(annotation))) is not None:
            return kind, False
        case ast.Subscript(value=of) if (kind := KINDS.get(_last(of))) in ("list", "dict"):
            return kind, False
        case ast.Subscript(value=of, slice=inner) if _last(of) == "Optional":
            return kind_of(inner)[0], True
        case ast.Subscript(value=of, slice=ast.Tuple(elts=[one, other])) if _last(of) == "Union":
            return _either(one, other)
        case ast.BinOp(left=one, op=ast.BitOr(), right=other):
            return _either(one, other)
    raise ValueError(ast.unparse(annotation))


def fields_of(annotation: ast.expr) -> tuple[tuple[str, Kind], ...] | None:
    """The fields of `NamedTuple("Outputs", [("name", type), …])`; None where an annotation is something else.

    Raises:
        ValueError: it is a NamedTuple that is written otherwise.
    """
    if not isinstance(annotation, ast.Call) or _last(annotation.func) != "NamedTuple":
        return None
    match annotation:
        case ast.Call(args=[_, ast.List(elts=[_, *_] as fields)], keywords=[]):
            return tuple(map(_field, fields))
    raise ValueError(ast.unparse(annotation))


def unquoted(annotation: ast.expr) -> ast.expr:
    """An annotation that may be written as a text."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            return ast.parse(annotation.value, mode="eval").body
        except SyntaxError:
            return annotation
    return annotation


def is_none(annotation: ast.expr) -> bool:
    """Whether it is None."""
    return isinstance(annotation, ast.Constant) and annotation.value is None


def _field(field: ast.expr) -> tuple[str, Kind]:
    match field:
        case ast.Tuple(elts=[ast.Constant(value=str(name)), annotation]) if name.isidentifier():
            kind, optional = kind_of(annotation)
            if not optional:
                return name, kind
    raise ValueError(ast.unparse(field))


def _either(one: ast.expr, other: ast.expr) -> tuple[Kind, bool]:
    for inner, none in ((one, other), (other, one)):
        if is_none(none):
            return kind_of(inner)[0], True
    raise ValueError(f"{ast.unparse(one)} | {ast.unparse(other)}")


def _last(node: ast.expr) -> str:
    """The last part of a dotted name."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
