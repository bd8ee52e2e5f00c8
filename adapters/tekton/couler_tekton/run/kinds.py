"""The kinds of documents that `couler run` submits to a cluster with Tekton."""

from __future__ import annotations

from typing import Any

from couler_plugins.engine_kit.kubernetes.kinds import SIDE, Kind
from couler_plugins.errors import Unsupported
from couler_tekton.kinds import KINDS

__all__ = ["HINTS", "ORDER", "PIPELINE_RUN", "TASK_RUN", "kind_of"]

PLURALS = {
    "StepAction": "stepactions",
    "Task": "tasks",
    "Pipeline": "pipelines",
    "TaskRun": "taskruns",
    "PipelineRun": "pipelineruns",
}
ORDER = (*SIDE, *PLURALS)
"""In the order in which they are submitted: what others refer to comes first."""
PIPELINE_RUN, TASK_RUN = (Kind(("tekton.dev", "v1"), PLURALS[kind]) for kind in ("PipelineRun", "TaskRun"))
HINTS = {404: "is Tekton installed there, and does the namespace exist?"}
"""What to do where the cluster refuses something, by HTTP status."""


def kind_of(document: Any) -> Kind:
    """How the API server calls the kind of a document.

    Raises:
        Unsupported: nobody submits such a document.
    """
    name, version = (document.get(key) if isinstance(document, dict) else None for key in ("kind", "apiVersion"))
    if name in SIDE and version == SIDE[name].api_version:
        return SIDE[name]
    if name in PLURALS and version in KINDS[name].versions:
        group, _, number = str(version).partition("/")
        return Kind((group, number), PLURALS[name])
    message = f"couler does not submit a {name!r:.60} of {version!r:.60}"
    hint = "apply it with kubectl, and leave it out here"
    raise Unsupported(message, engine="tekton", feature="run", hint=hint)
