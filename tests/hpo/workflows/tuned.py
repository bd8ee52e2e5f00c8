"""Runs the optimizer `tune` on texts of workflows, with tuners that know what they propose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from couler_plugins.hookspecs import Adapter, Tuner
from couler_plugins.hookspecs.trials import Proposal, Task, Trial
from couler_plugins.hpo.workflows.optimizer import Tune
from couler_plugins.plan import Plan
from couler_plugins.plugins import TUNERS

if TYPE_CHECKING:
    from couler_plugins.hookspecs import Context
    from couler_plugins.plugins import Plugins

__all__ = ["Told", "context", "tune"]


class Told:
    """A tuner that proposes what it was told, with what it predicts of that.

    Attributes:
        asked: how often it was asked.
    """

    name = "told"
    model = "gut-feeling"

    def __init__(self, *settings: dict[str, Any], predicted: float | None = 0.9) -> None:
        self.settings, self.predicted, self.asked = settings, predicted, 0

    def propose(self, task: Task, trials: Sequence[Trial], number: int) -> Proposal | None:
        """The next one that was not tried."""
        self.asked += 1
        tried = [dict(trial.values) for trial in trials]
        left = [one for one in self.settings if one not in tried]
        if not left:
            return None
        return Proposal(values=tuple(left[0].items()), reason="it was told so", predicted=self.predicted)


def context(adapter: Adapter, plugins: Plugins, told: Told | None = None) -> Context:
    """What `tune` may ask for."""

    class Given:
        def adapter(self, engine: str) -> Adapter:
            assert engine == adapter.engine
            return adapter

        def tuner(self, text: str) -> Tuner:
            return cast("Tuner", told) if told is not None else plugins.parse(TUNERS, text)

        def progress(self, message: str) -> None:
            assert message

    return cast("Context", Given())


def tune(plan: Plan, adapter: Adapter, plugins: Plugins, told: Told | None = None, **options: Any) -> Plan:
    """The plan with its steps tuned."""
    return Tune(**options).run(plan, context(adapter, plugins, told))
