"""What tuning tells its user of each step.

One proposal, written as the arguments of a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs import Tuner
from couler_plugins.hookspecs.trials import Proposal
from couler_plugins.hookspecs.tuning import FanOut, Tuning
from couler_plugins.hpo.proposals import propose_once
from couler_plugins.hpo.workflows.notes import Note, handed_over
from couler_plugins.hpo.workflows.requests import Request
from couler_plugins.hpo.workflows.values import (
    as_text,
    default_of,
    port_of,
    port_of_parameter,
    readers,
    with_arguments,
    with_default,
)
from couler_plugins.ir import Libraries, Literal, Scalar, Workflow, replace_steps
from couler_plugins.net.redacting import redact
from couler_plugins.plan import Decision


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


TUNE = "tune"
PROVENANCE = ("model", "seed", "record", "replay")
"""Options of tuners that say where a proposal comes from."""


def kept(workflow: Workflow, request: Request, reason: str) -> Decision:
    """A step that stays as it is."""
    return Decision(optimizer=TUNE, workflow=workflow.label, subject=request.place, reason=reason)


def noted(workflow: Workflow, steps: int) -> Decision:
    """What tuning leaves in a workflow for itself."""
    return Decision(
        optimizer=TUNE,
        workflow=workflow.label,
        action="note what was tuned" if steps else "take out the note of what was tuned",
        reason="by this note, tune finds its own work and the former values",
        figures=(("steps", steps),),
    )


def undone(decision: Decision, note: Note) -> Decision:
    """A step that was tuned before, and now is as its owner wrote it."""
    graph = decision.subject.rpartition("/")[0]
    steps = [f"{graph}/{name}" for name in (note.trials, note.best) if name]
    action, affects = "put back what its owner has set", tuple(dict.fromkeys([*steps, *note.added]))
    return msgspec.structs.replace(decision, action=action, affects=affects)


def moved(workflow: Workflow, place: tuple[str, str], old: str) -> Decision:
    """A step that was moved after it was tuned."""
    reason = f"it was tuned as {old}, before it was moved here; it is tuned anew in the workflow that was not split"
    return Decision(optimizer=TUNE, workflow=workflow.label, subject="/".join(place), reason=reason)


def part_of(workflow: Workflow, whole: str) -> Decision:
    """A workflow that was split, or a part of it."""
    what = "it was split" if whole == workflow.label else f"it is a part of {whole}, which was split"
    reason = f"{what}: put tune before split in the pipeline"
    return Decision(optimizer=TUNE, workflow=workflow.label, reason=reason)


def written(workflow: Workflow, request: Request, tuner: Tuner, done: Written) -> Decision:
    """Values that were written into a step."""
    assert done.proposal is not None
    assert done.note is not None
    set_now = request.task.space.defaults or {}
    values = dict(done.proposal.values)
    changes = ", ".join(
        f"{name}{f' (the parameter {request.parameters[name].name})' if name in request.parameters else ''}"
        f"{f' from {as_text(set_now[name])}' if name in set_now else ''} to {as_text(values[name])}"
        for name in done.note.now
    )
    metric = request.task.data.metric
    return Decision(
        optimizer=TUNE,
        workflow=workflow.label,
        subject=request.place,
        action=f"set {changes}",
        reason=f"{done.proposal.reason}; {request.where} asks for it, to {request.task.data.goal} {metric}",
        figures=(*_provenance(tuner), (f"predicted {metric}", done.proposal.predicted)),
        affects=(request.graph.name,) if request.parameters else (),
    )


def tried(
    workflow: Workflow, request: Request, tuner: Tuner, settings: Sequence[Proposal], fan: FanOut, parallel: int
) -> Decision:
    """Trials before a step."""
    metric, graph = request.task.data.metric, request.graph.name
    output = f"its output {request.output!r}" if request.output else "what it prints"
    reason = (
        f"{request.where} asks for it, to {request.task.data.goal} {metric}, which is {output}; "
        f"it adds {len(settings)} runs, and the first uses the present values"
    )
    steps = [f"{graph}/{step.name}" for step in (fan.trials, fan.best)]
    return Decision(
        optimizer=TUNE,
        workflow=workflow.label,
        subject=request.place,
        action=f"try {len(settings)} settings of {', '.join(request.was)}, and run it with the best",
        reason="; ".join(filter(None, (reason, fan.note))),
        figures=(
            *_provenance(tuner),
            ("trials", len(settings)),
            *((("trials at a time", parallel),) if parallel else ()),
            ("runs in all", len(settings) + 1),
        ),
        affects=tuple(dict.fromkeys([*steps, *(item.name for item in fan.added)])),
    )


def _provenance(tuner: Tuner) -> tuple[tuple[str, Scalar], ...]:
    pairs = [(name, getattr(tuner, name, "")) for name in PROVENANCE]
    provenance = tuple(
        (name, redact(value) if isinstance(value, str) else value) for name, value in pairs if value != ""
    )
    return (("tuner", tuner.name), *provenance)
