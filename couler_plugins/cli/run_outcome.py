"""What became of runs, in lines and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from couler_plugins.cli.outputs import write_bytes
from couler_plugins.cli.records import print_json
from couler_plugins.errors import PluginFailure
from couler_plugins.hookspecs.running import Failure, Status

if TYPE_CHECKING:
    from couler_plugins.cli.running import Asked, Done

__all__ = ["described", "print_outcome"]

SHOWN = 5
"""Steps that failed which are shown with what they printed."""


def described(status: Status) -> str:
    """A status in one line."""
    figures = f", {status.done} of {status.steps} steps so far are done" if status.steps else ""
    named = [
        f"; {what}: {_some(names)}"
        for what, names in (
            ("running", status.running),
            ("failed", status.failed),
            ("for you to resume", status.waiting),
        )
        if names
    ]
    message = f" ({status.message})" if status.message else ""
    return f"{status.phase}{message}{figures}{''.join(named)}"


def print_outcome(done: Done, asked: Asked, *, as_json: bool) -> int:
    """Says what became of it; returns the exit code."""
    if as_json:
        print_json("couler.run/v1", _record(done, asked))
    else:
        write_bytes("".join(f"{line}\n" for line in _lines(done, asked)))
    if any(entry.phase == "failed" for entry in done.outcome.entries.values()):
        return PluginFailure.exit_code
    return 0 if done.outcome.succeeded or not asked.wait else PluginFailure.exit_code


def _lines(done: Done, asked: Asked) -> list[str]:
    lines = []
    for job in done.jobs:
        if not job.runs or job.name not in done.outcome.entries:
            continue
        entry, status = done.outcome.entries[job.name], done.outcome.running.get(job.name)
        if asked.dry_run:
            if entry.outcome == "gathered":
                continue
            lines.append(f"{job.place}: would be created")
        elif status is not None:
            lines.append(f"{job.place}: {described(status)}")
        else:
            lines.append(f"{job.place}: {entry.phase}{f' ({entry.message})' if entry.message else ''}")
        lines += [f"  {item.name} = {item.value}" for item in entry.outputs]
        lines += _failed(done.failures.get(job.name, ()))
    if not any(job.runs for job in done.jobs):
        lines.append("there is no workflow among the documents: they were put in place, and nothing runs")
    return lines


def _failed(failures: Sequence[Failure]) -> list[str]:
    lines = []
    for failure in failures[:SHOWN]:
        message = f" ({failure.message})" if failure.message else ""
        lines.append(f"  {failure.step}: failed{message}")
        lines += [f"    | {line}" for line in failure.log]
        lines += [f"    its log is not here: {failure.note}"] if failure.note else []
    if more := [failure.step for failure in failures[SHOWN:]]:
        lines.append(f"  and failed as well: {_some(more)}")
    return lines


def _record(done: Done, asked: Asked) -> dict[str, Any]:
    records = []
    for job in done.jobs:
        entry, status = done.outcome.entries.get(job.name), done.outcome.running.get(job.name)
        record: dict[str, Any] = {"name": job.name, "place": job.place, "runs": job.runs}
        if entry is not None:
            record |= {"submitted": entry.outcome, "phase": entry.phase or "running", "message": entry.message}
            record["outputs"] = msgspec.to_builtins(entry.outputs)
        if (submitted := done.outcome.submitted.get(job.name)) is not None:
            record["before"] = submitted.before
        if job.name in done.failures:
            record["failures"] = msgspec.to_builtins(done.failures[job.name])
        if status is not None:
            record |= msgspec.to_builtins(status)
        records.append(record)
    return {"run": done.run, "engine": done.engine, "dry_run": asked.dry_run, "jobs": records}


def _some(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
