"""A part with what it reads of others filled in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from couler_kfp.mappings import Mapped
from couler_kfp.run.jobs import Source
from couler_kfp.run.values import shown
from couler_kfp.split.handoff import Crossing
from couler_plugins.errors import EngineError
from couler_plugins.hookspecs.running import Job, Produced

__all__ = ["Filled", "filled", "gathered", "produced"]

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
