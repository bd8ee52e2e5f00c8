"""Names that Kubernetes takes: pods are called after templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from cluster.cluster import Cluster
from cluster.running import run_argo
from support import ROOT

DIAMOND = ROOT / "tests" / "authoring" / "golden" / "diamond.argo.yaml"
DAG = """
from airflow.sdk import DAG
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

with DAG("Load_Data", schedule=None):
    KubernetesPodOperator(task_id="Load_Data", image="busybox:1", cmds=["echo"], arguments=["loaded"])
"""


def local(document: Any) -> Any:
    """The document with an image that the cluster has, and a command that it knows."""
    text = yaml.safe_dump(document).replace("docker/whalesay:latest", "busybox:1").replace("cowsay", "echo")
    return yaml.safe_load(text)


def test_the_diamond_of_the_paper_runs(cluster: Cluster, namespace: str) -> None:
    outcome = run_argo(cluster, namespace, local(yaml.safe_load(DIAMOND.read_text())))
    assert (outcome.phase, outcome.messages) == ("Succeeded", {})


def test_a_converted_dag_runs(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    (tmp_path / "load.py").write_text(DAG)
    made = cluster.run("couler", "convert", "load.py", "--to", "argo", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    documents = list(yaml.safe_load_all(made.stdout))
    outcome = run_argo(cluster, namespace, documents[0])
    assert (outcome.phase, outcome.messages) == ("Succeeded", {})
