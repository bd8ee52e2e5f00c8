"""What a real Prometheus answers, put into attempts: peaks, rates, starts of containers, names that come again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from couler_plugins.runs import Attempt, ContainerUse
from couler_plugins.runs.prometheus import Reach, figures, measure, queries, with_use
from couler_plugins.runs.prometheus.figures import Unusable
from servers.prometheus import Line, backfilled, programs
from servers.prometheus_runs import MIB, START, attempt, attempts_of, counted, labels, measured, run_of, started

pytestmark = pytest.mark.sampled

LIMIT = 64 * MIB
MANY = 500
"""Pods of one run: with two containers, three metrics and 17 samples, 50,000 samples."""


def many_pods() -> Iterator[Line]:
    for number in range(MANY):
        for container in ("main", "wait"):
            own = labels(f"many-{number}", container, uid=number)
            moments = [number + 2.5 * tick for tick in range(17)]
            peak = number * 1000 if container == "main" else 7
            yield measured(own, *((at, peak if tick == 9 else 5) for tick, at in enumerate(moments)))
            yield counted(own, *((at, 0.5 * (at - number)) for at in moments))
            yield started(own, number, *moments)


def lines() -> Iterator[Line]:
    work = labels("work")
    yield measured(work, (3.125, 100 * MIB), (18.1, 300 * MIB), (31.7, 200 * MIB), (55, 200 * MIB))
    yield counted(work, (3, 1), (13, 11), (23, 11), (53, 26))
    # The pod as a whole, its sandbox, and single cores are somebody else's.
    yield measured(labels("work", ""), (3.125, 900 * MIB), (18.1, 900 * MIB))
    yield measured(labels("work", "POD"), (3.125, 900 * MIB), (18.1, 900 * MIB))
    yield Line("container_memory_rss", work, [(START + 3, 900 * MIB), (START + 18, 900 * MIB)])
    yield Line(figures.CPU, {**work, "cpu": "cpu00"}, [(START + 3, 0), (START + 18, 900)])
    # A counter that begins anew, in one series and in another one.
    again, anew = labels("again", start="1"), labels("again", start="2")
    yield measured(again, (5, 10 * MIB), (15, 20 * MIB))
    yield measured(anew, (35, 50 * MIB), (45, 40 * MIB))
    yield counted(again, (5, 100), (15, 110), (25, 5))
    yield counted(anew, (35, 0), (45, 5))
    # Two replicas of Prometheus behind one server, one of which has missed samples.
    for replica, moments in (("a", (5, 15, 25, 35)), ("b", (6, 26))):
        twice = labels("twice", prometheus_replica=replica)
        yield measured(twice, *((at, 10 * MIB + at) for at in moments))
        late = 0.5 if replica == "b" else 0  # what it reads is not always of the moment that it says
        yield counted(twice, *((at, at / 10 - late * (at > 20)) for at in moments))
    for namespace in ("blue", "green"):
        yield measured(labels("same", namespace=namespace), (5, len(namespace)), (15, len(namespace)))
    yield measured(labels("reused", uid=1), (5, 1), (50, 2))
    yield measured(labels("reused", uid=2), (105, 3), (150, 4))
    yield measured(labels("remade", uid=1), (5, 1), (15, 2))
    yield measured(labels("remade", uid=2), (35, 3), (45, 4))
    yield measured(labels("one-scrape"), (5, 1))
    yield measured(labels("two-scrapes"), (5, 1), (8, 2))
    yield measured(labels("late"), (65, 1), (75, 1), (85, 1))
    yield measured(labels("dotted.name"), (5, 1), (15, 1))
    yield measured(labels("dottedxname"), (5, 9), (15, 9))
    yield measured(labels("gappy"), (5, 1), (15, 1), (700, 1), (990, 1))
    outage = (*range(0, 1000, 50), *range(1400, 5000, 50))
    yield measured(labels("outage"), *((at, 1) for at in outage))
    yield measured(labels("begins-late"), (600, 1), (800, 1), (990, 1))
    yield started(labels("begins-late"), 4, 600, 800)
    yield measured(labels("waits-long"), (600, 1), (800, 1), (990, 1))
    yield started(labels("waits-long"), 580, 600, 800)
    yield measured(labels("busy-first"), (15, 1), (25, 1))
    yield counted(labels("busy-first"), (15, 10), (25, 10))
    yield started(labels("busy-first"), 5, 15, 25)
    yield measured(labels("ended"), (5, 1), (15, 1))
    yield counted(labels("ended"), (5, 9), (15, 14))
    yield started(labels("ended"), -START - 62_135_596_800, 15)
    yield measured(labels("long"), *((at, 5 + (at == 1200)) for at in range(0, 3000, 60)))
    yield counted(labels("long"), *((at, at) for at in range(0, 3000, 60)))
    yield measured(labels("asks"), (5, 1), (15, 1))
    requests, limits = figures.REQUESTS
    for metric, resource, value in (
        (requests, "cpu", 0.25),
        (requests, "memory", 64 * MIB),
        (limits, "memory", 128 * MIB),
        (limits, "ephemeral_storage", 1),
    ):
        own = {"namespace": "team", "pod": "asks", "container": "main", "resource": resource}
        yield Line(metric, own, [(START + 5, value), (START + 15, value)])
    yield from many_pods()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    try:
        programs()
    except RuntimeError as error:
        pytest.skip(f"no Prometheus: {error}")
    folder: Path = tmp_path_factory.mktemp("prometheus")
    with backfilled(folder, lines()) as url:
        yield url


def one(url: str, wanted: Attempt) -> tuple[ContainerUse, ...] | Unusable:
    """What is known of an attempt's containers, or why nothing is."""
    runs, reach = measure([run_of(wanted)], url, LIMIT)
    (result,) = attempts_of(runs)
    if reach.observed:
        assert reach == (1, 1, {Unusable.UNTIMED: 0})
        return result.containers
    assert result == wanted
    (reason,) = [reason for reason, count in reach.reasons.items() if count]
    return reason


def only(url: str, wanted: Attempt) -> ContainerUse:
    """What is known of an attempt's only container."""
    result = one(url, wanted)
    assert not isinstance(result, Unusable)
    (use,) = result
    return use


def test_peaks_and_rates_come_from_the_samples_themselves(url: str) -> None:
    # Ten seconds of one core, ten of none, thirty of a half.
    assert only(url, attempt()) == ContainerUse(container="main", memory=300 * MIB, cpu=0.5, cpu_p95=1.0)


def test_samples_outside_of_an_attempts_times_are_not_its_own(url: str) -> None:
    use = only(url, attempt(start=26))
    assert (use.memory, use.cpu) == (200 * MIB, None)


def test_the_records_containers_keep_what_they_ask_for(url: str) -> None:
    record = (ContainerUse(container="main", cpu_request=1.0, memory_limit=512 * MIB),)
    use = only(url, attempt(containers=record))
    assert (use.cpu_request, use.memory_limit, use.memory) == (1.0, 512 * MIB, 300 * MIB)


def test_a_container_that_starts_again_has_the_larger_peak_and_all_cpu(url: str) -> None:
    use = only(url, attempt("again"))
    assert use == ContainerUse(container="main", memory=50 * MIB, cpu=(10 + 5 + 5) / 30, cpu_p95=1.0)


def test_replicas_are_not_added_up(url: str) -> None:
    use = only(url, attempt("twice"))
    assert use.memory == 10 * MIB + 35
    assert (use.cpu, use.cpu_p95) == pytest.approx((0.1, 0.1))


@pytest.mark.parametrize(("namespace", "memory"), [("blue", 4), ("green", 5), ("", None)])
def test_a_namespace_decides_between_pods_of_one_name(url: str, namespace: str, memory: int | None) -> None:
    use = one(url, attempt("same", namespace=namespace))
    if memory is None:
        assert use is Unusable.AMBIGUOUS
    else:
        assert use == (ContainerUse(container="main", memory=memory),)


def test_without_a_namespace_the_only_pod_of_a_name_is_meant(url: str) -> None:
    assert one(url, attempt(namespace="")) == one(url, attempt())


def test_times_decide_between_pods_of_one_name(url: str) -> None:
    runs, reach = measure([run_of(attempt("reused"), attempt("reused", 100, 160))], url, LIMIT)
    assert [result.containers[0].memory for result in attempts_of(runs)] == [2, 4]
    assert reach.observed == 2


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (attempt("remade"), Unusable.AMBIGUOUS),
        (attempt("renamed"), Unusable.UNSEEN),
        (attempt("one-scrape"), Unusable.SHORT),
        (attempt("work", containers=(ContainerUse(container="step-work"),)), Unusable.SHORT),
        (attempt("late"), Unusable.SKEWED),
        (attempt("work", -10_000, -9_000), Unusable.UNSEEN),
        (attempt("gappy", end=1000), Unusable.GAPS),
        (attempt("begins-late", end=1000), Unusable.GAPS),
        (attempt("outage", end=5000), Unusable.GAPS),
        (attempt("work", end=1000), Unusable.GAPS),
        (attempt("Work"), Unusable.UNTIMED),
        (attempt('w"} or vector(1) #'), Unusable.UNTIMED),
        (attempt(namespace="team|green"), Unusable.UNTIMED),
        (attempt(".*"), Unusable.UNTIMED),
        (Attempt(pod="work", namespace="team", start=START), Unusable.UNTIMED),
        (Attempt(pod="work", namespace="team", end=START), Unusable.UNTIMED),
        (attempt(start=60, end=0), Unusable.UNTIMED),
        (attempt(end=1e300), Unusable.UNTIMED),
        (attempt(end=float("nan")), Unusable.UNTIMED),
    ],
    ids=lambda value: value.name if isinstance(value, Unusable) else value.pod,
)
def test_what_is_doubtful_stays_unknown_with_its_reason(url: str, wanted: Attempt, reason: Unusable) -> None:
    assert one(url, wanted) is reason


def test_two_scrapes_are_enough(url: str) -> None:
    assert only(url, attempt("two-scrapes", end=10)) == ContainerUse(container="main", memory=2)


def test_a_pod_that_waits_for_a_node_has_no_gap(url: str) -> None:
    assert only(url, attempt("waits-long", end=1000)) == ContainerUse(container="main", memory=1)


def test_cpu_counts_from_the_start_of_a_container(url: str) -> None:
    assert only(url, attempt("busy-first")) == ContainerUse(container="main", memory=1, cpu=0.5, cpu_p95=1.0)


def test_a_start_in_the_year_1_is_none(url: str) -> None:
    assert only(url, attempt("ended")) == ContainerUse(container="main", memory=1, cpu=0.5, cpu_p95=0.5)


def test_a_dot_in_a_name_is_a_dot(url: str) -> None:
    assert only(url, attempt("dotted.name")) == ContainerUse(container="main", memory=1)


def test_requests_come_from_kube_state_metrics_where_the_record_has_none(url: str) -> None:
    asks = ContainerUse(container="main", cpu_request=0.25, memory_request=64 * MIB, memory_limit=128 * MIB, memory=1)
    assert only(url, attempt("asks")) == asks


def test_requests_of_the_record_stay(url: str) -> None:
    record = ContainerUse(container="main", memory_request=32 * MIB)
    runs, _ = measure([run_of(attempt("asks", containers=(record,)), attempt())], url, LIMIT)
    (use,) = attempts_of(runs)[0].containers
    assert (use.cpu_request, use.memory_request, use.memory_limit, use.memory) == (None, 32 * MIB, None, 1)


def test_a_long_pod_is_read_in_pieces(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = one(url, attempt("long", end=3000))
    assert whole == (ContainerUse(container="main", memory=6, cpu=1.0, cpu_p95=1.0),)
    monkeypatch.setattr(queries, "PIECE", 70.0)
    assert one(url, attempt("long", end=3000)) == whole


def test_many_pods_are_read_in_few_queries(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []
    plain = queries.Client._rows

    def counting(self: queries.Client, query: str, time: float) -> object:
        answer = plain(self, query, time)
        rows.append(sum(len(row.values) for row in answer or ()))
        return answer

    monkeypatch.setattr(queries.Client, "_rows", counting)
    wanted = [attempt(f"many-{number}", number, number + 45) for number in range(MANY)]
    runs, reach = measure([run_of(*wanted)], url, LIMIT)
    assert str(reach) == "Prometheus: 500 of 500 pods attributed, use of 500 known"
    assert (len(rows), sum(rows)) == (3, 51_000)
    for number, result in enumerate(attempts_of(runs)):
        assert [use.memory for use in result.containers] == [max(5, number * 1000), 7]
        assert [use.cpu for use in result.containers] == [pytest.approx(0.5), pytest.approx(0.5)]


def test_the_reach_is_said_in_one_line(url: str, caplog: pytest.LogCaptureFixture) -> None:
    pods = ["work", "again", "one-scrape", "renamed", "moved"]
    runs = with_use([run_of(*map(attempt, pods))], url, LIMIT)
    known = [bool(result.containers) for result in attempts_of(runs)]
    assert known == [True, True, False, False, False]
    text = "3 of 5 pods attributed, use of 2 known; 2 have no samples; 1 lived for less than two scrapes"
    assert caplog.messages == [f"Prometheus: {text}"]


def test_reach_counts_what_is_attributed() -> None:
    reach = Reach(10, 4, {Unusable.SHORT: 3, Unusable.GAPS: 1, Unusable.SKEWED: 2})
    assert reach.attributed == 8
