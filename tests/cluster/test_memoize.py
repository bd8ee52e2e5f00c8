"""Argo's memoization: where it may keep results, for whom, and what eviction leaves of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from cluster.cluster import ADDRESS, BUCKET, S3_KEY, S3_PORT, S3_SECRET, Cluster
from cluster.commands import may
from cluster.running import run_argo

MEMOIZE = "dedupe,cache{via=memoize}"


def workflow(salt: str, wait: int = 0) -> dict[str, Any]:
    """A step that makes a file of its input, and one that reads it after some seconds."""
    make = "echo made of {{inputs.parameters.salt}} > /tmp/file"
    file = {"name": "file", "from": "{{tasks.make.outputs.artifacts.file}}"}
    salts = {"parameters": [{"name": "salt", "value": salt}]}
    templates = [
        {
            "name": "main",
            "dag": {
                "tasks": [
                    {"name": "make", "template": "make", "arguments": salts},
                    {"name": "wait", "template": "wait", "dependencies": ["make"]},
                    {
                        "name": "read",
                        "template": "read",
                        "dependencies": ["make", "wait"],
                        "arguments": {"artifacts": [file]},
                    },
                ]
            },
        },
        {
            "name": "make",
            "metadata": {"annotations": {"couler.io/cache": "pure"}},
            "inputs": {"parameters": [{"name": "salt"}]},
            "container": {"image": "busybox:1", "command": ["sh", "-c", make]},
            "outputs": {"artifacts": [{"name": "file", "path": "/tmp/file"}]},
        },
        {"name": "wait", "container": {"image": "busybox:1", "command": ["sleep", str(wait)]}},
        {
            "name": "read",
            "inputs": {"artifacts": [{"name": "file", "path": "/tmp/file"}]},
            "container": {"image": "busybox:1", "command": ["sh", "-c", "cp /tmp/file /tmp/read"]},
            "outputs": {"parameters": [{"name": "text", "valueFrom": {"path": "/tmp/read"}}]},
        },
    ]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "kept-"},
        "spec": {"entrypoint": "main", "templates": templates},
    }


def optimized(
    cluster: Cluster, folder: Path, document: Mapping[str, Any], pipeline: str = "", output: str = "optimized.yaml"
) -> dict[str, Any]:
    (folder / "workflow.yaml").write_text(yaml.safe_dump(document))
    passes = ("-p", pipeline) if pipeline else ()
    ran = cluster.run("couler", "optimize", *passes, "workflow.yaml", cwd=folder)
    assert ran.returncode == 0, ran.stderr
    (folder / output).write_text(ran.stdout)
    made: dict[str, Any] = yaml.safe_load(ran.stdout)
    return made


def evict(cluster: Cluster, *arguments: str, kubeconfig: Path | None = None) -> str:
    credentials = {"AWS_ACCESS_KEY_ID": S3_KEY, "AWS_SECRET_ACCESS_KEY": S3_SECRET}
    environment = {**cluster.environment(), **credentials, "AWS_ENDPOINT_URL": f"http://{ADDRESS}:{S3_PORT}"}
    environment |= {"KUBECONFIG": str(kubeconfig)} if kubeconfig else {}
    ran = cluster.run("couler", "cache", "evict", "--engine", "argo", *arguments, env=environment)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def hits(cluster: Cluster, namespace: str, name: str) -> dict[str, bool]:
    """Whether each memoized step was found in the cache."""
    nodes = cluster.api.get(namespace, "Workflow", name)["status"]["nodes"].values()
    told = {node["displayName"]: node.get("memoizationStatus") for node in nodes}
    return {name: status["hit"] for name, status in told.items() if status}


def test_the_default_pipeline_runs_under_the_roles_that_argo_ships(
    cluster: Cluster, namespace: str, stock: None, tmp_path: Path
) -> None:
    document = workflow(namespace)
    outcome = run_argo(cluster, namespace, optimized(cluster, tmp_path, document))
    assert (outcome.phase, outcome.messages) == ("Succeeded", {})
    # What it must not do: with these roles, every memoized step ends in an error.
    outcome = run_argo(cluster, namespace, optimized(cluster, tmp_path, document, MEMOIZE))
    assert outcome.phase in ("Failed", "Error")
    assert "configmaps is forbidden" in outcome.messages["make"]


def test_a_second_run_hits_and_another_namespace_does_not(
    cluster: Cluster, namespace: str, memoizing: None, tmp_path: Path
) -> None:
    document = optimized(cluster, tmp_path, workflow(namespace), MEMOIZE)
    first, second = run_argo(cluster, namespace, document), run_argo(cluster, namespace, document)
    assert hits(cluster, namespace, first.name) == {"make": False}
    assert hits(cluster, namespace, second.name) == {"make": True}
    items = cluster.api.list(namespace, "Workflow")
    (tmp_path / "runs.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    told = cluster.run("couler", "cache", "report", "runs.json", "--format", "json", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    (row,) = json.loads(told.stdout)["steps"]
    assert (row["workflow"], row["step"]) == ("kept", "main/make")
    assert (row["runs"], row["hits"], row["misses"]) == (2, 1, 1)
    assert row["seconds_saved"] > row["seconds_spent"]  # a hit has no pod: it ends in the second in which it begins
    other = f"{namespace}-other"
    cluster.add_namespace(other)
    try:
        add_repository(cluster, other)
        third = run_argo(cluster, other, document)
        assert (third.phase, third.messages) == ("Succeeded", {})
        assert hits(cluster, other, third.name) == {"make": False}
    finally:
        cluster.api.remove_namespace(other)
    assert first.outputs["read"] == second.outputs["read"] == third.outputs["read"] == {"text": f"made of {namespace}"}


def test_what_a_template_has_made_is_removed(cluster: Cluster, namespace: str, memoizing: None, tmp_path: Path) -> None:
    own = workflow(namespace)
    own["metadata"]["generateName"] = "removed-"  # no other test keeps results in these ConfigMaps
    document = optimized(cluster, tmp_path, own, MEMOIZE)
    first = run_argo(cluster, namespace, document)
    cluster.kubectl("delete", "workflow", first.name, "--namespace", namespace)  # then only the pod's name tells
    arguments = ("--engine", "argo", "--namespace", "argo", "--workflow", "removed", "--format", "json")
    other, made = (cluster.run("couler", "cache", "rm", *arguments, "--step", step) for step in ("read", "make"))
    assert (other.returncode, json.loads(other.stdout)["removed"]) == (0, [])
    (found,) = json.loads(made.stdout)["namespaces"]
    (entry,) = found["decisions"]
    assert (made.returncode, entry["outcome"], entry["reason"]) == (0, "evicted", "made by make")
    assert entry["figures"]["node"].startswith(first.name)
    second = run_argo(cluster, namespace, document)
    assert hits(cluster, namespace, second.name) == {"make": False}


def add_repository(cluster: Cluster, namespace: str) -> None:
    """Give a namespace an artifact repository of its own: another bucket."""
    bucket = f"http://{ADDRESS}:{S3_PORT}/{namespace}"
    assert cluster.run("curl", "--silent", "--fail", "--request", "PUT", bucket).returncode == 0
    secret = {
        name: {"name": "s3", "key": key} for name, key in (("accessKeySecret", "key"), ("secretKeySecret", "secret"))
    }
    place = {"s3": {"bucket": namespace, "endpoint": f"{ADDRESS}:{S3_PORT}", "insecure": True, **secret}}
    metadata = {
        "name": "artifact-repositories",
        "namespace": namespace,
        "annotations": {"workflows.argoproj.io/default-artifact-repository": "own"},
    }
    cluster.apply(
        [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"own": yaml.safe_dump(place)}}]
    )


def test_eviction_leaves_what_a_running_workflow_refers_to(
    cluster: Cluster, namespace: str, alone: None, tmp_path: Path
) -> None:
    document = optimized(cluster, tmp_path, workflow(namespace, wait=15), MEMOIZE)
    name = cluster.api.create(namespace, document)["metadata"]["name"]

    def waits() -> bool:
        nodes = cluster.api.get(namespace, "Workflow", name).get("status", {}).get("nodes", {}).values()
        return ("wait", "Running") in {(node["displayName"], node["phase"]) for node in nodes}

    cluster.wait_for("the step that waits", waits)
    arguments = ("--capacity", "0B", "--artifacts", f"s3://{BUCKET}", "--grace", "0s")
    # A first round removes the entry, a later one the file, if nothing refers to it.
    assert "evicted: not among those" in evict(cluster, "--namespace", "argo", *arguments)
    evict(cluster, "--namespace", "argo", *arguments)
    cluster.wait_for(
        "its end",
        lambda: cluster.api.get(namespace, "Workflow", name)["status"]["phase"] in ("Succeeded", "Failed", "Error"),
    )
    assert cluster.api.get(namespace, "Workflow", name)["status"]["phase"] == "Succeeded"


def test_eviction_needs_no_more_rights_than_install_grants(
    cluster: Cluster, namespace: str, memoizing: None, tmp_path: Path
) -> None:
    arguments = ("--namespace", "argo", "--image", "couler:1", "--", "--capacity", "1GB")
    written = cluster.run("couler", "cache", "install", *arguments)
    assert "grants argo/couler-cache-evict: list workflows.argoproj.io in all namespaces" in written.stderr
    (tmp_path / "evict.yaml").write_text(written.stdout)
    cluster.kubectl("apply", "--dry-run=server", "-f", str(tmp_path / "evict.yaml"))  # no CronWorkflow is to start
    cluster.apply([item for item in yaml.safe_load_all(written.stdout) if item["kind"] != "CronWorkflow"])
    cluster.wait_for("the right", lambda: may(cluster, "argo", "couler-cache-evict", "list", "configmaps"))
    token = cluster.api.token("argo", "couler-cache-evict")
    config = json.loads((cluster.folder / "etc" / "admin.kubeconfig").read_text())
    config["users"][0]["user"] = {"token": token}
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    told = evict(cluster, "--namespace", "argo", "--capacity", "1GB", kubeconfig=tmp_path / "kubeconfig")
    assert "workflows are running" in told
