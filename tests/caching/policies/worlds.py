"""The golden diamond, and random streams of runs, for the tests of policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

import msgspec
from hypothesis import strategies as st

from couler_plugins.hookspecs import CachePolicy
from couler_plugins.runs import Candidate, Fate, History, LoadCost, Run, StepRun

__all__ = ["DIAMOND", "Stream", "candidate", "diamond", "edits", "graphs", "run", "step"]

DIAMOND: Mapping[str, tuple[str, float, int, int]] = {
    "a": ("", 10.0, 2_000_000_000, 4),
    "b": ("a", 20.0, 500_000_000, 8),
    "c": ("a", 40.0, 4_000_000_000, 16),
    "d": ("bc", 5.0, 100_000_000, 2),
}
"""The parents, seconds, bytes and gigabytes of memory of the four jobs a, b, c and d."""


def step(
    key: str,
    parents: tuple[int, ...] = (),
    *,
    seconds: float | None = 1.0,
    size: int | None = 1,
    fate: Fate = "computed",
) -> StepRun:
    """A step whose key, name and spec are the same."""
    return StepRun(step=key, type="t", spec=key, key=key, parents=parents, seconds=seconds, bytes=size, fate=fate)


def run(*steps: StepRun, family: str = "w", at: float = 0.0) -> Run:
    """A run of those steps."""
    return Run(family=family, steps=steps, at=at)


def candidate(key: str, size: int = 1, seconds: float | None = 1.0, *, at: float = 0.0, uses: int = 1) -> Candidate:
    """An artifact without parents that was made at `at` and used last then."""
    return Candidate(
        key=key, bytes=size, seconds=seconds, family="w", step=key, type="t", created=at, used=at, uses=uses
    )


def diamond(done: str = "abcd") -> tuple[list[Candidate], Run]:
    """The artifacts of those jobs of the diamond that have ended, in order, and the run with the others pending."""
    names = list(DIAMOND)
    candidates = []
    steps = []
    for at, (name, (parents, seconds, size, _)) in enumerate(DIAMOND.items()):
        made = candidate(name, size, seconds, at=float(at))
        candidates.append(msgspec.structs.replace(made, parents=tuple(parents)))
        above = tuple(names.index(parent) for parent in parents)
        steps.append(step(name, above, seconds=seconds, size=size, fate="computed" if name in done else "pending"))
    return [one for one in candidates if one.key in done], run(*steps)


Node = tuple[tuple[int, ...], float | None, int]
"""The parents, seconds and bytes of a step."""


@st.composite
def graphs(draw: st.DrawFn) -> list[Node]:
    """Up to 12 steps, some of them with unknown or no seconds, or with empty results."""
    count = draw(st.integers(1, 12))
    nodes: list[Node] = []
    for at in range(count):
        parents = draw(st.sets(st.integers(0, at - 1), max_size=3)) if at else set()
        seconds = draw(st.none() | st.sampled_from([0.0, 0.5, 3.0, 100.0, 1e9]))
        nodes.append((tuple(sorted(parents)), seconds, draw(st.sampled_from([0, 1, 7, 1000, 10**9]))))
    return nodes


edits = st.lists(st.integers(0, 11), min_size=1, max_size=5)
"""Which step changes before each run."""


@dataclass
class Stream:
    """A cache under a policy: runs of a workflow that is edited, each followed by a decision of the policy.

    Attributes:
        policy: it decides.
        capacity: the limit it is given.
        nodes: the workflow.
        history: what the policy sees.
        held: what the cache holds.
        log: the runs and what was kept after each.
    """

    policy: CachePolicy
    capacity: int | None
    nodes: Sequence[Node]
    history: History = field(default_factory=lambda: History(load=LoadCost(latency=0.1, bandwidth=1000)))
    held: dict[str, Candidate] = field(default_factory=dict)
    log: list[tuple[Run, Set[str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.versions = [0] * len(self.nodes)

    def edited(self, at: int) -> Run:
        """The next run, after an edit of one step; it loads whatever the cache holds."""
        self.versions[at % len(self.nodes)] += 1
        keys: list[str] = []
        for (parents, _, _), name, version in zip(self.nodes, "abcdefghijkl", self.versions, strict=False):
            keys.append(f"{name}{version}({','.join(keys[parent] for parent in parents)})"[:200])
        steps = []
        for position, (key, (parents, seconds, size)) in enumerate(zip(keys, self.nodes, strict=True)):
            fate: Fate = "loaded" if key in self.held else "computed"
            made = step(key, parents, seconds=seconds, size=size, fate=fate)
            steps.append(msgspec.structs.replace(made, step=key[0], type="abc"[position % 3]))
        return run(*steps, at=float(len(self.history.runs)))

    def candidates(self, now: Run) -> list[Candidate]:
        """What the cache holds and what a run has computed so far."""
        found = dict(self.held)
        for position, one in enumerate(now.steps):
            when = now.at + position / 100
            old = found.get(one.key)
            if one.fate == "loaded" and old:
                found[one.key] = msgspec.structs.replace(old, used=when, uses=old.uses + 1)
            elif one.fate == "computed":
                parents = tuple(now.steps[parent].key for parent in one.parents)
                made = candidate(one.key, one.bytes or 0, one.seconds, at=when)
                found[one.key] = msgspec.structs.replace(made, step=one.step, type=one.type, parents=parents)
        return list(found.values())

    def until(self, whole: Run, done: int) -> Run:
        """A run when only so many of its steps have ended."""
        steps = [*whole.steps[:done], *(msgspec.structs.replace(one, fate="pending") for one in whole.steps[done:])]
        return msgspec.structs.replace(whole, steps=tuple(steps))

    def replayed(self, live: Sequence[Run] = (), *, decided: bool = True) -> History:
        """The same history with views that have seen nothing yet, with or without its last decision."""
        history = History(live=live, load=self.history.load)
        for at, (ended, kept) in enumerate(self.log, start=1):
            history.append(ended)
            if decided or at < len(self.log):
                history.decide(kept)
        return history

    def end(self, now: Run) -> tuple[list[Candidate], Set[str]]:
        """Ends a run and lets the policy decide: what it was given, and what it keeps."""
        given = self.candidates(now)
        self.history.append(now)
        kept = self.policy.keep(given, self.capacity, self.history)
        self.history.decide(kept)
        self.log.append((now, kept))
        self.held = {one.key: one for one in given if one.key in kept}
        return given, kept
