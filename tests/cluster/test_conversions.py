"""What is converted from one engine to the other runs there, with the same steps and the same values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.cluster import Cluster
from cluster.commands import couler
from cluster.conversion_cases import FROM_ARGO as FROM_ARGO_CASES
from cluster.conversion_cases import FROM_TEKTON as FROM_TEKTON_CASES
from cluster.running import run_argo, run_tekton

DOCUMENTS = Path(__file__).with_name("documents")
FROM_ARGO = {"make": {"num": "30"}, "add": {"result": "31"}, "large": {"said": "said 31"}}
FROM_TEKTON = {"make": {"num": "30"}, "say": {"said": "said 31"}, "bye": {}}
SAID = {"said.argo.yaml": FROM_ARGO, "said.tekton.yaml": FROM_TEKTON}
"""What each step hands out that runs; others are skipped."""
OTHER = {"said.argo.yaml": "tekton", "said.tekton.yaml": "argo"}


@pytest.mark.parametrize("name", list(SAID))
def test_steps_say_the_same_on_both_engines(cluster: Cluster, namespace: str, tmp_path: Path, name: str) -> None:
    made = couler(cluster, tmp_path, "convert", str(DOCUMENTS / name), "--to", OTHER[name])
    assert made.returncode == 0, made.stderr
    texts = [(DOCUMENTS / name).read_text(), made.stdout]
    (argo,), (tekton,) = (list(yaml.safe_load_all(text)) for text in sorted(texts))
    assert run_argo(cluster, namespace, argo, 300).phase == "Succeeded"
    assert run_tekton(cluster, namespace, tekton, 300).phase == "Succeeded"
    assert argo_steps(cluster, namespace) == tekton_steps(cluster, namespace) == SAID[name]


SOME = ("list", "object as a result", "ignored error", "init container", "skipped step", "workspace")
"""Cases that shell in the containers, or the engines' own conditions, make work; others are run by hand."""
CASES = [
    pytest.param(text, to, said, id=name, marks=[] if name in SOME else [pytest.mark.cluster_long])
    for to, cases in (("argo", FROM_TEKTON_CASES), ("tekton", FROM_ARGO_CASES))
    for name, (text, said) in cases.items()
]


@pytest.mark.parametrize(("text", "to", "said"), CASES)
def test_cases_say_the_same_on_both_engines(
    cluster: Cluster, namespace: str, tmp_path: Path, text: str, to: str, said: dict[str, Any]
) -> None:
    file = tmp_path / "case.yaml"
    file.write_text(text)
    made = couler(cluster, tmp_path, "convert", str(file), "--to", f"{to}{{image=busybox:1}}")
    assert made.returncode == 0, made.stderr
    argo, tekton = (yaml.safe_load(one) for one in ((made.stdout, text) if to == "argo" else (text, made.stdout)))
    assert run_argo(cluster, namespace, argo, 300).phase == "Succeeded"
    assert run_tekton(cluster, namespace, tekton, 300).phase == "Succeeded"
    found = argo_steps(cluster, namespace), tekton_steps(cluster, namespace)
    for steps in found:
        assert {name: steps[name]["r"].strip() if "r" in steps[name] else None for name in said} == {
            name: values["r"].strip() if "r" in values else None for name, values in said.items()
        }
    assert found[0].keys() == found[1].keys()


def argo_steps(cluster: Cluster, namespace: str) -> dict[str, Any]:
    """The parameters, and what was printed into one, that the steps of the only workflow hand out."""
    (workflow,) = cluster.api.list(namespace, "Workflow")
    read = str(workflow["spec"])
    found = {}
    for node in workflow["status"]["nodes"].values():
        if (node["type"], node["phase"]) == ("Pod", "Succeeded"):
            name = node["displayName"].removesuffix("(0)")  # the first attempt of several
            outputs = node.get("outputs", {})
            values = {item["name"]: item["value"] for item in outputs.get("parameters", [])}
            printed = {"result": outputs["result"]} if f"tasks.{name}.outputs.result" in read else {}
            found["bye" if name.endswith("onExit") else name] = values | printed
    return found


def tekton_steps(cluster: Cluster, namespace: str) -> dict[str, Any]:
    """The results of the tasks of the only PipelineRun."""
    return {
        run["metadata"]["labels"]["tekton.dev/pipelineTask"]: {
            item["name"]: item["value"] for item in run["status"].get("results", [])
        }
        for run in cluster.api.list(namespace, "TaskRun")
    }
