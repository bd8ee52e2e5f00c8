"""What a live status says of past runs, and what documents in the cluster give back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from cluster.cluster import Cluster
from cluster.commands import busybox, couler, dag, listed, pipeline, task, written

NAP = dag(
    "nap-",
    [{"name": "quick", "template": "quick"}, {"name": "slow", "template": "slow", "depends": "quick"}],
    [busybox("quick", "true"), busybox("slow", "sleep 6")],
)
NAP_TASKS = pipeline("nap-", [task("quick", "true"), task("slow", "sleep 6", runAfter=["quick"])])
KINDS = {"argo": (NAP, "workflows"), "tekton": (NAP_TASKS, "pipelineruns,taskruns")}


@pytest.mark.parametrize("engine", list(KINDS))
def test_times_of_steps_are_read_from_a_live_status(
    cluster: Cluster, namespace: str, tmp_path: Path, engine: str
) -> None:
    document, kinds = KINDS[engine]
    done = couler(cluster, tmp_path, "run", written(tmp_path, document), "--namespace", namespace)
    assert done.returncode == 0, done.stderr
    (tmp_path / "runs.json").write_text(cluster.kubectl("get", kinds, "--namespace", namespace, "-o", "json"))
    told = couler(cluster, tmp_path, "simulate", "w.yaml", "--history", "runs.json", "--format", "json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == {}


@pytest.mark.parametrize("engine", list(KINDS))
def test_what_was_split_comes_back_from_the_cluster(
    cluster: Cluster, namespace: str, tmp_path: Path, engine: str
) -> None:
    text = f"# of the owner's\n{yaml.safe_dump(KINDS[engine][0])}"
    (tmp_path / "w.yaml").write_text(text)
    split = ["-p", "split{max-steps=1}", "w.yaml"]
    cut = couler(cluster, tmp_path, "optimize", *split, "-o", "split/")
    assert cut.returncode == 0, cut.stderr
    cluster.kubectl("apply", "--namespace", namespace, "-f", "split/added.yaml", cwd=tmp_path)
    kept = cluster.kubectl("get", "configmap", "--namespace", namespace, "-l", "couler.io/original", "-o", "yaml")
    back = couler(cluster, tmp_path, "rollback", input=kept)
    assert (back.returncode, back.stdout) == (0, text), back.stderr
    assert listed(cluster, namespace, "workflows" if engine == "argo" else "pipelineruns") == []
