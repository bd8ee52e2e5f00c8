"""Tasks of KFP's pipelines are tuned: what is written, what really runs, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.kfp.local.running import run
from adapters.kfp.tuning.pipelines import TASK, training
from couler_kfp.plugin import KfpAdapter
from couler_plugins.api import Result, Text, optimize
from couler_plugins.documents import read
from couler_plugins.errors import CoulerError
from couler_plugins.options.config import Config

TRIALS = "tune{trials=6,tuner='optuna{seed=3}'}"
OURS = ("0.9", "3", "deep")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> str:
    return _compiled(tmp_path_factory.mktemp("pipeline"), TASK)


def _compiled(folder: Path, task: dict[str, Any] | None) -> str:
    from kfp import compiler

    path = folder / "pipeline.yaml"
    compiler.Compiler().compile(training(task), str(path))
    return path.read_text()


def tuned(text: str, pipeline: str = TRIALS) -> Result:
    return optimize(Text(text, "churn.yaml"), pipeline, config=Config())


def spec(text: str) -> Any:
    return read(text, "churn.yaml").documents[0].data


def loss(rate: float, depth: int, kind: str) -> float:
    return abs(rate - 0.3) + 0.1 * abs(depth - 5) + (kind == "wide")


def test_a_tuned_pipeline_is_one_that_kfp_takes(compiled: str) -> None:
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    text = tuned(compiled).text
    assert not list(KfpAdapter().lint(KfpAdapter().load([read(text, "churn.yaml")])))
    after, before = spec(text), spec(compiled)
    json_format.ParseDict(after, pipeline_spec_pb2.PipelineSpec())
    tasks = after["root"]["dag"]["tasks"]
    assert set(tasks) == {"prepare", "train-trials", "train-best", "train", "report"}
    assert {name: tasks[name] for name in ("prepare", "report")} == {
        name: before["root"]["dag"]["tasks"][name] for name in ("prepare", "report")
    }
    items = json.loads(tasks["train-trials"]["parameterIterator"]["items"]["raw"])
    assert len(items) == 6
    assert items[0] == {"rate": 0.9, "depth": 3, "kind": "deep"}
    assert after["pipelineInfo"]["description"].startswith("Trains.\n\ncouler.io/tuned: {")
    assert len(after["deploymentSpec"]["executors"]) == len(before["deploymentSpec"]["executors"]) + 1


def test_the_trials_really_run_and_the_best_is_picked(compiled: str, tmp_path: Path) -> None:
    text = tuned(compiled).text
    items = json.loads(spec(text)["root"]["dag"]["tasks"]["train-trials"]["parameterIterator"]["items"]["raw"])
    best = min(items, key=lambda item: loss(**item))
    assert best != items[0]
    done = run(text, {"log": str(tmp_path / "log")})
    assert not done.error, done.log
    ran = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    wanted = [[str(float(item["rate"])), str(item["depth"]), item["kind"]] for item in items]
    assert sorted(ran[:6]) == sorted(wanted)
    assert ran[6:] == [[str(float(best["rate"])), str(best["depth"]), best["kind"]]]
    (told,) = done.outputs.values()
    assert told == f"{best['rate']} {best['depth']} {best['kind']}: {loss(**best)}"


def test_so_many_trials_run_at_a_time(compiled: str) -> None:
    some = TRIALS.replace("trials=6", "trials=6,parallel=2")
    text = tuned(compiled, some).text
    assert spec(text)["root"]["dag"]["tasks"]["train-trials"]["iteratorPolicy"] == {"parallelismLimit": 2}
    assert tuned(text, some).text == text
    assert tuned(text).text == tuned(compiled).text


def test_what_is_not_marked_may_be_named(tmp_path: Path) -> None:
    said = {"metric-from" if name == "metric_from" else name: content for name, content in TASK.items()}
    (tmp_path / "task.yaml").write_text(json.dumps(said))
    plain = _compiled(tmp_path, None)
    by_name = tuned(plain, f"tune{{trials=6,tuner='optuna{{seed=3}}',steps=train,task={tmp_path}/task.yaml}}").text
    assert len(spec(by_name)["root"]["dag"]["tasks"]) == 5
    assert tuned(plain).text == plain


def test_tuning_twice_changes_nothing_and_other_options_begin_anew(compiled: str) -> None:
    once = tuned(compiled).text
    assert tuned(once).text == once
    assert tuned(once, TRIALS.replace("6", "4")).text == tuned(compiled, TRIALS.replace("6", "4")).text


def test_every_edit_is_explained(compiled: str) -> None:
    (file,) = tuned(compiled).files
    assert file.status == "changed", file
    assert all(edit.decision is not None for edit in file.edits), file.edits


def test_the_cache_takes_the_last_run_from_the_trials(compiled: str) -> None:
    tasks = spec(tuned(compiled, f"{TRIALS},cache{{assume-pure=yes}}").text)
    again = tuned(compiled, f"{TRIALS},cache{{assume-pure=yes}}").text
    trial = tasks["components"]["comp-train-trials"]["dag"]["tasks"]["train"]
    assert trial["cachingOptions"] == tasks["root"]["dag"]["tasks"]["train"]["cachingOptions"]
    assert tuned(again, f"{TRIALS},cache{{assume-pure=yes}}").text == again


def test_whole_numbers_are_choices_of_whole_numbers(tmp_path: Path) -> None:
    task = {**TASK, "space": {"depth": {"type": "categorical", "choices": [2, 3, 8]}}}  # KFP compiles 3 to 3.0
    tasks = spec(tuned(_compiled(tmp_path, task)).text)["root"]["dag"]["tasks"]
    items = json.loads(tasks["train-trials"]["parameterIterator"]["items"]["raw"])
    assert [item["depth"] for item in items[:1]] == [3]
    assert sorted(item["depth"] for item in items) == [2, 3, 8]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"space": {"rate": {"type": "categorical", "choices": ["slow", "fast"]}}}, "'0.9'|0.9"),
        ({"space": {"depht": {"type": "int", "low": 1, "high": 8}}}, "no input parameter 'depht'"),
        ({"space": {"depth": {"type": "float", "low": 1, "high": 8}}}, "declared as NUMBER_INTEGER"),
        ({"space": {"kind": {"type": "categorical", "choices": ["deep", "{{$}}"]}}}, "placeholder"),
        ({"metric_from": "auc"}, "no output parameter 'auc'"),
    ],
    ids=["values", "name", "type", "placeholder", "metric"],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    text = _compiled(tmp_path, {**TASK, **change})
    with pytest.raises(CoulerError, match=said) as caught:
        tuned(text)
    assert caught.value.step == "root/train"
    assert caught.value.hint


def test_a_mark_that_makes_no_sense_is_refused_where_it_is_made(tmp_path: Path) -> None:
    with pytest.raises(CoulerError, match="space"):
        _compiled(tmp_path, {"data": TASK["data"], "space": {}})
