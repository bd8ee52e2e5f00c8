"""KFP's components as documents and back, with nothing lost on the way.

A component holds two protos, its PipelineSpec and its PlatformSpec. They become the documents that KFP's compiler
writes (`write_pipeline_spec_to_file` in `kfp/compiler/pipeline_spec_builder.py`), so that objects go the way of files.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

from couler_plugins.documents import SourceFile, dump_yaml, read
from couler_plugins.errors import EngineError, InvalidInput, Unsupported, install_hint, one_line, restating

if TYPE_CHECKING:
    from kfp.dsl.base_component import BaseComponent

TESTED = "2"
"""The major version of KFP that this package was tested with."""


WAY_OUT = "compile the pipeline, and work with the file: couler optimize"
"""What to do about a result that no component can hold."""


def check_component(component: object) -> None:
    """Raises an error for what is no component of a KFP that we know.

    Raises:
        EngineError: KFP is not installed.
        InvalidInput: it is something else.
        Unsupported: KFP is of another major version than the one that this was tested with.
    """
    with restating(ImportError, "KFP cannot be imported", EngineError, extra="kfp", engine="kfp"):
        import kfp
        from kfp.dsl.base_component import BaseComponent
    version = str(kfp.__version__)
    if version.partition(".")[0] != TESTED:
        message = f"KFP {version} is installed; this was tested with KFP {TESTED}"
        raise Unsupported(message, engine="kfp", feature="dsl", hint=install_hint("kfp"))
    if not isinstance(component, BaseComponent):
        what = "a function" if callable(component) else f"a {type(component).__name__}"
        hint = "put it above @dsl.pipeline, or above @dsl.component"
        if isinstance(component, str):
            hint = f"write @optimize(pipeline={component!r:.60})"
        raise InvalidInput(f"this is {what}, and no component of KFP", engine="kfp", hint=hint)


def label(component: BaseComponent) -> str:
    """What to call a component in messages."""
    return f"pipeline {component.name}"


def source_of(component: BaseComponent) -> SourceFile:
    """The documents of a component; a platform document only where it says something, as KFP's writer has it."""
    from google.protobuf import json_format

    specs = [component.pipeline_spec]
    if len(component.platform_spec.platforms):
        specs.append(component.platform_spec)
    documents = [_in_order(json_format.MessageToDict(spec)) for spec in specs]
    return read("---\n".join(map(dump_yaml, documents)), label(component))


def _in_order(data: Any) -> Any:
    """Mappings in the order in which KFP's writer has them: that of a proto is another one in every process."""
    match data:
        case dict():
            return {key: _in_order(data[key]) for key in sorted(data)}
        case list():
            return [_in_order(item) for item in data]
    return data


def component_of(documents: Sequence[Any], old: BaseComponent | None = None) -> BaseComponent:
    """A component that says what the documents say.

    Args:
        documents: a PipelineSpec, and a PlatformSpec where there is one.
        old: the component that they were made from, if there was one. What `@dsl.pipeline` made stays of that class,
            with its function: `kfp dsl compile` looks for that. All others become what KFP loads from files.

    Raises:
        Unsupported: KFP cannot read them.
    """
    from kfp.dsl.structures import ComponentSpec
    from kfp.dsl.yaml_component import YamlComponent

    spec, platform = _pair(documents)
    proto, _ = _protos(documents)
    if old is not None and _is_graph(old) and _interface(old.pipeline_spec) == _interface(proto):
        new = copy.copy(old)
        new.component_spec = copy.copy(old.component_spec)
        new.component_spec.implementation = copy.copy(old.component_spec.implementation)
        put_into(new, documents)
        return new
    is_pipeline = len(proto.root.dag.tasks) != 1 if old is None else old.component_spec.implementation.graph is not None
    try:
        structure = _structure_of(spec, platform, proto) if is_pipeline else ComponentSpec.from_ir_dicts(spec, platform)
    except (KeyError, TypeError, ValueError) as error:
        raise _refusal(spec, f"KFP cannot read it: {one_line(error)}") from error
    structure.description = old.description if old is not None else proto.pipeline_info.description or None
    text = "---\n".join(map(dump_yaml, (spec, platform) if platform else (spec,)))
    return YamlComponent(component_spec=structure, component_yaml=text)


def _structure_of(spec: Any, platform: Any, proto: Any) -> Any:
    """The inputs, outputs and specs of a pipeline.

    KFP takes a pipeline that has a component of its own name for that component: here it reads it under another one.
    """
    from kfp.dsl.structures import ComponentSpec, Implementation

    names = {*spec.get("components", {}), *spec.get("deploymentSpec", {}).get("executors", {})}
    alias = next(name for name in map("pipeline-{}".format, count()) if not {f"comp-{name}", f"exec-{name}"} & names)
    information = {**spec["pipelineInfo"], "name": alias}
    read_as = ComponentSpec.from_ir_dicts({**spec, "pipelineInfo": information}, platform)
    name = spec["pipelineInfo"]["name"]
    return dataclasses.replace(read_as, name=name, implementation=Implementation(graph=proto))


def put_into(component: BaseComponent, documents: Sequence[Any]) -> None:
    """Has a pipeline say what the documents say; it stays the object that it is.

    Raises:
        Unsupported: KFP cannot read them, or the pipeline's inputs or outputs would be others.
        InvalidInput: the component is not made by `@dsl.pipeline`: it has no specs that could be set.
    """
    if not _is_graph(component):
        message = f"a {type(component).__name__} cannot be changed in place"
        raise InvalidInput(message, file=label(component), engine="kfp", hint="leave in_place out")
    spec, platform = _protos(documents)
    if _interface(component.pipeline_spec) != _interface(spec):
        message = "its inputs or outputs would be others, which cannot be changed in place"
        raise Unsupported(message, file=label(component), engine="kfp", feature="dsl", hint="leave in_place out")
    component.component_spec.implementation.graph = spec
    component.component_spec.platform_spec = platform


def _is_graph(component: BaseComponent) -> bool:
    from kfp.dsl.graph_component import GraphComponent

    return isinstance(component, GraphComponent)


def _interface(spec: Any) -> tuple[Any, Any]:
    return spec.root.input_definitions, spec.root.output_definitions


def components_of(documents: Sequence[Any]) -> Iterator[BaseComponent | Any]:
    """The components that documents hold, in order; the data of those that hold none."""
    for number, data in enumerate(documents):
        following = documents[number + 1 : number + 2]
        match data:
            case {"kind": "PipelineVersion", "spec": {"pipelineSpec": dict(spec), "platformSpec": platform}}:
                yield component_of([spec, platform])
            case {"kind": "PipelineVersion", "spec": {"pipelineSpec": dict(spec)}}:
                yield component_of([spec])
            case {"pipelineInfo": _}:
                yield component_of([data, *(item for item in following if _is_platform(item))])
            case _ if not _is_platform(data):
                yield data


def _is_platform(data: Any) -> bool:
    return isinstance(data, dict) and "platforms" in data and "pipelineInfo" not in data


def _pair(documents: Sequence[Any]) -> tuple[Any, Any]:
    spec, *platform = documents
    return spec, platform[0] if platform else {}


def _protos(documents: Sequence[Any]) -> tuple[Any, Any]:
    """The PipelineSpec and the PlatformSpec that documents say."""
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    spec, platform = _pair(documents)
    try:
        return (
            json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec()),
            json_format.ParseDict(platform, pipeline_spec_pb2.PlatformSpec()),
        )
    except json_format.ParseError as error:
        raise _refusal(spec, f"KFP has no place for it: {one_line(error)}") from error


def _refusal(spec: Any, message: str) -> Unsupported:
    name = spec.get("pipelineInfo", {}).get("name", "(no name)")
    return Unsupported(message, file=f"pipeline {name}", engine="kfp", feature="dsl", hint=WAY_OUT)
