"""StepActions: keys cover what they are, and cached tasks refer to copies that nobody changes."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from adapters.tekton.caching.pod import Pod
from adapters.tekton.caching.tasks import WORKSPACE, cached, documents
from couler_plugins.api import Text, lint
from couler_plugins.documents import dump_yaml

ACTION = """\
apiVersion: tekton.dev/v1beta1
kind: StepAction
metadata: {name: measure, labels: {team: a}}
spec:
  description: Measures a text.
  params: [{name: text, description: what is measured}, {name: more, default: "0"}]
  results: [{name: size}]
  image: busybox
  env: [{name: TEXT, value: $(params.text)}, {name: MORE, value: $(params.more)}]
  script: printf '%s' "$TEXT$MORE" | wc -c | tr -d ' \\n' > $(step.results.size.path)
"""
TASK = """\
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: sizes, annotations: {couler.io/cache: pure, couler.io/max-output-bytes: "64"}}
spec:
  params: [{name: x}]
  results: [{name: r}]
  workspaces: [{name: couler-cache, optional: true}]
  steps:
  - name: measure
    ref: {name: measure}
    params: [{name: text, value: "$(params.x)"}]
  - image: busybox
    command: [sh, -c, 'printf "%s of $1" "$0" > $(results.r.path)', $(steps.measure.results.size), $(params.x)]
"""
PIPELINE = """\
---
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: p}
spec:
  tasks: [{name: one, taskRef: {name: sizes}, params: [{name: x, value: "1"}]}]
"""


def texts(found: list[Any]) -> str:
    return "---\n".join(map(dump_yaml, found))


def named(found: list[Any], kind: str) -> dict[str, Any]:
    return {item["metadata"]["name"]: item for item in found if item["kind"] == kind}


def optimized(text: str, pipeline: str = WORKSPACE) -> list[Any]:
    return documents(cached(text, pipeline))


def spec_hash(text: str) -> str | None:
    """The spec hash of the Task in a text; None where it is not cached."""
    (task,) = named(optimized(text), "Task").values()
    return next((word for word in task["spec"]["steps"][0].get("args", ()) if word.startswith("--spec=")), None)


def rules(text: str) -> set[Any]:
    decisions = [item for file in cached(text).files for item in file.decisions]
    return {dict(item.figures).get("rule", "kind") for item in decisions} - {"kind"}


def stale(found: list[Any]) -> str:
    return " ".join(item.message for item in lint(Text(texts(found))).findings if item.code == "stale-key")


def referred(task: Any) -> str:
    name: str = next(step["ref"]["name"] for step in task["spec"]["steps"] if "ref" in step)
    return name


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("image: busybox", "image: other", False),
        ("wc -c", "wc -m", False),
        ('default: "0"', 'default: "1"', False),
        ("results: [{name: size}]", "results: [{name: size}, {name: other}]", False),
        ("  image", "  securityContext: {runAsUser: 7}\n  image", False),
        ("labels: {team: a}", "annotations: {couler.io/cache-version: '2'}", False),
        ("Measures a text", "Counts", True),
        ("what is measured", "a text", True),
        ("team: a", "team: b", True),
    ],
)
def test_keys_cover_what_a_step_action_is(old: str, new: str, same: bool) -> None:
    assert old in ACTION
    assert (spec_hash(ACTION + TASK) == spec_hash(ACTION.replace(old, new, 1) + TASK)) is same


def test_what_a_step_passes_is_in_the_key() -> None:
    other = TASK.replace('value: "$(params.x)"', 'value: "a $(params.x)"')
    assert None is not spec_hash(ACTION + TASK) != spec_hash(ACTION + other)


def test_a_cached_task_refers_to_a_copy_and_the_step_action_stays() -> None:
    found = optimized(ACTION + TASK)
    (task,) = named(found, "Task").values()
    actions = named(found, "StepAction")
    assert actions.keys() == {"measure", referred(task)} != {"measure"}
    assert actions["measure"] == named(optimized(ACTION, "prune"), "StepAction")["measure"]
    assert actions[referred(task)]["spec"] == actions["measure"]["spec"]
    assert not stale(found)
    again = cached(texts(found))
    assert not again.added_documents
    assert not any(file.edits for file in again.files)
    assert named(optimized(texts(found), "cache"), "Task") == named(optimized(TASK, "prune"), "Task")


def test_calls_get_a_copy_of_the_task_that_refers_to_the_copy() -> None:
    found = optimized(ACTION + TASK + PIPELINE)
    tasks = named(found, "Task")
    (made,) = tasks.keys() - {"sizes"}
    assert referred(tasks["sizes"]) == "measure" != referred(tasks[made])
    assert referred(tasks[made]) in named(found, "StepAction")
    assert not stale(found)
    back = optimized(texts(found), "cache")
    assert named(back, "Pipeline") == named(optimized(PIPELINE, "prune"), "Pipeline")


def test_a_copy_alone_stands_for_the_step_action() -> None:
    found = optimized(ACTION + TASK)
    alone = [item for item in found if item["metadata"]["name"] != "measure"]
    assert named(optimized(texts(alone)), "Task") == named(found, "Task")
    assert not stale(alone)


def test_an_edit_of_a_step_action_makes_another_copy() -> None:
    found = optimized(ACTION + TASK)
    edited = copy.deepcopy(found)
    named(edited, "StepAction")["measure"]["spec"]["image"] = "other"
    assert "what it runs was edited" in stale(edited)
    (before,), (after,) = (named(one, "Task").values() for one in (found, optimized(texts(edited))))
    assert referred(before) != referred(after)
    assert named(optimized(texts(edited)), "StepAction")[referred(after)]["spec"]["image"] == "other"


def test_a_step_action_that_may_change_under_a_key_is_seen() -> None:
    found = optimized(ACTION + TASK)
    (task,) = named(found, "Task").values()
    name = referred(task)
    edited = copy.deepcopy(found)
    named(edited, "StepAction")[name]["spec"]["image"] = "other"
    assert "is not what its name says" in stale(edited)
    next(step for step in task["spec"]["steps"] if "ref" in step)["ref"]["name"] = "measure"
    assert "the StepAction 'measure' may change" in stale(found)


def test_it_runs_what_the_key_covers(tmp_path: Path) -> None:
    found = optimized(ACTION + TASK)
    (task,) = named(found, "Task").values()
    actions = named(found, "StepAction")
    (tmp_path / "store").mkdir()
    ran = []
    for number, given in enumerate(("ab", "abc", "ab")):
        spec = copy.deepcopy(task["spec"])
        for step in spec["steps"]:
            if "ref" in step:
                passed = {"text": given, "more": "0"}
                body = actions[step.pop("ref")["name"]]["spec"]
                env = [{**item, "value": passed[item["value"][len("$(params.") : -1]]} for item in body["env"]]
                step.update(image=body["image"], script=body["script"], results=body["results"], env=env)
                del step["params"]
        pod = Pod(tmp_path / str(number), spec, {"x": given}, {"couler-cache": tmp_path / "store"})
        ended = pod.run()
        assert ended.results == {"r": f"{len(given) + 1} of {given}"}
        ran.append("measure" in ended.ran)
    assert ran == [True, True, False]


def resolved(pin: str, allow: str = "") -> str:
    reference = f"{{resolver: git, params: [{{name: url, value: u}}, {{name: revision, value: {pin}}}]}}"
    return TASK.replace("{name: measure}\n", f"{reference}\n").replace("cache: pure", f"cache: pure{allow}")


COMMIT = "0123456789abcdef" * 2 + "01234567"
WAIVED = ', couler.io/cache-allow: "configured,run-context,secret"'


def test_a_step_action_through_a_resolver_has_to_be_pinned() -> None:
    assert rules(resolved("main", WAIVED)) == {"step-action"}
    (decision,) = [item for file in cached(resolved("main")).files for item in file.decisions]
    assert "pin it (its revision by a commit in full), or put it into these files" in decision.reason
    assert rules(resolved(COMMIT)) & {"configured", "run-context", "secret"}
    assert rules(resolved(COMMIT, WAIVED)) == set()
    assert None is not spec_hash(resolved(COMMIT, WAIVED)) != spec_hash(resolved("a" + COMMIT[1:], WAIVED))


def test_a_step_action_that_is_not_seen_may_hold_what_words_forbid() -> None:
    broad = resolved(COMMIT, WAIVED).replace("couler.io/cache: pure, ", "")
    run = "---\napiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {name: run, annotations: {couler.io/cache: pure}}\n"
    run += "spec: {params: [{name: x, value: a}], taskRef: {name: sizes}}\n"
    assert rules(broad + PIPELINE.replace("name: p}", "name: p, annotations: {couler.io/cache: pure}}")) >= {"clock"}
    assert "clock" not in rules(broad + run)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (TASK, "step-action"),
        (ACTION + "---\n" + ACTION.replace("busybox", "other") + TASK, "step-action"),
        (ACTION.replace("labels: {team: a}", "annotations: {couler.io/cache: never}") + TASK, "never"),
        (ACTION.replace("image: busybox", "image: 1") + TASK, "malformed"),
        (ACTION.replace("value: $(params.text)", "valueFrom: {secretKeyRef: {name: s, key: k}}") + TASK, "secret"),
        (ACTION.replace("$TEXT$MORE", "$(context.taskRun.uid)") + TASK, "run-context"),
        (ACTION.replace("$TEXT$MORE", "$(workspaces.other.path)") + TASK, "workspace"),
        (ACTION.replace("$(params.more)", "$(params.x)") + TASK, "propagated"),
        (ACTION.replace("  image", "  volumeMounts: [{name: v, mountPath: /v}]\n  image") + TASK, "volume"),
        (
            ACTION + TASK.replace("  - name: measure\n", "  - {name: a, image: b, results: [{name: z}]}\n  - name: m\n")
            .replace('value: "$(params.x)"', "value: $(steps.a.results.z)")
            .replace("steps.measure", "steps.m"),
            "step-result",
        ),
        (ACTION + TASK.replace('couler.io/max-output-bytes: "64"', "a: b"), "unbounded-output"),
    ],
)  # fmt: skip
def test_what_a_step_action_may_not_be(text: str, rule: str) -> None:
    assert rules(text) == {rule}


def test_a_result_of_a_step_may_reach_the_arguments_of_a_step_action() -> None:
    action = ACTION.replace("value: $(params.text)", "value: a").replace(
        "  image", '  args: ["$(params.text)"]\n  image'
    )
    task = TASK.replace("  - name: measure\n", "  - {name: a, image: b, results: [{name: z}]}\n  - name: measure\n")
    assert rules(action + task.replace('value: "$(params.x)"', "value: $(steps.a.results.z)")) == set()
