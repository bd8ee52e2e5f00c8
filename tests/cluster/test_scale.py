"""Workflows that Argo refuses as a whole run to their ends when split: thousands of steps, on the real controller."""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cluster.cluster import Cluster
from cluster.programs import KEPT
from cluster.scale import controller, measure, played_nodes, workflow

pytestmark = pytest.mark.cluster_long

MEBIBYTE = 1024 * 1024
FIGURES = KEPT / "scale-figures"
"""Where the figures of each test are kept, as JSON."""
FAST = ("--qps=100", "--burst=200")
"""The controller may ask the API server five times as often as it does by default."""


@pytest.fixture(scope="module")
def large_cluster() -> Iterator[Cluster]:
    """A cluster beside the others' one, since thousands of pods would slow that down for everybody."""
    if reason := os.environ.get("COULER_NO_CLUSTER"):
        pytest.skip(f"COULER_NO_CLUSTER: {reason}")
    cluster = Cluster(KEPT / "scale")
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / "scale.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        cluster.up()
        with played_nodes(cluster):
            yield cluster
        cluster.down()


@pytest.mark.parametrize(
    ("shape", "steps", "pipeline", "options"),
    [
        pytest.param("chains", 2_000, "split", (), id="chains-2000"),
        pytest.param("chains", 2_000, "split{max-steps=50}", FAST, id="chains-2000-parts-of-50-fast"),
        pytest.param("layered", 2_000, "split", FAST, id="layered-2000-fast"),
        pytest.param("samples", 2_000, "split", FAST, id="samples-2000-graphs-fast"),
        pytest.param("samples", 10_000, "split", FAST, id="samples-10000-fast"),
    ],
)
def test_each_step_runs_once_after_what_it_needs(
    large_cluster: Cluster,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    shape: str,
    steps: int,
    pipeline: str,
    options: tuple[str, ...],
) -> None:
    whole, parts = tmp_path / "whole.yaml", tmp_path / "parts"
    whole.write_text(yaml.dump(workflow(shape, steps), Dumper=yaml.CSafeDumper))
    written = large_cluster.run("couler", "optimize", "-p", pipeline, str(whole), "-o", str(parts))
    assert written.returncode == 0, written.stderr
    namespace = f"scale-{uuid.uuid4().hex[:8]}"
    large_cluster.add_namespace(namespace)
    with controller(large_cluster, *options) as pid:
        found = measure(large_cluster, namespace, pid, parts, shape, steps)
    FIGURES.mkdir(exist_ok=True)
    figures = json.dumps({**found, "pipeline": pipeline, "options": options}, indent=2, sort_keys=True)
    (FIGURES / f"{request.node.callspec.id}.json").write_text(figures + "\n")
    large_cluster.kubectl("delete", "namespace", namespace, "--timeout=20m")
    assert (found["exit_code"], found["phase"]) == (0, "Succeeded"), found
    assert found["succeeded"] == found["step_pods"] == steps
    assert min(late["min"] for late in (found["late_within_part"], found["late_else"])) >= 0, "a step began too early"
    assert found["largest_bytes"] < MEBIBYTE


def test_argo_refuses_them_whole(large_cluster: Cluster, tmp_path: Path) -> None:
    given = tmp_path / "whole.yaml"
    for steps, refused in ((199, ""), (200, "must have at most 200 items"), (2_000, "must have at most 200 items")):
        given.write_text(yaml.dump(workflow("chains", steps), Dumper=yaml.CSafeDumper))
        ran = large_cluster.run("kubectl", "create", "--dry-run=server", "--namespace", "default", "-f", str(given))
        assert (ran.returncode == 0) is not bool(refused), ran
        assert refused in ran.stderr
