"""Diagnosis of a run that failed: which step failed first and why, what did not run because of it, what would help."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Container, Iterator, Sequence
from typing import NamedTuple

from couler_plugins.hookspecs import Adapter, Cause
from couler_plugins.ir import Retry, memory_text
from couler_plugins.reliability.classification import classify
from couler_plugins.reliability.optimizer import Guard
from couler_plugins.reliability.rules import IDEMPOTENT
from couler_plugins.reliability.timeouts import SHARE, durations_of
from couler_plugins.reliability.wishes import Decider
from couler_plugins.rightsizing.attempts import OUT_OF_MEMORY, demand_of
from couler_plugins.runs import Attempt, Run, StepRun, site_of, tries_of

REASONS = {
    "unknown": "nothing tells whether it would fail again",
    "deterministic": "it would fail again",
    "stopped": "somebody has stopped it",
    "timeout": "it would run out of time again",
    "resource": "it would need as much again",
}
"""Why it is no use to repeat a failure, by row or class; others pass."""
DECLARED = f'if it is declared idempotent, by {IDEMPOTENT}: "true" or a row of couler.toml'

UNLESS = ", unless its template has more containers"


class FailedStep(NamedTuple):
    """A step that failed for good.

    Attributes:
        step: the step, as its last record has it.
        tries: all of its attempts, the first one first; there is at least one.
        causes: why each of these failed; None for one that did not.
    """

    step: StepRun
    tries: tuple[Attempt, ...]
    causes: tuple[Cause | None, ...]

    @property
    def last(self) -> Attempt:
        """The attempt that decided."""
        return self.tries[-1]

    @property
    def cause(self) -> Cause:
        """Why that failed."""
        cause = self.causes[-1]
        assert cause is not None
        return cause


class Foreseen(NamedTuple):
    """What `guard` decides on a step.

    Attributes:
        retry: the retry that it writes; None where it leaves the step alone.
        reason: why.
    """

    retry: Retry | None
    reason: str


class Diagnosis(NamedTuple):
    """Why a run failed.

    Attributes:
        run: the run.
        first: the step that failed first.
        others: steps that failed by themselves, the first one first.
        following: names of steps that failed after one that they need, or were stopped meanwhile.
        idle: names of steps that did not run, since they need the first one.
        tolerated: names of steps that failed as well, and whose run would have gone on.
    """

    run: Run
    first: FailedStep
    others: tuple[FailedStep, ...]
    following: tuple[str, ...]
    idle: tuple[str, ...]
    tolerated: tuple[str, ...]


def diagnose(run: Run, causes: Sequence[Cause]) -> Diagnosis | None:
    """Return why a run failed; None where no step of it has.

    The first step to fail is the one whose last attempt ended first. One that ran again in another attempt of its graph
    is as it was left there. One that is tolerated is to blame only where no other has failed.
    """
    records: dict[str, list[int]] = defaultdict(list)
    for place, ran in enumerate(run.steps):
        records[ran.step].append(place)
    every = [places for places in records.values() if run.steps[places[-1]].fate == "failed"]
    if not every:
        return None
    culprits = [places for places in every if not run.steps[places[-1]].tolerated] or every
    failed = {
        places[-1]: _failed_step([run.steps[place] for place in places], run.engine, causes) for places in culprits
    }
    following = _after(run.steps, failed)
    alone = sorted(failed.keys() - following, key=lambda place: _rank(failed[place], place))
    place, *rest = alone
    first = failed[place]
    others = [one for one in rest if not failed[one].cause.cause_class == "stopped" != first.cause.cause_class]
    behind = _after(run.steps, {place})
    idle = [ran.step for at, ran in enumerate(run.steps) if ran.fate in ("skipped", "pending") and at in behind]
    return Diagnosis(
        run=run,
        first=first,
        others=tuple(failed[one] for one in others),
        following=tuple(run.steps[one].step for one in sorted({*failed} - {place, *others})),
        idle=tuple(dict.fromkeys(idle)),
        tolerated=tuple(run.steps[places[-1]].step for places in every if places[-1] not in failed),
    )


def _failed_step(records: Sequence[StepRun], engine: str, causes: Sequence[Cause]) -> FailedStep:
    tries = tuple(attempt for ran in records for attempt in ran.tries)
    if not tries or tries[-1].succeeded:  # it failed without an attempt, or after one
        tries = (*tries, Attempt(succeeded=False))
    each = (
        classify(one, engine, causes) if at == len(tries) or one.succeeded is False else None
        for at, one in enumerate(tries, 1)
    )
    return FailedStep(records[-1], tries, tuple(each))


def _rank(failed: FailedStep, place: int) -> tuple[float, bool, int]:
    """Where a step comes among those that failed: by its end, and before those that were stopped in that second."""
    end = failed.last.end
    return (math.inf if end is None else end, failed.cause.cause_class == "stopped", place)


def _after(steps: Sequence[StepRun], some: Container[int]) -> set[int]:
    """Return the steps that come after one of some; in one pass, since chains are as long as workflows."""
    after = set[int]()
    for place, ran in enumerate(steps):
        if any(parent in some or parent in after for parent in ran.parents):
            after.add(place)
    return after


def advise(
    diagnosis: Diagnosis,
    past: Sequence[Run],
    adapter: Adapter | None,
    causes: Sequence[Cause],
    foreseen: Sequence[Foreseen] = (),
) -> Iterator[str]:
    """Say what would repeat the step, or keep it from failing.

    Args:
        diagnosis: why the run failed.
        past: other runs of its workflow, as far as they are in the history.
        adapter: that of its engine; None where there is none, so that `guard` writes nothing.
        causes: the table of causes.
        foreseen: what `guard` decides on the step, and if it were declared; empty where nobody has its workflow.
    """
    failed = diagnosis.first
    earlier = [
        one for run in past for ran in run.steps if site_of(ran) == site_of(failed.step) for one in tries_of(ran)
    ]
    if failed.last.reason == OUT_OF_MEMORY:
        yield from _advise_memory(failed, earlier)
    elif failed.cause.cause_class == "timeout":
        yield from _advise_time(earlier)
    if adapter is not None:
        yield _verdict(failed, Decider(Guard(), adapter, causes), foreseen)


def _verdict(failed: FailedStep, decider: Decider, foreseen: Sequence[Foreseen]) -> str:
    """Say whether what `guard` writes repeats the last attempt. That decides, whatever the table says of its cause."""
    kind, engine = failed.cause.cause_class, decider.adapter.engine
    reason = REASONS.get(failed.cause.name) or REASONS.get(
        kind, f"{engine} does not tell it from an error of the program"
    )
    if failed.step.attempts > 1:
        return f"`guard` leaves the retry that it has: it was tried {failed.step.attempts} times"
    if foreseen and foreseen[-1].retry is None:
        return f"`guard` leaves it as it is: {foreseen[-1].reason}"
    answers = [one.retry is not None and decider.adapter.repeats(one.retry, failed.last) for one in foreseen]
    if decider.repeats(failed.last, declared=False) and answers[:1] != [False]:
        return f"`guard` repeats it{'' if foreseen else UNLESS}: nothing of its program has run"
    is_repeated = decider.repeats(failed.last, declared=True)
    if is_repeated is False or kind == "stopped":
        return f"`guard` does not repeat it: {reason}"
    if answers[1:] == [False]:
        return f"`guard` does not repeat it: {reason}{''.join(foreseen[-1].reason.partition('; ')[1:])}"
    declared = f": {foreseen[0].reason}" if answers[:1] == [True] else f" {DECLARED}"
    if is_repeated is None and kind in REASONS:
        return f"{reason}; on {engine}, `guard` repeats any failure{declared}"
    return f"`guard` repeats it{' with more memory' if kind == 'resource' else ''}{declared}"


def _advise_memory(failed: FailedStep, earlier: Sequence[Attempt]) -> Iterator[str]:
    limits = [use.memory_limit for use in failed.last.containers if use.memory_limit is not None]
    if limits:
        yield f"its limit is {memory_text(max(limits))}"
    demand = demand_of([*earlier, *failed.tries])
    if demand.memory_attempts > 1 and demand.memory is not None and demand.peak is not None:
        peak = memory_text(demand.peak)
        yield f"{demand.memory_attempts} attempts needed {peak} at most: `rightsize` sets memory by these"
    elif earlier:
        number = len(earlier) + len(failed.tries)
        yield (
            f"`rightsize` sets memory by past attempts, and knows that of {demand.memory_attempts} of {number}: "
            "`couler history fetch --prometheus URL` asks how much they used"
        )
    else:
        yield "`rightsize` sets memory by past attempts: name a history of them with --history"


def _advise_time(earlier: Sequence[Attempt]) -> Iterator[str]:
    durations = durations_of(earlier, loops=False)
    if durations.longest is not None:
        yield (
            f"{SHARE:.0%} of {durations.samples} attempts that succeeded took {durations.longest:,.0f} seconds or less"
        )
    else:
        yield "how long past attempts took is not known: name a history of them with --history"
    yield "a limit of time has ended it: raise it where it is set, as `guard` changes none that is written"
