"""Debian's Prometheus scrapes `couler metrics` while runs are replayed into a history; the dashboard has data."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Couler
from couler_plugins.caching.artifacts import Meta, open_cache
from couler_plugins.demo import workflow
from monitoring.replay import argo_list, argo_runs
from pluginbox import PluginBox
from servers.processes import free_port, until, when_stopped
from servers.prometheus import programs, scraping
from support import ROOT

RUNS, BATCH = 100, 25
VARIABLES = {"$workflow": ".*", "$window": "10m", "$__range": "10m"}
"""The variables of the dashboard, as Grafana fills them in."""


@pytest.fixture(autouse=True)
def _prometheus() -> None:
    try:
        programs()
    except RuntimeError as error:
        pytest.skip(f"no Prometheus: {error}")


@contextlib.contextmanager
def served(plugin_box: PluginBox, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process that serves metrics of `h.jsonl`, the store `store`, and the optimizers on `churn.yaml`."""
    folders = (plugin_box.site, ROOT, ROOT / "tests", ROOT / "adapters" / "argo", os.environ.get("PYTHONPATH", ""))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}
    options = ("--history", "h.jsonl", "--store", "store", "--refresh", "0s", "--listen", str(port))
    command = [sys.executable, "-c", "from couler_plugins.cli import main; main()", "metrics", "churn.yaml", *options]
    process = subprocess.Popen([*command, "-p", "dedupe,cache"], env=environment, stderr=subprocess.PIPE)
    assert process.stderr is not None
    with process.stderr, when_stopped(process):
        assert process.stderr.readline() == f"metrics: http://127.0.0.1:{port}/metrics\n".encode()
        yield process


def query(url: str, text: str) -> list[dict[str, Any]]:
    """The answer of Prometheus to a query."""
    with urllib.request.urlopen(f"{url}/api/v1/query?{urllib.parse.urlencode({'query': text})}") as answer:
        data = json.load(answer)
    assert data["status"] == "success"
    result: list[dict[str, Any]] = data["data"]["result"]
    return result


def number(url: str, text: str) -> float:
    """The only value that a query gives; NaN if it gives none."""
    return float(next((series["value"][1] for series in query(url, text)), "nan"))


def wait_for_runs(url: str, count: int) -> None:
    """Wait until Prometheus has seen so many runs."""
    until(lambda: number(url, "sum(couler_workflow_runs_total)") == count, 120, "a scrape")


def test_each_panel_of_the_dashboard_has_data_while_runs_are_replayed(
    couler_command: Couler, plugin_box: PluginBox, tmp_path: Path
) -> None:
    Path("churn.yaml").write_text(workflow())
    with contextlib.closing(open_cache("store", capacity=10**6)) as cache:
        cache.put("abc", {"model": b"x" * 1000}, Meta(family="churn", step="train", seconds=60.0))
    runs = list(argo_runs(RUNS))

    def replay(begin: int) -> None:
        batch = argo_list(*runs[begin : begin + BATCH])
        done = couler_command("history", "fetch", "--from", "-", "-o", "h.jsonl", stdin=batch)
        assert f"{BATCH} runs: {BATCH} new" in done.stderr

    replay(0)
    port, folder = free_port(), tmp_path / "prometheus"
    folder.mkdir()
    panels = json.loads(couler_command("metrics", "--dashboard").stdout)["panels"]
    queries = [(panel["title"], target["expr"]) for panel in panels for target in panel["targets"]]
    answers: list[tuple[str, str, list[dict[str, Any]]]] = []
    with scraping(folder, f"127.0.0.1:{port}", 2) as url:
        for half in (range(0, RUNS // 2, BATCH), range(RUNS // 2, RUNS, BATCH)):
            with served(plugin_box, port) as process:
                for begin in half:
                    if begin:
                        replay(begin)
                    wait_for_runs(url, begin + BATCH)
                answers = [(title, text, query(url, filled(text))) for title, text in queries]
            assert process.returncode == 128 + signal.SIGTERM
        assert not [(title, text) for title, text, result in answers if not any(map(is_figure, result))]
        assert number(url, 'sum(max_over_time(couler_workflow_runs_total{status="failed"}[10m]))') == RUNS / 10
        counters = query(url, '{__name__=~"couler_.*_(total|bucket|count|sum)"}[10m]')
        assert len(counters) > 100
        for series in counters:  # the second process goes on where the first one was
            values = [float(value) for _, value in series["values"]]
            assert values == sorted(values), series["metric"]


def filled(text: str) -> str:
    """A query of the dashboard with values for its variables."""
    for variable, value in VARIABLES.items():
        text = text.replace(variable, value)
    return text


def is_figure(series: Mapping[str, Any]) -> bool:
    """Whether the last value of a series is a number."""
    return math.isfinite(float(series["value"][1]))
