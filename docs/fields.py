"""Write the tables of the fields that Argo and Kubernetes have, from the JSON schemas of releases of Argo.

    python docs/fields.py 3.4=SCHEMA 3.5=SCHEMA … 4.1=SCHEMA

A SCHEMA is `api/jsonschema/schema.json` of one release; give one a minor version, the oldest first. Names, and which
release has them, are all that is taken. Kubernetes' own structures are those that the newest release is built with.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ARGO, KUBERNETES = "io.argoproj.workflow.v1alpha1.", "io.k8s."
TABLES = {
    ARGO: ROOT / "adapters" / "argo" / "couler_argo" / "fields.txt",
    KUBERNETES: ROOT / "couler_plugins" / "engine_kit" / "crd" / "kubernetes.txt",
}
KINDS = ("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow")
LEAVES = ("status", "managedFields")
"""What nobody writes: not looked into."""

Schema = dict[str, Any]


def main(arguments: list[str]) -> None:
    """Write both tables."""
    releases: dict[str, Schema] = {}
    for argument in arguments:
        version, _, name = argument.partition("=")
        releases[version] = json.loads(Path(name).read_text())["definitions"]
    if not releases:
        sys.exit(__doc__)
    newest = list(releases)[-1]
    types = _reachable(releases)
    for prefix, path in TABLES.items():
        spans = releases if prefix == ARGO else {newest: releases[newest]}
        lines = sorted(_line(name, spans) for name in types if name.startswith(prefix))
        whose = "Argo" if prefix == ARGO else "Kubernetes, as Argo has them"
        head = [f"# The fields of {whose}, {' '.join(spans)}. Made by `python docs/fields.py`; see there."]
        path.write_text("\n".join([*head, *filter(None, lines)]) + "\n")


def _reachable(releases: dict[str, Schema]) -> set[str]:
    """The names of all types that a manifest can hold."""
    found: set[str] = set()
    pending = [ARGO + kind for kind in KINDS]
    while pending:
        name = pending.pop()
        if name in found:
            continue
        found.add(name)
        for definitions in releases.values():
            for field, schema in _properties(definitions, name).items():
                if field not in LEAVES and (reference := _type(schema)[0]):
                    pending.append(reference)
    return found


def _properties(definitions: Schema, name: str) -> Schema:
    """The properties of a type; of a type that is a list, there are none."""
    found: Schema = definitions.get(name, {}).get("properties", {})
    return found


def _type(schema: Schema) -> tuple[str, bool]:
    """The type that a field leads to, and whether by a mapping from names; lists are looked through."""
    while "items" in schema:
        schema = schema["items"]
    inner, is_map = schema.get("additionalProperties"), False
    if isinstance(inner, dict):
        schema, is_map = inner, True
    name = schema.get("$ref", "").removeprefix("#/definitions/")
    return (f"{ARGO}WorkflowStep" if name == f"{ARGO}ParallelSteps" else name), is_map


def _line(name: str, releases: dict[str, Schema]) -> str:
    versions = list(releases)
    there = {version: _properties(definitions, name) for version, definitions in releases.items()}
    words = []
    for field in sorted({field for fields in there.values() for field in fields}):
        has = [version for version in versions if field in there[version]]
        type_name, is_map = _type(there[has[-1]][field])
        known = any(_properties(definitions, type_name) for definitions in releases.values())
        word = field
        if type_name and known and field not in LEAVES:
            word += f":{_short(type_name, own=name)}{'*' if is_map else ''}"
        if has[0] != versions[0] and any(there[version] for version in versions[: versions.index(has[0])]):
            word += f">={has[0]}"
        if has[-1] != versions[-1]:
            word += f"<{versions[versions.index(has[-1]) + 1]}"
        words.append(word)
    return " ".join([_short(name, own=name), *words]) if words else ""


def _short(name: str, *, own: str) -> str:
    """The name of a type in the table of the type that refers to it: those of the other table have a slash."""
    short = name.rpartition(".")[2]
    return f"kubernetes/{short}" if own.startswith(ARGO) and not name.startswith(ARGO) else short


if __name__ == "__main__":
    main(sys.argv[1:])
