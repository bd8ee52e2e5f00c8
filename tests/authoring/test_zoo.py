"""The step zoo, under the names of the released SDK and of the paper."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

import couler_plugins.authoring as couler
from couler_plugins.authoring.zoo import Dataset, katib, lightgbm, mpi, pytorch, tensorflow, xgboost
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Literal

TELCO = Dataset(data="s3://data/telco.csv", feature_cols="tenure, age,marital", label_col="churn")


def manifests(workflow: couler.AuthoredWorkflow) -> list[Any]:
    """The resources that Argo would create, without what is only known at run time."""
    found = []
    for template in yaml.safe_load(workflow.to("argo"))["spec"]["templates"]:
        if "resource" in template:
            text = template["resource"]["manifest"]
            tag = "{{=toJson(jsonpath(inputs.parameters.arguments, '$'))}}"
            found.append(json.loads(text.replace(tag, '["…"]')))
    return found


def arguments(workflow: couler.AuthoredWorkflow, step: str) -> dict[str, Any]:
    (found,) = (item for graph in workflow.ir.graphs for item in graph.steps if item.name == step)
    return {item.name: item.value.value for item in found.arguments if isinstance(item.value, Literal)}


def test_a_search_over_batch_sizes_trains_side_by_side() -> None:
    """The paper's model search: a loop of TFJobs, whose values the manifest gets from the loop."""

    def train(batch_size: Any) -> Any:
        return tensorflow.train(
            image="wide-deep:1",
            command="python /train_model.py",
            num_ps=1,
            num_workers=2,
            input_batch_size=batch_size,
            step_name="train",
        )

    with couler.workflow("search") as workflow:
        couler.map(train, [100, 200, 300])
    (step,) = workflow.ir.graphs[0].steps
    assert step.loop is not None
    (main, *_) = yaml.safe_load(workflow.to("argo"))["spec"]["templates"]
    (argument,) = main["dag"]["tasks"][0]["arguments"]["parameters"]
    assert argument == {"name": "arguments", "value": '["--input-batch-size={{item}}"]'}
    (manifest,) = manifests(workflow)
    replicas = manifest["spec"]["tfReplicaSpecs"]
    assert {kind: spec["replicas"] for kind, spec in replicas.items()} == {"Worker": 2, "PS": 1}
    (container,) = replicas["PS"]["template"]["spec"]["containers"]
    assert (container["command"], container["args"]) == (["python", "/train_model.py"], ["…"])


def test_two_libraries_learn_from_one_declared_data_set() -> None:
    """The paper's AutoML: both return where their model is."""
    with couler.workflow("automl", parameters={"store": "s3://models"}) as workflow:
        models = couler.concurrent(
            [
                lambda: xgboost.train(
                    datasource=TELCO,
                    model_params={"objective": "binary:logistic"},
                    train_params={"num_boost_round": 10, "max_depth": 5},
                ),
                lambda: lightgbm.train(datasource=TELCO, train_params={"num_boost_round": 10, "num_leaves": 15}),
            ]
        )
        couler.run_step("compare-models", models=[model["model"] for model in models], scores=["1", "2"])
    assert arguments(workflow, "xgboost-train") == {
        "data": "s3://data/telco.csv",
        "target": "churn",
        "features": '["tenure", "age", "marital"]',
        "task": "classification",
        "rounds": "10",
        "max-depth": "5",
    }
    assert arguments(workflow, "lightgbm-train")["leaves"] == "15"
    for engine in ("airflow", "argo", "kfp", "tekton"):
        assert "telco.csv" in workflow.to(engine)
    assert "{{tasks.xgboost-train.outputs.parameters.model}}" in workflow.to("argo")


def test_numbers_are_predicted_where_the_objective_says_so() -> None:
    with couler.workflow("cost", parameters={"store": "s3://models"}) as workflow:
        xgboost.train(datasource=TELCO, model_params={"objective": "reg:squarederror", "eta": 0.1}, image="all:1")
    assert arguments(workflow, "xgboost-train")["task"] == "regression"
    (operation,) = workflow.ir.operations
    assert operation.containers[0].image == Literal(value="all:1")
    assert "pip" not in workflow.to("argo")


def test_pytorch_and_mpi() -> None:
    with couler.workflow("two") as workflow:
        pytorch.train("torch:1", ["torchrun", "t.py"], num_workers=3, resources={"cpu": 4, "memory": "8Gi", "gpu": 1})
        mpi.train("mpi:1", "mpirun -n 4 python 't t.py'", num_workers=2, slots_per_worker=2, secret=["T=a/b"])
    torch, launcher = manifests(workflow)
    (container,) = torch["spec"]["pytorchReplicaSpecs"]["Worker"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"] == {"cpu": "4", "memory": "8Gi", "nvidia.com/gpu": 1}
    (container,) = launcher["spec"]["mpiReplicaSpecs"]["Launcher"]["template"]["spec"]["containers"]
    assert container["command"] == ["mpirun", "-n", "4", "python", "t t.py"]


def test_katib_gives_the_best_values_on() -> None:
    with couler.workflow("tune") as workflow:
        best = katib.run(
            image="trainer:1",
            command="python /train.py --lr=${trialParameters.lr}",
            tuning_params=[
                {"name": "lr", "type": "double", "range": [0.01, 0.1]},
                {"name": "optimizer", "type": "categorical", "range": ["adam", "sgd"]},
            ],
            objective={"type": "maximize", "goal": 0.99, "metric_name": "accuracy"},
            max_trial_count=6,
        )
        couler.run_container("trainer:1", ["train"], [best["best"]], step_name="final")
    (manifest,) = manifests(workflow)
    assert manifest["spec"]["maxTrialCount"] == 6
    assert [item["name"] for item in manifest["spec"]["parameters"]] == ["lr", "optimizer"]
    assert "{{tasks.katib-experiment.outputs.parameters.best}}" in workflow.to("argo")


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda: xgboost.train(TELCO, train_params={"max_deph": 3}), "xgboost-train has no setting 'max_deph'"),
        (lambda: xgboost.train(TELCO, train_params={"max_depth": "3"}), "'max-depth' of the step 'xgboost-train'"),
        (lambda: pytorch.train("a", resources={"tpu": 1}), "resources hold 'tpu'"),
        (lambda: tensorflow.train("a", clean_pod_policy="Some"), "'clean' of the step 'tensorflow-train' is 'Some'"),
        (lambda: katib.run("a", "b", [{"name": "x"}], {"type": "minimize", "metric_name": "l"}), "to tune"),
        (lambda: katib.run("a", "b", [], {"type": "minimize"}), "the objective has no metric_name"),
        (lambda: katib.run("a", "b", [], {"type": "minimize", "metric": "l"}), "the objective holds 'metric'"),
    ],
)
def test_what_makes_no_sense_is_refused(write: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as refused, couler.workflow("bad"):
        write()
    assert refused.value.hint
    assert refused.value.file == __file__
