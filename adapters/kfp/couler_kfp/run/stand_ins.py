"""A part made to run by `kfp.local` although tasks that its loops and conditions read are in other parts.

`kfp.local` finds what a loop goes over, and what a condition compares, by the name of the input: it takes
`pipelinechannel--flip-Output` for the output of a task `flip`, whatever the input is given (measured with kfp 2.17.3: a
condition over anything else is false, and says so in a warning only). So each of those tasks is there under its name,
and hands out what its own part has handed out.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from couler_kfp.mappings import Mapped
from couler_kfp.run.jobs import Source

__all__ = ["with_given"]

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
