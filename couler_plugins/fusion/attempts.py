"""Retry, timeout and requests of a chain, out of those of its steps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from couler_plugins.engine_kit.wiring import OF_GRAPH
from couler_plugins.hookspecs.fusing import Member, Refusal
from couler_plugins.ir import Literal, Retry, Value, parse_quantity, references, replace
from couler_plugins.reliability.wishes import seconds_in

ORDINARY = ("cpu", "memory")
"""The resources of which a chain may reserve the most that a step of it asks for, all of its time."""


def retry_of(member: Member) -> Retry | None:
    """Return the retry that is in force for a step."""
    return member.step.retry or member.operation.retry


def timeout_of(member: Member) -> Value | None:
    """Return the timeout that is in force for a step."""
    return member.step.timeout or member.operation.timeout


def joint_retry(members: Sequence[Member]) -> Retry | None:
    """Return the retry of a chain: that of the step that is tried most often."""
    return max(map(retry_of, members), key=_repetitions, default=None)


def _repetitions(retry: Retry | None) -> float:
    """How often a step is tried again: NaN where only the run knows."""
    limit = retry.limit if retry is not None else Literal(value=0)
    number = limit.value if isinstance(limit, Literal) else math.nan if limit is not None else math.inf
    try:
        return float(number) if number is not None else math.inf
    except ValueError:
        return math.nan


def retry_refusals(members: Sequence[Member]) -> Iterator[Refusal]:
    """Return why the retries of the steps of a chain cannot be one.

    The whole chain runs again where any step fails. So all but the last one run again although they have succeeded, and
    each may run more often than its owner has said.
    """
    counts = [_repetitions(retry_of(member)) for member in members]
    if any(map(math.isnan, counts)):
        yield Refusal("retry", "how often one of them is tried again is only known when it runs")
        return
    most = max(counts)
    retries = [retry for member, count in zip(members, counts, strict=True) if (retry := retry_of(member)) and count]
    if any(_cause(retry) != _cause(retries[0]) for retry in retries):
        yield Refusal("retry", "they are tried again after different failures")
    if any(reference.to in OF_GRAPH for reference in references(tuple(retries))):
        yield Refusal("retry", "whether one of them is tried again depends on its own inputs")
    for number, (member, count) in enumerate(zip(members, counts, strict=True)):
        if most and (number < len(members) - 1 or count < most):
            what = "although it has succeeded" if number < len(members) - 1 else "more often than now"
            reason = f"{member.step.name!r} would run again {what}, as the chain is tried again as a whole"
            yield Refusal("retry", reason, "idempotent", step=member.step.name)


def _cause(retry: Retry) -> Retry:
    """A retry without how often and when."""
    return replace(retry, limit=None, delay=None, factor=None, max_delay=None)


def joint_timeout(members: Sequence[Member]) -> Value | None:
    """Return the timeout of a chain: the sum of those of its steps in seconds; None where one has none."""
    seconds = [seconds_in(timeout_of(member)) for member in members]
    if any(one is None for one in seconds):
        return None
    total = sum(one for one in seconds if one is not None)
    return Literal(value=int(total) if total % 1 == 0 else total)


def timeout_refusals(members: Sequence[Member]) -> Iterator[Refusal]:
    """Return why a pod that stops none of its parts cannot run the steps of a chain."""
    for member in members:
        if (timeout := timeout_of(member)) is not None:
            reason = f"{member.step.name!r} would have no timeout of its own, but the chain that of all together"
            word: str = "timeout" if seconds_in(timeout) is not None else ""
            yield Refusal("timeout", reason, "timeout" if word else "", step=member.step.name)


class Reserve(NamedTuple):
    """What a chain reserves.

    Attributes:
        ratio: the most times as much of a resource, times seconds, as its steps do by themselves.
        refusal: why its steps cannot share it; None where they can.
    """

    ratio: float
    refusal: Refusal | None = None


def reserve_of(members: Sequence[Member], seconds: Sequence[float], overhead: float, most: float) -> Reserve:
    """Return what a chain reserves, whose pod asks for the most that any step of it asks for.

    Args:
        members: the steps.
        seconds: what each takes.
        overhead: the seconds that a pod takes beside its work.
        most: the ratio from which on it is refused.
    """
    requests = [_requests(member) for member in members]
    ratio = 1.0
    for name in sorted({name for one in requests for name in one}):
        amounts = [one.get(name, 0.0) for one in requests]
        if name not in ORDINARY and min(amounts) != max(amounts):
            reason = f"they ask for different {name}, which would be held all the time"
            return Reserve(ratio, Refusal("requests", reason, remedy="ask for the same in both"))
        alone = sum(amount * (one + overhead) for amount, one in zip(amounts, seconds, strict=True))
        ratio = max(ratio, max(amounts) * (sum(seconds) + overhead) / alone if alone else 1.0)
    if ratio <= most:
        return Reserve(ratio)
    reason = f"together they would reserve {ratio:.1f} times as much CPU or memory as now"
    return Reserve(ratio, Refusal("requests", reason, remedy=f"option max-reserved={math.ceil(ratio)}"))


def _requests(member: Member) -> dict[str, float]:
    """What a step asks for, all its containers together; a limit is a request, too."""
    total: dict[str, float] = {}
    for container in member.operation.containers:
        for name, value in {**dict(container.limits), **dict(container.requests)}.items():
            amount = parse_quantity(value.value) if isinstance(value, Literal) else None
            total[name] = total.get(name, 0.0) + (amount or 0.0)
    return total
