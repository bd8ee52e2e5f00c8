"""Figures of one attempt's containers, from the samples of pods of its name. What cannot be trusted gives none."""

from __future__ import annotations

import itertools
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

from msgspec.structs import replace

from couler_plugins.runs.prometheus.queries import Series
from couler_plugins.runs.usage import Attempt, ContainerUse

MEMORY, CPU = "container_memory_working_set_bytes", "container_cpu_usage_seconds_total"
STARTED = "container_start_time_seconds"
REQUESTS = ("kube_pod_container_resource_requests", "kube_pod_container_resource_limits")
"""Metrics of kube-state-metrics 2, with the resource as a label."""
FIELDS = {
    (metric, resource): f"{resource}_{field}"
    for metric, field in zip(REQUESTS, ("request", "limit"), strict=True)
    for resource in ("cpu", "memory")
}
SLACK = 2.0
"""Seconds that the clocks of nodes and of the engine may differ; engines cut times to seconds."""
MOST_BYTES, MOST_CORES = 2.0**50, 4096.0
LONGEST_GAP, SHORTEST_GAP = 300.0, 90.0
"""Seconds without a sample: over the first, a series has ended in Prometheus' own terms; the second may be between two
scrapes, as the kubelet measures up to 15 s before them."""
POD = re.compile(r"[/-]pod([0-9a-f]{8}[-_][0-9a-f_-]{27})")
"""The pod's UID in the path of a control group."""
Instance = tuple[str, str]
"""A container as it was started: its control group, and its name for the runtime. Another start is another one."""


class Unusable(Enum):
    """Why nothing is known of what an attempt used."""

    UNTIMED = "have no name or no times that a pod can have"
    UNSEEN = "have no samples"
    SKEWED = "have samples at other times only: a clock is wrong, or another pod had this name"
    AMBIGUOUS = "shared their name with another pod at that time"
    PARTIAL = "are in answers that the server calls partial"
    SHORT = "lived for less than two scrapes"
    GAPS = "have gaps in their samples"
    IMPLAUSIBLE = "have samples that no container can have"

    @property
    def attributed(self) -> bool:
        """Whether samples are certainly those of the attempt's pod."""
        return self in (Unusable.SHORT, Unusable.GAPS, Unusable.IMPLAUSIBLE)


class _Doubt(Exception):
    """Something that makes all of an attempt's samples unusable."""

    def __init__(self, reason: Unusable) -> None:
        self.reason = reason


def container_uses(
    attempt: Attempt, pods: Iterable[Series], start: float, end: float
) -> tuple[ContainerUse, ...] | Unusable:
    """Return the attempt's containers with what they used, or why that is not known.

    Args:
        attempt: whose containers these are; requests that it has stay as they are.
        pods: series of pods of its name, at any time and in any namespace.
        start: when the pod began.
        end: when it ended.
    """
    space = attempt.namespace
    series = [one for one in pods if not space or one.labels.get("namespace") == space]
    inside = [one for one in (_clipped(one, start - SLACK, end + SLACK) for one in series) if one.samples]
    measured = [one for one in inside if one.labels.get("__name__") not in REQUESTS]
    if not measured:
        return Unusable.SKEWED if any(one.labels.get("__name__") == MEMORY for one in series) else Unusable.UNSEEN
    if len({_pod_of(one.labels) for one in measured}) > 1:
        return Unusable.AMBIGUOUS
    try:
        return _merged(attempt.containers, measured, _requests(inside), start, end)
    except _Doubt as doubt:
        return doubt.reason


def has_requests(use: ContainerUse) -> bool:
    """Whether a container's requests are known."""
    return use.cpu_request is not None or use.memory_request is not None


def _clipped(series: Series, low: float, high: float) -> Series:
    return Series(series.labels, {at: value for at, value in series.samples.items() if low <= at <= high})


def _pod_of(labels: Mapping[str, str]) -> tuple[str, ...]:
    """What tells pods of one name apart."""
    uid = POD.search(labels.get("id", ""))
    return labels.get("namespace", ""), labels.get("cluster", ""), uid[1] if uid else ""


def _merged(
    record: Sequence[ContainerUse],
    series: Sequence[Series],
    requests: Mapping[str, Mapping[str, float]],
    start: float,
    end: float,
) -> tuple[ContainerUse, ...]:
    """The record's containers and others of the pod, with their figures.

    Raises:
        _Doubt: these cannot be known.
    """
    uses = {use.container: use for use in record}
    starts = _starts(series, start)
    observed: set[str] = set()
    moments: set[float] = set()
    for name in sorted({one.labels.get("container", "") for one in series}):
        own = [one for one in series if one.labels.get("container", "") == name]
        memory = _moments([one for one in own if one.labels["__name__"] == MEMORY])
        if len({at for _, at in memory}) < 2:
            continue
        observed.add(name)
        moments.update(at for _, at in memory)
        mean, most = _cpu([one for one in own if one.labels["__name__"] == CPU], starts)
        use = uses.get(name) or ContainerUse(container=name)
        if not has_requests(use):
            use = replace(use, **requests.get(name, {}))
        uses[name] = replace(use, memory=int(max(memory.values())), cpu=mean, cpu_p95=most)
    if not observed or (record and not any(use.container in observed for use in record)):
        raise _Doubt(Unusable.SHORT)
    _refuse_gaps(moments, min(starts.values(), default=min(moments)), end)
    return tuple(uses.values())


def _moments(memory: Iterable[Series]) -> dict[tuple[Instance, float], float]:
    """The samples of a container's memory: replicas of Prometheus tell the same of one moment.

    Raises:
        _Doubt: they do not, or that is no amount of memory.
    """
    moments: dict[tuple[Instance, float], float] = {}
    for one in memory:
        for at, value in one.samples.items():
            if not 0 <= value <= MOST_BYTES:
                raise _Doubt(Unusable.IMPLAUSIBLE)
            if moments.setdefault((_instance(one), at), value) != value:
                raise _Doubt(Unusable.AMBIGUOUS)
    return moments


def _instance(series: Series) -> Instance:
    return series.labels.get("id", ""), series.labels.get("name", "")


def _starts(series: Iterable[Series], start: float) -> dict[Instance, float]:
    """When each container began, by cAdvisor's word; it says the year 1 of one that has ended while it looked."""
    starts: dict[Instance, float] = {}
    for one in series:
        moments = [value for value in one.samples.values() if value >= start - SLACK]
        if one.labels["__name__"] == STARTED and moments:
            starts[_instance(one)] = min(moments)
    return starts


def _cpu(counters: Iterable[Series], starts: Mapping[Instance, float]) -> tuple[float | None, float | None]:
    """The cores that a container used on average, and for 95 % of the time at most; None where that is not known.

    Raises:
        _Doubt: these are no counters of CPU time.
    """
    # Of replicas the one with most samples: between two of them a counter may seem to go back.
    longest: dict[Instance, Series] = {}
    for one in counters:
        other = longest.setdefault(_instance(one), one)
        longest[_instance(one)] = max(other, one, key=lambda series: len(series.samples))
    rates: list[tuple[float, float]] = []
    for instance, one in longest.items():
        samples = sorted(one.samples.items())
        if starts.get(instance, math.inf) < samples[0][0]:
            samples.insert(0, (starts[instance], 0.0))  # where its counter begins
        for (before, was), (after, value) in itertools.pairwise(samples):
            # A counter that goes back began anew in between.
            used = value - was if value >= was else value
            if not (0 <= was < math.inf and 0 <= used <= MOST_CORES * (after - before)):
                raise _Doubt(Unusable.IMPLAUSIBLE)
            rates.append((used / (after - before), after - before))
    seconds = sum(length for _, length in rates)
    if not seconds:
        return None, None
    passed = itertools.accumulate(length for _, length in sorted(rates))
    most = next(rate for (rate, _), sofar in zip(sorted(rates), passed, strict=True) if sofar >= 0.95 * seconds)
    return sum(rate * length for rate, length in rates) / seconds, most


def _refuse_gaps(moments: Iterable[float], start: float, end: float) -> None:
    """Refuse samples that leave out much of the time in which the pod ran.

    Raises:
        _Doubt: they do.
    """
    limit = min(LONGEST_GAP, max(SHORTEST_GAP, (end - start) / 2))
    ordered = [start, *sorted(moments), end]
    if any(after - before > limit for before, after in itertools.pairwise(ordered)):
        raise _Doubt(Unusable.GAPS)


def _requests(series: Iterable[Series]) -> dict[str, dict[str, float]]:
    """Requests and limits by container and field, as kube-state-metrics tells them."""
    requests: dict[str, dict[str, float]] = defaultdict(dict)
    for one in series:
        field = FIELDS.get((one.labels.get("__name__", ""), one.labels.get("resource", "")))
        amount = max(one.samples.values())
        if field and 0 < amount <= MOST_BYTES:
            whole = int(amount) if field.startswith("memory") else amount
            requests[one.labels.get("container", "")][field] = whole
    return requests
