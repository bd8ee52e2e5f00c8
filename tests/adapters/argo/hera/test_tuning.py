"""What is to be tuned, said where Hera's users write their steps."""

from __future__ import annotations

import pytest
from hera.workflows import DAG, Parameter, Script, Task, Workflow
from hera.workflows.models import ValueFrom

from couler_argo.hera import optimize, tune
from couler_plugins.errors import InvalidInput

SPACE = {"rate": {"type": "log-float", "low": 1e-3, "high": 1}}


def test_a_script_is_marked_and_its_trials_are_fanned_out() -> None:
    with Workflow(generate_name="churn-", entrypoint="main") as workflow:
        train = Script(
            name="train",
            annotations=tune(data={"name": "churn", "metric": "auc"}, space=SPACE),
            inputs=[Parameter(name="rate")],
            outputs=[Parameter(name="auc", value_from=ValueFrom(path="/tmp/auc"))],
            command=["python3"],
            image="python:3.13",
            source="open('/tmp/auc', 'w').write('{{inputs.parameters.rate}}')",
        )
        with DAG(name="main"):
            Task(name="train", template=train, arguments={"rate": "0.1"})
    new = optimize(workflow, "tune{trials=3}")
    names = [template.name for template in new.templates]
    assert names == ["train", "main", "train-trial", "train-best"]
    assert [task["name"] for task in new.to_dict()["spec"]["templates"][1]["dag"]["tasks"]] == [
        "train-trials",
        "train-best",
        "train",
    ]


def test_a_mistake_is_found_where_it_is_made() -> None:
    with pytest.raises(InvalidInput, match=r"space\.rate\.type: 'loguniform' is no type"):
        tune(data={"name": "churn", "metric": "auc"}, space={"rate": {"type": "loguniform"}})
