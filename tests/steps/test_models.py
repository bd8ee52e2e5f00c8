"""Training, judging and using models, from one step to the next."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from step_runs import Runs
from support import first_of

# skops looks at every module that is imported when it is, and Airflow warns of names that are asked of its own.
pytestmark = pytest.mark.filterwarnings("ignore:The `airflow")

NUMBERS: dict[str, list[float]] = {
    "size": [float(number) for number in range(60)],
    "noise": [number % 7 for number in range(60)],
}
ESTIMATORS = ("linear", "tree", "random-forest", "gradient-boosting", "nearest-neighbors", "support-vector")
TRAINERS: list[tuple[str, dict[str, Any]]] = [
    *(("sklearn-train", {"estimator": name}) for name in ESTIMATORS),
    ("xgboost-train", {"rounds": 20}),
    ("lightgbm-train", {"rounds": 20}),
    ("mlp-train", {"layers": ["8"], "learning_rate": 0.05, "epochs": 60, "batch_size": 16}),
]
ALL_TRAINERS = pytest.mark.parametrize(
    ("name", "settings"),
    first_of((pytest.param(name, given, id=given.get("estimator", name)) for name, given in TRAINERS), 3),
)


@pytest.fixture
def classes(run: Runs) -> str:
    frame = pd.DataFrame(NUMBERS | {"kind": ["small" if size < 30 else "large" for size in NUMBERS["size"]]})
    return run.table(frame.to_csv(index=False))


@pytest.fixture
def values(run: Runs) -> str:
    return run.table(pd.DataFrame(NUMBERS | {"cost": [2 * size for size in NUMBERS["size"]]}).to_csv(index=False))


@ALL_TRAINERS
def test_every_trainer_learns_classes(run: Runs, classes: str, name: str, settings: dict[str, Any]) -> None:
    pytest.importorskip("xgboost")
    model = run(name, data=classes, target="kind", **settings)["model"]
    given = run("evaluate-model", model=model, data=classes, target="kind")
    assert float(given["score"]) > 0.9
    assert json.loads(given["metrics"])["accuracy"] == float(given["score"])
    predicted = run("batch-predict", model=model, data=classes, column="guess")
    guesses = pd.read_csv(predicted["predictions"])["guess"]
    assert (guesses.iloc[0], guesses.iloc[59], predicted["rows"]) == ("small", "large", "60")


@ALL_TRAINERS
def test_every_trainer_learns_numbers(run: Runs, values: str, name: str, settings: dict[str, Any]) -> None:
    pytest.importorskip("xgboost")
    more = {"settings": '{"C": 1000.0}'} if settings.get("estimator") == "support-vector" else {}
    model = run(name, data=values, target="cost", task="regression", **settings, **more)["model"]
    assert float(run("evaluate-model", model=model, data=values, target="cost", metric="r2")["score"]) > 0.8


def test_a_trainer_takes_the_settings_of_its_library(run: Runs, classes: str) -> None:
    given = {"data": classes, "target": "kind", "estimator": "tree"}
    assert run("sklearn-train", **given, settings='{"max_depth": 1}')["model"].endswith(".skops")
    with pytest.raises(SystemExit, match="a DecisionTreeClassifier has no setting 'depth': it has ccp_alpha"):
        run("sklearn-train", **given, settings='{"depth": 1}')


@pytest.mark.parametrize(
    ("table", "arguments", "problem"),
    [
        ("a,y\n1,p\n2,q\n", {"target": "z"}, "no column 'z'"),
        ("a,b,y\n1,,p\n2,3,q\n", {"target": "y"}, "the column 'b' lacks values: fill them in first"),
        ("a,b,y\n1,x,p\n2,x,q\n", {"target": "y", "features": ["b"]}, "the column 'b' holds no numbers"),
        ("a,y\nx,p\nz,q\n", {"target": "y"}, "the table has no columns of numbers"),
    ],
)
def test_what_cannot_be_learnt_is_said_in_a_sentence(run: Runs, table: str, arguments: Any, problem: str) -> None:
    with pytest.raises(SystemExit, match=problem):
        run("sklearn-train", data=run.table(table), **arguments)


def test_a_model_is_asked_for_metrics_of_its_kind(run: Runs, values: str) -> None:
    model = run("sklearn-train", data=values, target="cost", task="regression", estimator="linear")["model"]
    with pytest.raises(SystemExit, match="accuracy is no metric of such a model: there is mae, r2, rmse"):
        run("evaluate-model", model=model, data=values, target="cost")


class Bad:
    def __reduce__(self) -> Any:
        return print, ("run!",)


def test_nothing_in_a_model_is_run_when_it_is_read(
    run: Runs, classes: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = run("sklearn-train", data=classes, target="kind", estimator="linear")["model"]
    bad = tmp_path / "bad.skops"
    with zipfile.ZipFile(model) as good, zipfile.ZipFile(bad, "w") as other:
        text = good.read("schema.json").decode()
        other.writestr("schema.json", text.replace('"LogisticRegression"', '"Popen"').replace(LOGISTIC, '"subprocess"'))
        for name in good.namelist():
            if name != "schema.json":
                other.writestr(name, good.read(name))
    with pytest.raises(SystemExit, match=r"the model holds what no step here trains: subprocess\.Popen"):
        run("batch-predict", model=str(bad), data=classes)
    (tmp_path / "pickled.skops").write_bytes(pickle.dumps(Bad()))
    with pytest.raises(zipfile.BadZipFile):
        run("batch-predict", model=str(tmp_path / "pickled.skops"), data=classes)
    assert "run!" not in capsys.readouterr().out


LOGISTIC = '"sklearn.linear_model._logistic"'


@pytest.mark.parametrize(
    ("better", "model", "score", "number"), [("higher", "/b", "0.9", "1"), ("lower", "/a", "0.5", "0")]
)
def test_compare_models_selects_the_first_of_the_best(
    run: Runs, better: str, model: str, score: str, number: str
) -> None:
    given = run("compare-models", models=["/a", "/b", "/c"], scores=["0.5", "0.9", "0.9"], better=better)
    assert given == {"model": model, "score": score, "number": number}


@pytest.mark.parametrize(("models", "scores"), [(["/a"], []), ([], []), (["/a"], ["nan"])])
def test_compare_models_needs_a_score_for_each(run: Runs, models: list[str], scores: list[str]) -> None:
    with pytest.raises(SystemExit, match="give each model a score"):
        run("compare-models", models=models, scores=scores)


@pytest.mark.parametrize(
    ("value", "better", "passed"), [(0.9, "higher", "true"), (0.7, "higher", "false"), (0.7, "lower", "true")]
)
def test_threshold_gate(run: Runs, value: float, better: str, passed: str) -> None:
    assert run("threshold-gate", value=value, threshold=0.8, better=better) == {"passed": passed}


def test_threshold_gate_fails_where_asked(run: Runs) -> None:
    assert run("threshold-gate", value=0.9, threshold=0.8, fail=True) == {"passed": "true"}
    with pytest.raises(SystemExit, match=r"0\.7 is not good enough"):
        run("threshold-gate", value=0.7, threshold=0.8, fail=True)


def test_register_model_publishes_it_with_a_card(run: Runs, tmp_path: Path) -> None:
    model = run.table("content", "some.skops")
    registry = str(tmp_path / "registry")
    given = run("register-model", model=model, name="churn", metrics='{"f1": 0.9}', registry=registry)
    assert given["place"] == f"{registry}/churn/{given['version']}/model.skops"
    assert Path(given["place"]).read_text() == "content"
    card = json.loads((tmp_path / "registry" / "churn" / "latest.json").read_text())
    assert card["metrics"] == {"f1": 0.9}
    assert card["sha256"].startswith(given["version"])
    assert run("register-model", model=model, name="churn", version="v2", registry=registry)["version"] == "v2"
    assert json.loads((tmp_path / "registry" / "churn" / "latest.json").read_text())["version"] == "v2"


@pytest.mark.parametrize("name", ["../other", "a/b", ".hidden"])
def test_register_model_stays_in_its_folder(run: Runs, tmp_path: Path, name: str) -> None:
    with pytest.raises(SystemExit, match="have to be names without a slash"):
        run("register-model", model=run.table("x"), name=name, registry=str(tmp_path / "registry"))
    assert not (tmp_path / "registry").exists()


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("name", ["xgboost-train", "lightgbm-train", "sklearn-train"])
def test_the_column_that_decides_explains_a_model(
    run: Runs, request: pytest.FixtureRequest, name: str, task: str
) -> None:
    pytest.importorskip("xgboost")
    target, fixture = ("kind", "classes") if task == "classification" else ("cost", "values")
    data = request.getfixturevalue(fixture)
    settings = {"estimator": "tree"} if name == "sklearn-train" else {"rounds": 10}
    model = run(name, data=data, target=target, task=task, **settings)["model"]
    given = run("explain-model", model=model, data=data)
    assert json.loads(given["features"]) == ["size", "noise"]
    most, least = pd.read_csv(given["importances"])["importance"]
    assert most > 0.1
    assert least < most / 10


def test_shap_values_of_trees_sum_up_to_what_is_predicted(run: Runs, values: str) -> None:
    """One column alone: the mean of |SHAP| is that of how far predictions are from their mean."""
    pytest.importorskip("xgboost")
    model = run("xgboost-train", data=values, target="cost", features=["size"], task="regression")["model"]
    explained = run("explain-model", model=model, data=values, method="contributions", most=1)
    predicted = pd.read_csv(run("batch-predict", model=model, data=values, column="guess")["predictions"])["guess"]
    (importance,) = pd.read_csv(explained["importances"])["importance"]
    assert importance == pytest.approx((predicted - predicted.mean()).abs().mean(), rel=0.01)


def test_contributions_are_those_of_boosted_trees(run: Runs, classes: str) -> None:
    model = run("sklearn-train", data=classes, target="kind")["model"]
    with pytest.raises(SystemExit, match="a RandomForestClassifier has no such contributions"):
        run("explain-model", model=model, data=classes, method="contributions")


def test_a_model_that_was_published_is_loaded_by_its_name(run: Runs) -> None:
    registry = str(run.folder / "models")
    for version, text in (("1", "old"), ("2", "new")):
        model = run.table(text, "m.skops")
        run("register-model", model=model, name="a.churn", version=version, metrics='{"f1": 0.5}', registry=registry)
    given = run("load-model", name="a.churn", registry=registry)
    assert (Path(given["model"]).read_text(), given["version"], given["metrics"]) == ("new", "2", '{"f1": 0.5}')
    assert Path(run("load-model", name="a.churn", version="1", registry=registry)["model"]).read_text() == "old"
    with pytest.raises(SystemExit, match=r"there is no model 'a.spam' in"):
        run("load-model", name="a.spam", registry=registry)
    with pytest.raises(SystemExit, match="have to be names without a slash"):
        run("load-model", name="../churn", registry=registry)
