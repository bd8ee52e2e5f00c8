"""The optimizer `extract`: what becomes a Task or a Pipeline of its own, what stays, and what a run then takes."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adapters.subjects import TEKTON, each_file
from couler_plugins.api import optimize
from couler_plugins.documents import MAX_BYTES, Document, dump_yaml, read
from couler_plugins.driver.results import Result
from couler_plugins.engine_kit.crd import Schemas, check, load_schemas
from couler_plugins.errors import InvalidInput
from couler_plugins.inputs.sources import Text
from couler_plugins.ir.bundle import Bundle
from couler_plugins.options.config import load_config
from couler_plugins.plugins import Plugins, load_plugins
from couler_tekton.lint.lint import lint
from couler_tekton.plugin import Options
from oracles.tekton_oracle import build
from support import SHARED, where_shared

TASK = """\
      - name: {name}
        params:
          - {{name: text, value: $(params.word)}}
        taskSpec:
          params:
            - name: text
          results: [{{name: b}}]
          steps:
            - image: busybox
              script: echo $(params.text)
"""
RUN = """\
# Nightly.
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata:
  generateName: nightly-
spec:
  params:
    - {name: word, value: hello}   # to say
  pipelineSpec:
    params:
      - name: word
    tasks:
"""


@cache
def schemas() -> Schemas:
    return load_schemas(str(SHARED / "schemas/tekton"), MAX_BYTES)


@cache
def plugins() -> Plugins:
    return load_plugins(load_config(environ={}))


MISSING = "the field {!r} is missing"
ADDED = {(key, MISSING.format("name")) for key in ("steps", "sidecars")} | {("workspaces", MISSING.format("mountPath"))}
"""What Tekton's Go types write, whatever it holds: the webhook adds them."""


def run_of(*names: str) -> str:
    return RUN + "".join(TASK.format(name=name) for name in names)


def extracted(text: str, to: str = "tekton") -> Result:
    return optimize(Text(text), "extract", to=to, plugins=plugins())


def test_identical_specs_become_one_task_and_the_pipeline_a_reference() -> None:
    result = extracted(run_of("one", "two"))
    run, task, pipeline = sorted(result.documents, key=lambda item: item["kind"] != "PipelineRun")
    assert (task["kind"], pipeline["kind"]) == ("Task", "Pipeline")
    assert run["spec"]["pipelineRef"] == {"name": pipeline["metadata"]["name"]}
    assert {item["taskRef"]["name"] for item in pipeline["spec"]["tasks"]} == {task["metadata"]["name"]}
    assert task["spec"]["steps"] == [{"image": "busybox", "script": "echo $(params.text)"}]
    text = result.files[0].text or ""
    assert text.startswith("# Nightly.")
    assert "# to say" in text


def test_a_task_that_is_there_is_used() -> None:
    first = extracted(run_of("one"))
    tasks = [item for item in first.documents if item["kind"] == "Task"]
    (again,) = [extracted(run_of("other") + "---\n" + dump_yaml(tasks[0]))]
    assert [item["kind"] for item in again.added_documents] == ["Pipeline"]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("echo $(params.text)", "echo $(params.word)", "it reads the parameter 'word' around it"),
        ("- {name: text, value: $(params.word)}", "- {name: x, value: y}", "'text' is filled from around it"),
        ("$(params.text)", "$(workspaces.w.path)", "it uses the workspace 'w' around it"),
        ("$(params.text)", "$(context.pipelineRun.name)", "it reads context.pipelineRun.name"),
        ("$(params.text)", "$(context.task.name)", "it reads context.task.name"),
        ("$(params.text)", "$(tasks.a.results.b)", "it reads 'a' in its steps"),
        ("          steps:", "          workspaces: [{name: w}]\n          steps:", "its workspace 'w' is bound"),
        ("image: busybox", "imagepullpolicy: Always\n              image: busybox", "in an object of its own"),
        ("          steps:", "          metadata: {name: x}\n          steps:", "its metadata says what"),
    ],
)
def test_what_only_works_in_its_place_stays(old: str, new: str, reason: str) -> None:
    head, tail = run_of("a", "one").split("      - name: one")
    text = f"{head}      - name: one{tail.replace(old, new)}" if old in tail else run_of("a", "one").replace(old, new)
    (file,) = extracted(text).files
    assert any(reason in decision.reason for decision in file.decisions if not decision.action), file


def test_a_parameter_that_would_lose_what_is_handed_down_keeps_its_task_in_place() -> None:
    text = run_of("one").replace(
        "            - name: text\n", "            - name: text\n            - {name: word, default: x}\n"
    )
    (file,) = extracted(text).files
    assert any("its parameter 'word' is filled from around it" in decision.reason for decision in file.decisions)


TASK_RUN = """\
apiVersion: tekton.dev/v1
kind: TaskRun
metadata:
  generateName: {name}-
spec:
  params:
    - {{name: text, value: hello}}
  taskSpec:   # all of it
    params:
      - name: text
    steps:
      - image: busybox
        script: echo $(params.text)
"""


@pytest.mark.parametrize(
    ("run", "start"), [('"{{ repo }}"', "repo-"), ("push_branch", "push-branch-"), ('"{{ }}"', "pipeline-")]
)
def test_a_run_whose_name_is_still_a_template_gives_objects_with_names(run: str, start: str) -> None:
    text = RUN.replace("generateName: nightly-", f"name: {run}")
    added = optimize(Text(text, "run.yaml"), "extract", plugins=plugins()).added_documents
    names = [item["metadata"]["name"] for item in added if item["kind"] == "Pipeline"]
    assert [name for name in names if name.startswith(start)] == names != []


def test_runs_of_one_task_share_it() -> None:
    result = extracted(TASK_RUN.format(name="one") + "---\n" + TASK_RUN.format(name="two"))
    one, two, task = sorted(result.documents, key=lambda item: item["kind"] == "Task")
    assert one["spec"]["taskRef"] == two["spec"]["taskRef"] == {"name": task["metadata"]["name"]}
    assert "taskSpec" not in one["spec"]
    assert one["spec"]["params"] == [{"name": "text", "value": "hello"}]
    assert task["spec"]["steps"] == [{"image": "busybox", "script": "echo $(params.text)"}]


@pytest.mark.parametrize(("text", "indent"), [(run_of("one"), 14), (TASK_RUN.format(name="one"), 8)])
def test_what_a_cluster_allows_already_is_allowed_in_what_is_made_of_it(text: str, indent: int) -> None:
    """A field of the level alpha that was there before; at the default level, which is below."""
    result = extracted(f"{text}{' ' * indent}stdoutConfig: {{path: /x}}\n")
    assert [file.error for file in result.files] == [None]
    (task,) = [item for item in result.documents if item["kind"] == "Task"]
    assert task["spec"]["steps"][0]["stdoutConfig"] == {"path": "/x"}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("- name: text\n    steps", "- name: texts\n    steps", "it reads the parameter 'text' around it"),
        ("value: hello", "value: hello}\n    - {name: other, value: z", ""),
        ("- {name: text, value", "- {name: other, value", "its parameter 'text' is not given"),
        ("$(params.text)", "$(workspaces.w.path)", "it uses the workspace 'w' around it"),
        ("$(params.text)", "$(context.task.name)", "it reads context.task.name"),
    ],
)
def test_what_only_works_in_its_run_stays(old: str, new: str, reason: str) -> None:
    text = TASK_RUN.format(name="one")
    assert old in text
    result = extracted(text.replace(old, new))
    (file,) = result.files
    reasons = [decision.reason for decision in file.decisions if not decision.action]
    assert reasons == ([f"left alone: {reason}"] if reason else [])
    assert bool(result.added_documents) is not bool(reason)


@pytest.mark.parametrize(("subject", "path"), each_file([TEKTON]))
def test_results_pass_the_lint_and_are_left_alone_the_second_time(subject: Any, path: Path) -> None:
    result = optimize(str(path), "extract", to="tekton{api=alpha}", plugins=plugins())
    assert [file.error for file in result.files] == [None]
    documents = [item for item in result.documents if item is not None]
    if result.added_documents:
        before = problems(list(optimize(str(path), "prune", plugins=plugins()).documents))
        assert problems(documents) <= before
        again = extracted("---\n".join(map(dump_yaml, documents)), "tekton{api=alpha}")
        assert not again.added_documents
        assert not any(file.edits for file in again.files)


@pytest.mark.parametrize(("subject", "path"), where_shared("schemas/tekton", each_file([TEKTON])))
def test_results_pass_the_schemas(subject: Any, path: Path) -> None:
    """All but for the names of steps and the like: the webhook adds them, before the API server looks."""
    result = optimize(str(path), "extract", to="tekton{api=alpha}", plugins=plugins())
    documents = [item for item in result.documents if item is not None]
    wrapped = [Document("a.yaml", number, item, 1, "") for number, item in enumerate(documents)]
    found = list(check(wrapped, schemas()))
    assert not [remark for remark in found if (remark.path[-2], remark.message) not in ADDED]


def problems(documents: list[Any]) -> set[str]:
    wrapped = tuple(Document("a.yaml", number, item, 1, "") for number, item in enumerate(documents))
    found = lint(Bundle((), wrapped, (0,) * len(wrapped)), Options(api="alpha"))
    return {remark.code for remark in found if remark.severity != "note"}


def test_a_run_of_many_tasks_takes_a_tenth() -> None:
    tasks = "".join(TASK.format(name=f"task-{number}") for number in range(200))
    script = "echo " + "long " * 200
    text = RUN + tasks.replace("echo $(params.text)", f"{script}$(params.text)")
    result = extracted(text)
    run = next(item for item in result.documents if item["kind"] == "PipelineRun")
    whole = next(iter(optimize(Text(text), "prune", plugins=plugins()).documents))
    kept = sum(len(json.dumps(item)) for item in result.documents)
    assert len(json.dumps(run)) < 400
    assert kept < len(json.dumps(whole)) / 8
    assert len(result.added_documents) == 2


@pytest.mark.oracle
@pytest.mark.parametrize("level", ["stable", "beta", "alpha"])
def test_tekton_accepts_what_is_made_of_what_it_accepts(tmp_path_factory: pytest.TempPathFactory, level: str) -> None:
    oracle = build(tmp_path_factory)
    texts = [path.read_text() for path in TEKTON.files()]
    before = oracle.judge((level, [item.data for item in read(text, "a.yaml").documents]) for text in texts)
    results = [extracted(text, f"tekton{{api={level}}}") for text in texts]
    after = oracle.judge((level, list(result.documents)) for result in results)
    changed = sum(bool(result.added_documents) for result in results)
    assert changed > 50
    for text, old, new in zip(texts, before, after, strict=True):
        assert any(old) or not any(new), (text, new)


SUMS = """\
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {generateName: sums-, namespace: team}
spec:
  pipelineSpec:
    tasks:
      - name: sum
        params: [{name: day, value: "1"}]
        taskSpec:
          params: [{name: day}]
          results: [{name: total}]
          steps: [{name: main, image: "registry.example/sum:1", command: [sum, $(params.day), $(results.total.path)]}]
"""
CACHED = f"cache{{via=wrapper,store=s3://bucket/cache,image=registry.example/couler@sha256:{'0' * 64}}}"


@pytest.mark.parametrize(
    ("pipeline", "extracts"),
    [("extract", False), (f"extract,{CACHED}", False), ("declare,extract", True), (f"declare,extract,{CACHED}", True)],
)
def test_rows_of_the_settings_hold_before_and_behind(tmp_path: Path, pipeline: str, extracts: bool) -> None:
    (tmp_path / "couler.toml").write_text('[[cache.declare]]\ntask = "sum"\npure = true\nmax-output-bytes = 64\n')
    config = load_config(start=tmp_path, environ={})
    result = optimize([Text(SUMS, "w.yaml")], pipeline, config=config)
    assert ("pipelineRef" in result.text) is extracts
    assert any("put declare before extract" in str(item) for item in result.decisions) is not extracts
    verdicts = [item.verdict for item in result.decisions if item.verdict and item.subject.endswith("sum")]
    assert verdicts == ["cached"] * pipeline.endswith("}")
    again = optimize([Text(result.text, "w.yaml")], pipeline, config=config)
    assert again.text == result.text


def test_what_is_extracted_is_cached_behind() -> None:
    with pytest.raises(InvalidInput, match="'extract' must come before 'cache'"):
        optimize([Text(SUMS, "w.yaml")], "cache,extract")


def test_a_record_of_rows_goes_with_a_decision(tmp_path: Path) -> None:
    recorded = SUMS.replace("namespace: team", "namespace: team, annotations: {couler.io/declared: '[]'}")
    result = optimize([Text(recorded, "w.yaml")], "cache", config=load_config(start=tmp_path, environ={}))
    assert "couler.io/declared" not in result.text
    assert [item.action for item in result.decisions if item.action] == ["record rows"]
