"""A workflow that is edited from run to run, and the versions of it that run.

A workflow while it is edited, and what edits it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count, islice
from typing import ClassVar, Protocol

from couler_plugins.documents.mappings import by_key
from couler_plugins.errors import InvalidInput
from couler_plugins.runs import Fate, Run, StepRun, key_of, median
from couler_plugins.runs.order import children_of

Change = Mapping[int, int]
"""What is edited before a run: positions of steps, and the version that each has from then on; 0 is the first."""


@dataclass(frozen=True, eq=False)
class Workload:
    """A workflow with what each of its steps takes; lists are by the position of the step.

    Attributes:
        family: its name, by which policies learn.
        steps: the steps' names.
        types: their types.
        specs: the hashes of what they are by themselves, before any edit.
        parents: the positions of their parents, each smaller than their own.
        seconds: what computing each takes.
        bytes: how large each result is.
        memory: bytes at each step's peak, 0 where that is not known.
        guessed: how many times and sizes were not known; they count as the median of their type,
            or as what the caller said.
        no_artifact: the steps that make no result to be cached; unless it is known, they take no time.
    """

    family: str
    steps: list[str]
    types: list[str]
    specs: list[str]
    parents: list[tuple[int, ...]]
    seconds: list[float]
    bytes: list[int]
    memory: list[int]
    guessed: int = 0
    no_artifact: frozenset[int] = frozenset()

    @classmethod
    def of(cls, run: Run, family: str = "", file: str | None = None, unknown_size: int | None = None) -> Workload:
        """The workflow of a run.

        Args:
            run: the run.
            family: the workflow's name; the run's unless given.
            file: where the run comes from, for errors.
            unknown_size: bytes that a result counts as whose size is not known; the median of its type unless given.

        Raises:
            InvalidInput: no step takes any time, so that there is nothing to save, or no size is known.
        """
        seconds, guessed_seconds = _filled(run.steps, [step.seconds for step in run.steps], None)
        sizes, guessed_sizes = _filled(run.steps, [step.bytes for step in run.steps], unknown_size)
        if not any(seconds):
            what = (
                "no time is known"
                if all(step.seconds is None for step in run.steps if step.artifact)
                else "all times are 0"
            )
            hint = "a cache saves nothing here: give a trace whose steps have a runtime"
            raise InvalidInput(f"{family or run.family}: {what}", file=file, hint=hint)
        if guessed_sizes and guessed_sizes == sum(step.artifact for step in run.steps) and unknown_size is None:
            hint = "say with --unknown-size what a result counts as"
            raise InvalidInput(f"{family or run.family}: no size of any result is known", file=file, hint=hint)
        return cls(
            family=family or run.family,
            steps=[step.step for step in run.steps],
            types=[step.type for step in run.steps],
            specs=[step.spec for step in run.steps],
            parents=[step.parents for step in run.steps],
            seconds=seconds,
            bytes=[int(size) for size in sizes],
            memory=[step.memory or 0 for step in run.steps],
            guessed=guessed_seconds + guessed_sizes,
            no_artifact=frozenset(number for number, step in enumerate(run.steps) if not step.artifact),
        )

    @cached_property
    def children(self) -> list[list[int]]:
        """The positions of each step's children."""
        return children_of(self.parents)

    @cached_property
    def depths(self) -> list[int]:
        """The edges on the longest path from a source to each step."""
        depths: list[int] = []
        for above in self.parents:
            depths.append(max((depths[parent] + 1 for parent in above), default=0))
        return depths

    @cached_property
    def members(self) -> dict[str, list[int]]:
        """The steps of each type, in the order in which types first occur."""
        return by_key((kind, step) for step, kind in enumerate(self.types))

    @property
    def total_bytes(self) -> int:
        """The size of all results of one version."""
        return sum(self.bytes)

    def versions(self, changes: Iterable[Change]) -> Iterator[Version]:
        """The workflow before any edit, then after each change."""
        specs = list(self.specs)
        keys: list[str] = []
        for spec, above in zip(specs, self.parents, strict=True):
            keys.append(key_of(spec, [keys[parent] for parent in above]))
        yield Version(self, specs, keys)
        for change in changes:
            specs, keys = list(specs), list(keys)
            for step, version in change.items():
                specs[step] = key_of(self.specs[step], [str(version)]) if version else self.specs[step]
            stale = set(change)
            for step in range(min(stale, default=len(keys)), len(keys)):
                above = self.parents[step]
                if step in stale or not stale.isdisjoint(above):
                    stale.add(step)
                    keys[step] = key_of(specs[step], [keys[parent] for parent in above])
            yield Version(self, specs, keys)


@dataclass(frozen=True, eq=False, slots=True)
class Version:
    """A workflow as it runs once.

    Attributes:
        workload: the workflow.
        specs: the hash of what each step is by itself, edits included.
        keys: the key of each step's result: a hash of its spec and of its parents' keys.
    """

    workload: Workload
    specs: Sequence[str]
    keys: Sequence[str]

    def run(self) -> Run:
        """This version run as a whole, without a cache."""
        steps = (self.ran(step, seconds) for step, seconds in enumerate(self.workload.seconds))
        return Run(family=self.workload.family, steps=tuple(steps))

    def ran(self, step: int, seconds: float | None, fate: Fate = "computed") -> StepRun:
        """A step of it in one run; its size is known where its time is."""
        load = self.workload
        return StepRun(
            step=load.steps[step],
            type=load.types[step],
            spec=self.specs[step],
            key=self.keys[step],
            parents=load.parents[step],
            seconds=seconds,
            bytes=None if seconds is None else load.bytes[step],
            memory=load.memory[step],
            artifact=step not in load.no_artifact,
            fate=fate,
        )


def stream(workload: Workload, edits: Edits, runs: int, seed: int) -> list[Version]:
    """The first `runs` versions of a workflow under edits; fewer where recorded edits end before."""
    return list(islice(workload.versions(edits.changes(workload, seed)), runs))


def interleave(streams: Sequence[Sequence[Version]], seed: int) -> list[Version]:
    """Several workflows in one cache: each stream in its own order, mixed by chance."""
    turns = [number for number, versions in enumerate(streams) for _ in versions]
    chance_of("interleave", seed).shuffle(turns)
    remaining = [iter(versions) for versions in streams]
    return [next(remaining[number]) for number in turns]


def chance_of(*names: object) -> random.Random:
    """Random numbers that depend on nothing but these names: the same in every process."""
    return random.Random(":".join(map(str, names)))  # noqa: S311 - a simulation, not a secret


def _filled(steps: Sequence[StepRun], values: Sequence[float | None], instead: float | None) -> tuple[list[float], int]:
    """The values, the unknown ones as `instead`, or as the median of their type, or of all; and how many those are.

    Of steps that make no artifact, what is not known is 0.
    """
    pairs = zip(steps, values, strict=True)
    by_type = by_key((step.type, value) for step, value in pairs if value is not None and step.artifact)
    overall = median([value for some in by_type.values() for value in some] or [0])
    middle = {kind: median(some) for kind, some in by_type.items()}
    guesses = [middle.get(step.type, overall) if instead is None else instead for step in steps]
    filled = [
        (guess if step.artifact else 0) if value is None else value
        for step, value, guess in zip(steps, values, guesses, strict=True)
    ]
    return filled, sum(value is None and step.artifact for step, value in zip(steps, values, strict=True))


class EditState:
    """A workflow while it is edited: what generators look at, and how they make changes.

    Attributes:
        workload: the workflow.
        chance: the only source of randomness.
        versions: the version of each step now.
        past: the change sets so far, the oldest first: what each changed step was before.
    """

    def __init__(self, workload: Workload, chance: random.Random) -> None:
        self.workload = workload
        self.chance = chance
        self.versions = [0] * len(workload.steps)
        self.past: list[Change] = []
        self._fresh = count(1)

    def renewed(self, steps: Iterable[int]) -> Change:
        """Gives steps a version that they never had."""
        version = next(self._fresh)
        return dict.fromkeys(steps, version)

    def undone(self) -> Change:
        """Puts back what the last change set changed; no change where there is none."""
        return dict(self.past[-1]) if self.past else {}

    def apply(self, change: Change) -> None:
        """The change is made."""
        self.past.append({step: self.versions[step] for step in change})
        for step, version in change.items():
            self.versions[step] = version

    def step(self) -> int:
        """Any step."""
        return self.chance.randrange(len(self.versions))

    def kind(self) -> str:
        """Any type."""
        return self.chance.choice(list(self.workload.members))


class Edits(Protocol):
    """A way in which workflows are edited: a frozen dataclass whose fields are its options."""

    name: ClassVar[str]

    def on(self, bench: EditState) -> Iterator[Change]:
        """Change sets without end; each is applied to this state before the next is asked for."""

    def changes(self, workload: Workload, seed: int) -> Iterator[Change]:
        """Change sets for a workflow. The same seed gives the same changes, in any process."""
        bench = EditState(workload, chance_of(self.name, seed))
        for change in self.on(bench):
            bench.apply(change)
            yield change
