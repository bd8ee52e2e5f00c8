"""`couler resume`: what is written and said, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.argo.statuses import node
from adapters.argo.test_resume import failed, leaf, task
from cli.conftest import Couler
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.resuming import verdicts
from kfp_history import PIPELINE
from kfp_history import run as answered
from kfp_history import task as task_nodes
from pluginbox import PluginBox
from support import ROOT

PAGE = (ROOT / "docs" / "resume.md").read_text(encoding="utf-8")


@pytest.fixture
def resume(couler_command: Couler, plugin_box: PluginBox) -> Couler:
    """Runs `couler resume` where a run of Argo that failed is in `run.json`; its file is `train.yaml`."""
    for name in ("argo", "tekton", "kfp", "airflow"):
        plugin_box.declare(f"engine-{name}", f"couler_{name}.plugin")
    names = ["fetch", "clean", "train", "report"]
    tasks = [task(name, *names[max(0, number - 1) : number]) for number, name in enumerate(names)]
    tasks[2]["arguments"] = {"parameters": [{"name": "rows", "value": "{{tasks.clean.outputs.result}}"}]}
    templates = [leaf(name) for name in names]
    templates[2]["inputs"] = {"parameters": [{"name": "rows"}]}
    phases = dict(zip(names, ("Succeeded", "Succeeded", "Failed"), strict=False))
    nodes = {name: node("Pod", name, phase=phase, outputs={"result": "7"}) for name, phase in phases.items()}
    run = failed(tasks, templates, nodes)
    whole = json.loads(json.dumps(run).replace("wf-abc", "train-x7k2p"))
    whole["metadata"]["generateName"] = "train-"
    Path("run.json").write_text(json.dumps(whole))
    file = {key: whole[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": {"generateName": "train-"}}
    Path("train.yaml").write_text(f"# how we train\n{yaml.safe_dump(file, sort_keys=False)}")
    return lambda *arguments, **options: couler_command("resume", *arguments, **options)


def test_the_page_shows_what_the_command_says(resume: Couler) -> None:
    command, *said = PAGE.split("```console\n$ couler resume ")[1].split("```")[0].splitlines()
    done = resume(*command.split())
    assert (done.exit_code, done.stderr.splitlines(), done.stdout) == (0, said, "")
    text = Path("rest.yaml").read_text()
    assert text.startswith("# how we train\n")
    new = yaml.safe_load(text)
    assert new["metadata"] == {"generateName": "train-", "annotations": {"couler.io/resumes": "train-x7k2p"}}
    train, report = new["spec"]["templates"][0]["dag"]["tasks"]
    assert train == {
        "name": "train",
        "template": "train",
        "arguments": {"parameters": [{"name": "rows", "value": "7"}]},
    }
    assert report["depends"] == "train"


def test_without_a_file_the_workflow_of_the_run_is_printed(resume: Couler) -> None:
    done = resume("train-x7k2p", "--from", "run.json")
    assert done.exit_code == 0
    new = yaml.safe_load(done.stdout)
    assert [template["name"] for template in new["spec"]["templates"]] == ["main", "train", "report"]


def test_programs_get_it_as_json(resume: Couler) -> None:
    done = resume("train-x7k2p", "train.yaml", "--from", "run.json", "--format", "json", "-o", "rest.yaml")
    assert json.loads(done.stdout) == {
        "schema": "couler.resume/v1",
        "run": "train-x7k2p",
        "engine": "argo",
        "steps": [
            {"step": "fetch", "action": "done", "reason": "succeeded"},
            {"step": "clean", "action": "done", "reason": "succeeded"},
            {"step": "train", "action": "again", "reason": "it failed"},
            {"step": "report", "action": "again", "reason": "it was not reached"},
        ],
        "notes": [],
    }
    assert Path("rest.yaml").exists()


def test_an_edited_step_runs_again_with_those_behind_it(resume: Couler) -> None:
    file = Path("train.yaml")
    content = yaml.safe_load(file.read_text())
    content["spec"]["templates"][2]["container"]["image"] = "busybox:2"  # of `clean`
    file.write_text(yaml.safe_dump(content))
    lines = resume("train-x7k2p", "train.yaml", "--from", "run.json").stderr.splitlines()
    assert lines == [
        "train-x7k2p: 1 step done, 3 steps to run",
        "  done: fetch",
        "  runs: clean (its program was changed)",
        "  runs: train (it failed)",
        "  runs: report (it was not reached)",
    ]


def refused(resume: Couler, *arguments: str) -> Any:
    done = resume(*arguments)
    assert done.exit_code == 2, done.stderr
    return done.stderr


def test_what_cannot_be_resumed_is_refused(resume: Couler) -> None:
    assert "there is no run 'other'" in refused(resume, "other", "--from", "run.json")
    assert "nothing says which engine ran it" in refused(resume, "train-x7k2p")
    assert "Give either files or one engine" in refused(resume, "x", "--from", "run.json", "--from", "cluster")
    assert "cannot be combined" in refused(resume, "x", "--from", "run.json", "--format", "json", "--run")
    run = json.loads(Path("run.json").read_text())
    for one in run["status"]["nodes"].values():
        one["phase"] = "Succeeded"
    report = {**run["status"]["nodes"]["train-x7k2p-train"], "id": "r", "displayName": "report"}
    run["status"]["nodes"]["r"] = report
    Path("run.json").write_text(json.dumps(run))
    assert "all steps of train-x7k2p are done" in refused(resume, "train-x7k2p", "--from", "run.json")
    Path("library.yaml").write_text(json.dumps({**run, "kind": "WorkflowTemplate", "metadata": {"name": "t"}}))
    assert "no workflow that runs" in refused(resume, "train-x7k2p", "library.yaml", "--from", "run.json")


def test_kfp_is_resumed_with_a_record_of_what_its_api_does_not_tell(resume: Couler) -> None:
    run = answered([*task_nodes("load", 20, 30), *task_nodes("for-loop-1", 30, 40, "FAILED")], state="FAILED")
    Path("run.json").write_text(json.dumps(run))
    Path("pipeline.yaml").write_text(yaml.safe_dump(PIPELINE))
    Path("known.json").write_text(json.dumps({"schema": "couler.known-results/v1", "run": "r", "results": []}))
    assert "KFP does not tell the pipeline of r" in refused(resume, "r", "--engine", "kfp", "--from", "run.json")
    done = resume("r", "pipeline.yaml", "--from", "run.json", "--from", "known.json")
    assert done.exit_code == 0, done.stderr
    assert done.stderr.splitlines() == [
        "r: 1 step done, 1 step to run",
        "  done: load",
        "  runs: for-loop-1 (it failed, and a loop runs again as a whole)",
        "  note: FILE counts as what ran: KFP does not tell the pipeline of this run",
    ]
    assert list(yaml.safe_load(done.stdout)["root"]["dag"]["tasks"]) == ["for-loop-1"]


def test_airflow_resumes_runs_itself(resume: Couler) -> None:
    said = refused(resume, "run-1", "--engine", "airflow")
    assert "airflow tasks clear DAG" in said
    assert "airflow tasks clear DAG" in PAGE
    assert Unsupported.exit_code == InvalidInput.exit_code == 2


def test_the_page_has_the_reasons_of_the_code() -> None:
    section = PAGE.split("## Which steps run again")[1].split("\n- ")[0]
    reasons = [row.split("`")[1] for row in section.splitlines() if row.startswith("| `")]
    adapters = ("tekton/couler_tekton/step_ends.py", "kfp/couler_kfp/history/endings.py")
    sources = [Path(verdicts.__file__), *(ROOT / "adapters" / name for name in adapters)]
    code = "".join(path.read_text() for path in sources)
    for reason in reasons:
        # What a step, an output or a volume is called stands in braces in the code.
        pieces = re.split(r"STEP|VARIABLE|KIND|its OUTPUT|the volume NAME|\(…\)|it failed(?=,)", reason)
        assert all(piece.strip(" ") in code for piece in pieces), reason
    assert set(verdicts.RUNS_AGAIN.values()) <= set(reasons)
