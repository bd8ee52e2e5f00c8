"""What is asked at the end of a run of how it went, as the status of all tasks.

Source: `docs/pipelines.md`, "Using aggregate execution status of all tasks".
"""

from __future__ import annotations

from couler_plugins.engine_kit.legalize.conditions import Membership
from couler_plugins.engine_kit.legalize.outcomes import SUCCEEDED
from couler_plugins.ir import Reference
from couler_tekton.generating.refusing import refuse

__all__ = ["STATUS", "status_asked"]

STATUS = Reference(to="run", name="tasks.status")
WELL = ("Succeeded", "Completed")
"""Of a run that succeeded: of all tasks, or of those that were not skipped."""
FAILURES = {"Failed", "Error"}
"""All that Argo says of a run that has ended otherwise."""


def status_asked(item: Membership, step: str) -> Membership:
    """A question for the outcome of the run as one for the status of its tasks.

    Raises:
        Unsupported: it asks for more than whether the run succeeded.
    """
    if set(item.among) not in ({SUCCEEDED}, FAILURES):
        hint = f"ask whether it is {SUCCEEDED}"
        raise refuse("Step.condition", step, "asks in which way the run failed", hint)
    return Membership(STATUS, WELL, negated=item.negated is not (set(item.among) == FAILURES))
