"""Results that are gathered from a matrix: lists, which Tekton hands out of a run where another task of it reads them.

What `GetTaskRunsResults` has of a matrix is what `findResultValuesForMatrix` has put into its `ResultsCache`, for tasks
that read it and come later in the pipeline. A result of the pipeline that is not there fails the run
(`ApplyTaskResultsToPipelineResults`). So one reader stays with the matrix, and others may be anywhere.
Source: `pkg/reconciler/pipelinerun/resources`; `docs/matrix.md`, "Results from fanned out Matrixed PipelineTasks".
"""

from __future__ import annotations

from couler_plugins.ir import Graph, Loop, Reference, Step, references
from couler_tekton.variables import write_value

__all__ = ["beside", "why_not_gathered"]

WHOLE = ("*",)


def beside(producer: Step, root: Graph) -> str:
    """The name of the task that stays with a matrix so that others can read it elsewhere; empty where there is none."""
    later = iter(root.steps)
    while next(later, producer) is not producer:
        pass
    readers = (step.name for step in later if any(_gathers(item, producer) for item in references(step)))
    return next(readers, "")


def why_not_gathered(reference: Reference, producer: Step, root: Graph) -> str:
    """Why what is read of a matrix cannot leave its pipeline; empty where it can."""
    assert producer.loop is not None
    what = f"{reference.name!r} of {producer.name!r} is gathered from its matrix"
    if reference.path != WHOLE:
        return f"{what}, and not read as a whole"
    if not _is_filled(producer.loop):
        return f"{what}, which may be empty, and then there is none"
    if not beside(producer, root):
        return f"{what}, which no task after it reads in its parameters: Tekton hands it out only where one does"
    return ""


def _gathers(reference: Reference, producer: Step) -> bool:
    return (reference.to, reference.step, reference.path) == ("output", producer.name, WHOLE)


def _is_filled(loop: Loop) -> bool:
    """Whether each parameter of a matrix has a value that is no list whose length only the run can tell."""
    written = [write_value(axis.values) for axis in loop.axes]
    return all(isinstance(values, list) and any("[*]" not in str(value) for value in values) for values in written)
