"""The pods of tasks: where Airflow keeps what is set on them.

Some operators start a pod (`KubernetesPodOperator`, and what derives from it): their fields say what it gets. Any other
task runs in the pod of its worker where the Kubernetes executor runs it: `pod_override` in its `executor_config` says
what that gets. A task with neither has no pod, and what was set on one would be ignored.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from couler_airflow.containers import KNOWN, POD, field_of, known_of
from couler_airflow.pulls import PULL
from couler_airflow.split.roles import MODULE
from couler_plugins.ir.settings import PAIRS

Place = tuple[str | int, ...]
"""A field of an operator, and the way to a value in it."""

FIELDS: Mapping[str, Place] = {
    "env": ("env_vars",),
    "requests": ("container_resources", "requests"),
    "limits": ("container_resources", "limits"),
    "labels": ("labels",),
    "annotations": ("annotations",),
    "node_selector": ("node_selector",),
    "priority": ("priority_class_name",),
    "scheduler": ("schedulername",),
}
"""Where an operator that starts a pod keeps each setting."""
OVERRIDE = ("executor_config", "pod_override")
CONTAINER = (*OVERRIDE, "spec", "containers", 0)
"""Airflow merges the first container into the worker's, whatever it is called."""
OVERRIDES: Mapping[str, Place] = {
    "env": (*CONTAINER, "env"),
    "requests": (*CONTAINER, "resources", "requests"),
    "limits": (*CONTAINER, "resources", "limits"),
    "labels": (*OVERRIDE, "metadata", "labels"),
    "annotations": (*OVERRIDE, "metadata", "annotations"),
    "node_selector": (*OVERRIDE, "spec", "node_selector"),
    "priority": (*OVERRIDE, "spec", "priority_class_name"),
    "scheduler": (*OVERRIDE, "spec", "scheduler_name"),
}
"""Where a task that runs in the pod of its worker keeps each setting."""
TEMPLATES = ("pod_template_file", "pod_template_dict", "full_pod_spec")
"""Fields with a whole pod in them, which may say anything of it."""
KUBERNETES = "KubernetesExecutor"


class Pods:
    """Tells where tasks keep the settings of their pods."""

    def places(self, task: Any) -> Mapping[str, Place]:
        """Return the place of each setting that can be read and written; none for a task without a pod.

        What a mapped task is given anew each time, what the run makes, and what a whole pod in another field may say as
        well, have none.
        """
        places = dict(self._places(task))
        expanded = _expanded(task) if places else frozenset()
        if expanded is None:
            return {}
        return {
            name: place for name, place in places.items() if place[0] not in expanded and _is_there(task, name, place)
        }

    def _places(self, task: Any) -> Mapping[str, Place]:
        if task.operator_class.__module__ == MODULE:  # it stands for a task of another part, which has the settings
            return {}
        if _starts_pod(task):
            return {} if any(field_of(task, field) for field in TEMPLATES) else FIELDS
        config = field_of(task, "executor_config")
        overridden = isinstance(config, Mapping) and "pod_override" in config
        places = OVERRIDES if overridden or self._runs_in_pod(task) else {}
        container_class = known_of(task)
        return {**places, "env": (container_class.environment,)} if container_class is not None else places

    @cached_property
    def _executors(self) -> dict[str, str]:
        """The classes of the installation's executors by their names, that one first which runs what names none."""
        from airflow.configuration import conf

        names = [item.strip() for item in str(conf.get("core", "executor")).split(",")]
        return {name.partition(":")[0]: name.replace(":", ".").rpartition(".")[2] for name in names}

    def _runs_in_pod(self, task: Any) -> bool:
        name = field_of(task, "executor") or next(iter(self._executors))
        return str(self._executors.get(name, name)).rpartition(".")[2] == KUBERNETES


def _starts_pod(task: Any) -> bool:
    """Return whether an operator makes its pod as `KubernetesPodOperator` does."""
    made_by = getattr(getattr(task.operator_class, "build_pod_request_obj", None), "__module__", "")
    return made_by.endswith(KNOWN[POD].module) and "container_resources" in task.template_fields


def _expanded(task: Any) -> frozenset[str] | None:
    """Return the fields that a mapped task is given anew each time; None where only the run knows which."""
    if not task.is_mapped:
        return frozenset()
    items = task._get_specified_expand_input().value
    if isinstance(items, Mapping):
        return frozenset(items)
    is_plain = isinstance(items, (list, tuple)) and all(isinstance(item, Mapping) for item in items)
    return frozenset(name for item in items for name in item) if is_plain else None


def _is_there(task: Any, name: str, place: Place) -> bool:
    """Return whether the run does not make what stands in a place; single values of it may still be made."""
    field, value = field_of(task, str(place[0])), read_setting(task, place)
    if name not in PAIRS:
        return value is None or is_plain(value)
    existing = field is None or isinstance(field, (dict, list)) or type(field).__module__.startswith("kubernetes.")
    return existing and (value is None or isinstance(value, (dict, list) if name == "env" else dict))


def is_plain(value: Any) -> bool:
    """Return whether a value is known before the run, but for what Jinja fills in."""
    return isinstance(value, (str, int, float)) and PULL not in str(value)


def read_setting(task: Any, place: Place) -> Any:
    """Return what a task keeps in a place; None where there is nothing."""
    item = field_of(task, str(place[0]))
    for key in place[1:]:
        if isinstance(item, (list, tuple)):
            item = next(iter(item), None)
        else:
            item = item.get(key) if isinstance(item, Mapping) else getattr(item, str(key), None)
    return item


def write_setting(task: Any, place: Place, value: Any) -> None:
    """Put a value into a place. What holds it is copied, since other tasks may hold the same.

    Args:
        task: the task; a journal knows of it.
        place: where the value goes.
        value: of the kind that is kept there.
    """
    field = str(place[0])
    changed = _changed(field_of(task, field), place, value)
    if task.is_mapped:
        task.partial_kwargs[field] = changed
    else:
        setattr(task, field, changed)


def _changed(item: Any, place: Place, value: Any) -> Any:
    """Return a copy of `item`, which stands under the first name of a place, with the value at the end of it."""
    if len(place) == 1:
        return value
    item = _empty(place[0]) if item is None else item
    key = place[1]
    if isinstance(key, int):
        return [_changed(item[0] if item else None, place[1:], value), *item[1:]]
    if isinstance(item, Mapping):
        return {**item, key: _changed(item.get(key), place[1:], value)}
    changed = copy.copy(item)
    setattr(changed, key, _changed(getattr(item, key), place[1:], value))
    return changed


def _empty(name: str | int) -> Any:
    """Return what a place leads through, with nothing in it."""
    from kubernetes.client import models

    makers = {
        "executor_config": dict,
        "pod_override": models.V1Pod,
        "metadata": models.V1ObjectMeta,
        "spec": lambda: models.V1PodSpec(containers=[]),
        "containers": list,
        0: lambda: models.V1Container(name="base"),
    }
    return makers.get(name, models.V1ResourceRequirements)()
