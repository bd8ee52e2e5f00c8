"""What final tasks ask of how the others went, as whether the run succeeded.

Source: `docs/pipelines.md`, "Using aggregate execution status of all tasks": `Succeeded`, `Completed` (some were
skipped), `Failed`, and `None`, where the run was cancelled or took too long.
"""

from __future__ import annotations

from couler_plugins.engine_kit.legalize.outcomes import SUCCEEDED, outcome
from couler_plugins.ir import Graph, Reference, Step
from couler_tekton.converting.refusing import refuse

__all__ = ["STATUS", "asks_outcome", "outcome_asked"]

STATUS = "tasks.status"
WHOLE, PARTLY, FAILED, UNKNOWN = "Succeeded", "Completed", "Failed", "None"


def asks_outcome(item: object) -> bool:
    """Whether an input of a when expression is the status of all tasks."""
    return isinstance(item, Reference) and item.to == "run" and item.name == STATUS


def outcome_asked(step: Step, graph: Graph, values: list[object], *, is_negated: bool) -> list[str | Reference]:
    """The question in CEL; nothing where it holds in any case.

    Raises:
        Unsupported: it asks what others cannot tell, or holds in no case.
    """
    others = [other for other in graph.steps if other.name not in graph.finalizers]
    if any(other.tolerates for other in others):
        reason = "asks how the others went, of which one may fail: Tekton says Failed then, although the run succeeds"
        raise refuse("Step.condition", step.name, reason, "let it find that out itself")
    said = {str(value) for value in values}
    outcomes = {WHOLE, PARTLY, FAILED, UNKNOWN} - said if is_negated else said
    if any(other.condition is not None for other in others) and (WHOLE in outcomes) is not (PARTLY in outcomes):
        hint = f"ask for {WHOLE} and {PARTLY}"
        raise refuse("Step.condition", step.name, "asks whether all tasks ran, or whether some were skipped", hint)
    if WHOLE in outcomes:
        return [] if FAILED in outcomes else [outcome(), f" == '{SUCCEEDED}'"]
    if FAILED not in outcomes:
        raise refuse("Step.condition", step.name, "has a condition that others cannot tell", "leave the task out")
    return [outcome(), f" != '{SUCCEEDED}'"]
