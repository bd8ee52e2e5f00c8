"""Steps of Argo's workflows are tuned: what is written, what really runs, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from couler_argo.plugin import ArgoAdapter
from couler_plugins.api import Result, Text, optimize
from couler_plugins.config import Config
from couler_plugins.documents import read
from local.running import runs

MANIFEST = (Path(__file__).parent / "churn.yaml").read_text()
TRIALS = "tune{trials=6,tuner='optuna{seed=3}'}"


def tuned(text: str, pipeline: str = TRIALS, name: str = "churn.yaml") -> Result:
    return optimize(Text(text, name), pipeline, config=Config())


def document(text: str) -> Any:
    (found,) = read(text, "w.yaml").documents
    return found.data


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

    def auc(item: dict[str, str]) -> float:
        return 0.9 - abs(float(item["rate"]) - 0.03) - 0.01 * abs(int(item["depth"]) - 5)

    best = max(items, key=auc)
    assert best != items[0]
    ran = runs(text, tmp_path)
    assert ran.well, ran.status
    started = (ran.folder / "started").read_text().splitlines()
    assert sorted(started[:6]) == sorted(f"{item['rate']} {item['depth']}" for item in items)
    assert started[6:] == [f"{best['rate']} {best['depth']}"]
    assert float((ran.folder / "reported").read_text()) == auc(best)


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
