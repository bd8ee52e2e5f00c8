"""What the engines of the judge share: what a step made, what a run has around it, and the cache of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.argo.caching.values import Path

__all__ = ["Cache", "CannotRun", "Done", "Effect", "Key", "Path", "Situation", "Value"]

Effect = tuple[Path, str]
"""What a step left behind that no output tells of: who, and what."""
Key = tuple[str, ...]
"""Where an engine looks a result up."""


class CannotRun(Exception):
    """A manifest that the judge does not understand, or that is too big for it."""


@dataclass(frozen=True)
class Value:
    """A parameter's value: text, or what a type of the engine makes of it; and the steps that handed it on."""

    text: Any
    by: frozenset[Path] = frozenset()


@dataclass(frozen=True)
class Situation:
    """What a run has around it.

    Attributes:
        parameters: what it is submitted with.
        namespace: where it runs.
        account: as whom it runs.
        world: the state of all that is read and that nobody declares immutable: places, secrets, volumes.
        chance: which values steps hand on of which nobody says that they are pure.
        run: the number of the run.
    """

    parameters: Mapping[str, str] = field(default_factory=dict)
    namespace: str = "default"
    account: str = "default"
    world: str = "0"
    chance: str = "0"
    run: str = "0"


@dataclass(frozen=True)
class Done:
    """What a call has made.

    Attributes:
        truth: the hash of all that its result depends on.
        parameters: its values by name.
        artifacts: the contents of its artifacts by name.
        after: what is left behind after it.
    """

    truth: str = ""
    parameters: Mapping[str, Value] = field(default_factory=dict)
    artifacts: Mapping[str, str] = field(default_factory=dict)
    after: frozenset[Effect] = frozenset()


class Cache:
    """The results of runs by key: the truth of the step that made each.

    Attributes:
        entries: the truths by key.
        stale: the steps that got a result which is not theirs.
        steps: each step that looked a result up: its truth, and whether a run before had kept one.

    Args:
        entries: what was kept before.
    """

    def __init__(self, entries: Mapping[Key, str] | None = None) -> None:
        self.entries: dict[Key, str] = dict(entries or {})
        self._before = frozenset(self.entries)
        self.stale: list[Path] = []
        self.steps: dict[Path, tuple[str, bool]] = {}

    def look_up(self, path: Path, key: Key, truth: str) -> None:
        """Take the result of a step, or keep it if there is none."""
        if self.entries.setdefault(key, truth) != truth:
            self.stale.append(path)
        self.steps[path] = (truth, key in self._before)
