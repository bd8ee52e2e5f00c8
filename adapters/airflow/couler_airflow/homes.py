"""Where Airflow keeps the settings of steps: on operators, and on the pods of those that have one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from couler_plugins.errors import Unsupported
from couler_plugins.ir import Literal, Native, Operation, Value
from couler_plugins.ir.home_kinds import NativeForm, container_home, native_home
from couler_plugins.ir.homes import Home, Homes

SETTINGS = "settings"
"""The key in an operation's `native_extra` under which the names of the settings are that its task has a place
for, in one text."""
POD = "pod"
"""The key in there under which the values are of those that no container has a field for."""
CONTAINER = ("env", "requests", "limits")
METADATA = ("labels", "annotations", "node_selector", "priority", "scheduler")
WHOSE = "of operators that start a pod, and of tasks that the Kubernetes executor runs"
NO_POD = "it starts no pod, and the Kubernetes executor does not run it"
UNKNOWN = "only the run, or the template of its pod, says what it has already"


def rest_of(rest: Native | None) -> dict[str, Any]:
    """Return what Airflow says of an operation beside its fields; nothing where references are in it."""
    plain = rest is not None and all(isinstance(part, str) for part in rest.parts)
    return rest.data if rest is not None and plain else {}


def written(data: dict[str, Any]) -> Native:
    """Return the same as lifting gives it: what a pod has comes last, by name."""
    pod = data.pop(POD, None)
    whole = {**data, POD: dict(sorted(pod.items()))} if pod else data
    return Native(parts=(json.dumps(whole, separators=(",", ":")),))


def _plain(value: Value) -> Any:
    if isinstance(value, Literal):
        return value.value
    hint = "give a text; Airflow fills in what is in {{ … }} when the task runs"
    message = "what a pod of a task gets has to be known beforehand"
    raise Unsupported(message, engine="airflow", feature="Operation.native_extra", hint=hint)


FORM = NativeForm(rest_of, written, lambda data: Literal(value=data), _plain)


def _refusal(setting: str) -> Callable[[Operation | None], str]:
    def refuse(operation: Operation | None) -> str:
        settings = rest_of(operation.native_extra).get(SETTINGS, "").split() if operation is not None else ()
        return "" if setting in settings else UNKNOWN if set(settings) - {"env"} else NO_POD

    return refuse


def _of_pod(setting: str, field: str, note: str = "") -> Home:
    home = container_home(setting, "") if setting in CONTAINER else native_home(setting, (POD, setting), FORM)
    notes = "; ".join(filter(None, (WHOSE, note)))
    return replace(home, native=f"{field}, executor_config", note=notes, refuse=_refusal(setting))


HOMES: Homes = {
    "retry": Home(at="step", native="retries, retry_delay, retry_exponential_backoff, max_retry_delay, retry_policy"),
    "timeout": Home(at="step", native="execution_timeout", note="seconds"),
    "requests": _of_pod("requests", "container_resources"),
    "limits": _of_pod("limits", "container_resources"),
    "env": _of_pod("env", "env_vars", "env of BashOperator, environment of DockerOperator"),
    "labels": _of_pod("labels", "labels"),
    "annotations": _of_pod("annotations", "annotations"),
    "node_selector": _of_pod("node_selector", "node_selector"),
    "priority": _of_pod("priority", "priority_class_name", "priority_weight only orders tasks that wait for a slot"),
    "scheduler": _of_pod("scheduler", "schedulername"),
}
"""The home of each setting."""


def homes() -> Homes:
    """Return where Airflow keeps each setting of a step."""
    return HOMES
