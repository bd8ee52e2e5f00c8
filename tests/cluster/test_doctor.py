"""`couler doctor`, and what is refused before it would fail."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from cluster.cluster import Cluster
from cluster.test_memoize import MEMOIZE, optimized, workflow


def test_it_tells_what_the_roles_that_argo_ships_lack(
    cluster: Cluster, namespace: str, stock: None, tmp_path: Path
) -> None:
    found = cluster.run("couler", "doctor", "--engine", "argo")
    assert found.returncode == 1, found.stderr
    lacks = "argo: cache{via=memoize}: missing: argo/argo may not create, update configmaps in argo\n"
    assert lacks + "    couler cache install --namespace argo | kubectl apply -f -\n" in found.stdout
    assert found.stdout.startswith("cluster: reached: ok: Kubernetes v1.34.4 at ")
    # Without a word about the cache it would run, and each memoized step would end in an error.
    optimized(cluster, tmp_path, workflow(namespace), MEMOIZE, "memoized.yaml")
    ran = cluster.run("couler", "run", "memoized.yaml", "--namespace", namespace, cwd=tmp_path)
    assert ran.returncode == 3
    assert "argo/argo may not create, update configmaps in argo" in ran.stderr
    assert "couler cache install --namespace argo | kubectl apply -f -" in ran.stderr
    assert cluster.api.list(namespace, "Workflow") == []


def test_nothing_is_missing_once_the_role_is_there(cluster: Cluster, memoizing: None) -> None:
    found = cluster.run("couler", "doctor", "--format", "json")
    assert found.returncode == 0, found.stderr
    checks = json.loads(found.stdout)["checks"]
    here = {"cluster", "argo", "tekton"}
    overheads = [item for item in checks if item["feature"] == "fuse"]  # unknown before any workflow has run there
    assert [item["engine"] for item in overheads] == ["argo", "tekton"]
    assert {(item["engine"], item["state"]) for item in checks if item["engine"] in here and item not in overheads} == {
        (name, "ok") for name in here
    }


def test_who_has_no_rights_is_told_so(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    token = cluster.api.token(namespace, "default")
    config = json.loads((cluster.folder / "etc" / "admin.kubeconfig").read_text())
    config["users"][0]["user"] = {"token": token}
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    (tmp_path / "workflow.yaml").write_text(yaml.safe_dump(workflow(namespace)))
    environment = {**cluster.environment(), "KUBECONFIG": str(tmp_path / "kubeconfig")}
    found = cluster.run("couler", "doctor", "--namespace", namespace, env=environment)
    assert found.returncode == 1, found.stderr
    assert f"argo: run: missing: you may not create, get workflows in {namespace}\n" in found.stdout
    assert f"tekton: run: missing: you may not create, get pipelineruns in {namespace}\n" in found.stdout
    assert "argo: controller: unknown: no controller was found" in found.stdout
    ran = cluster.run("couler", "run", "workflow.yaml", "--namespace", namespace, cwd=tmp_path, env=environment)
    assert ran.returncode == 3
    assert f"you may not create workflows in {namespace}" in ran.stderr
