"""What Tekton's documents hold, counted without the adapter, and documents without what generating may spell anew."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

__all__ = ["counted", "has_fields", "normal", "objects"]

KINDS = ("Pipeline", "PipelineRun", "Task", "TaskRun", "StepAction")
VARIABLE = re.compile(
    r"\$\((?:inputs\.)?(?:params|tasks|finally|results|workspaces|context|steps?|credentials|artifacts)[.\[][^()$]*\)"
)
BRACKETS = re.compile(r"""\[["']([\w-]+)["']\]""")
NAMES = ("labels", "annotations", "properties", "requests", "limits", "nodeSelector")
"""Mappings whose keys are names, not fields."""


def objects(data: Any) -> list[dict[str, Any]]:
    """Tekton's objects in a document, or in the items of a list."""
    if isinstance(data, dict) and data.get("kind") == "List":
        return [found for item in data.get("items") or () for found in objects(item)]
    if not isinstance(data, dict) or not str(data.get("apiVersion")).startswith("tekton.dev/"):
        return []
    return [data] if data.get("kind") in KINDS else []


def counted(data: Any) -> tuple[int, int, int]:
    """The numbers of pipelines, tasks and StepActions, of call sites, and of variables in a document."""
    callables = sites = found = 0
    for item in objects(data):
        specs = [("pipelineSpec" if item["kind"] == "Pipeline" else "taskSpec", item["spec"])]
        runs = item["kind"].endswith("Run")
        specs = [*([] if runs else specs), *_mappings(item)]
        bodies = [
            (key, spec) for key, spec in specs if key in ("pipelineSpec", "taskSpec") and "apiVersion" not in spec
        ]
        pipelines = [spec for key, spec in bodies if key == "pipelineSpec"]
        callables += len(bodies)
        sites += runs + sum(len(spec.get(key) or ()) for spec in pipelines for key in ("tasks", "finally"))
        found += sum(len(VARIABLE.findall(text)) for text in _texts(item)) + sum(map(_items, _matrices(item)))
    return callables, sites, found


def _mappings(data: Any, key: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping in a document, with the key that it stands under."""
    if isinstance(data, dict):
        yield key, data
        for name, item in data.items():
            yield from _mappings(item, name)
    for item in data if isinstance(data, list) else ():
        yield from _mappings(item)


def _matrices(data: Any) -> Iterator[dict[str, Any]]:
    return (found for key, found in _mappings(data) if key == "matrix")


def _items(matrix: dict[str, Any]) -> int:
    """How many parameters a matrix fills."""
    lists = [matrix.get("params") or [], *(include.get("params") or [] for include in matrix.get("include") or [])]
    return len({item["name"] for items in lists for item in items})


def _texts(data: Any) -> Iterator[str]:
    match data:
        case dict():
            for content in data.values():
                yield from _texts(content)
        case list():
            for content in data:
                yield from _texts(content)
        case str():
            yield data


def normal(data: Any) -> Any:
    """A document with its variables in one spelling."""
    match data:
        case dict():
            return {key: normal(content) for key, content in data.items()}
        case list():
            return [normal(content) for content in data]
        case str():
            dotted = VARIABLE.sub(lambda match: BRACKETS.sub(r".\1", match[0]), data)
            return dotted.replace("$(inputs.params.", "$(params.")
    return data


def has_fields(path: tuple[Any, ...]) -> bool:
    """Whether the object under a path has fields; the keys of some others are names."""
    return not path or path[-1] not in NAMES
