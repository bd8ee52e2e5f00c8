"""What a DAG or a task has beyond a container: found among all that it was given, and refused by Airflow's name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from couler_plugins.errors import Unsupported

__all__ = ["check_dag", "check_task", "refuse"]

NEUTRAL = frozenset(
    [
        "allow_nested_operators",
        "append_env",
        "container_resources",
        "dag",
        "default_args",
        "doc",
        "doc_json",
        "doc_md",
        "doc_rst",
        "doc_yaml",
        "email",
        "email_on_failure",
        "email_on_retry",
        "end_date",
        "execution_timeout",
        "executor",
        "ignore_first_depends_on_past",
        "map_index_template",
        "max_retry_delay",
        "multiple_outputs",
        "owner",
        "params",
        "pool_slots",
        "priority_weight",
        "queue",
        "retries",
        "retry_delay",
        "start_date",
        "task_display_name",
        "task_group",
        "task_id",
        "trigger_rule",
        "weight_rule",
    ]
)
"""Arguments of tasks that are carried, looked at elsewhere, or say nothing of what is run."""
USUAL: Mapping[str, tuple[Any, ...]] = {
    "pool": ("default_pool",),
    "cwd": (),
    "env": (),
}
HINTS = {
    "Operation.kind": "run it in a container (KubernetesPodOperator, DockerOperator), or leave the DAG to Airflow",
    "Workflow.native_extra": "start the converted workflow by the other engine's own means",
    "Operation.native_extra": "take it out, or leave the DAG to Airflow",
}


def refuse(feature: str, step: str, reason: str) -> Unsupported:
    """The error for what other engines do not have.

    Args:
        feature: the IR's name for it.
        step: the task, or the DAG.
        reason: what about it, as the rest of a sentence.
    """
    hint = HINTS.get(feature, "take it out, or leave the DAG to Airflow")
    return Unsupported(f"{step!r} {reason}", engine="airflow", step=step, feature=feature, hint=hint)


def check_dag(dag: Any) -> None:
    """Raises `Unsupported` where a DAG as a whole has what only Airflow has."""
    if type(dag.timetable).__name__ != "NullTimetable":
        raise refuse("Workflow.native_extra", dag.dag_id, f"has a schedule ({type(dag.timetable).__name__})")
    for name in ("on_success_callback", "on_failure_callback", "deadline", "sla_miss_callback"):
        if getattr(dag, name, None):
            raise refuse("Workflow.handlers", dag.dag_id, f"has {name}")
    if dag.render_template_as_native_obj:
        raise refuse("Step.arguments", dag.dag_id, "renders templates as native objects")
    if dag.user_defined_macros or dag.user_defined_filters:
        raise refuse("Step.arguments", dag.dag_id, "has macros or filters of its own")
    if dag.max_active_runs == 1:
        raise refuse("Workflow.native_extra", dag.dag_id, "has one run at a time (max_active_runs)")
    if dag.fail_fast:
        raise refuse("Graph.fail_fast", dag.dag_id, "ends running tasks at the first failure (fail_fast)")
    if dag.dagrun_timeout is not None:
        raise refuse("Graph.timeout", dag.dag_id, "has a dagrun_timeout")


def check_task(task: Any, fields: Mapping[str, Any], carried: Collection[str]) -> None:
    """Raises `Unsupported` where a task was given what only Airflow has.

    Args:
        task: the task.
        fields: the arguments of its operator.
        carried: those that are carried.
    """
    for name in sorted(fields):
        value = fields[name]
        if name in carried or name in NEUTRAL or value in (None, False, [], {}, (), 0):
            continue
        if value in USUAL.get(name, ()):
            continue
        raise refuse("Operation.native_extra", task.task_id, f"has {name}")
    if task.is_setup or task.is_teardown:
        raise refuse("Step.role", task.task_id, "is a setup or a teardown")
    if task.get_closest_mapped_task_group() is not None:
        raise refuse("Graph.regions", task.task_id, "is in a task group that is mapped")
    if task.execution_timeout is not None and task.retries:
        raise refuse("Step.timeout", task.task_id, "has an execution_timeout for each of several attempts")
    own = getattr(task, "params", None) or {}
    if {name: own[name] for name in own} != {name: task.dag.params[name] for name in task.dag.params}:
        raise refuse("Workflow.parameters", task.task_id, "has params of its own")
