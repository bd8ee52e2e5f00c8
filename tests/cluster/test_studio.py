"""`couler studio` submits to the cluster: states and logs by step, by the HTTP API of a server process."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from cluster.cluster import Cluster
from cluster.commands import busybox, dag, pipeline, task, written
from cluster.running import LIMIT

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
app = pytest.importorskip("couler_plugins.studio.app")


Work = dict[str, Any]
Run = dict[str, Any]


class Studio(NamedTuple):
    """A server process inside of the cluster's network."""

    cluster: Cluster
    address: str
    token: str

    def ask(self, place: str, message: Any = None) -> Any:
        """Return what the API answers."""
        command = [
            "curl",
            "--silent",
            "--retry",
            "9",
            "--retry-connrefused",
            "--header",
            f"Authorization: Bearer {self.token}",
            f"{self.address}/api/{place}",
        ]
        if message is not None:
            command += ["--header", "Content-Type: application/json", "--data-binary", json.dumps(message)]
        return json.loads(self.cluster.run(*command).stdout)

    def follow(self, run: Run, until: Callable[[Run], Any]) -> Run:
        end = time.monotonic() + LIMIT
        while not until(run):
            assert time.monotonic() < end, run
            time.sleep(0.3)
            run = self.ask(f"runs/{run['run']}")
            assert "run" in run, run
        return run

    def log(self, run: Run, step: str) -> Any:
        return self.ask(f"runs/{run['run']}/log?step={quote(step)}")


@contextmanager
def studio(cluster: Cluster, folder: Path, *files: str) -> Iterator[Studio]:
    command = cluster.inside("couler", "studio", "--port", "0", *files)
    with subprocess.Popen(
        command, cwd=folder, env=cluster.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        try:
            assert server.stdout is not None
            lines = iter(server.stdout.readline, "")
            line = next((line for line in lines if "/#token=" in line), "")
            assert line, "the studio has ended"
            address, _, token = line.strip().partition("/#token=")
            yield Studio(cluster, address, token)
        finally:
            server.terminate()


def ended(run: Run) -> bool:
    return run["phase"] in ("succeeded", "failed")


def states(run: Run) -> dict[str, tuple[str, str]]:
    return {step["step"]: (step["node"], step["phase"]) for step in run["steps"]}


def message_of(run: Run, step: str) -> str:
    (message,) = (item["message"] for item in run["steps"] if item["step"] == step)
    return str(message)


def edit(graph: str, step: str, field: str, value: Any) -> dict[str, Any]:
    return {"do": "set", "graph": graph, "step": step, "field": field, "value": value}


def test_a_workflow_is_edited_followed_and_stopped(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    tasks: list[dict[str, Any]] = [
        {"name": "fit", "template": "inner", "withItems": ["a", "b"]},
        {"name": "never", "template": "echo", "when": "1 == 2", "depends": "fit"},
        {"name": "last", "template": "nap", "depends": "fit"},
    ]
    inner = {"name": "inner", "dag": {"tasks": [{"name": "train", "template": "echo"}]}}
    retried = busybox("nap", "true", retryStrategy={"limit": 1})
    written(tmp_path, dag("studio-", tasks, [inner, busybox("echo", "echo before"), retried], onExit="echo"))
    small = dag("small-", [{"name": "last", "template": "nap"}], [busybox("nap", "true")])
    files = "w.yaml", written(tmp_path, small, "small.yaml")
    print_it = edit("inner", "train", "command", ["sh", "-c", "echo edited; echo token=abc"])
    work = {"path": "small.yaml", "namespace": namespace}
    with studio(cluster, tmp_path, *files) as server:
        run = server.ask("runs", {**work, "path": "w.yaml", "actions": [print_it]})
        fails = edit("main", "last", "command", ["sh", "-c", "echo it is broken; exit 4"])
        failing = server.ask("runs", {**work, "actions": [fails]})
        naps = edit("main", "last", "command", ["sh", "-c", "echo asleep; exec sleep 300"])
        napping = server.ask("runs", {**work, "actions": [naps]})
        run = server.follow(run, ended)
        assert run["phase"] == "succeeded", run
        assert states(run) == {
            "fit(0:a)": ("fit", "succeeded"),
            "fit(1:b)": ("fit", "succeeded"),
            "fit(0:a)/train": ("fit/train", "succeeded"),
            "fit(1:b)/train": ("fit/train", "succeeded"),
            "never": ("never", "skipped"),
            "last": ("last", "succeeded"),
            "onExit": ("!0", "succeeded"),
        }
        assert server.log(run, "fit(1:b)/train") == {"lines": ["edited", "token=***"], "note": ""}
        assert [step["step"] for step in run["steps"] if not step["has_log"]] == ["fit(0:a)", "fit(1:b)", "never"]

        failing = server.follow(failing, ended)
        assert (failing["phase"], states(failing)["last"]) == ("failed", ("last", "failed"))
        assert "exit code 4" in message_of(failing, "last")
        assert server.log(failing, "last")["lines"] == ["it is broken"]

        server.follow(napping, lambda run: server.log(run, "last").get("lines") == ["asleep"])
        server.ask(f"runs/{napping['run']}/stop", {})
        napping = server.follow(napping, ended)
        assert napping["phase"] == "failed"
        assert "top" in napping["message"], napping
    assert "before" in (tmp_path / "w.yaml").read_text()


def test_a_pipeline_is_edited_followed_and_stopped(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    never = {"when": [{"input": "1", "operator": "in", "values": ["2"]}]}
    tasks: list[dict[str, Any]] = [
        task("build", "echo before", "echo second"),
        task("never", "true", **never),
        task("last", "true", runAfter=["build"]),
    ]
    written(tmp_path, pipeline("studio-", tasks))

    def printing(script: str) -> dict[str, Any]:
        return edit("pipeline", "last", "script", f"#!/bin/sh\n{script}\n")

    work = {"path": "w.yaml", "namespace": namespace}
    with studio(cluster, tmp_path, "w.yaml") as server:
        run = server.ask("runs", {**work, "actions": [printing("echo edited; echo token=abc")]})
        run = server.follow(run, ended)
        assert run["phase"] == "succeeded", run
        assert states(run) == {
            "build": ("build", "succeeded"),
            "never": ("never", "skipped"),
            "last": ("last", "succeeded"),
        }
        assert server.log(run, "last") == {"lines": ["edited", "token=***"], "note": ""}
        assert server.log(run, "build")["lines"] == ["[step-s0]", "before", "[step-s1]", "second"]

        failing = server.ask("runs", {**work, "actions": [printing("echo broken; exit 4")]})
        napping = server.ask("runs", {**work, "actions": [printing("echo asleep; exec sleep 300")]})
        failing = server.follow(failing, ended)
        assert (failing["phase"], states(failing)["last"]) == ("failed", ("last", "failed"))
        assert "exited with code 4" in message_of(failing, "last")
        assert server.log(failing, "last")["lines"] == ["broken"]

        server.follow(napping, lambda run: server.log(run, "last").get("lines") == ["asleep"])
        server.ask(f"runs/{napping['run']}/stop", {})
        napping = server.ask(f"runs/{napping['run']}")
        assert (napping["phase"], "stop it again" in napping["message"]) == ("running", True)  # Tekton lets tasks end
        server.ask(f"runs/{napping['run']}/stop", {})
        napping = server.follow(napping, ended)
        assert (napping["phase"], states(napping)["last"]) == ("failed", ("last", "failed"))


def test_a_run_is_followed_on_the_page(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    if not (app.BUNDLE / "index.html").is_file() or not shutil.which("chromedriver"):
        pytest.skip("needs the studio's page and Chromium")
    tasks = [{"name": "first", "template": "echo"}, {"name": "last", "template": "nap", "depends": "first"}]
    written(tmp_path, dag("page-", tasks, [busybox("echo", "echo from the pod"), busybox("nap", "true")]))
    with studio(cluster, tmp_path, "w.yaml") as server:
        script = str(Path(__file__).with_name("studio_page.py"))
        address = f"{server.address}/#token={server.token}"
        done = cluster.run(sys.executable, script, address, namespace, "first")
    shown = json.loads(done.stdout.splitlines()[-1])
    assert shown["states"] == {"first": "phase-succeeded", "last": "phase-succeeded"}
    assert shown["marks"] == {"✓ first": "phase-succeeded", "✓ last": "phase-succeeded"}
    assert shown["log"] == "from the pod"
