"""How large the PipelineRun of a part gets by the values that it is passed.

A run has them in its spec, and once more wherever its pipeline reads them: Tekton keeps the pipeline in the status with
its parameters filled in (`pr.Status.PipelineSpec` after `ApplyParameters`, in `pkg/reconciler/pipelinerun`).
What etcd does not take is never written there, and such a run hangs until it times out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from couler_plugins.documents.mappings import without
from couler_plugins.engine_kit.kubernetes.calls import Mapped

MOST = 1_572_864
"""Bytes that etcd takes in one request, as it is installed (`--max-request-bytes`)."""
READ = r"\$\(params(?:\.%s|\[\\?[\"']%s\\?[\"']\])(?:\[\*\]|\[(\d+)\]|\.([\w-]+))?\)"
"""Where a parameter of this name is read, in JSON: all of it, an item, or what is under a key."""


def too_large(pipeline: Mapped, document: Mapped) -> str:
    """Why no run of a pipeline can be kept, in half a sentence; empty where it may be.

    Args:
        pipeline: the spec of the Pipeline that the run refers to.
        document: the PipelineRun, with its parameters.
    """
    values = {str(item["name"]): item.get("value") for item in document["spec"].get("params") or ()}
    size = _size(document) + _filled(pipeline, values)
    if size <= MOST:
        return ""
    name = max(values, key=lambda name: _size(values[name]), default="")
    largest = f", {_size(values[name]):,} of them in {name!r}" if name else ""
    return (
        f"it would take {size:,} bytes with the values that it is passed{largest}, and etcd takes {MOST:,}; "
        "hand the large ones over in a workspace, or split elsewhere"
    )


def _filled(pipeline: Mapped, values: Mapping[str, Any]) -> int:
    """The bytes of a pipeline with these values in it."""
    size = _size(pipeline)
    for text, values_known in _texts(pipeline, values):
        for name, value in values_known.items():
            escaped = re.escape(name)
            for match in re.finditer(READ % (escaped, escaped), text):
                size += _size(_picked(value, match)) - len('""') - len(match[0])
    return size


def _texts(pipeline: Mapped, values: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The pieces of a pipeline as JSON, each with the values that it may read: a spec hides those that it declares."""
    for task in (*(pipeline.get("tasks") or ()), *(pipeline.get("finally") or ())):
        spec = task.get("taskSpec") or {}
        own = {item.get("name") for item in spec.get("params") or ()}
        yield _json(without(task, "taskSpec")), values
        yield _json(spec), {name: value for name, value in values.items() if name not in own}


def _picked(value: Any, match: re.Match[str]) -> Any:
    """What is read of a value; where it has no such thing, nothing is filled in that we know of."""
    if match[1] is not None:
        return value[int(match[1])] if isinstance(value, list) and int(match[1]) < len(value) else ""
    if match[2] is not None:
        return value.get(match[2], "") if isinstance(value, dict) else ""
    return value


def _size(content: Any) -> int:
    return len(_json(content).encode())


def _json(content: Any) -> str:
    """As the API server keeps it."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False)
