"""Edits that were recorded: which steps or types changed from run to run, or from commit to commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import msgspec

from couler_plugins.errors import InvalidInput, restating
from couler_plugins.runs import Run
from couler_plugins.simulation.edits import Replayed
from couler_plugins.simulation.workload import Change, Edits, EditState, Workload, chance_of


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    changed: list[str] = []
    restored: list[str] = []


class _File(msgspec.Struct, forbid_unknown_fields=True):
    schema: Literal["couler.edits/v1"]
    changes: list[list[str] | _Entry]
    family: str = ""
    source: str = ""


@dataclass(frozen=True)
class Recorded(Edits):
    """The change sets of a file, in their order; at its end it goes on at its beginning.

    Seed 0 starts at the beginning, any other seed at a place of its own. Names that the workflow does not have are
    passed over: a history may be of more than one trace shows. A change set without names is a run without a change.

    Attributes:
        file: where they come from.
        family: the workflow that they were recorded of; empty for any.
        entries: for each change set the steps or types that get a new version, and those that get back the version
            that they had before their last change.
    """

    name: ClassVar[str] = "recorded"
    file: str
    family: str
    entries: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]

    def on(self, bench: EditState, start: int = 0) -> Iterator[Change]:
        """The change sets from one of them on.

        Raises:
            InvalidInput: the workflow has none of the steps and types.
        """
        existing = {name: [step] for step, name in enumerate(bench.workload.steps)} | bench.workload.members
        if not any(name in existing for entry in self.entries for names in entry for name in names):
            hint = f"name steps, or types such as {', '.join(list(bench.workload.members)[:3])}"
            message = f"none of these changes is of a step or type of {bench.workload.family}"
            raise InvalidInput(message, file=self.file, hint=hint)

        def steps(names: Iterable[str]) -> list[int]:
            return list(dict.fromkeys(step for name in names for step in existing.get(name, ())))

        before = [0] * len(bench.versions)
        while True:
            changed, restored = self.entries[start % len(self.entries)]
            change = {**{step: before[step] for step in steps(restored)}, **bench.renewed(steps(changed))}
            for step in change:
                before[step] = bench.versions[step]
            yield change
            start += 1

    def changes(self, workload: Workload, seed: int) -> Iterator[Change]:
        """The change sets of one seed."""
        bench = EditState(workload, chance_of(self.name, seed))
        start = bench.chance.randrange(len(self.entries)) if seed else 0
        for change in self.on(bench, start):
            bench.apply(change)
            yield change


def read_edits(content: bytes, file: str) -> Recorded:
    """Recorded edits from JSON.

    It is `{"schema": "couler.edits/v1", "family": …, "source": …, "changes": […]}`; a change is a list of names of
    steps or types, or `{"changed": [names], "restored": [names]}`.

    Raises:
        InvalidInput: it is something else, or there are no changes.
    """
    with restating(
        (msgspec.DecodeError, UnicodeDecodeError),
        "these are no recorded edits",
        file=file,
        hint='it is written {"schema": "couler.edits/v1", "changes": [["step or type", …], …]}',
    ):
        result = msgspec.json.decode(content, type=_File)
    if not result.changes:
        raise InvalidInput("there are no changes", file=file, hint="list at least one under `changes`")
    entries = [_Entry(changed=entry) if isinstance(entry, list) else entry for entry in result.changes]
    return Recorded(file, result.family, tuple((tuple(entry.changed), tuple(entry.restored)) for entry in entries))


@dataclass(frozen=True)
class Histories(Edits):
    """What changed in each of several workflows; those without a history are edited as in `replayed`."""

    name: ClassVar[str] = "history"
    histories: tuple[Recorded, ...]

    def on(self, bench: EditState) -> Iterator[Change]:
        """The workflow's own history."""
        return self._of(bench.workload).on(bench)

    def changes(self, workload: Workload, seed: int) -> Iterator[Change]:
        """The workflow's own history, from where the seed says."""
        return self._of(workload).changes(workload, seed)

    def _of(self, workload: Workload) -> Edits:
        own = (history for history in self.histories if history.family == workload.family)
        return next(own, Replayed())


def history_of(runs: Sequence[Run], family: str, file: str) -> Recorded | None:
    """What changed from run to run of a workflow; None where nothing did.

    A step changed where what it is by itself did. It is restored where it is again what it was before its last change.

    Args:
        runs: its runs, oldest first.
        family: its name.
        file: where they come from.
    """
    entries = []
    now: dict[str, str] = {}
    before: dict[str, str] = {}
    for run in runs:
        changed: list[str] = []
        restored: list[str] = []
        for step in run.steps:
            if now.get(step.step, step.spec) != step.spec:
                (restored if before.get(step.step) == step.spec else changed).append(step.step)
                before[step.step] = now[step.step]
            now[step.step] = step.spec
        entries.append((tuple(changed), tuple(restored)))
    return Recorded(file, family, tuple(entries[1:])) if any(map(any, entries)) else None
