"""What tuning tells its user of each step."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from couler_plugins.hookspecs import Tuner
from couler_plugins.hookspecs.trials import Proposal
from couler_plugins.hookspecs.tuning import FanOut
from couler_plugins.hpo.workflows.notes import Note
from couler_plugins.hpo.workflows.requests import Request
from couler_plugins.hpo.workflows.values import as_text
from couler_plugins.hpo.workflows.writing import Written
from couler_plugins.ir import Scalar, Workflow
from couler_plugins.net.redacting import redact
from couler_plugins.plan import Decision

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
