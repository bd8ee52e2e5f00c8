"""What workflows are written of: ready-made steps of plugins and of a lake, and how others put them together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from couler_plugins.generation.lake import Item
from couler_plugins.generation.retrieval import Index
from couler_plugins.hookspecs import CatalogueStep

__all__ = ["Library", "library", "signature"]

HIDDEN = frozenset({"image", "packages", "secrets"})
"""Inputs that most steps have, and that models need not know of; whoever asks for them by name may still use them."""

EXAMPLES = 2
"""Workflows of the lake that a model is shown."""


@dataclass(frozen=True, slots=True)
class Library:
    """Steps and workflows.

    Attributes:
        steps: by name.
        workflows: those of the lake whose shape is known.
    """

    steps: Mapping[str, CatalogueStep]
    workflows: Sequence[Item] = ()

    def examples(self, query: str) -> list[dict[str, Any]]:
        """The workflows that are most like a description."""
        by_name = {item.name: item for item in self.workflows}
        index = Index({name: _described(item) for name, item in by_name.items()})
        names = [by_name[name] for name in index.best(query, EXAMPLES)]
        return [{"description": item.description, "workflow": msgspec.to_builtins(item.shape)} for item in names]


def library(steps: Mapping[str, CatalogueStep], lake: Iterable[Item] = ()) -> Library:
    """Steps of plugins together with those of a lake; of two that have one name, the plugin's stays."""
    kept = list(lake)
    own = {step.name: step for item in kept for step in item.steps}
    return Library({**own, **steps}, tuple(item for item in kept if item.shape is not None))


def signature(step: CatalogueStep) -> dict[str, Any]:
    """A step as a model is told of it."""
    inputs: dict[str, str] = {}
    for item in step.inputs:
        if item.name not in HIDDEN or item.required:
            choices = f", one of {', '.join(item.choices)}" if item.choices else ""
            need = "required" if item.required else "optional"
            inputs[item.name] = f"{item.type}, {need}{choices}: {item.description}"
    outputs = {item.name: f"{item.type}: {item.description}" for item in step.outputs}
    return {"name": step.name, "does": step.description, "inputs": inputs, "outputs": outputs}


def _described(item: Item) -> str:
    steps = item.shape.steps if item.shape is not None else ()
    return " ".join((item.name, item.description, *(f"{step.name} {step.use}" for step in steps)))
