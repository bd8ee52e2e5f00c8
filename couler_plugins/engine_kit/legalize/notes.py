"""Notes: what is left out of a workflow that is converted, and what is not quite the same elsewhere."""

from __future__ import annotations

from couler_plugins.plan import Decision
from couler_plugins.plan.plan import Loss


class Notes:
    """Collects what is said of one workflow, each thing once.

    Args:
        engine: who says it.
        workflow: the label of the workflow.
    """

    def __init__(self, engine: str, workflow: str) -> None:
        self.decisions: list[Decision] = []
        self._engine, self._workflow = engine, workflow

    def note(self, subject: str, action: str, reason: str, loss: Loss = "") -> None:
        """Add something; `loss` says whether it is lost, see `Decision`."""
        decision = Decision(
            optimizer=self._engine, workflow=self._workflow, subject=subject, action=action, reason=reason, loss=loss
        )
        if decision not in self.decisions:
            self.decisions.append(decision)
