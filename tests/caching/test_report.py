"""What a cache saved, by what past runs and the store tell: hits, times, sizes, and why there was no hit."""

from __future__ import annotations

import time
from typing import Any

import pytest

from couler_plugins.caching.artifacts import Entry, Meta, Output
from couler_plugins.caching.report import Stored, report, report_of_store
from couler_plugins.caching.tallies import KEYS_CAME_BACK, NEW_KEYS, NO_ANSWER, NO_KEYS, NOT_USED, ONE_RUN, Report, Row
from couler_plugins.errors import InvalidInput
from couler_plugins.runs import Lookup, Run, StepRun

Answer = bool | None


def step(name: str, hit: Answer, key: str = "k", *, seconds: float | None = None, **more: Any) -> StepRun:
    """A step that was looked up; `seconds` is what computing took."""
    fate = "loaded" if hit else "computed"
    lookup = Lookup(hit=hit, key=key, **{name: more.pop(name) for name in ("began", "worth") if name in more})
    fields: dict[str, Any] = {"seconds": seconds, "lookup": lookup, "fate": fate, **more}
    return StepRun(step=name, type="work", spec="s", key="k", **fields)


def runs(*several: list[StepRun], family: str = "wf") -> list[Run]:
    return [
        Run(family=family, name=f"{family}-{number}", steps=tuple(steps), at=float(number))
        for number, steps in enumerate(several)
    ]


def only(made: Report) -> Row:
    (row,) = made.steps
    return row


def stored(key: str, *, uses: int | None = None, size: int = 10, created: float = 100.0, **meta: Any) -> Stored:
    output = Output(name="o", bytes=size, sha256=f"{key.encode().hex():0>64}")
    return Stored(Entry(namespace="default", key=key, outputs=(output,), meta=Meta(**meta), created=created), uses)


def test_each_hit_saves_the_median_of_the_runs_that_computed_its_key() -> None:
    computed = [[step("g/a", False, seconds=seconds)] for seconds in (10.0, 20.0, 90.0)]
    other = [[step("g/a", False, "other", seconds=1000.0)]]
    row = only(report(runs(*computed, *other, [step("g/a", True)], [step("g/a", True)])))
    assert (row.runs, row.hits, row.misses, row.unknown, row.rate) == (6, 2, 4, 0, 2 / 6)
    assert (row.seconds_saved, row.untimed, row.reason) == (40.0, 0, "")


def test_where_no_run_computed_the_key_the_step_counts() -> None:
    before = StepRun(step="g/a", type="work", spec="s", key="x", seconds=30.0)  # not cached yet
    computed = step("g/a", False, "old", seconds=10.0)
    row = only(report(runs([before], [computed], [step("g/a", True, "new")])))
    assert (row.runs, row.seconds_saved) == (2, 20.0)


def test_what_a_hit_saved_is_unknown_where_nothing_like_it_was_computed() -> None:
    row = only(report(runs([step("g/a", True)], [step("g/a", True)], [step("g/a", False)])))
    assert (row.hits, row.seconds_saved, row.untimed) == (2, None, 2)
    both = report(runs([step("g/a", True), step("g/b", True, "b")], [step("g/b", False, "b", seconds=5.0)]))
    assert (both.total.seconds_saved, both.total.untimed) == (5.0, 1)


def test_no_hit_saved_nothing_which_is_known() -> None:
    row = only(report(runs([step("g/a", False, seconds=5.0)])))
    assert (row.seconds_saved, row.seconds_spent, row.bytes_reused, row.bytes_kept) == (0.0, 0.0, 0, None)


def test_a_cache_is_believed_before_the_store_and_the_store_before_other_runs() -> None:
    computed = [step("g/a", False, seconds=1.0)]
    in_store = [stored("k", seconds=7.0, size=64)]
    row = only(report(runs(computed, [step("g/a", True, bytes=3)]), in_store))
    assert (row.seconds_saved, row.bytes_reused, row.bytes_kept) == (7.0, 64, 64)
    row = only(report(runs(computed, [step("g/a", True, worth=9.0, bytes=3)])))
    assert (row.seconds_saved, row.bytes_reused, row.bytes_kept) == (9.0, 3, None)


def test_what_was_perhaps_a_hit_is_no_measurement_of_computing() -> None:
    maybe = step("g/a", None, seconds=1.0)
    row = only(report(runs([maybe], [step("g/a", False, seconds=50.0)], [step("g/a", True)])))
    assert (row.unknown, row.rate, row.seconds_saved) == (1, 0.5, 50.0)


def test_items_of_a_loop_are_one_step_and_steps_that_did_not_end_are_none() -> None:
    items = [step(f"g/a({number})", bool(number), seconds=4.0) for number in range(3)]
    pending = step("g/b", False, fate="pending")
    row = only(report(runs([*items, pending])))
    assert (row.step, row.runs, row.hits, row.seconds_saved) == ("g/a", 3, 2, 8.0)


def test_a_group_that_is_cached_as_a_whole_counts() -> None:
    group = step("main/inner", False, seconds=60.0)
    computed = Run(family="wf", name="1", steps=(), groups=(group,))
    loaded = Run(family="wf", name="2", steps=(step("main/inner", True),))
    row = only(report([computed, loaded]))
    assert (row.runs, row.hits, row.seconds_saved) == (2, 1, 60.0)


def test_a_step_that_was_loaded_is_a_hit_in_records_without_look_ups() -> None:
    loaded = StepRun(step="g/a", type="t", spec="s", key="k", fate="loaded")
    assert only(report([Run(family="wf", steps=(loaded,))])).hits == 1


def test_a_run_in_two_exports_counts_once() -> None:
    once = runs([step("g/a", False, seconds=5.0)], [step("g/a", True)])
    assert report([*once, *once]) == report(once)
    unnamed = Run(family="wf", steps=(step("g/a", True),))
    assert report([unnamed, unnamed]).total.hits == 2


@pytest.mark.parametrize(
    ("several", "reason"),
    [
        ([[step("g/a", False, "1"), step("g/a(1)", False, "2")]], ONE_RUN),
        ([[step("g/a", False, "1")], [step("g/a", False, "2")]], NEW_KEYS),
        ([[step("g/a", False, "1")], [step("g/a", False, "1")], [step("g/a", False, "2")]], KEYS_CAME_BACK),
        ([[step("g/a", False, "")], [step("g/a", False, "")]], NO_KEYS),
        ([[step("g/a", None, "1")], [step("g/a", None, "1")]], NO_ANSWER),
        ([[step("g/a", False, "1")], [step("g/a", True, "1")]], ""),
    ],
)
def test_a_step_without_a_hit_says_why(several: list[list[StepRun]], reason: str) -> None:
    assert only(report(runs(*several))).reason == reason


def test_steps_come_by_workflow_those_that_saved_most_first() -> None:
    first = runs([step("g/a", False, "a", seconds=1.0), step("g/b", False, "b", seconds=9.0), step("g/z", False, "z")])
    second = Run(family="wf", name="2", steps=(step("g/a", True, "a"), step("g/b", True, "b")))
    other = runs([step("g/c", True, "c", worth=99.0)], family="zoo")
    made = report([*first, second, *other])
    assert [(row.workflow, row.step) for row in made.steps] == [
        ("wf", "g/b"),
        ("wf", "g/a"),
        ("wf", "g/z"),
        ("zoo", "g/c"),
    ]
    assert [(row.workflow, row.hits, row.seconds_saved) for row in made.workflows] == [
        ("wf", 2, 10.0),
        ("zoo", 1, 99.0),
    ]
    assert (made.runs, made.total.hits, made.total.runs, made.total.seconds_saved) == (3, 3, 6, 109.0)


def test_a_key_that_two_steps_share_is_kept_once() -> None:
    made = report(runs([step("g/a", False), step("g/b", True)]), [stored("k", size=8), stored("another", size=99)])
    assert ([row.bytes_kept for row in made.steps], made.total.bytes_kept) == ([8, 8], 8)


# What no engine records, the store may tell: entries are of the 100th second.


def test_the_store_tells_who_made_a_result_and_who_came_after() -> None:
    several = runs([step("g/a", None, began=90.0)], [step("g/a", None, began=200.0)], [step("g/a", None, began=300.0)])
    row = only(report(several, [stored("k", run="wf-0", seconds=60.0)]))
    assert (row.hits, row.misses, row.unknown, row.inferred) == (2, 1, 0, 2)
    assert row.seconds_saved == 120.0


def test_the_first_step_of_the_run_that_made_a_result_missed_it_whatever_clocks_say() -> None:
    steps = [step("g/a(0)", None, began=101.0), step("g/a(1)", None, began=200.0)]
    row = only(report(runs(steps), [stored("k", run="wf-0")]))
    assert (row.hits, row.misses) == (1, 1)


def test_without_the_result_in_the_store_nothing_follows() -> None:
    row = only(report(runs([step("g/a", None, began=200.0)]), [stored("another", run="wf-0")]))
    assert (row.hits, row.misses, row.unknown, row.rate) == (0, 0, 1, None)


def test_who_began_before_another_made_the_result_may_have_had_an_older_one() -> None:
    several = runs([step("g/a", None, began=90.0)], [step("g/a", None, began=95.0)])
    row = only(report(several, [stored("k", run="wf-0")]))
    assert (row.hits, row.misses, row.unknown) == (0, 1, 1)


@pytest.mark.parametrize(("uses", "hits", "unknown"), [(1, 0, 2), (2, 1, 1), (3, 2, 0), (9, 2, 0)])
def test_no_more_hits_follow_than_the_store_has_counted(uses: int, hits: int, unknown: int) -> None:
    several = runs([step("g/a", None, began=200.0)], [step("g/a", None, began=300.0)])
    row = only(report(several, [stored("k", uses=uses, run="another")]))
    assert (row.hits, row.unknown) == (hits, unknown)


def test_what_the_engine_says_is_not_overruled_by_the_store() -> None:
    row = only(report(runs([step("g/a", False, began=200.0)]), [stored("k", uses=9)]))
    assert (row.hits, row.misses, row.inferred) == (0, 1, 0)


def test_a_store_alone_tells_how_often_its_results_were_used() -> None:
    made = report_of_store([
        stored("a", uses=4, size=10, family="wf", step="train", seconds=30.0),
        stored("b", uses=1, size=5, family="wf", step="train", seconds=30.0),
        stored("c", uses=1, size=7, family="wf", step="clean"),
    ])  # fmt: skip
    train, clean = made.steps
    assert (train.runs, train.hits, train.seconds_saved, train.bytes_reused, train.bytes_kept) == (5, 3, 90.0, 30, 15)
    assert (clean.hits, clean.reason) == (0, NOT_USED)
    assert made.runs == 0


def test_a_store_that_does_not_count_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no index"):
        report_of_store([stored("a")])


def test_time_grows_with_the_runs_and_no_faster() -> None:
    def many(number: int) -> list[Run]:
        return runs(
            *([step(f"g/s{name}", bool(run % 3), f"{run // 9}") for name in range(20)] for run in range(number))
        )

    def seconds(number: int) -> float:
        data, times = many(number), []
        for _ in range(3):
            began = time.process_time()
            report(data)
            times.append(time.process_time() - began)
        return min(times)

    assert seconds(800) < 30 * seconds(100)
