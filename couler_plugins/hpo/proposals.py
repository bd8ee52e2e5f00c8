"""Tuners, asked in a way that holds them to their contract."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from couler_plugins.errors import PluginFailure
from couler_plugins.hookspecs import Tuner
from couler_plugins.hookspecs.trials import Proposal, Task, Trial
from couler_plugins.plugins.registry import blaming, hint_for

WHAT = "tuner"
OWN_DEFAULTS = "what the owner has set"


def ask_tuner(tuner: Tuner, task: Task, trials: Sequence[Trial], number: int) -> Proposal | None:
    """What to try next: the owner's defaults first, then what the tuner proposes, checked against the space.

    None where there is nothing left to try.

    Raises:
        PluginFailure: the tuner failed, or proposed what is no setting of the space.
    """
    if number == 0 and (defaults := task.space.defaults) is not None:
        return Proposal(values=tuple(defaults.items()), reason=OWN_DEFAULTS)
    return _checked(tuner, task, trials, number)


def propose_once(tuner: Tuner, task: Task) -> Proposal | None:
    """What to set where nothing is tried; None where that is what the owner has set.

    Raises:
        PluginFailure: the tuner failed, or proposed what is no setting of the space.
    """
    return _checked(tuner, task, (), 0)


def _checked(tuner: Tuner, task: Task, trials: Sequence[Trial], number: int) -> Proposal | None:
    with blaming(WHAT, tuner.name):
        proposal = tuner.propose(task, trials, number)
    if proposal is None:
        return None
    if problems := task.space.problems(dict(proposal.values)):
        raise PluginFailure(
            f"the tuner {tuner.name!r} left the search space: {'; '.join(problems[:3])}", hint=hint_for(WHAT)
        )
    tidy = tuple(task.space.tidy(dict(proposal.values)).items())
    predicted = proposal.predicted if proposal.predicted is not None and math.isfinite(proposal.predicted) else None
    return msgspec.structs.replace(proposal, values=tidy, predicted=predicted)
