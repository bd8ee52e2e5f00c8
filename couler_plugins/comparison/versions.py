"""Versions of workflows in a history: which runs were of which, and what has changed from one to the next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from msgspec.structs import replace

from couler_plugins.documents.mappings import by_key
from couler_plugins.engine_kit.run_layers import OWN
from couler_plugins.runs import Run, site_of
from couler_plugins.runs.history_file import goes_on
from couler_plugins.runs.usage import message_of

Fingerprint = tuple[tuple[str, str], ...]


class Change(NamedTuple):
    """Runs of a workflow before and after a change.

    Attributes:
        workflow, engine: what ran.
        before, after: its runs, oldest first.
        optimizers: those whose settings differ; None where the history does not say.
        is_edit: whether something else of the workflow differs; None where the history does not say.
    """

    workflow: str
    engine: str
    before: Sequence[Run]
    after: Sequence[Run]
    optimizers: tuple[str, ...] | None
    is_edit: bool | None


class Versions(NamedTuple):
    """The runs of one workflow by version.

    Attributes:
        workflow, engine: what ran.
        changes: each change of the version.
        runs: how many runs have a version.
        unknown: how many have none.
    """

    workflow: str
    engine: str
    changes: Sequence[Change]
    runs: int
    unknown: int


def versions_in(runs: Iterable[Run], at: float | None = None) -> list[Versions]:
    """Return the workflows of a history, with each change of their versions.

    Runs of one version may be apart in time, where somebody has gone back to it. They are compared with those of the
    version whose first run came before its own.

    Args:
        runs: runs that have ended.
        at: compare the runs that ended before and after this time instead, whatever their versions.
    """
    families = by_key(((message_of(run.family), run.engine), run) for run in _wholes(runs))
    return [_versions(*names, own, at) for names, own in sorted(families.items())]


def _versions(workflow: str, engine: str, runs: Sequence[Run], at: float | None) -> Versions:
    runs = sorted(runs, key=lambda run: run.at)
    if at is not None:
        sides = [run for run in runs if run.at < at], [run for run in runs if run.at >= at]
        has_layers = bool(runs) and all(run.layers for run in runs)
        prints = [{_print(run) for run in side} for side in sides]
        same = _difference(*prints) if has_layers else (None, None)
        return Versions(workflow, engine, [Change(workflow, engine, *sides, *same)], len(runs), 0)
    layers = {run.version: _print(run) for run in runs if run.version and run.layers}
    groups = by_key((_print(run) or layers.get(run.version) or _bare(run), run) for run in runs)
    unknown = groups.pop((), [])
    changes = [
        Change(workflow, engine, groups[one], groups[other], *_difference({one}, {other}))
        for one, other in pairwise(groups)
    ]
    return Versions(workflow, engine, changes, len(runs) - len(unknown), len(unknown))


def _print(run: Run) -> Fingerprint:
    return tuple(sorted(run.layers.items()))


def _bare(run: Run) -> Fingerprint:
    """What tells the version of a run that says nothing of optimizers."""
    return (("", run.version),) if run.version else ()


def _difference(before: set[Fingerprint], after: set[Fingerprint]) -> tuple[tuple[str, ...] | None, bool | None]:
    """Return the optimizers whose settings differ, and whether anything else does; None where that is not known."""
    sides = [[dict(one) for one in side] for side in (before, after)]
    every = [one for side in sides for one in side]
    if any("" in one for one in every):
        return None, None
    names = {name for one in every for name in one}
    values = {name: [{one.get(name) for one in side} for side in sides] for name in names}
    differing = sorted(name for name, (old, new) in values.items() if old != new)
    return tuple(name for name in differing if name != OWN), OWN in differing


def _wholes(runs: Iterable[Run]) -> list[Run]:
    """Return the runs, each with the steps of its parts, where `split` has cut its workflow."""
    ended = [run for run in runs if not goes_on(run)]
    by_uid = {(run.engine, run.uid) for run in ended if run.uid}
    parts = by_key(
        ((run.engine, run.part_of), run) for run in ended if run.part_of and (run.engine, run.part_of) in by_uid
    )
    own = [run for run in ended if not run.part_of or (run.engine, run.part_of) not in by_uid]
    return [_with_parts(run, parts.get((run.engine, run.uid), ())) for run in own]


def _with_parts(run: Run, parts: Sequence[Run]) -> Run:
    steps = [*run.steps, *(replace(ran, parents=()) for part in parts for ran in part.steps)]
    return replace(run, steps=tuple(steps)) if parts else run


def names_of(runs: Iterable[Run]) -> dict[str, str]:
    """Return what sites are called in all runs, where `fuse` has put several into one: `main/fetch+unpack`."""
    names: dict[str, str] = {}
    for ran in (ran for run in runs for ran in run.steps if ran.fused):
        graph, slash, _ = site_of(ran).rpartition("/")
        name = f"{graph}{slash}{'+'.join(ran.fused)}"
        names |= dict.fromkeys([site_of(ran), *(f"{graph}{slash}{step}" for step in ran.fused)], name)
    return names
