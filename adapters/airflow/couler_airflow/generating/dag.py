"""What a generated DAG says as a whole: its id, parameters, schedule, limits, and what is said of all its pods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from couler_airflow.generating.durations import duration
from couler_airflow.generating.errors import refusal
from couler_airflow.generating.ids import plain
from couler_airflow.generating.losses import Losses
from couler_airflow.generating.pods import POD_FIELDS
from couler_airflow.generating.printing import Call, Node
from couler_airflow.generating.texts import Jinja, Scope, Text, constant, item_text, jinja_quoted, resolve_data
from couler_plugins.ir import Call as GraphCall
from couler_plugins.ir import Graph, Literal, Port, Workflow, callables

__all__ = ["Whole", "parameters_of", "whole_of"]

DESCRIPTION = "workflows.argoproj.io/description"
HOUSEKEEPING = {
    "archiveLogs": "where logs are kept",
    "artifactGC": "how artifacts are cleaned up",
    "podGC": "when pods are removed",
    "ttlStrategy": "when the finished workflow is removed",
    "workflowMetadata": "labels of the workflow",
    "failedJobsHistoryLimit": "how many runs are kept",
    "successfulJobsHistoryLimit": "how many runs are kept",
}
"""Fields that say nothing of what is run, and may be left out by those who ask for it."""
MAX_TAG = 100
STARTUP = 24 * 60 * 60
"""Seconds that a pod may take to start: Argo sets no limit, and the operator's own is two minutes."""


@dataclass
class Whole:
    """The DAG's own part.

    Attributes:
        arguments: what `DAG(…)` is called with.
        pod: what holds for all pods: data with texts in it.
        timetables: those that are used, for the imports.
    """

    arguments: dict[str, Node]
    pod: dict[str, Any]
    timetables: set[str] = field(default_factory=set)


def parameters_of(workflow: Workflow) -> dict[str, Text]:
    """What the workflow's parameters stand for: those of the run."""
    return {port.name: (Jinja(f"params[{jinja_quoted(port.name)}]"),) for port in workflow.parameters}


def whole_of(workflow: Workflow, parameters: dict[str, Text], losses: Losses) -> Whole:
    """The DAG of a workflow without its tasks.

    Raises:
        Unsupported: it says something that no DAG says.
    """
    rest = {} if workflow.native_extra is None else resolve_data(workflow.native_extra, Scope(parameters), "")
    spec = dict(rest.pop("spec", {}))
    cron = spec
    if workflow.kind == "CronWorkflow":
        spec = dict(cron.pop("workflowSpec", {}))
    description, tags = _described(dict(rest.pop("metadata", {})), losses)
    _refuse_others(rest, "")
    pod = {key: spec.pop(key) for key in POD_FIELDS if key in spec}
    timeout, parallelism = spec.pop("activeDeadlineSeconds", None), spec.pop("parallelism", None)
    schedule, timetables = None, set[str]()
    if workflow.kind == "CronWorkflow":
        schedule, timetables = _schedule(cron)
        _lose(cron, losses)
        _refuse_others(cron, "spec.")
    _lose(spec, losses)
    _refuse_others(spec, "spec.")
    defaults: dict[str, Node] = {
        "retries": 0,
        "retry_delay": Call("timedelta"),
        "startup_timeout_seconds": STARTUP,
    }
    if workflow.namespace:
        defaults["namespace"] = workflow.namespace
    arguments: dict[str, Node] = {
        "dag_id": plain(workflow.name or workflow.prefix.rstrip("-") or "workflow"),
        "doc_md": description,
        "tags": tags or None,
        "schedule": schedule,
        "catchup": False,
        "params": {port.name: _parameter(port) for port in workflow.parameters} or None,
        "max_active_tasks": _limit(workflow, parallelism),
        "dagrun_timeout": None if timeout is None else Call("timedelta", (), {"seconds": _seconds(timeout)}),
        "default_args": defaults,
    }
    if schedule is not None and any(port.value is None and port.default is None for port in workflow.parameters):
        raise refusal("Workflow.parameters", "", "has a schedule, and a parameter without a value", "give it one")
    kept = {name: item for name, item in arguments.items() if item is not None or name == "schedule"}
    return Whole(kept, pod, timetables)


def _described(metadata: dict[str, Any], losses: Losses) -> tuple[str | None, list[str]]:
    """The documentation of the DAG, from annotations, and its tags, from labels."""
    annotations = {key: _known(value) for key, value in (metadata.pop("annotations", None) or {}).items()}
    labels = {key: _known(value) for key, value in (metadata.pop("labels", None) or {}).items()}
    _refuse_others(metadata, "metadata.")
    lines = [annotations.pop(DESCRIPTION, ""), *(f"- {key}: {value}" for key, value in annotations.items())]
    text = "\n".join(filter(None, lines))
    tags = [f"{key}={value}" for key, value in labels.items()]
    if long := [tag for tag in tags if len(tag) > MAX_TAG]:
        losses.lose("Workflow.native_extra", "", f"has the labels {', '.join(long)}, which are too long for tags")
    # Airflow would look up a text that ends like this as a file.
    return f"{text} " if text.endswith(".md") else text or None, [tag for tag in tags if len(tag) <= MAX_TAG]


def _known(data: Any) -> str:
    text = constant(data) if isinstance(data, tuple) else item_text(data)
    if text is None:
        raise refusal("Workflow.native_extra", "", "has a label or an annotation that only the run knows")
    return text


def _lose(spec: dict[str, Any], losses: Losses) -> None:
    for key, what in HOUSEKEEPING.items():
        if key in spec:
            losses.lose("Workflow.native_extra", "", f"says {what} ({key})")
            del spec[key]


def _refuse_others(data: Mapping[str, Any], place: str) -> None:
    if data:
        names = ", ".join(f"{place}{key}" for key in sorted(data))
        raise refusal("Workflow.native_extra", "", f"has {names}, which no DAG has")


def _parameter(port: Port) -> Node:
    if port.kind != "parameter" or port.origin is not None:
        raise refusal("Port.origin" if port.origin else "Port.kind", port.name, "is no parameter with a value")
    rest = {} if port.native_extra is None else resolve_data(port.native_extra, Scope({}), port.name)
    options = rest.pop("enum", None)
    description = rest.pop("description", None)
    if rest:
        raise refusal("Port.native_extra", port.name, f"has {', '.join(sorted(rest))}")
    value = port.value if port.value is not None else port.default
    if value is not None and not isinstance(value, Literal):
        raise refusal("Port.value", port.name, "is a parameter whose value only the run knows")
    keywords: dict[str, Node] = {"type": "string"}
    if options is not None:
        keywords["enum"] = [constant(item) if isinstance(item, tuple) else item_text(item) for item in options]
    if description is not None:
        keywords["description"] = constant(description)
    return Call("Param", () if value is None else (item_text(value.value),), keywords)


def _limit(workflow: Workflow, parallelism: Any) -> int | None:
    """How many tasks may run at a time: Argo's limits of the workflow and of its first graph, in one."""
    call = workflow.entry.call if workflow.entry else None
    callee = callables(workflow).get(call.name) if isinstance(call, GraphCall) else None
    own = callee.parallelism if isinstance(callee, Graph) else None
    limits = [parallelism] if parallelism is not None else []
    if own is not None:
        limits.append(own.value if isinstance(own, Literal) else None)
    if any(not str(limit).isdigit() for limit in limits):
        raise refusal("Graph.parallelism", workflow.label, "has a limit of parallel steps that only the run knows")
    return min(map(int, limits), default=None)


def _seconds(data: Any) -> Node:
    seconds = duration(constant(data) or "" if isinstance(data, tuple) else str(data))
    if seconds is None:
        raise refusal("Workflow.native_extra", "", "has a deadline that only the run knows", "give it in seconds")
    return int(seconds) if seconds.is_integer() else seconds


def _schedule(cron: dict[str, Any]) -> tuple[Node, set[str]]:
    """The timetable of a CronWorkflow; what is left in the mapping is not said by it."""
    single, several = cron.pop("schedule", None), cron.pop("schedules", None)
    schedules = [constant(item) for item in ([single] if single else several or [])]
    if not schedules or any(item is None or len(item.split()) != CRON or "=" in item for item in schedules):
        hint = "write minute, hour, day, month and day of the week"
        raise refusal("Workflow.native_extra", "", "has a schedule that is no plain cron expression", hint)
    zone = constant(cron.pop("timezone", ("UTC",)))
    policy = constant(cron.pop("concurrencyPolicy", ("Allow",)))
    if policy not in ("Allow", ""):
        hint = "let runs overlap (Allow), and set max_active_runs on the DAG after the conversion"
        raise refusal(
            "Workflow.native_extra", "", f"has the concurrency policy {policy}, which Airflow does not have", hint
        )
    if cron.get("startingDeadlineSeconds") == 0:
        del cron["startingDeadlineSeconds"]
    if cron.get("suspend") is False:
        del cron["suspend"]
    name = "CronTriggerTimetable" if len(schedules) == 1 else "MultipleCronTriggerTimetable"
    return Call(name, tuple(schedules), {"timezone": zone}), {name}


CRON = 5
