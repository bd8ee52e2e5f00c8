"""The kinds of things that plugins provide by name: one row each. A new kind is a hook and a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from operator import attrgetter
from typing import Any, Generic, TypeVar

import msgspec

from couler_plugins.hookspecs import Adapter, ArtifactStore, CachePolicy, CatalogueStep, Optimizer, Partitioner, Tuner
from couler_plugins.plugins.checks import (
    adapter_problem,
    named_class_problem,
    optimizer_problem,
    step_problem,
    store_problem,
)

T = TypeVar("T")
Problem = Callable[[object], str | None]


def _name(thing: Any) -> Iterable[str]:
    return (thing.name,)


class ExtensionPoint(msgspec.Struct, Generic[T], frozen=True):
    """One kind of thing.

    Attributes:
        hook: the hook that returns a list of them.
        noun: what one of them is called in messages.
        key: what all of them are called in the JSON of `couler plugins`.
        check: says what keeps an object from being one; None for nothing.
        names: gives the names of one.
    """

    hook: str
    noun: str
    key: str
    check: Problem
    names: Callable[[T], Iterable[str]] = _name


def _with_method(what: str, signature: str) -> Problem:
    """Return the check of a frozen dataclass of options with a name and this method."""
    return partial(named_class_problem, what=what, signature=signature)


OPTIMIZERS: ExtensionPoint[type[Optimizer]] = ExtensionPoint(
    "couler_optimizers", "optimizer", "optimizers", optimizer_problem
)
POLICIES: ExtensionPoint[type[CachePolicy]] = ExtensionPoint(
    "couler_cache_policies", "cache policy", "policies", _with_method("policy", "keep(candidates, capacity, history)")
)
PARTITIONERS: ExtensionPoint[type[Partitioner]] = ExtensionPoint(
    "couler_partitioners", "partitioner", "partitioners", _with_method("partitioner", "split(dag, budget, previous)")
)
TUNERS: ExtensionPoint[type[Tuner]] = ExtensionPoint(
    "couler_tuners", "tuner", "tuners", _with_method("tuner", "propose(task, trials, number)")
)
STEPS: ExtensionPoint[CatalogueStep] = ExtensionPoint("couler_steps", "ready-made step", "steps", step_problem)
ADAPTERS: ExtensionPoint[Adapter] = ExtensionPoint(
    "couler_adapters", "adapter", "adapters", adapter_problem, lambda adapter: (adapter.engine,)
)
STORES: ExtensionPoint[type[ArtifactStore]] = ExtensionPoint(
    "couler_artifact_stores", "artifact store", "stores", store_problem, attrgetter("schemes")
)
POINTS: tuple[ExtensionPoint[Any], ...] = (OPTIMIZERS, POLICIES, PARTITIONERS, TUNERS, STEPS, ADAPTERS, STORES)
