"""The settings that are tried where no trial can wait for what another one has measured."""

from __future__ import annotations

from couler_plugins.hookspecs import Tuner
from couler_plugins.hookspecs.trials import Proposal, Task, Trial
from couler_plugins.hpo.proposals import ask_tuner

__all__ = ["settings_to_try"]

PATIENCE = 4
"""How often a tuner is asked for each setting: one that draws may come back to what it has drawn before."""


def settings_to_try(tuner: Tuner, task: Task, count: int) -> list[Proposal]:
    """At most so many settings: the owner's defaults, then what the tuner proposes while all before it are running.

    Raises:
        PluginFailure: the tuner failed, or left the search space.
    """
    proposals: list[Proposal] = []
    trials: list[Trial] = []
    for number in range(PATIENCE * count):
        if len(proposals) == count or (proposal := ask_tuner(tuner, task, trials, number)) is None:
            break
        if all(proposal.values != other.values for other in proposals):
            trials.append(Trial(number=number, values=proposal.values, notes=proposal.notes))
            proposals.append(proposal)
    return proposals
