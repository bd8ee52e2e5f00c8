"""`couler resume`: a run that failed as a smaller workflow, which does what is left of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click
import msgspec

from couler_plugins.cli.messages import counted
from couler_plugins.cli.outputs import printable, write_text
from couler_plugins.cli.records import print_json
from couler_plugins.cli.run import print_outcome
from couler_plugins.cli.running import RunRequest, run, some_of
from couler_plugins.cli.settings import engine_option, json_option, max_bytes_option, target_options, with_settings
from couler_plugins.cli.why import names_file, select_run
from couler_plugins.cli.work import read_inputs, working
from couler_plugins.driver.context import runs_in
from couler_plugins.driver.rewrite import Session, adapter_errors
from couler_plugins.driver.session import lift_inputs, optimize_inputs
from couler_plugins.errors import CoulerError, InvalidInput, Unsupported
from couler_plugins.hookspecs.past_runs import ArchiveSource
from couler_plugins.hookspecs.resuming import PastRun, RunSource
from couler_plugins.hookspecs.running import Where
from couler_plugins.inputs.sources import Input, read_source
from couler_plugins.options.config import Config
from couler_plugins.resuming.optimizer import Resume
from couler_plugins.running.runners import NOTHING

CLUSTER = "cluster"


@click.command(
    "resume",
    epilog="""\b
Examples:
  couler resume train-x7k2p --engine argo --namespace ml > rest.yaml
  couler resume train-x7k2p train.yaml --namespace ml --run
  couler resume train-x7k2p --engine argo --from https://argo.example.com -o rest.yaml
  couler resume build-28 --from runs/ --format json
  kubectl get workflow train-x7k2p -o json | couler resume - train.yaml -o rest.yaml
  couler resume 8f14e45f train.yaml --engine kfp --from run.json --from known.json

\b
Exit codes:
  0  the workflow was written (with --run: the new run has succeeded)
  1  with --run: the new run failed
  2  wrong usage, or there is nothing that can be resumed
  3  the cluster or the network failed
""",
)
@click.argument("name", metavar="RUN|RECORD|-")
@click.argument("file", metavar="[FILE]", required=False)
@click.option(
    "--from",
    "places",
    multiple=True,
    metavar="PLACE",
    help="The URL of the engine's archive, `cluster` (the default), or files and folders that tell of runs.",
)
@engine_option
@target_options
@click.option("-o", "--output", metavar="FILE", help="Write the workflow to FILE; - for stdout.")
@click.option("--run", "runs", is_flag=True, help="Submit the workflow, and follow it.")
@json_option
@max_bytes_option
@with_settings
def command(
    *,
    config: Config,
    name: str,
    file: str | None,
    places: tuple[str, ...],
    engine: str | None,
    namespace: str,
    context: str,
    output: str | None,
    runs: bool,
    output_format: str,
) -> None:
    """Makes a smaller workflow of a run that failed: without the steps that are done.

    What these gave is written where it is read: parameters by value, artifacts by reference, volumes by name. Steps
    run again that failed, were not reached, read what is lost, or come after one that runs again. With FILE, the edited
    workflow, steps whose program was changed run again as well. Exit handlers and finalizers run in each run.

    RUN is the name of a run (of KFP, its ID), which is read from the cluster, as kubectl does, or from the URL of
    --from. In files, it may be a uid as well, or the name of a workflow: of that, the newest run that failed. RECORD
    is a file or folder that tells of runs, as for `couler why`. See docs/resume.md for what each engine keeps.
    """
    as_json = output_format == "json"
    if not places and names_file(name):
        places, name = (name,), ""
    space, _, name = name.rpartition("/")  # as `couler run` calls it
    namespace = namespace or space
    if as_json and (runs or output == "-"):
        raise click.UsageError("--format json cannot be combined with --run, or with -o -.")
    with working(config, engine=engine) as session:
        edited = read_source((file,), config.max_bytes) if file else []
        past = _past(
            name,
            places,
            edited,
            session,
            config,
            ArchiveSource(place=CLUSTER, max_bytes=config.max_bytes, namespace=namespace, context=context),
        )
        submitted = read_source(past.document, config.max_bytes)
        (original,) = lift_inputs(submitted, session, _raise).workflows
        resume = Resume(past, original)
        files = read_source(past.edited, config.max_bytes) if past.edited else edited or submitted
        result = optimize_inputs(files, [resume], session)
        for item in result.files:
            if item.error is not None:
                raise item.error
        if not resume.verdicts:
            raise InvalidInput("no workflow in FILE runs", hint=f"give the one that {past.name} was made from, or none")
        if not as_json and config.log_level != "error":
            click.echo("\n".join(_lines(past, resume)), err=True)
        request = RunRequest(
            where=Where(context=context, namespace=namespace),
            run=None,
            parameters={},
            pipeline=[resume],
            journal=None,
            wait=True,
            timeout=None,
            dry_run=False,
            force=False,
            local=NOTHING,
        )
        report = run(files, session, request, quiet=config.log_level == "error") if runs else None
    if as_json:
        print_json("couler.resume/v1", _record(past, original.engine, resume))
    if output is not None or not (as_json or runs):
        write_text("".join(item.text or "" for item in result.files), output)
    if report is not None:
        click.get_current_context().exit(print_outcome(report, request, as_json=False))


def _past(
    name: str,
    places: Sequence[str],
    edited: Sequence[Input],
    session: Session,
    config: Config,
    archive: ArchiveSource,
) -> PastRun:
    """The run, from files or from its engine.

    Raises:
        InvalidInput: nothing says which engine is meant, or it has no such run.
        Unsupported: its runs are not resumed.
        EngineError: the engine fails.
    """
    engines_at = [place for place in places if place == CLUSTER or place.startswith(("http://", "https://"))]
    if engines_at and len(places) > 1:
        raise click.UsageError("Give either files or one engine with --from.")
    files = read_inputs(places, config) if places and not engines_at else []
    for item in (*files, *edited):
        if item.error is not None:
            raise item.error
    sources = [item.file for item in files if item.file is not None]
    documents = [document for source in sources for document in source.documents]
    engine = session.engine
    if runs := [run for document in documents for run in runs_in(document, session.plugins, engine)]:
        meant = [run for run in runs if name in ("", run.name, run.uid, run.family)]
        newest = select_run(meant or runs, name if meant and name else None, engine)
        engine = engine or newest.engine or None
        name = newest.uid or newest.name if meant else name  # the engine may have another name for it
    if engine is None:
        engines = session.engines([*sources, *(item.file for item in edited if item.file is not None)], _raise)
        if len(engines) != 1:
            missing = "" if places else f"there is no file {name!r:.80}, and "  # it may be meant as one
            raise InvalidInput(
                f"{missing}nothing says which engine ran it", hint="give --engine, or the workflow's file"
            )
        (engine,) = engines
    source = RunSource(
        run=name,
        documents=tuple(document.data for document in documents),
        edited=tuple(one.data for item in edited if item.file is not None for one in item.file.documents),
        archive=msgspec.structs.replace(archive, place=next(iter(engines_at), CLUSTER)),
    )
    with adapter_errors(engine, "resume()"):
        past = session.plugins.adapter(engine).resume(source)
    if past is None:
        hint = "use what the engine has for that"
        raise Unsupported(f"runs of {engine} are not resumed", engine=engine, feature="resume", hint=hint)
    return past


def _lines(past: PastRun, resume: Resume) -> Iterator[str]:
    verdicts = resume.verdicts
    done = ["/".join(item.place) for item in verdicts if item.action == "done"]
    again = [item for item in verdicts if item.action == "again"]
    yield f"{past.name}: {counted(len(done), 'step')} done, {counted(len(again), 'step')} to run"
    if done:
        yield f"  done: {some_of(done, 20)}"
    yield from (f"  runs: {printable('/'.join(item.place))} ({printable(item.reason)})" for item in again)
    yield from (f"  note: {note}" for note in resume.notes)


def _record(past: PastRun, engine: str, resume: Resume) -> dict[str, Any]:
    steps = [{"step": "/".join(item.place), "action": item.action, "reason": item.reason} for item in resume.verdicts]
    return {"run": past.name, "engine": engine, "steps": steps, "notes": resume.notes}


def _raise(_: object, error: CoulerError) -> None:
    raise error
