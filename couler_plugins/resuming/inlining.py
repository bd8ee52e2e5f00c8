"""Values in the place of references to steps that do not run again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TypeVar

from couler_plugins.hookspecs.resuming import Ended, PastRun
from couler_plugins.ir import (
    AllOf,
    AnyOf,
    Container,
    Expression,
    Literal,
    Native,
    Need,
    Needs,
    Node,
    Not,
    Reference,
    Template,
    Value,
    all_of,
    nodes,
    rebuild,
    replace,
)

T = TypeVar("T")


class LackingError(Exception):
    """A step has to run again for what is read of it.

    Args:
        step: its name.
        what: what is read, and why that is not there.
    """

    def __init__(self, step: str, what: str) -> None:
        super().__init__(step, what)
        self.step = step
        self.what = what


def inlined(node: T, done: Mapping[str, Ended], past: PastRun) -> T:
    """An IR value with what it reads of these steps written into it.

    Raises:
        LackingError: something is not there any more, or cannot be written where it is read.
    """
    for item in nodes(node):
        for part in (*item.command, *item.args) if isinstance(item, Container) else getattr(item, "parts", ()):
            if isinstance(part, Reference) and part.step in done:
                value = _value(part, done[part.step], past)
                text = isinstance(value, Literal) and isinstance(value.value, str)
                by_name = isinstance(item, Native) and not part.native  # it has no spelling of its own in there
                if by_name or not (text or isinstance(value, Reference)):
                    raise LackingError(part.step, f"its {part.name} (it cannot be written into a text)")

    def change(item: Node) -> Node:
        match item:
            case Reference() if item.step in done:
                return _value(item, done[item.step], past)
            case Template():
                return _filled(item, str)
            case Expression():
                return _filled(item, _quoted)
            case Native():
                return _filled(item, lambda text: json.dumps(text)[1:-1])
        return item

    return rebuild(node, change)


def _quoted(text: str) -> str:
    """A text as a constant of an expression: without surrogates, which Argo cannot read, and the end of a tag."""
    return json.dumps(text, ensure_ascii=False).replace("}}", "}\\u007d")


def _value(reference: Reference, ended: Ended, past: PastRun) -> Value:
    value = past.read(ended, reference)
    if value is None:
        why = ended.lost.get((reference.kind, reference.name), "the run does not tell it")
        raise LackingError(reference.step, f"its {reference.name or 'outputs'} ({why})")
    return value


P = TypeVar("P", Template, Expression, Native)


def _filled(node: P, spelled: Callable[[str], str]) -> P:
    """A text whose references have become constants, with these spelled as the text wants them."""
    if not any(isinstance(part, Literal) for part in node.parts):
        return node
    return replace(node, parts=tuple(spelled(str(p.value)) if isinstance(p, Literal) else p for p in node.parts))


def needs_left(needs: Needs | None, done: Mapping[str, Ended]) -> Needs | bool:
    """What is left of needs once these steps have ended as they did: more needs, or whether they are met."""
    match needs:
        case None:
            return True
        case Need():
            return done[needs.step].outcome in _accepted(needs) if needs.step in done else needs
        case Not():
            inner = needs_left(needs.need, done)
            return not inner if isinstance(inner, bool) else replace(needs, need=inner)
    parts = [needs_left(part, done) for part in needs.needs]
    if (decides := isinstance(needs, AnyOf)) in parts:
        return decides
    others = [part for part in parts if not isinstance(part, bool)]
    if not others:
        return not decides
    if isinstance(needs, AllOf):
        return all_of(others) or True
    return others[0] if len(others) == 1 else AnyOf(needs=tuple(others))


def _accepted(need: Need) -> tuple[str, ...]:
    """The outcomes that meet a need: a daemon that was ready has succeeded by now, and a loop with an item that did."""
    return (*need.outcomes, "succeeded") if {"any-succeeded", "daemoned"} & {*need.outcomes} else need.outcomes
