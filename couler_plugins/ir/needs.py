"""Dependencies: boolean expressions over the outcomes of other steps, which say when a step may start."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from couler_plugins.ir.values import Node


class Need(Node, frozen=True, tag_field="type", tag="need"):
    """The step has ended with one of these outcomes (sorted).

    Outcomes: `succeeded`, `failed`, `errored`, `skipped` (its condition was false), `omitted` (its own needs could
    not be met), `daemoned` (still running, and ready), `any-succeeded` and `all-failed` (over the items of a loop).

    Attributes:
        step: the step's name.
        outcomes: the outcomes, sorted.
    """

    step: str
    outcomes: tuple[str, ...] = ("succeeded",)


class AllOf(Node, frozen=True, tag_field="type", tag="all-of"):
    """All of these hold.

    Attributes:
        needs: the conditions.
    """

    needs: tuple[Needs, ...]


class AnyOf(Node, frozen=True, tag_field="type", tag="any-of"):
    """At least one of these holds.

    Attributes:
        needs: the conditions.
    """

    needs: tuple[Needs, ...]


class Not(Node, frozen=True, tag_field="type", tag="not"):
    """This does not hold.

    Attributes:
        need: the condition.
    """

    need: Needs


Needs = Need | AllOf | AnyOf | Not


def needed(needs: Needs | None) -> Iterator[Need]:
    """Every `Need` in the expression, in order, with repetitions."""
    pending = [] if needs is None else [needs]
    while pending:
        current = pending.pop()
        match current:
            case Need():
                yield current
            case Not():
                pending.append(current.need)
            case _:
                pending.extend(reversed(current.needs))


def conjuncts(needs: Needs | None) -> tuple[Needs, ...]:
    """The expression as a conjunction: all of the returned hold exactly where it holds."""
    if needs is None:
        return ()
    if isinstance(needs, AllOf):
        return tuple(part for need in needs.needs for part in conjuncts(need))
    return (needs,)


def all_of(needs: list[Needs]) -> Needs | None:
    """The conjunction of `needs`, without repetitions, as simple as it can be written."""
    distinct = tuple(dict.fromkeys(needs))
    return AllOf(needs=distinct) if len(distinct) > 1 else (distinct[0] if distinct else None)


def map_needs(needs: Needs, change: Callable[[Need], Needs]) -> Needs:
    """`needs` with every `Need` replaced by what `change` makes of it; identical where nothing changes."""
    match needs:
        case Need():
            return change(needs)
        case Not():
            changed = map_needs(needs.need, change)
            return needs if changed is needs.need else Not(need=changed)
        case _:
            parts = tuple(map_needs(need, change) for need in needs.needs)
            same = all(new is old for new, old in zip(parts, needs.needs, strict=True))
            return needs if same else type(needs)(needs=parts)
