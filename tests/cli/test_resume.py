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

RECORDED = ROOT / "tests" / "why" / "recorded"
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
    table = PAGE.split("| key |")[1].split("\n\n")[0]
    keys = re.findall(r"^\| `(?:steps\[\]\.)?(\w+)`", table, re.MULTILINE)
    record = json.loads(done.stdout)
    assert keys == [key for name, value in record.items() for key in (value[0] if name == "steps" else [name])]


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
    assert "there is no file 'nosuch.json'" in refused(resume, "nosuch.json")
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
    assert "no workflow in FILE runs" in refused(resume, "train-x7k2p", "library.yaml", "--from", "run.json")


def test_a_file_of_another_workflow_is_refused_and_a_renamed_one_is_not(resume: Couler) -> None:
    other = str(ROOT / "tests" / "corpus" / "argo" / "dag-diamond.yaml")
    said = refused(resume, "train-x7k2p", other, "--from", "run.json", "-o", "rest.yaml")
    assert "error: dag-diamond-* has none of the steps of train-x7k2p, which was a run of train-*" in said
    assert not Path("rest.yaml").exists()
    file = Path("train.yaml")
    file.write_text(file.read_text().replace("generateName: train-", "generateName: fit-"))
    lines = resume("train-x7k2p", "train.yaml", "--from", "run.json").stderr.splitlines()
    assert lines[0] == "train-x7k2p: 2 steps done, 2 steps to run"
    assert lines[-1] == "  note: the file has fit-*, and train-x7k2p was a run of train-*"


@pytest.mark.parametrize("kind", ["WorkflowTemplate", "ClusterWorkflowTemplate"])
def test_the_template_that_a_run_refers_to_is_edited_as_a_workflow_is(resume: Couler, kind: str) -> None:
    run = json.loads(Path("run.json").read_text())
    arguments = {"parameters": [{"name": "day", "value": "monday"}]}
    run["status"]["storedWorkflowTemplateSpec"] = {**run["spec"], "arguments": arguments}
    template = {**run, "kind": kind, "metadata": {"name": "train"}, "spec": json.loads(json.dumps(run["spec"]))}
    template["spec"]["arguments"] = {"parameters": [{"name": "day", "value": "sunday"}]}
    template["spec"]["templates"][2]["container"]["image"] = "busybox:2"  # of `clean`
    run["spec"] = {"workflowTemplateRef": {"name": "train"}, "arguments": arguments}
    Path("run.json").write_text(json.dumps(run))
    Path("template.yaml").write_text(yaml.safe_dump(template))
    done = resume("train-x7k2p", "template.yaml", "--from", "run.json")
    assert done.exit_code == 0, done.stderr
    assert "runs: clean (its program was changed)" in done.stderr
    new = yaml.safe_load(done.stdout)
    assert (new["kind"], new["metadata"]["generateName"]) == ("Workflow", "train-")
    assert new["spec"]["arguments"] == arguments
    assert "workflowTemplateRef" not in new["spec"]
    assert [item["name"] for item in new["spec"]["templates"]] == ["main", "clean", "train", "report"]
    template["metadata"]["name"] = "other"
    Path("template.yaml").write_text(yaml.safe_dump(template))
    assert "no workflow in FILE runs" in refused(resume, "train-x7k2p", "template.yaml", "--from", "run.json")


@pytest.mark.parametrize(
    "arguments",
    [
        ("u", "--from", "run.json"),
        ("train", "--from", "run.json"),
        ("train", "--from", "runs"),
        ("run.json",),
        ("runs",),
        ("-",),
        ("train-x7k2p", "--from", "-"),
    ],
)
def test_runs_are_named_as_for_why(resume: Couler, arguments: tuple[str, ...]) -> None:
    Path("runs").mkdir()
    text = Path("run.json").read_text()
    Path("runs", "run.json").write_text(text)
    if arguments[0] == "train":
        Path("runs", "other.json").write_text((RECORDED / "argo-loop.json").read_text())
    done = resume(*arguments, "-o", "rest.yaml", stdin=text)
    assert done.stderr.splitlines()[0] == "train-x7k2p: 2 steps done, 2 steps to run"


def test_the_engine_is_told_by_what_tells_of_the_run(resume: Couler) -> None:
    done = resume(str(RECORDED / "kfp-retried.json"), "-o", "rest.yaml")
    assert done.stderr.splitlines()[0].endswith("000002: 1 step done, 1 step to run")
    said = refused(resume, "any", "--from", str(RECORDED / "airflow-upstream-failed.json"))
    assert "Airflow resumes runs by itself" in said


def test_a_wrong_name_is_answered_with_those_that_are_there(resume: Couler) -> None:
    for file, name in (("argo-loop", "each-"), ("tekton-finally", "tidy-"), ("kfp-retried", "5c7b1d9e-")):
        said = refused(resume, "absent", "--from", str(RECORDED / f"{file}.json"))
        assert "error: there is no run 'absent'" in said
        assert f"hint: there are {name}" in said


def test_where_only_a_task_at_the_end_failed_it_is_named(resume: Couler) -> None:
    said = refused(resume, str(RECORDED / "tekton-finally-alone.json"))
    assert said.startswith("error: all steps of tidy-f49tg are done, and only tidy failed, which runs in every run")
    assert "hint: there is nothing to resume: a new run does all steps again" in said
    assert "optimizer" not in said


def test_a_run_that_its_engine_refused_has_nothing_to_take_over(resume: Couler) -> None:
    run = json.loads(Path("run.json").read_text())
    run["status"] = {"phase": "Error", "message": "invalid spec: no template", "finishedAt": "2026-01-01T00:00:00Z"}
    Path("run.json").write_text(json.dumps(run))
    said = refused(resume, "train-x7k2p", "--from", "run.json")
    assert "error: no step of train-x7k2p ran: invalid spec: no template\n  hint: nothing can be taken over" in said
    condition = {"type": "Succeeded", "status": "False", "reason": "CouldntGetPipeline", "message": "no pipeline p"}
    refusal = {
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": {"name": "r"},
        "spec": {"pipelineRef": {"name": "p"}},
        "status": {"conditions": [condition], "completionTime": "2026-01-01T00:00:00Z"},
    }
    Path("run.json").write_text(json.dumps(refusal))
    assert "error: no task of r ran: no pipeline p\n" in refused(resume, "r", "--from", "run.json")


def test_a_run_that_was_stopped_failed_as_the_page_says(resume: Couler) -> None:
    assert "  runs: work (it failed)" in resume(str(RECORDED / "argo-stopped.json")).stderr
    row = next(line for line in PAGE.splitlines() if line.startswith("| `it failed` |"))
    assert "the run was stopped" in row


def test_quiet_says_nothing_but_errors(resume: Couler) -> None:
    done = resume("train-x7k2p", "--from", "run.json", "--quiet")
    assert done.stderr == ""
    assert yaml.safe_load(done.stdout)["kind"] == "Workflow"


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
    adapters = (
        "argo/couler_argo/step_ends.py",
        "tekton/couler_tekton/step_ends.py",
        "kfp/couler_kfp/history/endings.py",
    )
    sources = [*Path(verdicts.__file__).parent.glob("*.py"), *(ROOT / "adapters" / name for name in adapters)]
    code = "".join(path.read_text() for path in sources)
    for reason in reasons:
        # What a step, an output or a volume is called stands in braces in the code.
        pieces = re.split(r"STEP|VARIABLE|KIND|its OUTPUT|the volume NAME|\(…\)|it failed(?=,)", reason)
        assert all(piece.strip(" ") in code for piece in pieces), reason
    assert set(verdicts.RUNS_AGAIN.values()) <= set(reasons)
