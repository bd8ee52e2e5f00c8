"""Which runs are those of a workflow, and which of its steps a step of a run was."""

from __future__ import annotations

from collections.abc import Sequence

from couler_plugins.ir import Workflow
from couler_plugins.runs.run import Run, StepRun

__all__ = ["belongs", "family_of", "site_of"]


def belongs(run: Run, workflow: Workflow) -> bool:
    """Whether a run was one of this workflow, in whatever version."""
    return run.family in _families(workflow)


def family_of(workflow: Workflow, runs: Sequence[Run] = ()) -> str:
    """What its runs are called: as those of the past were, else what a generated name begins with, else its name."""
    return runs[-1].family if runs else next(iter(_families(workflow)), workflow.label)


def _families(workflow: Workflow) -> list[str]:
    return [name for name in (workflow.prefix.rstrip("-."), workflow.name) if name]


def site_of(ran: StepRun) -> str:
    """The call that a step is one of: what it says itself, or its name without the item of a loop in parentheses."""
    return ran.site or ran.step.partition("(")[0]
