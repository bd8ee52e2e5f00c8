"""The mechanism behind all two-way tables: which IR field lives under which keys of a native mapping.

A `Codec` lifts a mapping into the fields of an IR node and a remainder, writes a node as a mapping, and patches a
mapping where a node differs from the one that was lifted from it. What a field cannot express stays in the remainder,
so writing what was lifted gives the same mapping again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import msgspec

from couler_argo.references import native
from couler_argo.spelling import Scope, write_native
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Native, Node

__all__ = [
    "ABSENT",
    "Codec",
    "Context",
    "Field",
    "Mapped",
    "graft",
    "merged",
    "present_fields",
    "refuse_beyond",
    "same",
    "with_keys",
]


# JSON-like mappings, and new ones that are built out of the parts of old ones which are the same.
#
# What is not touched stays the same object, so that whoever writes a document can leave its text as it is.

Mapped = dict[str, Any]


class _Absent:
    """Marks a key that is not there, since None is a value in YAML."""


ABSENT = _Absent()


def with_keys(mapping: Mapped, keys: Collection[str], written: Mapped) -> Mapped:
    """`mapping` with these keys as they are in `written`, in its own order, new ones behind."""
    patched = {
        key: graft(content, written.get(key, ABSENT)) if key in keys else content for key, content in mapping.items()
    }
    patched.update({key: content for key, content in written.items() if key in keys and key not in mapping})
    return {key: content for key, content in patched.items() if content is not ABSENT}


def merged(mapping: Mapped, rest: Mapping[str, Any]) -> Mapped:
    """Both together; where both hold a mapping under one key, these are merged too."""
    for key, content in rest.items():
        own = mapping.get(key, ABSENT)
        if isinstance(own, dict) and isinstance(content, dict):
            merged(own, content)
        elif own is ABSENT:
            mapping[key] = content
    return mapping


def same(left: Any, right: Any) -> bool:
    """Whether two JSON-like values are equal, types included (in Python `1 == True`)."""
    if left is right:
        return True
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(content, right[key]) for key, content in left.items())
    if isinstance(left, list):
        return len(left) == len(right) and all(same(one, two) for one, two in zip(left, right, strict=True))
    return bool(left == right)


def graft(old: Any, new: Any) -> Any:
    """`new`, built out of the parts of `old` that are the same, in the order of keys that `old` has."""
    if same(old, new):
        return old
    if isinstance(old, dict) and isinstance(new, dict):
        kept = {key: graft(content, new[key]) for key, content in old.items() if key in new}
        return {**kept, **{key: content for key, content in new.items() if key not in old}}
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [graft(one, two) for one, two in zip(old, new, strict=True)]
    return new


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

    def patch(self, mapping: Mapped, old: Node, new: Node, context: Context) -> Mapped:
        """`mapping`, from which `old` was lifted, changed where `new` differs; the same object where it does not.

        Raises:
            Unsupported: as `write`.
        """
        refuse_beyond(new, self._written)
        if not self._differs(old, new) and getattr(old, "native_extra", None) == getattr(new, "native_extra", None):
            return mapping
        return self._patch(mapping, old, new, _rest(old, context), _rest(new, context), context)

    def _patch(self, mapping: Mapped, old: Node, new: Node, before: Mapped, after: Mapped, context: Context) -> Mapped:
        """As `patch`; `before` and `after` are what the fields of both nodes do not express."""
        keys = {key for field in self._changed(old, new) for key in field.keys}
        others = [key for key in {**before, **after} if key not in self._nested]
        keys.update(key for key in others if not same(before.get(key, ABSENT), after.get(key, ABSENT)))
        patched = with_keys(mapping, keys, merged(self._write(new, context), after)) if keys else mapping
        for key, codec in self._nested.items():
            content, parts = patched.get(key, ABSENT), (before.get(key, {}), after.get(key, {}))
            if same(*parts) and not codec._differs(old, new):
                continue
            if isinstance(content, dict) and isinstance(parts[0], dict) and isinstance(parts[1], dict):
                inner = codec._patch(content, old, new, *parts, context)
                written = {key: inner} if inner or key in after else {}
            else:
                written = merged(self._write(new, context), after)
            patched = with_keys(patched, {key}, written)
        return patched

    def rewrite(self, mapping: Mapped, new: Node, keys: set[str], context: Context) -> Mapped:
        """`mapping` with these keys written anew."""
        return with_keys(mapping, keys, self.write(new, context))

    def _changed(self, old: Node, new: Node) -> Iterator[Field]:
        for field in self._fields:
            before, after = getattr(old, field.name), getattr(new, field.name)
            if before is not after and before != after:
                yield field

    def _differs(self, old: Node, new: Node) -> bool:
        """Whether anything that this table writes, beside what is left, differs."""
        if any(True for _ in self._changed(old, new)):
            return True
        return any(codec._differs(old, new) for codec in self._nested.values())


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
