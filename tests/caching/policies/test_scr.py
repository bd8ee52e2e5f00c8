"""SCR-EM as a policy: what it keeps, and what it is told."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import pytest

from couler_plugins.caching.policies.scr import Scr
from couler_plugins.runs import Candidate, Fate, History, Run, StepRun


def run(
    versions: Sequence[int],
    *,
    family: str = "f",
    seconds: Sequence[float | None],
    sizes: Sequence[int],
    fate: Sequence[Fate] | None = None,
    types: Sequence[str] | None = None,
    parents: Sequence[tuple[int, ...]] | None = None,
) -> Run:
    """A run of a chain, unless parents are given; a version of a step is a number."""
    keys: list[str] = []
    steps = []
    for place, version in enumerate(versions):
        above = parents[place] if parents else ((place - 1,) if place else ())
        keys.append(f"{family}{place}:{version}({','.join(keys[parent] for parent in above)})")
        steps.append(
            StepRun(
                step=f"s{place}",
                type=types[place] if types else f"t{place}",
                spec=str(version),
                key=keys[-1],
                parents=above,
                seconds=seconds[place],
                bytes=sizes[place] if seconds[place] is not None else None,
                fate=fate[place] if fate else "computed",
            )
        )
    return Run(family=family, steps=tuple(steps))


def candidates(*runs: Run, sizes: Sequence[int]) -> list[Candidate]:
    found: dict[str, Candidate] = {}
    for one in runs:
        for size, ran in zip(sizes, one.steps, strict=True):
            parents = tuple(one.steps[parent].key for parent in ran.parents)
            found[ran.key] = Candidate(
                key=ran.key,
                bytes=size,
                seconds=ran.seconds,
                family=one.family,
                step=ran.step,
                type=ran.type,
                parents=parents,
            )
    return list(found.values())


def test_all_is_kept_where_all_fits() -> None:
    one = run([0, 0], seconds=[5, 5], sizes=[10, 10])
    offered = candidates(one, sizes=[10, 10])
    assert Scr().keep(offered, 20, History([one])) == {candidate.key for candidate in offered}
    assert Scr().keep(offered, None, History()) == {candidate.key for candidate in offered}
    assert Scr().keep([], 0, History()) == set()


def test_nothing_is_kept_without_room() -> None:
    one = run([0, 0], seconds=[5, 5], sizes=[10, 10])
    assert Scr().keep(candidates(one, sizes=[10, 10]), 0, History([one])) == set()


def test_what_is_before_the_step_that_is_always_edited_is_kept() -> None:
    """The last step of a chain is edited run by run: its result is of no use again, that of the one before always."""
    runs = [run([0, 0, version], seconds=[50, 50, 50], sizes=[10, 10, 10]) for version in range(8)]
    offered = candidates(runs[-1], sizes=[10, 10, 10])
    assert Scr().keep(offered, 10, History(runs)) == {runs[-1].steps[1].key}


def test_an_old_version_is_kept_where_versions_come_back() -> None:
    """Two versions take turns: what is worth most after one of them is the result of the other."""
    runs = [run([turn % 2], seconds=[100], sizes=[10]) for turn in range(14)]
    offered = candidates(runs[-1], runs[-2], sizes=[10])
    assert Scr().keep(offered, 10, History(runs)) == {runs[-2].steps[0].key}


def test_nothing_that_loads_slower_than_it_is_made() -> None:
    one = run([0, 0], seconds=[0.1, 0.2], sizes=[10, 10])
    assert Scr().keep(candidates(one, sizes=[10, 10]), 10, History([one])) == set()


def test_workflows_share_one_cache_by_how_often_they_run() -> None:
    often = [run([0, version], family="often", seconds=[60, 1], sizes=[10, 10]) for version in range(9)]
    seldom = run([0, 0], family="seldom", seconds=[70, 1], sizes=[10, 10])
    offered = candidates(often[-1], seldom, sizes=[10, 10])
    assert Scr().keep(offered, 10, History([seldom, *often])) == {often[0].steps[0].key}
    assert {seldom.steps[0].key, often[0].steps[0].key} <= Scr().keep(offered, 30, History([seldom, *often]))


def test_a_key_that_two_workflows_have_serves_both() -> None:
    seconds = [40.0, 45.0]
    one = run([0, 0], seconds=seconds, sizes=[10, 10], parents=[(), ()])
    two = Run(family="g", steps=(one.steps[0],))
    offered = candidates(one, sizes=[10, 10])
    assert Scr().keep(offered, 10, History([one])) == {one.steps[1].key}
    assert Scr().keep(offered, 10, History([one, two])) == {one.steps[0].key}


def test_unknown_seconds_are_those_of_the_type() -> None:
    """Four steps apart from each other; the unknown one is of a type that takes long."""
    seconds = [90.0, None, 40.0, 40.0]
    one = run([0] * 4, seconds=seconds, sizes=[10] * 4, types=["slow", "slow", "quick", "quick"], parents=[()] * 4)
    kept = Scr().keep(candidates(one, sizes=[10] * 4), 20, History([one]))
    assert kept == {one.steps[0].key, one.steps[1].key}


def test_nothing_known_is_no_error() -> None:
    one = run([0] * 3, seconds=[None] * 3, sizes=[10] * 3)
    assert len(Scr().keep(candidates(one, sizes=[10] * 3), 10, History([one]))) <= 1


def test_candidates_that_no_run_has_named() -> None:
    strange = [Candidate(key="x", bytes=10, seconds=50.0), Candidate(key="y", bytes=10), Candidate(key="z", bytes=0)]
    assert Scr().keep(strange, 15, History()) == {"x", "z"}
    one = run([0, 0], seconds=[50, 50], sizes=[10, 10])
    kept = Scr().keep([*strange, *candidates(one, sizes=[10, 10])], 30, History([one]))
    assert kept >= {ran.key for ran in one.steps}


@pytest.mark.parametrize("ended", [0, 3])
def test_what_a_live_run_still_needs_is_kept(ended: int) -> None:
    """Of two finished steps, the cheaper one has a consumer that is still to come."""
    parents = [(), (), (0,), (1,)]
    fate: list[Fate] = ["computed", "computed", "computed", "pending"]
    live = run([9, 9, 9, 9], seconds=[30, 20, 5, 5], sizes=[10] * 4, parents=parents, fate=fate)
    past = [run([turn, turn, 0, 0], seconds=[30, 20, 5, 5], sizes=[10] * 4, parents=parents) for turn in range(ended)]
    offered = candidates(live, sizes=[10] * 4)[:2]
    assert Scr().keep(offered, 10, History(past, live=[live])) == {live.steps[1].key}


def test_the_online_policy_is_gdsf_with_the_subtree() -> None:
    assert Scr().online().name == "gdsf-subtree"


def test_the_choice_depends_on_no_hash_seed() -> None:
    program = """
import random
from couler_plugins.caching.policies.scr import Scr
from couler_plugins.runs import *
chance, runs, specs = random.Random(1), [], [0] * 40
parents = [tuple(sorted(chance.sample(range(v), min(v, 2)))) for v in range(40)]
sizes = [chance.randint(1, 99) for _ in parents]
for t in range(6):
    keys, steps = [], []
    for v in range(40):
        keys.append(f"{v}:{specs[v]}({','.join(keys[p] for p in parents[v])})"[:4000])
        what = {"step": f"s{v}", "type": f"t{v % 7}", "spec": str(specs[v]), "key": keys[v], "parents": parents[v]}
        steps.append(StepRun(**what, seconds=v * 3.0, bytes=sizes[v]))
    runs.append(Run(family="f", steps=tuple(steps)))
    specs[chance.randrange(40)] = t + 1
offered = {r.key: Candidate(key=r.key, bytes=r.bytes, seconds=r.seconds) for run in runs for r in run.steps}
print(sorted(sorted(offered).index(key) for key in Scr().keep(list(offered.values()), 600, History(runs))))
"""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1
    assert outputs != {"[]\n"}
