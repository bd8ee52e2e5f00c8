"""What holds for every partitioner, on any graph and under any budget."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings

from benchmarks.baselines.algorithm3 import Paper
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs import Partitioner
from couler_plugins.hookspecs.dag import Budget, Dag
from couler_plugins.parallelism.check import ask_partitioner, order_problem, over_budget, parts_of
from couler_plugins.parallelism.critical_path import CriticalPath
from couler_plugins.parallelism.plugin import couler_partitioners
from couler_plugins.parallelism.portfolio import candidates
from couler_plugins.parallelism.solution import barrier_makespan, fewest_parts, makespan_bound
from parallelism_graphs import DEADLOCK, cases, dag_of, layered, named
from support import ROOT, examples

ALL = [*(cls() for cls in couler_partitioners()), Paper()]
STRICT = [one for one in ALL if not one.exceeds]
QUICK = [CriticalPath(effort=0.02) if one.name == "critical-path" else one for one in STRICT]

every = pytest.mark.parametrize("partitioner", ALL, ids=lambda one: one.name)
quick = pytest.mark.parametrize("partitioner", QUICK, ids=lambda one: one.name)


@quick
@given(case=cases())
def test_parts_are_acyclic_within_budget_and_hold_every_step_once(
    partitioner: Partitioner, case: tuple[Dag, Budget]
) -> None:
    dag, budget = case
    labels = partitioner.split(dag, budget)
    assert order_problem(dag, labels) is None
    assert over_budget(dag, budget, labels) == []
    assert sorted(step for part in parts_of(dag, labels) for step in part.members) == list(range(len(dag)))
    assert len(set(labels)) >= fewest_parts(dag, budget)
    assert barrier_makespan(dag, labels, 7.0) >= makespan_bound(dag, budget, 7.0) * (1 - 1e-9)


@given(case=cases())
def test_so_do_all_candidates(case: tuple[Dag, Budget]) -> None:
    dag, budget = case
    for labels in candidates(dag, budget, 5.0) if len(dag) else ():
        assert order_problem(dag, labels) is None
        assert over_budget(dag, budget, labels) == []


@given(case=cases())
def test_the_paper_s_is_acyclic_once_its_cycles_are_merged(case: tuple[Dag, Budget]) -> None:
    dag, budget = case
    labels = Paper().split(dag, budget)
    assert order_problem(dag, labels) is None


@every
def test_no_steps(partitioner: Partitioner) -> None:
    assert partitioner.split(Dag.of([], [], []), Budget(steps=1)) == []


@every
def test_one_step(partitioner: Partitioner) -> None:
    assert partitioner.split(Dag.of("a", [[]], [0.0]), Budget(steps=1)) == [0]


@every
def test_steps_without_edges_or_time(partitioner: Partitioner) -> None:
    dag = Dag.of("abcde", [[]] * 5, [0.0] * 5)
    labels = partitioner.split(dag, Budget(steps=2))
    assert len(set(labels)) == 3


@every
def test_what_fits_stays_whole(partitioner: Partitioner) -> None:
    assert set(partitioner.split(named(DEADLOCK), Budget(steps=6))) == {0}


@every
def test_a_step_that_is_too_big(partitioner: Partitioner) -> None:
    dag = Dag.of("ab", [[], [0]], [1.0, 1.0], bytes=[5, 50])
    with pytest.raises(InvalidInput, match="the step 'b' alone takes 50 bytes"):
        ask_partitioner(partitioner, dag, Budget(bytes=49))


@every
def test_where_every_step_needs_a_part_of_its_own(partitioner: Partitioner) -> None:
    labels = partitioner.split(dag_of([[], [0], [0], [1, 2], []], 3), Budget(steps=3, pods=4))
    assert len(labels) == 5


@pytest.mark.slow
def test_the_default_takes_no_longer_than_any_other() -> None:
    dag = dag_of([[int(name[1:]) for name in above] for above in layered(600, 1).values()], 1)
    budget = Budget(bytes=4_000, steps=100)
    ours = barrier_makespan(dag, CriticalPath().split(dag, budget), 10.0)
    assert ours <= min(barrier_makespan(dag, one.split(dag, budget), 10.0) for one in STRICT) * 1.001
    assert ours <= 1.5 * makespan_bound(dag, budget, 10.0)


@pytest.mark.slow
def test_a_higher_weight_of_parts_gives_fewer() -> None:
    dag = dag_of([[int(name[1:]) for name in above] for above in layered(300, 2).values()], 2)
    budget = Budget(bytes=4_000, steps=60)
    many, few = (len(set(CriticalPath(part_weight=weight, effort=0.2).split(dag, budget))) for weight in (0.0, 5.0))
    assert few < many


@pytest.mark.slow
def test_more_effort_is_never_far_worse() -> None:
    dag = dag_of([[int(name[1:]) for name in above] for above in layered(400, 3).values()], 3)
    little, much = (
        barrier_makespan(dag, CriticalPath(effort=effort, part_weight=0).split(dag, Budget(steps=50)), 10.0)
        for effort in (0.05, 2.0)
    )
    assert much <= little


@pytest.mark.parametrize("option", [{"launch": -1.0}, {"part_weight": -0.1}, {"effort": -1.0}])
def test_options_out_of_range(option: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="has to be from 0"):
        CriticalPath(**option)


SCRIPT = """
from couler_plugins.parallelism.plugin import couler_partitioners
from couler_plugins.hookspecs.dag import Budget
from parallelism_graphs import dag_of, layered
links = [[int(name[1:]) for name in above] for above in layered(120, 4).values()]
for cls in couler_partitioners():
    options = {"effort": 0.1} if cls.name == "critical-path" else {}
    print(cls(**options).split(dag_of(links, 4), Budget(bytes=1_000, steps=20, pods=40)))
"""


@pytest.mark.slow
def test_every_process_splits_alike() -> None:
    said = set()
    for seed in ("0", "77"):
        environment = os.environ | {
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests"))),
        }
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, env=environment
        )
        said.add(done.stdout)
    assert len(said) == 1


@settings(max_examples=examples(20))
@given(case=cases())
def test_the_seed_is_all_that_is_drawn_from(case: tuple[Dag, Budget]) -> None:
    dag, budget = case
    assert CriticalPath(seed=5, effort=0.02).split(dag, budget) == CriticalPath(seed=5, effort=0.02).split(dag, budget)


@pytest.mark.slow
@every
def test_100_000_steps(partitioner: Partitioner) -> None:
    dag = dag_of([[int(name[1:]) for name in above] for above in layered(100_000, 7).values()], 7)
    budget = Budget(bytes=15_000, steps=400, pods=800)
    split = ask_partitioner(partitioner, dag, budget)
    assert partitioner.exceeds or not split.over_budget
    assert len(set(split.labels)) <= 1.5 * fewest_parts(dag, budget)
