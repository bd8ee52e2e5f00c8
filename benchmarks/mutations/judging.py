"""What the engines of the judge share: what a step made, what a run has around it, and the cache of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from adapters.argo.caching.values import Path
from benchmarks.mutations.places import At, CannotRun, There, tampered

__all__ = ["Cache", "CannotRun", "Done", "Effect", "Key", "Path", "Situation", "Value"]

Effect = tuple[Path, str]
"""What a step left behind that no output tells of: who, and what."""
NOTHING: Mapping[str, str] = MappingProxyType({})
Key = tuple[str, ...]
"""Where an engine looks a result up."""


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
        places: what somebody else has done since, at all places that the run before has written; empty for nothing.
        left: what is at places that runs before have written, by URL.
    """

    parameters: Mapping[str, str] = field(default_factory=dict)
    namespace: str = "default"
    account: str = "default"
    world: str = "0"
    chance: str = "0"
    run: str = "0"
    places: str = ""
    left: Mapping[str, str] = field(default_factory=dict)

    @property
    def there(self) -> There:
        """What is at places when the run begins."""
        return There(self.left, self.world)


@dataclass(frozen=True)
class Done:
    """What a call has made.

    Attributes:
        truth: the hash of all that its result depends on.
        parameters: its values by name.
        artifacts: the contents of its artifacts by name.
        after: what is left behind after it.
        left: what it has left at places, by URL.
        repeated: the names of the values that tell nothing of what it did.
    """

    truth: str = ""
    parameters: Mapping[str, Value] = field(default_factory=dict)
    artifacts: Mapping[str, str] = field(default_factory=dict)
    after: frozenset[Effect] = frozenset()
    left: Mapping[str, str] = field(default_factory=dict)
    repeated: frozenset[str] = frozenset()

    def handed(self, path: Path) -> dict[str, Value]:
        """Return its values as others get them, who see by those that it has computed that it ran."""
        own = {name: frozenset() if name in self.repeated else frozenset({path}) for name in self.parameters}
        return {name: Value(value.text, value.by | own[name]) for name, value in self.parameters.items()}


class Cache:
    """The results of runs by key: the truth of the step that made each.

    Attributes:
        entries: the truths by key.
        stale: the steps that got a result which is not theirs.
        steps: each step that looked a result up: its truth, and whether it took a result that a run before had kept.
        lost: of these, the steps whose places are not as their results need them.
        there: what is at places.

    Args:
        before: the cache of the run before.
        situation: what the run has around it.
    """

    def __init__(self, before: Cache | None = None, situation: Situation | None = None) -> None:
        situation = situation or Situation()
        self.entries: dict[Key, str] = dict(before.entries if before else {})
        self._lefts: dict[Key, Mapping[str, str]] = dict(before._lefts if before else {})
        self._before = frozenset(self.entries)
        left = tampered(before.there.left if before else {}, situation.places)
        self.there: There = replace(situation, left=left).there
        self.stale: list[Path] = []
        self.steps: dict[Path, tuple[str, bool]] = {}
        self.lost: set[Path] = set()

    def look_up(
        self, path: Path, key: Key, truth: str, at: Sequence[At] = (), left: Mapping[str, str] = NOTHING
    ) -> None:
        """Take the result of a step, or keep it if there is none, or if a place is not as it needs it.

        Args:
            path: the step.
            key: where its engine looks it up, beside what is read at places.
            truth: what it makes.
            at: what its wrapper looks at.
            left: what it leaves at places.
        """
        key = (*key, *self.there.read(at))
        verified = [one.url for one in at if "out" in one.words]
        kept = self._lefts.get(key, {})
        fits = all(self.there.content(url) == kept.get(url) for url in verified)
        whole = all(self.there.content(url) == content for url, content in left.items())
        if key in self.entries and fits and (self.entries[key] != truth or not whole):
            self.stale.append(path)
        if key in self._before and not whole:
            self.lost.add(path)
        self.steps[path] = (truth, key in self._before and fits)
        if key not in self.entries or not fits:
            self.entries[key], self._lefts[key] = truth, left
            self.there.left |= left
