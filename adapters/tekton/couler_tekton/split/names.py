"""What stands for a part: a custom task of ours, in the place of the tasks that the part has.

Tekton's webhook takes a task that refers to a kind of another API group (`docs/customruns.md`), so that what is left of
a pipeline stays one, and is checked by everything that checks pipelines. `couler run` runs each part in a PipelineRun.
"""

from __future__ import annotations

from couler_plugins.ir import Dynamic, Step
from couler_tekton.mappings import Mapped
from couler_tekton.variables import Scope, write_value

__all__ = ["API", "KIND", "PART_OF", "calling", "started", "started_by"]

API, KIND = "couler.io/v1alpha1", "PipelinePart"
PART_OF = "couler.io/part-of"
"""The annotation of a part: what it is a part of."""


def calling(name: str) -> Dynamic:
    """A call of the part that is the Pipeline of this name."""
    return Dynamic(target=Scope().structure({"taskRef": {"apiVersion": API, "kind": KIND, "name": name}}))


def started(step: Step) -> str:
    """The name of the Pipeline that a step stands for; empty where it stands for none."""
    return started_by(write_value(step.call.target)) if isinstance(step.call, Dynamic) else ""


def started_by(task: Mapped) -> str:
    """The same of a task as it is written."""
    match task:
        case {"taskRef": {"apiVersion": str(version), "kind": str(kind), "name": str(name)}}:
            return name if (version, kind) == (API, KIND) else ""
    return ""
