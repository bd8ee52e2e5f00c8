"""`couler metrics`: what is counted of past runs, stores and optimizers, and what its counters promise."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from cli.conftest import Couler
from couler_plugins.cli.metrics import Reader
from couler_plugins.demo import workflow
from couler_plugins.errors import EngineError
from couler_plugins.monitoring.dashboard import PANELS
from couler_plugins.monitoring.metrics import METRICS, Metrics
from couler_plugins.runs import Attempt, Lookup, Run, StepRun
from couler_plugins.runs.history_file import line_of
from monitoring.replay import argo_list, argo_runs

PLACE = {"engine": "argo", "workflow": "nightly"}


def step(name: str = "a", **more: Any) -> StepRun:
    return StepRun(**{"step": name, "type": "t", "spec": "s", "key": "k", **more})


def run(*steps: StepRun, at: float = 1e9, **more: Any) -> Run:
    return Run(**{"family": "nightly", "engine": "argo", "steps": steps, "at": at, **more})


def counted(*runs: Run, most: int = 200) -> Metrics:
    metrics = Metrics("0")
    metrics.count_runs(runs, most)
    return metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    result: float | None = metrics.registry.get_sample_value(name, {**PLACE, **labels})
    return result


def ran(begin: float, end: float, **more: Any) -> StepRun:
    """A step that was computed between two seconds after 1e9."""
    tries = (Attempt(start=1e9 + begin, end=1e9 + end, succeeded=True),)
    return step(**{"tries": tries, "seconds": end - begin, **more})


def test_runs_are_counted_by_status_and_those_that_go_on_are_not() -> None:
    metrics = counted(run(step()), run(step(), whole=False), run(step(), whole=False), run(step(), running=True, at=0))
    assert value(metrics, "couler_workflow_runs_total", status="succeeded") == 1
    assert value(metrics, "couler_workflow_runs_total", status="failed") == 2
    assert value(metrics, "couler_workflow_runs_running") == 1
    assert value(metrics, "couler_step_runs_total", fate="computed") == 3
    assert value(metrics, "couler_workflow_last_run_timestamp_seconds", status="failed") == 1e9


def test_times_of_runs_steps_and_waits_are_in_their_buckets() -> None:
    first, second = ran(0, 50), ran(57, 90, name="b", parents=(0,), attempts=3)
    metrics = counted(run(first, second, at=1e9 + 95), run(replace(first, tries=()), second))
    buckets = {"couler_run_duration_seconds": (60, 120), "couler_step_wait_seconds": (5, 10)}
    for name, (below, above) in buckets.items():
        assert [value(metrics, f"{name}_bucket", le=f"{end:.1f}") for end in (below, above)] == [0, 1]
        assert value(metrics, f"{name}_count") == 1  # of the other run it is not known
    assert value(metrics, "couler_step_wait_seconds_sum") == 7
    assert value(metrics, "couler_step_duration_seconds_sum") == 2 * (50 + 33)
    assert value(metrics, "couler_step_retries_total") == 4


def test_a_step_waits_from_the_end_of_the_look_up_before_it() -> None:
    hit = step(fate="loaded", lookup=Lookup(hit=True, began=1e9, seconds=2.0))
    unknown = step("c", fate="loaded", lookup=Lookup(hit=True))
    steps = (hit, unknown, ran(5, 9, name="b", parents=(0,)), ran(7, 9, name="d", parents=(0, 1)))
    metrics = counted(run(*steps))
    assert (value(metrics, "couler_step_wait_seconds_sum"), value(metrics, "couler_step_wait_seconds_count")) == (3, 1)


def test_a_hit_saves_what_earlier_runs_took_or_what_the_cache_says() -> None:
    def looked_up(hit: bool | None, seconds: float | None = None, **more: Any) -> Run:
        return run(step(fate="loaded" if hit else "computed", seconds=seconds, bytes=7, lookup=Lookup(hit=hit, **more)))

    metrics = counted(
        looked_up(hit=True),  # nothing ran before it
        looked_up(hit=False, seconds=10.0),
        looked_up(hit=False, seconds=30.0),
        looked_up(hit=True),
        looked_up(hit=None, seconds=1000.0),
        looked_up(hit=True, worth=3.0),
        run(step(fate="loaded")),  # records of before have no look-up
    )
    assert value(metrics, "couler_saved_seconds_total") == 20 + 3 + 20
    assert value(metrics, "couler_saved_unknown_hits_total") == 1
    assert value(metrics, "couler_cache_hits_total") == 4
    assert value(metrics, "couler_cache_misses_total") == 2
    assert value(metrics, "couler_cache_unknown_total") == 1
    assert value(metrics, "couler_cache_reused_bytes_total") == 21


FATES = st.sampled_from(["computed", "loaded", "failed", "skipped"])
LOOKUPS = st.none() | st.builds(Lookup, hit=st.sampled_from([None, True, False]), worth=st.none() | st.floats(0, 100))
STEPS = st.builds(
    step, fate=FATES, seconds=st.none() | st.floats(0, 1000), bytes=st.none() | st.integers(0, 99), lookup=LOOKUPS
)
HISTORIES = st.lists(
    st.builds(
        lambda steps, family, whole: run(*steps, family=family, whole=whole),
        st.lists(STEPS, max_size=3),
        st.sampled_from("abc"),
        st.booleans(),
    ),
    max_size=8,
)


def counters(metrics: Metrics) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if family.type in ("counter", "histogram")
    }


@given(HISTORIES, st.integers(1, 4))
def test_no_counter_falls_while_runs_are_added(runs: Sequence[Run], most: int) -> None:
    before: dict[tuple[str, ...], float] = {}
    for count in range(len(runs) + 1):
        after = counters(counted(*runs[:count], most=most))
        assert [name for name, number in before.items() if after.get(name, -1) < number] == []
        before = after


def test_the_workflows_with_series_of_their_own_are_limited() -> None:
    names = [f"w{number}" for number in range(5)]
    metrics = counted(*(run(step(), family=name) for name in names), run(step(), family="w0"), most=2)
    totals = {
        sample.labels["workflow"]: sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "couler_workflow_runs_total" and sample.labels["status"] == "succeeded"
    }
    assert totals == {"w0": 2, "w1": 1, "other": 3}
    assert metrics.others == 3


def test_labels_have_no_secrets_and_no_line_ends_and_no_names_of_runs() -> None:
    metrics = counted(run(step(), family="x\ntoken=abc " + "y" * 999, name="nightly-k7x2p", uid="some-uid", engine=""))
    labels = {text for family in metrics.registry.collect() for one in family.samples for text in one.labels.values()}
    assert max(map(len, labels)) == 200
    assert "unknown" in labels
    assert not [text for text in labels if "abc" in text or "\n" in text or "k7x2p" in text or "some-uid" in text]


@pytest.fixture
def history() -> str:
    Path("h.jsonl").write_bytes(b"".join(line_of(run(step(), name=name)) + b"\n" for name in "ab"))
    return "h.jsonl"


def test_both_formats_are_written(couler_command: Couler, history: str) -> None:
    done = couler_command("metrics", "--history", history)
    assert done.exit_code == 0, done.output
    parse: Callable[[str], Iterator[Any]] = text_string_to_metric_families
    families = {family.name: family for family in parse(done.stdout)}
    assert families["couler_workflow_runs"].type == "counter"
    assert families["couler_run_duration_seconds"].unit == "seconds"
    assert set(families) - {"couler_build"} <= {name.removesuffix("_total") for name in METRICS}
    assert couler_command("metrics", "--history", history, "--format", "prometheus", "-o", "m.prom").stdout == ""
    assert "# TYPE couler_workflow_runs_total counter\n" in Path("m.prom").read_text()


def test_optimizers_are_timed_on_the_workflows_that_are_named(couler_command: Couler) -> None:
    Path("churn.yaml").write_text(workflow())
    done = couler_command("metrics", "churn.yaml", "-p", "dedupe,cache")
    assert done.exit_code == 0, done.output
    times = re.findall(r'^couler_optimizer_duration_seconds{optimizer="(\w+)"} (\S+)$', done.stdout, re.MULTILINE)
    assert [name for name, _ in times] == ["dedupe", "cache"]
    assert all(0 < float(seconds) < 60 for _, seconds in times)
    explained = json.loads(couler_command("explain", "churn.yaml", "-p", "dedupe,cache", "--format", "json").stdout)
    decisions = [one for file in explained["files"] for part in file["passes"] for one in part["decisions"]]
    changes = sum(bool(one["action"]) for one in decisions if one["optimizer"] == "cache")
    assert f'couler_optimizer_decisions{{changes="true",optimizer="cache"}} {changes:.1f}\n' in done.stdout
    Path("broken.yaml").write_text("{")
    assert couler_command("metrics", "broken.yaml", "churn.yaml").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Give past runs with --history"),
        (("--history", "none.jsonl"), "none.jsonl"),
        (("--history", "h.jsonl", "--listen", "1", "-o", "x"), "either --listen or -o"),
        (("--history", "h.jsonl", "--listen", "70000"), "is no address"),
        (("--history", "h.jsonl", "--listen", "host:"), "is no address"),
        (("--history", "h.jsonl", "--max-workflows", "0"), "--max-workflows"),
    ],
)
def test_wrong_usage_is_told(couler_command: Couler, history: str, arguments: tuple[str, ...], said: str) -> None:
    done = couler_command("metrics", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


def test_an_address_in_use_is_an_error(couler_command: Couler, history: str) -> None:
    server, thread = start_http_server(0, "127.0.0.1", CollectorRegistry())
    done = couler_command("metrics", "--history", history, "--listen", str(server.server_port))
    server.shutdown()
    server.server_close()
    thread.join()
    assert done.exit_code == 3
    assert f"cannot listen on 127.0.0.1, port {server.server_port}" in done.stderr


def test_what_cannot_be_read_again_is_served_as_before() -> None:
    answers: Iterator[Metrics | EngineError] = iter([counted(run(step())), EngineError("away"), counted()])

    def read() -> Metrics:
        answer = next(answers)
        if isinstance(answer, EngineError):
            raise answer
        answer.of("couler_up").set(1)
        return answer

    reader = Reader(read, 0)
    samples = {sample.name: sample.value for family in reader.collect() for sample in family.samples}
    assert (samples["couler_up"], "couler_workflow_runs_total" in samples) == (0, True)
    samples = {sample.name: sample.value for family in reader.collect() for sample in family.samples}
    assert (samples["couler_up"], "couler_workflow_runs_total" in samples) == (1, False)


def test_a_counter_goes_on_where_runs_are_removed_or_repeated_in_place() -> None:
    failed, good = run(ran(0, 9), whole=False), run(ran(0, 9))
    readings = [[failed, failed, good], [failed, good, good], [good], [good, failed], [], [failed]]
    answers = iter([counted(*runs) for runs in readings])
    reader = Reader(lambda: next(answers), 0)
    series = []
    for _ in readings[1:]:
        families = {family.name: family.samples for family in reader.collect()}
        runs = families.get("couler_workflow_runs", ())
        series.append({sample.labels["status"]: sample.value for sample in runs})
    # A series of which nothing is left is away, and goes on later.
    assert series == [
        {"failed": 2, "succeeded": 2},
        {"failed": 2, "succeeded": 2},
        {"failed": 3, "succeeded": 2},
        {},
        {"failed": 3, "succeeded": 2},
    ]


def test_nothing_is_read_again_before_its_time() -> None:
    answers = iter([counted()])
    reader = Reader(lambda: next(answers), 60)
    assert [family.name for family in reader.collect()] == [family.name for family in reader.collect()]


def test_the_dashboard_uses_series_and_labels_that_are_there(couler_command: Couler) -> None:
    Path("h.json").write_text(argo_list(*argo_runs(30)))
    text = couler_command("metrics", "--history", "h.json").stdout
    exported = set(re.findall(r"^(couler_\w+)", text, re.MULTILINE))
    data = json.loads(couler_command("metrics", "--dashboard").stdout)
    assert len(data["panels"]) == len(PANELS) == len({panel["id"] for panel in data["panels"]})
    corners = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in data["panels"]}
    assert len(corners) == len(PANELS)
    assert max(panel["gridPos"]["x"] + panel["gridPos"]["w"] for panel in data["panels"]) == 24
    used = set()
    for target in (target for panel in data["panels"] for target in panel["targets"]):
        for name in re.findall(r"couler_\w+", target["expr"]):
            base = name.removesuffix("_bucket")
            used.add(base)
            assert base in METRICS, target
            assert name in exported or METRICS[base].labels[:1] != ("engine",), target
            by = set(re.findall(r"\b(\w+)=", target["expr"])) | set(re.findall(r"by \((\w+)\)", target["expr"]))
            assert by - {"le"} <= set(METRICS[base].labels), target
        for label in re.findall(r"{{(\w+)}}", target["legendFormat"]):
            assert label in {one for metric in METRICS.values() for one in metric.labels}
    assert set(METRICS) - used == {"couler_cache_entries", "couler_saved_unknown_hits_total"}


def test_the_endpoint_is_for_this_machine_unless_somebody_says_otherwise(couler_command: Couler) -> None:
    from couler_plugins.cli.metrics import Address

    convert = Address().convert
    assert convert("9877", None, None) == convert(":9877", None, None) == ("127.0.0.1", 9877)
    assert convert("0.0.0.0:9877", None, None) == ("0.0.0.0", 9877)
    assert convert("[::1]:0", None, None) == ("::1", 0)


def test_scrapes_may_ask_for_either_format() -> None:
    registry = CollectorRegistry()
    registry.register(Reader(lambda: counted(run(step())), 60))
    server, thread = start_http_server(0, "127.0.0.1", registry)
    texts = []
    for accept in ("application/openmetrics-text; version=1.0.0", "text/plain"):
        request = urllib.request.Request(f"http://127.0.0.1:{server.server_port}/metrics", headers={"Accept": accept})
        with urllib.request.urlopen(request) as answer:
            texts.append(answer.read().decode())
    server.shutdown()
    server.server_close()
    thread.join()
    assert texts[0].endswith("# EOF\n")
    assert "# TYPE couler_workflow_runs_total counter" in texts[1]


def test_no_folder_is_made_for_a_store_that_is_not_there(couler_command: Couler) -> None:
    done = couler_command("metrics", "--store", "stroe")
    assert (done.exit_code, Path("stroe").exists()) == (3, False)
    assert done.stderr.startswith("error: stroe: there is no such folder\n  hint: ")
