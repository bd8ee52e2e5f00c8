"""What only Tekton has that holds tasks together when their pipeline is cut, beside what the IR knows.

Sources: `docs/matrix.md`, `docs/variables.md`, `docs/artifacts.md`, `docs/pipelines-in-pipelines.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from couler_plugins.errors import Unsupported
from couler_plugins.ir import Bond, Reference, Step, callables, inline_callees, references
from couler_tekton.split.matrix_results import beside, why_not_gathered
from couler_tekton.split.parts import part_name
from couler_tekton.split.resolved_pipeline import Whole
from couler_tekton.variables import write_value

__all__ = ["refuse_undetachable", "tekton_bonds"]

LONGEST = 63
"""Characters of the name of a Pipeline."""
UNIQUE = "context.pipelineRun.uid"


def tekton_bonds(whole: Whole) -> Iterator[Bond]:
    """What holds tasks of the pipeline together, beside what the IR knows."""
    by_name = callables(whole.workflow)
    steps = {step.name: step for step in whole.root.steps}
    unique: list[str] = []
    for step in whole.root.steps:
        read = list(references((step, inline_callees(step, by_name))))
        if any(item.to == "run" and item.name == UNIQUE for item in read):
            unique.append(step.name)
        for reference in read:
            producer = steps.get(reference.step)
            if producer is None or producer is step:
                continue
            if reason := _clinging(reference, producer, whole) or _staying(step, producer, whole):
                yield Bond((step.name, producer.name), reason)
    if len(unique) > 1:
        yield Bond(tuple(unique), "they read the uid of their run, which each part has its own of")


def _staying(reader: Step, producer: Step, whole: Whole) -> str:
    if producer.loop is None or reader.name != beside(producer, whole.root):
        return ""
    return f"Tekton hands out what {producer.name!r} gathers from its matrix where a task beside it reads it"


def _clinging(reference: Reference, producer: Step, whole: Whole) -> str:
    """Why what is read of a step cannot leave its pipeline; empty where it can."""
    if reference.to != "output":
        return ""
    if reference.kind != "parameter":
        return f"an artifact of {producer.name!r} is known to its own run only"
    if producer.loop is not None:
        return why_not_gathered(reference, producer, whole.root)
    declared = whole.types.of(producer.name, reference.name)
    if declared is not None and declared["type"] != "string" and not reference.path:
        return (
            f"{reference.name!r} of {producer.name!r} is of the type {declared['type']}, and read as if it were a text"
        )
    if declared is None:
        return f"{reference.name!r} of {producer.name!r} is of a type that only its Task tells, which is not here"
    return ""


def refuse_undetachable(whole: Whole, parts: Iterable[str]) -> None:
    """Refuses a pipeline whose parts could not do together what it does.

    Raises:
        Unsupported: the message says why.
    """
    workflow = whole.workflow
    rest = write_value(workflow.native_extra) if workflow.native_extra else {}
    longest = max((part_name(workflow, part) for part in (*parts, f"finally-{len(whole.finalizers)}")), key=len)
    reason = hint = ""
    if not (workflow.name or workflow.prefix):
        reason, hint = "it has no name, after which its parts could be called", "give it one"
    elif "apiVersion" in rest:
        reason, hint = "it is written for an older API version", "write it for tekton.dev/v1"
    elif len(longest) > LONGEST:
        reason = f"a part would be called {longest!r}, and Tekton takes {LONGEST} characters"
        hint = "give it a shorter name"
    else:
        reason, hint = _of_finalizers(whole) or _of_outputs(whole)
    if reason:
        raise Unsupported(f"{workflow.label} cannot be split: {reason}", engine="tekton", step="pipeline", hint=hint)


def _of_finalizers(whole: Whole) -> tuple[str, str] | None:
    by_name = callables(whole.workflow)
    steps = {step.name: step for step in whole.root.steps}
    for step in whole.finalizers:
        for reference in references((step, inline_callees(step, by_name))):
            if reference.to == "status":
                reason = f"{step.name!r}, which runs at the end, reads how {reference.step!r} ended"
                return reason, "read $(tasks.status), which says it of all of them"
            producer = steps.get(reference.step)
            if producer is not None and (reason := _clinging(reference, producer, whole)):
                return f"{step.name!r}, which runs at the end, reads it: {reason}", "hand it over in a workspace"
            if reference.to == "run" and reference.name == UNIQUE:
                return f"{step.name!r} reads the uid of the run, which has none", "read its name"
    return None


def _of_outputs(whole: Whole) -> tuple[str, str]:
    steps = {step.name: step for step in whole.root.steps}
    for_finalizers = set(whole.reads.values())  # which `_of_finalizers` has looked at as they are read
    for output in whole.root.outputs:
        for reference in references(output) if output.name not in for_finalizers else ():
            producer = steps.get(reference.step)
            if producer is not None and (reason := _clinging(reference, producer, whole)):
                return f"it hands out what cannot leave a part: {reason}", "declare the type in the Task, or leave it"
    return "", ""
