"""What has to be true of a generated workflow, told from its form alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import combinations, pairwise
from typing import NamedTuple

import msgspec

from couler_plugins.hookspecs import CatalogueStep
from couler_plugins.nl.form import Form, FormStep, Scalar
from couler_plugins.nl.references import waits_for
from couler_plugins.nl.scope import Scope
from couler_plugins.nl.types import text_of

__all__ = ["Check", "Properties", "checks"]

Count = int | None
Condition = tuple[str, str, str]

OPPOSITES = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


class Properties(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab", kw_only=True):
    """What has to be true; steps are named as in the oracle.

    Attributes:
        steps: how many steps there are.
        uses: entries of the catalogue, each used by some step.
        waits: chains of steps, each of which runs after the one before it, whatever is between them.
        parallel: groups of steps, none of which waits for another.
        fans-out: steps that run once for each item, with the number of items; null where only the run knows it.
        conditional: steps that do not run in every run, be it by their own condition or by that of a step before them.
        always: steps that run in every run.
        exclusive: pairs of steps of which never both run.
        retries: steps that are tried again, with how often.
        inputs: how many inputs the workflow has.
        outputs: how many outputs the workflow has.
        values: what the description gives literally, and stands somewhere in the workflow.
    """

    steps: int
    uses: tuple[str, ...] = ()
    waits: tuple[tuple[str, ...], ...] = ()
    parallel: tuple[tuple[str, ...], ...] = ()
    fans_out: dict[str, Count] = {}
    conditional: tuple[str, ...] = ()
    always: tuple[str, ...] = ()
    exclusive: tuple[tuple[str, str], ...] = ()
    retries: dict[str, int] = {}
    inputs: int | None = None
    outputs: int | None = None
    values: tuple[Scalar, ...] = ()


class Check(NamedTuple):
    """One property, and whether it holds."""

    what: str
    holds: bool


def checks(
    properties: Properties, form: Form, catalogue: Mapping[str, CatalogueStep], named: Mapping[str, str]
) -> list[Check]:
    """Each property with whether it holds of a form.

    Args:
        properties: what has to be true.
        form: one that has no problems.
        catalogue: the one that it was held against.
        named: the steps of the form by the steps of the oracle that they stand for. What is said of a step that no step
            of the form stands for does not hold.
    """
    return [*_checks(properties, _Facts(form, catalogue), named)]


def _checks(properties: Properties, facts: _Facts, named: Mapping[str, str]) -> Iterator[Check]:
    own = {name: named.get(name, "") for name in _mentioned(properties)}
    form = facts.scope.form
    yield Check(f"{properties.steps} steps", len(form.steps) == properties.steps)
    for what, expected, given in (
        ("inputs", properties.inputs, form.inputs),
        ("outputs", properties.outputs, form.outputs),
    ):
        if expected is not None:
            yield Check(f"{expected} {what}", len(given) == expected)
    used = {step.use for step in form.steps}
    for use in properties.uses:
        yield Check(f"uses {use}", use in used)
    for chain in properties.waits:
        for before, after in pairwise(chain):
            yield Check(f"{after} waits for {before}", facts.waits(own[after], own[before]))
    for group in properties.parallel:
        for one, other in combinations(group, 2):
            yield Check(f"{one} beside {other}", facts.is_parallel(own[one], own[other]))
    for name, count in properties.fans_out.items():
        yield Check(f"{name} fans out", facts.fans_out(own[name], count))
    for name in properties.conditional:
        yield Check(f"{name} is conditional", bool(facts.conditions(own[name])))
    for name in properties.always:
        yield Check(f"{name} always runs", facts.conditions(own[name]) == frozenset())
    for one, other in properties.exclusive:
        yield Check(f"{one} or {other}", facts.is_exclusive(own[one], own[other]))
    for name, times in properties.retries.items():
        step = facts.scope.steps.get(own[name])
        yield Check(f"{name} is tried again", step is not None and step.retries == times)
    for value in properties.values:
        yield Check(f"says {value}", facts.says(value))


def _mentioned(properties: Properties) -> set[str]:
    groups = (*properties.waits, *properties.parallel, *properties.exclusive)
    rest = (*properties.fans_out, *properties.conditional, *properties.always, *properties.retries)
    return {name for group in groups for name in group}.union(rest)


class _Facts:
    """What can be told of a form. No step is called by an empty name, so that nothing holds of that."""

    def __init__(self, form: Form, catalogue: Mapping[str, CatalogueStep]) -> None:
        self.scope = Scope(form, catalogue)

    def waits(self, after: str, before: str) -> bool:
        return before in self._before.get(after, ())

    def is_parallel(self, one: str, other: str) -> bool:
        both = {one, other}
        return len(both) == 2 and both <= self._before.keys() and not any(self._before[name] & both for name in both)

    def fans_out(self, name: str, count: Count) -> bool:
        step = self.scope.steps.get(name)
        if step is None or step.over is None:
            return False
        return isinstance(step.over, str) if count is None else len(step.over) == count

    def conditions(self, name: str) -> frozenset[Condition] | None:
        """What has to hold for a step to run; None where there is no such step."""
        return self.scope.conditions.get(name)

    def is_exclusive(self, one: str, other: str) -> bool:
        first, second = self.conditions(one) or (), self.conditions(other) or ()
        return any(_exclude(a, b) for a in first for b in second)

    def says(self, value: Scalar) -> bool:
        """Whether a value stands in the workflow, as a whole word."""
        return re.search(rf"(?<![\w.-]){re.escape(text_of(value))}(?![\w.])", self._said) is not None

    @cached_property
    def _before(self) -> dict[str, set[str]]:
        """All that each step waits for, be it through others."""
        found: dict[str, set[str]] = {}
        for name in self.scope.order:
            direct = waits_for(self.scope.steps[name])
            found[name] = {*direct}.union(*(found[other] for other in direct))
        return found

    @cached_property
    def _said(self) -> str:
        given = [text_of(item.value) for item in self.scope.form.inputs if item.value is not None]
        return "\n".join((*given, *(text for step in self.scope.form.steps for text in _texts(step))))


def _exclude(one: Condition, other: Condition) -> bool:
    """Whether two comparisons never hold at once. Finds what people write, not all that is so."""
    (left, op, right), (left_too, op_too, right_too) = one, other
    if left != left_too:
        return False
    return (op_too == OPPOSITES[op] and right == right_too) or (op == op_too == "==" and right != right_too)


def _texts(step: FormStep) -> Iterator[str]:
    """All constants of a step, as texts."""
    for taken in step.inputs:
        if taken.value is not None:
            yield taken.value if isinstance(taken.value, str) else json.dumps(taken.value)
    if isinstance(step.over, tuple):
        yield from map(text_of, step.over)
    if step.when is not None:
        yield text_of(step.when.right)
    yield from (step.image, *step.command, step.code)
