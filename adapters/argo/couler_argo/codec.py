"""The mechanism behind all two-way tables: which IR field lives under which keys of a native mapping.

A `Codec` lifts a mapping into the fields of an IR node and a remainder, and writes a node as a mapping. What a field
cannot express stays in the remainder, so writing what was lifted gives the same mapping again.

Small readers and writers that the tables share.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple, TypeGuard

import msgspec

from couler_argo.references import native, value
from couler_argo.spelling import Scope, write, write_native
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Native, Node

Mapped = dict[str, Any]


def merged(mapping: Mapped, rest: Mapping[str, Any]) -> Mapped:
    """Both together; where both hold a mapping under one key, these are merged too."""
    for key, content in rest.items():
        own = mapping.setdefault(key, content)
        if own is not content and isinstance(own, dict) and isinstance(content, dict):
            merged(own, content)
    return mapping


class Context(NamedTuple):
    """What reading and writing depend on, beside the mapping itself.

    Attributes:
        scope: how the enclosing graph refers to its steps: `tasks` or `steps`.
        bare: what a bare name of a task accepts.
        listed: whether the tasks of the graph list their `dependencies` instead of using `depends`.
        lift_inline: lifts a template written at its call site, and gives its name.
        write_inline: the mapping of an inline template, by its name; None for one that is not inline.
    """

    scope: Scope = "tasks"
    bare: Callable[[str], tuple[str, ...]] = lambda name: ("daemoned", "skipped", "succeeded")
    listed: bool = False
    lift_inline: Callable[[Mapped], str] | None = None
    write_inline: Callable[[str], Mapped | None] = lambda name: None


class Field(NamedTuple):
    """One IR field.

    Attributes:
        name: of the IR field.
        keys: the native keys that hold it.
        read: gives the field's value and what of the keys' content it does not express (by key); a value of None
            leaves the field at its default.
        write: gives the native content of the keys; nothing where the field is at its default.
    """

    name: str
    keys: tuple[str, ...]
    read: Callable[[Mapped, Context], tuple[Any, Mapped]]
    write: Callable[[Any, Context], Mapped]


def present_fields(mapping: Mapped, keys: Iterable[str]) -> Mapped:
    """Those of the keys that the mapping has, with their content."""
    return {key: mapping[key] for key in keys if key in mapping}


class Codec:
    """A table of fields for one kind of native mapping.

    Args:
        fields: of the IR node, found directly under the mapping's keys.
        nested: more fields of the same node, found one level deeper, by the key that holds them; Argo takes an empty
            mapping there for none, and so do we.
        ignored: keys that somebody else lifts and writes.
        beside: fields of the node that somebody else lifts and writes.
    """

    def __init__(
        self,
        *fields: Field,
        nested: Mapping[str, Codec] | None = None,
        ignored: tuple[str, ...] = (),
        beside: tuple[str, ...] = (),
    ) -> None:
        self._fields = fields
        self._nested = dict(nested or {})
        self._ignored = frozenset(ignored)
        self._owners = {key: field for field in fields for key in field.keys}
        inner = (name for codec in self._nested.values() for name in codec._written)
        self._written: frozenset[str] = frozenset((*(field.name for field in fields), *inner, *beside, "native_extra"))

    def lift(self, mapping: Mapped, context: Context) -> Mapped:
        """The fields of the IR node for this mapping; what they do not express is in the field `native_extra`."""
        fields, rest = self._lift(mapping, context)
        if rest:
            fields["native_extra"] = native(rest)
        return fields

    def _lift(self, mapping: Mapped, context: Context) -> tuple[Mapped, Mapped]:
        fields: Mapped = {}
        rest: Mapped = {}
        done: set[str] = set()
        for key, content in mapping.items():
            field = self._owners.get(key)
            if field is not None:
                if field.name not in done:
                    done.add(field.name)
                    value, remainder = field.read(mapping, context)
                    if value is not None:
                        fields[field.name] = value
                    if remainder:
                        rest.update(remainder)
            elif key in self._nested and isinstance(content, dict):
                inner, remainder = self._nested[key]._lift(content, context)
                fields.update(inner)
                if remainder:
                    rest[key] = remainder
            elif key not in self._ignored and (content is not None or key not in self._nested):
                rest[key] = content
        return fields, rest

    def write(self, node: Node, context: Context) -> Mapped:
        """The whole mapping for a node.

        Raises:
            Unsupported: the node has a field set for which the mapping has no place.
        """
        refuse_beyond(node, self._written)
        return merged(self._write(node, context), _rest(node, context))

    def _write(self, node: Node, context: Context) -> Mapped:
        mapping: Mapped = {}
        for field in self._fields:
            value = getattr(node, field.name)
            if value is not None and value != ():
                mapping.update(field.write(value, context))
        for key, codec in self._nested.items():
            if inner := codec._write(node, context):
                mapping[key] = inner
        return mapping

    def update(self, native: Mapped, old: Node, new: Node, context: Context, keys: Collection[str] = ()) -> Mapped:
        """`native`, which `old` was lifted from, with what differs in `new`, and these keys, as `write` writes it.

        Raises:
            Unsupported: as `write`.
        """
        written = self.write(new, context)
        changed = self._changed(old, new).union(keys)
        if getattr(old, "native_extra", None) != getattr(new, "native_extra", None):
            changed |= {**_rest(old, context), **_rest(new, context)}.keys()
        kept = {key: content for key, content in native.items() if key not in changed}
        return {**kept, **{key: content for key, content in written.items() if key in changed}}

    def _changed(self, old: Node, new: Node) -> set[str]:
        """The keys that hold a field in which these nodes differ."""
        keys = {key for key, codec in self._nested.items() if codec._changed(old, new)}
        for field in self._fields:
            before, after = getattr(old, field.name), getattr(new, field.name)
            if before is not after and before != after:
                keys.update(field.keys)
        return keys


def refuse_beyond(node: Node, written: Collection[str]) -> None:
    """Raises `Unsupported` where a field of a node, other than these, is set."""
    for name, default in _defaults(type(node)):
        if name not in written and getattr(node, name) != default:
            what = f"{type(node).__name__}.{name}"
            raise Unsupported(
                f"{getattr(node, 'name', '') or what!r} has a field {name!r}, which Argo has no place for here",
                engine="argo",
                feature=what,
                hint="leave this to an engine that has it",
            )


@cache
def _defaults(node_type: type[Node]) -> tuple[tuple[str, Any], ...]:
    """The fields that may be left out, with what they then are."""
    fields = [field for field in msgspec.structs.fields(node_type) if field.name != "source"]
    return tuple((field.name, field.default) for field in fields if field.default is not msgspec.NODEFAULT)


def _rest(node: Node, context: Context) -> Mapped:
    rest: Native | None = getattr(node, "native_extra", None)
    if rest is None:
        return {}
    data: Mapped = write_native(rest, context.scope)
    return data


def scalar(name: str, key: str) -> Field:
    """A field that holds one string or number."""

    def read(mapping: Mapped, context: Context) -> tuple[Any, Mapped]:
        content = mapping[key]
        if content is None or isinstance(content, (dict, list)):
            return None, {key: content}
        return value(content), {}

    return Field(name, (key,), read, lambda node, context: {key: write(node, context.scope)})


def structure(name: str, key: str) -> Field:
    """A field that keeps Argo's own structure."""

    def read(mapping: Mapped, context: Context) -> tuple[Native | None, Mapped]:
        content = mapping[key]
        return (None, {key: None}) if content is None else (native(content), {})

    return Field(name, (key,), read, lambda node, context: {key: write(node, context.scope)})


def flag(name: str, key: str) -> Field:
    """A boolean that is False where it is not given."""

    def read(mapping: Mapped, context: Context) -> tuple[bool | None, Mapped]:
        return (True, {}) if mapping[key] is True else (None, {key: mapping[key]})

    return Field(name, (key,), read, lambda node, context: {key: True} if node else {})


def text_list(name: str, key: str) -> Field:
    """A list of strings."""

    def read(mapping: Mapped, context: Context) -> tuple[Any, Mapped]:
        content = mapping[key]
        if isinstance(content, list) and content and all(isinstance(item, str) for item in content):
            return tuple(value(item) for item in content), {}
        return None, {key: content}

    return Field(name, (key,), read, lambda node, context: {key: [write(item, context.scope) for item in node]})


def mappings(content: Any, accept: Callable[[Mapped], bool]) -> TypeGuard[list[Mapped]]:
    """Whether `content` is a list (not empty) of mappings that are all accepted."""
    return (
        isinstance(content, list) and bool(content) and all(isinstance(item, dict) and accept(item) for item in content)
    )
