"""What a generated DAG says as a whole: its id, parameters, schedule, limits, and what is said of all its pods."""

from __future__ import annotations

from typing import Any

from couler_airflow.generating.calls import variable_of
from couler_airflow.generating.pods import CLAIMS
from couler_airflow.generating.printing import Call, Node, plain, timedelta_of
from couler_airflow.generating.texts import (
    Jinja,
    Scope,
    Text,
    constant,
    data_text,
    item_text,
    jinja_quoted,
    resolve_data,
)
from couler_airflow.legal import POD_FIELDS, Diagnostics
from couler_plugins.ir import Call as GraphCall
from couler_plugins.ir import Graph, Literal, Port, Workflow, callables

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
CRON = 5
"""Words of a plain cron expression."""


def parameters_of(workflow: Workflow) -> dict[str, Text]:
    """What the workflow's parameters stand for: those of the run, or what pods find in a ConfigMap or a Secret."""
    return {
        port.name: (variable_of(port, port.name) if port.origin else Jinja(f"params[{jinja_quoted(port.name)}]"),)
        for port in workflow.parameters
        if port.kind == "parameter"
    }


def whole_of(
    workflow: Workflow, parameters: dict[str, Text], diagnostics: Diagnostics, store: str
) -> tuple[dict[str, Node], dict[str, Any]]:
    """What `DAG(…)` is called with, and what holds for all pods: data with texts in it.

    What no DAG says goes to the diagnostics.
    """
    data = resolve_data(workflow.native_extra, Scope(parameters), "")
    metadata, spec, cron = dict(data.pop("metadata", {})), dict(data.pop("spec", {})), dict[str, Any]()
    if workflow.kind == "CronWorkflow":
        cron, spec = spec, dict(spec.pop("workflowSpec", {}))
    description, tags = _described(metadata, diagnostics)
    pod = {key: spec.pop(key) for key in POD_FIELDS if key in spec}
    timeout, parallelism = spec.pop("activeDeadlineSeconds", None), spec.pop("parallelism", None)
    schedule = _schedule(cron, workflow, diagnostics) if workflow.kind == "CronWorkflow" else None
    for key in [key for fields in (cron, spec) for key in HOUSEKEEPING if key in fields]:
        diagnostics.lose("", f"says {HOUSEKEEPING[key]} ({key})")
    if store:
        if claims := spec.pop(CLAIMS, None):
            pod[CLAIMS] = [claim["metadata"]["name"] for claim in claims]
            spec.pop("volumeClaimGC", None)
            reason = "they are folders of the store, one for each run, without a size of their own, and stay there"
            diagnostics.note("", "has claims of its own", reason, "detail")
        if spec.pop("artifactRepositoryRef", None):
            diagnostics.note("", "keeps its artifacts in the store", "no artifact repository is used", "detail")
    if isinstance(labelled := spec.pop("podMetadata", None), dict):
        pod["podMetadata"] = labelled
    others = {"": data, "metadata.": metadata, "spec.": (cron.keys() | spec.keys()) - HOUSEKEEPING.keys()}
    if names := ", ".join(f"{place}{key}" for place, fields in others.items() for key in sorted(fields)):
        reason = f"has {names}, which Airflow does not support"
        diagnostics.refuse("Workflow.native_extra", "", reason, fields=names)
    deadline = None if timeout is None else timedelta_of(data_text(timeout) or "")
    if timeout is not None and deadline is None:
        reason = "has a deadline that is only known at run time"
        diagnostics.refuse("Workflow.native_extra", "", reason, "give it in seconds")
    defaults = {"retries": 0, "retry_delay": Call("timedelta"), "startup_timeout_seconds": STARTUP}
    arguments: dict[str, Node] = {
        "dag_id": plain(workflow.name or workflow.prefix.rstrip("-") or "workflow"),
        "doc_md": description,
        "tags": tags or None,
        "schedule": schedule,
        "catchup": False,
        "params": {p.name: _parameter(p, diagnostics) for p in workflow.parameters if not p.origin} or None,
        "max_active_tasks": _limit(workflow, parallelism, diagnostics),
        "dagrun_timeout": deadline,
        "default_args": {**defaults, **({"namespace": workflow.namespace} if workflow.namespace else {})},
    }
    return {name: item for name, item in arguments.items() if item is not None or name == "schedule"}, pod


def _described(metadata: dict[str, Any], diagnostics: Diagnostics) -> tuple[str | None, list[str]]:
    """The documentation of the DAG, from annotations, and its tags, from labels."""
    texts = {
        name: {key: data_text(value) for key, value in (metadata.pop(name, None) or {}).items()}
        for name in ("annotations", "labels")
    }
    if any(None in values.values() for values in texts.values()):
        diagnostics.refuse("Workflow.native_extra", "", "has a label or an annotation that is only known at run time")
    lines = [
        texts["annotations"].pop(DESCRIPTION, ""),
        *(f"- {key}: {value}" for key, value in texts["annotations"].items()),
    ]
    text = "\n".join(filter(None, lines))
    tags = [f"{key}={value}" for key, value in texts["labels"].items()]
    if long := [tag for tag in tags if len(tag) > MAX_TAG]:
        diagnostics.lose("", f"has the labels {', '.join(long)}, which are too long for tags")
    # Airflow would look up a text that ends like this as a file.
    return f"{text} " if text.endswith(".md") else text or None, [tag for tag in tags if len(tag) <= MAX_TAG]


def _parameter(port: Port, diagnostics: Diagnostics) -> Node:
    if port.kind != "parameter":
        diagnostics.refuse("Port.kind", port.name, "is no parameter with a value")
    data = resolve_data(port.native_extra, Scope({}), port.name)
    if others := sorted(data.keys() - {"enum", "description"}):
        diagnostics.refuse("Port.native_extra", port.name, f"has {', '.join(others)}")
    value = port.value if port.value is not None else port.default
    if value is not None and not isinstance(value, Literal):
        diagnostics.refuse("Port.value", port.name, "is a parameter whose value is only known at run time")
    keywords: dict[str, Node] = {"type": "string"}
    if data.get("enum") is not None:
        keywords["enum"] = [data_text(item) for item in data["enum"]]
    if data.get("description") is not None:
        keywords["description"] = constant(data["description"])
    return Call("Param", (item_text(value.value),) if isinstance(value, Literal) else (), keywords)


def _limit(workflow: Workflow, parallelism: Any, diagnostics: Diagnostics) -> int | None:
    """How many tasks may run at a time: Argo's limits of the workflow and of its first graph, in one."""
    call = workflow.entry.call if workflow.entry else None
    callee = callables(workflow).get(call.name) if isinstance(call, GraphCall) else None
    own = callee.parallelism if isinstance(callee, Graph) else None
    limits = [parallelism, own.value if isinstance(own, Literal) else own]
    texts = [str(limit) for limit in limits if limit is not None]
    if not all(map(str.isdigit, texts)):
        reason = "has a limit of parallel steps that is only known at run time"
        diagnostics.refuse("Graph.parallelism", workflow.label, reason)
    return min((int(text) for text in texts if text.isdigit()), default=None)


def _schedule(cron: dict[str, Any], workflow: Workflow, diagnostics: Diagnostics) -> Node:
    """The timetable of a CronWorkflow; what is left in the mapping is not said by it."""
    single, several = cron.pop("schedule", None), cron.pop("schedules", None)
    schedules = [constant(item) for item in ([single] if single else several or [])]
    if not schedules or any(item is None or len(item.split()) != CRON or "=" in item for item in schedules):
        hint = "write minute, hour, day, month and day of the week"
        diagnostics.refuse("Workflow.native_extra", "", "has a schedule that is no plain cron expression", hint)
    zone = constant(cron.pop("timezone", ("UTC",)))
    policy = constant(cron.pop("concurrencyPolicy", ("Allow",)))
    if policy not in ("Allow", ""):
        reason = f"has the concurrency policy {policy}, which Airflow does not have"
        hint = "let runs overlap (Allow), and set max_active_runs on the DAG after the conversion"
        diagnostics.refuse("Workflow.native_extra", "", reason, hint, "concurrencyPolicy")
    if any(port.value is None and port.default is None for port in workflow.parameters):
        reason = "has a schedule, and a parameter without a value"
        diagnostics.refuse("Workflow.parameters", "", reason, "give it one")
    for key, usual in (("startingDeadlineSeconds", 0), ("suspend", False)):
        if key in cron and cron[key] == usual:
            del cron[key]
    name = "CronTriggerTimetable" if len(schedules) == 1 else "MultipleCronTriggerTimetable"
    return Call(name, tuple(schedules), {"timezone": zone})
