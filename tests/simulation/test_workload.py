from __future__ import annotations

from collections.abc import Callable

import pytest

from couler_plugins.errors import InvalidInput
from couler_plugins.runs import Run, StepRun
from couler_plugins.simulation.edits import Replayed, Uniform
from couler_plugins.simulation.workload import Workload, interleave, stream

MakeWorkload = Callable[..., Workload]


def descendants(load: Workload, steps: set[int]) -> set[int]:
    found = set(steps)
    while True:
        more = {child for child, above in enumerate(load.parents) if found & set(above)} - found
        if not more:
            return found
        found |= more


@pytest.mark.parametrize("seed", range(10))
def test_an_edit_changes_the_keys_of_all_descendants_and_no_others(make_workload: MakeWorkload, seed: int) -> None:
    load = make_workload(seed, 30)
    edits = [{seed: 1}, {3: 2, 17: 2}, {}, {29: 3}]
    first, *rest = load.versions(edits)
    before = first
    for edit, version in zip(edits, rest, strict=True):
        changed = {step for step in range(30) if before.keys[step] != version.keys[step]}
        assert changed == descendants(load, set(edit))
        assert {step for step in range(30) if before.specs[step] != version.specs[step]} == set(edit)
        before = version
    assert len(set(first.keys)) == 30


def test_what_is_put_back_has_its_old_key(make_workload: MakeWorkload) -> None:
    load = make_workload(0, 20)
    zero, one, two, three, four = load.versions([{4: 1}, {9: 2}, {4: 0}, {9: 0}])
    assert zero.keys == four.keys
    assert zero.keys != one.keys != two.keys != three.keys
    again = list(load.versions([{9: 2}]))
    assert again[-1].keys == three.keys


def test_a_version_is_a_run(make_workload: MakeWorkload) -> None:
    load = make_workload(0, 5)
    version = stream(load, Uniform(), 3, seed=1)[-1]
    run = version.run()
    assert [step.key for step in run.steps] == version.keys
    assert [step.spec for step in run.steps] == version.specs
    assert [step.parents for step in run.steps] == load.parents
    assert sum(step.seconds or 0 for step in run.steps) == sum(load.seconds)


def test_unknown_figures_are_the_median_of_their_type() -> None:
    def ran(kind: str, seconds: float | None, size: int | None) -> StepRun:
        return StepRun(step=f"{kind}{seconds}{size}", type=kind, spec="", key="", seconds=seconds, bytes=size)

    run = Run(
        family="f", steps=(ran("a", 1, 4), ran("a", 3, None), ran("a", None, 8), ran("b", None, 100), ran("a", 2, 6))
    )
    load = Workload.of(run)
    assert load.seconds == [1, 3, 2, 2, 2]
    assert load.bytes == [4, 6, 8, 100, 6]
    assert load.guessed == 3


def test_unknown_sizes() -> None:
    run = Run(family="f", steps=(StepRun(step="a", type="a", spec="", key="", seconds=1),) * 2)
    with pytest.raises(InvalidInput, match="f: no size of any result is known") as caught:
        Workload.of(run)
    assert "--unknown-size" in (caught.value.hint or "")
    load = Workload.of(run, unknown_size=7)
    assert (load.bytes, load.guessed) == ([7, 7], 2)


def test_what_makes_no_artifact_says_nothing_of_the_rest() -> None:
    """Neither is it what others are guessed by, nor a size that is known."""
    waits = StepRun(step="w", type="a", spec="", key="", seconds=0.0, bytes=0, artifact=False)
    known, unknown = (StepRun(step="a", type="a", spec="", key="", seconds=one) for one in (4.0, None))
    with pytest.raises(InvalidInput, match="f: no size of any result is known"):
        Workload.of(Run(family="f", steps=(waits, known, unknown)))
    load = Workload.of(Run(family="f", steps=(waits, known, unknown)), unknown_size=5)
    assert (load.seconds, load.bytes, load.guessed) == ([0.0, 4.0, 4.0], [0, 5, 5], 3)
    assert load.no_artifact == {0}


@pytest.mark.parametrize(("seconds", "message"), [(0.0, "all times are 0"), (None, "no time is known")])
def test_nothing_to_save(seconds: float | None, message: str) -> None:
    run = Run(family="f", steps=(StepRun(step="a", type="a", spec="", key="", seconds=seconds, bytes=1),) * 2)
    with pytest.raises(InvalidInput, match=message) as caught:
        Workload.of(run, file="zeros.json")
    assert caught.value.file == "zeros.json"


def test_streams_are_mixed_and_keep_their_order(make_workload: MakeWorkload) -> None:
    streams = [stream(make_workload(seed, 8, family=f"f{seed}"), Replayed(), 10, 0) for seed in range(3)]
    mixed = interleave(streams, 5)
    assert [[version for version in mixed if version.workload is own[0].workload] for own in streams] == streams
    assert mixed != [version for own in streams for version in own]
    assert interleave(streams, 5) == mixed != interleave(streams, 6)
