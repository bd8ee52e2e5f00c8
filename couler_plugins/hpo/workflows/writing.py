"""One proposal, written as the arguments of a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs import Tuner
from couler_plugins.hookspecs.trials import Proposal
from couler_plugins.hookspecs.tuning import Tuning
from couler_plugins.hpo.proposals import propose_once
from couler_plugins.hpo.workflows.notes import Note, handed_over
from couler_plugins.hpo.workflows.requests import Request
from couler_plugins.hpo.workflows.values import (
    default_of,
    port_of,
    port_of_parameter,
    readers,
    with_arguments,
    with_default,
)
from couler_plugins.ir import Libraries, Literal, Scalar, Workflow, replace_steps


class Written(NamedTuple):
    """A workflow with what was proposed for a step of it.

    Attributes:
        workflow: the workflow; as it was where nothing is written.
        proposal: what the tuner has proposed; None where that is nothing.
        note: what to leave in the workflow; None where nothing is written.
    """

    workflow: Workflow
    proposal: Proposal | None
    note: Note | None


def write_proposal(
    workflow: Workflow, request: Request, facet: Tuning, tuner: Tuner, libraries: Libraries, key: str
) -> Written:
    """The workflow with the values that a tuner predicts most of, where they are not what is set.

    A proposal that comes without a prediction is a guess, and no better than what its owner has set. What a parameter
    of the workflow hands over is written as the value of that, so that a run may still say otherwise.

    Raises:
        PluginFailure: the tuner failed, or left the search space.
        Unsupported: the engine cannot pass on a value, or others read a parameter as well.
    """
    proposal = propose_once(tuner, request.task)
    if proposal is None or proposal.predicted is None:
        return Written(workflow, proposal, None)
    set_now = request.task.space.defaults or {}
    better = {name: value for name, value in proposal.values if name not in set_now or value != set_now[name]}
    if not better:
        return Written(workflow, proposal, None)
    place = (request.graph.name, request.step.name)
    passed: dict[str, Literal] = {}
    was: dict[str, Scalar] = {}
    now: dict[str, Scalar] = {}
    new = workflow
    for name, value in better.items():
        if name not in request.parameters:
            passed[name] = literal = facet.literal(value, port_of(request.callee, name))
            was[name] = request.was[name]
        else:
            parameter = request.parameters[name].name
            _refuse_shared(name, parameter, readers(workflow, libraries, parameter, place))
            literal = facet.literal(value, port_of_parameter(workflow, parameter))
            old = default_of(workflow, parameter)
            was[name] = None if old is None else old.value
            new = with_default(new, parameter, literal)
        now[name] = literal.value
    if passed:
        new = replace_steps(new, {place: with_arguments(request.step, passed)})
    parameters = {name: reference for name, reference in request.parameters.items() if name in now}
    return Written(new, proposal, Note(key=key, was=was, now=now, flows=handed_over(parameters)))


def _refuse_shared(name: str, parameter: str, others: Sequence[str]) -> None:
    """Raises `Unsupported` for a parameter that others read as well."""
    if others:
        raise Unsupported(
            f"{name!r} is the parameter {parameter!r}, which {', '.join(others[:3])} reads as well",
            feature="tune",
            hint="pass the step a parameter of its own, or a constant; or let it try settings (trials=…)",
        )
