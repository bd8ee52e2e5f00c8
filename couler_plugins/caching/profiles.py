"""What past runs say of a workflow's steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter

from couler_plugins.documents.mappings import by_key
from couler_plugins.hookspecs.profiles import Profile
from couler_plugins.ir import Call, CallSite, Step, Workflow
from couler_plugins.runs.run import Run, StepRun, belongs, median, site_of, tries_of

RECENT = 20
"""How many of the newest figures count: what a step took a hundred runs ago says little of today."""
MOST_TRIES = 100_000
"""How many of the newest attempts are told of. Those of a weekly run have to be among them, whatever runs each hour."""


def profiles_of(workflow: Workflow, runs: Sequence[Run]) -> Mapping[str, Profile]:
    """The profile of each step, and of each operation by its name, that past runs know: medians of its newest figures.

    A step of a run belongs to its call site, or to that of its name (`graph/step`, or just `step`), and steps of a kind
    to the call of the operation of that name where nothing else fits. To an operation belong the steps of its call
    sites, those of its kind, and those of other workflows that call it.

    Args:
        workflow: the workflow.
        runs: its runs, and those that call its operations, oldest first.
    """
    by_step: dict[str, list[list[StepRun]]] = defaultdict(list)
    by_type: dict[str, list[list[StepRun]]] = defaultdict(list)
    called: dict[str, list[list[StepRun]]] = defaultdict(list)
    # A library that is one operation, such as a Task, may call that by another name than those who call it do.
    alias = workflow.operations[0].name if len(workflow.operations) == 1 else workflow.name
    for run in runs:
        for ran in run.steps:
            if ran.library and ran.library == workflow.name:
                called[alias if ran.type == workflow.name else ran.type].append([ran])
        if not belongs(run, workflow):
            continue
        own = [ran for ran in run.steps if not ran.library]
        for names, found_by, steps in ((by_step, site_of, run.steps), (by_type, attrgetter("type"), own)):
            for name, some in by_key((found_by(ran), ran) for ran in steps).items():
                names[name].append(some)
    kinds = {operation.name for operation in workflow.operations}
    profiles: dict[str, Profile] = {}
    for name, step in _call_sites(workflow):
        callee = step.call.name if isinstance(step.call, Call) else ""
        own_past = by_step.get(name) or by_step.get(step.name) or []
        others = [[ran for ran in past if ran.type not in kinds] for past in own_past]  # those of a kind come below
        called[callee] += [past for past in others if past]
        if own_past or by_type.get(callee):
            profiles[name] = _profile(own_past or by_type[callee])
    for operation in workflow.operations:
        if past := [*called[operation.name], *by_type[operation.name]]:
            profiles.setdefault(operation.name, _profile(past))
    return profiles


def _call_sites(workflow: Workflow) -> Iterable[tuple[str, Step]]:
    for graph in workflow.graphs:
        for step in graph.steps:
            yield f"{graph.name}/{step.name}", step
    if workflow.entry is not None:
        yield CallSite(None, workflow.entry).label, workflow.entry


def _profile(runs: Sequence[Sequence[StepRun]]) -> Profile:
    """What the steps of some runs say, those that belong together."""
    past = [item for run in runs for item in run]
    ran = [item for item in past if item.fate in ("computed", "failed")]
    computed = [item for item in ran if item.fate == "computed"]
    attempts = sum(item.attempts for item in ran)
    size = _median(item.bytes for item in past if item.fate in ("computed", "loaded"))
    memory = _median(item.memory for item in computed)
    return Profile(
        seconds=_median(item.seconds for item in computed),
        memory=None if memory is None else round(memory),
        output_bytes=None if size is None else round(size),
        success_rate=len(computed) / attempts if attempts else None,
        instances=_median(len(run) for run in runs),
        tries=tuple(one for item in past for one in tries_of(item))[-MOST_TRIES:] or None,
    )


def _median(figures: Iterable[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return median(known[-RECENT:]) if known else None
