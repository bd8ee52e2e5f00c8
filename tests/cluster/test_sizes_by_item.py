"""Memory by item of a loop: the real controller gives each pod what `rightsize{by-item=true}` wrote for its item."""

from __future__ import annotations

from pathlib import Path

from cluster.cluster import Cluster
from cluster.commands import busybox, couler, written
from couler_plugins.runs import Attempt, ContainerUse, Run, StepRun
from couler_plugins.runs.history_file import line_of

MIB = 2**20
PEAKS = {"small": 20, "a/b": 70, "large": 150}
"""Mebibytes that past attempts of each item used."""
NODE = "workflows.argoproj.io/node-id"
ITEMS = [*PEAKS, "new"]
LOOP = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Workflow",
    "metadata": {"generateName": "items-"},
    "spec": {
        "entrypoint": "main",
        "templates": [
            {
                "name": "main",
                "steps": [
                    [
                        {
                            "name": "each",
                            "template": "print",
                            "arguments": {"parameters": [{"name": "the-item", "value": "{{item}}"}]},
                            "withItems": ITEMS,
                        }
                    ]
                ],
            },
            busybox("print", "true", inputs={"parameters": [{"name": "the-item"}]}),
        ],
    },
}


def past_run(number: int) -> Run:
    steps = []
    for place, (item, peak) in enumerate(PEAKS.items()):
        tried = Attempt(succeeded=True, containers=(ContainerUse(container="main", memory=peak * MIB, cpu=0.1),))
        name = f"main/each({place}:{item})"
        steps.append(StepRun(step=name, site="main/each", type="print", spec=name, key=name, tries=(tried,)))
    return Run(family="items", name=f"items-{number}", engine="argo", at=float(number), steps=tuple(steps))


def test_pods_of_items_get_their_memory(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    history = b"".join(line_of(past_run(number)) + b"\n" for number in range(1, 4))
    (tmp_path / "history.jsonl").write_bytes(history)
    passes = ("-p", "rightsize{by-item=true,min-memory=32Mi}", "--history", "history.jsonl")
    sized = couler(cluster, tmp_path, "optimize", written(tmp_path, LOOP), *passes)
    assert sized.returncode == 0, sized.stderr
    assert "podSpecPatch" in sized.stdout
    ran = couler(cluster, tmp_path, "run", "-", "--namespace", namespace, input=sized.stdout)
    assert ran.returncode == 0, ran.stderr
    (workflow,) = cluster.api.list(namespace, "Workflow")
    nodes = {node["displayName"]: node for node in workflow["status"]["nodes"].values() if node["type"] == "Pod"}
    pods = {
        pod["metadata"]["annotations"]["workflows.argoproj.io/node-id"]: pod
        for pod in cluster.api.list(namespace, "Pod")
    }
    memory = {}
    for place, item in enumerate(ITEMS):
        pod = pods[nodes[f"each({place}:{item})"]["id"]]
        (main,) = [each for each in pod["spec"]["containers"] if each["name"] == "main"]
        assert main["resources"]["requests"]["memory"] == main["resources"]["limits"]["memory"]
        memory[item] = main["resources"]["requests"]["memory"]
    assert memory == {"small": "32Mi", "a/b": "80Mi", "large": "176Mi", "new": "304Mi"}
