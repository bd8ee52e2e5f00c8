"""`couler cache report`: what the cache saved, from the histories of all engines and from the store."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import airflow_history
import kfp_history
from adapters.argo.statuses import node, workflow
from adapters.tekton.test_lookups import states
from adapters.tekton.test_runs import pipeline_run, task_run
from cli.conftest import Couler
from couler_plugins.caching.artifacts import Meta, open_cache
from pluginbox import PluginBox

MEMO = {"hit": True, "key": "abc", "cacheName": "couler-cache-wf-00"}


@pytest.fixture
def report(couler_command: Couler, plugin_box: PluginBox) -> Couler:
    """Runs `couler cache report` with all engines, in an empty current folder."""
    for engine in ("argo", "tekton", "airflow", "kfp"):
        plugin_box.declare(f"{engine}-engine", f"couler_{engine}.plugin")
    plugin_box.declare("caches", "couler_plugins.caching.plugin")
    return lambda *arguments, **options: couler_command("cache", "report", *arguments, **options)


def argo() -> dict[str, Any]:
    """Two runs: one that computed a step in three minutes, and one that found it."""
    missed = workflow({"a": node("Pod", "a", memoizationStatus={**MEMO, "hit": False})})
    at = "2026-01-02T00:01:00Z"
    hit = workflow({"a": node("Pod", "a", memoizationStatus=MEMO, startedAt=at, finishedAt=at)})
    hit["metadata"]["name"] = "wf-def"
    hit["status"]["finishedAt"] = at
    return {"apiVersion": "v1", "kind": "List", "items": [missed, hit]}


def tekton() -> dict[str, Any]:
    tasks: list[dict[str, Any]] = [{"name": "train"}]
    items = [
        task_run("train-1", "train", 0, 180, **states("false")),
        pipeline_run("train-1", tasks),
        task_run("train-2", "train", 0, 9, **states("true")),
        pipeline_run("train-2", tasks),
    ]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def airflow() -> dict[str, Any]:
    said = [{"dag_id": "train", "dag_run_id": name, "task_id": "work", "key": "k"} for name in ("r1", "r2")]
    said[1] |= {"hit": True, "saved_seconds": 180.0}  # type: ignore[dict-item]  # records are of any values
    instances = [airflow_history.instance("work", minutes=3), airflow_history.instance("work", run="r2", minutes=0.1)]
    return airflow_history.document(*instances, cached=said)


def kfp() -> dict[str, Any]:
    cached = [kfp_history.node("load-driver", 0, 5), kfp_history.node("load", 5, 5)]
    cached.append(kfp_history.node("executor", 5, 5, "SKIPPED"))
    runs = [kfp_history.run(kfp_history.task("load", 20, 200)), kfp_history.run(cached, run_id="s")]
    return {"runs": runs}


@pytest.mark.parametrize(
    ("history", "place"),
    [
        (argo, ("wf", "main/a")),
        (tekton, ("train", "pipeline/train")),
        (airflow, ("train", "train/work")),
        (kfp, ("a run", "load")),
    ],
    ids=["argo", "tekton", "airflow", "kfp"],
)
def test_hits_of_each_engine_are_counted(
    report: Couler, history: Callable[[], dict[str, Any]], place: tuple[str, str]
) -> None:
    Path("runs.json").write_text(json.dumps(history()))
    done = report("runs.json", "--format", "json")
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert record["schema"] == "couler.cache-report/v1"
    assert record["runs"] == 2
    (row,) = record["steps"]
    assert (row["workflow"], row["step"]) == place
    assert (row["runs"], row["hits"], row["misses"], row["unknown"], row["rate"]) == (2, 1, 1, 0, 0.5)
    assert (row["seconds_saved"], row["untimed"], row["reason"]) == (180.0, 0, "")


def test_the_table_reads_well(report: Couler) -> None:
    document = argo()
    for item, key in zip(document["items"], ("x", "y"), strict=True):
        memo = {"hit": False, "key": key, "cacheName": "c"}
        item["status"]["nodes"]["b"] = node("Pod", "b", memoizationStatus=memo)
    done = report("-", stdin=json.dumps(document))
    assert done.exit_code == 0, done.output
    assert done.stdout == (
        "          runs  hits  missed  unknown  rate      saved      spent  reused\n"
        "wf           4     1       3        0  25 %  3 minutes  0 seconds     0 B\n"
        "  main/a     2     1       1        0  50 %  3 minutes  0 seconds     0 B\n"
        "  main/b     2     0       2        0   0 %  0 seconds  0 seconds     0 B\n"
        "total        4     1       3        0  25 %  3 minutes  0 seconds     0 B\n"
        "\n"
        "Never hit:\n"
        "  wf, main/b: its key was new in every run (2 look-ups)\n"
    )


def test_what_is_unknown_is_marked(report: Couler) -> None:
    document = argo()
    del document["items"][0]
    Path("runs.json").write_text(json.dumps(document))
    text = report("runs.json").stdout
    assert text.splitlines()[-3].split() == ["total", "1", "1", "0", "0", "100", "%", "?", "0", "seconds", "0", "B"]
    assert "1 hit: nothing like it was computed in these runs, so what it saved is not known." in text


def test_what_is_unknown_of_some_hits_is_a_lower_bound(report: Couler) -> None:
    Path("a.json").write_text(json.dumps(argo()))
    Path("k.json").write_text(json.dumps({"runs": kfp()["runs"][1:]}))
    done = report("a.json", "k.json")
    (total,) = [line for line in done.stdout.splitlines() if line.startswith("total")]
    assert total.split()[:7] == ["total", "3", "2", "1", "0", "67", "%"]
    assert total.endswith("≥ 3 minutes  ≥ 0 seconds   ≥ 0 B")


def test_runs_before_a_date_are_left_out(report: Couler) -> None:
    Path("runs.json").write_text(json.dumps(argo()))
    record = json.loads(report("runs.json", "--since", "2026-01-01T12:00", "--format", "json").stdout)
    assert (record["runs"], record["total"]["hits"], record["total"]["misses"]) == (1, 1, 0)
    assert report("runs.json", "--since", "1s").stdout == "No step was looked up in a cache (0 runs).\n"
    wrong = report("runs.json", "--since", "yesterday")
    assert wrong.exit_code == 2
    assert "'yesterday' is not a time" in wrong.output


def test_only_runs_of_one_engine_count(report: Couler) -> None:
    Path("a.json").write_text(json.dumps(argo()))
    Path("t.json").write_text(json.dumps(tekton()))
    both = json.loads(report("a.json", "t.json", "--format", "json").stdout)
    assert [row["workflow"] for row in both["workflows"]] == ["train", "wf"]
    one = json.loads(report("a.json", "t.json", "--engine", "tekton", "--format", "json").stdout)
    assert [row["workflow"] for row in one["workflows"]] == ["train"]
    wrong = report("a.json", "--engine", "tekon")
    assert wrong.exit_code == 2
    assert "tekton" in wrong.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Give past runs as HISTORY, or --store."),
        (("--store", "s", "--engine", "argo"), "--engine and --since are of past runs"),
        (("none.json",), "none.json"),
        (("empty.yaml",), "this tells of no run"),
        (("broken.json",), "broken.json"),
    ],
)
def test_what_cannot_be_reported_is_refused(report: Couler, arguments: tuple[str, ...], said: str) -> None:
    Path("empty.yaml").write_text("kind: Workflow\n")
    Path("broken.json").write_text('{"items": [')
    done = report(*arguments)
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output


def test_the_setting_history_is_the_default(report: Couler) -> None:
    Path("runs.json").write_text(json.dumps(argo()))
    Path("couler.toml").write_text('history = ["runs.json"]\n')
    assert json.loads(report("--format", "json").stdout)["total"]["hits"] == 1


def test_the_store_adds_sizes_and_times(report: Couler) -> None:
    Path("runs.json").write_text(json.dumps(argo()))
    with open_cache("store") as store:
        store.put("abc", {"o": b"12345"}, Meta(seconds=600.0))
    (row,) = json.loads(report("runs.json", "--store", "store", "--format", "json").stdout)["steps"]
    assert (row["seconds_saved"], row["bytes_reused"], row["bytes_kept"]) == (600.0, 5, 5)
    assert report("runs.json", "--store", "store").stdout.splitlines()[0].endswith("reused  kept")


def test_a_store_alone_is_asked_for_its_uses(report: Couler) -> None:
    with open_cache("store") as store:
        store.put("a", {"o": b"12345"}, Meta(family="wf", step="train", seconds=60.0))
        store.put("b", {"o": b"1"}, Meta(family="wf", step="clean", seconds=60.0))
        for _ in range(3):
            hit = store.get("a")
            assert hit is not None
            hit.close()
    done = report("--store", "store")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[2].split() == ["train", "4", "3", "1", "0", "75", "%", "3", "minutes", "?", "15", "B", "5", "B"]
    assert lines[-1] == "  wf, clean: no result of it was used again (1 look-up)"
    with open_cache("unnamed") as store:
        store.put("a", {"o": b"12345"}, Meta(step="\x1b[2J"))
        store.put("b", {"o": b"12345"})
    assert [line.split()[0] for line in report("--store", "unnamed").stdout.splitlines()[1:5]] == [
        "-",
        "-",
        "\\x1b[2J",
        "total",
    ]
    with open_cache("plain", index="none") as store:
        store.put("a", {"o": b"12345"})
    refused = report("--store", "plain", "--index", "none")
    assert (refused.exit_code, "no index" in refused.output) == (2, True)
