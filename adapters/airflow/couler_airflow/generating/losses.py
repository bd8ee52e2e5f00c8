"""What a generated DAG leaves out, where that changes nothing that is computed: refused, told, or dropped, as asked."""

from __future__ import annotations

import logging
from typing import Literal

from couler_airflow.generating.errors import refusal
from couler_plugins.plan import Decision

__all__ = ["Losses", "OnUnsupported"]

log = logging.getLogger(__name__)
OnUnsupported = Literal["error", "warn", "drop"]
HINT = "--to 'airflow{on-unsupported=warn}' leaves it out, and says so"


class Losses:
    """Collects what one workflow loses.

    Args:
        workflow: its label.
        on_unsupported: what to do about it.
    """

    def __init__(self, workflow: str, on_unsupported: OnUnsupported) -> None:
        self.decisions: list[Decision] = []
        self._workflow = workflow
        self._on_unsupported = on_unsupported

    def lose(self, feature: str, step: str, reason: str) -> None:
        """Something that has no place in a DAG, and does not count for what is computed.

        Raises:
            Unsupported: nothing may be left out.
        """
        if self._on_unsupported == "error":
            raise refusal(feature, step, f"{reason}, which a DAG has no place for", HINT)
        if self._on_unsupported == "warn":
            self.note(step, "left out", f"it {reason}, which no DAG has a place for")
            log.warning("%s", self.decisions[-1])

    def note(self, step: str, action: str, reason: str) -> None:
        """Something that is not quite the same in Airflow."""
        self.decisions.append(
            Decision(optimizer="airflow", workflow=self._workflow, subject=step, action=action, reason=reason)
        )
