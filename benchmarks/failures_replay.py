"""Replay of a run under faults: attempts of steps as a strategy repeats them, and what becomes of the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

from benchmarks.failures_faults import Faults
from benchmarks.failures_forms import Form
from couler_plugins.simulation.schedule import schedule

__all__ = ["LAUNCH", "MEMORY", "Failure", "Ran", "Strategy", "Work", "replay"]

LAUNCH = 10.0
"""Seconds until a pod runs its program."""
MEMORY = 1 << 30
"""The limit of memory of every step, in bytes."""
NEEDED = 1.5
"""Of the memory at which an attempt was killed, what its step needs from then on."""
MOST = 30
"""Attempts after which nobody waits any longer."""


@dataclass(frozen=True, eq=False)
class Work:
    """A workflow: what its steps take, in an order in which each stands behind its parents.

    Attributes:
        name: of the trace and the cut.
        seconds: what the program of each step takes.
        parents: the positions of its parents.
        types: the type of each.
        idempotent: whether each is declared idempotent.
    """

    name: str
    seconds: Sequence[float]
    parents: Sequence[Sequence[int]]
    types: Sequence[str]
    idempotent: Sequence[bool]

    @cached_property
    def makespan(self) -> float:
        """Seconds that it takes without faults."""
        return schedule(self.seconds, self.parents, launch=LAUNCH).makespan


class Failure(NamedTuple):
    """A failed attempt, as an engine records it.

    Attributes:
        form: how it shows.
        start: seconds since the first attempt of its step started.
        seconds: how long it took.
    """

    form: Form
    start: float
    seconds: float


class Strategy(Protocol):
    """What repeats attempts: an engine, with what a document says of retries."""

    def again(self, step: int, failures: Sequence[Failure]) -> tuple[bool, float]:
        """Whether a step is tried again after these failures, and the seconds until that, or until it is given up."""

    def memory(self, step: int, failures: Sequence[Failure]) -> float:
        """The limit of memory of the attempt that comes after these failures, in bytes."""


class _Step(NamedTuple):
    """What became of a step: how long all took, failed attempts, and waits; and what `Ran` adds up."""

    total: float
    failed: float
    waits: float
    began: int
    vain: int
    memory: float
    ok: bool


@dataclass
class Ran:
    """What became of a run.

    Attributes:
        completed: whether all steps succeeded.
        makespan: seconds until its end.
        failed: seconds of failed attempts.
        waits: seconds between attempts.
        lost: seconds of steps that succeeded in vain, as the run did not complete.
        effects: steps that are not idempotent whose program began more than once.
        vain: attempts of steps that had failed by themselves, and could only fail again.
        memory: bytes times seconds that retries reserved above what the document asks for.
    """

    completed: bool
    makespan: float = 0.0
    failed: float = 0.0
    waits: float = 0.0
    lost: float = 0.0
    effects: int = 0
    vain: int = 0
    memory: float = 0.0

    @property
    def wasted(self) -> float:
        """Seconds that nobody has anything of."""
        return self.failed + self.waits + self.lost


def replay(work: Work, faults: Faults, strategy: Strategy) -> Ran:
    """What becomes of a run.

    As many steps run at once as may. When a step has failed for good, no other starts, and those that run go on to
    their own end, as in a DAG of Argo with `failFast`.
    """
    hit = {number: _step(number, work.seconds[number], faults, strategy) for number in faults.first}
    lengths = [hit[n].total if n in hit else LAUNCH + seconds for n, seconds in enumerate(work.seconds)]
    times = schedule(lengths, work.parents)
    bad = {number for number, step in hit.items() if not step.ok}
    if not bad:
        started = list(range(len(lengths)))
        ran = Ran(True, times.makespan)
    else:
        reached: list[bool] = []  # whether all before a step has succeeded
        for above in work.parents:
            reached.append(all(reached[parent] and parent not in bad for parent in above))
        end = min(times.ends[number] for number in bad if reached[number])
        started = [number for number, start in enumerate(times.starts) if reached[number] and start < end]
        ran = Ran(False, max(times.ends[number] for number in started))
        ran.lost = sum(lengths[n] - (hit[n].failed + hit[n].waits if n in hit else 0) for n in started if n not in bad)
    for number in started:
        if number in hit:
            _add(ran, hit[number], work.idempotent[number])
    return ran


def _add(ran: Ran, step: _Step, idempotent: bool) -> None:
    ran.failed += step.failed
    ran.waits += step.waits
    ran.vain += step.vain
    ran.memory += step.memory
    ran.effects += step.began > 1 and not idempotent


def _step(number: int, seconds: float, faults: Faults, strategy: Strategy) -> _Step:
    """All attempts of a step.

    A step that has failed by itself fails at each attempt. One that was out of memory fails until it gets more, one
    that was throttled until the window is over. What is of the machines hits each attempt anew.
    """
    failures: list[Failure] = []
    now = waits = extra = need = until = 0.0
    began = vain = 0
    broken = killed = throttled = None
    while True:
        memory = strategy.memory(number, failures)
        drawn = faults.of(number, len(failures))
        fault = drawn
        if drawn is None or not drawn.form.kind.startswith("infrastructure"):
            if broken is not None:
                fault = broken
            elif memory < need:
                fault = killed
            elif now < until:
                fault = throttled
        vain += broken is not None
        elapsed = LAUNCH + seconds * (1.0 if fault is None else fault.share)
        extra += max(0.0, memory - MEMORY) * elapsed
        if fault is None:
            return _Step(now + elapsed, now - waits, waits, began + 1, vain, extra, True)
        began += fault.form.began
        failures.append(Failure(fault.form, now, elapsed))
        now += elapsed
        if fault.form.kind == "deterministic":
            broken = fault
        elif fault is drawn and fault.form.kind == "out_of_memory":
            need, killed = NEEDED * memory, fault
        elif fault is drawn and fault.form.kind == "throttled":
            until, throttled = now + fault.seconds, fault
        again, wait = strategy.again(number, failures)
        now += wait
        waits += wait
        if not again or len(failures) >= MOST:
            return _Step(now, now - waits, waits, began, vain, extra, False)
