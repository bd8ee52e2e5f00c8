"""Every optimizer that changes Argo's workflows, on the roles that Argo ships: no step fails."""

from __future__ import annotations

import json
import re
import subprocess
import uuid
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from cluster.cluster import BUCKET, Cluster
from cluster.commands import busybox, dag
from cluster.corpus.observing import STORE
from cluster.test_tune import SPACE
from couler_plugins import optimize
from couler_plugins.api import Text
from couler_plugins.options.config import Config, load_config
from couler_plugins.plugins import OPTIMIZERS, load_plugins

ELSEWHERE = {"extract", "parallelize", "prioritize", "rightsize"}
"""An optimizer of another engine, and three that find nothing to do here: they have live tests of their own."""
WRAPPER = "cache{{via=wrapper,store={store},secret=store,image={image},cpu=none,memory=none}}"
PIPELINES = (
    ("dedupe", "prune", "pin{{map={images}}}"),
    (WRAPPER,),
    ("declare", WRAPPER),
    ("guard",),
    ("fuse{{allow=files,keep-original=false}}",),
    ("queue{{name=user}}",),
    ("split{{max-steps=2,into=graphs}}",),
    ("split{{max-steps=1,into=workflows}}",),
    ("tune{{trials=2,image=python:3}}",),
)
"""What is run; each pass changes the workflow by itself."""
ROW = '[[cache.declare]]\ntask = "one"\nversion = "2"\n'
"""What `declare` writes into the workflow."""
LIMIT = 400.0


def workflow(prefix: str) -> dict[str, Any]:
    """A chain of three steps: two templates that are the same but for their names, and one with something to tune."""
    template = {
        "metadata": {"annotations": {"couler.io/cache": "pure"}},
        "inputs": {"parameters": [{"name": "word"}]},
        "outputs": {"parameters": [{"name": "text", "valueFrom": {"path": "/tmp/text"}}]},
    }
    script = "echo {{inputs.parameters.word}}b > /tmp/text"
    tuned = {
        "metadata": {"annotations": {"couler.io/tune": SPACE}},
        "inputs": {"parameters": [{"name": "rate"}]},
        "outputs": {"parameters": [{"name": "auc", "valueFrom": {"path": "/tmp/auc"}}]},
    }
    word, rate = ({"arguments": {"parameters": [{"name": name, "value": "a"}]}} for name in ("word", "rate"))
    rate["arguments"]["parameters"][0]["value"] = "0.1"
    read = {"arguments": {"parameters": [{"name": "word", "value": "{{tasks.one.outputs.parameters.text}}"}]}}
    return dag(
        prefix,
        [
            {"name": "one", "template": "one", **word},
            {"name": "two", "template": "two", "depends": "one", **read},
            {"name": "train", "template": "train", **rate},
        ],
        [
            busybox("one", script, **template),
            busybox("two", script, **template),
            busybox("train", "echo {{inputs.parameters.rate}} > /tmp/auc", **tuned),
            busybox("never", "true"),
        ],
    )


def test_no_pass_needs_more_than_argo_ships(cluster: Cluster, namespace: str, stock: None, tmp_path: Path) -> None:
    passes = {step.partition("{")[0] for pipeline in PIPELINES for step in pipeline}
    assert passes | ELSEWHERE == set(load_plugins(load_config()).all(OPTIMIZERS))
    cluster.api.create(namespace, STORE)
    images = tmp_path / "images.json"
    images.write_text(json.dumps({"busybox:1": digest(cluster, "busybox:1")}))
    words = {
        "store": f"s3://{BUCKET}/cache-{uuid.uuid4().hex[:8]}",
        "image": cluster.image("couler"),
        "images": str(images),
    }
    (tmp_path / "couler.toml").write_text(ROW)
    for number, pipeline in enumerate(PIPELINES):
        config = load_config(start=tmp_path, environ={}) if "declare" in pipeline else Config()
        make = partial(optimize, engine="argo", config=config)
        text = Text(yaml.safe_dump(workflow(f"stock{number}-")))
        written = [step.format(**words) for step in pipeline]
        assert all(make(text, step).changed for step in written)
        documents = yaml.safe_dump_all(make(text, ",".join(written)).documents)
        cluster.kubectl("create", "--namespace", namespace, "-f", "-", input=documents)

    def unfinished() -> list[dict[str, Any]]:
        runs = cluster.api.list(namespace, "Workflow")
        return [run for run in runs if run.get("status", {}).get("phase") not in ("Succeeded", "Failed", "Error")]

    cluster.wait_for("the end of all", lambda: not unfinished(), LIMIT)
    runs = cluster.api.list(namespace, "Workflow")
    nodes = [node for run in runs for node in run["status"]["nodes"].values()]
    failed = {
        node["displayName"]: node.get("message") for node in nodes if node["phase"] not in ("Succeeded", "Skipped")
    }
    assert ({run["status"]["phase"] for run in runs}, failed) == ({"Succeeded"}, {})
    outputs = [
        item for node in nodes for item in node.get("outputs", {}).get("parameters", ()) if node["type"] == "Pod"
    ]
    texts = [item["value"] for item in outputs if item["name"] in ("text", "two-text")]  # as `fuse` calls the second
    assert texts.count("abb") == len(PIPELINES)


def digest(cluster: Cluster, image: str) -> str:
    """The digest of an image of the node, which has it by that from now on, as if it had been pulled."""
    enter = ["nsenter", f"--mount=/proc/{cluster.init}/ns/mnt", f"--net=/proc/{cluster.init}/ns/net"]
    ctr = [*enter, "ctr", "--address", str(cluster.folder / "containerd.sock"), "--namespace", "k8s.io", "images"]
    name = f"docker.io/library/{image}"
    listed = subprocess.run([*ctr, "list", f"name=={name}"], capture_output=True, text=True, check=True).stdout
    (found,) = re.findall("sha256:[0-9a-f]{64}", listed)
    subprocess.run(
        [*ctr, "tag", "--force", name, f"{name.rpartition(':')[0]}@{found}"], check=True, capture_output=True
    )
    return str(found)
