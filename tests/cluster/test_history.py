"""What a live status says of past runs, and what documents in the cluster give back."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cluster.cluster import Cluster
from cluster.commands import busybox, couler, dag, pipeline, task, written
from couler_argo.plugin import couler_runs as argo_runs
from couler_plugins.documents import Document
from couler_tekton.plugin import couler_runs as tekton_runs

NAP = dag(
    "nap-",
    [{"name": "quick", "template": "quick"}, {"name": "slow", "template": "slow", "depends": "quick"}],
    [busybox("quick", "true"), busybox("slow", "sleep 6")],
)
NAP_TASKS = pipeline("nap-", [task("quick", "true"), task("slow", "sleep 6", runAfter=["quick"])])
RUNS = {"argo": argo_runs, "tekton": tekton_runs}
KINDS = {"argo": (NAP, ["Workflow"]), "tekton": (NAP_TASKS, ["PipelineRun", "TaskRun"])}


@pytest.mark.parametrize("engine", list(KINDS))
def test_times_of_steps_are_read_from_a_live_status(
    cluster: Cluster, namespace: str, tmp_path: Path, engine: str
) -> None:
    workflow, kinds = KINDS[engine]
    done = couler(cluster, tmp_path, "run", written(tmp_path, workflow), "--namespace", namespace)
    assert done.returncode == 0, done.stderr
    items = [item for kind in kinds for item in cluster.api.list(namespace, kind)]
    document = Document("runs.json", 0, {"apiVersion": "v1", "kind": "List", "items": items}, 1, "")
    (run,) = RUNS[engine](document)
    assert (run.family, run.whole, [ran.fate for ran in run.steps]) == ("nap", True, ["computed", "computed"])
    quick, slow = run.steps
    assert [ran.step.rpartition("/")[2] for ran in run.steps] == ["quick", "slow"]
    assert (quick.parents, slow.parents) == ((), (0,))
    assert slow.seconds is not None
    assert slow.seconds >= 6
    assert quick.seconds is not None  # which is how long its pod took to start: on a busy machine more than the other
    times = [time for attempt in (*quick.tries, *slow.tries) for time in (attempt.start, attempt.end)]
    assert len(times) == 4
    assert times == sorted(time for time in times if time is not None)
    pods = {item["metadata"]["name"]: item for item in cluster.api.list(namespace, "Pod")}
    for attempt in (*quick.tries, *slow.tries):
        spec = pods[attempt.pod]["spec"]
        assert (attempt.namespace, attempt.succeeded, attempt.exit_code) == (namespace, True, 0)
        assert attempt.node in ("", spec["nodeName"])
        assert {item.container for item in attempt.containers} <= {item["name"] for item in spec["containers"]}


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
    assert cluster.api.list(namespace, KINDS[engine][1][0]) == []
