"""Streams × policies × capacities × seeds, run in several processes, and what comes out of them."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from multiprocessing import active_children, get_context, parent_process
from typing import Any, NamedTuple, TypeVar

import msgspec

from couler_plugins.errors import EngineError
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.simulation.outcome import Outcome, capture
from couler_plugins.simulation.replay import Setup, everything, nothing, replay
from couler_plugins.simulation.workload import Edits, Version, Workload, interleave, stream

# The same work on many tasks, in processes that end with the one that started them, however that ends.

Given = TypeVar("Given")
Task = TypeVar("Task")
Found = TypeVar("Found")
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What asks a process to end."""


def in_processes(
    start: Callable[[Given], Callable[[Task], Found]], shared: Given, tasks: Sequence[Task], jobs: int
) -> Iterator[tuple[Task, Found]]:
    """Each task with what came out of it, as they end.

    Args:
        start: makes what does a task; each process calls it once. With one job it is called here.
        shared: what it is made of.
        tasks: each different, and each to be done once.
        jobs: processes at once.

    Raises:
        EngineError: a process was killed.
    """
    if jobs == 1:
        work = start(shared)
        yield from ((task, work(task)) for task in tasks)
        return
    # Spawned, so that it works alike everywhere and whatever threads there are.
    others = set(active_children())
    with _signals_wait():  # here it starts a process that keeps account of semaphores
        pool = ProcessPoolExecutor(jobs, get_context("spawn"), _start, (start, shared))
    with pool:
        try:
            with _signals_wait():
                pending = {pool.submit(_run, task): task for task in tasks}
            for done in as_completed(pending):
                yield pending[done], done.result()
        except BrokenProcessPool as error:
            hint = "it may have run out of memory: try fewer --jobs"
            raise EngineError("a process of the simulation was killed", hint=hint) from error
        except BaseException:
            for child in set(active_children()) - others:
                child.kill()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _signals_wait() -> Iterator[None]:
    """What would end us waits meanwhile: a process that is just being started would escape.

    The processes inherit that. So Ctrl-C, which a terminal sends to all of them, ends this one, and this one the rest.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_work: Callable[[Any], Any]


def _start(start: Callable[[Any], Callable[[Any], Any]], shared: Any) -> None:
    global _work  # noqa: PLW0603 - what a process of the pool works with
    _work = start(shared)
    sys.stdout = sys.stderr  # data goes to stdout, and what a policy prints is none
    signal.pthread_sigmask(signal.SIG_UNBLOCK, set(ENDING) - {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Waits until the process that started this one is gone, however it went."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run(task: Any) -> Any:
    return _work(task)


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """What a stream costs without a cache, and with one without a limit; seconds."""

    edits: str
    seed: int
    runs: int
    seconds: float
    makespan: float
    infinite_seconds: float
    infinite_makespan: float
    infinite_bytes: int


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """What a stream costs with a policy and a capacity.

    Attributes:
        edits: the text of the edits.
        seed: of the edits.
        policy: the text of the policy.
        capacity: bytes.
        seconds: computing and loading, over all runs.
        computing: of these, computing.
        loading: of these, loading.
        makespan: seconds of all runs, one after the other.
        saved: the share of the seconds without a cache that is saved; below 0 where loading took longer.
        capture: the share of what a cache without a limit saves; None where that saves nothing.
        hit_ratio: the share of needed results that were loaded.
        written: bytes that came into the cache.
        bytes_held: bytes in the cache after a run, on average.
    """

    edits: str
    seed: int
    policy: str
    capacity: int
    seconds: float
    computing: float
    loading: float
    makespan: float
    saved: float
    capture: float | None
    hit_ratio: float
    written: int
    bytes_held: float = msgspec.field(name="held")


@dataclass(frozen=True)
class Results:
    """All cells, and the baselines that they are measured by, in the order of the experiment."""

    baselines: tuple[Baseline, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True, eq=False)
class Experiment:
    """What is simulated.

    Attributes:
        workloads: the workflows; they share one cache.
        edits: ways to edit them, by their texts.
        policies: by their texts.
        capacities: bytes.
        runs: of each workflow.
        seeds: how many; they are 0, 1, …
        setup: what it all runs on.
    """

    workloads: Sequence[Workload]
    edits: dict[str, Edits]
    policies: dict[str, CachePolicy]
    capacities: Sequence[int]
    runs: int
    seeds: int
    setup: Setup

    def __len__(self) -> int:
        """How many replays it takes, baselines included."""
        return len(self.edits) * self.seeds * (1 + len(self.policies) * len(self.capacities))

    def carry_out(self, jobs: int = 1) -> Iterator[Results | None]:
        """Simulates it all; yields None for each replay that is done, and the results at the end.

        Args:
            jobs: processes at once. The results do not depend on it.

        Raises:
            PluginFailure: a policy broke its contract.
            EngineError: a process was killed.
        """
        lines = [_Task(edits, seed) for edits in self.edits for seed in range(self.seeds)]
        tasks = [
            line._replace(policy=policy, capacity=size)
            for line in lines
            for policy in self.policies
            for size in self.capacities
        ]
        done: dict[_Task, tuple[Outcome, ...]] = {}
        for task, outcomes in in_processes(_Runner, self, [*lines, *tasks], jobs):
            done[task] = outcomes
            yield None
        baselines = (_baseline(line, *done[line]) for line in lines)
        cells = (_cell(task, *done[task], *done[_Task(task.edits, task.seed)]) for task in tasks)
        yield Results(tuple(baselines), tuple(cells))

    def stream(self, edits: str, seed: int) -> list[Version]:
        """The runs under one of the edits and a seed."""
        streams = [stream(load, self.edits[edits], self.runs, seed) for load in self.workloads]
        return streams[0] if len(streams) == 1 else interleave(streams, seed)


class _Task(NamedTuple):
    """A stream, and what to replay it with; without a policy it is the baselines."""

    edits: str
    seed: int
    policy: str | None = None
    capacity: int = 0


def _baseline(task: _Task, without: Outcome, infinite: Outcome) -> Baseline:
    return Baseline(
        edits=task.edits,
        seed=task.seed,
        runs=len(without.runs),
        seconds=without.seconds,
        makespan=without.makespan,
        infinite_seconds=infinite.seconds,
        infinite_makespan=infinite.makespan,
        infinite_bytes=infinite.runs[-1].bytes_held,
    )


def _cell(task: _Task, outcome: Outcome, without: Outcome, infinite: Outcome) -> Cell:
    return Cell(
        edits=task.edits,
        seed=task.seed,
        policy=task.policy or "",
        capacity=task.capacity,
        seconds=outcome.seconds,
        computing=sum(run.computing for run in outcome.runs),
        loading=sum(run.loading for run in outcome.runs),
        makespan=outcome.makespan,
        saved=1 - outcome.seconds / without.seconds,
        capture=capture(outcome, without, infinite),
        hit_ratio=outcome.hit_ratio,
        written=outcome.written,
        bytes_held=sum(run.bytes_held for run in outcome.runs) / len(outcome.runs),
    )


class _Runner:
    """Runs tasks of an experiment; a stream that several tasks have is made once."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.stream = cache(experiment.stream)

    def __call__(self, task: _Task) -> tuple[Outcome, ...]:
        """The outcome; for baselines, that without a cache and that without a limit."""
        versions, setup = self.stream(task.edits, task.seed), self.experiment.setup
        if task.policy is None:
            return _slim(nothing(versions, setup)), _slim(everything(versions, setup))
        return (_slim(replay(versions, self.experiment.policies[task.policy], task.capacity, setup)),)


def _slim(outcome: Outcome) -> Outcome:
    """The outcome without the keys, which nobody needs from another process."""
    return msgspec.structs.replace(outcome, kept=())
