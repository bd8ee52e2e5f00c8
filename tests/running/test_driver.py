"""Jobs are submitted as soon as what they need has succeeded, never twice, and followed to their ends."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from couler_plugins.errors import EngineError
from couler_plugins.hookspecs.running import Job, Where
from couler_plugins.running import Head, Journal, Outcome, drive
from running.toy_engine import REQUEST, ToyEngine, job

DIAMOND = [
    job("library", runs=False),
    job("a", "library"),
    job("quick", "a"),
    job("slow", "a"),
    job("after-quick", "quick"),
    job("end", "slow", "after-quick"),
]
CALLS = 21
"""A whole run of these: six are submitted, and for each of the five that run there are two looks and its outputs."""


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def driven(
    engine: ToyEngine, jobs: list[Job], journal: Journal | None = None, *, clock: Clock | None = None, **how: object
) -> Outcome:
    clock = clock or Clock()
    return drive(engine, jobs, REQUEST, journal or Journal(), clock=clock, sleep=clock.sleep, **how)  # type: ignore[arg-type]


def test_a_job_starts_when_what_it_needs_is_done_and_not_a_level_at_a_time() -> None:
    engine = ToyEngine({"at/slow": 50})
    outcome = driven(engine, DIAMOND)
    assert outcome.succeeded
    assert engine.submitted() == [item.name for item in DIAMOND]
    looks = [number for number, call in enumerate(engine.calls) if call == "status at/slow"]
    assert engine.calls.index("submit at/after-quick") < looks[10], "it did not wait for the slow one beside it"
    assert engine.calls.index("submit at/end") > looks[-1]
    assert [output.value for output in outcome.entries["end"].outputs] == ["of at/end"]


def test_what_needs_a_failed_job_is_left_and_the_rest_goes_on() -> None:
    engine = ToyEngine(failing=["at/quick"])
    outcome = driven(engine, DIAMOND)
    assert not outcome.succeeded
    assert outcome.remaining == ["after-quick", "end"]
    phases = {name: entry.phase for name, entry in outcome.entries.items()}
    assert phases == {"library": "succeeded", "a": "succeeded", "quick": "failed", "slow": "succeeded"}
    assert outcome.entries["quick"].message == "it failed"
    assert "outputs at/quick" not in engine.calls


LAST = msgspec.structs.replace(job("last", "a", "b", "c"), always=True)


@pytest.mark.parametrize(
    ("failing", "left"), [([], []), (["at/a"], ["b", "c"]), (["at/b"], ["c"]), (["at/c"], [])], ids=str
)
def test_what_always_runs_comes_last_whatever_became_of_the_others(failing: list[str], left: list[str]) -> None:
    engine = ToyEngine(failing=failing)
    outcome = driven(engine, [job("a"), job("b", "a"), job("c", "b"), LAST])
    assert engine.submitted() == [name for name in ("a", "b", "c", "last") if name not in left]
    ended = [number for number, call in enumerate(engine.calls) if call.startswith(("status", "outputs"))]
    before = engine.calls.index("submit at/last")
    assert all(number < before or engine.calls[number].endswith("at/last") for number in ended)
    assert outcome.remaining == left
    assert outcome.succeeded is (not failing)


def test_what_always_runs_waits_for_what_may_still_start() -> None:
    engine = ToyEngine({"at/slow": 9}, failing=["at/a"])
    driven(engine, [job("a"), job("slow"), job("after", "slow"), msgspec.structs.replace(LAST, needs=("a", "after"))])
    assert engine.submitted() == ["a", "slow", "after", "last"]


def test_who_does_not_wait_submits_what_can_be() -> None:
    engine = ToyEngine()
    outcome = driven(engine, DIAMOND, wait=False)
    assert engine.submitted() == ["library", "a"]
    assert list(outcome.running) == ["a"]
    assert not outcome.succeeded


def test_waiting_ends_in_time_and_pauses_grow() -> None:
    clock = Clock()
    outcome = driven(ToyEngine({"at/a": 1000}), DIAMOND, clock=clock, timeout=30.0)
    assert list(outcome.running) == ["a"]
    assert clock.now == pytest.approx(30.0)
    assert clock.pauses[0] == 1.0
    assert max(clock.pauses) <= 10.0
    assert all(later >= earlier for earlier, later in zip(clock.pauses[:-2], clock.pauses[1:-1], strict=True))


@pytest.mark.parametrize("number", range(CALLS))
def test_a_run_that_dies_at_any_call_goes_on_where_it_was(tmp_path: Path, number: int) -> None:
    engine, path = ToyEngine(), tmp_path / "journal"
    head = Head.of("r", "toy", Where(), DIAMOND)
    calls = [0]

    def die(call: str) -> None:
        if calls[0] == number:
            calls[0] += 1
            raise EngineError("the engine is away")
        calls[0] += 1

    engine.before = die
    with Journal.opened(path) as journal:
        journal.begin(head, path)
        with pytest.raises(EngineError, match="away"):
            driven(engine, DIAMOND, journal)
    with Journal.opened(path) as journal:
        journal.begin(head, path)
        outcome = driven(engine, DIAMOND, journal)
    assert outcome.succeeded
    assert engine.submitted() == [item.name for item in DIAMOND], "each once, and in an order that is one"


def test_a_whole_run_makes_as_many_calls_as_are_tried() -> None:
    engine = ToyEngine()
    driven(engine, DIAMOND)
    assert len(engine.calls) == CALLS


def test_what_had_failed_is_looked_at_again_and_not_submitted_again(tmp_path: Path) -> None:
    path, head = tmp_path / "journal", Head.of("r", "toy", Where(), DIAMOND)
    engine = ToyEngine(failing=["at/quick"])
    with Journal.opened(path) as journal:
        journal.begin(head, path)
        assert not driven(engine, DIAMOND, journal).succeeded
    text = path.read_text()
    with Journal.opened(path) as journal:
        outcome = driven(engine, DIAMOND, journal)
    assert (outcome.succeeded, outcome.remaining, path.read_text()) == (False, ["after-quick", "end"], text)
    engine.retry("at/quick")
    with Journal.opened(path) as journal:
        assert driven(engine, DIAMOND, journal).succeeded
    assert sorted(engine.submitted()) == sorted(item.name for item in DIAMOND)


def test_an_ended_run_asks_nothing(tmp_path: Path) -> None:
    path, head = tmp_path / "journal", Head.of("r", "toy", Where(), DIAMOND)
    engine = ToyEngine()
    with Journal.opened(path) as journal:
        journal.begin(head, path)
        driven(engine, DIAMOND, journal)
    calls = len(engine.calls)
    with Journal.opened(path) as journal:
        outcome = driven(engine, DIAMOND, journal)
    assert outcome.succeeded
    assert len(engine.calls) == calls
    assert outcome.entries["end"].outputs[0].value == "of at/end"
