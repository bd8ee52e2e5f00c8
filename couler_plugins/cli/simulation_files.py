"""What each file that `couler simulate` is given tells of: runs, recorded edits, or nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from couler_plugins.errors import InvalidInput
from couler_plugins.simulation.recorded import read_edits

if TYPE_CHECKING:
    from couler_plugins.errors import CoulerError
    from couler_plugins.rewrite import Session
    from couler_plugins.runs import Run
    from couler_plugins.simulation.recorded import Recorded
    from couler_plugins.sources import Input

__all__ = ["Told", "read_files"]

HINT = "give WfFormat traces, workflows with the status that their engine wrote, or workflows and --history"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Told:
    """What files tell of.

    Attributes:
        runs: each with the name of its file.
        edits: those recorded in files beside the traces.
    """

    runs: list[tuple[str, Run]] = field(default_factory=list)
    edits: list[Recorded] = field(default_factory=list)


class _NoTraceError(InvalidInput):
    """A file tells of no run; in a folder of traces it is left out."""


def read_files(files: Sequence[Input], named: Set[Path], session: Session) -> Told:
    """What the files tell of. What is no trace is an error where it is named by itself; in a folder it is left out.

    Args:
        files: what was read.
        named: the paths that were given by themselves, and not found in a folder.
        session: the plugins, and the history that profiles come from.

    Raises:
        CoulerError: a file cannot be read, tells of no run and no workflow with profiles, or contradicts itself.
        InvalidInput: no file tells of a run.
    """
    told = Told()
    for item in files:
        alone = item.path is None or item.path in named
        try:
            if not alone and (edits := _edits(item)):
                told.edits.append(edits)
            else:
                told.runs.extend((item.name, run) for run in _runs(item, session))
        except _NoTraceError as error:
            if alone:
                raise
            log.warning("%s is left out: %s", item.name, error.message)
    if not told.runs:
        raise InvalidInput("there is no trace among these files", hint=HINT)
    return told


def _edits(item: Input) -> Recorded | None:
    """The edits that a file records; None where it is something else."""
    if item.file is None or not _is_edits(item):
        return None
    try:
        return read_edits(item.file.text.encode(), item.name)
    except InvalidInput as error:
        raise _NoTraceError(error.message, file=error.file, hint=error.hint) from error


def _is_edits(item: Input) -> bool:
    data = item.file.documents[0].data if item.file else None
    return isinstance(data, Mapping) and str(data.get("schema")).startswith("couler.edits/")


def _runs(item: Input, session: Session) -> list[Run]:
    """The runs that a file tells of; those that its workflows would be where it tells of none."""
    from couler_plugins.context import runs_in

    if item.error is not None:
        raise _NoTraceError(item.error.message, file=item.name, line=item.error.line, hint=item.error.hint)
    assert item.file is not None
    runs = [run for document in item.file.documents for run in runs_in(document, session.plugins)]
    ended = [run for run in runs if run.whole and all(ran.fate != "pending" for ran in run.steps)]
    if ended:
        return ended
    if runs:
        hint = "give one that did: what the others lack of steps would be taken for edits"
        raise _NoTraceError("no run in this came to its end", file=item.name, hint=hint)
    if not any(session.plugins.claimed_by(document) for document in item.file.documents):
        hint = "these are recorded edits: name them with --edits" if _is_edits(item) else HINT
        empty = all(document.data is None for document in item.file.documents)
        message = "this is empty" if empty else "this tells of no run, and is no workflow that a plugin understands"
        raise _NoTraceError(message, file=item.name, hint=hint)
    return _planned(item, session)


def _planned(item: Input, session: Session) -> list[Run]:
    """The runs that the workflows of a file would be, by their profiles."""
    from couler_plugins.context import RunContext
    from couler_plugins.errors import CoulerError
    from couler_plugins.inputs import lift_inputs
    from couler_plugins.simulation.lifted import run_of_workflow

    def refuse(_: Input, error: CoulerError) -> None:
        error.file = error.file or item.name
        raise error

    context = RunContext(session.plugins, session.report, session.history)
    plan = lift_inputs([item], session, refuse)
    try:
        return [
            run_of_workflow(workflow, partial(context.profile, workflow))
            for workflow in plan.workflows
            if workflow.entry is not None
        ]
    except CoulerError as error:
        error.file = error.file or item.name
        raise
