"""What a step or task repeats over, and what it can then refer to as its item."""

from __future__ import annotations

from typing import Any, NamedTuple

from couler_argo.lint.report import Report
from couler_plugins.documents import Mapped, Path

LOOPS = ("withItems", "withParam", "withSequence")


class Items(NamedTuple):
    """What a loop's item has: variables, and whether any other may be there too."""

    names: frozenset[str]
    any: bool


NOTHING = Items(frozenset(), False)


def loops(call: Mapped) -> bool:
    """Whether a step or task is repeated."""
    return gathers(call) or "withSequence" in call


def gathers(call: Mapped) -> bool:
    """Whether a step or task is repeated over a list, so that its outputs are lists."""
    return bool(call.get("withItems") or call.get("withParam"))


def items_of(call: Mapped, path: Path, where: str, report: Report) -> Items:
    """The item's variables; says what is wrong with the loop."""
    loops = [key for key in LOOPS if call.get(key) or (key == "withSequence" and key in call)]
    if len(loops) > 1:
        message = f"{where}loops by {' and '.join(loops)}"
        report.error("loop", (*path, loops[1]), message, "keep one of them")
    if call.get("withItems"):
        return Items(frozenset(name for item in call["withItems"] for name in _variables(item)), False)
    if call.get("withParam"):
        return Items(frozenset({"item"}), True)
    if "withSequence" in call:
        if {"count", "end"} <= call["withSequence"].keys():
            message = f"{where}counts by both count and end"
            report.error("loop", (*path, "withSequence"), message, "keep one of them")
        return Items(frozenset({"item"}), False)
    return NOTHING


def _variables(item: Any) -> list[str]:
    match item:
        case dict():
            return [f"item.{key}" for key in item]
        case list():
            return [f"item.[{number}]" for number in range(len(item))]
    return ["item"]
