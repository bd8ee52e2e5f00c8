"""`couler why`: which step of a run failed first, why, and what would help."""

from __future__ import annotations

import contextlib
import logging
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from couler_plugins.cli.cache_report import past_runs
from couler_plugins.cli.history import CLUSTER, fetched_runs, is_file_place, place_option
from couler_plugins.cli.messages import log_retries, write_bytes
from couler_plugins.cli.outputs import printable, time_text, utc_text
from couler_plugins.cli.records import print_json
from couler_plugins.cli.running import offered_runner, some_of
from couler_plugins.cli.settings import (
    engine_option,
    history_option,
    json_option,
    max_bytes_option,
    target_options,
    with_settings,
)
from couler_plugins.cli.work import usable_plugins
from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.hookspecs.causes import Cause
from couler_plugins.hookspecs.past_runs import ArchiveSource, Wanted
from couler_plugins.hookspecs.running import Failure, Where
from couler_plugins.inputs.remote import is_url
from couler_plugins.options.config import Config
from couler_plugins.plugins import Plugins
from couler_plugins.reliability.classification import causes_of
from couler_plugins.reliability.diagnosis import Diagnosis, FailedStep, advise, diagnose
from couler_plugins.runs import Attempt, Run
from couler_plugins.runs.history_file import goes_on

SCHEMA = "couler.why/v1"
SHOWN = 160
"""Characters of what an engine says in a line for people."""
LINES = 20
"""Lines of a log that the command prints which is shown where we could not read it."""
log = logging.getLogger(__name__)


@click.command(
    "why",
    epilog="""\b
Examples:
  couler why nightly --engine argo --from cluster --namespace ci
  couler why nightly-7xk2p --history history.jsonl
  kubectl get workflow nightly-7xk2p -o json | couler why -
  kubectl get pipelineruns,taskruns -o json > runs.json && couler why runs.json --run train-8f2k
  couler why nightly --engine airflow --from https://airflow.example.com --format json | jq .cause

\b
Exit codes:
  0    a step failed, and this says why
  1    the run did not fail, or goes on
  2    wrong usage or bad input; there is no such run
  3    the engine failed
""",
)
@click.argument("run_or_file", metavar="RUN|FILE|-")
@click.option("--run", "name", metavar="NAME", help="Which run of FILE: its name, its uid, or its workflow's name.")
@place_option
@engine_option
@target_options
@history_option
@json_option
@max_bytes_option
@with_settings
@click.pass_context
def command(
    ctx: click.Context,
    *,
    config: Config,
    run_or_file: str,
    name: str | None,
    places: tuple[str, ...],
    engine: str | None,
    namespace: str,
    context: str,
    output_format: str,
) -> None:
    """Says why a run failed: the step that failed first, the cause, and what would help.

    RUN is the name or the uid of a run, or the name of a workflow: of that, the newest run that failed. It is looked
    for where --from says, as `couler history fetch` has it; else in the history. FILE tells of runs: a Workflow of
    Argo, PipelineRuns with their TaskRuns, answers of KFP's and Airflow's APIs, or a history.

    Other runs of the workflow tell how much time and memory the step takes.
    """
    log_retries()
    plugins = usable_plugins(config)
    past = past_runs(config, config.history, engine, None) if config.history else []
    is_file = run_or_file == "-" or is_url(run_or_file) or Path(run_or_file).exists()
    if is_file and places:
        raise click.UsageError("Give either a file, or a name and --from.")
    files = [run_or_file] if is_file else [place for place in places if is_file_place(place)]
    wanted = name if is_file else run_or_file
    source = ArchiveSource(
        place=next(iter(places), ""), max_bytes=config.max_bytes, namespace=namespace, context=context
    )
    runs = past
    if files:
        runs = past_runs(config, files, engine, None)
    elif places or not past:
        runs = _fetched(plugins, engine, source, run_or_file)
    run = _chosen(runs, wanted)
    diagnosis = diagnose(run, causes_of(plugins))
    if diagnosis is None:
        ctx.exit(_say_none(run, as_json=output_format == "json"))
    known = [one for one in past or runs if (one.family, one.engine) == (run.family, run.engine) and one.uid != run.uid]
    advice = tuple(advise(diagnosis, known))
    where = Where(context=context, namespace=namespace) if source.place == CLUSTER else None
    failure = _log(plugins, where, diagnosis)
    if output_format == "json":
        print_json(SCHEMA, _record(diagnosis, failure, advice))
    else:
        write_bytes("".join(f"{line}\n" for line in _lines(diagnosis, failure, advice)))


def _fetched(plugins: Plugins, engine: str | None, source: ArchiveSource, name: str) -> list[Run]:
    """The runs of an engine among which one is meant: those of the workflow of this name, else all.

    Raises:
        InvalidInput: nothing says which engine, or where it is.
        EngineError: it failed.
    """
    with contextlib.redirect_stdout(sys.stderr):  # engines may print what they do
        try:  # the uid of a run may begin with its workflow
            runs = list(fetched_runs(plugins, engine, source, Wanted(workflows=(name.partition("/")[0],))))
        except InvalidInput as error:  # there may be no such workflow, as it is the name of a run
            log.info("%s", error)
            runs = []
        if not any(name in (run.name, run.uid, run.family) for run in runs):
            runs = list(fetched_runs(plugins, engine, source, Wanted()))
    return runs


def _chosen(runs: Sequence[Run], name: str | None) -> Run:
    """The run that is meant: that of a name or a uid, else the newest of a workflow that failed.

    Raises:
        InvalidInput: there is none.
    """
    named = [run for run in runs if name in (run.name, run.uid)]
    some = named or [run for run in runs if name in (None, run.family)]
    if not some:
        others = some_of(sorted({run.family for run in runs})) or "none at all"
        hint = f"there are runs of {printable(others)}; name another place with --from or --history"
        raise InvalidInput(f"there is no run {name!r:.80}", hint=hint)
    return max(some, key=lambda run: (_has_failed(run), run.at))


def _has_failed(run: Run) -> bool:
    return not run.whole or any(ran.fate == "failed" for ran in run.steps)


def _say_none(run: Run, *, as_json: bool) -> int:
    """Say that no step of a run has failed; return the exit code.

    Raises:
        InvalidInput: the run has failed all the same.
    """
    if not run.whole:
        hint = "its engine says of the run as a whole why it failed"
        raise InvalidInput(f"{printable(_called(run))} failed, and none of its steps has", engine=run.engine, hint=hint)
    if as_json:
        print_json(SCHEMA, {"run": _run_record(run), "failed": False})
    else:
        write_bytes(f"{printable(_called(run))} {'goes on' if goes_on(run) else 'did not fail'}.\n")
    return 1


def _log(plugins: Plugins, where: Where | None, diagnosis: Diagnosis) -> Failure:
    """The last lines of the step that failed first; what to do instead where they cannot be read.

    Args:
        plugins: where runners come from.
        where: the cluster that the run is in; None where nobody knows that.
        diagnosis: which step failed.
    """
    run, last = diagnosis.run, diagnosis.first.last
    name = diagnosis.first.step.step.rpartition("/")[2]
    note = "its engine has it, and the record names no pod"
    if last.pod:
        space = f" --namespace {shlex.quote(last.namespace)}" if last.namespace else ""
        note = f"kubectl logs {shlex.quote(last.pod)}{space} --all-containers --tail={LINES}"
    runner = offered_runner(plugins, run.engine, where) if where is not None and run.name else None
    if where is None or runner is None or not hasattr(runner, "failures"):
        return Failure(step=name, note=note)
    try:
        failures = runner.failures("/".join(filter(None, (last.namespace or where.namespace, run.name))))
    except EngineError as error:
        return Failure(step=name, note=f"{error.message}; {note}")
    own = next((one for one in failures if one.step in (name, name.partition("(")[0])), None)
    if own is None or not own.log:
        return Failure(step=name, note=f"{own.note}; {note}" if own is not None and own.note else note)
    return own


def _lines(diagnosis: Diagnosis, failure: Failure, advice: Sequence[str]) -> Iterator[str]:
    """What people read: the answer first."""
    run, first, cause = diagnosis.run, diagnosis.first, diagnosis.first.cause
    word = " first" if diagnosis.others else ""
    yield f"{printable(first.step.step)} failed{word}: {_cause_text(cause)}{_said(first.last)}"
    ended = f", ended {utc_text(run.at)}" if run.at else ""
    yield f"  run: {printable(_called(run))} on {run.engine or 'an unknown engine'}{ended}"
    for number, (attempt, why) in enumerate(zip(first.tries, first.causes, strict=True), 1):
        yield f"  attempt {number} of {len(first.tries)}: {', '.join(_attempt_parts(attempt, why))}"
    remedy = f"; {cause.remedy}" if cause.remedy else ""
    yield f"  cause: {cause.name} ({cause.source}){remedy}"
    if failure.log:
        yield "  log:"
        yield from (f"    {printable(line)}" for line in failure.log)
    else:
        yield f"  log: {printable(failure.note)}"
    for title, names in (("failed because of it", diagnosis.following), ("did not run", diagnosis.idle)):
        if names:
            yield f"  {title}: {printable(some_of(names))}"
    yield from (f"  help: {text}" for text in advice)
    for other in diagnosis.others:
        yield f"Also failed: {printable(other.step.step)}: {_cause_text(other.cause)}{_said(other.last)}"


def _called(run: Run) -> str:
    return f"{run.name} of {run.family}" if run.name and run.name != run.family else run.name or run.family


def _cause_text(cause: Cause) -> str:
    return f"{cause.name} ({cause.cause_class})"


def _said(attempt: Attempt) -> str:
    text = printable(attempt.message or attempt.reason)
    return f": {text if len(text) <= SHOWN else f'{text[:SHOWN]}…'}" if text else ""


def _attempt_parts(attempt: Attempt, cause: Cause | None) -> Iterator[str]:
    yield "time unknown" if attempt.start is None else utc_text(attempt.start)
    if attempt.seconds is not None:
        yield time_text(attempt.seconds)
    if attempt.exit_code is not None:
        yield f"exit code {attempt.exit_code}"
    yield from filter(None, (printable(attempt.reason), f"on {attempt.node}" if attempt.node else ""))
    yield "succeeded" if cause is None else _cause_text(cause)


def _record(diagnosis: Diagnosis, failure: Failure, advice: Sequence[str]) -> dict[str, Any]:
    """What machines read; docs/why.md says what is in it."""
    first = diagnosis.first
    return {
        "run": _run_record(diagnosis.run),
        "failed": True,
        **_step_record(first),
        "attempts": [
            {**msgspec.to_builtins(attempt), "cause": None if cause is None else _cause_record(cause)}
            for attempt, cause in zip(first.tries, first.causes, strict=True)
        ],
        "log": list(failure.log),
        "note": "" if failure.log else failure.note,
        "failed_after": list(diagnosis.following),
        "did_not_run": list(diagnosis.idle),
        "help": list(advice),
        "others": [_step_record(other) for other in diagnosis.others],
    }


def _run_record(run: Run) -> dict[str, Any]:
    ended = run.at or None
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
