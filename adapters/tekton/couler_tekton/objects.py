"""Where Tekton's objects are in documents, and what stands where in each kind.

Source: `pkg/apis/pipeline/v1` and `v1beta1` (Pipeline, PipelineRun, Task, TaskRun, StepAction).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from couler_plugins.documents import Path

__all__ = ["KINDS", "V1BETA1", "Kind", "Object", "objects", "part_at"]

Mapped = dict[str, Any]

V1, V1BETA1, V1ALPHA1 = "tekton.dev/v1", "tekton.dev/v1beta1", "tekton.dev/v1alpha1"


class Kind(NamedTuple):
    """One of Tekton's kinds.

    Attributes:
        root: what it holds or runs: a `pipeline`, a `task` or a `step`; its graph or operation is called so, too.
        runs: whether it is run, rather than referred to.
        versions: the API versions that are read, the one that is written first; what older ones have besides passes
            through.
    """

    root: str
    runs: bool = False
    versions: tuple[str, ...] = (V1, V1BETA1)


KINDS = {
    "Pipeline": Kind("pipeline"),
    "PipelineRun": Kind("pipeline", runs=True),
    "Task": Kind("task"),
    "TaskRun": Kind("task", runs=True),
    "StepAction": Kind("step", versions=(V1BETA1, V1, V1ALPHA1)),
}


class Object(NamedTuple):
    """One object in a document.

    Attributes:
        kind: Tekton's kind.
        path: where it is in its document (not at its root only in a `kind: List`).
        data: the object.
    """

    kind: str
    path: Path
    data: Mapped


def objects(data: Any) -> Iterator[Object]:
    """Tekton's objects in a document, those in a `kind: List` included."""
    if not isinstance(data, dict):
        return
    kind, version = data.get("kind"), data.get("apiVersion")
    if isinstance(kind, str) and kind in KINDS and version in KINDS[kind].versions:
        yield Object(kind, (), data)
    elif kind == "List" and version == "v1" and isinstance(data.get("items"), list):
        for number, item in enumerate(data["items"]):
            for found in objects(item):
                yield found._replace(path=("items", number, *found.path))


def part_at(data: Any, path: Path) -> Any:
    """What is under a path that exists."""
    for key in path:
        data = data[key]
    return data
