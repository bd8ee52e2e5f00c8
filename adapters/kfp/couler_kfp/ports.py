"""Declared inputs and outputs of components.

Source: `pipeline_spec.proto` (ComponentInputsSpec, ComponentOutputsSpec, DagOutputsSpec).
"""

from __future__ import annotations

from typing import Any

from couler_kfp.structures import mapping, plain, rest_of, structure, write_structure
from couler_kfp.support import refuse_unsupported, unsupported
from couler_plugins.documents import Path
from couler_plugins.documents.mappings import Mapped, without
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import FirstOf, Literal, Native, Output, Port, PortKind, Reference, Value

SECTIONS: tuple[tuple[str, PortKind], ...] = (("parameters", "parameter"), ("artifacts", "artifact"))
SELECTORS = {"parameter": "outputParameterKey", "artifact": "outputArtifactKey"}


def read_inputs(component: Mapped, path: Path) -> tuple[tuple[Port, ...], Mapped]:
    """The inputs of a component, and what else its `inputDefinitions` say."""
    section = mapping(component, "inputDefinitions", path)
    ports = []
    for key, kind in SECTIONS:
        place = (*path, "inputDefinitions", key)
        for name in mapping(section, key, place[:-1]):
            definition = mapping(section[key], name, place)
            default = definition.get("defaultValue") if kind == "parameter" else None
            optional = definition.get("isOptional") is True
            fields = [*(["defaultValue"] if default is not None else ()), *(["isOptional"] if optional else ())]
            ports.append(
                Port(
                    name=name,
                    kind=kind,
                    default=None if default is None else plain(default),
                    optional=optional,
                    native_extra=rest_of(without(definition, *fields)),
                )
            )
    return tuple(ports), without(section, "parameters", "artifacts")


def write_inputs(ports: tuple[Port, ...]) -> Mapped:
    """The `inputDefinitions` of a component."""
    written: Mapped = {}
    for key, kind in SECTIONS:
        for port in ports:
            if port.kind != kind:
                continue
            refuse_unsupported(port)
            definition = {} if port.native_extra is None else dict(write_structure(port.native_extra))
            if port.default is not None:
                if kind == "artifact":
                    raise unsupported("Port.default", port.name, "is an artifact, and cannot have a default")
                definition["defaultValue"] = write_constant(port.default, "Port.default", port.name)
            if port.optional:
                definition["isOptional"] = True
            _put(written, key, port.name, definition)
    return written


def write_constant(value: Value, feature: str, name: str) -> Any:
    """A constant as data.

    Raises:
        Unsupported: it is none.
    """
    if isinstance(value, Literal):
        return value.value
    if isinstance(value, Native):
        return write_structure(value)
    raise unsupported(feature, name, "is no constant")


def read_outputs(component: Mapped, path: Path) -> tuple[tuple[Output, ...], Mapped, Mapped]:
    """The outputs of a component, and what else its `outputDefinitions` and the outputs of its dag say."""
    section = mapping(component, "outputDefinitions", path)
    dag = mapping(component, "dag", path)
    supplied = mapping(dag, "outputs", (*path, "dag"))
    outputs = []
    for key, kind in SECTIONS:
        declared = mapping(section, key, (*path, "outputDefinitions"))
        sources = mapping(supplied, key, (*path, "dag", "outputs"))
        for name in declared:
            definition = mapping(declared, name, (*path, "outputDefinitions", key))
            value = _read_source(sources[name], kind) if name in sources else None
            outputs.append(Output(name=name, kind=kind, value=value, native_extra=rest_of(definition)))
        for name in sources:
            if name not in declared:
                message = f"the dag hands out {name!r}, which its outputDefinitions do not declare"
                hint = "declare the output, or do not hand it out"
                raise InvalidInput(message, engine="kfp", path=(*path, "dag", "outputs", key, name), hint=hint)
    return tuple(outputs), without(section, "parameters", "artifacts"), without(supplied, "parameters", "artifacts")


def _read_source(content: Any, kind: PortKind) -> Value:
    """Where a dag takes an output from: one of its tasks, or the first of several that ran."""
    match kind, content:
        case "parameter", {"valueFromParameter": dict(selector)} if len(content) == 1:
            if (reference := _selected(selector, kind)) is not None:
                return reference
        case "parameter", {"valueFromOneof": {"parameterSelectors": list(selectors), **others}} if not others:
            references_read = [_selected(selector, kind) for selector in selectors]
            if len(content) == 1 and references_read and None not in references_read:
                return FirstOf(values=tuple(reference for reference in references_read if reference is not None))
        case "artifact", {"artifactSelectors": list(selectors)} if len(content) == 1:
            references_read = [_selected(selector, kind) for selector in selectors]
            if references_read and None not in references_read:
                several = tuple(reference for reference in references_read if reference is not None)
                return several[0] if len(several) == 1 else FirstOf(values=several)
    return structure(content)


def _selected(selector: Any, kind: PortKind) -> Reference | None:
    match selector:
        case {"producerSubtask": str(step), **others} if others.keys() == {SELECTORS[kind]}:
            name = others[SELECTORS[kind]]
            return Reference(to="output", step=step, kind=kind, name=name) if isinstance(name, str) else None
    return None


def write_outputs(outputs: tuple[Output, ...]) -> tuple[Mapped, Mapped]:
    """The `outputDefinitions` of a component, and the outputs of its dag."""
    definitions: Mapped = {}
    sources: Mapped = {}
    for key, kind in SECTIONS:
        for output in outputs:
            if output.kind != kind:
                continue
            refuse_unsupported(output)
            _put(
                definitions,
                key,
                output.name,
                {} if output.native_extra is None else write_structure(output.native_extra),
            )
            if output.value is not None:
                _put(sources, key, output.name, _write_source(output.value, output))
    return definitions, sources


def _write_source(value: Value, output: Output) -> Any:
    if isinstance(value, Native):
        return write_structure(value)
    several = value.values if isinstance(value, FirstOf) else (value,)
    selectors = [_selector(item, output) for item in several]
    if output.kind == "artifact":
        return {"artifactSelectors": selectors}
    if isinstance(value, FirstOf):
        return {"valueFromOneof": {"parameterSelectors": selectors}}
    return {"valueFromParameter": selectors[0]}


def _selector(value: Value, output: Output) -> Mapped:
    match value:
        case Reference(to="output", step=step, path=()) if step and value.kind == output.kind:
            return {SELECTORS[output.kind]: value.name, "producerSubtask": step}
    raise unsupported("Output.value", output.name, "is not an output of a task")


def _put(written: Mapped, section: str, name: str, content: Any) -> None:
    entries = written.setdefault(section, {})
    if name in entries:
        raise unsupported("Port.name", name, "is there twice")
    entries[name] = content
