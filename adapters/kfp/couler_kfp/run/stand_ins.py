"""Parts made to run on their own: values of other parts filled in, and stand-ins for their tasks.

`kfp.local` finds what a loop goes over, and what a condition compares, by the name of the input: it takes
`pipelinechannel--flip-Output` for the output of a task `flip`, whatever the input is given (measured with kfp 2.17.3: a
condition over anything else is false, and says so in a warning only). So each of those tasks is there under its name,
and hands out what its own part has handed out.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from couler_kfp.run.jobs import Source, shown
from couler_kfp.split.handoff import Crossing
from couler_plugins.documents.mappings import Mapped
from couler_plugins.errors import EngineError
from couler_plugins.hookspecs.running import Job, Produced

PROGRAM = """
# Hands out what a task of another part did. It does what kfp.dsl.executor_main does for a component, without kfp.
import base64, json, os, sys

values = json.loads(base64.b64decode(sys.argv[1]))
for name, item in json.loads(sys.argv[2])["outputs"]["parameters"].items():
    os.makedirs(os.path.dirname(item["outputFile"]), exist_ok=True)
    with open(item["outputFile"], "w", encoding="utf-8") as stream:
        stream.write(values[name])
"""


def with_given(spec: Mapped, arguments: Mapped, reads: Mapping[str, Source]) -> Mapped:
    """The part with a task for each that its loops and conditions may be over; the same where it has none of either.

    Args:
        spec: the part.
        arguments: of its root.
        reads: where its inputs come from, by name.
    """
    root = spec["root"]
    if not any(_has_flow(component) for component in (root, *spec.get("components", {}).values())):
        return spec
    tasks = root["dag"]["tasks"]
    sources = {
        port: source for port, source in reads.items() if source.kind == "parameter" and source.task not in tasks
    }
    if not sources:
        return spec
    types = root["inputDefinitions"]["parameters"]
    parameters: dict[str, Mapped] = {}
    values: dict[str, dict[str, str]] = {}
    for port, source in sources.items():
        parameters.setdefault(source.task, {})[source.key] = {"parameterType": types[port].get("parameterType")}
        values.setdefault(source.task, {})[source.key] = _text(arguments[port])
    components, executors, added = dict(spec["components"]), dict(spec["deploymentSpec"]["executors"]), {}
    for task, outputs in parameters.items():
        label = f"couler-given-{task}"
        components[f"comp-{label}"] = {"outputDefinitions": {"parameters": outputs}, "executorLabel": label}
        executors[label] = {"container": _container(values[task])}
        added[task] = {"componentRef": {"name": f"comp-{label}"}, "taskInfo": {"name": task}}
    own = {name: _reading(task, sources) for name, task in tasks.items()}
    root = {**root, "dag": {**root["dag"], "tasks": {**added, **own}}}
    deployment = {**spec["deploymentSpec"], "executors": executors}
    return {**spec, "components": components, "deploymentSpec": deployment, "root": root}


def _has_flow(component: Mapped) -> bool:
    """Whether a component has a loop or a condition among its tasks."""
    tasks = component.get("dag", {}).get("tasks", {}).values()
    return any(
        "parameterIterator" in task or "artifactIterator" in task or task.get("triggerPolicy", {}).get("condition")
        for task in tasks
    )


def _text(value: Any) -> str:
    """A value as a component writes it down."""
    return value if isinstance(value, str) else json.dumps(value)


def _container(values: Mapping[str, str]) -> Mapped:
    text = base64.b64encode(json.dumps(values).encode()).decode()
    return {"image": "python:3", "command": ["python3", "-c", PROGRAM, text], "args": ["{{$}}"]}


def _reading(task: Mapped, sources: Mapping[str, Source]) -> Mapped:
    """A task that reads these inputs of the root from tasks again."""
    supplied = dict(_given(task, sources))
    if not supplied:
        return task
    inputs = {**task["inputs"], "parameters": {**task["inputs"]["parameters"], **supplied}}
    before = [
        *task.get("dependentTasks", []),
        *(item["taskOutputParameter"]["producerTask"] for item in supplied.values()),
    ]
    return {**task, "inputs": inputs, "dependentTasks": list(dict.fromkeys(before))}


def _given(task: Mapped, sources: Mapping[str, Source]) -> Iterator[tuple[str, Mapped]]:
    for name, value in task.get("inputs", {}).get("parameters", {}).items():
        source = sources.get(value.get("componentInputParameter", ""))
        if source is not None:
            output = {"outputParameterKey": source.key, "producerTask": source.task}
            yield (
                name,
                {
                    **{key: value[key] for key in value if key != "componentInputParameter"},
                    "taskOutputParameter": output,
                },
            )


OF_THE_STORE = ("store_session_info",)
"""Metadata that the backend writes itself, of a run's own access to its store."""
By = Callable[[str], Crossing]
"""What the job at a place has handed out."""


class Filled(msgspec.Struct, frozen=True):
    """A pipeline that is ready to be submitted.

    Attributes:
        spec: its PipelineSpec.
        arguments: of its root, by name.
    """

    spec: Mapped
    arguments: Mapped


def filled(job: Job, by_place: By) -> Filled:
    """The pipeline of a job: parameters and URIs become arguments, metadata is written into the importers.

    Raises:
        EngineError: another part has not handed out what it should.
    """
    content = job.content
    spec, arguments, uris = content["spec"], dict(content["arguments"]), content["uris"]
    for name, source in content["reads"].items():
        arguments_filled = _read(source, by_place)
        if source.kind == "parameter":
            arguments[name] = arguments_filled
            continue
        arguments[uris[name]] = arguments_filled["uri"]
        metadata = {key: item for key, item in arguments_filled.get("metadata", {}).items() if key not in OF_THE_STORE}
        if metadata:
            spec = _with_metadata(spec, uris[name], metadata)
    return Filled(spec, arguments)


def gathered(job: Job, by_place: By) -> Crossing:
    """What a pipeline that was split hands out, from what its parts did; what they did not tell is left out."""
    parameters, artifacts = {}, {}
    for name, source in job.content["outputs"].items():
        crossing = by_place(source.place)
        if source.kind == "parameter" and source.output in crossing.parameters:
            parameters[name] = crossing.parameters[source.output]
        elif source.output in crossing.artifacts:
            artifacts[name] = crossing.artifacts[source.output]
    return Crossing(parameters=parameters, artifacts=artifacts)


def produced(crossing: Crossing) -> list[Produced]:
    """What was handed out, as it is told."""
    parameters, artifacts = crossing.parameters.items(), crossing.artifacts.items()
    return [
        *(Produced(name=name, kind="parameter", value=shown(value)) for name, value in parameters),
        *(Produced(name=name, kind="artifact", value=str(item["uri"])) for name, item in artifacts),
    ]


def _read(source: Source, by_place: By) -> Any:
    crossing = by_place(source.place)
    values: Mapping[str, Any] = crossing.parameters if source.kind == "parameter" else crossing.artifacts
    if source.output not in values:
        raise EngineError(f"{source.place} has not handed out {source.output!r}", engine="kfp")
    return values[source.output]


def _with_metadata(spec: Mapped, uri: str, metadata: Mapped) -> Mapped:
    """The spec with this metadata in the importer whose task is given that URI."""
    for task in spec["root"]["dag"]["tasks"].values():
        if task.get("inputs", {}).get("parameters", {}).get("uri") == {"componentInputParameter": uri}:
            label = spec["components"][task["componentRef"]["name"]]["executorLabel"]
            executors = spec["deploymentSpec"]["executors"]
            if "importer" in executors[label]:
                importer = {"importer": {**executors[label]["importer"], "metadata": metadata}}
                executors = {**executors, label: importer}
                return {**spec, "deploymentSpec": {**spec["deploymentSpec"], "executors": executors}}
    return spec
