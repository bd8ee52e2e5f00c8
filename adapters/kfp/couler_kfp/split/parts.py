"""A part of a pipeline: one graph of it as a pipeline of its own, with what it reads of others as inputs of its root.

A parameter comes in as an input of the same type. An artifact comes in by its URI: a task imports it under the type
that its producer has declared; its metadata is written into the importer by whoever submits the part, since the backend
fills no placeholders in there. The inputs of the whole keep their definitions.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from couler_kfp.documents import ROOT
from couler_kfp.split.handoff import handoff_operation, handoff_step, pod_of
from couler_kfp.structures import rest_of, structure, write_structure
from couler_plugins.documents.mappings import Mapped, without
from couler_plugins.ir import (
    Argument,
    Call,
    Graph,
    Native,
    Need,
    Operation,
    Output,
    Port,
    Reference,
    Step,
    Workflow,
    all_of,
    callables,
    callees_of,
    conjuncts,
    map_references,
    references,
    replace,
    take_name,
)

TYPES = ("parameterType", "artifactType")
STRING = {"parameterType": "STRING"}


class Part(NamedTuple):
    """A part.

    Attributes:
        workflow: the pipeline that it is.
        uris: by the name of an artifact that it reads of others, the input of its root that takes the URI.
    """

    workflow: Workflow
    uris: Mapping[str, str]


def part_name(whole: Workflow, graph: str) -> str:
    """What a part is called; KFP looks cached results up under that name."""
    return f"{whole.name}-{graph}"


def type_of(rest: Native | None) -> Native | None:
    """The type that the definition of an input or an output gives, and nothing else that it says."""
    data = {} if rest is None else write_structure(rest)
    return rest_of({key: content for key, content in data.items() if key in TYPES})


def part_of(whole: Workflow, graph: Graph, crossing: Collection[str]) -> Part:
    """A graph as a pipeline.

    Args:
        whole: the workflow that the graph is in.
        graph: the graph; its inputs and outputs have types.
        crossing: the names of its artifacts that other parts read.
    """
    by_name = callables(whole)
    used = {port.name for port in graph.inputs}
    names = {step.name for step in graph.steps}
    imports: dict[str, Step] = {}
    uris: dict[str, str] = {}
    operations: list[Operation] = []
    ports = [port for port in graph.inputs if port.kind == "parameter"]
    for port in (port for port in graph.inputs if port.kind == "artifact"):
        uri = uris[port.name] = take_name(f"{port.name}-uri", used)
        ports.append(Port(name=uri, native_extra=rest_of(STRING)))
        step = take_name(f"couler-import-{re.sub('[^a-z0-9]+', '-', port.name.lower())}", names)
        argument = Argument(name="uri", value=Reference(to="input", kind="parameter", name=uri))
        imports[port.name] = Step(name=step, call=Call(name=f"comp-{step}"), arguments=(argument,))
        operations.append(_importer(f"comp-{step}", port))
    steps = [*imports.values(), *(_importing(step, imports) for step in graph.steps)]
    outputs = [output for output in graph.outputs if output.kind == "parameter" or output.name in crossing]
    inner = list(callees_of(graph.steps, by_name).values())
    if outputs:
        supplied = [
            Port(name=output.name, kind=output.kind, native_extra=type_of(output.native_extra)) for output in outputs
        ]
        pod = pod_of(item for item in inner if isinstance(item, Operation))
        operations.append(handoff_operation(sorted(supplied, key=lambda port: port.kind != "parameter"), pod))
        steps.append(handoff_step(outputs))
    root = replace(graph, name=ROOT, inputs=tuple(ports), steps=tuple(steps))
    workflow = Workflow(
        engine=whole.engine,
        kind="PipelineSpec",
        name=part_name(whole, graph.name),
        parameters=root.inputs,
        entry=Step(name=ROOT, call=Call(name=ROOT)),
        graphs=(root, *(item for item in inner if isinstance(item, Graph))),
        operations=(*(item for item in inner if isinstance(item, Operation)), *operations),
        native_extra=_part_rest(whole),
    )
    return Part(workflow, uris)


def _importer(name: str, port: Port) -> Operation:
    """What imports an artifact of this type."""
    definition = {} if port.native_extra is None else write_structure(port.native_extra)
    schema = definition["artifactType"]
    executor = {"importer": {"artifactUri": {"runtimeParameter": "uri"}, "typeSchema": schema}}
    return Operation(
        name=name,
        kind="importer",
        inputs=(Port(name="uri", native_extra=rest_of(STRING)),),
        outputs=(Output(name="artifact", kind="artifact", native_extra=rest_of({"artifactType": schema})),),
        native_extra=structure({"executor": executor}),
    )


def _importing(step: Step, imports: Mapping[str, Step]) -> Step:
    """A step that reads what is imported, once that is done."""

    def is_imported(reference: Reference) -> bool:
        return reference.to == "input" and reference.kind == "artifact" and reference.name in imports

    def imported(reference: Reference) -> Reference:
        if not is_imported(reference):
            return reference
        return replace(reference, to="output", step=imports[reference.name].name, name="artifact", native="")

    read = dict.fromkeys(imports[item.name].name for item in references(step) if is_imported(item))
    needs = [*conjuncts(step.needs), *(Need(step=name, outcomes=("succeeded",)) for name in read)]
    return replace(map_references(step, imported), needs=all_of(needs)) if read else step


def _part_rest(whole: Workflow) -> Native | None:
    """What is said of the pipeline, but its title and executors that nothing runs."""
    data: Mapped = {} if whole.native_extra is None else write_structure(whole.native_extra)
    spec = without(data.get("spec", {}), "pipelineInfo", "deploymentSpec")
    remainder: dict[str, Any] = {"spec": spec, "platform": data.get("platform", {})}
    return rest_of({key: content for key, content in remainder.items() if content})


def typed(graph: Graph, arguments: Iterable[Argument], root: Graph, outputs: Mapping[tuple[str, str], Output]) -> Graph:
    """A graph whose inputs have the types of what they are given.

    Args:
        graph: the graph.
        arguments: what its step is given.
        root: the graph around it; its inputs are passed on as they are defined.
        outputs: what the other steps of that graph hand out, by step and name.
    """
    defined = {(port.kind, port.name): port for port in root.inputs}
    values = {(argument.kind, argument.name): argument.value for argument in arguments}
    ports = []
    for port in graph.inputs:
        match values[port.kind, port.name]:
            case Reference(to="input", name=name):
                ports.append(replace(defined[port.kind, name], name=port.name))
            case Reference(to="output", step=step, name=name):
                ports.append(replace(port, native_extra=type_of(outputs[step, name].native_extra)))
            case _:
                ports.append(port)
    return replace(graph, inputs=tuple(ports))
