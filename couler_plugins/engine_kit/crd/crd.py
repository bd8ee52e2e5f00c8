"""Reads CustomResourceDefinitions: which kinds there are, in which versions, with which schemas.

The objects in a document: itself, or the items of a `List`, which kubectl takes one by one.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import msgspec

from couler_plugins.documents import Document, Path, SourceFile
from couler_plugins.engine_kit.crd.fields import Schema
from couler_plugins.errors import InvalidInput
from couler_plugins.inputs.sources import Source, Text, read_source


def manifests(data: Any, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every object in a document's data, with its path there."""
    if not isinstance(data, dict):
        return
    items = data.get("items")
    if data.get("kind") == "List" and isinstance(items, list):
        for index, item in enumerate(items):
            yield from manifests(item, (*path, "items", index))
    else:
        yield path, data


_API = "apiextensions.k8s.io/v1"
_DEFINITION = "CustomResourceDefinition"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Version:
    """One version of a kind of objects.

    Attributes:
        file: the file that defines it.
        group: the API group, as in `group/version`.
        kind: the kind's name.
        name: the version's name.
        served: whether objects of this version are accepted.
        definition: its schema as it stands in the file.
    """

    file: str
    group: str
    kind: str
    name: str
    served: bool
    definition: Any

    @property
    def api_version(self) -> str:
        """What an object of this version has as its `apiVersion`."""
        return f"{self.group}/{self.name}"

    def schema(self) -> Schema:
        """The schema of its objects; worked out only for kinds that occur, as it is large.

        Raises:
            InvalidInput: it is none.
        """
        try:
            schema = msgspec.convert(self.definition, Schema)
        except msgspec.ValidationError as error:
            raise self.wrong(error) from error
        return msgspec.structs.replace(schema, embedded=True)

    def wrong(self, error: Exception) -> InvalidInput:
        """The error for a schema that cannot be used."""
        reason, *_ = str(error).splitlines()
        message = f"the schema of {self.kind} {self.name} cannot be used: {reason}"
        return InvalidInput(
            message, file=self.file, hint="give the CustomResourceDefinition as the engine publishes it"
        )


@dataclass(frozen=True, slots=True)
class Schemas:
    """The versions of each kind that some CRD defines, by group and kind, then by name."""

    kinds: Mapping[tuple[str, str], Mapping[str, Version]] = field(default_factory=dict)

    def versions(self, data: Mapping[str, Any]) -> Mapping[str, Version]:
        """The versions of the kind that an object belongs to; empty where no CRD defines it."""
        group = str(data.get("apiVersion")).rpartition("/")[0]
        return self.kinds.get((group, str(data.get("kind"))), {})


NO_SCHEMAS = Schemas()


def load_schemas(source: Source, max_bytes: int) -> Schemas:
    """The CRDs that a source, or several of them, holds; other documents there are left alone.

    Raises:
        InvalidInput: a source cannot be read or holds no CRD, or two of them define the same kind differently.
    """
    kinds: dict[tuple[str, str], dict[str, Version]] = {}
    for version in chain.from_iterable(_source_versions(single, max_bytes) for single in _singles(source)):
        versions = kinds.setdefault((version.group, version.kind), {})
        other = versions.setdefault(version.name, version)
        if other.definition != version.definition:
            message = f"{version.kind} {version.name} is defined in {other.file} as well, and differently"
            raise InvalidInput(message, file=version.file, hint="give one of them")
    return Schemas(kinds)


def _singles(source: Source) -> Iterator[Source]:
    if isinstance(source, str | pathlib.Path | Text | SourceFile | Mapping):
        yield source
    else:
        for item in source:
            yield from _singles(item)


def _source_versions(source: Source, max_bytes: int) -> Iterator[Version]:
    has_versions = False
    inputs = read_source(source, max_bytes)
    for item in inputs:
        if item.file is None:
            raise item.error or InvalidInput("it cannot be read", file=item.name)
        for document in item.file.documents:
            for _, data in manifests(document.data):
                if data.get("kind") == _DEFINITION:
                    has_versions = True
                    yield from _versions(document, data)
    if not has_versions:
        name = inputs[0].name if len(inputs) == 1 else str(source)
        hint = f"give files with a {_DEFINITION}, as `kubectl get crd -o yaml` prints them"
        raise InvalidInput(f"there is no {_DEFINITION} here", file=name, hint=hint)


class _DefinedSchema(msgspec.Struct, rename="camel"):
    open_api_v3_schema: Any = msgspec.field(name="openAPIV3Schema")


class _DefinedVersion(msgspec.Struct):
    name: str
    schema: _DefinedSchema
    served: bool = True


class _Names(msgspec.Struct):
    kind: str


class _Definition(msgspec.Struct):
    group: str
    names: _Names
    versions: list[_DefinedVersion]


def _versions(document: Document, data: dict[str, Any]) -> Iterator[Version]:
    if data.get("apiVersion") != _API:
        message = f"this {_DEFINITION} has the apiVersion {data.get('apiVersion')!r}"
        raise InvalidInput(message, file=document.file, line=document.line, hint=f"give one of {_API}")
    try:
        definition = msgspec.convert(data.get("spec"), _Definition)
    except msgspec.ValidationError as error:
        message = f"this is no {_DEFINITION}: {error}".replace("`$", "`spec")
        raise InvalidInput(message, file=document.file, line=document.line, hint="check the file") from error
    for version in definition.versions:
        yield Version(
            file=document.file,
            group=definition.group,
            kind=definition.names.kind,
            name=version.name,
            served=version.served,
            definition=version.schema.open_api_v3_schema,
        )
