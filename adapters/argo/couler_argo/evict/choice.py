"""Which results are kept: memo entries and runs as a policy sees them, and the two limits that it is asked about.

What steps that are still to come will read comes first, in the spirit of the Couler paper (X. Wang et al., ICDE 2024,
Eq. 4): the cache follows the runs as they progress. The capacity covers all results of a namespace, artifacts included.
Beside it, every ConfigMap stays under half of what Kubernetes takes, since Argo fails a step whose result does not fit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple

import msgspec

from couler_argo.memo_entries import Entry, Shard
from couler_plugins.caching.policies.simple import Lru
from couler_plugins.documents.mappings import by_key
from couler_plugins.errors import PluginFailure
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.plugins.registry import ask_policy
from couler_plugins.runs import Candidate, History, StepRun

HALF = 512 * 1024
"""Bytes that the data of a ConfigMap may take: half of what Kubernetes takes."""


class Sized(NamedTuple):
    """What a result takes.

    Attributes:
        bytes: its entry and all its artifacts; of entries with the same key, all of them together.
        measured: whether the size of every artifact is known.
    """

    bytes: int
    measured: bool


class Chooser:
    """The results of one namespace before a policy.

    Args:
        shards: the ConfigMaps that are up for choice.
        policy: the policy.
        history: the runs of the namespace.
        sizes: bytes of artifacts by their keys, as far as they are known.
        assumed: bytes of one whose size is not known.

    Attributes:
        failure: what the policy did wrong, so that another decided in its place; empty for nothing.
        sized: what results take, by key.
    """

    def __init__(
        self,
        shards: Sequence[Shard],
        policy: CachePolicy,
        history: History,
        sizes: Mapping[str, int],
        assumed: int,
    ) -> None:
        self.failure = ""
        self._policy = policy
        self._history = history
        self._sizes = sizes
        self._assumed = assumed
        self._ran: dict[str, tuple[StepRun, str, tuple[str, ...]]] = {}
        self._uses: Counter[str] = Counter()
        self._consumers: Counter[str] = Counter()
        for run in (*history.runs, *history.live):
            for step in run.steps:
                self._learn(run.family, step, tuple(run.steps[parent].key for parent in step.parents))
        results = by_key((entry.key, (shard, entry)) for shard in shards for entry in shard.entries.values())
        self.sized = {key: self._sized(entry for _, entry in some) for key, some in results.items()}
        self._candidates = [self.candidate(shard, entry) for some in results.values() for shard, entry in some[:1]]
        history.decide(frozenset(results))

    def kept(self, capacity: int | None) -> Set[str]:
        """The keys of the results that are worth keeping."""
        return self._asked(self._candidates, capacity)

    def crowded_out(self, shard: Shard, gone: Set[str]) -> Set[str]:
        """The keys that have to leave a ConfigMap beside those that leave anyway, so that it stays under its limit."""
        remaining = [entry for key, entry in shard.entries.items() if key not in gone]
        size = shard.bytes - sum(shard.sizes.get(key, 0) for key in gone)
        if size <= HALF:
            return frozenset()
        room = max(0, HALF - (size - sum(entry.bytes for entry in remaining)))
        # Here an entry takes what it is as text: where its artifacts are, there is room.
        written = [msgspec.structs.replace(self.candidate(shard, entry), bytes=entry.bytes) for entry in remaining]
        return {entry.key for entry in remaining} - self._asked(written, room)

    def figures(self, shard: Shard, entry: Entry, now: float) -> tuple[tuple[str, int | float | str], ...]:
        """The numbers behind a verdict, those that are known."""
        sized = self.sized.get(entry.key) or self._sized([entry])
        candidate = self.candidate(shard, entry)
        figures = (
            ("bytes", sized.bytes),
            ("bytes_measured", "yes" if sized.measured else "no"),
            ("entry_bytes", entry.bytes),
            ("compute_seconds", None if candidate.seconds is None else round(candidate.seconds, 3)),
            ("idle_seconds", round(max(0.0, now - entry.used))),
            ("uses", candidate.uses),
            ("pending_consumers", self.waited_for(entry.key)),
            ("step", candidate.step or None),
        )
        return tuple((name, value) for name, value in figures if value is not None)

    def candidate(self, shard: Shard, entry: Entry) -> Candidate:
        """An entry as policies see it."""
        ran, family, parents = self._ran.get(entry.key, (None, shard.family, ()))
        sized = self.sized.get(entry.key) or self._sized([entry])
        return Candidate(
            key=entry.key,
            bytes=sized.bytes,
            seconds=ran.seconds if ran else None,
            family=family,
            step=ran.step if ran else "",
            type=ran.type if ran else "",
            parents=parents,
            created=entry.created,
            used=entry.used,
            uses=max(1, self._uses.get(entry.key, 0)),
        )

    def waited_for(self, key: str) -> int:
        """How many steps of running workflows that are still to come read a result."""
        return self._consumers.get(key, 0)

    def _asked(self, candidates: Sequence[Candidate], capacity: int | None) -> Set[str]:
        """What is waited for comes first, whatever the policy; it decides on that alone where it does not fit."""
        needed = [candidate for candidate in candidates if self.waited_for(candidate.key)]
        room = None if capacity is None else capacity - sum(candidate.bytes for candidate in needed)
        if room is not None and room < 0:
            return self._policed(needed, capacity)
        others = [candidate for candidate in candidates if not self.waited_for(candidate.key)]
        return {candidate.key for candidate in needed} | self._policed(others, room)

    def _policed(self, candidates: Sequence[Candidate], capacity: int | None) -> Set[str]:
        """What the policy keeps. One that fails must not stop eviction: steps fail once a ConfigMap is full."""
        if not candidates:
            return frozenset()
        try:
            return ask_policy(self._policy, candidates, capacity, self._history)
        except PluginFailure as error:
            self.failure = self.failure or error.message
            return Lru().keep(candidates, capacity, self._history)

    def _learn(self, family: str, step: StepRun, parents: tuple[str, ...]) -> None:
        """A step of a run; the newest run comes last, and seconds are known of those that computed it only."""
        if step.fate == "pending":
            self._consumers.update(dict.fromkeys(parents, 1))
        if step.fate in ("computed", "loaded"):
            self._uses[step.key] += 1
            past = self._ran.get(step.key)
            if past is not None and step.seconds is None:
                step = msgspec.structs.replace(step, seconds=past[0].seconds)
            self._ran[step.key] = step, family, parents

    def _sized(self, entries: Iterable[Entry]) -> Sized:
        size, measured = 0, True
        for entry in entries:
            size += entry.bytes
            for artifact in entry.artifacts:
                size_of = self._sizes.get(artifact.key)
                size += self._assumed if size_of is None else size_of
                measured = measured and size_of is not None
        return Sized(size, measured)
