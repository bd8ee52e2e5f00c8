"""`couler history`: fetches past runs into a file of one run a line, and shows what it tells of."""

from __future__ import annotations

import contextlib
import logging
import os
import pkgutil
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import click
import msgspec
from msgspec.structs import replace

from couler_plugins.cli.cache_report import Since
from couler_plugins.cli.messages import counted, log_retries, write_bytes
from couler_plugins.cli.outputs import columns, printable, replace_file, utc_text
from couler_plugins.cli.records import print_json
from couler_plugins.cli.settings import engine_option, json_option, max_bytes_option, target_options, with_settings
from couler_plugins.cli.work import read_inputs, usable_plugins
from couler_plugins.documents import Document
from couler_plugins.driver.context import read_runs, runs_in
from couler_plugins.driver.session import whole_file
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.hookspecs.past_runs import Archive, ArchiveSource, Wanted
from couler_plugins.inputs.remote import is_url, read_url, write_url
from couler_plugins.inputs.sources import OF_LINES
from couler_plugins.options.config import Config
from couler_plugins.options.fields import Size
from couler_plugins.plugins import Plugins
from couler_plugins.runs import Run
from couler_plugins.runs.history_file import HistoryFile, goes_on, has_use, read_lines

OVERLAP = 86400.0
"""Seconds before the newest run in a history within which runs may have ended that it lacks: they took longer."""
PLACES = ("database", "cluster")
"""What stands for an engine's own database, and for the cluster that it runs in, in the place of a URL."""
log = logging.getLogger(__name__)
WITH_USE = "couler_plugins.runs.prometheus:with_use"


@click.command(
    "fetch",
    epilog="""\b
Examples:
  couler history fetch --engine argo --from cluster --namespace ci -o history.jsonl
  couler history fetch nightly --engine argo --from https://argo.example.com -o history.jsonl
  couler history fetch --engine tekton --from https://results.example.com --prometheus http://prometheus:9090 \\
    -o s3://bucket/history.jsonl
  couler history fetch train report --engine airflow --from database --since 30d > history.jsonl
  couler history fetch --engine kfp --from https://kubeflow.example.com/pipeline -o history.jsonl
  couler history fetch --from runs/ --from trace.txt -o history.jsonl
""",
)
@click.argument("workflows", nargs=-1, metavar="[WORKFLOW]...")
@click.option(
    "--from",
    "places",
    multiple=True,
    metavar="PLACE",
    help="The URL of the engine's API, `database`, `cluster`, or files and folders that tell of runs.",
)
@engine_option
@target_options
@click.option(
    "--newest",
    type=click.IntRange(1, 10_000),
    default=100,
    show_default=True,
    help="Number of runs of each workflow that the history does not have yet.",
)
@click.option(
    "--since",
    type=Since(),
    metavar="TIME",
    help="All runs that ended since then: 30m, 24h, 7d, or a date such as 2026-11-01 (UTC).",
)
@click.option("--prometheus", multiple=True, metavar="URL", help="Where to ask what containers used.")
@click.option("-o", "--output", metavar="FILE", help="The history, a path or a URL; - for stdout.")
@max_bytes_option
@with_settings
def fetch(
    *,
    config: Config,
    workflows: tuple[str, ...],
    places: tuple[str, ...],
    engine: str | None,
    namespace: str,
    context: str,
    newest: int,
    since: float | None,
    prometheus: tuple[str, ...],
    output: str | None,
) -> None:
    """Adds past runs to a history, from an engine or from files.

    Without WORKFLOW: all that there are. A run that is there already is there once; its line is replaced where it went
    on before, or where more is known now. Of workflows with runs in the history, only later ones are asked for.

    The history has the times, attempts and outcome of each step, and what it asked for and used; no values, no code.

    Without --from, the URL is in COULER_ARGO_URL, COULER_TEKTON_URL, COULER_AIRFLOW_URL or COULER_KFP_URL. Credentials
    are in COULER_ARGO_TOKEN, COULER_TEKTON_TOKEN, COULER_KFP_TOKEN, COULER_AIRFLOW_TOKEN, or in
    COULER_AIRFLOW_USERNAME and COULER_AIRFLOW_PASSWORD. `cluster` is reached as kubectl does. `--from database` reads
    Airflow's database, on a host that is set up like its scheduler. COULER_PROMETHEUS_URL is for --prometheus.
    """
    urls = prometheus or tuple(os.environ.get("COULER_PROMETHEUS_URL", "").split())
    place = None if output in (None, "-") else output
    history = HistoryFile() if place is None else _history_at(place, config.max_bytes)
    plugins = usable_plugins(config)
    wanted = _wanted(history, engine, workflows, newest, since, use=bool(urls))
    files = [item for item in places if item not in PLACES and not item.startswith(("http://", "https://"))]
    with contextlib.redirect_stdout(sys.stderr):  # engines may print what they do: stdout is for data
        if files:
            if len(files) < len(places):
                raise click.UsageError("Give either files or one engine with --from.")
            runs = _runs_in_files(files, config, plugins, engine)
        else:
            source = ArchiveSource(
                place=_only(places), max_bytes=config.max_bytes, namespace=namespace, context=context
            )
            runs = list(_fetched(*_archive_of(plugins, engine, source), plugins, wanted))
        runs = [run for run in runs if wanted.is_meant(run.family) and (since is None or run.at >= since)]
        counts = history.add(_with_use(runs, history, urls, config.max_bytes))
    _write(history.content, place)
    if config.log_level != "error":
        said = f"{counts.new:,} new, {counts.replaced:,} replaced, {counts.present:,} already there"
        click.echo(f"{counted(sum(counts), 'run')}: {said}", err=True)


def _only(places: Sequence[str]) -> str:
    if len(places) > 1:
        raise click.UsageError("Give either files or one engine with --from.")
    return places[0] if places else ""


def _history_at(place: str, max_bytes: int) -> HistoryFile:
    """The history at a path or a URL; an empty one where nothing is.

    Raises:
        CoulerError: it cannot be read, or is something else.
    """
    try:
        content = read_url(place, max_bytes * OF_LINES) if is_url(place) else Path(place).read_bytes()
    except FileNotFoundError:
        content = None
    except OSError as error:
        raise InvalidInput(f"it cannot be read: {error.strerror or error}", file=place) from error
    if content is not None and len(content) > max_bytes * OF_LINES:
        message = f"the history has more than {Size(max_bytes * OF_LINES)}"
        raise InvalidInput(message, file=place, hint="allow more with --max-bytes, or begin a new one")
    try:
        return HistoryFile(read_lines(content or b"", place))
    except InvalidInput as error:
        error.hint = "name another file with -o; runs in this one are read with --from"
        raise


def _write(content: bytes, place: str | None) -> None:
    if place is None:
        write_bytes(content.decode())
    elif is_url(place):
        write_url(place, content)
    else:
        replace_file(Path(place), content)


def _wanted(
    history: HistoryFile,
    engine: str | None,
    workflows: tuple[str, ...],
    newest: int,
    since: float | None,
    *,
    use: bool,
) -> Wanted:
    """Which runs are to be asked for: those that the history lacks, as far as it can tell."""
    ended: dict[str, float] = defaultdict(float)
    runs = [run for run in history.runs() if not goes_on(run) and engine in (None, run.engine)]
    for run in runs:
        ended[run.family] = max(ended[run.family], run.at)
    later = {family: max(0.0, at - OVERLAP) for family, at in ended.items() if at}
    complete = (run for run in runs if not use or has_use(run) or run.at < later.get(run.family, 0.0))
    return Wanted(
        workflows=workflows,
        newest=newest,
        since=later,
        floor=since or 0.0,
        uids=frozenset(run.uid for run in complete if run.uid),
    )


def _runs_in_files(places: Sequence[str], config: Config, plugins: Plugins, engine: str | None) -> list[Run]:
    files = [whole_file(item) for item in read_inputs(places, config)]
    return read_runs((document for file in files for document in file.documents), plugins, engine)


def _fetched(engine: str, archive: Archive, plugins: Plugins, wanted: Wanted) -> Iterator[Run]:
    """The runs of an engine, document by document; one that cannot be read is named in a warning.

    Raises:
        InvalidInput: none can.
    """
    failure, read = None, 0
    for number, data in enumerate(archive.fetch(wanted)):
        try:
            runs = runs_in(Document(engine, number, data, 1, ""), plugins, engine)
        except InvalidInput as error:
            failure = error
            log.warning("what %s says is left out: %s", engine, error.message)
            continue
        read += 1
        yield from (run if run.engine else replace(run, engine=engine) for run in runs)
    if failure is not None and not read:
        raise failure


def _archive_of(plugins: Plugins, engine: str | None, source: ArchiveSource) -> tuple[str, Archive]:
    """What fetches runs from an engine, or from the only one that lets them be fetched, and the engine's name.

    Raises:
        InvalidInput: there is no such engine, or several could be meant.
        Unsupported: the engine has no archive.
    """
    log_retries()
    names = list(plugins.adapters) if engine is None else [engine]
    archives = {name: archive for name in names if (archive := plugins.adapter(name).archive(source)) is not None}
    if len(archives) == 1:
        return next(iter(archives.items()))
    if engine is None:
        several = " or ".join(f"--engine {name}" for name in archives)
        raise InvalidInput("no engine is given", hint=f"give {several or '--engine'}, or files with --from")
    hint = "give what its own tools print: --from FILE"
    raise Unsupported(f"runs of {engine} are not fetched", engine=engine, feature="history", hint=hint)


def _with_use(runs: Sequence[Run], history: HistoryFile, urls: Sequence[str], max_bytes: int) -> list[Run]:
    """The runs, with what Prometheus knows of those whose use the history lacks.

    Raises:
        InvalidInput: that is no URL of one.
        EngineError: it does not answer.
    """
    pending = [bool(urls) and history.needs(run) and not has_use(run) for run in runs]
    if not any(pending):
        return list(runs)
    with_use = pkgutil.resolve_name(WITH_USE)
    answers: Sequence[Run] = [run for run, is_pending in zip(runs, pending, strict=True) if is_pending]
    for url in urls:
        answers = with_use(answers, url, max_bytes)
    following = iter(answers)
    return [next(following) if is_pending else run for run, is_pending in zip(runs, pending, strict=True)]


HEAD = ("", "engine", "runs", "steps", "attempts", "memory", "cpu", "from", "to")


class Row(msgspec.Struct, kw_only=True):
    """What a history tells of one workflow.

    Attributes:
        workflow, engine: its names.
        runs, steps, attempts: how many there are.
        with_memory, with_cpu: of how many attempts it is known what they used.
        first, last: when its first and its last run ended; None where that is not known.
    """

    workflow: str
    engine: str
    runs: int = 0
    steps: int = 0
    attempts: int = 0
    with_memory: int = 0
    with_cpu: int = 0
    first: float | None = None
    last: float | None = None


@click.command(
    "show",
    epilog="""\b
Examples:
  couler history show history.jsonl
  couler history show s3://bucket/history.jsonl --format json | jq '.workflows[] | select(.with_memory == 0)'
""",
)
@click.argument("histories", nargs=-1, metavar="[HISTORY|-]...")
@json_option
@max_bytes_option
@with_settings
def show(*, config: Config, histories: tuple[str, ...], output_format: str) -> None:
    """Shows what histories tell of: runs, attempts, and what is known of their use.

    HISTORY is what --history of other commands takes. Default: the setting `history`.
    """
    rows: dict[tuple[str, str], Row] = {}
    for run in _runs_in_files(histories or config.history, config, usable_plugins(config), None):
        row = rows.setdefault((run.family, run.engine), Row(workflow=run.family, engine=run.engine))
        tries = list(chain.from_iterable(step.tries for step in run.steps))
        row.runs, row.steps, row.attempts = row.runs + 1, row.steps + len(run.steps), row.attempts + len(tries)
        row.with_memory += sum(any(use.memory is not None for use in attempt.containers) for attempt in tries)
        row.with_cpu += sum(any(use.cpu is not None for use in attempt.containers) for attempt in tries)
        if run.at:
            row.first = run.at if row.first is None else min(row.first, run.at)
            row.last = max(row.last or 0.0, run.at)
    result = [rows[key] for key in sorted(rows)]
    if output_format == "json":
        print_json("couler.history/v1", {"workflows": msgspec.to_builtins(result)})
    else:
        write_bytes("".join(f"{line}\n" for line in columns(HEAD, [_cells(row) for row in result])))


def _cells(row: Row) -> list[str]:
    shares = [f"{share / row.attempts:.0%}" if row.attempts else "-" for share in (row.with_memory, row.with_cpu)]
    times = ["-" if at is None else utc_text(at)[:10] for at in (row.first, row.last)]
    figures = [f"{figure:,}" for figure in (row.runs, row.steps, row.attempts)]
    return [printable(row.workflow), printable(row.engine) or "-", *figures, *shares, *times]
