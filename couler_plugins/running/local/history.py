"""A local run as past runs are written down, for `--history`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from couler_plugins.caching.keys import digest
from couler_plugins.running.local.records import Record
from couler_plugins.runs import Run, StepRun

__all__ = ["run_of"]


def run_of(family: str, records: Iterable[Record], *, whole: bool) -> Run:
    """A run: its steps, in the order of their ends."""
    order = sorted(records, key=lambda record: (record.ended, record.step))
    position: dict[str, int] = {}
    steps: list[StepRun] = []
    for record in order:
        parents = sorted({number for name in record.parents for number in _within(name, position)})
        position[record.step] = len(steps)
        spec = digest([record.operation, record.identity])
        ran = StepRun(
            step=record.step,
            site=record.site,
            type=record.operation,
            spec=spec,
            key=digest([spec, *(steps[number].key for number in parents)]),
            parents=tuple(parents),
            seconds=record.seconds if record.fate == "computed" else None,
            attempts=record.attempts,
            fate=record.fate,
        )
        steps.append(ran)
    return Run(family=family, steps=tuple(steps), whole=whole, at=order[-1].ended if order else 0.0)


def _within(name: str, position: Mapping[str, int]) -> Iterable[int]:
    """The steps that a path stands for: itself, its items, or what is in the graph that it calls."""
    return (number for step, number in position.items() if step == name or step.startswith((f"{name}/", f"{name}(")))
