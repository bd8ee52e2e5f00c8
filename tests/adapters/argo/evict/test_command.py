"""`couler cache evict --engine argo`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from adapters.argo.evict.apiserver import TOKEN, ApiServer, Request
from adapters.argo.evict.cluster import NAMESPACE, artifact, config_map, entry, kubeconfig, workflow
from couler_argo.evict.artifacts import EVICTED
from couler_plugins.cli.group import couler
from couler_plugins.engine_kit.kubernetes import calls as api_calls
from support import first_of

CACHE = "couler-cache-train-00"


@pytest.fixture(autouse=True)
def in_cluster(server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with kubeconfig(server, tmp_path) as path:
        monkeypatch.setenv("KUBECONFIG", str(path))
        monkeypatch.chdir(tmp_path)


def evict(*arguments: str) -> Result:
    command = ["cache", "evict", "--engine", "argo", "--settle", "0s", *arguments]
    return CliRunner().invoke(couler, command, catch_exceptions=False)


def record(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def put(server: ApiServer, namespace: str = NAMESPACE) -> None:
    data = {f"key{n}": entry(f"train-a-{n}1", [artifact(f"train-a/train-a-{n}1/x")], used=n + 1) for n in range(3)}
    server.put("configmaps", config_map(CACHE, data, namespace))


def test_each_entry_is_explained(server: ApiServer) -> None:
    put(server)
    server.put("workflows", workflow("train-b", {}))
    result = evict("--capacity", "1500", "--assume-size", "1000", "--policy", "lru", "--format", "json")
    assert result.exit_code == 0, result.stderr
    found = record(result)
    assert (found["schema"], found["policy"], found["capacity"]) == ("couler.cache-evict/v1", "lru", 1500)
    (namespace,) = found["namespaces"]
    assert [(item["key"], item["outcome"]) for item in namespace["decisions"]] == [
        ("key0", "evicted"),
        ("key1", "evicted"),
        ("key2", "kept"),
    ]
    assert all(item["reason"] and item["figures"]["bytes"] > 1000 for item in namespace["decisions"])
    assert (namespace["live"], namespace["left"], namespace["places"]) == (1, 2, 1)
    text = evict("--capacity", "1500", "--assume-size", "1000").stdout
    assert "ml/couler-cache-train-00/key2: kept: worth keeping (bytes" in text
    assert "0 of 1 results went" in text


@pytest.mark.parametrize("arguments", [(), ("--capacity", "none")])
def test_without_a_limit_all_stays(
    arguments: tuple[str, ...], server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The setting is about the store of `couler cache`, not about what an engine keeps."""
    monkeypatch.setenv("COULER_CACHE_CAPACITY", "0")
    put(server)
    found = record(evict(*arguments, "--format", "json"))
    assert found["capacity"] is None
    assert [item["outcome"] for item in found["namespaces"][0]["decisions"]] == ["kept"] * 3


def test_one_namespace_that_fails_stops_no_other(server: ApiServer) -> None:
    for namespace in ("a", "b", "c"):
        put(server, namespace)
    server.forbidden = {("list", "configmaps", "b")}
    spaces = [option for name in ("a", "b", "c") for option in ("--namespace", name)]
    result = evict(*spaces, "--capacity", "0", "--format", "json")
    assert result.exit_code == 3
    found = record(result)
    assert [item["namespace"] for item in found["namespaces"]] == ["a", "c"]
    (error,) = found["errors"]
    assert error["namespace"] == "b"
    assert "403" in error["message"]
    assert "the namespace b: " in result.stderr
    assert not server.get("configmaps", "c", CACHE)["data"]
    assert server.get("configmaps", "b", CACHE)["data"]


def test_all_namespaces_are_found(server: ApiServer) -> None:
    for namespace in ("a", "b"):
        put(server, namespace)
    found = record(evict("--all-namespaces", "--format", "json"))
    assert [item["namespace"] for item in found["namespaces"]] == ["a", "b"]


def test_the_default_policy_is_scr(server: ApiServer) -> None:
    put(server)
    found = record(evict("--capacity", "1MB", "--format", "json"))
    assert found["policy"] == "scr"


def test_artifacts_are_deleted_from_the_repository(server: ApiServer, tmp_path: Path) -> None:
    put(server)
    for n in range(3):
        path = tmp_path / f"bucket/train-a/train-a-{n}1/x"
        path.parent.mkdir(parents=True)
        path.write_text("x" * 1000)
    options = ("--capacity", "1500", "--policy", "lru", "--artifacts", str(tmp_path / "bucket"), "--format", "json")
    (first,) = record(evict(*options))["namespaces"]
    assert (first["deleted"], first["waiting"]) == ([], 2)
    (second,) = record(evict(*options, "--grace", "0s"))["namespaces"]
    assert second["deleted"] == ["train-a/train-a-01/x", "train-a/train-a-11/x"]
    assert [path.parent.name for path in tmp_path.rglob("bucket/**/x")] == ["train-a-21"]


@pytest.mark.parametrize(("managed", "deleted"), [("", []), ("other", ["train-a/train-a-01/x"])])
def test_a_workflow_of_any_namespace_keeps_what_it_refers_to(
    managed: str, deleted: list[str], server: ApiServer, tmp_path: Path
) -> None:
    """Argo keeps the entries of all namespaces in that of its controller."""
    put(server)
    (tmp_path / "bucket").mkdir()
    options = ("--capacity", "0", "--artifacts", str(tmp_path / "bucket"), "--format", "json", "--grace", "0s")
    evict(*options)
    running = workflow("run-b", {"arguments": {"artifacts": [artifact("train-a/train-a-01/x")]}})
    running["metadata"]["namespace"] = "team"
    server.put("workflows", running)
    (found,) = record(evict(*options, "--managed-namespace", managed))["namespaces"]
    assert set(found["deleted"]) - {"train-a/train-a-11/x", "train-a/train-a-21/x"} == set(deleted)


@pytest.mark.parametrize(
    "options",
    [
        ("--loop", "1s", "--once"),
        ("--namespace", "a", "--all-namespaces"),
        ("--policy", "nonsense"),
        ("--capacity", "much"),
        ("--grace", "soon"),
        ("--context", "nowhere"),
    ],
    ids=lambda options: options[0] + options[1],
)
def test_wrong_usage_is_2(options: tuple[str, ...]) -> None:
    result = evict(*options)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_an_engine_that_keeps_nothing_is_said() -> None:
    result = CliRunner().invoke(couler, ["cache", "evict", "--engine", "nothing"])
    assert result.exit_code == 2


def test_options_of_clusters_need_an_engine() -> None:
    result = CliRunner().invoke(couler, ["cache", "evict", "--all-namespaces"])
    assert result.exit_code == 2
    assert "need --engine" in result.stderr


def test_without_an_engine_the_store_is_trimmed(tmp_path: Path) -> None:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(
            couler, ["cache", *arguments, "--store", str(tmp_path / "store")], catch_exceptions=False
        )

    for number in range(3):
        (tmp_path / "out").write_text(f"{number}" * 100)
        saved = run("save", f"key{number}", f"out={tmp_path / 'out'}")
        assert saved.exit_code == 0, saved.output
    assert run("evict").exit_code == 2
    result = run("evict", "--capacity", "250", "--policy", "lru", "--format", "json")
    assert result.exit_code == 0, result.output
    found = record(result)
    assert len(found["evicted"]) == 1
    assert found["bytes"] <= 250


def test_a_loop_goes_on_after_a_round_that_failed(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    put(server)
    server.forbidden = {("list", "workflows")}
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        server.forbidden = set()
        if len(pauses) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(
        "couler_plugins.cli.eviction.time.sleep", lambda seconds: pause(seconds) if seconds > 5 else None
    )
    result = evict("--capacity", "0", "--loop", "10m")
    assert result.exit_code == 130
    assert pauses == [600.0] * 3
    assert not server.get("configmaps", NAMESPACE, CACHE)["data"]
    assert "403" in result.stderr


def test_the_token_is_never_told(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    put(server)
    monkeypatch.setattr(api_calls, "ATTEMPTS", 2)
    for forbidden in ("nothing", "configmaps"):
        server.forbidden = {("patch", forbidden)}
        result = evict("-vv", "--capacity", "0", "--format", "json")
        assert TOKEN not in result.output


@pytest.mark.parametrize("verb", first_of(["patch", "list"]))
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_process_that_is_killed_leaves_nothing_half_done(
    server: ApiServer, tmp_path: Path, verb: str, moment: str
) -> None:
    """SIGKILL while a call is under way: the next process finishes what is left to do."""
    put(server)
    bucket = tmp_path / "bucket"
    for n in range(3):
        path = bucket / f"train-a/train-a-{n}1/x"
        path.parent.mkdir(parents=True)
        path.write_text("x")
    options = ["--capacity", "0", "--settle", "0s", "--grace", "0s", "--artifacts", str(bucket)]
    command = [
        sys.executable,
        "-c",
        "from couler_plugins.cli import main; main()",
        "cache",
        "evict",
        "--engine",
        "argo",
        *options,
    ]
    processes: list[subprocess.Popen[bytes]] = []
    killed: list[str] = []

    def kill(request: Request) -> None:
        if request.verb == verb and not killed:
            killed.append(verb)
            os.kill(processes[0].pid, signal.SIGKILL)
            processes[0].wait(30)

    setattr(server, moment, kill)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        processes.append(process)
        process.wait(60)
    assert killed
    assert process.returncode == -signal.SIGKILL
    left = server.get("configmaps", NAMESPACE, CACHE)
    written = json.loads(left["metadata"].get("annotations", {}).get(EVICTED, "{}"))
    assert len(left["data"]) + len(written) == 3
    assert len(list(bucket.rglob("x"))) == 3
    for _ in range(2):
        assert evict(*options).exit_code == 0
    assert not server.get("configmaps", NAMESPACE, CACHE)["data"]
    assert list(bucket.rglob("x")) == []
