"""What other engines cannot say of a DAG or a task that is more than a container: a table, by Airflow's own names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Any

from couler_plugins.engine_kit.legalize.legality import Legality, Rule
from couler_plugins.errors import Unsupported

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
NOTHING: tuple[Any, ...] = (None, False, [], {}, (), 0)
HINTS = {
    "Operation.kind": "run it in a container (KubernetesPodOperator, DockerOperator), or leave the DAG to Airflow",
    "Workflow.native_extra": "start the converted workflow by the other engine's own means",
    "Operation.native_extra": "take it out, or leave the DAG to Airflow",
}
ILLEGAL = Legality("airflow", {}, HINTS, "take it out, or leave the DAG to Airflow")
refuse = ILLEGAL.refusal


def _schedule(dag: Any) -> str:
    name = type(dag.timetable).__name__
    return "" if name == "NullTimetable" else name


def _callback(name: str, dag: Any) -> bool:
    return bool(getattr(dag, name, None))


def _own_params(task: Any) -> bool:
    own, others = getattr(task, "params", None) or {}, task.dag.params
    return {name: own[name] for name in own} != {name: others[name] for name in others}


CALLBACKS = ("on_success_callback", "on_failure_callback", "deadline", "sla_miss_callback")
DAG = (
    Rule("Workflow.native_extra", "has a schedule ({})", _schedule),
    *(Rule("Workflow.handlers", f"has {name}", partial(_callback, name)) for name in CALLBACKS),
    Rule("Step.arguments", "renders templates as native objects", lambda dag: dag.render_template_as_native_obj),
    Rule(
        "Step.arguments",
        "has macros or filters of its own",
        lambda dag: dag.user_defined_macros or dag.user_defined_filters,
    ),
    Rule("Workflow.native_extra", "has one run at a time (max_active_runs)", lambda dag: dag.max_active_runs == 1),
    Rule("Graph.fail_fast", "ends running tasks at the first failure (fail_fast)", lambda dag: dag.fail_fast),
    Rule("Graph.timeout", "has a dagrun_timeout", lambda dag: dag.dagrun_timeout is not None),
)
TASK = (
    Rule("Step.role", "is a setup or a teardown", lambda task: task.is_setup or task.is_teardown),
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
    Rule("Workflow.parameters", "has params of its own", _own_params),
)


def check_dag(dag: Any) -> Iterator[Unsupported]:
    """Yield an error for each thing that only Airflow has of a DAG as a whole."""
    return ILLEGAL.judge(dag, DAG, dag.dag_id)


def check_task(task: Any, fields: Mapping[str, Any], carried: Collection[str]) -> Iterator[Unsupported]:
    """Yield an error for each thing that only Airflow has of a task.

    Args:
        task: the task.
        fields: the arguments of its operator.
        carried: those that are carried.
    """
    others = sorted(fields.keys() - NEUTRAL - {*carried})
    if names := [name for name in others if fields[name] not in (*NOTHING, *USUAL.get(name, ()))]:
        yield refuse("Operation.native_extra", task.task_id, f"has {', '.join(names)}")
    yield from ILLEGAL.judge(task, TASK, task.task_id)
