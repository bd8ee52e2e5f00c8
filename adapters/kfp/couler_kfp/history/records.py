"""What a document of KFP's history holds, under the names that its API has for them, and what is believed of it.

An answer of `/apis/v2beta1/runs/ID` is such a document by itself. Source: `backend/api/v2beta1/run.proto` (Run,
PipelineTaskDetail), and the fields that its next version gives a task (`type`, `iteration_index`, `pods`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec

from couler_kfp.components import QUANTITIES
from couler_kfp.fuse.in_pod import step_names
from couler_kfp.lift import lift
from couler_plugins.caching.keys import digest
from couler_plugins.engine_kit.run_layers import run_layers
from couler_plugins.ir import Literal
from couler_plugins.runs.history_format import HistoryFormat

SCHEMA = "couler.kfp-runs/v1"
HINT = "take it from `couler history`, or from KFP's API: /apis/v2beta1/runs/ID"
TOLD = HistoryFormat("kfp", "KFP", SCHEMA, HINT)
RUN = "run"
"""What all tasks of a log are in: they have names only, and a pipeline says in which of its dags each is."""

Time = Annotated[datetime, msgspec.Meta(tz=True)]
Text = Annotated[str, msgspec.Meta(max_length=1024)]
Said = Annotated[str, msgspec.Meta(max_length=1 << 20)]


class Child(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A task right after another, or what it consists of, by one of its names."""

    task_id: Text = ""
    pod_name: Text = ""


class Pod(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A pod of a task: of its driver, or of what it executes."""

    name: Text = ""
    type: Text = ""


class Error(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why something failed: google.rpc.Status."""

    code: int = 0
    message: Said = ""


class Moment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A state that a task was in, and the error that it came with."""

    error: Error | None = None


class Task(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a backend tells of a task, or of a driver, an executor or an iteration that it consists of.

    Attributes:
        task_id, pod_name: what it is called by others.
        display_name, name: what it is called in the pipeline.
        parent_task_id: what it is in.
        state, status: where it stands; `state` up to KFP 2.17.
        start_time, end_time: when it ran; the year 1970 or 1 for never.
        child_tasks: what comes after it.
        type: what it is, where a backend says that.
        iteration_index: which item of a loop.
        pods: its pods, where a backend tells of them.
        error: why it failed, where a backend says that.
        state_history: the states that it was in, the last one last.
    """

    task_id: Text = ""
    pod_name: Text = ""
    display_name: Text = ""
    name: Text = ""
    parent_task_id: Text = ""
    state: Text | None = None
    status: Text | None = None
    start_time: Time | None = None
    end_time: Time | None = None
    child_tasks: tuple[Child, ...] | None = ()
    type: Text = ""
    iteration_index: int | None = None
    pods: tuple[Pod, ...] | None = ()
    error: Error | None = None
    state_history: tuple[Moment, ...] | None = ()


class Call(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A task of the pipeline that ran.

    Attributes:
        graph: the dag that it is in.
        name: its name there.
        component: the component that it calls.
        dag: whether that is a dag itself.
        spec: the digest of what it is.
        after: the tasks of its dag right before it.
        cached: whether the backend looks for its result before it runs; None where nobody knows.
        resources: what its container asks for, as Kubernetes has it: amounts of `requests` and `limits` by name.
        fused: the names of the steps whose work it does, where `fuse` has put several into one.
    """

    graph: Text
    name: Text
    component: Text
    dag: bool = False
    spec: Text = ""
    after: tuple[Text, ...] = ()
    cached: bool | None = None
    resources: dict[str, dict[str, str]] = {}
    fused: tuple[Text, ...] = ()


class Details(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The tasks of a run."""

    task_details: tuple[Task, ...] | None = ()


class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run of a pipeline.

    Attributes:
        run_id: its id.
        display_name: what people call it.
        state: where it stands.
        finished_at: when it ended.
        run_details: its tasks.
        pipeline: the name of the pipeline.
        calls: the pipeline's tasks; none where nobody knows.
        pipeline_spec: the pipeline as a backend gives it.
        layers: what optimizers had set in it (see `couler_plugins.engine_kit.run_layers`).
    """

    run_id: Text = ""
    display_name: Text = ""
    state: Text | None = None
    finished_at: Time | None = None
    run_details: Details | None = None
    pipeline: Text = ""
    calls: tuple[Call, ...] = ()
    pipeline_spec: Any = None
    layers: dict[str, str] = {}


class Document(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A document of history.

    Attributes:
        schema: which one it is; none in what KFP's API answers.
        runs: the runs.
    """

    schema: str = ""
    runs: tuple[Run, ...] = ()


def document_of(data: Any) -> Document | None:
    """The document that some data are; None where they are something else.

    Raises:
        InvalidInput: they claim to be one, and are not.
    """
    if not isinstance(data, Mapping):
        return None
    schema = data.get("schema")
    if schema is None:
        if "run_details" in data and "run_id" in data:
            return Document(runs=(TOLD.believed(data, Run),))
        runs = data.get("runs")
        if isinstance(runs, list) and runs and all(isinstance(run, Mapping) and "run_id" in run for run in runs):
            return TOLD.believed({"runs": runs}, Document)
        return None
    return TOLD.believed(data, Document) if TOLD.is_meant(schema) else None


def name_of(specification: Any) -> str:
    """The pipeline's name; empty where the specification has none."""
    return str(_mapping(_spec(specification).get("pipelineInfo")).get("name") or "")


def calls_of(specification: Any) -> tuple[Call, ...]:
    """The tasks of all dags that the root reaches, each dag once; none where this is no specification."""
    spec = _spec(specification)
    components, calls = _mapping(spec.get("components")), []
    executors = _mapping(_mapping(spec.get("deploymentSpec")).get("executors"))
    waiting, seen = [("root", _mapping(spec.get("root")))], {"root"}
    for graph, holder in waiting:
        for call in _calls(graph, holder, components, executors):
            calls.append(call)
            if call.dag and call.component not in seen:
                seen.add(call.component)
                waiting.append((call.component, _mapping(components.get(call.component))))
    return tuple(calls)


def layers_in(specification: Any) -> dict[str, str]:
    """What optimizers had set in a pipeline; nothing where this is no specification."""
    spec = _spec(specification)
    return run_layers(lift, spec) if spec else {}


def _calls(graph: str, holder: Any, components: Any, executors: Any) -> Iterator[Call]:
    tasks = _mapping(_mapping(holder.get("dag")).get("tasks"))
    for name in sorted(tasks):
        task = _mapping(tasks[name])
        component = str(_mapping(task.get("componentRef")).get("name") or "")
        body = _mapping(components.get(component))
        after = task.get("dependentTasks")
        executor = executors.get(str(body.get("executorLabel")))
        container = _mapping(_mapping(executor).get("container"))
        resources = _mapping(container.get("resources"))
        command = [Literal(value=word) for word in container.get("command") or () if isinstance(word, str)]
        yield Call(
            graph=graph,
            name=name,
            component=component,
            dag="dag" in body,
            spec=digest([body, executor]),
            after=tuple(sorted(str(item) for item in after if item in tasks)) if isinstance(after, list) else (),
            cached=_mapping(task.get("cachingOptions")).get("enableCache") is True,
            resources={
                kind: {name: str(resources[key]) for name, key in keys.items() if key in resources}
                for kind, keys in QUANTITIES.items()
                if any(key in resources for key in keys.values())
            },
            fused=tuple(filter(None, step_names(command).split(","))),
        )


def _spec(specification: Any) -> Mapping[str, Any]:
    """The PipelineSpec: by itself, or in what holds the platform's beside it."""
    holder = _mapping(specification)
    return _mapping(holder.get("pipeline_spec")) or holder


def _mapping(content: Any) -> Mapping[str, Any]:
    return content if isinstance(content, Mapping) else {}
