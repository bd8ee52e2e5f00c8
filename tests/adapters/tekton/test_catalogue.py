"""A catalogue with versions of one Task in folders: who means which of them, in lint and in the optimizers."""

from __future__ import annotations

from pathlib import Path

import pytest

from couler_plugins import api
from couler_plugins.documents import Finding
from couler_plugins.documents.findings import merge_alike
from couler_plugins.errors import Unsupported
from couler_plugins.ir import External, Operation, call_sites
from couler_plugins.options.config import Config, Depth

TASK = """\
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: greet
  annotations: {{couler.io/cache: pure, couler.io/max-output-bytes: "64"}}
spec:
  params:
    - name: {param}
  results:
    - name: text
  steps:
    - name: say
      image: busybox
      script: printf %s "hello {param}" > $(results.text.path)
"""
PIPELINE = """\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: NAME}
spec:
  tasks:
    - name: one
      taskRef: {name: greet}
      params: [{name: who, value: x}]
    - name: two
      taskRef: {name: greet}
      params: [{name: who, value: y}]
"""
RUN = """\
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {generateName: greet-}
spec:
  taskRef: {name: greet}
  params: [{name: who, value: x}]
"""
PARAMS = {"0.1": "whom", "0.2": "who", "0.3": "name"}
"""What the Task is given in each version: only one of them is called rightly."""


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """Three versions of a Task, each with a sample, and nothing else."""
    for version, param in PARAMS.items():
        write(tmp_path / f"task/greet/{version}/greet.yaml", TASK.format(param=param))
        write(tmp_path / f"task/greet/{version}/samples/run.yaml", RUN)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def lint(folder: Path, to: str | None = None, depth: int = 0) -> list[Finding]:
    return list(api.lint(folder, to=to, config=Config(scope_depth=Depth(depth))).findings)


def test_a_sample_means_the_version_in_whose_folder_it_is(catalogue: Path) -> None:
    found = lint(catalogue)
    assert {(Path(item.file).parts[-3], item.code) for item in found} == {
        ("0.1", "missing-argument"),
        ("0.3", "missing-argument"),
    }


def test_the_optimizers_look_in_the_same_place(catalogue: Path) -> None:
    plan = api.lift(catalogue)
    params = set()
    for workflow in plan.workflows:
        if workflow.kind == "TaskRun":
            assert workflow.entry is not None
            callee = plan.libraries.callee(workflow, workflow.entry)
            assert isinstance(callee, Operation)
            params.add(callee.inputs[0].name)
    assert params == set(PARAMS.values())


def test_an_unclear_reference_is_one_note_with_all_versions(catalogue: Path) -> None:
    write(catalogue / "pipeline/a.yaml", PIPELINE.replace("NAME", "a"))
    write(catalogue / "pipeline/b.yaml", PIPELINE.replace("NAME", "b"))
    (note,) = [item for item in lint(catalogue) if item.code == "ambiguous-reference"]
    assert (note.severity, Path(note.file).name, note.line) == ("note", "a.yaml", 7)
    assert note.message.startswith("4 references to the Task 'greet' may mean any of 3: ")
    for version in PARAMS:
        assert f"task/greet/{version}/greet.yaml:1 (version {version})" in note.message


def test_an_unclear_reference_refuses_no_file_and_says_which_there_are(catalogue: Path) -> None:
    write(catalogue / "pipeline/a.yaml", PIPELINE.replace("NAME", "a"))
    result = api.optimize(catalogue, "cache")
    assert [file.error for file in result.files if file.name.endswith("pipeline/a.yaml")] == [None]
    (file,) = [file for file in result.files if file.name.endswith("pipeline/a.yaml")]
    reasons = [decision.reason for one in file.passes for decision in one.decisions if decision.subject.endswith("one")]
    assert any("may call any of 3 Tasks 'greet'" in reason and "(version 0.3)" in reason for reason in reasons)


def test_nothing_is_converted_that_may_call_several(catalogue: Path) -> None:
    write(catalogue / "pipeline/a.yaml", PIPELINE.replace("NAME", "a"))
    result = api.convert(catalogue, "argo")
    errors = {Path(file.name).name: file.error for file in result.files if file.error is not None}
    assert isinstance(errors["a.yaml"], Unsupported)
    assert "may call any of 3" in str(errors["a.yaml"])


def test_only_what_is_called_gets_a_cached_copy(catalogue: Path) -> None:
    """The TaskRun in the folder of 0.2 calls the Task there; of the other versions none is touched for it."""
    for version in ("0.1", "0.3"):
        (catalogue / f"task/greet/{version}/samples/run.yaml").unlink()
    result = api.optimize(catalogue, "cache{via=wrapper,store=s3://bucket,image=busybox}")
    said = {
        Path(file.name).parts[-2]: decision.reason
        for file in result.files
        for one in file.passes
        for decision in one.decisions
        if file.name.endswith("greet.yaml") and decision.workflow == "greet"
    }
    assert "copy" in said["0.2"]
    assert "copy" not in said["0.1"]
    assert len(result.added_documents) == 1


def test_equal_copies_stay_equal(tmp_path: Path) -> None:
    """A caller far from two copies means either: both stay as they are, and a second run changes nothing."""
    for name in ("a", "b"):
        write(tmp_path / name / "greet.yaml", TASK.format(param="who"))
    write(tmp_path / "run.yaml", RUN)
    pipeline = "cache{via=wrapper,store=s3://bucket,image=busybox}"
    result = api.optimize(tmp_path, pipeline)
    assert [Path(file.name).name for file in result.files if file.status == "changed"] == ["run.yaml"]
    for file in result.files:
        assert file.path is not None
        assert file.text is not None
        file.path.write_text(file.text, encoding="utf-8")
    write(tmp_path / "added.yaml", result.added)
    again = api.optimize(tmp_path, pipeline)
    assert [file.status for file in again.files] == ["ok"] * 4
    assert again.added == ""


KONFLUX = RUN.replace("{name: greet}", "{name: greet, version: '0.2'}")


def test_the_version_of_a_reference_is_one_finding_a_message(catalogue: Path) -> None:
    write(catalogue / "a.yaml", KONFLUX)
    write(catalogue / "b.yaml", KONFLUX)
    found = [item for item in lint(catalogue) if item.code == "unknown-field"]
    assert len(found) == 2
    assert len({(item.severity, item.code, item.message, item.hint) for item in found}) == 1
    assert "tekton{prebuild=konflux}" in found[0].hint


def test_a_version_keeps_no_other_finding_back(catalogue: Path) -> None:
    task = "{name: last, runAfter: [gone], taskRef: {name: greet, version: '0.2'}, params: [{name: who, value: x}]}"
    head = "apiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {name: waits}\n"
    write(catalogue / "a.yaml", f"{head}spec:\n  tasks:\n  - {task}\n")
    assert {item.code for item in lint(catalogue) if item.file.endswith("a.yaml")} == {"unknown-field", "unknown-task"}


def test_with_the_setting_the_version_chooses(catalogue: Path) -> None:
    write(catalogue / "a.yaml", KONFLUX)
    write(catalogue / "b.yaml", KONFLUX.replace("0.2", "0.3"))
    found = lint(catalogue, "tekton{prebuild=konflux}")
    assert {(Path(item.file).name, item.code) for item in found if item.file.endswith(("a.yaml", "b.yaml"))} == {
        ("b.yaml", "missing-argument")
    }
    write(catalogue / "a.yaml", KONFLUX.replace("'0.2'", "0.2"))
    assert "wrong-type" in {item.code for item in lint(catalogue, "tekton{prebuild=konflux}")}


def test_a_version_is_lifted_and_written_again(catalogue: Path) -> None:
    write(catalogue / "a.yaml", KONFLUX)
    plan = api.lift(catalogue)
    (workflow,) = [item for item in plan.workflows if item.entry and item.source and item.source[0] == 0]
    (site,) = call_sites(workflow)
    assert site.step.call == External(workflow="greet", name="task", kind="Task", version="0.2")
    callee = plan.libraries.callee(workflow, site.step)
    assert isinstance(callee, Operation)
    assert callee.inputs[0].name == "who"
    result = api.optimize(catalogue / "a.yaml", "cache")
    assert (result.files[0].status, result.files[0].text) == ("ok", KONFLUX)


@pytest.mark.parametrize(("marker", "depth"), [("kustomization.yaml", 0), ("", 1)])
def test_copies_for_environments_are_no_finding(tmp_path: Path, marker: str, depth: int) -> None:
    for number, environment in enumerate(("dev", "prod")):
        param = ("who", "whom")[number]
        write(tmp_path / environment / "tasks/greet.yaml", TASK.format(param=param))
        write(tmp_path / environment / "runs/run.yaml", RUN)
        if marker:
            write(tmp_path / environment / marker, "resources: [tasks/greet.yaml]\n")
    found = lint(tmp_path, depth=depth)
    assert [(Path(item.file).parts[-3], item.code) for item in found] == [("prod", "missing-argument")]


def test_different_objects_in_one_scope_are_one_finding_a_name(tmp_path: Path) -> None:
    for name, param in {"a": "who", "b": "whom", "c": "who"}.items():
        write(tmp_path / name / "greet.yaml", TASK.format(param=param))
    write(tmp_path / "run.yaml", RUN)
    (finding,) = lint(tmp_path)
    assert (finding.code, finding.severity) == ("duplicate-object", "warning")
    assert "there are 2 different definitions of the Task 'greet'" in finding.message
    assert "a/greet.yaml:1" in finding.message
    assert "b/greet.yaml:1" in finding.message
    assert finding.hint == "keep one of them; if each folder is deployed by itself, see --scope-depth"


def test_runs_of_equal_names_are_one_finding_together(tmp_path: Path) -> None:
    write(tmp_path / "greet.yaml", TASK.format(param="who"))
    for file, name in {"a": "first", "b": "first", "c": "second", "d": "second"}.items():
        run = RUN.replace("{generateName: greet-}", f"{{name: {name}}}").replace("value: x", f"value: {file}")
        write(tmp_path / f"{file}.yaml", run)
    found = lint(tmp_path)
    assert {(item.code, item.message) for item in found} == {
        ("duplicate-object", "several different TaskRuns have this name")
    }
    (together,) = merge_alike(found)
    places = [together.file, *(place.file for place in together.others)]
    assert [Path(file).name for file in places] == ["a.yaml", "b.yaml", "c.yaml", "d.yaml"]


def test_no_scope_tells_objects_of_one_folder_apart(tmp_path: Path) -> None:
    for name, param in {"a": "who", "b": "whom"}.items():
        write(tmp_path / f"{name}.yaml", TASK.format(param=param))
    (finding,) = lint(tmp_path)
    assert finding.hint == "keep one of them"


def test_extract_refers_to_no_name_that_is_there_twice(catalogue: Path) -> None:
    """A spec in a pipeline equals one of the versions: a reference by name would not say which."""
    spec = TASK.format(param="who").partition("spec:\n")[2]
    inner = "".join(f"      {line}\n" for line in spec.splitlines())
    embedded = PIPELINE.replace("NAME", "a").partition("    - name: two")[0]
    embedded = embedded.replace("      taskRef: {name: greet}\n", f"      taskSpec:\n{inner}")
    annotation = "        metadata: {annotations: {couler.io/cache: pure}}\n"
    write(catalogue / "pipeline/a.yaml", embedded.replace("      taskSpec:\n", f"      taskSpec:\n{annotation}"))
    result = api.optimize(catalogue, "extract")
    (file,) = [file for file in result.files if file.name.endswith("pipeline/a.yaml")]
    assert file.documents[0]["spec"]["tasks"][0]["taskRef"]["name"] != "greet"
    assert len(result.added_documents) == 1
