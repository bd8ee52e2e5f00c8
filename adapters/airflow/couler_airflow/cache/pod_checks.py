"""What a pod that a task starts takes from elsewhere than the task's fields; no worker sees into it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from couler_airflow.cache.around import remedy
from couler_airflow.cache.eligible import POD, path_of
from couler_airflow.marks import Declaration
from couler_plugins.hookspecs.caching import Objection

WHOLE_PODS = ("pod_template_file", "pod_template_dict", "full_pod_spec")
LEFT_OUT = frozenset(
    {
        *("container_resources", "labels", "annotations", "node_selector", "affinity", "tolerations", "get_logs"),
        *("startup_timeout_seconds", "startup_check_interval_seconds", "schedule_timeout_seconds", "poll_interval"),
        *("log_events_on_failure", "log_pod_spec_on_failure", "logging_interval", "on_finish_action"),
        *("_is_delete_operator_pod", "termination_grace_period", "active_deadline_seconds", "priority_class_name"),
        *("schedulername", "image_pull_policy", "image_pull_secrets", "reattach_on_restart", "skip_on_exit_code"),
        *("base_container_status_polling_interval", "init_container_logs", "container_logs"),
        "termination_message_policy",
    }
)
"""Fields of a pod's operator that only say when, where and how it runs. Its containers see no labels and annotations:
what would show them is refused."""
SOURCES = {
    "secret_key_ref": "secret",
    "secret_ref": "secret",
    "secret": "secret",
    "config_map_key_ref": "configured",
    "config_map_ref": "configured",
    "config_map": "configured",
    "field_ref": "run-context",
    "resource_field_ref": "run-context",
    "downward_api": "run-context",
    "projected": "run-context",
}
"""The rule about each attribute by which Kubernetes' objects name where something comes from."""
REASONS = {
    "secret": "its {} come from a secret, whose content is in no key",
    "configured": "its {} come from a ConfigMap, whose content is in no key",
    "run-context": "its {} tell it of its pod, which is another one in each run",
    "volume": "its {} may hold anything",
}


def check_pod(task: Any, declaration: Declaration) -> Iterator[Objection]:
    """Return what forbids a key for a task that starts a pod, beside what its other fields do.

    Args:
        task: the operator, not mapped; of any other kind, nothing is against it.
        declaration: what its owner says of it.
    """
    if not any(path_of(base) == POD for base in type(task).__mro__):
        return
    if not task.do_xcom_push:
        yield Objection("no-result", "its pod hands nothing on (do_xcom_push), so it runs for its effect")
    for name in WHOLE_PODS:
        if getattr(task, name, None):
            yield Objection("pod", f"its {name} holds a whole pod, which may say anything")
    if getattr(task, "callbacks", None) or getattr(task, "_progress_callback", None):
        yield Objection("pod", "its callbacks run beside the pod, for their effect")
    for rule, what in dict.fromkeys(_sources(task)):
        if rule not in declaration.allow:
            yield Objection(rule, REASONS[rule].format(what), remedy=remedy(rule))


def _sources(task: Any) -> Iterator[tuple[str, str]]:
    """Return the rules about what a pod gets from elsewhere, each with the field that says so."""
    for container in (task, *(task.init_containers or ())):
        variables = _field(container, "env_vars" if container is task else "env")
        for variable in variables if isinstance(variables, list) else ():
            yield from _named(_field(variable, "value_from"), "variables")
        sources = _field(container, "env_from")
        for source in sources if isinstance(sources, list) else ():
            yield from _named(source, "variables")
    if task.secrets:
        yield "secret", "secrets"
    if getattr(task, "pod_runtime_info_envs", None):
        yield "run-context", "variables"
    for volume in task.volumes or ():
        if _field(volume, "empty_dir") is None:
            yield from _named(volume, "volumes", otherwise="volume")


def _named(source: Any, what: str, otherwise: str = "configured") -> list[tuple[str, str]]:
    """Return the rules about where something comes from; `otherwise` is that about a place that is not listed."""
    rules = [(rule, what) for name, rule in SOURCES.items() if _field(source, name) is not None]
    return rules or [(otherwise, what)] * (source is not None)


def _field(holder: Any, name: str) -> Any:
    """Return a field of one of Kubernetes' objects; its client takes them as dictionaries as well, as in a manifest."""
    if isinstance(holder, Mapping):
        first, *words = name.split("_")
        return holder.get(name, holder.get(first + "".join(map(str.capitalize, words))))
    return getattr(holder, name, None)
