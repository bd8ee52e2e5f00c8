"""What documents are to whoever runs them: a job for each pipeline, and for each part of one that was split.

A part needs the parts that it reads of, or comes after. What is left of the pipeline is a job, too: it needs all of its
parts, and gives their outputs the names that the pipeline has for them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Any, NamedTuple

import msgspec

from couler_kfp.documents import OBJECT, is_pipeline, is_platform, owned_platforms
from couler_kfp.split.splitting import PIPELINE
from couler_plugins.documents.mappings import Mapped
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.hookspecs.running import Job, Request

HINTS = {
    "NUMBER_INTEGER": "a whole number",
    "NUMBER_DOUBLE": "a number",
    "BOOLEAN": "true or false",
    "LIST": 'a list as JSON: ["a", 1]',
    "STRUCT": 'a mapping as JSON: {"a": 1}',
}


def inputs_of(spec: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The parameters that a pipeline declares, by name."""
    parameters: dict[str, dict[str, Any]] = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    return parameters


def arguments_of(spec: Mapping[str, Any], texts: Mapping[str, str], pipeline: str) -> dict[str, Any]:
    """The arguments of a pipeline, from the texts of all that are given.

    Raises:
        InvalidInput: a text is none of the declared type, or a parameter is missing.
    """
    arguments = {}
    for name, definition in inputs_of(spec).items():
        if name in texts:
            arguments[name] = _value(name, texts[name], str(definition.get("parameterType")))
        elif "defaultValue" not in definition and not definition.get("isOptional"):
            message = f"the parameter {name!r} of {pipeline!r} is not given, and has no default"
            raise InvalidInput(message, engine="kfp", hint=f"give --parameter {name}=VALUE")
    return arguments


def _value(name: str, text: str, kind: str) -> Any:
    if kind == "STRING":
        return text
    wanted: dict[str, Any] = {
        "NUMBER_INTEGER": int,
        "NUMBER_DOUBLE": (int, float),
        "BOOLEAN": bool,
        "LIST": list,
        "STRUCT": dict,
    }
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if isinstance(value, wanted.get(kind, object)) and (kind == "BOOLEAN" or not isinstance(value, bool)):
        return float(value) if kind == "NUMBER_DOUBLE" else value
    message = f"the value of the parameter {name!r} is no {kind}"
    raise InvalidInput(message, engine="kfp", hint=f"give {HINTS.get(kind, 'JSON')}")


def shown(value: Any) -> str:
    """A value as text; KFP keeps no order of a mapping's keys."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


RUN = re.compile(r"[a-z0-9]([-a-z0-9]{0,34}[a-z0-9])?")
"""The identity of a run: part of the names of KFP's runs and of folders."""
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,127}")
"""What KFP takes for the name of a pipeline, and what is safe as that of a folder."""
DIGITS = 8
KEPT = "couler.io/original"


class Source(NamedTuple):
    """Where an input of a part, or an output of a whole, comes from.

    Attributes:
        place: of the job that hands it out.
        output: what that calls it.
        kind: `parameter` or `artifact`.
        task: the task that makes it.
        key: what that task calls it.
    """

    place: str
    output: str
    kind: str
    task: str = ""
    key: str = ""


class _Pipeline(NamedTuple):
    name: str
    spec: Mapped
    platform: Mapped | None

    @property
    def tasks(self) -> Mapped:
        """The tasks of its root that stand for parts."""
        tasks: Mapped = self.spec["root"].get("dag", {}).get("tasks", {})
        return {name: task for name, task in tasks.items() if self.started(task)}

    def started(self, task: Mapped) -> Mapped:
        """The executor of a task that stands for a part; empty for every other."""
        component = self.spec.get("components", {}).get(task["componentRef"]["name"], {})
        executors = self.spec.get("deploymentSpec", {}).get("executors", {})
        pipeline: Mapped = executors.get(component.get("executorLabel"), {}).get(PIPELINE, {})
        return pipeline


def jobs_of(documents: Sequence[Any], request: Request) -> list[Job]:
    """The jobs for these documents, which are left as they are.

    Raises:
        InvalidInput: a document or a parameter makes no sense, or a part is missing.
        Unsupported: there is a document that cannot be run.
    """
    if not RUN.fullmatch(request.run):
        hint = "lower-case letters, digits and hyphens, at most 36"
        raise InvalidInput(f"{request.run!r:.60} cannot be the identity of a run", engine="kfp", hint=hint)
    try:
        return _jobs(list(_read(documents)), request)
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # nobody has lifted these documents
        message = f"a document is not built as KFP builds pipelines: {type(error).__name__} {error!s:.100}"
        raise InvalidInput(message, engine="kfp", hint="couler graph says what is wrong, and where") from error


def _jobs(read: Sequence[_Pipeline], request: Request) -> list[Job]:
    by_name = {pipeline.name: pipeline for pipeline in read}
    if len(by_name) < len(read):
        raise InvalidInput("two pipelines have one name", engine="kfp", hint="run one after the other")
    wholes = [pipeline for pipeline in read if pipeline.tasks]
    parts = {item.started(task)["name"] for item in wholes for task in item.tasks.values()}
    alone = [pipeline for pipeline in read if not pipeline.tasks and pipeline.name not in parts]
    _check_parameters([*wholes, *alone], request)
    jobs = [_job(item, arguments_of(item.spec, request.parameters, item.name), {}, (), request) for item in alone]
    for whole in wholes:
        jobs += _jobs_of_parts(whole, by_name, request)
    return jobs


def _read(documents: Sequence[Any]) -> Iterator[_Pipeline]:
    platforms = owned_platforms(documents)
    for number, data in enumerate(documents):
        if is_platform(data):
            continue
        if is_pipeline(data):
            spec, platform = data, next((documents[own] for own in platforms.get(number, ())), None)
            if data.get("kind") == OBJECT:
                spec, platform = data["spec"]["pipelineSpec"], data["spec"].get("platformSpec")
            name = str(spec.get("pipelineInfo", {}).get("name"))
            if not NAME.fullmatch(name):
                hint = "lower-case letters, digits and hyphens, at most 128"
                raise InvalidInput(f"{name!r:.60} is no name of a pipeline", engine="kfp", hint=hint)
            yield _Pipeline(name, spec, platform)
        elif not _is_beside(data):
            kind = data.get("kind") if isinstance(data, dict) else type(data).__name__
            raise Unsupported(
                f"there is a document that is no pipeline: {kind!s:.60}",
                engine="kfp",
                feature="run",
                hint="apply it by other means, and leave it out",
            )


def _is_beside(data: Any) -> bool:
    """Whether this is nothing to run: the text of what was split, or the name of a PipelineVersion's pipeline."""
    match data:
        case {"kind": "ConfigMap", "metadata": {"labels": dict(labels)}}:
            return KEPT in labels
        case {"kind": "Pipeline", "apiVersion": str(version)}:
            return version.startswith("pipelines.kubeflow.org/")
    return False


def _check_parameters(pipelines: Iterable[_Pipeline], request: Request) -> None:
    names = {name for pipeline in pipelines for name in inputs_of(pipeline.spec)}
    if unknown := sorted(set(request.parameters) - names):
        hint = f"these are known: {', '.join(sorted(names)) or 'none'}"
        raise InvalidInput(f"no pipeline has a parameter {unknown[0]!r:.60}", engine="kfp", hint=hint)


def _jobs_of_parts(whole: _Pipeline, by_name: Mapping[str, _Pipeline], request: Request) -> Iterator[Job]:
    """The jobs of a pipeline that was split, each after what it needs."""
    values = arguments_of(whole.spec, request.parameters, whole.name)
    tasks = whole.tasks
    jobs: dict[str, Job] = {}
    for task in TopologicalSorter({name: tasks[name].get("dependentTasks", []) for name in tasks}).static_order():
        executor = whole.started(tasks[task])
        name = executor["name"]
        if name not in by_name:
            hint = f"give all that split has written: {name} is among the documents that it has added"
            raise InvalidInput(f"the part {name!r} of {whole.name!r} is not here", engine="kfp", hint=hint)
        arguments, reads = {}, {}
        for key, kind in (("parameters", "parameter"), ("artifacts", "artifact")):
            for port, value in tasks[task].get("inputs", {}).get(key, {}).items():
                match value:
                    case {"componentInputParameter": str(own)}:
                        arguments.update({port: values[own]} if own in values else {})
                    case {"taskOutputParameter": {"producerTask": str(producer), "outputParameterKey": str(output)}}:
                        output_of = jobs[producer].content["spec"]["root"]["dag"]["outputs"]["parameters"][output]
                        source = output_of["valueFromParameter"]
                        task_of, key_of = source["producerSubtask"], source["outputParameterKey"]
                        reads[port] = Source(jobs[producer].place, output, kind, task_of, key_of)
                    case {"taskOutputArtifact": {"producerTask": str(producer), "outputArtifactKey": str(output)}}:
                        reads[port] = Source(jobs[producer].place, output, kind)
                    case _:
                        message = f"{port!r} of the part {name!r} is given what only KFP could give it"
                        raise InvalidInput(message, engine="kfp", hint="split the pipeline again")
        needs = tuple(jobs[before].name for before in tasks[task].get("dependentTasks", []))
        jobs[task] = _job(by_name[name], arguments, reads, needs, request, executor.get("uris", {}))
    yield from jobs.values()
    outputs = dict(_outputs(whole, jobs))
    content = {"outputs": outputs, "reads": {}}
    needs = tuple(job.name for job in jobs.values())
    yield Job(name=whole.name, place=_place(whole.name, content, request), needs=needs, runs=True, content=content)


def _outputs(whole: _Pipeline, jobs: Mapping[str, Job]) -> Iterator[tuple[str, Source]]:
    """What the pipeline hands out, and which part of it makes that."""
    outputs = whole.spec["root"]["dag"].get("outputs", {})
    for name, value in outputs.get("parameters", {}).items():
        selector = value["valueFromParameter"]
        yield name, Source(jobs[selector["producerSubtask"]].place, selector["outputParameterKey"], "parameter")
    for name, value in outputs.get("artifacts", {}).items():
        (selector,) = value["artifactSelectors"]
        yield name, Source(jobs[selector["producerSubtask"]].place, selector["outputArtifactKey"], "artifact")


def _job(
    pipeline: _Pipeline,
    arguments: Mapped,
    reads: Mapping[str, Source],
    needs: tuple[str, ...],
    request: Request,
    uris: Mapping[str, str] | None = None,
) -> Job:
    content = {
        "spec": pipeline.spec,
        "platform": pipeline.platform,
        "arguments": arguments,
        "reads": dict(reads),
        "uris": dict(uris or {}),
    }
    place = _place(pipeline.name, content, request)
    return Job(name=pipeline.name, place=place, needs=needs, runs=True, content=content)


def _place(name: str, content: Mapped, request: Request) -> str:
    """Where a job is kept: the same for the same content in the same run, and for no other."""
    digest = hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()
    return f"{name}-{request.run}-{digest[:DIGITS]}"
