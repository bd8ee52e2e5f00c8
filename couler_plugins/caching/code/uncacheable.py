"""Why a task runs as it would without us: one objection, or all that one look at the task has seen."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath

from couler_plugins.errors import CoulerError, Unsupported
from couler_plugins.hookspecs.caching import Objection, SourcePlace

VALUE = "value"
"""The rule of what has no form that a key could hold."""

RULES = {"context": "run-context", "dynamic code": "dynamic-code", "files": "file-access"}
"""The rules that have other names than what they are about."""


class Uncacheable(Unsupported):
    """A task whose result has no key. The message is the reason, and never holds a value.

    Args:
        message: the reason.
        step: what it is about, by name.
        rule: the rule behind it.
        place: where it stands, as far as that can be told.
        objections: all reasons, where there may be several; the message is made of them then.
    """

    def __init__(
        self,
        message: str = "",
        *,
        step: str | None = None,
        rule: str = VALUE,
        place: SourcePlace | None = None,
        objections: Iterable[Objection] = (),
    ) -> None:
        self.objections = tuple(objections) or (object_to(rule, message, place),)
        super().__init__("; ".join(item.reason for item in self.objections), step=step, feature=rule)


def object_to(kind: str, reason: str, place: SourcePlace | None = None, remedy: str = "") -> Objection:
    """Return the objection to what reaches something of a kind, with what its owner may declare against it."""
    return Objection(RULES.get(kind, kind), reason, remedy=remedy, place=place)


def place_of(code: types.CodeType, word: str = "") -> SourcePlace:
    """Return where code names a word; without one, or where it does not name it, where the code begins."""
    lines = (line for one in nested_code(code) if (line := _line_of(one, word)) is not None)
    return SourcePlace(0, file=code.co_filename, line=next(lines, code.co_firstlineno))


def objections_of(error: BaseException) -> tuple[Objection, ...]:
    """Return what a failure to make a key says: texts of ours, or the kind of error, whose own text may hold values."""
    if isinstance(error, Uncacheable):
        return error.objections
    reason = error.message if isinstance(error, CoulerError) else f"{type(error).__name__} in looking for a key"
    return (Objection("failure", reason),)


def describe(objection: Objection) -> str:
    """Return the reason of an objection, with its rule and its place, for a log."""
    place = objection.place
    where = f" at {PurePath(place.file).name}:{place.line}" if place is not None and place.line is not None else ""
    return f"{objection.reason} (rule {objection.rule}{where})"


def describe_all(objections: Sequence[Objection]) -> str:
    """Return all objections for a log, and what to declare where that takes all of them away."""
    reasons = "; ".join(map(describe, objections))
    remedies = dict.fromkeys(item.remedy for item in objections)
    return f"{reasons}; to cache it, add {', and '.join(remedies)}" if all(remedies) else reasons


def unique(objections: Iterable[Objection]) -> tuple[Objection, ...]:
    """Return objections in their order, of those with one rule and one place the first."""
    first: dict[object, Objection] = {}
    for item in objections:
        first.setdefault((item.rule, item.place or item.reason), item)
    return tuple(first.values())


def nested_code(code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield the code, and the code of what is defined in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from nested_code(constant)


def _line_of(code: types.CodeType, word: str) -> int | None:
    import dis

    for item in dis.get_instructions(code):
        named = item.argval if isinstance(item.argval, tuple) else (item.argval,)
        if (
            item.opname != "LOAD_CONST"
            and word in named
            and item.positions is not None
            and item.positions.lineno is not None
        ):
            return item.positions.lineno
    return None
