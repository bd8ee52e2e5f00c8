"""What walks through the code of modules find, and what they share."""

from __future__ import annotations

import dataclasses
import types
from typing import Any

from couler_plugins.caching.code.effects.abstract import ATOMS, Abstract, Known, Marks, dotted_name
from couler_plugins.caching.code.effects.reads import Read
from couler_plugins.caching.code.values import Surroundings


@dataclasses.dataclass
class Found:
    """What some code does.

    Attributes:
        effect: whether it changes something of others.
        loud: whether that is more than how things are logged.
        own: whether it only opens a part of a workflow.
        dynamic: whether it imports modules that nobody can name.
        imports: the modules that it imports, by name.
        reads: what it reads from outside of the process.
        results: what it returns.
    """

    effect: bool = False
    loud: bool = False
    own: bool = False
    dynamic: bool = False
    imports: set[str] = dataclasses.field(default_factory=set)
    reads: dict[Read, None] = dataclasses.field(default_factory=dict)
    results: list[Abstract] = dataclasses.field(default_factory=list)

    @property
    def result(self) -> Abstract:
        """What it returns, as far as that is one thing."""
        first, *others = self.results or [Marks.UNKNOWN]
        return Marks.UNKNOWN if any(other != first for other in others) else first

    def add(self, other: Found) -> None:
        """Add what other code does."""
        self.effect |= other.effect
        self.loud |= other.loud
        self.dynamic |= other.dynamic
        self.imports |= other.imports
        self.reads |= other.reads


class World:
    """What all walks for a key share.

    Args:
        around: what an engine puts around code.
    """

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.steps = 0
        self.depth = 0
        self.done: dict[Any, Found] = {}
        self.alive: list[Any] = []

    def abstract_of(self, value: Any) -> Abstract:
        """Return what stands for a value."""
        if isinstance(value, ATOMS):
            return Known(value)
        try:
            module = value.__name__ if isinstance(value, types.ModuleType) else dotted_name(value)
            own = module.partition(".")[0] in self.around.packages or self.around.is_own(value)
        except Exception:  # noqa: BLE001  # a class's own code may raise anything
            return Known(value)
        return Marks.OWN if own else Known(value)
