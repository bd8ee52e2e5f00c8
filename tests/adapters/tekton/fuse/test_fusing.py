"""A chain of tasks as steps of one Task: what it is written as, and that its pod does the same."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.tekton.fuse.chains import fuse_all, refusals_of, run_pipeline
from couler_plugins.api import optimize
from couler_plugins.inputs.sources import Text
from couler_tekton.fuse.fusing import HAND_ON

CHAIN = """\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: release}
spec:
  params:
    - {name: version, default: "1.2"}
  workspaces: [{name: shared}]
  tasks:
    - name: fetch
      params: [{name: version, value: $(params.version)}]
      workspaces: [{name: source, workspace: shared}]
      taskRef: {name: fetch}
    - name: build
      params:
        - {name: tag, value: "v$(tasks.fetch.results.commit)-$(params.version)"}
      workspaces: [{name: code, workspace: shared}]
      taskSpec:
        params: [{name: tag}, {name: level, default: "3"}]
        results: [{name: commit}, {name: size}]
        workspaces: [{name: code}]
        steps:
          - name: compile
            image: busybox
            env: [{name: TAG, value: $(params.tag)}]
            script: |
              #!/bin/sh
              cat $(workspaces.code.path)/code > $(workspaces.code.path)/program
              printf '%s' "$TAG" > $(results.commit.path)
          - image: busybox
            command: [sh, -c]
            args: ['printf "%s %s" "$0" "$1" > "$2"', $(params.tag), $(params.level), $(results.size.path)]
    - name: publish
      params: [{name: what, value: $(tasks.build.results.size)}]
      taskSpec:
        params: [{name: what}]
        results: [{name: url}]
        steps:
          - name: publish
            image: busybox
            env: [{name: WHAT, value: "of $(params.what)"}]
            script: printf 'https://%s' "$WHAT" > $(results.url.path)
    - name: report
      params: [{name: url, value: $(tasks.publish.results.url)}]
      taskSpec:
        params: [{name: url}]
        steps: [{name: say, image: busybox, script: "echo '$(params.url)'"}]
  results:
    - {name: commit, value: $(tasks.build.results.commit)}
    - {name: url, value: $(tasks.publish.results.url)}
---
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: fetch
  labels: {app.kubernetes.io/version: "0.1"}
spec:
  description: Fetches
  params: [{name: version}, {name: level, default: "1"}]
  results: [{name: commit}]
  workspaces: [{name: source}]
  steps:
    - name: get
      image: busybox
      script: |
        #!/bin/sh
        echo code $(params.level) > $(workspaces.source.path)/code
        printf '%s' '$(params.version)' > $(results.commit.path)
"""
FUSED = "fetch-to-publish"


def fused(text: str) -> str:
    return str(fuse_all(Text(text)).text)


def fused_task(text: str) -> dict[str, Any]:
    spec = next(yaml.safe_load_all(fused(text)))["spec"]
    return next(task for task in spec.get("pipelineSpec", spec)["tasks"] if "-to-" in task["name"])


def test_the_pods_of_a_chain_do_the_same_as_one(tmp_path: Path) -> None:
    for version in ("1.2", "[]", '["a"]', '{"a": "b"}', "null", '"x"', "two\nlines\t\\ 'quoted' \"too\"\n", "ü €", ""):
        place = tmp_path / str(abs(hash(version)))
        before = run_pipeline(CHAIN, place / "before", {"version": version})
        after = run_pipeline(fused(CHAIN), place / "after", {"version": version})
        assert before.succeeded
        assert after.succeeded
        assert (after.results, after.files) == (before.results, before.files), version
        ran = {"fetch", "build-compile", "build-unnamed-1", "publish"}
        assert ran < set(after.outcomes[FUSED].ran), "and what hands on results"


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\0'$", exclude_categories=["Cs"]), max_size=40))
def test_every_text_is_handed_on_as_it_is(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("texts")
    before = run_pipeline(CHAIN, folder / "before", {"version": text.replace("\r", "")})
    after = run_pipeline(fused(CHAIN), folder / "after", {"version": text.replace("\r", "")})
    assert after.results == before.results


def test_names_of_members_stay_in_the_names_of_steps_and_results() -> None:
    task = fused_task(CHAIN)
    spec = task["taskSpec"]
    assert [step["name"] for step in spec["steps"]] == [
        *("fetch", "build-inputs", "build-compile", "build-unnamed-1", "publish-inputs", "publish")
    ]
    assert [result["name"] for result in spec["results"]] == ["commit", "build-commit", "size", "url"]
    assert spec["metadata"]["annotations"] == {"couler.io/fused-steps": "fetch,build,publish"}
    assert {item["name"]: item.get("value") for item in task["params"]} == {
        "version": "$(params.version)",
        "build-version": "$(params.version)",
        "level": "1",
    }
    assert task["workspaces"] == [
        {"workspace": "shared", "name": "source"},
        {"workspace": "shared", "name": "code"},
    ]
    used = [[item["name"] for item in step.get("workspaces", ())] for step in spec["steps"]]
    assert used == [["source"], [], ["code"], ["code"], [], []]


def test_a_failure_in_the_middle_stops_what_is_behind_it(tmp_path: Path) -> None:
    text = CHAIN.replace("              cat $(", "              exit 3; cat $(")
    before = run_pipeline(text, tmp_path / "before")
    after = run_pipeline(fused(text), tmp_path / "after")
    assert not before.succeeded
    assert after.outcomes.keys() == {FUSED}
    assert after.outcomes[FUSED].ran[-1] == "build-compile"
    assert after.files == before.files


def test_a_result_that_was_not_written_stops_the_chain_as_it_stops_a_pipeline(tmp_path: Path) -> None:
    text = CHAIN.replace("        printf '%s' '$(params.version)' > $(results.commit.path)\n", "        true\n")
    before = run_pipeline(text, tmp_path / "before")
    after = run_pipeline(fused(text), tmp_path / "after")
    assert not before.outcomes["build"].succeeded
    assert after.outcomes[FUSED].ran == ["fetch", "build-inputs"]
    assert after.files == before.files


TWO = """\
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {generateName: two-}
spec:
  pipelineSpec:
    tasks:
      - name: one
        taskSpec:
          results: [{name: r}]
          steps: [{name: s, image: busybox, script: "printf x > $(results.r.path)"}]
      - name: two
        params: [{name: p, value: $(tasks.one.results.r)}]
        taskSpec:
          params: [{name: p}]
          steps: [{name: s, image: alpine, args: [$(params.p)]}]
"""
CASES = {
    "native": ("name: two\n", "name: two\n        unknown: 1\n"),
    "sidecar": (
        "          results: [{name: r}]\n",
        "          results: [{name: r}]\n          sidecars: [{image: a}]\n",
    ),
    "step-action": ("{name: s, image: alpine, args: [$(params.p)]}", "{name: s, ref: {name: x}}"),
    "around": ("args: [$(params.p)]", "args: [$(params.around)]"),
    "context": ("args: [$(params.p)]", "args: [$(context.taskRun.name)]"),
    "run": ("  pipelineSpec:", "  taskRunSpecs: [{pipelineTaskName: two, serviceAccountName: a}]\n  pipelineSpec:"),
    "step-template": (
        "          params: [{name: p}]",
        "          params: [{name: p}]\n          stepTemplate: {env: []}",
    ),
    "metadata": (
        "          params: [{name: p}]",
        "          params: [{name: p}]\n          metadata: {labels: {a: b}}",
    ),
    "volumes": (
        "        taskSpec:\n          ",
        "        taskSpec:\n          volumes: [{name: v, emptyDir: {}}]\n          ",
    ),
    "mounts": (
        "          params: [{name: p}]",
        "          params: [{name: p}]\n          volumes: [{name: v, secret: {secretName: a}}]",
    ),
    "image": ("image: alpine", "image: $(params.p)"),
    "files": ("args: [$(params.p)]", "args: [$(params.p), /workspace/x]"),
    "paths": ("args: [$(params.p)]", "args: [$(params.p), /tekton/results/x]"),
    "results": ("args: [$(params.p)]", "script: echo $(params.p)"),
    "shell": ('script: "printf x > $(results.r.path)"', "args: [$(results.r.path)]"),
    "requests": ("image: ", "computeResources: {requests: {nvidia.com/gpu: 1}}, image: "),
    "timeout": ("name: two\n", "name: two\n        timeout: 90s\n"),
    "size": ("steps: [", "steps: [" + ", ".join(f"{{name: a{n}, image: busybox}}" for n in range(20)) + ", "),
}


@pytest.mark.parametrize(
    ("timeouts", "pipeline", "is_fused"),
    [
        ("", "fuse{keep-original=false}", True),  # the run has no more than an hour itself
        ("  timeouts: {pipeline: 3h}\n", "fuse{keep-original=false}", False),
        ("  timeouts: {pipeline: 3h}\n", "fuse{keep-original=false,allow=timeout}", True),
    ],
)
def test_an_hour_for_each_task_is_none_for_all_of_them(timeouts: str, pipeline: str, is_fused: bool) -> None:
    text = TWO.replace("spec:\n  pipelineSpec:", f"spec:\n{timeouts}  pipelineSpec:")
    result = optimize(Text(text), pipeline)
    assert result.changed is is_fused
    said = [decision.reason for decision in result.decisions if "stops a task after an hour" in decision.reason]
    assert bool(said) is not is_fused
    assert all("couler.io/fuse-allow: timeout" in reason for reason in said)


@pytest.mark.parametrize("rule", CASES)
def test_what_cannot_share_a_pod_is_refused_by_name(rule: str) -> None:
    assert refusals_of(TWO, "one", "two") == []
    old, new = CASES[rule]
    assert old in TWO
    refusals = refusals_of(TWO.replace(old, new), "one", "two")
    assert rule in {refusal.rule for refusal in refusals}
    assert all(refusal.reason and not refusal.reason.endswith(".") for refusal in refusals)


def test_an_image_that_a_task_in_front_makes_is_not_pulled_before() -> None:
    text = TWO.replace("printf x > $(results.r.path)", "push alpine:3; printf x > $(results.r.path)")
    assert [item.rule for item in refusals_of(text.replace("image: alpine", "image: alpine:3"), "one", "two")] == [
        "image"
    ]


@pytest.mark.parametrize("kind", ["type: array", "type: object, properties: {a: {}}"])
def test_lists_and_mappings_are_not_handed_on_in_a_pod(kind: str) -> None:
    text = TWO.replace("{name: r}", f"{{name: r, {kind}}}")
    assert [item.rule for item in refusals_of(text, "one", "two")] == ["results"]


def test_workspaces_that_tekton_refuses_in_one_pod_keep_tasks_apart() -> None:
    each = "        workspaces: [{{name: w, workspace: {}}}]\n        taskSpec:\n          workspaces: [{{name: w}}]\n"
    one, _, two = TWO.partition("      - name: two\n")
    spec = "        taskSpec:\n"
    apart = one.replace(spec, each.format("a")) + "      - name: two\n" + two.replace(spec, each.format("b"))
    assert [item.rule for item in refusals_of(apart, "one", "two")] == ["workspaces"]
    together = one.replace(spec, each.format("a")) + "      - name: two\n" + two.replace(spec, each.format("a"))
    assert refusals_of(together, "one", "two") == []
    assert [item["name"] for item in fused_task(together)["workspaces"]] == ["w", "two-w"]
    same_path = together.replace("{name: w}", "{name: w, mountPath: /x}")
    assert [item.rule for item in refusals_of(same_path, "one", "two")] == ["workspaces"]
    by_path = together.replace("args: [$(params.p)]", "args: [$(params.p), /workspace/w]")
    assert [item.rule for item in refusals_of(by_path, "one", "two")] == ["workspaces", "files"]


def test_the_pod_asks_for_what_the_largest_of_its_tasks_asks_for() -> None:
    sized = TWO.replace("image: busybox", "image: busybox, computeResources: {requests: {cpu: 500m, memory: 1Gi}}")
    sized = sized.replace(
        "image: alpine", "image: alpine, computeResources: {requests: {cpu: 2}, limits: {memory: 512Mi}}"
    )
    steps = fused_task(sized)["taskSpec"]["steps"]
    assert [step.get("computeResources") for step in steps] == [
        {"requests": {"cpu": "0", "memory": "1Gi"}},
        None,
        {"requests": {"cpu": 2, "memory": "0"}, "limits": {"memory": "512Mi"}},
    ]


def test_variables_of_other_steps_follow_their_new_names() -> None:
    more = "{name: t, image: busybox, script: 'cat $(steps.step-s.exitCode.path)'}, {name: s, image: busybox, "
    text = TWO.replace("steps: [{name: s, image: busybox, ", f"steps: [{more}")
    steps = fused_task(text)["taskSpec"]["steps"]
    assert steps[0]["script"] == "cat $(steps.step-one-s.exitCode.path)"
    assert re.fullmatch(r"\$\(steps\.two-inputs\.results\.r\)", steps[3]["args"][0])


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox sh"])
def test_what_hands_results_on_runs_in_any_shell(tmp_path: Path, shell: str) -> None:
    words = shell.split()
    if shutil.which(words[0]) is None:
        pytest.skip(f"there is no {words[0]} here")
    texts = ["", "[1]", "null", '"\\\n\t\x01\x1f\x7f', "ü €", "-n", "*?[a-z]$(x)`y`%s", "'\"\n" * 40]
    for text in texts:
        (tmp_path / "from").write_text(text, newline="")
        script = HAND_ON.format(shell="") + f"hand {tmp_path}/from {tmp_path}/to it\n"
        subprocess.run([*words, "-c", script], check=True, timeout=60)
        assert json.loads((tmp_path / "to").read_text()) == text
