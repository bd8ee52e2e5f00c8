"""Chains of real workflows run as they are, and as one pod, with programs that only note how they are called."""

from __future__ import annotations

import json
import re
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.argo.fuse.chains import fused, ran, template_of, workflow
from couler_plugins.documents.mappings import without
from oracles.argo_oracle import build
from support import shared

CLIMATE, CRAY = "ClimateImpactLab__downscaleCMIP6/workflows", "Cray-HPE__docs-csm/workflows"
CHAINS = {
    "regrid": (CLIMATE, "regrid-cmip6-*", "regrid-cmip6", "move-chunks-to-time regrid move-chunks-to-space"),
    "download": (CLIMATE, "download-cmip6", "download-cmip6", "get-destination-url download"),
    "concatenate": (CLIMATE, "clean-cmip6", "process-ssp", "concatenate-hist-to-ssp validate-ssp"),
    "reference": (CLIMATE, "create-pr-references", "create-pr-references", "qdm-wdf-precorrection rechunk-for-qdm"),
    "cap": (
        CLIMATE,
        "biascorrectdownscale-precipitation",
        "biascorrectdownscale",
        "cap-max-biascorrected-precip validate-biascorrected",
    ),
    "catalog": (CRAY, "add-product-to-product-catalog", "main", "update-product-catalog end-operation"),
    "rollout": (CRAY, "management-two-master-nodes-rollout", "main", "upgrade-m002 upgrade-m003"),
    "cilium": (CRAY, "migrate-cilium", "main", "cordon drain promote-cilium restart-daemonsets uncordon wait-for-pods"),
}
"""By name: the folder, the workflow, its graph, and the steps of a chain."""
SETS = {"catalog", "rollout", "cilium"}
"""Those of several images, or whose steps leave files."""
WORDS = "fuse{allow=files|name,keep-original=false}"
PROGRAMS = ("dodola", "catalog_update", "ssh", "scp", "kubectl", "curl")
NOTED = "PRODUCT|PRODUCT_VERSION|CONFIG_MAP|CONFIG_MAP_NAMESPACE|YAML_CONTENT_STRING|IN1_ZARR|OUT_ZARR|OUTPATH|TABLE_ID"
PROGRAM = f"""#!/bin/sh
{{ echo "== ${{0##*/}}"; for word; do echo "[$word]"; done; env | grep -E '^({NOTED})=' | sort; }} >> "$NOTES"
echo "${{0##*/}} ran"
"""
MODULE = """\
import atexit, os, re, sys
from unittest.mock import MagicMock
calls = MagicMock()
calls.open_esm_datastore().search().to_dataset_dict().keys.return_value = ["one"]
name = __name__
def note():
    with open(os.environ["NOTES"], "a") as file:
        file.write("== " + name + re.sub(r" id='\\d+'", "", repr(calls.mock_calls)) + chr(10))
atexit.register(note)
sys.modules[__name__] = calls
"""
TAG = re.compile(r"\{\{.*?\}\}", re.DOTALL)


@cache
def documents(folder: Path) -> list[Any]:
    whole: list[Any] = []
    for path in sorted(folder.rglob("*.yaml")):
        try:
            whole += yaml.load_all(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except yaml.YAMLError:
            continue  # a template of Helm or Go
    return [item for item in whole if isinstance(item, dict) and item.get("kind") in ("WorkflowTemplate", "Workflow")]


def constant(tag: str, step: str) -> str:
    plain = {"overwrite": "true", "version": "1"}
    return next((text for key, text in plain.items() if key in tag), f"{step}-{re.sub(r'[^a-z]+', '-', tag)}")


def chain_of(folder: Path, name: str, graph: str, steps: list[str]) -> Any:
    """A workflow of the chain alone, which gets texts in the place of all that is outside of it."""
    by_name = {
        item["metadata"].get("name", item["metadata"].get("generateName", "") + "*"): item["spec"]
        for item in documents(folder)
    }
    own = {item["name"]: item for item in by_name[name]["templates"]}
    items = own[graph]["dag"]["tasks"] if "dag" in own[graph] else [*chain.from_iterable(own[graph]["steps"])]
    tasks: list[Any] = []
    templates: dict[str, Any] = {}
    outputs: dict[str, str] = {}

    def here(text: Any, step: str) -> str:
        inside = rf"\{{\{{\s*(?:tasks|steps)\.({'|'.join(map(re.escape, steps))})\.(.*?)\s*\}}\}}"
        parts = re.split(inside, str(text))
        parts[::3] = [TAG.sub(lambda tag: constant(tag[0], step), part) for part in parts[::3]]
        return "".join(
            f"{{{{tasks.{part}." if n % 3 == 1 else f"{part}}}}}" if n % 3 else part for n, part in enumerate(parts)
        )

    for number, step in enumerate(steps):
        item = next(one for one in items if one["name"] == step)
        place = item.get("templateRef") or {"name": name, "template": item["template"]}
        template = next(one for one in by_name[place["name"]]["templates"] if one["name"] == place["template"])
        own_name = f"{place['name']}-{place['template']}"
        template = without(template, "retryStrategy", "activeDeadlineSeconds", "metadata")
        templates[own_name] = {**template, "name": own_name}
        passed = [
            {"name": one["name"], "value": here(one.get("value", one["name"]), step)}
            for one in (item.get("arguments") or {}).get("parameters", ())
        ]
        depends = {"depends": steps[number - 1]} if number else {}
        tasks.append({"name": step, "template": own_name, **depends, "arguments": {"parameters": passed}})
        for one in (template.get("outputs") or {}).get("parameters", ()):
            outputs[f"o{len(outputs)}"] = f"{{{{tasks.{step}.outputs.parameters.{one['name']}}}}}"
    if "catalog" in by_name:  # shows that the image has Python
        templates |= {"python": {**by_name["catalog"]["templates"][-1], "name": "python"}}
    text = json.dumps(workflow(tasks, list(templates.values()), {} if CRAY in str(folder) else outputs))
    return json.loads(text.replace("/tmp/url.txt", "/tmp/couler/url.txt"))


def alike(notes: str, pod: str = r"P\d+P(?:-[a-z0-9-]+)?(?=/)") -> str:
    """What programs noted, with numbers for the names of pods, in the order in which they come."""
    names: dict[str, str] = {}
    return re.sub(pod, lambda name: names.setdefault(name[0], f"<{len(names)}>"), notes)


def chain_named(name: str) -> Any:
    folder, title, graph, steps = CHAINS[name]
    return chain_of(shared("corpus", "field", folder), title, graph, steps.split())


@pytest.mark.oracle
def test_argo_takes_the_pods_of_real_chains(tmp_path_factory: pytest.TempPathFactory) -> None:
    oracle = build(tmp_path_factory)
    pods = [fused(chain_named(name), WORDS) for name in CHAINS]
    assert [verdict.error for (verdict,) in oracle.judge([pod] for pod in pods)] == [None] * len(CHAINS)


@pytest.mark.parametrize("name", CHAINS)
def test_a_real_chain_does_in_one_pod_what_its_steps_do(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = chain_named(name)
    whole = fused(document, WORDS)
    (task,) = template_of(whole, "main")["dag"]["tasks"]
    assert ("containerSet" in template_of(whole, task["template"])) is (name in SETS)
    tools = tmp_path / "tools"
    tools.mkdir()
    for program in PROGRAMS:
        (tools / program).write_text(PROGRAM)
        (tools / program).chmod(0o755)
    (tools / "base64").write_text("#!/bin/sh\nexec cat\n")  # in a pipe, beside a program that notes
    (tools / "base64").chmod(0o755)
    for module in ("xarray", "intake", "zarr", "dodola"):
        (tools / f"{module}.py").write_text(MODULE)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.setenv("PYTHONPATH", str(tools))
    runs: list[str] = []
    for number, one in enumerate((document, whole)):
        home = tmp_path / str(number)
        home.mkdir()
        monkeypatch.chdir(home)
        monkeypatch.setenv("NOTES", str(home / "notes"))
        state, outputs = ran(one, home / "run")
        assert state == "Succeeded", [path.read_text() for path in home.rglob("stderr")]
        runs.append(alike(json.dumps(outputs) + (home / "notes").read_text()))
    assert runs[0] == runs[1]
    assert runs[0].count("== ") >= 1
