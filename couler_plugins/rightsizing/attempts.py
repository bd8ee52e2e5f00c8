"""What a container has to ask for, by what past attempts of its step used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from couler_plugins.rightsizing.estimate import estimate_cpu, estimate_request
from couler_plugins.runs import Attempt, ContainerUse

OUT_OF_MEMORY = "OOMKilled"
VAGUE = ("", "Error", "AirflowException", "MemoryError", "SIGKILL")
"""Reasons of failures that may be for lack of memory, as far as they say."""
KILLED = 128 + 9
"""The exit code of a process that was killed; a shell whose child had no more memory ends with it, too."""


class Demand(NamedTuple):
    """What a container has to ask for.

    Attributes:
        memory_attempts, cpu_attempts: the number of attempts that tell its use of memory, and of CPUs.
        killed: the number of attempts that ended since a container had no more memory.
        peak: bytes that it used at most; None where no attempt tells.
        memory: bytes to ask for.
        cpu: cores to ask for.
        completed: the number of attempts that tell any use, did not fail, and did all their work.
        unlimited: the number of attempts in which it may have been killed, and no record says what it could have.
    """

    memory_attempts: int = 0
    cpu_attempts: int = 0
    killed: int = 0
    peak: float | None = None
    memory: float | None = None
    cpu: float | None = None
    completed: int = 0
    unlimited: int = 0


def demand_of(attempts: Sequence[Attempt], container: str = "") -> Demand:
    """Return what a container has to ask for; without a name, a pod whose containers work one after another.

    Args:
        attempts: the past attempts of its step, whether they succeeded or not.
        container: its name in the pod.
    """
    attempts = [one for one in attempts if not one.partial] or attempts
    seen = [(one, [use for use in one.containers if container in ("", use.container)]) for one in attempts]
    peaks = [peak for one, uses in seen if (peak := _peak(one, uses))]
    cores = [(most, one.seconds or 0.0) for one, uses in seen if (most := max(map(_cores, uses), default=-1.0)) >= 0]
    return Demand(
        memory_attempts=len(peaks),
        cpu_attempts=len(cores),
        killed=sum(one.reason == OUT_OF_MEMORY for one, uses in seen if uses),
        peak=max(peaks, default=None),
        memory=estimate_request(peaks) if peaks else None,
        cpu=estimate_cpu([use for use, _ in cores], [time for _, time in cores]) if cores else None,
        completed=sum(
            one.succeeded is not False
            and not one.partial
            and any(_peak(one, [use]) or _cores(use) >= 0 for use in uses)
            for one, uses in seen
        ),
        unlimited=sum(
            _is_doubtful(one) or any(use in _killed(one) and not use.memory_limit for use in uses) for one, uses in seen
        ),
    )


def _peak(attempt: Attempt, uses: Sequence[ContainerUse]) -> int:
    """Return the bytes that containers used at most, 0 where nothing tells; one that was killed wanted its limit."""
    killed = _killed(attempt)
    peaks = [use.memory or 0 for use in uses] + [use.memory_limit or 0 for use in uses if use in killed]
    return max(peaks, default=0)


def _killed(attempt: Attempt) -> Sequence[ContainerUse]:
    """Return the containers that may have been killed for memory, since no record says which of them was.

    These are the nearest to their limits, and those with a limit whose use was not observed.
    """
    if attempt.reason != OUT_OF_MEMORY:
        return ()
    shares = [(use.memory or 0) / use.memory_limit if use.memory_limit else -1.0 for use in attempt.containers]
    pairs = zip(attempt.containers, shares, strict=True)
    return [use for use, share in pairs if share == max(shares) or (use.memory_limit and use.memory is None)]


def _is_doubtful(attempt: Attempt) -> bool:
    """Return whether an attempt may have been killed, and no record says for what."""
    return attempt.succeeded is False and attempt.exit_code in (None, KILLED) and attempt.reason in VAGUE


def _cores(use: ContainerUse) -> float:
    return next((cores for cores in (use.cpu_p95, use.cpu) if cores is not None), -1.0)
