"""Calls commands of couler on the cluster, as a person does, and looks at what is there afterwards."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from cluster.cluster import Cluster

__all__ = ["busybox", "couler", "dag", "killed_once", "may", "pipeline", "task", "written"]

LIMIT = 300
"""Seconds that a command may take."""


def couler(cluster: Cluster, folder: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `couler` in a folder."""
    return cluster.run("couler", *arguments, cwd=folder, timeout=LIMIT, **options)


def killed_once(cluster: Cluster, folder: Path, when: str, *arguments: str) -> str:
    """Run `couler` and kill it as soon as it says something; return what it had said by then."""
    said: list[str] = []
    command = cluster.inside("couler", *arguments)
    with subprocess.Popen(
        command, cwd=folder, env=cluster.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr is not None
        for line in running.stderr:
            said.append(line)
            if when in line:
                running.kill()
                break
    assert running.returncode == -9, said
    return "".join(said)


def may(cluster: Cluster, namespace: str, account: str, verb: str, kind: str) -> bool:
    """Whether a service account may do something: the API server heeds a role somewhat later than it takes it."""
    user = f"system:serviceaccount:{namespace}:{account}"
    return cluster.run("kubectl", "auth", "can-i", verb, kind, "--namespace", namespace, "--as", user).returncode == 0


def busybox(name: str, script: str, **fields: Any) -> dict[str, Any]:
    """A template of Argo that runs a shell script."""
    return {"name": name, "container": {"image": "busybox:1", "command": ["sh", "-c", script]}, **fields}


def dag(
    prefix: str, tasks: Sequence[Mapping[str, Any]], templates: Sequence[Mapping[str, Any]], **spec: Any
) -> dict[str, Any]:
    """A workflow of Argo whose entrypoint is a DAG."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": prefix},
        "spec": {"entrypoint": "main", "templates": [{"name": "main", "dag": {"tasks": list(tasks)}}, *templates]}
        | spec,
    }


def task(name: str, *scripts: str, **fields: Any) -> dict[str, Any]:
    """A task of a pipeline, with a step for each shell script; results are declared in `fields`."""
    results = [{"name": result} for result in fields.pop("results", ())]
    steps = [
        {"name": f"s{number}", "image": "busybox:1", "script": f"#!/bin/sh\n{script}\n"}
        for number, script in enumerate(scripts)
    ]
    params = [{"name": item["name"]} for item in fields.get("params", ())]
    return {"name": name, "taskSpec": {"params": params, "results": results, "steps": steps}, **fields}


def pipeline(prefix: str, tasks: Sequence[Mapping[str, Any]], **spec: Any) -> dict[str, Any]:
    """A PipelineRun that holds its pipeline."""
    return {
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": {"generateName": prefix},
        "spec": {"pipelineSpec": {"tasks": list(tasks), **spec}},
    }


def written(folder: Path, document: Mapping[str, Any], name: str = "w.yaml") -> str:
    """The name of a file that holds the document."""
    (folder / name).write_text(yaml.safe_dump(dict(document)))
    return name
