"""Prometheus and Thanos: what the containers of past runs used, put into their attempts.

A pod's samples are those of its name and namespace in its own time. What is doubtful stays unknown, and is counted.
"""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from couler_plugins.runs.prometheus.figures import (
    CPU,
    MEMORY,
    REQUESTS,
    STARTED,
    Unusable,
    container_uses,
    has_requests,
)
from couler_plugins.runs.prometheus.queries import PIECE, Client, Series
from couler_plugins.runs.run import Run
from couler_plugins.runs.usage import Attempt, ContainerUse

NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
PODS = 200
"""Pods in one query."""
NEAR = 3600.0
"""Seconds without any pod after which another query begins: a server reads all blocks of a query's time."""
AROUND = 300.0
"""Seconds around its times in which a pod is looked for, to tell a wrong clock from no samples."""
LONGEST = 90 * 86_400.0
"""Seconds that a pod may run; more is a wrong record."""
__all__ = ["Reach", "measure", "with_use"]
log = logging.getLogger(__name__)


class Reach(NamedTuple):
    """How many pods of past runs have use now.

    Attributes:
        pods: those that were asked for.
        observed: those whose use is known now.
        reasons: why the others' use is not known, and how many these are.
    """

    pods: int
    observed: int
    reasons: Mapping[Unusable, int]

    @property
    def attributed(self) -> int:
        """Those whose samples are certainly theirs, enough of them for their use or not."""
        return self.observed + sum(count for reason, count in self.reasons.items() if reason.attributed)

    def __str__(self) -> str:
        why = "".join(f"; {count:,} {reason.value}" for reason in Unusable if (count := self.reasons.get(reason)))
        return f"Prometheus: {self.attributed:,} of {self.pods:,} pods attributed, use of {self.observed:,} known{why}"


def with_use(runs: Sequence[Run], url: str, max_bytes: int) -> Sequence[Run]:
    """Return the runs with what their containers used, and say in the log how many pods that reaches.

    Args:
        runs: past runs; attempts whose use is known stay as they are, and where all are, nobody is asked.
        url: of Prometheus or Thanos. A token is in COULER_PROMETHEUS_TOKEN.
        max_bytes: the most bytes of one answer.

    Raises:
        InvalidInput: that is no URL, nobody is let in, or there is no such API.
        EngineError: the server refuses, does not answer, or says what it cannot mean.
    """
    result, reach = measure(runs, url, max_bytes)
    if reach.pods:
        log.log(logging.INFO if reach.observed == reach.pods else logging.WARNING, "%s", reach)
    return result


def measure(runs: Sequence[Run], url: str, max_bytes: int) -> tuple[Sequence[Run], Reach]:
    """Return what `with_use` returns, and how far it reaches."""
    client = Client(url, max_bytes)
    tries = (attempt for run in runs for step in run.steps for attempt in step.tries)
    attempts = dict.fromkeys(filter(_is_unknown, tries))
    uses: dict[Attempt, tuple[ContainerUse, ...]] = {}
    reasons = Counter({Unusable.UNTIMED: sum(not _is_usable(attempt) for attempt in attempts)})
    for batch in _batches(filter(_is_usable, attempts)):
        for attempt, result in _batch_uses(client, batch):
            if isinstance(result, Unusable):
                reasons[result] += 1
            else:
                uses[attempt] = result
    changed = [_with_uses(run, uses) for run in runs] if uses else runs
    return changed, Reach(len(attempts), len(uses), reasons)


def _is_unknown(attempt: Attempt) -> bool:
    return bool(attempt.pod) and all(use.memory is None for use in attempt.containers)


def _is_usable(attempt: Attempt) -> bool:
    """Whether there is something to ask for: names that a pod can have, and times that it can have had."""
    named = NAME.fullmatch(attempt.pod) and (not attempt.namespace or NAME.fullmatch(attempt.namespace))
    start, end = attempt.start or 0.0, attempt.end or 0.0
    return bool(named) and 0 < start <= end <= min(start + LONGEST, time.time() + NEAR)


def _batches(attempts: Iterable[Attempt]) -> Iterator[list[Attempt]]:
    """Attempts of one namespace that ran near each other, as many as one query may be about."""
    batch: list[Attempt] = []
    seconds, last = 0.0, 0.0
    for attempt in sorted(attempts, key=lambda one: (one.namespace, one.start or 0.0, one.pod)):
        start, end = _times(attempt)
        other = batch and attempt.namespace != batch[0].namespace
        if batch and (other or len(batch) == PODS or seconds + end - start > PIECE or start > last + NEAR):
            yield batch
            batch, seconds, last = [], 0.0, 0.0
        batch.append(attempt)
        seconds, last = seconds + end - start, max(last, end)
    if batch:
        yield batch


def _times(attempt: Attempt) -> tuple[float, float]:
    assert attempt.start is not None
    assert attempt.end is not None
    return attempt.start, attempt.end


def _batch_uses(
    client: Client, batch: Sequence[Attempt]
) -> Iterator[tuple[Attempt, tuple[ContainerUse, ...] | Unusable]]:
    """What the containers of each attempt used, or why that is not known."""
    start = min(_times(attempt)[0] for attempt in batch) - AROUND
    end = max(_times(attempt)[1] for attempt in batch) + AROUND
    lacking = any(not any(map(has_requests, attempt.containers)) for attempt in batch)
    names = [MEMORY, CPU, STARTED, *(REQUESTS if lacking else ())]
    answer = client.samples(names, batch[0].namespace, (attempt.pod for attempt in batch), start, end)
    pods: dict[str, list[Series]] = {}
    for series in answer or ():
        pods.setdefault(series.labels.get("pod", ""), []).append(series)
    for attempt in batch:
        if answer is None:
            yield attempt, Unusable.PARTIAL
        else:
            yield attempt, container_uses(attempt, pods.get(attempt.pod, ()), *_times(attempt))


def _with_uses(run: Run, uses: Mapping[Attempt, tuple[ContainerUse, ...]]) -> Run:
    steps = tuple(
        replace(
            step,
            tries=tuple(replace(attempt, containers=uses.get(attempt, attempt.containers)) for attempt in step.tries),
        )
        if step.tries
        else step
        for step in run.steps
    )
    return replace(run, steps=steps)
