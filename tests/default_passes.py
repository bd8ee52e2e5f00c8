"""Four optimizers that know nothing of engines: each gives steps a setting that their owners left out."""

from __future__ import annotations

import runpy
from dataclasses import dataclass
from typing import Any

from couler_plugins import ir
from support import ROOT

__all__ = ["DefaultRequests", "DefaultRetry", "DefaultTimeout", "Label"]


DefaultRetry: Any = runpy.run_path(str(ROOT / "examples" / "couler-default-retry" / "couler_default_retry.py"))[
    "DefaultRetry"
]
"""The one of the tutorial."""


@dataclass(frozen=True)
class DefaultTimeout:
    """Stop steps after a time, whose owner gave them none."""

    name = "default-timeout"
    seconds: int = 3600

    def run(self, plan: Any, ctx: Any) -> Any:
        return plan.map_steps(self.name, self.bounded, action="timeout added", reason="it had no timeout")

    def bounded(self, step: Any) -> Any:
        return step if step.timeout else ir.with_settings(step, timeout=self.seconds)


@dataclass(frozen=True)
class DefaultRequests:
    """Let steps request what most need, where their owner said nothing of resources."""

    name = "default-requests"
    cpu: str = "100m"
    memory: str = "128Mi"

    def run(self, plan: Any, ctx: Any) -> Any:
        return plan.map_steps(self.name, self.sized, action="requests added", reason="nothing said what it needs")

    def sized(self, step: Any) -> Any:
        wanted = {"cpu": self.cpu, "memory": self.memory}
        return step if step.requests or step.limits else ir.with_settings(step, requests=wanted)


@dataclass(frozen=True)
class Label:
    """Label the pods of steps with the team that pays for them."""

    name = "label"
    team: str = "data"

    def run(self, plan: Any, ctx: Any) -> Any:
        return plan.map_steps(self.name, self.labelled, action="label added", reason="costs are counted by team")

    def labelled(self, step: Any) -> Any:
        return step if "team" in dict(step.labels) else ir.with_settings(step, labels={"team": self.team})
