"""Steps of Argo's workflows are tuned: what is written, what really runs, and what is refused."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adapters.airflow.generated.argo_runs import Leaf, ManifestRun, Outcome
from adapters.argo.tuning.manifests import MANIFEST, TRIALS, auc, document, in_steps, tuned
from couler_argo.plugin import ArgoAdapter
from couler_plugins.documents import read
from couler_plugins.errors import InvalidInput, Unsupported
from running.local.running import runs
from support import first_of

pytestmark = pytest.mark.sampled


def templates(text: str) -> dict[str, Any]:
    return {item["name"]: item for item in document(text)["spec"]["templates"]}


def lint(text: str) -> list[str]:
    return [remark.message for remark in ArgoAdapter().lint(ArgoAdapter().load([read(text, "w.yaml")]))]


def with_training(source: str, text: str = MANIFEST) -> str:
    before, rest = text.split("        # training\n")
    _, after = rest.split("        # trained\n")
    return before + "".join(f"        {line}\n" for line in source.strip().splitlines()) + after


def test_a_tuned_workflow_is_one_that_argo_takes() -> None:
    text = tuned(MANIFEST).text
    assert lint(MANIFEST) == []
    assert lint(text) == []
    main = {task["name"]: task for task in templates(text)["main"]["dag"]["tasks"]}
    assert list(main) == ["prepare", "train-trials", "train-best", "train", "report"]
    assert main["train-trials"]["withItems"][0] == {"couler-number": "0", "depth": "3", "rate": "0.1"}
    assert len(main["train-trials"]["withItems"]) == 6
    before = {task["name"]: task for task in templates(MANIFEST)["main"]["dag"]["tasks"]}
    assert main["report"] == before["report"]
    assert main["prepare"] == before["prepare"]


def test_the_trials_really_run_and_the_best_is_picked(tmp_path: Path) -> None:
    text = tuned(MANIFEST).text
    items = templates(text)["main"]["dag"]["tasks"][1]["withItems"]
    best = max(items, key=lambda item: auc(float(item["rate"]), int(item["depth"])))
    assert best != items[0]
    ran = runs(text, tmp_path)
    assert ran.well, ran.status
    started = (ran.folder / "started").read_text().splitlines()
    assert sorted(started[:6]) == sorted(f"{item['rate']} {item['depth']}" for item in items)
    assert started[6:] == [f"{best['rate']} {best['depth']}"]
    assert float((ran.folder / "reported").read_text()) == auc(float(best["rate"]), int(best["depth"]))


@pytest.mark.parametrize("root", ["dag", "steps"])
@pytest.mark.parametrize("kept", [6, 2, 0])
def test_a_judge_that_knows_nothing_of_us_picks_the_same(root: str, kept: int, tmp_path: Path) -> None:
    """Some trials fail; the program that picks the best is given what Argo would hand on of the others."""
    manifest = document(tuned(MANIFEST if root == "dag" else in_steps(MANIFEST)).text)
    trained: list[tuple[float, int]] = []

    def outcome(leaf: Leaf) -> Outcome:
        if leaf.image != "python:3.13-alpine":
            asked = re.search(r"rate, depth = (\S+), (\S+)", leaf.script)
            if asked is None:
                return Outcome(True, lambda name: "10")
            trained.append((float(asked[1]), int(asked[2])))
            return Outcome(len(trained) <= kept or len(trained) > 6, lambda name: str(auc(*trained[-1])))
        script = tmp_path / "best.py"
        script.write_text(leaf.script.replace("/tmp/couler", str(tmp_path / "chosen")))
        subprocess.run([sys.executable, script], env=dict(leaf.env), check=True, capture_output=True)  # type: ignore[arg-type]  # no secrets
        chosen = {f"parameters.{file.name}": file.read_text() for file in (tmp_path / "chosen").iterdir()}
        return Outcome(True, {**chosen, "result": ""}.__getitem__)

    run = ManifestRun(manifest, outcome)
    assert run.well
    assert len(trained) == 7
    assert trained[6] == max(trained[:kept], key=lambda setting: auc(*setting), default=(0.1, 3))


def test_so_many_trials_run_at_a_time_and_the_best_is_picked(tmp_path: Path) -> None:
    some = TRIALS.replace("trials=6", "trials=6,parallel=2")
    text = tuned(MANIFEST, some).text
    assert lint(text) == []
    made = templates(text)
    assert made["train-trials"]["parallelism"] == 2
    (((loop,),),) = ([made["train-trials"]["steps"][0]],)
    assert len(loop["withItems"]) == 6
    assert [item["name"] for item in made["train-trials"]["inputs"]["parameters"]] == ["rows"]
    assert tuned(text, some).text == text
    assert tuned(text).text == tuned(MANIFEST).text
    ran = runs(text, tmp_path)
    assert ran.well, ran.status
    best = max(loop["withItems"], key=lambda item: auc(float(item["rate"]), int(item["depth"])))
    started = (ran.folder / "started").read_text().splitlines()
    assert len(started) == 7
    assert started[6] == f"{best['rate']} {best['depth']}"


@pytest.mark.parametrize("more", ["", ",parallel=2"], ids=["all at once", "some at a time"])
@pytest.mark.parametrize("taken", first_of(["inputs.parameters.lr", "workflow.parameters.lr"]))
def test_a_run_that_is_given_another_value_of_a_parameter_begins_with_that(
    more: str, taken: str, tmp_path: Path
) -> None:
    source = """
with open("../../../../started", "a") as file:
    file.write("{{inputs.parameters.rate}}\\n")
open("/tmp/auc", "w").write("0.2")
assert "{{inputs.parameters.rate}}" == "0.77"
"""
    text = with_training(source).replace('value: "0.1"', f'value: "{{{{{taken}}}}}"')
    declared = 'entrypoint: main\n  arguments: {parameters: [{name: lr, value: "0.1"}]}\n'
    text = text.replace("entrypoint: main\n", declared)
    if taken.startswith("inputs"):
        text = text.replace("name: main\n    dag", "name: main\n    inputs: {parameters: [{name: lr}]}\n    dag")
    made = tuned(text, TRIALS.replace("trials=6", f"trials=6{more}")).text
    assert lint(made) == []
    ran = runs(made.replace('{name: lr, value: "0.1"}', '{name: lr, value: "0.77"}'), tmp_path)
    assert ran.well, ran.status
    started = (ran.folder / "started").read_text().splitlines()
    assert len(started) == 7
    assert "0.77" in started[:6]
    assert started[6] == "0.77"


@pytest.mark.parametrize("root", ["dag", "steps"])
def test_a_judge_that_knows_nothing_of_us_reads_trials_that_wait_for_each_other(root: str, tmp_path: Path) -> None:
    some = TRIALS.replace("trials=6", "trials=6,parallel=2")
    manifest = document(tuned(MANIFEST if root == "dag" else in_steps(MANIFEST), some).text)
    trained: list[tuple[float, int]] = []

    def outcome(leaf: Leaf) -> Outcome:
        if leaf.image != "python:3.13-alpine":
            asked = re.search(r"rate, depth = (\S+), (\S+)", leaf.script)
            if asked is None:
                return Outcome(True, lambda name: "10")
            trained.append((float(asked[1]), int(asked[2])))
            return Outcome(True, lambda name: str(auc(*trained[-1])))
        script = tmp_path / "best.py"
        script.write_text(leaf.script.replace("/tmp/couler", str(tmp_path / "chosen")))
        subprocess.run([sys.executable, script], env=dict(leaf.env), check=True, capture_output=True)  # type: ignore[arg-type]  # no secrets
        chosen = {f"parameters.{file.name}": file.read_text() for file in (tmp_path / "chosen").iterdir()}
        return Outcome(True, {**chosen, "result": ""}.__getitem__)

    assert ManifestRun(manifest, outcome).well
    assert len(trained) == 7
    assert trained[6] == max(trained[:6], key=lambda setting: auc(*setting))


def test_trials_that_fail_count_for_nothing(tmp_path: Path) -> None:
    source = """
with open("../../../../started", "a") as file:
    file.write("{{inputs.parameters.rate}} {{inputs.parameters.depth}}\\n")
open("/tmp/auc", "w").write("1.0" if "{{inputs.parameters.rate}}" != "0.1" else "0.2")
assert "{{inputs.parameters.rate}}" == "0.1", "what was left before counts for nothing"
"""
    ran = runs(tuned(with_training(source)).text, tmp_path)
    assert ran.well, ran.status
    started = (ran.folder / "started").read_text().splitlines()
    assert len(started) == 7
    assert started[6] == "0.1 3"
    assert (ran.folder / "reported").read_text() == "0.2\n"


def test_where_all_trials_fail_the_step_runs_as_its_owner_set_it_and_fails(tmp_path: Path) -> None:
    source = """
with open("../../../../started", "a") as file:
    file.write("{{inputs.parameters.rate}}\\n")
open("/tmp/auc", "w")
raise SystemExit(3)
"""
    ran = runs(tuned(with_training(source)).text, tmp_path)
    assert ran.status.phase == "failed"
    assert (ran.folder / "started").read_text().splitlines()[6:] == ["0.1"]


def test_a_metric_may_be_what_the_step_prints(tmp_path: Path) -> None:
    source = """
print("epoch 1")
print('{"auc": %s, "junk": "\\\\"}}"}' % (1 if "{{inputs.parameters.rate}}" == "0.1" else 2))
open("/tmp/auc", "w").write("{{inputs.parameters.rate}}")
"""
    text = MANIFEST.replace("metric-from: auc", "metric-from: result")
    ran = runs(tuned(with_training(source, text)).text, tmp_path)
    assert ran.well, ran.status
    assert (ran.folder / "reported").read_text() != "0.1\n"


def test_tuning_twice_changes_nothing_and_other_options_begin_anew() -> None:
    once = tuned(MANIFEST)
    assert tuned(once.text).text == once.text
    more = tuned(once.text, TRIALS.replace("6", "7")).text
    assert more == tuned(MANIFEST, TRIALS.replace("6", "7")).text
    assert tuned(once.text, "tune").text == once.text  # who names no tuner takes nothing back


def test_every_edit_is_explained() -> None:
    for text in (MANIFEST, tuned(MANIFEST, TRIALS.replace("6", "3")).text):
        (file,) = tuned(text).files
        assert file.status == "changed", file
        assert all(edit.decision is not None for edit in file.edits), file.edits


def test_a_template_of_another_workflow_is_tried_where_it_is() -> None:
    manifest = document(MANIFEST)
    train = manifest["spec"]["templates"].pop(2)
    call = manifest["spec"]["templates"][0]["dag"]["tasks"][1]
    del call["template"]
    call["templateRef"] = {"name": "library", "template": "train"}
    head = {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate", "metadata": {"name": "library"}}
    library = {**head, "spec": {"templates": [train]}}
    both = f"{json.dumps(manifest)}\n---\n{json.dumps(library)}\n"
    text = tuned(both).text
    assert lint(text) == []
    first, second = (item.data for item in read(text, "w.yaml").documents)
    assert second == library
    made = {item["name"]: item for item in first["spec"]["templates"]}
    assert made["train-trial"]["steps"][0][0]["templateRef"] == call["templateRef"]
    assert tuned(text).text == text
    with pytest.raises(Unsupported, match="what it calls is not in these files") as caught:
        _ = tuned(json.dumps(with_annotation(manifest))).text
    assert caught.value.hint == "give the file that holds it as well"


def with_annotation(manifest: Any) -> Any:
    """A manifest that says itself what to tune of its step."""
    (said,) = document(MANIFEST)["spec"]["templates"][2]["metadata"]["annotations"].values()
    return {**manifest, "metadata": {"generateName": "w-", "annotations": {"couler.io/tune.main.train": said}}}


def test_a_workflow_may_say_it_of_one_step() -> None:
    manifest = with_annotation(document(MANIFEST))
    del manifest["spec"]["templates"][2]["metadata"]
    text = tuned(json.dumps(manifest)).text
    assert [task["name"] for task in templates(text)["main"]["dag"]["tasks"]][1:3] == ["train-trials", "train-best"]
    lost = json.dumps(manifest).replace("couler.io/tune.main.train", "couler.io/tune.main.trian")
    assert lint(lost) == ["couler.io/tune.main.trian names no step: it is couler.io/tune.GRAPH.STEP"]
    with pytest.raises(InvalidInput, match="there is no such step") as caught:
        _ = tuned(lost).text
    assert caught.value.hint == "did you mean 'main/train'?"


def test_the_trials_wait_and_are_left_out_as_the_step_was() -> None:
    manifest = document(MANIFEST)
    manifest["spec"]["templates"][0]["dag"]["tasks"][1]["when"] = "{{tasks.prepare.outputs.parameters.rows}} > 5"
    tasks = {task["name"]: task for task in templates(tuned(json.dumps(manifest)).text)["main"]["dag"]["tasks"]}
    conditions = {name: tasks[name]["when"] for name in ("train-trials", "train-best", "train")}
    assert set(conditions.values()) == {"{{tasks.prepare.outputs.parameters.rows}} > 5"}
    assert tasks["train-trials"]["depends"] == "prepare"
    assert tasks["train"]["depends"] == "prepare && train-best"


@pytest.mark.parametrize(
    "pipeline", ["cache{assume-pure=true,via=memoize}", "cache{assume-pure=true,via=memoize},split{max-steps=3}"]
)
def test_other_optimizers_follow_and_all_of_them_find_nothing_more_to_do(pipeline: str, tmp_path: Path) -> None:
    whole = f"{TRIALS},{pipeline}"
    once = tuned(MANIFEST, whole)
    assert lint(once.text) == []
    assert tuned(once.text, whole).text == once.text
    assert tuned(once.text, TRIALS).text == once.text


def test_what_is_said_of_tuning_is_no_part_of_a_key() -> None:
    manifest = document(MANIFEST)
    bound = {"couler.io/max-output-bytes": "99"}
    (prepare, train) = manifest["spec"]["templates"][1:3]
    prepare["metadata"] = {"annotations": {**bound, "couler.io/cache-version": "1"}}
    train["metadata"]["annotations"] |= bound
    specs = []
    for _ in range(2):
        cached = document(tuned(json.dumps(manifest), "cache{assume-pure=true,via=memoize}").text)
        specs.append(json.loads(cached["metadata"]["annotations"]["couler.io/key-spec"]))
        train["metadata"]["annotations"].pop("couler.io/tune", None)
    assert specs[0] == specs[1]
    assert specs[0].keys() == {"prepare", "train"}
