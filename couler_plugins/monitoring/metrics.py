"""Metrics for Prometheus, counted from past runs.

Each counter is a sum over the runs that have ended, and what a run adds depends on it and on earlier runs alone. So
counters go on where they were after a restart, and never fall while runs are only added.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from couler_plugins.errors import restating
from couler_plugins.runs import Run, StepRun, lookups_of, median, site_of
from couler_plugins.runs.history_file import goes_on
from couler_plugins.runs.usage import message_of

LONGEST = 200
"""Characters of a label's value."""
OTHER = "other"
"""The engine and the workflow of runs beyond the most workflows that have series of their own."""
UNKNOWN = "unknown"
UNITS = ("seconds", "bytes")
MINUTE, HOUR = 60, 3600
RUN_BUCKETS = (*(n * MINUTE for n in (0.5, 1, 2, 5, 10, 20, 30)), *(n * HOUR for n in (1, 2, 4, 8, 12, 24, 48)))
STEP_BUCKETS = (1, 5, 10, 30, *(n * MINUTE for n in (1, 2, 5, 10, 20, 30)), *(n * HOUR for n in (1, 2, 4, 8, 24)))
WAIT_BUCKETS = (1, 2, 5, 10, 20, 30, *(n * MINUTE for n in (1, 2, 5, 10, 30)), HOUR)
PLACE = ("engine", "workflow")


class Metric(NamedTuple):
    """A metric: a counter if its name ends in `_total`, a histogram if it has buckets, else a gauge.

    Attributes:
        help: what it says.
        labels: the names of its labels.
        values: the values of its last label. Each is there from the first run of a workflow on, at 0.
        buckets: the upper ends of its buckets, in seconds.
    """

    help: str
    labels: tuple[str, ...] = PLACE
    values: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


ENDS = ("succeeded", "failed")
METRICS = {
    "couler_workflow_runs_total": Metric("Runs that have ended.", (*PLACE, "status"), ENDS),
    "couler_workflow_runs_running": Metric("Runs that went on when the history was written."),
    "couler_workflow_last_run_timestamp_seconds": Metric("When the last run ended.", (*PLACE, "status")),
    "couler_run_duration_seconds": Metric(
        "Time of runs that succeeded, from the start of the first step to the end.", buckets=RUN_BUCKETS
    ),
    "couler_step_runs_total": Metric(
        "Steps of runs that have ended.", (*PLACE, "fate"), ("computed", "loaded", "skipped", "failed")
    ),
    "couler_step_retries_total": Metric("Attempts of steps after the first one."),
    "couler_step_duration_seconds": Metric("Time of steps that were computed.", buckets=STEP_BUCKETS),
    "couler_step_wait_seconds": Metric(
        "Time from the end of the steps before a step to its start, as the engine records both.", buckets=WAIT_BUCKETS
    ),
    "couler_cache_hits_total": Metric("Look-ups of results that a cache had."),
    "couler_cache_misses_total": Metric("Look-ups of results that a cache did not have."),
    "couler_cache_unknown_total": Metric("Look-ups of results of which no record has the answer."),
    "couler_cache_reused_bytes_total": Metric("Sizes of the results that a cache had, as far as they are known."),
    "couler_saved_seconds_total": Metric("Time that hits of a cache have saved, as far as it is known."),
    "couler_saved_unknown_hits_total": Metric("Hits of a cache of which it is not known what they saved."),
    "couler_cache_bytes": Metric("Size of the results in the store.", ("namespace",)),
    "couler_cache_entries": Metric("Results in the store.", ("namespace",)),
    "couler_cache_capacity_bytes": Metric("The most that all namespaces of the store may take.", ()),
    "couler_optimizer_duration_seconds": Metric("Time of an optimizer over the workflows.", ("optimizer",)),
    "couler_optimizer_decisions": Metric("Decisions of an optimizer on the workflows.", ("optimizer", "changes")),
    "couler_up": Metric("Whether the history and the store could be read, the last time that was tried.", ()),
}


class Metrics:
    """The values of all metrics at one time; what is not known has no series.

    Args:
        version: that of this program.

    Attributes:
        registry: the metrics, as prometheus-client has them.
        others: workflows without series of their own.

    Raises:
        InvalidInput: prometheus-client is not installed.
    """

    def __init__(self, version: str) -> None:
        with restating(ImportError, "couler metrics needs prometheus-client", extra="metrics", reason=False):
            import prometheus_client as client
        self._client = client
        client.disable_created_metrics()  # type: ignore[no-untyped-call]  # else all counters begin anew at each look
        self.registry = client.CollectorRegistry()
        client.Info("couler_build", "The version of couler.", registry=self.registry).info({"version": version})
        self._collectors: dict[str, Any] = {}
        self.others = 0

    def of(self, name: str, *labels: str) -> Any:
        """Return the counter, gauge or histogram with a name and the values of its labels."""
        if name not in self._collectors:
            text, names, _, buckets = METRICS[name]
            kind: Any = self._client.Counter if name.endswith("_total") else self._client.Gauge
            options: dict[str, Any] = {"unit": next((unit for unit in UNITS if f"_{unit}" in name), "")}
            if buckets:
                kind, options["buckets"] = self._client.Histogram, buckets
            self._collectors[name] = kind(name, text, names, registry=self.registry, **options)
        collector = self._collectors[name]
        return collector.labels(*labels) if labels else collector

    def count_runs(self, runs: Iterable[Run], most: int) -> None:
        """Count runs.

        Args:
            runs: the past runs, oldest first, each once.
            most: how many workflows have; those whose first run is oldest.
        """
        places: set[tuple[str, ...]] = set()
        others: set[tuple[str, ...]] = set()
        times: dict[tuple[str, ...], list[float]] = defaultdict(list)
        for run in sorted(runs, key=goes_on):  # one that goes on may have no time yet, and would come first
            place = tuple(message_of(text)[:LONGEST] or UNKNOWN for text in (run.engine, run.family))
            if len(places) >= most and place not in places:
                others.add(place)
                place = OTHER, OTHER
            if place not in places:
                self._begin(place)
            if place != (OTHER, OTHER):
                places.add(place)
            self._count_run(run, place)
            if not goes_on(run):
                self._count_steps(run, place)
                self._count_lookups(run, place, times)
        self.others = len(others)

    def _begin(self, place: tuple[str, ...]) -> None:
        """Give a workflow its series, at 0: Prometheus sees no increase in a series that begins at 1."""
        for name, metric in METRICS.items():
            if metric.labels == PLACE:
                self.of(name, *place)
            for value in metric.values:
                self.of(name, *place, value)

    def _count_run(self, run: Run, place: tuple[str, ...]) -> None:
        if goes_on(run):
            self.of("couler_workflow_runs_running", *place).inc()
            return
        status = ENDS[not run.whole]
        self.of("couler_workflow_runs_total", *place, status).inc()
        if run.at:
            self.of("couler_workflow_last_run_timestamp_seconds", *place, status).set(run.at)
        starts = [attempt.start for ran in run.steps for attempt in ran.tries if attempt.start is not None]
        if run.whole and starts and run.at >= min(starts):
            self.of("couler_run_duration_seconds", *place).observe(run.at - min(starts))

    def _count_steps(self, run: Run, place: tuple[str, ...]) -> None:
        for fate, count in Counter(ran.fate for ran in run.steps).items():
            self.of("couler_step_runs_total", *place, fate).inc(count)
        self.of("couler_step_retries_total", *place).inc(sum(max(0, ran.attempts - 1) for ran in run.steps))
        times, waits = (self.of(f"couler_step_{name}_seconds", *place) for name in ("duration", "wait"))
        for ran in run.steps:
            if ran.fate == "computed" and ran.seconds is not None:
                times.observe(ran.seconds)
            if (wait := _wait(run, ran)) is not None:
                waits.observe(wait)

    def _count_lookups(self, run: Run, place: tuple[str, ...], times: dict[tuple[str, ...], list[float]]) -> None:
        """Count what a cache answered. What a hit saved is the cache's own word, else the median of earlier runs."""
        for ran, lookup in lookups_of(run):
            answer = {True: "hits", False: "misses", None: "unknown"}[lookup.hit]
            self.of(f"couler_cache_{answer}_total", *place).inc()
            if not lookup.hit:
                continue
            self.of("couler_cache_reused_bytes_total", *place).inc(ran.bytes or 0)
            earlier = times[*place, site_of(ran)]
            saved = median(earlier) if lookup.worth is None and earlier else lookup.worth
            if saved is None:
                self.of("couler_saved_unknown_hits_total", *place).inc()
            else:
                self.of("couler_saved_seconds_total", *place).inc(max(0.0, saved))
        for ran in (*run.steps, *run.groups):
            is_sure = ran.lookup is None or ran.lookup.hit is False
            if ran.fate == "computed" and is_sure and ran.seconds is not None:
                insort(times[*place, site_of(ran)], ran.seconds)


def _wait(run: Run, ran: StepRun) -> float | None:
    """Return the seconds from the end of the last of the steps before a step to its start; None if one is unknown."""
    if ran.fate not in ("computed", "failed") or not (ran.parents and ran.tries):
        return None
    moments = [ran.tries[0].start, *(_end(run.steps[number]) for number in ran.parents)]
    start, *ends = (-1.0 if moment is None else moment for moment in moments)
    return None if None in moments else max(0.0, start - max(ends))


def _end(ran: StepRun) -> float | None:
    """Return when the last attempt of a step ended, or the look-up that gave its result; None if that is unknown."""
    if ran.tries:
        return ran.tries[-1].end
    moments = (ran.lookup.began, ran.lookup.seconds) if ran.lookup is not None else (None,)
    return None if None in moments else sum(filter(None, moments))
