"""Training on several pods, and searching with Katib: resources that Argo creates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from conversions import ENGINES, Outcome, problem_of
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.ir import Literal, Reference, Template
from couler_plugins.steps.distributed import JobStep
from step_runs import step_named, step_of, steps, workflow_of, written

JOBS = [name for name, step in steps().items() if isinstance(step, JobStep)]
SPACE: Mapping[str, Any] = {
    "lr": {"type": "log-float", "low": 1e-4, "high": 0.1},
    "layers": {"type": "int", "low": 1, "high": 4},
    "optimizer": {"type": "categorical", "choices": ["adam", "sgd"]},
}
NEEDED: Mapping[str, Any] = {"image": "trainer:1", "command": ["python", "train.py"]}


def given(name: str, **arguments: Any) -> dict[str, Any]:
    more = {"space": json.dumps(SPACE)} if name == "katib-experiment" else {}
    return {**NEEDED, **more, **{key.replace("_", "-"): value for key, value in arguments.items()}}


def resource(name: str, **arguments: Any) -> dict[str, Any]:
    """Argo's template of a job, with its manifest as it is once Argo has evaluated what is in it."""
    built = step_named(name).build(given(name, **arguments))
    text = written(workflow_of((step_of("train", built), built)), "argo")
    assert problem_of(Outcome(name, text, None), "argo") == ""
    (template,) = (item for item in yaml.safe_load(text)["spec"]["templates"] if "resource" in item)
    passed = {argument.name: argument.value for argument in built.arguments}
    listed = passed.get("arguments", Literal(value="[]"))
    assert isinstance(listed, Literal)
    tag = "{{=toJson(jsonpath(inputs.parameters.arguments, '$'))}}"
    evaluated = json.dumps(json.loads(str(listed.value)))
    template["resource"]["manifest"] = json.loads(template["resource"]["manifest"].replace(tag, evaluated))
    return dict(template)


@pytest.mark.parametrize("name", JOBS)
def test_only_argo_has_them_and_the_others_say_so(name: str) -> None:
    built = step_named(name).build(given(name))
    workflow = workflow_of((step_of("train", built), built))
    for engine in set(ENGINES) - {"argo"}:
        with pytest.raises(Unsupported, match=f"'{name}' is a resource") as refused:
            written(workflow, engine)
        assert refused.value.hint
    assert "argo" in step_named(name).tags
    assert step_named(name).description.endswith("by Argo only.")


@pytest.mark.parametrize("name", JOBS)
def test_what_a_run_passes_cannot_say_more_than_itself(name: str) -> None:
    evil = ['"], "command": ["x"', "a\\", "}}"]
    manifest = resource(name, arguments=evil)["resource"]["manifest"]
    assert f'"args": {json.dumps(evil)}' in json.dumps(manifest)


def test_arguments_of_a_job_may_come_from_a_loop() -> None:
    item = Reference(to="item")
    built = step_named("tensorflow-train").build(given("tensorflow-train", arguments=["--epochs=1", item]))
    (argument,) = built.arguments
    assert argument.value == Template(parts=("[", '"--epochs=1"', ", ", '"', item, '"', "]"))


def test_tensorflow_with_parameter_servers() -> None:
    template = resource("tensorflow-train", workers=3, parameter_servers=2, arguments=["--lr=1"], gpus=1)
    manifest = template["resource"]["manifest"]
    assert (manifest["apiVersion"], manifest["kind"]) == ("kubeflow.org/v1", "TFJob")
    assert manifest["metadata"] == {"generateName": "tensorflow-train-"}
    assert manifest["spec"]["runPolicy"] == {"cleanPodPolicy": "Running"}
    assert manifest["spec"]["successPolicy"] == "AllWorkers"
    replicas = manifest["spec"]["tfReplicaSpecs"]
    assert {kind: spec["replicas"] for kind, spec in replicas.items()} == {"Worker": 3, "PS": 2}
    assert replicas["Worker"]["restartPolicy"] == "Never"
    assert replicas["Worker"]["template"]["spec"]["containers"] == [
        {
            "name": "tensorflow",
            "image": "trainer:1",
            "command": ["python", "train.py"],
            "args": ["--lr=1"],
            "resources": {
                "requests": {"cpu": "1", "memory": "2Gi"},
                "limits": {"cpu": "1", "memory": "2Gi", "nvidia.com/gpu": 1},
            },
        }
    ]
    assert template["resource"]["action"] == "create"
    assert template["resource"]["setOwnerReference"] is True
    assert template["resource"]["successCondition"] == "status.replicaStatuses.Worker.succeeded == 3"
    assert template["resource"]["failureCondition"] == (
        "status.replicaStatuses.Worker.failed > 0, status.replicaStatuses.PS.failed > 0"
    )
    assert template["outputs"]["parameters"] == [{"name": "job-name", "valueFrom": {"jsonPath": "{.metadata.name}"}}]


def test_tensorflow_with_a_chief_ends_when_the_chief_does() -> None:
    template = resource("tensorflow-train", chief=True, workers=0, evaluators=1, clean="All")
    spec = template["resource"]["manifest"]["spec"]
    assert "successPolicy" not in spec
    assert list(spec["tfReplicaSpecs"]) == ["Chief", "Evaluator"]
    assert template["resource"]["successCondition"] == "status.replicaStatuses.Chief.succeeded == 1"


def test_pytorch_has_one_master_and_no_workers_where_none_are_wanted() -> None:
    template = resource("pytorch-train", workers=0)
    manifest = template["resource"]["manifest"]
    assert (manifest["apiVersion"], manifest["kind"]) == ("kubeflow.org/v1", "PyTorchJob")
    assert list(manifest["spec"]["pytorchReplicaSpecs"]) == ["Master"]
    both = resource("pytorch-train", workers=2)["resource"]["manifest"]["spec"]["pytorchReplicaSpecs"]
    assert {kind: spec["replicas"] for kind, spec in both.items()} == {"Master": 1, "Worker": 2}
    (container,) = both["Worker"]["template"]["spec"]["containers"]
    assert container["name"] == "pytorch"


def test_mpi_runs_the_command_in_the_launcher_only() -> None:
    template = resource("mpi-train", workers=4, slots=2, secrets=["TOKEN=hub/token"])
    manifest = template["resource"]["manifest"]
    assert (manifest["apiVersion"], manifest["kind"]) == ("kubeflow.org/v2beta1", "MPIJob")
    assert manifest["spec"]["slotsPerWorker"] == 2
    replicas = manifest["spec"]["mpiReplicaSpecs"]
    (launcher,) = replicas["Launcher"]["template"]["spec"]["containers"]
    (worker,) = replicas["Worker"]["template"]["spec"]["containers"]
    assert launcher["command"] == ["python", "train.py"]
    assert "command" not in worker
    assert "args" not in worker
    source = {"secretKeyRef": {"key": "token", "name": "hub"}}
    assert worker["env"] == launcher["env"] == [{"name": "TOKEN", "valueFrom": source}]
    assert template["resource"]["successCondition"] == "status.replicaStatuses.Launcher.succeeded == 1"


def test_katib_searches_the_space_that_tuning_reads() -> None:
    template = resource(
        "katib-experiment",
        metric="accuracy",
        direction="maximize",
        goal="0.99",
        algorithm="tpe",
        max_trials=20,
        arguments=["--lr=${trialParameters.lr}"],
    )
    manifest = template["resource"]["manifest"]
    assert (manifest["apiVersion"], manifest["kind"]) == ("kubeflow.org/v1beta1", "Experiment")
    spec = manifest["spec"]
    assert spec["objective"] == {"type": "maximize", "objectiveMetricName": "accuracy", "goal": 0.99}
    assert spec["algorithm"] == {"algorithmName": "tpe"}
    assert (spec["maxTrialCount"], spec["parallelTrialCount"], spec["maxFailedTrialCount"]) == (20, 3, 3)
    assert {item["name"]: (item["parameterType"], item["feasibleSpace"]) for item in spec["parameters"]} == {
        "lr": ("double", {"min": "0.0001", "max": "0.1", "distribution": "logUniform"}),
        "layers": ("int", {"min": "1", "max": "4"}),
        "optimizer": ("categorical", {"list": ["adam", "sgd"]}),
    }
    trial = spec["trialTemplate"]
    assert trial["trialParameters"] == [{"name": name, "reference": name} for name in SPACE]
    pod = trial["trialSpec"]["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    assert [container["name"] for container in pod["containers"]] == [trial["primaryContainerName"]]
    assert pod["containers"][0]["args"] == ["--lr=${trialParameters.lr}"]
    assert template["resource"]["successCondition"] == "status.completionTime, status.trialsSucceeded > 0"
    assert template["resource"]["failureCondition"] == (
        "status.conditions.1.type == Failed, status.conditions.2.type == Failed"
    )
    read = {item["name"]: item["valueFrom"]["jsonPath"] for item in template["outputs"]["parameters"]}
    assert read == {
        "best": "{.status.currentOptimalTrial.parameterAssignments}",
        "score": '{.status.currentOptimalTrial.observation.metrics[?(@.name=="accuracy")].max}',
        "job-name": "{.metadata.name}",
    }


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("tensorflow-train", {"workers": 0}, "the step 'tensorflow-train' has neither a chief nor workers"),
        ("tensorflow-train", {"workers": -1}, "has -1 pods of the kind Worker"),
        ("mpi-train", {"workers": 0}, "the step 'mpi-train' has no workers"),
        ("pytorch-train", {"image": None}, "the step 'pytorch-train' needs the input 'image'"),
        ("pytorch-train", {"secrets": ["x"]}, "the input 'secrets' of the step 'pytorch-train' holds 'x'"),
        ("katib-experiment", {"space": "{"}, "the input 'space' of the step 'katib-experiment' cannot be read"),
        ("katib-experiment", {"space": '{"a": {"type": "float", "low": 2, "high": 1}}'}, "'space' .*less than `high`"),
        ("katib-experiment", {"metric": 'a")].x'}, "the input 'metric' of the step 'katib-experiment' is"),
        ("katib-experiment", {"goal": "much"}, "the input 'goal' of the step 'katib-experiment' is 'much'"),
        ("katib-experiment", {"algorithm": "luck"}, "'algorithm' of the step 'katib-experiment' is 'luck', not one of"),
    ],
)
def test_what_makes_no_sense_is_refused_with_step_and_input(name: str, arguments: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as refused:
        step_named(name).build(given(name, **arguments))
    assert refused.value.step == name
    assert refused.value.hint


def test_katib_has_no_conditions() -> None:
    space = {**SPACE, "momentum": {"type": "float", "low": 0, "high": 1, "when": {"optimizer": "sgd"}}}
    with pytest.raises(InvalidInput, match=r"'space' .* has conditions for 'momentum'"):
        step_named("katib-experiment").build(given("katib-experiment", space=json.dumps(space)))
