"""`couler why` of runs that failed in the cluster: the step, its cause, and the last lines that it has printed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cluster.cluster import Cluster
from cluster.commands import busybox, couler, dag, pipeline, task
from cluster.running import run_argo, run_tekton

FAIL = "echo token=abcdef; echo cannot read the table; exit 1"
ARGO = dag(
    "odd-",
    [{"name": "load", "template": "load"}, {"name": "fit", "template": "fit", "depends": "load"}],
    [busybox("load", FAIL), busybox("fit", "true")],
)
TEKTON = pipeline("odd-", [task("load", FAIL), task("fit", "true", runAfter=["load"])])


@pytest.mark.parametrize(("engine", "document"), [("argo", ARGO), ("tekton", TEKTON)])
def test_a_live_run_is_explained_with_its_log(
    cluster: Cluster, namespace: str, tmp_path: Path, engine: str, document: Mapping[str, Any]
) -> None:
    outcome = {"argo": run_argo, "tekton": run_tekton}[engine](cluster, namespace, document)
    assert outcome.phase == "Failed"
    place = ("--engine", engine, "--from", "cluster", "--namespace", namespace)
    for name in (outcome.name, "odd"):
        result = couler(cluster, tmp_path, "why", name, *place, "--format", "json")
        assert result.returncode == 0, result.stderr
        said = json.loads(result.stdout)
        assert said["step"].rpartition("/")[2] == "load"
        assert (said["cause"]["name"], said["cause"]["class"]) == ("program-failed", "deterministic")
        assert said["log"] == ["token=***", "cannot read the table"]
        assert [step.rpartition("/")[2] for step in said["did_not_run"]] == ["fit"]
        assert said["run"]["name"] == outcome.name
