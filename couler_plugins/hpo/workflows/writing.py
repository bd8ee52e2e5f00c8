"""One proposal, written as the arguments of a step."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from couler_plugins.hpo.workflows.notes import Note
from couler_plugins.hpo.workflows.requests import Request
from couler_plugins.hpo.workflows.values import port_of, with_arguments
from couler_plugins.ir import Step
from couler_plugins.tuners import propose_once

if TYPE_CHECKING:
    from couler_plugins.hookspecs import Tuner
    from couler_plugins.hookspecs.tuning import Tuning
    from couler_plugins.hpo.task import Proposal

__all__ = ["Written", "write_proposal"]


class Written(NamedTuple):
    """A step with what was proposed.

    Attributes:
        step: the step; as it was where nothing is written.
        proposal: what the tuner has proposed; None where that is nothing.
        note: what to leave in the workflow; None where nothing is written.
    """

    step: Step
    proposal: Proposal | None
    note: Note | None


def write_proposal(request: Request, facet: Tuning, tuner: Tuner, key: str) -> Written:
    """The step with the values that a tuner predicts most of, where they are not what is set.

    A proposal that comes without a prediction is a guess, and no better than what its owner has set.

    Raises:
        PluginFailure: the tuner failed, or left the search space.
        Unsupported: the engine cannot pass on a value.
    """
    proposal = propose_once(tuner, request.task)
    if proposal is None or proposal.predicted is None:
        return Written(request.step, proposal, None)
    set_now = request.task.space.defaults or {}
    passed = {
        name: facet.literal(value, port_of(request.callee, name))
        for name, value in proposal.values
        if name not in set_now or value != set_now[name]
    }
    if not passed:
        return Written(request.step, proposal, None)
    now = {name: literal.value for name, literal in passed.items()}
    note = Note(key=key, was={name: request.was[name] for name in now}, now=now)
    return Written(with_arguments(request.step, passed), proposal, note)
