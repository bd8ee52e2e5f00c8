"""Trials that the engine runs by itself: the best setting is run, and one that fails counts for nothing."""

from __future__ import annotations

import json
from pathlib import Path

from cluster.cluster import Cluster
from cluster.commands import couler, dag, pipeline, written

SPACE = "data: {name: churn, metric: auc}\nspace:\n  rate: {type: log-float, low: 1e-3, high: 1}\n"
TRAIN = "import sys\nrate = RATE\nif rate > 0.5: sys.exit(3)\nopen('PLACE', 'w').write(str(1 - abs(rate - 0.01)))\n"
TUNE = "tune{trials=3,image=python:3}"


def best_of(settings: list[float]) -> float:
    return max(1 - abs(rate - 0.01) for rate in settings if rate <= 0.5)


def test_a_workflow_runs_with_the_best(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    train = {
        "name": "train",
        "metadata": {"annotations": {"couler.io/tune": SPACE}},
        "inputs": {"parameters": [{"name": "rate"}]},
        "outputs": {"parameters": [{"name": "auc", "valueFrom": {"path": "/tmp/auc"}}]},
        "script": {
            "image": "python:3",
            "command": ["python3"],
            "source": TRAIN.replace("RATE", "{{inputs.parameters.rate}}").replace("PLACE", "/tmp/auc"),
        },
    }
    given = {"arguments": {"parameters": [{"name": "rate", "value": "0.9"}]}}
    document = dag("tune-", [{"name": "train", "template": "train", **given}], [train])
    done = couler(cluster, tmp_path, "run", "-p", TUNE, written(tmp_path, document), "--namespace", namespace)
    assert done.returncode == 0, done.stdout + done.stderr
    (workflow,) = cluster.api.list(namespace, "Workflow")
    nodes = workflow["status"]["nodes"].values()
    trained = [node for node in nodes if (node["displayName"], node["type"]) == ("train", "Pod")]
    rates = {float(node["inputs"]["parameters"][0]["value"]): node["phase"] for node in trained}
    assert (len(trained), rates.pop(0.9)) == (4, "Failed"), "three trials, and the step itself"
    (last,) = [node for node in trained if node["boundaryID"] == workflow["metadata"]["name"]]
    assert last["outputs"]["parameters"][0]["value"] == str(best_of(list(rates)))


def test_a_pipeline_runs_with_the_best(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    script = TRAIN.replace("RATE", "$(params.rate)").replace("PLACE", "$(results.auc.path)")
    train = {
        "name": "train",
        "params": [{"name": "rate", "value": "0.9"}],
        "taskSpec": {
            "metadata": {"annotations": {"couler.io/tune": SPACE}},
            "params": [{"name": "rate", "type": "string"}],
            "results": [{"name": "auc"}],
            "steps": [{"name": "main", "image": "python:3", "script": f"#!/usr/bin/python3\n{script}"}],
        },
    }
    document = pipeline("tune-", [train], results=[{"name": "auc", "value": "$(tasks.train.results.auc)"}])
    done = couler(cluster, tmp_path, "run", "-p", TUNE, written(tmp_path, document), "--namespace", namespace)
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = cluster.api.list(namespace, "PipelineRun")
    (trials,) = [task for task in run["status"]["pipelineSpec"]["tasks"] if "matrix" in task]
    rates = [
        float(item["value"])
        for each in trials["matrix"]["include"]
        for item in each["params"]
        if item["name"] == "rate"
    ]
    assert (max(rates), done.stdout.splitlines()[1:]) == (0.9, [f"  auc = {best_of(rates)}"]), json.dumps(trials)
