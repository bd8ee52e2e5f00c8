"""A search for hyperparameters by Katib.

Source: kubeflow/katib, 2026-06: pkg/apis/controller/experiments/v1beta1, pkg/controller.v1beta1/experiment/util,
examples/v1beta1/hp-tuning. Katib reads the metric from lines `metric=value` that a trial prints (the collector StdOut,
its default).
"""

from __future__ import annotations

import json
import re
from typing import Any

from couler_plugins.engine_kit.legalize.jobs import JOB_OUTPUTS
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.steps import StepInput, StepOutput
from couler_plugins.steps.arguments import Constants
from couler_plugins.steps.declared import count
from couler_plugins.steps.distributed import JOB_INPUTS, JOB_NAME, Job, JobStep, container_of

CONTAINER = "training"
FAILED = "status.conditions.1.type == Failed, status.conditions.2.type == Failed"
"""Conditions are added as they come: created, then running unless there was nothing to run, then how it ended."""
METRIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
ALGORITHMS = ("random", "grid", "tpe", "multivariate-tpe", "bayesianoptimization", "cmaes", "sobol", "hyperband")
KINDS = {"float": "double", "log-float": "double", "int": "int", "log-int": "int", "categorical": "categorical"}


def experiment(shape: Constants) -> Job:
    """An Experiment, whose trials are Jobs of one pod.

    It has ended once it has a time of completion; that it found something is that a trial has succeeded.
    """
    metric, maximizes = shape["metric"], shape["direction"] == "maximize"
    if not METRIC.fullmatch(metric):
        raise _refused(shape, "metric", f"is {metric!r:.60}", "use letters, digits, '.', '_' and '-'")
    space = _space(shape)
    container = container_of(shape, CONTAINER)
    objective: dict[str, Any] = {"type": shape["direction"], "objectiveMetricName": metric}
    if shape["goal"]:
        objective["goal"] = _goal(shape)
    spec = {
        "objective": objective,
        "algorithm": {"algorithmName": shape["algorithm"]},
        "parallelTrialCount": shape["parallel-trials"],
        "maxTrialCount": shape["max-trials"],
        "maxFailedTrialCount": shape["max-failed-trials"],
        "parameters": [_parameter(name, values) for name, values in space.items()],
        "trialTemplate": {
            "primaryContainerName": CONTAINER,
            "trialParameters": [{"name": name, "reference": name} for name in space],
            "trialSpec": {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "spec": {"template": {"spec": {"containers": [container], "restartPolicy": "Never"}}},
            },
        },
    }
    best = "{.status.currentOptimalTrial"
    return Job(
        {"apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment", "spec": spec},
        "status.completionTime, status.trialsSucceeded > 0",
        FAILED,
        {
            "best": {"jsonPath": f"{best}.parameterAssignments}}"},
            "score": {
                "jsonPath": f'{best}.observation.metrics[?(@.name=="{metric}")].{"max" if maximizes else "min"}}}'
            },
            "job-name": JOB_OUTPUTS["job-name"],
        },
    )


def _space(shape: Constants) -> dict[str, Any]:
    """The parameters by name, as tuning reads them."""
    from couler_plugins.hpo.reading import read_space

    try:
        space = dict(read_space(json.loads(shape["space"])).parameters)
    except (ValueError, InvalidInput) as error:
        hint = error.hint if isinstance(error, InvalidInput) else "give a JSON object"
        raise _refused(shape, "space", f"cannot be read: {error}", hint or "") from error
    for name, parameter in space.items():
        if parameter.when:
            raise _refused(shape, "space", f"has conditions for {name!r}", "Katib has none: leave `when` out")
    return space


def _parameter(name: str, parameter: Any) -> dict[str, Any]:
    """A hyperparameter in Katib's words: all values are texts."""
    if parameter.type == "categorical":
        feasible: dict[str, Any] = {"list": [_text(choice) for choice in parameter.choices]}
    else:
        feasible = {"min": _text(parameter.low), "max": _text(parameter.high)}
        if parameter.type.startswith("log-"):
            feasible["distribution"] = "logUniform"
    return {"name": name, "parameterType": KINDS[parameter.type], "feasibleSpace": feasible}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _goal(shape: Constants) -> float:
    try:
        return float(shape["goal"])
    except ValueError as error:
        raise _refused(shape, "goal", f"is {shape['goal']!r:.60}", "give a number") from error


def _refused(shape: Constants, name: str, problem: str, hint: str) -> InvalidInput:
    return InvalidInput(f"the input {name!r} of the step {shape['step']!r} {problem}", step=shape["step"], hint=hint)


KATIB = (
    JobStep(
        name="katib-experiment",
        description="Searches for hyperparameters with Katib: an Experiment of Kubeflow, by Argo only.",
        tags=("train", "tune", "hyperparameters", "katib", "automl", "kubeflow", "argo"),
        inputs=(
            *JOB_INPUTS,
            StepInput(
                name="space",
                description='The hyperparameters, a JSON object: {"lr": {"type": "log-float", "low": 1e-4, "high": 1}};'
                " in the command and the arguments, ${trialParameters.lr} is the value of a trial.",
                constant=True,
            ),
            StepInput(
                name="metric",
                description="What a trial prints as a line `metric=value`.",
                default="loss",
                constant=True,
            ),
            StepInput(
                name="direction",
                description="Whether lower or higher is better.",
                default="minimize",
                choices=("minimize", "maximize"),
                constant=True,
            ),
            StepInput(
                name="goal", description="A value that is good enough to stop; empty: none.", default="", constant=True
            ),
            StepInput(
                name="algorithm",
                description="How Katib searches.",
                default="random",
                choices=ALGORITHMS,
                constant=True,
            ),
            count("max-trials", "How many trials there are at most.", 12),
            count("parallel-trials", "How many run at a time.", 3),
            count("max-failed-trials", "How many may fail.", 3),
        ),
        outputs=(
            StepOutput(name="best", description="The best values, a JSON list of names and values."),
            StepOutput(name="score", description="The metric of the best trial.", type="float"),
            JOB_NAME,
        ),
        job=experiment,
    ),
)
"""The one step of this kind."""
