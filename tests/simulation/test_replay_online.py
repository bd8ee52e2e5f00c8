"""Deciding in the middle of runs, and policies that break their contract there or at the end of a run."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import ClassVar

import pytest

from couler_plugins.errors import PluginFailure
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.runs import Candidate, History
from couler_plugins.simulation.edits import Uniform
from couler_plugins.simulation.outcome import Outcome
from couler_plugins.simulation.replay import Setup, replay
from couler_plugins.simulation.workload import Version, stream
from simulation.policies import CHEAP, NAMES, Chance, MakeWorkload


@pytest.mark.parametrize("name", ["chance", "lru", "gdsf-subtree", "scr", "paper"])
@pytest.mark.parametrize("workers", [None, 2])
def test_in_the_middle_of_runs(make_workload: MakeWorkload, name: str, workers: int | None) -> None:
    work = make_workload(5, 15)
    runs = stream(work, Uniform(), 8, 0)
    policy: CachePolicy = Chance() if name == "chance" else NAMES[name]()
    outcome = replay(runs, policy, 25, Setup(online=True, workers=workers, load=CHEAP))
    expected = costs_without_kept(runs, outcome)
    assert [(run.computed, run.loaded) for run in outcome.runs] == expected
    assert all(run.bytes_held <= 25 for run in outcome.runs)
    if isinstance(policy, Chance):
        online = [(candidates, capacity, live[0]) for candidates, capacity, live in policy.asked if live]
        assert len(online) == sum(run.computed for run in outcome.runs)
        for candidates, capacity, live in online:
            pending = [step for step in live.steps if step.fate == "pending"]
            done = [step.key for step in live.steps if step.fate == "computed"]
            assert candidates[-1].key in done
            assert capacity is not None
            assert capacity <= 25
            assert not {step.key for step in pending} & {one.key for one in candidates}


def costs_without_kept(runs: Sequence[Version], outcome: Outcome) -> list[tuple[int, int]]:
    """How many are computed and loaded, from what the cache held after each run."""
    held: Set[str] = frozenset()
    found = []
    for version, after in zip(runs, outcome.kept, strict=True):
        work, fates = version.workload, {"computed": 0, "loaded": 0}
        need: set[int] = set()
        for step in reversed(range(len(work.steps))):
            if work.children[step] and step not in need:
                continue
            if version.keys[step] in held:
                fates["loaded"] += 1
            else:
                fates["computed"] += 1
                need.update(work.parents[step])
        found.append((fates["computed"], fates["loaded"]))
        held = after
    return found


@dataclass(frozen=True)
class Broken(CachePolicy):
    name: ClassVar[str] = "broken"
    how: str = ""

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        match self.how:
            case "greedy":
                return {one.key for one in candidates}
            case "inventive":
                return {"made up"}
            case "listing":
                return [one.key for one in candidates[:1]]  # type: ignore[return-value]
        raise ZeroDivisionError("by nothing")


@pytest.mark.parametrize("online", [False, True])
@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("greedy", r"the policy 'broken' kept \d+ bytes of at most 10"),
        ("inventive", "the policy 'broken' kept what is no candidate: made up"),
        ("listing", "the policy 'broken' returned list"),
        ("failing", "the policy 'broken' failed: ZeroDivisionError: by nothing"),
    ],
)
def test_a_broken_policy_is_named(make_workload: MakeWorkload, how: str, message: str, online: bool) -> None:
    runs = stream(make_workload(0, 10), Uniform(), 3, 0)
    with pytest.raises(PluginFailure, match=message):
        replay(runs, Broken(how), 10, Setup(online=online))
