"""What `couler simulate` is given: workflows with what their steps take, edits, capacities."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import click

from couler_plugins.driver.context import RunContext, runs_in
from couler_plugins.driver.rewrite import Session
from couler_plugins.driver.session import lift_inputs
from couler_plugins.errors import CoulerError, InvalidInput, closest
from couler_plugins.inputs.sources import Input
from couler_plugins.options.fields import Size, build
from couler_plugins.options.grammar import parse_items
from couler_plugins.runs import Run
from couler_plugins.runs.history_file import goes_on
from couler_plugins.simulation.edits import EDITS, Replayed
from couler_plugins.simulation.planned import run_of_workflow
from couler_plugins.simulation.recorded import Histories, Recorded, history_of, read_edits
from couler_plugins.simulation.workload import Edits, Workload

HINT = "give WfFormat traces, workflows with the status that their engine wrote, or workflows and --history"
SHARE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?%")
ALIKE = 0.5
"""The share of step names that two runs have in common if they are of one workflow."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recordings:
    """What files tell of.

    Attributes:
        runs: each with the name of its file.
        edits: those recorded in files beside the traces.
    """

    runs: list[tuple[str, Run]] = field(default_factory=list)
    edits: list[Recorded] = field(default_factory=list)


class _NoTraceError(InvalidInput):
    """A file tells of no run; in a folder of traces it is left out."""


def _read_files(files: Sequence[Input], named: Set[Path], session: Session) -> Recordings:
    """What the files tell of. What is no trace is an error where it is named by itself; in a folder it is left out.

    Args:
        files: what was read.
        named: the paths that were given by themselves, and not found in a folder.
        session: the plugins, and the history that profiles come from.

    Raises:
        CoulerError: a file cannot be read, tells of no run and no workflow with profiles, or contradicts itself.
        InvalidInput: no file tells of a run.
    """
    files_read = Recordings()
    for item in files:
        alone = item.path is None or item.path in named
        try:
            if not alone and (edits := _recorded(item)):
                files_read.edits.append(edits)
            else:
                files_read.runs.extend((item.name, run) for run in _runs(item, session))
        except _NoTraceError as error:
            if alone:
                raise
            log.warning("%s is left out: %s", item.name, error.message)
    if not files_read.runs:
        raise InvalidInput("there is no trace among these files", hint=HINT)
    return files_read


def _recorded(item: Input) -> Recorded | None:
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
    if item.error is not None:
        raise _NoTraceError(item.error.message, file=item.name, line=item.error.line, hint=item.error.hint)
    assert item.file is not None
    runs = [run for document in item.file.documents for run in runs_in(document, session.plugins)]
    ended = [run for run in runs if run.whole and not goes_on(run)]
    if ended:
        return ended
    if runs:
        hint = "give a run that completed: missing steps of others would count as edits"
        raise _NoTraceError("no run in this file has completed", file=item.name, hint=hint)
    if not any(session.plugins.claimed_by(document) for document in item.file.documents):
        hint = "these are recorded edits: name them with --edits" if _is_edits(item) else HINT
        empty = all(document.data is None for document in item.file.documents)
        message = "this is empty" if empty else "this is neither a past run nor a workflow that a plugin understands"
        raise _NoTraceError(message, file=item.name, hint=hint)
    return _planned(item, session)


def _planned(item: Input, session: Session) -> list[Run]:
    """The runs that the workflows of a file would be, by their profiles."""

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


def workloads_of(
    files: Sequence[Input], named: Set[Path], session: Session, unknown_size: int | None
) -> tuple[list[Workload], Histories | None]:
    """The workflows that the files tell of, and what changed in them from run to run as far as it is recorded.

    It is recorded in a file beside the traces, or by several runs of a workflow.

    Raises:
        CoulerError: as `_read_files`, or a workflow has nothing to save.
    """
    files_read = _read_files(files, named, session)
    groups: list[tuple[str, list[Run]]] = []
    for file, run in files_read.runs:
        own = next((runs for _, runs in groups if _alike(runs[-1], run)), None)
        if own is None:
            groups.append((file, [run]))
        else:
            own.append(run)
    workloads, histories = [], []
    edits_left = dict.fromkeys(files_read.edits)
    for (file, runs), family in zip(groups, _families(groups), strict=True):
        runs.sort(key=lambda run: run.at)
        workload = Workload.of(runs[-1], family, file, unknown_size)
        beside = next((edits for edits in files_read.edits if _fits(edits, runs[-1].family, workload)), None)
        if beside:
            edits_left.pop(beside, None)
        workloads.append(workload)
        histories.append(replace(beside, family=family) if beside else history_of(runs, family, file))
    for edits in edits_left:
        log.warning("%s is left out: none of its changes is of a step or type of these workflows", edits.file)
    usable = tuple(history for history in histories if history is not None)
    return workloads, Histories(usable) if usable else None


def _fits(edits: Recorded, family: str, workload: Workload) -> bool:
    """Whether edits are of a workflow: of its family where they name one, and of something that it has."""
    names = {name for entry in edits.entries for some in entry for name in some}
    return edits.family in ("", family) and not names.isdisjoint([*workload.steps, *workload.types])


def _families(groups: Sequence[tuple[str, Sequence[Run]]]) -> list[str]:
    """A name for each workflow: its own, or where several have that one, its file's, or its file's path."""
    named = [(runs[0].family, Path(file).stem, file) for file, runs in groups]
    alike = [[names[which] for names in named] for which in range(3)]
    families: list[str] = []
    for number, names in enumerate(named):
        own = next((name for which, name in enumerate(names) if alike[which].count(name) == 1), f"{names[2]} {number}")
        families.append(own if own not in families else f"{names[2]} {number}")
    return families


def edits_of(texts: Sequence[str], recorded: Histories | None, max_bytes: int) -> dict[str, Edits]:
    """The ways to edit that the texts name; by default what is recorded, else what is made up to be like it.

    Raises:
        InvalidInput: there is no such way and no such file, or the file holds something else.
    """
    if not texts:
        default = recorded or Replayed()
        return {default.name: default}
    kinds = {kind.name: kind for kind in EDITS}
    edits_by_text: dict[str, Edits] = {}
    for text in texts:
        name = text.partition("{")[0].strip()
        if name in kinds:
            item, *more = parse_items(text, "--edits")
            if more:
                raise InvalidInput(f"{text!r} names several kinds of edits", hint="give --edits several times")
            edits_by_text[text] = build(kinds[name], item.options, f"the edits {name!r}")
        else:
            edits_by_text[text] = _edits_file(text, list(kinds), max_bytes)
    return edits_by_text


def sizes_of(texts: Sequence[str], workloads: Sequence[Workload], file: str | None = None) -> list[int]:
    """Capacities in bytes; a share is of all results of one version of all workflows.

    Args:
        texts: the capacities.
        workloads: the workflows.
        file: where they come from, for errors.

    Raises:
        click.BadParameter: a text is no size.
        InvalidInput: it is a share where all results are empty.
    """
    total = sum(load.total_bytes for load in workloads)
    sizes: dict[int, None] = {}
    for text in texts:
        share = SHARE.fullmatch(text.strip())
        if share and not total:
            names = ", ".join(load.family for load in workloads)
            unknown = any(load.guessed for load in workloads)
            hint = "give --capacity in bytes" + (", or --unknown-size for those that are not known" if unknown else "")
            raise InvalidInput(
                f"{names}: all results are empty: there is nothing to take a share of", file=file, hint=hint
            )
        try:
            sizes[round(float(share[1]) / 100 * total) if share else int(Size.parse(text))] = None
        except ValueError as error:
            raise click.BadParameter(f"{error}, nor a share such as 10%", param_hint="--capacity") from error
    return list(sizes)


def _alike(one: Run, two: Run) -> bool:
    if one.family != two.family:
        return False
    names, others = ({step.step for step in run.steps} for run in (one, two))
    return len(names & others) >= ALIKE * len(names | others)


def _edits_file(text: str, names: Sequence[str], max_bytes: int) -> Edits:
    path = Path(text)
    try:
        with path.open("rb") as stream:
            content = stream.read(max_bytes + 1)
    except OSError as error:
        hint = " ".join(part for part in (closest(text, names), f"there are {', '.join(names)}") if part)
        message = f"there are no edits {text!r}, and no such file can be read: {error.strerror or error}"
        raise InvalidInput(message, hint=hint) from error
    if len(content) > max_bytes:
        raise InvalidInput(f"the file has more than {Size(max_bytes)}", file=text, hint="allow more with --max-bytes")
    return read_edits(content, text)
