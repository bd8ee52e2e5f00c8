"""How workflows are edited from run to run: generators of change sets, each deterministic under its seed.

The figures of `replayed` are those of the histories of three nf-core pipelines (rnaseq, sarek, atacseq; 987 change
sets), in which a change is one of a process, with all of its instances.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from couler_plugins.options.fields import check_range
from couler_plugins.simulation.workload import Change, Edits, EditState, Workload


@dataclass(frozen=True)
class Uniform(Edits):
    """Before each run, `size` steps get new parameters, any of them alike."""

    name: ClassVar[str] = "uniform"
    size: int = 1

    def __post_init__(self) -> None:
        check_range("size", self.size, 1)

    def on(self, bench: EditState) -> Iterator[Change]:
        """Any steps."""
        while True:
            yield bench.renewed({bench.step() for _ in range(self.size)})


@dataclass(frozen=True)
class HotSpot(Edits):
    """One step is worked on for a while: it is edited with probability `heat`, else any other step.

    A while lasts `stay` runs on average; then another step becomes the hot one.
    """

    name: ClassVar[str] = "hot-spot"
    heat: float = 0.8
    stay: float = 10.0

    def __post_init__(self) -> None:
        check_range("heat", self.heat, 0, 1)
        check_range("stay", self.stay, 1)

    def on(self, bench: EditState) -> Iterator[Change]:
        """The hot step, mostly."""
        hot = bench.step()
        while True:
            yield bench.renewed([hot if bench.chance.random() < self.heat else bench.step()])
            if bench.chance.random() < 1 / self.stay:
                hot = bench.step()


@dataclass(frozen=True)
class SourceRefresh(Edits):
    """New data come in: with probability `full` all sources are read anew, else some of them, each alike.

    A source is a step without parents.
    """

    name: ClassVar[str] = "source-refresh"
    full: float = 0.5

    def __post_init__(self) -> None:
        check_range("full", self.full, 0, 1)

    def on(self, bench: EditState) -> Iterator[Change]:
        """All sources, or some."""
        sources = [step for step, above in enumerate(bench.workload.parents) if not above]
        while True:
            size = len(sources) if bench.chance.random() < self.full else bench.chance.randint(1, len(sources))
            yield bench.renewed(sorted(bench.chance.sample(sources, size)))


@dataclass(frozen=True)
class Walk(Edits):
    """Somebody follows the data: each edit is of a neighbour of the step edited before, up or down an edge.

    With probability `jump`, or where there is no neighbour, it goes on at any step.
    """

    name: ClassVar[str] = "walk"
    jump: float = 0.1

    def __post_init__(self) -> None:
        check_range("jump", self.jump, 0, 1)

    def on(self, bench: EditState) -> Iterator[Change]:
        """A random walk on the edges."""
        at = bench.step()
        while True:
            yield bench.renewed([at])
            around = [*bench.workload.parents[at], *bench.workload.children[at]]
            at = bench.chance.choice(around) if around and bench.chance.random() >= self.jump else bench.step()


@dataclass(frozen=True)
class Deepening(Edits):
    """A workflow is built from its sources on: edits are of a type at one depth, which grows down to the sinks.

    Each depth is worked on for `stay` runs on average; after the last one it starts again at the sources. A type's
    steps are edited together, those of other depths included.
    """

    name: ClassVar[str] = "deepening"
    stay: float = 3.0

    def __post_init__(self) -> None:
        check_range("stay", self.stay, 1)

    def on(self, bench: EditState) -> Iterator[Change]:
        """A type at the depth, from the top to the bottom."""
        depths = bench.workload.depths
        at, last = 0, max(depths)
        while True:
            step = bench.chance.choice([step for step, depth in enumerate(depths) if depth == at])
            yield bench.renewed(bench.workload.members[bench.workload.types[step]])
            if bench.chance.random() < 1 / self.stay:
                at = at + 1 if at < last else 0


@dataclass(frozen=True)
class Branches(Edits):
    """Two versions of a workflow are worked on in turns.

    Each run is of the other version with probability `turn`; with probability `edit`, a type in it is edited first.
    A run of the same version without an edit changes nothing.
    """

    name: ClassVar[str] = "branches"
    turn: float = 0.5
    edit: float = 0.6

    def __post_init__(self) -> None:
        check_range("turn", self.turn, 0, 1)
        check_range("edit", self.edit, 0, 1)

    def on(self, bench: EditState) -> Iterator[Change]:
        """From one version to the other and back."""
        mine, other = list(bench.versions), list(bench.versions)
        while True:
            if bench.chance.random() < self.turn:
                mine, other = other, mine
            if bench.chance.random() < self.edit:
                for step, version in bench.renewed(bench.workload.members[bench.kind()]).items():
                    mine[step] = version
            yield {step: version for step, version in enumerate(mine) if version != bench.versions[step]}


@dataclass(frozen=True)
class Replayed(Edits):
    """Development as it goes, made up; `Recorded` replays one that was recorded.

    Each change set is, with these probabilities:
        .05  an undo: the last change set is put back;
        .10  one of the last 24 change sets again, with new parameters; one that is older by a run counts .9 of it;
        .05  nothing: the same version runs again;
        .08  one step of a type, with new parameters: one sample's data, say;
        .72  whole types: one (.60), two (.17), three to five (.13), six to eight (.10).
    The first of those types is the last one again with probability .2 (a burst), else any, some being up to several
    times as likely as others (log-normal, σ .7). Each further one is next to one before it in the graph, or any, alike.
    """

    name: ClassVar[str] = "replayed"

    def on(self, bench: EditState) -> Iterator[Change]:
        """Types, mostly."""
        types = list(bench.workload.members)
        rates = [bench.chance.lognormvariate(0, 0.7) for _ in types]
        beside = _beside(bench.workload)
        last: str = bench.chance.choices(types, rates)[0]
        while True:
            match bench.chance.choices(("undo", "again", "nothing", "step", "types"), (5, 10, 5, 8, 72))[0]:
                case "undo":
                    yield bench.undone()
                case "again" if bench.past:
                    recent = bench.past[:-25:-1]
                    version = bench.chance.choices(recent, [0.9**age for age in range(len(recent))])[0]
                    yield bench.renewed(version)
                case "nothing":
                    yield {}
                case "step":
                    yield bench.renewed([bench.chance.choice(bench.workload.members[last])])
                case _:
                    chosen = [last if bench.chance.random() < 0.2 else bench.chance.choices(types, rates)[0]]
                    for _ in range(_how_many(bench.chance) - 1):
                        near = beside[chosen[-1]]
                        pick_near = near and bench.chance.random() < 0.5
                        chosen.append(bench.chance.choice(near) if pick_near else bench.chance.choices(types, rates)[0])
                    last = chosen[0]
                    yield bench.renewed(step for kind in dict.fromkeys(chosen) for step in bench.workload.members[kind])


@dataclass(frozen=True)
class Mix(Edits):
    """Each edit comes from one of `replayed` (.4), `uniform`, `hot-spot` and `source-refresh` (.2 each), by chance."""

    name: ClassVar[str] = "mix"

    def on(self, bench: EditState) -> Iterator[Change]:
        """One of four."""
        parts = [part.on(bench) for part in (Replayed(), Uniform(), HotSpot(), SourceRefresh())]
        while True:
            yield next(bench.chance.choices(parts, (4, 2, 2, 2))[0])


def _how_many(chance: random.Random) -> int:
    """How many types change together."""
    low, high = chance.choices(((1, 1), (2, 2), (3, 5), (6, 8)), (60, 17, 13, 10))[0]
    return chance.randint(low, high)


def _beside(workload: Workload) -> Mapping[str, Sequence[str]]:
    """The types that share an edge with each type."""
    pairs: dict[str, dict[str, None]] = {kind: {} for kind in workload.members}
    for step, above in enumerate(workload.parents):
        for parent in above:
            one, two = workload.types[step], workload.types[parent]
            if one != two:
                pairs[one][two] = pairs[two][one] = None
    return {kind: list(others) for kind, others in pairs.items()}


EDITS: tuple[type[Edits], ...] = (Replayed, Uniform, HotSpot, SourceRefresh, Walk, Deepening, Branches, Mix)
"""All of them; the first four and the mixture are what policies may be tuned to."""
