"""`couler prices` before an OpenCost that answers as the real one does, and before one that does not."""

from __future__ import annotations

import json
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import stamina

from cli.conftest import Couler
from couler_plugins.options.config import load_config

GIB = 2**30
CLUSTER = {
    "name": "cluster-one",
    "properties": {"cluster": "cluster-one"},
    "minutes": 10080,
    "cpuCoreHours": 200.0,
    "cpuCost": 6.5,
    "cpuCostAdjustment": -0.5,
    "gpuHours": 0,
    "gpuCost": 0,
    "ramByteHours": 500.0 * GIB,
    "ramCost": 2.0,
    "ramCostAdjustment": None,
    "totalCost": 8.0,
}


class OpenCost(ThreadingHTTPServer):
    """One OpenCost: what it answers, and what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.answer: bytes = json.dumps({"code": 200, "data": [{"cluster-one": CLUSTER}]}).encode()
        self.paths: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def say(self, data: Any, status: int = 200) -> None:
        self.status, self.answer = status, json.dumps(data).encode()


class _Handler(BaseHTTPRequestHandler):
    server: OpenCost

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Nothing on stderr."""


@pytest.fixture
def opencost() -> Iterator[OpenCost]:
    server = OpenCost()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    with stamina.set_testing(True, attempts=2, cap=True):  # without waiting
        yield server
    server.shutdown()
    server.server_close()


def test_a_row_for_the_settings_is_printed(couler_command: Couler, opencost: OpenCost) -> None:
    """(6.5 − 0.5) / 200 core-hours, and 2 / 500 GiB-hours."""
    printed = couler_command("prices", opencost.url, "--window", "30d", "--currency", "EUR")
    assert (printed.exit_code, printed.stderr) == (0, "")
    assert tomllib.loads(printed.stdout) == {"prices": [{"currency": "EUR", "core-hour": 0.03, "gib-hour": 0.004}]}
    assert printed.stdout.startswith('# Averages of OpenCost over "30d"\n')
    [asked] = opencost.paths
    assert urlsplit(asked).path == "/allocation/compute"
    assert parse_qs(urlsplit(asked).query) == {"window": ["30d"], "aggregate": ["cluster"], "accumulate": ["true"]}
    Path("couler.toml").write_text(f"pipeline = 'dedupe'\n{printed.stdout}")
    [price] = load_config(environ={}).prices
    assert (price.core_hour, price.gib_hour, price.currency) == (0.03, 0.004, "EUR")


def test_gpus_have_a_price_where_there_are_some(couler_command: Couler, opencost: OpenCost) -> None:
    opencost.say({"data": [{"a": {**CLUSTER, "gpuHours": 4, "gpuCost": 10}}, None, {"b": CLUSTER}]})
    [row] = tomllib.loads(couler_command("prices", f"{opencost.url}/allocation/compute").stdout)["prices"]
    assert (row["core-hour"], row["gpu-hour"]) == (0.03, 2.5)
    assert [urlsplit(path).path for path in opencost.paths] == ["/allocation/compute"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "the answer is none of OpenCost's"),
        ({}, "the answer is none of OpenCost's"),
        ({"code": 200, "data": "none"}, "the answer is none of OpenCost's"),
        ({"data": [{"a": [1]}]}, "the answer is none of OpenCost's"),
        ({"data": [{"a": {**CLUSTER, "cpuCost": "much"}}]}, "the answer is none of OpenCost's"),
        ({"data": []}, "OpenCost knows no costs of cores and memory in 7d"),
        ({"data": [None]}, "OpenCost knows no costs of cores and memory in 7d"),
        ({"data": [{"a": {}}]}, "OpenCost knows no costs of cores and memory in 7d"),
        ({"data": [{"a": {**CLUSTER, "ramByteHours": 0}}]}, "OpenCost knows no costs of cores and memory in 7d"),
        ({"data": [{"a": {**CLUSTER, "cpuCost": 1e308, "cpuCoreHours": 1e-300}}]}, "OpenCost knows no costs"),
        ({"data": [{"a": {**CLUSTER, "cpuCost": -9}}]}, "OpenCost knows no costs of cores and memory in 7d"),
    ],
)
def test_an_answer_without_prices_is_an_error(couler_command: Couler, opencost: OpenCost, data: Any, said: str) -> None:
    opencost.say(data)
    result = couler_command("prices", opencost.url)
    assert (result.exit_code, result.stdout) == (3, "")
    assert said in result.stderr
    assert "much" not in result.stderr


@pytest.mark.parametrize("status", [302, 400, 404, 500])
def test_a_refusal_is_an_error(couler_command: Couler, opencost: OpenCost, status: int) -> None:
    opencost.say({"code": status, "message": "secret"}, status)
    result = couler_command("prices", opencost.url)
    assert (result.exit_code, result.stdout) == (3, "")
    assert f"OpenCost's API refuses to list costs: {status}" in result.stderr
    assert "secret" not in result.stderr


def test_the_ui_is_not_the_api(couler_command: Couler, opencost: OpenCost) -> None:
    opencost.answer = b"<!doctype html>"
    result = couler_command("prices", opencost.url)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "the answer is no JSON" in result.stderr
    assert "port 9003" in result.stderr


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("there", 2, "this is no URL of OpenCost's API"),
        ("http://me:secret@localhost", 2, "holds credentials"),
        ("http://127.0.0.1:9", 3, "OpenCost's API does not answer"),
    ],
)
def test_wrong_usage(couler_command: Couler, url: str, code: int, said: str) -> None:
    with stamina.set_testing(True, attempts=1):
        result = couler_command("prices", url)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
