"""Conditions in CEL, over values that have types."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from couler_kfp.generating.calls import Read, compared, joined
from couler_kfp.generating.refusing import refuse
from couler_plugins.engine_kit.legalize.comparisons import Comparison
from couler_plugins.engine_kit.legalize.conditions import Membership
from couler_plugins.engine_kit.legalize.python.functions import Kind
from couler_plugins.ir import Expression, Reference, Step, Template

__all__ = ["condition_of"]


def condition_of(
    tests: Sequence[Membership | Comparison], step: Step, read: Read, kind_of: Callable[[Reference], Kind]
) -> Expression:
    """What has to hold.

    Args:
        tests: all of it.
        step: whose condition it is.
        read: what a reference in it stands for.
        kind_of: the kind of that.

    Raises:
        Unsupported: it is asked of an item, or a value is compared with what none of its kind can be.
    """
    parts: list[str | Reference | Template] = []
    for item in tests:
        if item.value.to == "item":
            raise refuse("Step.condition", step.name, "decides for each item of its loop")
        value = read(item.value)
        kind = kind_of(value)
        parts.append(" && (" if parts else "(")
        if isinstance(item, Comparison):
            cast = ["double(", value, ")"] if kind == "text" else [value]
            parts += [*cast, f" {item.operator} {float(item.number)!r}"]
        else:
            how = " != " if item.negated else " == "
            joint = " && " if item.negated else " || "
            for number, text in enumerate(item.among):
                parts += [joint if number else "", value, f"{how}{compared(text, kind, step.name)}"]
        parts.append(")")
    return Expression(language="cel", parts=tuple(joined(parts)))
