"""Namespaces with one store and artifact repositories of their own: none reuses what another has made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from cluster.cluster import Cluster
from cluster.commands import busybox, dag, pipeline, task
from cluster.corpus.observing import STORE
from cluster.running import run_argo, run_tekton
from cluster.test_memoize import add_repository
from cluster.test_wrapper import CHANCE, RUNS, optimized, wrapper

__all__ = ["wrapper"]  # a fixture

ROWS = """
[[cache.declare]]
task = "draw"
pure = true
allow = ["random"]
version = "1"
max-output-bytes = 64
"""
DRAW = dag(
    "draws-",
    [
        {"name": "draw", "template": "draw"},
        {
            "name": "read",
            "template": "read",
            "arguments": {"artifacts": [{"name": "file", "from": "{{tasks.draw.outputs.artifacts.file}}"}]},
            "depends": "draw",
        },
    ],
    [
        busybox(
            "draw",
            f"{CHANCE} > /tmp/file",
            outputs={"artifacts": [{"name": "file", "path": "/tmp/file"}]},
        ),
        busybox(
            "read",
            "cp /tmp/in /tmp/drawn",
            inputs={"artifacts": [{"name": "file", "path": "/tmp/in"}]},
            outputs={"parameters": [{"name": "drawn", "valueFrom": {"path": "/tmp/drawn"}}]},
        ),
    ],
)
DRAW_TASK = pipeline(
    "draws-",
    [task("draw", f"{CHANCE} | head -c 36 > $(results.drawn.path)", results=["drawn"])],
    results=[{"name": "drawn", "value": "$(tasks.draw.results.drawn)"}],
)
DRAWS: dict[str, tuple[dict[str, Any], Callable[[Cluster, str, Mapping[str, Any]], str]]] = {
    "argo": (DRAW, lambda *run: run_argo(*run).outputs["read"]["drawn"]),
    "tekton": (DRAW_TASK, lambda *run: run_tekton(*run).outputs["drawn"]),
}


@pytest.mark.parametrize("engine", list(DRAWS))
def test_namespaces_share_no_result_and_one_call_removes_all(
    cluster: Cluster, namespace: str, wrapper: str, tmp_path: Path, engine: str
) -> None:
    whole, run = DRAWS[engine]
    (tmp_path / "couler.toml").write_text(ROWS)
    (document,) = optimized(cluster, tmp_path, wrapper, whole)
    other = f"{namespace}-other"
    cluster.add_namespace(other)
    try:
        add_repository(cluster, other)
        cluster.api.create(other, STORE)
        drawn: dict[str, list[str]] = {}
        for place in (namespace, other):
            drawn[place] = [run(cluster, place, document)]
            while len(drawn[place]) == len(set(drawn[place])) and len(drawn[place]) <= RUNS:
                drawn[place].append(run(cluster, place, document))
        removed = removed_in(cluster, wrapper)
        last = run(cluster, other, document)
    finally:
        cluster.api.remove_namespace(other)
    assert all(len(set(several)) < len(several) for several in drawn.values()), "each reuses what it has drawn"
    assert set(drawn[namespace]).isdisjoint(drawn[other])
    assert [item["step"] for item in removed] == ["draw", "draw"], "one of each namespace"
    assert last not in drawn[other]


def removed_in(cluster: Cluster, wrapper: str) -> list[dict[str, Any]]:
    """What `couler cache rm` has removed of the store that the pipeline names."""
    store = wrapper.partition("store=")[2].partition(",")[0]
    environment = {**cluster.environment(), **STORE["stringData"]}
    command = ("couler", "cache", "rm", "--store", store, "--step", "draws/draw", "--format", "json")
    ran = cluster.run(*command, env=environment)
    assert ran.returncode == 0, ran.stderr
    removed: list[dict[str, Any]] = json.loads(ran.stdout)["entries"]
    return removed
