"""What `couler simulate -p` does: runs workflows as they are and as optimizers leave them, and says what parts cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from couler_plugins.cli.messages import write_bytes
from couler_plugins.cli.outputs import columns
from couler_plugins.cli.records import print_json
from couler_plugins.driver.context import RunContext
from couler_plugins.driver.results import Result, WorkflowVersions
from couler_plugins.driver.rewrite import Session
from couler_plugins.driver.session import optimize_inputs
from couler_plugins.errors import InvalidInput
from couler_plugins.inputs.sources import Input
from couler_plugins.ir import Workflow
from couler_plugins.parallelism.report import AFTER_AT_LEAST, BEFORE, LAUNCH_EACH
from couler_plugins.plan import Decision
from couler_plugins.simulation.planned import Planned, planned
from couler_plugins.simulation.split_run import PartRun, SplitRun, run_split, run_whole
from couler_plugins.viz.page.parts import Split, split_of

SHOWN = 24
"""Parts that are listed; of more, those that end latest compared with the workflow as a whole."""
LAUNCH = 10.0
"""Seconds that starting a part takes, where neither the user nor the split says."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A workflow as a whole, and in parts.

    Attributes:
        label: of the workflow.
        tasks: what it runs.
        workers: steps that run at once; None for no limit.
        launch: seconds that starting a part takes.
        before: the makespan of the whole on these workers; seconds.
        critical_path: the same on as many workers as it wants.
        after: its run as optimizers left it, on these workers.
        critical_path_after: the makespan of that on as many workers as it wants.
        at_least: the critical path that no split within its budget goes below; None where that is not known.
    """

    label: str
    tasks: Planned
    workers: int | None
    launch: float
    before: float
    critical_path: float
    after: SplitRun
    critical_path_after: float
    at_least: float | None

    @property
    def rows(self) -> list[tuple[str, float, float, float | None]]:
        """Where it runs, the makespan before and after, and that which no split goes below."""
        free = ("workers without limit", self.critical_path, self.critical_path_after, self.at_least)
        if self.workers is None:
            return [free]
        least = None if self.at_least is None else max(self.at_least, self.tasks.work / self.workers)
        return [(_workers(self.workers), self.before, self.after.makespan, least), free]


def compare(
    files: Sequence[Input], pipeline: str, session: Session, workers: int | None, launch: float | None
) -> list[Comparison]:
    """Runs every workflow of the files before and after the optimizers.

    Args:
        files: the workflows.
        pipeline: the optimizers.
        session: the plugins, and the history that times come from.
        workers: steps that run at once; None for no limit.
        launch: seconds that starting a part takes; as the split reckoned with unless given.

    Raises:
        CoulerError: a file is refused, no file has a workflow, or one cannot be run flat.
    """
    result = optimize_inputs(files, pipeline, session)
    for file in result.files:
        if file.error is not None:
            raise file.error
    items = [item for item in result.workflow_versions if item.versions[0] and item.versions[0].entry]
    if not items:
        hint = "give workflows, and traces of past runs with --history"
        raise InvalidInput("there is no workflow here that could run", hint=hint)
    session.report("running the parts")
    context = RunContext(session.plugins, session.report, session.history)
    return [_compare(item, result, context, workers, launch) for item in items]


def _compare(
    item: WorkflowVersions, result: Result, context: RunContext, workers: int | None, launch: float | None
) -> Comparison:
    versions = [workflow for workflow in item.versions if workflow is not None]
    split = split_of(item, result.parts)
    optimized = versions[-1] if split is None else split.workflow

    def tasks_of(workflow: Workflow) -> Planned:
        return planned(workflow, partial(context.profile, workflow))

    whole = tasks_of(versions[0])
    tasks = whole if optimized == versions[0] else tasks_of(optimized)
    figures = {} if split is None else _figures(result.decisions, split)
    if launch is None:
        launch = float(figures.get(LAUNCH_EACH, 0.0 if split is None or split.into_graphs else LAUNCH))
    paths = {} if split is None else split.paths
    critical_path = run_whole(whole, None).makespan
    reckoned = figures.get(LAUNCH_EACH) == launch and figures.get(BEFORE) == round(critical_path, 1)
    return Comparison(
        label=versions[0].label,
        tasks=whole,
        workers=workers,
        launch=launch,
        before=run_whole(whole, workers).makespan,
        critical_path=critical_path,
        after=run_split(tasks, paths, launch, workers),
        critical_path_after=run_split(tasks, paths, launch, None).makespan,
        at_least=figures.get(AFTER_AT_LEAST) if reckoned else None,
    )


def _figures(decisions: Iterable[Decision], split: Split) -> dict[str, float]:
    """What the split reckoned with."""
    for decision in decisions:
        figures = {name: value for name, value in decision.figures if isinstance(value, int | float)}
        if AFTER_AT_LEAST in figures and decision.affects == tuple(part.name for part in split.parts):
            return figures
    return {}


def print_comparisons(found: Sequence[Comparison]) -> None:
    """Prints a screen for each workflow."""
    write_bytes("\n\n".join("\n".join(_lines(one)) for one in found) + "\n")


def _lines(one: Comparison) -> list[str]:
    tasks, parts = one.tasks, one.after.parts
    into = f"{len(parts):,} parts, each started in {_seconds(one.launch)} seconds" if parts else "one piece: not split"
    lines = [f"{one.label}: {tasks.call_sites:,} steps in {into}"]
    if tasks.unknown:
        which = (
            "Nothing is known of what they take"
            if tasks.unknown == tasks.call_sites
            else (f"Nobody knows what {tasks.unknown:,} of them take")
        )
        lines.append(f"{which}: each counts as {_seconds(tasks.guess)} seconds; past runs (--history) would tell.")
    if tasks.endless:
        lines.append(f"Nobody knows how many items {tasks.endless:,} of their loops have: each counts as one.")
    head = ("makespan in seconds on", "before", "after", "stretch", "at least")
    table = [
        (where, _seconds(before), _seconds(after), _ratio(after, before), "?" if least is None else _seconds(least))
        for where, before, after, least in one.rows
    ]
    lines += ["", *columns(head, table)]
    if parts:
        lines += ["", *_part_lines(parts, _workers(one.workers))]
    return lines


def _part_lines(parts: Sequence[PartRun], where: str) -> list[str]:
    shown = set(sorted(parts, key=lambda part: -part.later)[:SHOWN])
    head = ("part", "steps", "needs", "start", "end", "critical path", "launch", "barrier", "queue", "later")
    table = [
        (part.name, f"{part.steps:,}", f"{part.needs:,}", *map(_seconds, _times(part)))
        for part in parts
        if part in shown
    ]
    lines = [f"on {where}, in seconds:", *columns(head, table)]
    if len(parts) > len(shown):
        hidden = len(parts) - len(shown)
        lines.append(f"and {hidden:,} more parts, which are less late; --format json has all")
    return [
        *lines,
        "",
        "needs: other parts; barrier: waits for the rest of them, once the steps that it reads have ended;",
        "queue: waits for workers; later: ends after the same steps in the workflow as a whole",
    ]


def _times(part: PartRun) -> tuple[float, ...]:
    return part.start, part.end, part.critical_path, part.launch, part.barrier, part.queue, part.later


def print_split_record(found: Sequence[Comparison]) -> None:
    """Prints it all as JSON (`couler.simulate-split/v1`); times in seconds."""
    print_json("couler.simulate-split/v1", {"workflows": [_record(one) for one in found]})


def _record(one: Comparison) -> dict[str, Any]:
    return {
        "workflow": one.label,
        "steps": one.tasks.call_sites,
        "unknown_seconds": one.tasks.unknown,
        "guess": one.tasks.guess,
        "unknown_items": one.tasks.endless,
        "work": one.tasks.work,
        "workers": one.workers,
        "launch": one.launch,
        "before": {"makespan": one.before, "critical_path": one.critical_path},
        "after": {"makespan": one.after.makespan, "critical_path": one.critical_path_after},
        "stretch": one.after.makespan / one.before if one.before else None,
        "critical_path_stretch": one.critical_path_after / one.critical_path if one.critical_path else None,
        "at_least": one.rows[0][3],
        "critical_path_at_least": one.at_least,
        "parts": [vars(part) for part in one.after.parts],
    }


def _workers(workers: int | None) -> str:
    return "workers without limit" if workers is None else f"{workers:,} worker{'s' if workers > 1 else ''}"


def _ratio(after: float, before: float) -> str:
    return f"{after / before:.3f}" if before else "?"


def _seconds(value: float) -> str:
    """As whole seconds, or where it is short, with a digit behind the point if that says something."""
    rounded = round(value, 1 if abs(value) < 100 else 0) + 0.0  # no zero has a sign
    return f"{rounded:,.0f}" if rounded == int(rounded) else f"{rounded:,.1f}"
