"""A DAG as a whole: when it runs, what its runs are given, and what is left out of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from couler_airflow.legal import Diagnostics
from couler_airflow.portable.legality import ILLEGAL, leave_out, refuse
from couler_airflow.values import seconds
from couler_plugins.engine_kit.legalize.legality import Rule
from couler_plugins.engine_kit.legalize.schedules import schedule_problem
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Literal, Native, Port

CALLBACKS = ("on_success_callback", "on_failure_callback", "deadline", "sla_miss_callback")
DETAILS = ("tags", "doc_md", "description", "dag_display_name", "owner_links", "access_control")
STARTS = ("is_paused_upon_creation", "max_consecutive_failed_dag_runs")
"""What keeps a schedule from starting runs."""
DAG = (
    Rule("Step.arguments", "renders templates as native objects", lambda dag: dag.render_template_as_native_obj),
    Rule(
        "Step.arguments",
        "has macros or filters of its own",
        lambda dag: dag.user_defined_macros or dag.user_defined_filters,
    ),
    Rule("Graph.fail_fast", "ends running tasks at the first failure (fail_fast)", lambda dag: dag.fail_fast),
)
CRON = ("CronTriggerTimetable", "CronDataIntervalTimetable", "CronPartitionTimetable")
UNASKED = ("NullTimetable", "OnceTimetable", "PartitionedAtRuntime")
"""Timetables that start nothing, or one run: somebody starts the other engine's, too."""
INTERVALS = ("CronDataIntervalTimetable", "DeltaDataIntervalTimetable", "EventsTimetable")
"""Timetables whose runs are about the time before they start."""


def check_dag(dag: Any) -> Iterator[Unsupported]:
    """Yield an error for each thing that only Airflow has of a DAG as a whole."""
    return ILLEGAL.judge(dag, DAG, dag.dag_id)


def timetable_of(dag: Any) -> str:
    """Return what kind of timetable a DAG has."""
    return type(dag.timetable).__name__


def schedule_of(dag: Any) -> tuple[str, str] | None:
    """Return the schedule that a DAG has in words of cron, and its time zone; None where it has no such."""
    timetable = dag.timetable
    text = getattr(timetable, "expression", getattr(timetable, "_expression", None))
    zone = getattr(timetable, "timezone", getattr(timetable, "_timezone", None))
    if timetable_of(dag) not in CRON or not isinstance(text, str) or schedule_problem(text):
        return None
    return text, str(getattr(zone, "name", zone) or "UTC")


def kind_of(dag: Any) -> tuple[str, Native | None]:
    """Return the kind of workflow that a DAG becomes, and what is said of its runs."""
    spec = {} if dag.dagrun_timeout is None else {"activeDeadlineSeconds": int(seconds(dag.dagrun_timeout))}
    schedule = schedule_of(dag)
    if schedule is None:
        return "Workflow", Native.of({"spec": spec}) if spec else None
    cron: dict[str, Any] = {"schedules": [schedule[0]], "timezone": schedule[1]}
    return "CronWorkflow", Native.of({"spec": {**cron, **({"workflowSpec": spec} if spec else {})}})


def leave_out_of_dag(dag: Any, diagnostics: Diagnostics) -> None:
    """Tell what is left out of a DAG."""
    timetable = timetable_of(dag)
    if timetable not in UNASKED and schedule_of(dag) is None:
        leave_out(dag.dag_id, [f"a schedule ({timetable})"], "detail", diagnostics)
    details = [name for name in DETAILS if getattr(dag, name, None) and getattr(dag, name) != dag.dag_id]
    if schedule_of(dag) is not None:  # what comes of it starts at once, and by itself
        is_later = dag.start_date is not None and dag.start_date > datetime.now(tz=UTC)
        details += ["start_date"] if is_later else []
        details += [
            name for name in ("is_paused_upon_creation", "max_consecutive_failed_dag_runs") if getattr(dag, name, None)
        ]
    leave_out(dag.dag_id, details, "detail", diagnostics)
    runs = [name for name in CALLBACKS if getattr(dag, name, None)]
    runs += ["catchup"] if dag.catchup and schedule_of(dag) is not None else []
    runs += ["max_active_runs"] if dag.max_active_runs == 1 and schedule_of(dag) is not None else []
    runs += ["end_date"] if dag.end_date is not None else []
    leave_out(dag.dag_id, runs, "run", diagnostics)


# What a run is given: texts as they are, all else as JSON.


def values_of(params: Any) -> dict[str, Any]:
    """Return the values of params by name; `...` for what has none."""
    values = {name: params.get_param(name).value for name in sorted(params)}
    return {
        name: ... if type(item).__name__ in ("NoValueSentinel", "ArgNotSet") else item for name, item in values.items()
    }


def own_params(task: Any) -> dict[str, Any]:
    """Return the params of a task that its DAG does not have like this."""
    own, others = values_of(getattr(task, "params", None) or {}), values_of(task.dag.params)
    return {name: value for name, value in own.items() if name not in others or others[name] != value}


def is_text(params: Any, name: str) -> bool:
    """Return whether a param is a text wherever it is given."""
    param = params.get_param(name)
    return isinstance(param.value, str) or param.schema.get("type") == "string"


def parameters_of(dag: Any, refusals: list[Unsupported]) -> Iterator[Port]:
    """Yield what a run of a DAG is given."""
    values: Mapping[str, Any] = values_of(dag.params)
    for name, value in values.items():
        if value is ...:
            yield Port(name=name)
            continue
        try:
            yield Port(name=name, value=Literal(value=value if isinstance(value, str) else json.dumps(value)))
        except TypeError:
            reason = f"is a param of the type {type(value).__name__}: give it as text"
            refusals.append(refuse("Workflow.parameters", name, reason))
