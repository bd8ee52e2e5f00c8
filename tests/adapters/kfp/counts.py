"""What KFP's documents hold, counted without the adapter, and documents without what generating may spell anew."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

__all__ = ["counted", "has_fields", "normal"]

PRODUCERS = ("producerTask", "producerSubtask")
INPUTS = ("componentInputParameter", "componentInputArtifact", "inputParameter", "inputArtifact", "runtimeParameter")
NAMES = ("components", "tasks", "parameters", "artifacts", "executors", "platforms")
"""Mappings whose keys are names, not fields."""


def counted(data: Any) -> tuple[int, int, int]:
    """The numbers of components, of call sites and of references in a document.

    What an executor reads counts for each component that it belongs to.
    """
    found = sum(1 for _ in _references(data))
    spec = data["spec"].get("pipelineSpec", {}) if "kind" in data else data
    if "root" not in spec:
        return 0, 0, found
    components = [spec["root"], *spec["components"].values()]
    labels = [component["executorLabel"] for component in components if "executorLabel" in component]
    for label in set(labels):
        executor = spec["deploymentSpec"]["executors"][label]
        found += (labels.count(label) - 1) * sum(1 for _ in _references(executor))
    sites = 1 + sum(len(component["dag"]["tasks"]) for component in components if "dag" in component)
    return len(components), sites, found


def _references(data: Any, key: str = "") -> Iterator[str]:
    match data:
        case dict():
            for inner, content in data.items():
                if inner in ("defaultValue", "description"):
                    continue
                yield from _references(content, inner)
        case list():
            for content in data:
                yield from _references(content, key)
        case str() if key in (*PRODUCERS, *INPUTS, "itemInput"):
            yield data
        case str():
            yield from re.findall(r"\{\{\$[^{}]*\}\}", data)
            if key == "condition":
                yield from re.findall(r"inputs\.parameter_values\[", data)


def normal(documents: Any) -> Any:
    """Documents without mappings that say nothing by being there, and with items read as the JSON that they are."""
    match documents:
        case dict():
            result = {key: normal(content) for key, content in documents.items()}
            if isinstance(documents.get("raw"), str):
                result["raw"] = json.loads(documents["raw"])
            return {key: content for key, content in result.items() if content != {} or key == "cachingOptions"}
        case list():
            return [normal(content) for content in documents]
    return documents


def has_fields(path: tuple[Any, ...]) -> bool:
    """Whether the object under a path has fields; the keys of some others are names."""
    return not path or path[-1] not in NAMES
