from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import islice, pairwise

import pytest

from couler_plugins.errors import InvalidInput
from couler_plugins.runs import Run, StepRun
from couler_plugins.simulation.edits import EDITS, Branches, Deepening, Replayed, SourceRefresh, Walk
from couler_plugins.simulation.recorded import Histories, Recorded, history_of, read_edits
from couler_plugins.simulation.workload import Change, Edits, Workload, stream

MakeWorkload = Callable[..., Workload]
FIXED = """
import hashlib, sys
from couler_plugins.runs import StepRun, Run
from couler_plugins.simulation.edits import EDITS
from couler_plugins.simulation.workload import Workload, stream
above = [(n // 2,) if n else () for n in range(40)]
steps = [StepRun(step=f"s{n}", type=f"t{n % 4}", spec=str(n), key="", parents=parents, seconds=1.0, bytes=1)
         for n, parents in enumerate(above)]
load = Workload.of(Run(family="f", steps=tuple(steps)))
runs = [version for kind in EDITS for seed in range(3) for version in stream(load, kind(), 30, seed)]
print(hashlib.sha256("".join(key for version in runs for key in version.keys).encode()).hexdigest())
"""


def changes(load: Workload, edits: Edits, number: int, seed: int = 0) -> list[Change]:
    return list(islice(edits.changes(load, seed), number))


@pytest.mark.parametrize("kind", EDITS)
def test_edits_are_of_steps_and_depend_on_the_seed(kind: type[Edits], make_workload: MakeWorkload) -> None:
    load = make_workload(1, 30)
    made = changes(load, kind(), 200)
    assert all(0 <= step < 30 for change in made for step in change)
    assert sum(map(bool, made)) > 100
    assert changes(load, kind(), 200) == made
    assert changes(load, kind(), 200, seed=1) != made
    assert kind.__doc__
    assert kind.name


def test_the_same_in_any_process() -> None:
    def once(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        return subprocess.run(
            [sys.executable, "-c", FIXED], env=environment, check=True, capture_output=True, text=True
        ).stdout

    assert once("1") == once("2") != ""


def test_replayed_is_as_the_histories_are() -> None:
    """Shares measured on the histories of three pipelines: recurrence, undo, sizes of change sets."""
    load = Workload.of(
        Run(
            family="f",
            steps=tuple(
                StepRun(
                    step=str(n),
                    type=f"t{n % 40}",
                    spec=str(n),
                    key="",
                    parents=(n - 1,) if n else (),
                    seconds=1,
                    bytes=1,
                )
                for n in range(80)
            ),
        )
    )
    made = [change for seed in range(5) for change in changes(load, Replayed(), 1000, seed)]
    kinds = [{load.types[step] for step in change} for change in made]
    one = sum(len(some) == 1 for some in kinds) / len(kinds)
    assert 0.55 < one < 0.72
    again = [kind in after for now, after in pairwise(kinds) for kind in now]
    assert 0.15 < sum(again) / len(again) < 0.35
    assert 0.03 < sum(not change for change in made) / len(made) < 0.07


def test_sources_are_refreshed(make_workload: MakeWorkload) -> None:
    load = make_workload(3, 30)
    sources = {step for step, above in enumerate(load.parents) if not above}
    made = changes(load, SourceRefresh(), 100)
    assert all(set(change) <= sources for change in made)
    assert any(set(change) == sources for change in made)
    assert any(set(change) < sources for change in made)


def test_walks_go_along_edges(make_workload: MakeWorkload) -> None:
    load = make_workload(3, 30)
    path = [next(iter(change)) for change in changes(load, Walk(jump=0), 100)]
    moved = [(one, two) for one, two in pairwise(path) if load.parents[one] or load.children[one]]
    assert moved
    assert all(two in load.parents[one] or one in load.parents[two] for one, two in moved)


def test_deepening_reaches_every_depth_in_order(make_workload: MakeWorkload) -> None:
    load = make_workload(3, 30)
    made = changes(load, Deepening(stay=1), 2 * (max(load.depths) + 1))
    for depth, change in enumerate(made):
        assert depth % (max(load.depths) + 1) in {load.depths[step] for step in change}


def test_branches_return_to_both_versions(make_workload: MakeWorkload) -> None:
    load = make_workload(3, 30)
    runs = stream(load, Branches(turn=1, edit=0), 6, 0)
    assert all(version.keys == runs[0].keys for version in runs)
    versions = [tuple(version.keys) for version in stream(load, Branches(turn=1, edit=0.3), 60, 0)]
    assert sum(two == one for one, two in zip(versions, versions[2:], strict=False)) > 20
    assert sum(two == one for one, two in pairwise(versions)) < 5


def edits_file(*entries: object, **more: object) -> Recorded:
    return read_edits(json.dumps({"schema": "couler.edits/v1", "changes": entries, **more}).encode(), "e.json")


def test_recorded_edits(make_workload: MakeWorkload) -> None:
    load = make_workload(3, 6)
    recorded = edits_file(
        ["s1", "elsewhere"], ["t0"], {"restored": ["s1"], "changed": ["s2"]}, [], {"restored": ["s1"]}
    )
    assert changes(load, recorded, 6) == [{1: 1}, {0: 2, 3: 2}, {1: 0, 2: 3}, {}, {1: 1}, {1: 6}]
    later = changes(load, recorded, 5, seed=1)
    assert later != changes(load, recorded, 5)
    assert len(stream(load, recorded, 40, 0)) == 40


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"schema": "couler.edits/v1", "changes": [["a"]', "no recorded edits"),
        (b'{"schema": "couler.edits/v2", "changes": [["a"]]}', "no recorded edits"),
        (b'{"schema": "couler.edits/v1", "changes": [["a"]], "chances": []}', "chances"),
        (b'{"schema": "couler.edits/v1", "changes": []}', "there are no changes"),
        (b"\xff", "no recorded edits"),
    ],
)
def test_broken_files_of_edits(content: bytes, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        read_edits(content, "e.json")
    assert caught.value.file == "e.json"
    assert caught.value.hint


def test_edits_of_another_workflow(make_workload: MakeWorkload) -> None:
    with pytest.raises(InvalidInput, match="none of these changes is of a step or type of random"):
        changes(make_workload(3, 6), edits_file(["other"]), 1)


def test_what_changed_between_runs(make_workload: MakeWorkload) -> None:
    load = make_workload(3, 6)
    runs = [version.run() for version in load.versions([{1: 1}, {4: 2}, {1: 0}, {}])]
    history = history_of(runs, "random", "runs.json")
    assert history is not None
    assert history.entries == ((("s1",), ()), (("s4",), ()), ((), ("s1",)), ((), ()))
    again = stream(load, Histories((history,)), 5, 0)
    assert [len(set(version.keys) - set(again[0].keys)) for version in again] == [
        len({step.key for step in run.steps} - {step.key for step in runs[0].steps}) for run in runs
    ]
    assert history_of(runs[:1], "random", "runs.json") is None
    other = make_workload(4, 9, family="other")
    assert changes(other, Histories((history,)), 9) == changes(other, Replayed(), 9)
