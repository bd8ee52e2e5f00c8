"""What the unified interface writes: the API server takes all of it, and it runs where the images can be had."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from cluster.cluster import Cluster
from cluster.running import run_argo, run_tekton
from support import ROOT

GOLDEN = ROOT / "tests" / "authoring" / "golden"
IMAGES = {"docker/whalesay:latest": "busybox:1", "alpine:3.20": "alpine:3", "python:3.12-alpine": "python:3"}
PROGRAMS = {"cowsay": "echo", "python": "python3"}
RUN = ["coin_flip", "explicit_dag", "producer_consumer"]
"""Those whose images the cluster has others for; `diamond` is in test_names.py."""


def here(data: Any) -> Any:
    """A document with images that the cluster has, and programs that are in them."""
    match data:
        case dict():
            return {key: here(value) for key, value in data.items()}
        case list():
            return [here(item) for item in data]
        case str():
            return IMAGES.get(data, PROGRAMS.get(data, data))
    return data


@pytest.mark.parametrize("engine", ["argo", "tekton"])
def test_the_server_takes_all_of_it(cluster: Cluster, namespace: str, engine: str) -> None:
    paths = sorted(GOLDEN.glob(f"*.{engine}.yaml"))
    assert len(paths) >= 6
    for path in paths:
        made = cluster.kubectl("create", "--namespace", namespace, "--dry-run=server", "-f", str(path))
        assert made.endswith("created (server dry run)\n")


@pytest.mark.parametrize("engine", ["argo", "tekton"])
@pytest.mark.parametrize("name", RUN)
def test_it_runs(cluster: Cluster, namespace: str, name: str, engine: str) -> None:
    (document,) = yaml.safe_load_all((GOLDEN / f"{name}.{engine}.yaml").read_text())
    run = {"argo": run_argo, "tekton": run_tekton}[engine]
    outcome = run(cluster, namespace, here(document), 300)
    assert (outcome.phase, outcome.messages) == ("Succeeded", {})
    pods = cluster.api.list(namespace, "Pod")
    said = {
        cluster.kubectl("logs", "--namespace", namespace, pod["metadata"]["name"], "--all-containers") for pod in pods
    }
    if name == "coin_flip":
        (line,) = {line for text in said for line in text.splitlines() if line.startswith("it was ")}
        assert line.removeprefix("it was ") in {line for text in said for line in text.splitlines()}
    if name == "producer_consumer":
        assert any("hello world" in text for text in said)
