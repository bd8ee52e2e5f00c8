"""What `couler why` prints: lines for people, the answer first, or a record for machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from couler_plugins.cli.outputs import printable, time_text, utc_text
from couler_plugins.cli.running import some_of
from couler_plugins.hookspecs.causes import Cause
from couler_plugins.hookspecs.running import Failure
from couler_plugins.reliability.diagnosis import Diagnosis, FailedStep
from couler_plugins.runs import Attempt, Run
from couler_plugins.runs.history_file import goes_on

SHOWN = 240
"""Characters of what an engine says in a line for people: as many of its end, which has the cause, as of its begin."""


def lines_of(
    diagnosis: Diagnosis, failure: Failure, advice: Sequence[str], *, shown: int | None = SHOWN
) -> Iterator[str]:
    """What people read: the answer first.

    Args:
        diagnosis: which step failed.
        failure: the end of its log.
        advice: what would help.
        shown: how many characters there are of what an engine says; None for all.
    """
    run, first, cause = diagnosis.run, diagnosis.first, diagnosis.first.cause
    word = " first" if diagnosis.others else ""
    yield f"{printable(first.step.step)} failed{word}: {_cause_text(cause)}{_said(first.last, shown)}"
    ended = ", which goes on" if goes_on(run) else f", ended {utc_text(run.at)}" if run.at else ""
    yield f"  run: {printable(called(run))} on {run.engine or 'an unknown engine'}{ended}"
    for number, (attempt, why) in enumerate(zip(first.tries, first.causes, strict=True), 1):
        yield f"  attempt {number} of {len(first.tries)}: {', '.join(_attempt_parts(attempt, why))}"
    remedy = f"; {cause.remedy}" if cause.remedy else ""
    yield f"  cause: {cause.name} ({cause.source}){remedy}"
    if failure.log:
        yield "  log:"
        yield from (f"    {printable(line)}" for line in failure.log)
    else:
        yield f"  log: {printable(failure.note)}"
    for title, names in (
        ("failed after it", diagnosis.following),
        ("failed, and is tolerated", diagnosis.tolerated),
        ("did not run", diagnosis.idle),
    ):
        if names:
            yield f"  {title}: {printable(some_of(names))}"
    yield from (f"  help: {text}" for text in advice)
    for other in diagnosis.others:
        yield f"Also failed: {printable(other.step.step)}: {_cause_text(other.cause)}{_said(other.last, shown)}"


def called(run: Run) -> str:
    return f"{run.name} of {run.family}" if run.name and run.name != run.family else run.name or run.family


def _cause_text(cause: Cause) -> str:
    return f"{cause.name} ({cause.cause_class})"


def _said(attempt: Attempt, shown: int | None) -> str:
    text = printable(attempt.message or attempt.reason)
    half = len(text) if shown is None else shown // 2
    return f": {text if len(text) <= 2 * half else f'{text[:half]}…{text[-half:]}'}" if text else ""


def _attempt_parts(attempt: Attempt, cause: Cause | None) -> Iterator[str]:
    yield "time unknown" if attempt.start is None else utc_text(attempt.start)
    if attempt.seconds is not None:
        yield time_text(attempt.seconds)
    if attempt.exit_code is not None:
        yield f"exit code {attempt.exit_code}"
    yield from filter(None, (printable(attempt.reason), f"on {printable(attempt.node)}" if attempt.node else ""))
    yield "succeeded" if cause is None else _cause_text(cause)


def record_of(diagnosis: Diagnosis, failure: Failure, advice: Sequence[str]) -> dict[str, Any]:
    """What machines read; docs/why.md says what is in it."""
    first = diagnosis.first
    return {
        "run": run_record(diagnosis.run),
        "failed": True,
        **_step_record(first),
        "attempts": [
            {**msgspec.to_builtins(attempt), "cause": None if cause is None else _cause_record(cause)}
            for attempt, cause in zip(first.tries, first.causes, strict=True)
        ],
        "log": list(failure.log),
        "note": "" if failure.log else failure.note,
        "failed_after": list(diagnosis.following),
        "tolerated": list(diagnosis.tolerated),
        "did_not_run": list(diagnosis.idle),
        "help": list(advice),
        "others": [_step_record(other) for other in diagnosis.others],
    }


def run_record(run: Run) -> dict[str, Any]:
    ended = None if goes_on(run) else run.at or None
    return {"name": run.name, "workflow": run.family, "engine": run.engine, "uid": run.uid, "ended": ended}


def _step_record(failed: FailedStep) -> dict[str, Any]:
    return {
        "step": failed.step.step,
        "type": failed.step.type,
        "message": failed.last.message,
        "cause": _cause_record(failed.cause),
    }


def _cause_record(cause: Cause) -> dict[str, Any]:
    return {
        "name": cause.name,
        "class": cause.cause_class,
        "before_start": cause.before_start,
        "source": cause.source,
        "remedy": cause.remedy,
    }
