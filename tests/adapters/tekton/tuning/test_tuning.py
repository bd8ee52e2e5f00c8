"""Tasks of Tekton's pipelines are tuned: what is written, what comes of the trials' programs, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.tekton.tuning.tasks import gathered, run_matrix, run_task
from couler_plugins.api import Result, Text, optimize
from couler_plugins.documents import dump_yaml, read
from couler_plugins.errors import Unsupported
from couler_plugins.options.config import Config
from couler_tekton.plugin import TektonAdapter

pytestmark = pytest.mark.sampled

MANIFEST = (Path(__file__).parent / "churn.yaml").read_text()
TRIALS = "tune{trials=12,tuner='optuna{seed=3}'}"


def tuned(text: str, pipeline: str = TRIALS) -> Result:
    return optimize(Text(text, "churn.yaml"), pipeline, config=Config())


def tasks(text: str) -> dict[str, Any]:
    _, pipeline = read(text, "w.yaml").documents
    return {task["name"]: task for task in pipeline.data["spec"]["tasks"]}


def lint(text: str) -> list[str]:
    return [remark.message for remark in TektonAdapter().lint(TektonAdapter().load([read(text, "w.yaml")]))]


def picked(text: str, folder: Path) -> tuple[dict[str, str], list[dict[str, str]], int]:
    """The setting that is picked, all settings, and how many trials failed."""
    made = tasks(text)
    runs = run_matrix(made["train-trials"], {"rows": "10"}, folder / "trials")
    (given,) = made["train-best"]["params"]
    assert given == {"name": "trials", "value": "$(tasks.train-trials.results.couler-trial[*])"}
    best = run_task(made["train-best"]["taskSpec"], {"trials": gathered(runs, "couler-trial")}, folder / "best")
    assert best.well
    settings = [
        {item["name"]: item["value"] for item in row["params"]} for row in made["train-trials"]["matrix"]["include"]
    ]
    return best.results, settings, sum(not run.well for run in runs)


def test_a_tuned_pipeline_is_one_that_tekton_takes() -> None:
    text = tuned(MANIFEST).text
    assert lint(MANIFEST) == []
    assert lint(text) == []
    before, after = tasks(MANIFEST), tasks(text)
    assert list(after) == ["prepare", "train-trials", "train-best", "train", "report"]
    assert (after["prepare"], after["report"]) == (before["prepare"], before["report"])
    passed = {item["name"]: item["value"] for item in after["train"]["params"]}
    assert passed == {
        "rows": "$(tasks.prepare.results.rows)",
        "rate": "$(tasks.train-best.results.rate)",
        "depth": "$(tasks.train-best.results.depth)",
    }
    assert after["train"] | {"params": 0} == before["train"] | {"params": 0}
    assert text.startswith(MANIFEST[: MANIFEST.index("---")])  # the Task is for others as well


def test_the_best_of_the_trials_is_picked(tmp_path: Path) -> None:
    best, settings, failed = picked(tuned(MANIFEST).text, tmp_path)

    def auc(setting: dict[str, str]) -> float:
        return 0.9 - abs(float(setting["rate"]) - 0.03) - 0.01 * abs(int(setting["depth"]) - 5)

    wanted = max(settings, key=auc)
    assert failed == 0
    assert len(settings) == 12
    assert best == {"rate": wanted["rate"], "depth": wanted["depth"]}
    assert best != {"rate": "0.1", "depth": "3"}


@pytest.mark.parametrize("good", [["0.1"], []], ids=["one is left", "none is left"])
def test_trials_that_fail_count_for_nothing(good: list[str], tmp_path: Path) -> None:
    source = MANIFEST.replace(
        "open(path,", f'open(path, "w").write("1.0"); assert sys.argv[1] in {good}\n      open(path,'
    )
    best, _, failed = picked(tuned(source).text, tmp_path)
    assert failed == 12 - len(good)
    assert best == {"rate": "0.1", "depth": "3"}


def test_the_picker_is_told_what_a_run_was_given(tmp_path: Path) -> None:
    text = MANIFEST.replace('value: "0.1"', "value: $(params.lr)")
    text = text.replace("spec:\n  workspaces:", 'spec:\n  params:\n  - {name: lr, default: "0.1"}\n  workspaces:')
    made = tasks(tuned(text).text)
    first = {item["name"]: item["value"] for item in made["train-trials"]["matrix"]["include"][0]["params"]}
    assert first == {"rate": "$(params.lr)", "depth": "3", "couler-number": "0"}
    assert made["train-best"]["params"][1:] == [{"name": "given-rate", "value": "$(params.lr)"}]
    given: dict[str, str | list[str]] = {"trials": ["0 none", "1 x"], "given-rate": "0.77"}
    best = run_task(made["train-best"]["taskSpec"], given, tmp_path / "best")
    assert best.results == {"rate": "0.77", "depth": "3"}


def test_tuning_twice_changes_nothing_and_other_options_begin_anew() -> None:
    once = tuned(MANIFEST)
    assert tuned(once.text).text == once.text
    assert tuned(once.text, TRIALS.replace("12", "5")).text == tuned(MANIFEST, TRIALS.replace("12", "5")).text
    (file,) = once.files
    assert all(edit.decision is not None for edit in file.edits), file.edits


def test_the_trials_are_cached_and_all_optimizers_find_nothing_more_to_do() -> None:
    bound = MANIFEST.replace("    couler.io/tune: |", '    couler.io/max-output-bytes: "300"\n    couler.io/tune: |')
    bare = "".join(line for line in bound.splitlines(True) if "models" not in line and "workspaces:" not in line)
    whole = f"{TRIALS},cache{{assume-pure=true,via=wrapper,store='s3://bucket/cache',image=couler}}"
    once = tuned(bare, whole)
    assert lint(once.text) == []
    steps = [step["name"] for step in tasks(once.text)["train-trials"]["taskSpec"]["steps"]]
    assert steps == ["couler-restore", "couler-begin", "fit", "couler-end", "couler-save"]
    assert tuned(once.text, whole).text == once.text
    assert tuned(once.text, TRIALS).text == once.text


REFERENCE = "    taskRef: {name: train}\n"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (REFERENCE, f"{REFERENCE}    when: [{{input: a, operator: in, values: [a]}}]\n", "it has a `when`"),
        (REFERENCE, f"{REFERENCE}    matrix: {{params: [{{name: depth, value: ['1']}}]}}\n", "it runs in a loop"),
        ('value: "0.1"', "value: $(params.rate)", "only a run knows 'rate'"),
        (
            "depth: {type: int, low: 1, high: 8}",
            f"depth: {{type: categorical, choices: ['3', '{'x' * 3000}']}}",
            "and a task hands on at most 3,000",
        ),
    ],
    ids=["when", "matrix", "parameter", "result"],
)
def test_what_cannot_be_tuned_is_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(Unsupported, match=message) as caught:
        _ = tuned(MANIFEST.replace(old, new)).text
    assert caught.value.step == "pipeline/train"
    assert caught.value.hint


def test_a_matrix_starts_all_at_once() -> None:
    with pytest.raises(Unsupported, match="starts all runs of a matrix at once") as caught:
        _ = tuned(MANIFEST, TRIALS.replace("trials=12", "trials=12,parallel=2")).text
    assert "leave parallel out" in (caught.value.hint or "")


def test_a_task_that_is_embedded_is_tuned_as_well() -> None:
    task, pipeline = (document.data for document in read(MANIFEST, "churn.yaml").documents)
    key = "couler.io/tune"
    pipeline["metadata"]["annotations"] = {f"{key}.train": task["metadata"]["annotations"][key]}
    embedded = pipeline["spec"]["tasks"][1]
    del embedded["taskRef"]
    embedded["taskSpec"] = {**task["spec"], "metadata": {"annotations": {"couler.io/cache": "pure", key: "no matter"}}}
    text = tuned(dump_yaml(pipeline)).text
    assert lint(text) == []
    made = {item["name"]: item for item in read(text, "w.yaml").documents[0].data["spec"]["tasks"]}
    assert made["train-trials"]["taskSpec"]["metadata"] == {"annotations": {"couler.io/cache": "pure"}}
    assert tuned(text).text == text
