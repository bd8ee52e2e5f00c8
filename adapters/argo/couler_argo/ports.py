"""Inputs, outputs and arguments: Argo's lists of parameters and artifacts.

Source: `pkg/apis/workflow/v1alpha1` (Inputs, Outputs, Arguments, Parameter, Artifact, ValueFrom).
"""

from __future__ import annotations

from typing import Any

from couler_argo.codec import Codec, Context, Field, flag, mappings, present_fields, scalar, structure
from couler_argo.references import expression, native, value
from couler_argo.spelling import write, write_expression, write_native
from couler_plugins.documents.mappings import Mapped
from couler_plugins.ir import Argument, Expression, Native, Output, Port, PortKind

LOCATIONS = ("s3", "gcs", "http", "git", "raw", "hdfs", "oss", "azure", "artifactory", "plugin")
SOURCES = ("path", "jsonPath", "jqFilter", "supplied", "event", "configMapKeyRef")
CHOSEN = "fromExpression"
LISTS: tuple[tuple[str, PortKind], ...] = (("parameters", "parameter"), ("artifacts", "artifact"))


def _name() -> Field:
    return Field(
        "name", ("name",), lambda mapping, context: (mapping["name"], {}), lambda node, context: {"name": node}
    )


def _locations() -> Field:
    """Where an artifact lies outside the workflow."""

    def read(mapping: Mapped, context: Context) -> tuple[Native | None, Mapped]:
        return native(present_fields(mapping, LOCATIONS)), {}

    return Field("origin", LOCATIONS, read, lambda node, context: write_native(node, context.scope))


def _output_value() -> Field:
    """How an output parameter gets its value: from a step, from an expression, or from Argo's own source."""
    keys = ("parameter", "expression", *SOURCES)

    def read(mapping: Mapped, context: Context) -> tuple[Any, Mapped]:
        content = present_fields(mapping, keys)
        for key, reader in (("parameter", value), ("expression", expression)):
            if isinstance(content.get(key), str):
                return reader(content.pop(key)), content
        return native(content), {}

    def write_value(node: Any, context: Context) -> Mapped:
        if isinstance(node, Native):
            return dict(write_native(node, context.scope))
        if isinstance(node, Expression):
            return {"expression": write_expression(node, context.scope)}
        return {"parameter": write(node, context.scope)}

    return Field("value", keys, read, write_value)


def _artifact_value() -> Field:
    """What an output artifact of a graph is: another artifact, or the one that an expression chooses."""

    def read(mapping: Mapped, context: Context) -> tuple[Any, Mapped]:
        remainder = present_fields(mapping, ("from", CHOSEN))
        for key, reader in (("from", value), (CHOSEN, expression)):
            if isinstance(remainder.get(key), str):
                return reader(remainder.pop(key)), remainder
        return None, remainder

    def write_value(node: Any, context: Context) -> Mapped:
        if isinstance(node, Expression):
            return {CHOSEN: write_expression(node, context.scope)}
        return {"from": write(node, context.scope)}

    return Field("value", ("from", CHOSEN), read, write_value)


INPUT_PARAMETER = Codec(
    _name(),
    scalar("value", "value"),
    scalar("default", "default"),
    structure("origin", "valueFrom"),
    beside=("kind",),
)
INPUT_ARTIFACT = Codec(
    _name(),
    scalar("value", "from"),
    _locations(),
    flag("optional", "optional"),
    scalar("path", "path"),
    beside=("kind",),
)
OUTPUT_PARAMETER = Codec(
    _name(),
    scalar("exported", "globalName"),
    nested={"valueFrom": Codec(_output_value(), scalar("default", "default"))},
    beside=("kind",),
)
OUTPUT_ARTIFACT = Codec(
    _name(), _artifact_value(), scalar("path", "path"), scalar("exported", "globalName"), beside=("kind",)
)


def read_ports(content: Mapped, node: type[Port] | type[Output], context: Context) -> tuple[Any, Mapped]:
    """The parameters and artifacts of a mapping that holds both lists, and what cannot be read as such."""
    ports: list[Port | Output] = []
    remainder: Mapped = {}
    for key, kind in LISTS:
        if key not in content:
            continue
        items = content[key]
        if mappings(items, lambda item: isinstance(item.get("name"), str)):
            codec = _codec(node, kind)
            ports.extend(node(kind=kind, **codec.lift(item, context)) for item in items)
        else:
            remainder[key] = items
    return tuple(ports) or None, remainder


def write_ports(ports: tuple[Port | Output, ...], context: Context) -> Mapped:
    """Both lists, as far as they are not empty."""
    written: Mapped = {}
    for key, kind in LISTS:
        items = [_codec(type(port), kind).write(port, context) for port in ports if port.kind == kind]
        if items:
            written[key] = items
    return written


def _codec(node: type[Port] | type[Output], kind: PortKind) -> Codec:
    if node is Port:
        return INPUT_PARAMETER if kind == "parameter" else INPUT_ARTIFACT
    return OUTPUT_PARAMETER if kind == "parameter" else OUTPUT_ARTIFACT


def _port_lists(name: str, node: type[Port] | type[Output]) -> Codec:
    return Codec(
        Field(
            name, ("parameters", "artifacts"), lambda content, context: read_ports(content, node, context), write_ports
        )
    )


def _read_arguments(content: Mapped, context: Context) -> tuple[tuple[Argument, ...] | None, Mapped]:
    arguments: list[Argument] = []
    remainder: Mapped = {}
    for key, kind in LISTS:
        if key not in content:
            continue
        items = content[key]
        if mappings(items, lambda item: isinstance(item.get("name"), str)):
            arguments.extend(_argument(item, kind) for item in items)
        else:
            remainder[key] = items
    return tuple(arguments) or None, remainder


def _argument(item: Mapped, kind: PortKind) -> Argument:
    """One argument: a plain value, or (as a structure) everything that Argo says of it."""
    key = "value" if kind == "parameter" else "from"
    content = item.get(key)
    plain = isinstance(content, str) if kind == "artifact" else isinstance(content, (str, int, float))
    if len(item) == 2 and plain:
        return Argument(name=item["name"], value=value(content), kind=kind)
    if kind == "artifact" and item.keys() == {"name", CHOSEN} and isinstance(item[CHOSEN], str):
        return Argument(name=item["name"], value=expression(item[CHOSEN]), kind=kind)
    return Argument(
        name=item["name"], value=native({key: part for key, part in item.items() if key != "name"}), kind=kind
    )


def _write_arguments(arguments: tuple[Argument, ...], context: Context) -> Mapped:
    written: Mapped = {}
    for argument in arguments:
        content = write(argument.value, context.scope)
        if argument.kind == "artifact" and isinstance(argument.value, Expression):
            content = {CHOSEN: write_expression(argument.value, context.scope)}
        elif not isinstance(argument.value, Native):
            content = {"value" if argument.kind == "parameter" else "from": content}
        key = "parameters" if argument.kind == "parameter" else "artifacts"
        written.setdefault(key, []).append({"name": argument.name, **content})
    return written


INPUTS = _port_lists("inputs", Port)
OUTPUTS = _port_lists("outputs", Output)
ARGUMENTS = Codec(Field("arguments", ("parameters", "artifacts"), _read_arguments, _write_arguments))
