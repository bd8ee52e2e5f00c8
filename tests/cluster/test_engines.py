"""The engines by themselves: what the other tests stand on."""

from __future__ import annotations

from cluster.cluster import Cluster
from cluster.running import run_argo, run_tekton

ARGO = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Workflow",
    "metadata": {"generateName": "hello-"},
    "spec": {
        "entrypoint": "main",
        "templates": [
            {
                "name": "main",
                "dag": {
                    "tasks": [
                        {"name": "made", "template": "make"},
                        {
                            "name": "read",
                            "template": "read",
                            "dependencies": ["made"],
                            "arguments": {
                                "artifacts": [{"name": "file", "from": "{{tasks.made.outputs.artifacts.file}}"}]
                            },
                        },
                    ]
                },
            },
            {
                "name": "make",
                "container": {"image": "busybox:1", "command": ["sh", "-c", "echo ünïcode > /tmp/file"]},
                "outputs": {"artifacts": [{"name": "file", "path": "/tmp/file"}]},
            },
            {
                "name": "read",
                "inputs": {"artifacts": [{"name": "file", "path": "/tmp/file"}]},
                "script": {
                    "image": "python:3",
                    "command": ["python3"],
                    "source": "open('/tmp/text', 'w').write(open('/tmp/file').read().strip())",
                },
                "outputs": {"parameters": [{"name": "text", "valueFrom": {"path": "/tmp/text"}}]},
            },
        ],
    },
}
TEKTON = {
    "apiVersion": "tekton.dev/v1",
    "kind": "PipelineRun",
    "metadata": {"generateName": "hello-"},
    "spec": {
        "pipelineSpec": {
            "tasks": [
                {
                    "name": "say",
                    "taskSpec": {
                        "results": [{"name": "said"}],
                        "steps": [
                            {
                                "name": "say",
                                "image": "busybox:1",
                                "script": "#!/bin/sh\nprintf %s hello > $(results.said.path)\n",
                            }
                        ],
                    },
                }
            ],
            "results": [{"name": "said", "value": "$(tasks.say.results.said)"}],
        }
    },
}


def test_argo_hands_files_on_over_the_s3(cluster: Cluster, namespace: str) -> None:
    outcome = run_argo(cluster, namespace, ARGO)
    assert (outcome.phase, outcome.outputs["read"]) == ("Succeeded", {"text": "ünïcode"})


def test_tekton_gives_results(cluster: Cluster, namespace: str) -> None:
    outcome = run_tekton(cluster, namespace, TEKTON)
    assert (outcome.phase, outcome.outputs) == ("Succeeded", {"said": "hello"})
