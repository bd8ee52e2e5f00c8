"""What other engines cannot say of a DAG or a task, by Airflow's own names, and what is left out of what is carried."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from couler_airflow.legal import Diagnostics
from couler_plugins.engine_kit.legalize.legality import Legality, Rule
from couler_plugins.errors import Unsupported
from couler_plugins.plan.plan import Loss

NEUTRAL = frozenset(
    str.split(
        """
        allow_nested_operators append_env container_resources dag default_args doc doc_json doc_md doc_rst doc_yaml
        email_on_failure email_on_retry execution_timeout ignore_first_depends_on_past
        map_index_template max_retry_delay multiple_outputs owner params retries
        retry_delay retry_exponential_backoff start_date task_display_name task_group task_id trigger_rule
        weight_rule show_return_value_in_logs kwargs_to_upstream
        """
    )
)
"""Arguments of tasks that are carried, looked at elsewhere, or say nothing of what is run."""
DETAILS = frozenset(
    str.split(
        """
        email executor inlets logger_name max_active_tis_per_dag max_active_tis_per_dagrun outlets pool_slots
        priority_weight queue
        """
    )
)
"""Arguments that tell others of the task, or say where and when it runs among others."""
RUNS = frozenset(
    str.split(
        """
        depends_on_past end_date on_execute_callback on_failure_callback on_retry_callback on_skipped_callback
        on_success_callback pool sla wait_for_downstream wait_for_past_depends_before_skipping
        """
    )
)
"""Arguments that concern other runs, other tasks, or what is called when a task ends."""
USUAL: Mapping[str, tuple[Any, ...]] = {
    "pool": ("default_pool",),
    "pool_slots": (1,),
    "priority_weight": (1,),
    "queue": ("default",),
}
NOTHING: tuple[Any, ...] = (None, False, [], {}, (), 0)
HINTS = {
    "Operation.kind": "run it in a container (KubernetesPodOperator, DockerOperator), or leave the DAG to Airflow",
    "Operation.native_extra": "take it out, or leave the DAG to Airflow",
}
ILLEGAL = Legality("airflow", {}, HINTS, "take it out, or leave the DAG to Airflow")
refuse = ILLEGAL.refusal


def leave_out(subject: str, names: Collection[str], loss: Loss, diagnostics: Diagnostics) -> None:
    """Tell that fields are left out, if there are any."""
    if names:
        reason = f"{subject!r} has {', '.join(sorted(names))}, which only Airflow has"
        diagnostics.note(subject, "leave it out", reason, loss)


TASK = (
    Rule(
        "Graph.regions",
        "is in a task group that is mapped",
        lambda task: task.get_closest_mapped_task_group() is not None,
    ),
    Rule(
        "Step.timeout",
        "has an execution_timeout for each of several attempts",
        lambda task: task.execution_timeout is not None and task.retries,
    ),
)


def check_task(task: Any, fields: Mapping[str, Any], carried: Collection[str]) -> Iterator[Unsupported]:
    """Yield an error for each thing that only Airflow has of a task.

    Args:
        task: the task.
        fields: the arguments of its operator.
        carried: those that are carried.
    """
    others = fields.keys() - NEUTRAL - DETAILS - RUNS - {*carried}
    if names := [name for name in sorted(others) if not says_nothing(name, fields[name])]:
        yield refuse("Operation.native_extra", task.task_id, f"has {', '.join(names)}")
    yield from ILLEGAL.judge(task, TASK, task.task_id)


def says_nothing(name: str, value: Any) -> bool:
    """Return whether an argument has a value that means what its absence means."""
    if type(value).__name__ == "ArgNotSet":
        return True
    return any(value is item or (type(value) is type(item) and value == item) for item in NOTHING) or (
        value in USUAL.get(name, ())
    )


def leave_out_fields(task: Any, fields: Mapping[str, Any], diagnostics: Diagnostics) -> None:
    """Tell what is left out of a task that is carried."""
    losses: tuple[tuple[frozenset[str], Loss], ...] = ((DETAILS, "detail"), (RUNS, "run"))
    for names, loss in losses:
        said = {name for name in names & fields.keys() if not says_nothing(name, fields[name])}
        leave_out(task.task_id, said, loss, diagnostics)
