"""Runs a stream of versions with a cache of limited size that a policy fills, and counts what that costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import ClassVar

import msgspec

from couler_plugins.hookspecs import CachePolicy
from couler_plugins.plugins.registry import ask_policy, online_policy
from couler_plugins.runs import Candidate, Fate, History, LoadCost, Run, StepRun
from couler_plugins.simulation.outcome import Cost, Outcome
from couler_plugins.simulation.schedule import Schedule, schedule
from couler_plugins.simulation.workload import Version, Workload, chance_of


@dataclass(frozen=True)
class Insight:
    """What policies get to know of times and sizes; the accounting always knows the truth.

    Attributes:
        unknown: the share of steps whose time and size are not known.
        noise: the factor by which a known time may be wrong, up or down; 1 is right.
        seed: which steps these are.
    """

    unknown: float = 0.0
    noise: float = 1.0
    seed: int = 0

    def times(self, workload: Workload) -> list[float | None]:
        """The seconds of each step as policies see them; None where they do not."""
        chance = chance_of("insight", self.seed, workload.family)
        spread = math.log(self.noise)
        seen: list[float | None] = []
        for seconds in workload.seconds:
            hidden, error = chance.random() < self.unknown, math.exp(chance.uniform(-spread, spread))
            seen.append(None if hidden else seconds * error)
        return seen


@dataclass(frozen=True)
class Setup:
    """What a stream runs on.

    Attributes:
        load: what loading costs.
        workers: how many steps run at once; None for no limit.
        launch: seconds that starting a step takes; they count for the makespan only.
        insight: what policies get to know.
        online: whether the policy's `online()` decides at each end of a step, in the middle of runs, as well.
    """

    load: LoadCost = field(default_factory=LoadCost)
    workers: int | None = None
    launch: float = 0.0
    insight: Insight = field(default_factory=Insight)
    online: bool = False


def replay(stream: Sequence[Version], policy: CachePolicy, capacity: int | None, setup: Setup | None = None) -> Outcome:
    """Runs a stream: in each run, what is needed is loaded if the cache has it, and else computed.

    Needed are the sinks, and the parents of what is computed. After each run the policy chooses what the cache keeps
    of what it had and of what was computed.

    Args:
        stream: the versions in the order in which they run.
        policy: what decides.
        capacity: bytes that the cache may hold; None for no limit.
        setup: what it all runs on.

    Raises:
        PluginFailure: the policy failed, kept what is no candidate, or more than the capacity; it is named.
    """
    cache = _Cache(policy, capacity, setup or Setup())
    runs = [(cache.run(version), frozenset(cache.results)) for version in stream]
    return Outcome(runs=tuple(cost for cost, _ in runs), kept=tuple(kept for _, kept in runs))


def nothing(stream: Sequence[Version], setup: Setup | None = None) -> Outcome:
    """What the stream costs without a cache."""
    return replay(stream, _Keeping(wanted=False), 0, setup)


def everything(stream: Sequence[Version], setup: Setup | None = None) -> Outcome:
    """What the stream costs with a cache without a limit."""
    return replay(stream, _Keeping(wanted=True), None, setup)


@dataclass(frozen=True)
class _Keeping(CachePolicy):
    """Keeps all or nothing: what every policy is measured against."""

    name: ClassVar[str] = "everything"
    wanted: bool

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        return {one.key for one in candidates} if self.wanted else set()


class _Cache:
    """The cache, the clock and the history that runs share."""

    def __init__(self, policy: CachePolicy, capacity: int | None, setup: Setup) -> None:
        self.policy = policy
        self.capacity = capacity
        self.setup = setup
        self.history = History(load=setup.load)
        self.results: dict[str, Candidate] = {}
        self.now = 0.0
        self.written = 0
        self._seen: dict[Workload, list[float | None]] = {}

    def run(self, version: Version) -> Cost:
        """Runs one version and decides what to keep."""
        load, before = version.workload, self.written
        fates = _plan(version, self.results)
        computing = [seconds if fate == "computed" else 0.0 for seconds, fate in zip(load.seconds, fates, strict=True)]
        sizes = zip(load.bytes, fates, strict=True)
        loading = [self.setup.load.seconds(size) if fate == "loaded" else 0.0 for size, fate in sizes]
        times = self._times(load, fates, computing, loading)
        steps = self._ran(version, fates)
        if self.setup.online:
            self._decide_at_each_end(version, times.ends, steps)
            fresh = {}
        else:
            fresh = self._ended(version, times.ends, steps)
        self.now += times.makespan
        self.history.append(Run(family=load.family, steps=tuple(steps), at=self.now))
        self._decide(self.policy, {**self.results, **fresh}, {})
        self.history.decide(frozenset(self.results))
        return Cost(
            family=load.family,
            computing=math.fsum(computing),
            loading=math.fsum(loading),
            computed=sum(step.fate == "computed" and step.artifact for step in steps),
            loaded=fates.count("loaded"),
            written=self.written - before,
            bytes_held=sum(one.bytes for one in self.results.values()),
            makespan=times.makespan,
        )

    def _times(
        self, load: Workload, fates: Sequence[Fate], computing: Sequence[float], loading: Sequence[float]
    ) -> Schedule:
        """When steps start and end; a load waits for nobody, and what is skipped takes neither time nor a worker."""
        at = [step for step, fate in enumerate(fates) if fate != "skipped"]
        place = {step: number for number, step in enumerate(at)}
        times = schedule(
            [computing[step] + loading[step] for step in at],
            [[place[p] for p in load.parents[step]] if fates[step] == "computed" else () for step in at],
            launch=[self.setup.launch if fates[step] == "computed" else 0.0 for step in at],
            workers=self.setup.workers,
        )
        starts, ends = [0.0] * len(fates), [0.0] * len(fates)
        for number, step in enumerate(at):
            starts[step], ends[step] = times.starts[number], times.ends[number]
        return Schedule(starts, ends, times.makespan)

    def _ended(self, version: Version, ends: Sequence[float], steps: Sequence[StepRun]) -> dict[str, Candidate]:
        """Notes what was loaded, and gives what was computed."""
        fresh: dict[str, Candidate] = {}
        for step, ran in enumerate(steps):
            if ran.fate == "loaded":
                self._use(ran.key, ends[step])
            elif ran.fate == "computed" and ran.artifact:
                fresh[ran.key] = self._candidate(version, step, ran, ends[step])
        return fresh

    def _decide_at_each_end(self, version: Version, ends: Sequence[float], steps: Sequence[StepRun]) -> None:
        """Offers each result when it is there; what this run has still to load is not up for decision."""
        family, policy = version.workload.family, online_policy(self.policy)
        going = [step for step, ran in enumerate(steps) if ran.fate != "skipped"]
        going.sort(key=lambda step: ends[step])
        live = list(steps)
        for step in going:
            live[step] = msgspec.structs.replace(steps[step], fate="pending")
        pinned = {ran.key: self.results[ran.key] for ran in steps if ran.fate == "loaded"}
        for step in going:
            ran = live[step] = steps[step]
            if ran.fate == "loaded":
                self._use(ran.key, ends[step])
                pinned.pop(ran.key, None)
            if ran.fate == "loaded" or not ran.artifact:
                continue
            self.history.live = (Run(family=family, steps=tuple(live), at=self.now + ends[step]),)
            free = {key: one for key, one in self.results.items() if key not in pinned}
            offered = {**free, ran.key: self._candidate(version, step, ran, ends[step])}
            self._decide(policy, offered, pinned)
            if not offered.keys() <= self.results.keys():
                self.history.decide(frozenset(self.results))
        self.history.live = ()

    def _decide(self, policy: CachePolicy, offered: Mapping[str, Candidate], pinned: Mapping[str, Candidate]) -> None:
        """Lets the policy choose among what is offered; what is pinned stays, and its room is taken."""
        room = None if self.capacity is None else self.capacity - sum(one.bytes for one in pinned.values())
        kept = ask_policy(policy, list(offered.values()), room, self.history)
        self.written += sum(one.bytes for key, one in offered.items() if key in kept and key not in self.results)
        self.results = {**pinned, **{key: one for key, one in offered.items() if key in kept}}

    def _use(self, key: str, end: float) -> None:
        one = self.results[key]
        self.results[key] = msgspec.structs.replace(one, used=self.now + end, uses=one.uses + 1)

    def _candidate(self, version: Version, step: int, ran: StepRun, end: float) -> Candidate:
        return Candidate(
            key=ran.key,
            bytes=version.workload.bytes[step],
            seconds=ran.seconds,
            family=version.workload.family,
            step=ran.step,
            type=ran.type,
            parents=tuple(version.keys[parent] for parent in ran.parents),
            created=self.now + end,
            used=self.now + end,
        )

    def _ran(self, version: Version, fates: Sequence[Fate]) -> list[StepRun]:
        """The steps as policies see them."""
        load = version.workload
        if load not in self._seen:
            self._seen[load] = self.setup.insight.times(load)
        seen = self._seen[load]
        return [version.ran(step, seen[step], fate) for step, fate in enumerate(fates)]


def _plan(version: Version, cached: Mapping[str, Candidate]) -> list[Fate]:
    """What becomes of each step: from the sinks up, loaded where the cache has it, else computed from its parents."""
    load = version.workload
    needed = [not below for below in load.children]
    fates: list[Fate] = ["skipped"] * len(needed)
    for step in range(len(needed) - 1, -1, -1):
        if not needed[step]:
            continue
        if version.keys[step] in cached:
            fates[step] = "loaded"
        else:
            fates[step] = "computed"
            for parent in load.parents[step]:
                needed[parent] = True
    return fates
