"""Searches for hyperparameters by Katib: `katib.run(image=…, command=…, tuning_params=[…], objective={…})`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from couler_plugins.authoring.checks import checked_json, checked_mapping, checked_text
from couler_plugins.authoring.places import said_where, shown
from couler_plugins.authoring.values import Returned
from couler_plugins.authoring.zoo.jobs import run_training
from couler_plugins.errors import InvalidInput

TYPES = {"double": "float", "int": "int", "float": "float", "log-float": "log-float", "log-int": "log-int"}
OBJECTIVE = ("type", "goal", "metric_name")


@said_where
def run(
    image: str,
    command: str | list[str],
    tuning_params: Sequence[Mapping[str, Any]],
    objective: Mapping[str, Any],
    args: Any = None,
    algorithm: str = "random",
    parallel_trial_count: int = 3,
    max_trial_count: int = 12,
    max_failed_trial_count: int = 3,
    resources: Mapping[str, Any] | None = None,
    secret: list[str] | None = None,
    step_name: str | None = None,
    timeout: int | None = None,
    retry: int | None = None,
) -> Returned:
    """An Experiment: `katib-experiment` of the catalogue. Each trial runs the command in a pod.

    Args:
        image, command, args, resources, secret, step_name, timeout, retry: as for all jobs (`zoo.jobs.run_training`);
            `${trialParameters.NAME}` in command and args is the value of a trial.
        tuning_params: each as `{"name": "lr", "type": "double", "range": [0.01, 0.1]}`; of the type `categorical`, the
            range holds all values.
        objective: `{"type": "maximize", "goal": 0.99, "metric_name": "accuracy"}`; the goal may be left out.
        algorithm: how Katib searches.
        parallel_trial_count, max_trial_count, max_failed_trial_count: how many trials there are.

    Returns:
        `best`, the values of the best trial; `score`, its metric; `job-name`.

    Raises:
        InvalidInput: an argument makes no sense.
    """
    step = step_name or "katib-experiment"
    objective = checked_mapping(objective, "the objective", '{"type": "maximize", "metric_name": "accuracy"}')
    for name in ("type", "metric_name"):
        if name in objective:
            checked_text(objective[name], f"the {name} of the objective", "give a text")
    if unknown := [key for key in objective if key not in OBJECTIVE]:
        raise InvalidInput(
            f"the objective holds {shown(unknown[0])}", step=step, hint=f"there is {', '.join(OBJECTIVE)}"
        )
    missing = next((key for key in ("type", "metric_name") if key not in objective), None)
    if missing:
        raise InvalidInput(f"the objective has no {missing}", step=step, hint='{"type": …, "metric_name": …}')
    if isinstance(tuning_params, (str, Mapping)) or not isinstance(tuning_params, Sequence):
        hint = 'tuning_params=[{"name": "lr", "type": "double", "range": [0.01, 0.1]}]'
        raise InvalidInput(f"{shown(tuning_params)} is no list of parameters to tune", step=step, hint=hint)
    return run_training(
        "katib-experiment",
        image,
        command,
        args,
        resources,
        secret,
        step_name,
        timeout,
        retry,
        space=json.dumps(dict(_parameter(given, step) for given in tuning_params)),
        metric=objective["metric_name"],
        direction=objective["type"],
        goal="" if objective.get("goal") is None else str(objective["goal"]),
        algorithm=algorithm,
        parallel_trials=parallel_trial_count,
        max_trials=max_trial_count,
        max_failed_trials=max_failed_trial_count,
    )


def _parameter(parameter: Mapping[str, Any], step: str) -> tuple[str, dict[str, Any]]:
    """A parameter by name, in the words of search spaces."""
    parameter = checked_mapping(
        parameter, "a parameter to tune", '{"name": "lr", "type": "double", "range": [0.01, 0.1]}'
    )
    kind, values = parameter.get("type"), checked_json(parameter.get("range"), "the range", "give numbers and texts")
    if set(parameter) != {"name", "type", "range"} or not isinstance(values, (list, tuple)):
        hint = '{"name": "lr", "type": "double", "range": [0.01, 0.1]}'
        raise InvalidInput(f"{shown(parameter)} is no parameter to tune", step=step, hint=hint)
    if kind == "categorical":
        return str(parameter["name"]), {"type": kind, "choices": list(values)}
    if not isinstance(kind, str) or kind not in TYPES or len(values) != 2:
        hint = f"the type is categorical or one of {', '.join(TYPES)}; a range has two ends"
        raise InvalidInput(f"{shown(parameter)} is no parameter to tune", step=step, hint=hint)
    return str(parameter["name"]), {"type": TYPES[kind], "low": values[0], "high": values[1]}
