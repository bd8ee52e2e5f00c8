"""What has to hold of a generated workflow, whatever its steps are called and whatever else is in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import product

import msgspec

from couler_plugins.generation.form import ITEM, Form, FormStep, Scalar, Taken
from couler_plugins.generation.scope import Scope, read_reference
from couler_plugins.generation.types import text_of

__all__ = ["Facts", "Properties", "lacking"]

Condition = tuple[str, str, str]
Pair = tuple[str, str]

OPPOSITES = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


class Properties(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What has to hold, as the README of the tasks says. Steps are named by what they use."""

    steps: int | None = None
    before: tuple[Pair, ...] = ()
    beside: tuple[Pair, ...] = ()
    values: dict[str, Scalar | tuple[Scalar, ...]] = {}
    says: tuple[Scalar, ...] = ()
    conditional: tuple[str, ...] = ()
    always: tuple[str, ...] = ()
    exclusive: tuple[Pair, ...] = ()
    retries: dict[str, int] = {}
    items: dict[str, int | None] = {}


def lacking(wanted: Properties, form: Form) -> Iterator[str]:
    """The properties that a form does not have, in words."""
    found = Facts(form)
    if wanted.steps is not None and len(form.steps) != wanted.steps:
        yield f"{wanted.steps} steps"
    yield from _lacking_pairs("before", wanted.before, found.is_before)
    yield from _lacking_pairs("beside", wanted.beside, found.is_beside)
    yield from _lacking_pairs("or", wanted.exclusive, found.is_exclusive)
    yield from (f"{name}={value}" for name, value in wanted.values.items() if not found.is_given(name, value))
    yield from (f"{value} somewhere" for value in wanted.says if not found.says(value))
    yield from (f"{use} on a condition" for use in wanted.conditional if not found.is_conditional(use))
    yield from (f"{use} always" for use in wanted.always if not found.is_in_every_run(use))
    yield from (f"{use} retried {often}" for use, often in wanted.retries.items() if not found.is_retried(use, often))
    yield from (f"{use} over {count}" for use, count in wanted.items.items() if not found.has_items(use, count))


def _lacking_pairs(word: str, pairs: tuple[Pair, ...], holds: Callable[[str, str], bool]) -> Iterator[str]:
    return (f"{one} {word} {other}" for one, other in pairs if not holds(one, other))


class Facts:
    """What a form says, to be asked about. Of a use that no step has, nothing holds.

    Args:
        form: one without problems.
    """

    def __init__(self, form: Form) -> None:
        self._form = form
        self._scope = Scope(form, {})

    def is_before(self, one: str, other: str) -> bool:
        """Whether some step of the one runs before some step of the other."""
        return any(self._waits(after, before) for before, after in product(self._of(one), self._of(other)))

    def is_beside(self, one: str, other: str) -> bool:
        """Whether there are steps of both, none of which waits for one of the other."""
        pairs = self._pairs(one, other)
        return bool(pairs) and not any(self._waits(a, b) or self._waits(b, a) for a, b in pairs)

    def is_exclusive(self, one: str, other: str) -> bool:
        """Whether there are steps of both, and no run has one of each."""
        pairs = self._pairs(one, other)
        return bool(pairs) and all(_exclude(self._conditions(a), self._conditions(b)) for a, b in pairs)

    def is_given(self, name: str, value: Scalar | tuple[Scalar, ...]) -> bool:
        """Whether an input of some step, `use.input`, is this constant, or an input of the workflow which is."""
        use, _, port = name.rpartition(".")
        given = (taken for step in self._of(use) for taken in step.inputs if taken.name == port)
        return any(self._value(taken) == text_of(value) for taken in given)

    def says(self, value: Scalar) -> bool:
        """Whether a constant stands somewhere in the workflow, be it in a longer text."""
        return re.search(rf"(?<![\w.-]){re.escape(text_of(value))}(?![\w.])", self._said) is not None

    def is_conditional(self, use: str) -> bool:
        """Whether no step of a use runs in every run."""
        steps = self._of(use)
        return bool(steps) and all(map(self._conditions, steps))

    def is_in_every_run(self, use: str) -> bool:
        """Whether all steps of a use run in every run."""
        steps = self._of(use)
        return bool(steps) and not any(map(self._conditions, steps))

    def is_retried(self, use: str, often: int) -> bool:
        """Whether all steps of a use are tried again so often."""
        steps = self._of(use)
        return bool(steps) and all(step.retries == often for step in steps)

    def has_items(self, use: str, count: int | None) -> bool:
        """Whether a step of a use runs once for each of so many items; None where only the run knows how many."""
        overs = [step.over for step in self._of(use) if step.over is not None]
        return any(count is None if isinstance(over, str) else len(over) == count for over in overs)

    def _of(self, use: str) -> list[FormStep]:
        kind, _, word = use.partition("/")
        return [step for step in self._form.steps if step.use == kind and (not word or word in step.command)]

    def _pairs(self, one: str, other: str) -> list[tuple[FormStep, FormStep]]:
        return [(a, b) for a, b in product(self._of(one), self._of(other)) if a is not b]

    def _waits(self, after: FormStep, before: FormStep) -> bool:
        return before.name in self._scope.ancestors.get(after.name, ())

    def _conditions(self, step: FormStep) -> frozenset[Condition]:
        return self._scope.conditions.get(step.name, frozenset())

    def _value(self, taken: Taken) -> str | None:
        if taken.value is not None:
            return text_of(taken.value)
        reference = read_reference(taken.source) if isinstance(taken.source, str) and taken.source != ITEM else None
        if reference is None or not reference.is_input:
            return None
        given = self._scope.inputs.get(reference.name)
        return None if given is None or given.value is None else text_of(given.value)

    @cached_property
    def _said(self) -> str:
        given = [text_of(item.value) for item in self._form.inputs if item.value is not None]
        return "\n".join((*given, *(text for step in self._form.steps for text in _texts(step))))


def _exclude(one: frozenset[Condition], other: frozenset[Condition]) -> bool:
    """Whether two sets of comparisons never hold at once. It finds what people write, not all that is so."""
    return any(
        left == left_too
        and ((op_too == OPPOSITES[op] and right == right_too) or (op == op_too == "==" and right != right_too))
        for (left, op, right), (left_too, op_too, right_too) in product(one, other)
    )


def _texts(step: FormStep) -> Iterator[str]:
    """All constants of a step, as texts."""
    for taken in step.inputs:
        if taken.value is not None:
            yield taken.value if isinstance(taken.value, str) else json.dumps(taken.value, ensure_ascii=False)
    if isinstance(step.over, tuple):
        yield from map(text_of, step.over)
    if step.when is not None:
        yield text_of(step.when.right)
    yield from (step.image, *step.command, step.code)
