"""`couler why`: which step of a run failed first, why, and what would help."""

from __future__ import annotations

import contextlib
import logging
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from couler_plugins.cli.cache_report import past_runs
from couler_plugins.cli.history import CLUSTER, archive_of, fetched_runs, is_file_place, place_option
from couler_plugins.cli.messages import log_retries, write_bytes
from couler_plugins.cli.outputs import printable
from couler_plugins.cli.records import print_json
from couler_plugins.cli.running import some_of
from couler_plugins.cli.settings import (
    engine_option,
    history_option,
    json_option,
    max_bytes_option,
    target_options,
    with_settings,
)
from couler_plugins.cli.why_guard import foresee
from couler_plugins.cli.why_report import SHOWN, called, lines_of, record_of, run_record
from couler_plugins.cli.work import read_inputs, usable_plugins
from couler_plugins.driver.context import read_runs
from couler_plugins.driver.session import whole_file
from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.hookspecs.past_runs import ArchiveSource, Wanted
from couler_plugins.hookspecs.running import Failure, Where
from couler_plugins.inputs.remote import is_url
from couler_plugins.options.config import Config
from couler_plugins.plugins import Plugins
from couler_plugins.reliability.classification import causes_of
from couler_plugins.reliability.diagnosis import Diagnosis, advise, diagnose
from couler_plugins.running.runners import offered_runner
from couler_plugins.runs import Run
from couler_plugins.runs.history_file import goes_on
from couler_plugins.runs.usage import NOT_RUN

SCHEMA = "couler.why/v1"
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
  1    no step failed: the run did not, goes on, or was refused
  2    wrong usage or bad input; there is no such run
  3    the engine failed
""",
)
@click.argument("run_or_file", metavar="RUN|FILE|-")
@click.option("--run", "name", metavar="NAME", help="Which run of FILE, or of a workflow: its name or its uid.")
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
    past = past_runs(config, config.history, None, None) if config.history else []
    is_file = not places and names_file(run_or_file)
    files = [run_or_file] if is_file else [place for place in places if is_file_place(place)]
    inputs = read_inputs(files, config) if files else []
    wanted = name or (None if is_file else run_or_file)
    source = ArchiveSource(
        place=next(iter(places), ""), max_bytes=config.max_bytes, namespace=namespace, context=context
    )
    is_live = not files and (bool(places) or not past)
    if is_live:
        runs = _fetched(plugins, engine, source, run_or_file, wanted)
    else:
        runs = read_runs([one for item in inputs for one in whole_file(item).documents], plugins) if files else past
    run = select_run(runs, wanted, engine)
    diagnosis = diagnose(run, causes_of(plugins)) if _has_failed(run) else None
    if diagnosis is None:
        ctx.exit(_say_none(run, as_json=output_format == "json"))
    siblings = [
        one for one in past or runs if (one.family, one.engine) == (run.family, run.engine) and one.uid != run.uid
    ]
    with contextlib.redirect_stdout(sys.stderr):  # Airflow sets up its own logging where it is asked for advice
        failure = _log(plugins, source if is_live else None, diagnosis)
        foreseen = foresee(inputs, run, diagnosis.first.step, plugins, config.rows) if inputs else ()
        advice = tuple(advise(diagnosis, siblings, plugins.adapters.get(run.engine), causes_of(plugins), foreseen))
    if output_format == "json":
        print_json(SCHEMA, record_of(diagnosis, failure, advice))
    else:
        shown = SHOWN if config.log_level in ("error", "warning") else None
        write_bytes("".join(f"{line}\n" for line in lines_of(diagnosis, failure, advice, shown=shown)))


def _fetched(plugins: Plugins, engine: str | None, source: ArchiveSource, workflow: str, name: str | None) -> list[Run]:
    """The runs of an engine among which one is meant: those of the workflow of this name, else all.

    Raises:
        InvalidInput: nothing says which engine, or where it is.
        EngineError: it failed.
    """
    with contextlib.redirect_stdout(sys.stderr):  # engines may print what they do
        try:  # the uid of a run may begin with its workflow
            runs = list(fetched_runs(plugins, engine, source, Wanted(workflows=(workflow.partition("/")[0],))))
        except InvalidInput as error:  # there may be no such workflow, as it is the name of a run
            log.info("%s", error)
            runs = []
        try:
            if not any(name in (run.name, run.uid, run.family) for run in runs):
                runs = list(fetched_runs(plugins, engine, source, Wanted()))
        except InvalidInput as error:
            if engine is None and not source.place:  # it may be meant as a file
                error.message = f"there is no file {workflow!r:.80}, and {error.message}"
            raise
    return runs


def names_file(text: str) -> bool:
    """Return whether an argument RUN|FILE|- names what tells of runs, and no run."""
    return text == "-" or is_url(text) or Path(text).exists()


def select_run(every: Sequence[Run], name: str | None, engine: str | None) -> Run:
    """The run that is meant: that of a name or a uid, else the newest of a workflow that failed, of one engine or any.

    Raises:
        InvalidInput: there is none.
    """
    runs = [run for run in every if engine in (None, run.engine)]
    if every and not runs:
        hint = f"there are runs of {some_of(sorted({run.engine for run in every}))}; name another place with --from"
        raise InvalidInput(f"there is no run of {engine!s:.80}", hint=hint)
    named = [run for run in runs if name in (run.name, run.uid)]
    some = named or [run for run in runs if name in (None, run.family)]
    if not some:
        others = printable(some_of(sorted({run.family for run in runs})) or "none at all")
        raise InvalidInput(
            f"there is no run {name!r:.80}",
            hint=f"there are runs of {others}; name another place with --from or --history",
        )
    engines = sorted({run.engine for run in some})
    if len(engines) > 1:
        log.warning("there are runs of %s: this is the newest that failed; --engine names one", some_of(engines))
    return max(some, key=lambda run: (_has_failed(run), run.at))


def _has_failed(run: Run) -> bool:
    """Whether a run has failed, or will as it goes on; one that has ended well had steps that may fail."""
    return not run.whole or (goes_on(run) and any(ran.fate == "failed" and not ran.tolerated for ran in run.steps))


def _say_none(run: Run, *, as_json: bool) -> int:
    """Say that no step of a run has failed; return the exit code.

    Raises:
        InvalidInput: the run has failed all the same, and nothing says why.
    """
    said = "goes on." if goes_on(run) else "did not fail."
    if not run.whole:
        said = f"failed, and {'none of its steps has' if run.steps else 'no step of it is known'}"
        said += f": {run.message}" if run.message else ""
    text = printable(f"{called(run)} {said}")
    if not (run.whole or run.message):
        raise InvalidInput(text, engine=run.engine, hint="its engine says of the run as a whole why it failed")
    if as_json:
        print_json(SCHEMA, {"run": run_record(run), "failed": False, "message": run.message})
    else:
        write_bytes(f"{text}\n")
    return 1


def _log(plugins: Plugins, source: ArchiveSource | None, diagnosis: Diagnosis) -> Failure:
    """The last lines of the step that failed first; what to do instead where they cannot be read.

    Args:
        plugins: where runners and archives come from.
        source: where the run was fetched from; None where it is of a file.
        diagnosis: which step failed.
    """
    last = diagnosis.first.last
    name, note = diagnosis.first.step.step.rpartition("/")[2], "its engine has it, and the record names no pod"
    if last.reason == NOT_RUN:
        note = "there is none, as it never ran"
    elif last.pod:
        space = f" --namespace {shlex.quote(last.namespace)}" if last.namespace else ""
        note = f"kubectl logs {shlex.quote(last.pod)}{space} --all-containers --tail={LINES}"
    lines: Sequence[str] = ()
    problem = ""
    if source is not None:
        try:
            lines, problem = _told(plugins, source, diagnosis, name)
        except CoulerError as error:  # what is known is said all the same
            problem = error.message
    return Failure(step=name, log=tuple(lines), note=f"{problem}; {note}" if problem else note)


def _told(plugins: Plugins, source: ArchiveSource, diagnosis: Diagnosis, name: str) -> tuple[Sequence[str], str]:
    """The lines that the engine gives, and why it gives none.

    Raises:
        CoulerError: it does not let us read them, or failed.
    """
    run, first = diagnosis.run, diagnosis.first
    if source.place != CLUSTER:
        tail = getattr(archive_of(plugins, run.engine, source)[1], "log_tail", None)
        return (() if tail is None else tail(run.uid, first.step.step, first.step.attempts, LINES)), ""
    where = Where(context=source.context, namespace=source.namespace)
    tell = getattr(offered_runner(plugins, run.engine, where), "failures", None)
    failures = () if tell is None else tell("/".join(filter(None, (first.last.namespace, run.name))))
    own = next((one for one in failures if one.step in (name, name.partition("(")[0])), None)
    return ((), "") if own is None else (own.log, own.note)
