"""Tables of the fields that each structure of an engine has, and where a document has others.

A line is a structure: its name, then its fields. `hooks:LifecycleHook*` is a mapping from any name to a structure,
`volumes:kubernetes/Volume` one of the other table (or a list of such), `schedule<4.0` a field that 4.0 has no more,
`schedules>=3.6` one that came with 3.6. What a field without a structure holds is not looked into.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from couler_plugins.documents import Path

WORD = re.compile(r"([^:*<>=]+)(?::([^*<>=]+)(\*)?)?(?:>=([\d.]+))?(?:<([\d.]+))?")
Release = tuple[int, int]


class Field(NamedTuple):
    """A field of a structure.

    Attributes:
        structure: what it holds, or a list of which; empty for what is not looked into.
        is_map: whether it is a mapping from names to that.
        since: the first release that has it; None for all.
        until: the first release that has it no more.
    """

    structure: str = ""
    is_map: bool = False
    since: Release | None = None
    until: Release | None = None


class Misfit(NamedTuple):
    """A key of a document that is not in the table, or only in that of some releases.

    Attributes:
        path: where it stands, the key included.
        structure: the structure that it stands in.
        fields: the fields that this has.
        field: what the table says of it; None where it is in no release.
    """

    path: Path
    structure: str
    fields: Mapping[str, Field]
    field: Field | None


class FieldTable:
    """The fields of an engine's structures.

    Args:
        text: the table.
        others: the tables that references with a slash lead to, by name.
    """

    def __init__(self, text: str, others: Mapping[str, FieldTable] | None = None) -> None:
        lines = (line.partition(" ") for line in text.splitlines() if not line.startswith("#"))
        self._lines = {name: fields for name, _, fields in lines}
        self._others = others or {}
        self._fields: dict[str, dict[str, Field]] = {}

    @property
    def structures(self) -> Collection[str]:
        """The names of all structures."""
        return self._lines.keys()

    def fields(self, structure: str) -> Mapping[str, Field]:
        """The fields of a structure, by name."""
        table, _, name = structure.rpartition("/")
        if table:
            return self._others[table].fields(name)
        if structure not in self._fields:
            self._fields[structure] = dict(map(_field, self._lines[structure].split()))
        return self._fields[structure]

    def misfits(self, data: Any, structure: str, path: Path = ()) -> Iterator[Misfit]:
        """The keys in some data that its structure has not, or not in every release; what is below them stays unseen.

        Args:
            data: the data, or a list of such; what is something else is passed over.
            structure: the structure's name.
            path: where the data stands.
        """
        if isinstance(data, list):
            for number, item in enumerate(data):
                yield from self.misfits(item, structure, (*path, number))
        elif "/" in structure:
            table, _, name = structure.partition("/")
            yield from self._others[table].misfits(data, name, path)
        elif isinstance(data, dict):
            fields = self.fields(structure)
            for key, inner in data.items():
                field = fields.get(key)
                if field is None or field.since or field.until:
                    yield Misfit((*path, key), structure, fields, field)
                if field is not None and field.structure:
                    yield from self._inside(inner, field, (*path, key))

    def _inside(self, data: Any, field: Field, path: Path) -> Iterator[Misfit]:
        if not field.is_map:
            yield from self.misfits(data, field.structure, path)
        elif isinstance(data, dict):
            for name, inner in data.items():
                yield from self.misfits(inner, field.structure, (*path, name))


@cache
def kubernetes_fields() -> FieldTable:
    """The table of Kubernetes' own structures."""
    return FieldTable(files("couler_plugins.engine_kit.crd").joinpath("kubernetes.txt").read_text(encoding="utf-8"))


def _field(word: str) -> tuple[str, Field]:
    match = WORD.fullmatch(word)
    assert match is not None, word
    name, structure, is_map, since, until = match.groups()
    return name, Field(structure or "", bool(is_map), _release(since), _release(until))


def _release(text: str | None) -> Release | None:
    if text is None:
        return None
    major, minor = text.split(".")
    return int(major), int(minor)
