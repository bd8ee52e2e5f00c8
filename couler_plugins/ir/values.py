"""Values of arguments, conditions and fields: literals, references, texts and expressions; and the base of them."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, TypeVar
from typing import Literal as OneOf

import msgspec

Source = tuple[int | str, ...]
"""A pointer into the bundle: the document's number, then the path inside that document's data."""

UNCOMPARED = frozenset({"source", "native"})
"""Fields that say where or how something was written; they are no part of equality or of the JSON form."""

REST = "rest"
"""What the JSON form calls `native_extra`: files and keys that were written stay as they are."""

N = TypeVar("N", bound="Node")


class Node(
    msgspec.Struct, frozen=True, kw_only=True, eq=False, omit_defaults=True, gc=False, forbid_unknown_fields=True
):
    """An immutable IR value.

    `gc=False` is safe: immutable values built from the leaves up cannot form a cycle.
    """

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in compared_fields(type(self)))

    def __ne__(self, other: object) -> bool:  # a Struct has one of its own, which compares identities
        return not self == other

    def __hash__(self) -> int:
        return hash((type(self), *(getattr(self, name) for name in compared_fields(type(self)))))


@cache
def compared_fields(node_type: type[Node]) -> tuple[str, ...]:
    """The names of the fields that take part in equality and in the JSON form."""
    return tuple(name for name in node_type.__struct_fields__ if name not in UNCOMPARED)


def replace(node: N, **changes: Any) -> N:
    """A copy of `node` with some fields changed; its source is kept."""
    return msgspec.structs.replace(node, **changes)


Scalar = str | int | float | bool | None

ANY_STEP = "*"
"""The step of a reference whose step is only known at run time (`tasks[inputs.parameters.x]`)."""


class Reference(Node, frozen=True, tag_field="type", tag="reference"):
    """A reference to a value that is only known at run time.

    Attributes:
        to: what is referred to. `parameter`: of the workflow; `input`: of the enclosing graph or operation;
            `output`: of a step, or of the operation itself where `step` is empty; `status`: any other fact of a
            step (status, ip, exit code); `item`: of the loop; `run`: a fact of this run; `global`: an output
            that the whole run sees; `secret`; `workspace`; `unknown`: passes through untouched.
        name: the parameter, port, fact or key.
        step: the step that it belongs to, `ANY_STEP` where that is decided at run time.
        kind: `parameter`, `artifact`, `result`, or empty.
        path: what follows the name (keys into an item, `path` of an artifact).
        native: the spelling in the source, kept until an edit changes the reference; only adapters read it.
    """

    to: OneOf["parameter", "input", "output", "status", "item", "run", "global", "secret", "workspace", "unknown"]
    name: str = ""
    step: str = ""
    kind: str = ""
    path: tuple[str, ...] = ()
    native: str = ""


class Literal(Node, frozen=True, tag_field="type", tag="literal", repr_omit_defaults=True):
    """A constant. `1`, `1.0`, `True` and `"1"` are four different literals, as they are in JSON.

    Attributes:
        value: the constant.
        native: the spelling in the source of a number that stands there as a text (`1m`); only adapters read it.
    """

    value: Scalar
    native: str = ""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Literal):
            return NotImplemented
        return type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


class Expression(Node, frozen=True, tag_field="type", tag="expression"):
    """Text in an expression language, cut at its references.

    A `Template` among the parts is a tag that the engine fills in before it evaluates the expression.

    Attributes:
        language: the name of the expression language.
        parts: texts and references, in order.
    """

    language: str
    parts: tuple[str | Reference | Template, ...]


class Template(Node, frozen=True, tag_field="type", tag="template"):
    """A string that the engine completes.

    Attributes:
        parts: texts, references and embedded expressions, in order.
    """

    parts: tuple[str | Reference | Expression, ...]


class Native(Node, frozen=True, tag_field="type", tag="native"):
    """A structure of the engine's own, with the references found in it.

    The parts, joined with each reference in its native spelling (JSON-escaped), are the structure's JSON text:
    so it is hashable, cheap, and any reference in it can be rewritten.

    Attributes:
        parts: pieces of JSON text, references and expressions, in order.
    """

    parts: tuple[str | Reference | Expression, ...]

    @classmethod
    def of(cls, data: Any) -> Native:
        """The structure `data` (JSON-like), as one without references."""
        return cls(parts=(msgspec.json.encode(data).decode(),))

    @property
    def data(self) -> Any:
        """The structure itself; only for one without references (`ValueError` otherwise)."""
        if not all(isinstance(part, str) for part in self.parts):
            raise ValueError("this structure holds references: only its adapter can write it out")
        return json.loads("".join(str(part) for part in self.parts) or "null")


class FirstOf(Node, frozen=True, tag_field="type", tag="first-of"):
    """The first of several values that is available at run time.

    Attributes:
        values: the values, in the order in which they are tried.
    """

    values: tuple[Value, ...]


Part = str | Reference | Expression | Template
Value = Literal | Reference | Template | Expression | FirstOf | Native
