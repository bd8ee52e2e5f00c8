"""`couler history`: fetches past runs into a file of one run a line, and shows what it tells of."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import click
from msgspec.structs import replace

from couler_plugins.cli.cache_report import Since, past_runs
from couler_plugins.cli.messages import counted, log_retries, say, write_bytes
from couler_plugins.cli.outputs import columns, printable, utc_text, write_text
from couler_plugins.cli.records import print_json
from couler_plugins.cli.settings import engine_option, json_option, max_bytes_option, target_options, with_settings
from couler_plugins.cli.work import usable_plugins
from couler_plugins.documents import Document
from couler_plugins.driver.context import runs_in
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.past_runs import Archive, ArchiveSource, Wanted
from couler_plugins.inputs.remote import is_url, read_url, write_url
from couler_plugins.inputs.sources import OF_LINES
from couler_plugins.net.redacting import redact_url
from couler_plugins.options.config import Config
from couler_plugins.plugins import Plugins
from couler_plugins.runs import Run
from couler_plugins.runs.history_file import HistoryFile, goes_on, has_use, read_lines
from couler_plugins.runs.prometheus import with_use

OVERLAP = 86400.0
"""Seconds before the newest run in a history within which runs may have ended that it lacks: they took longer."""
CLUSTER = "cluster"
PLACES = ("database", CLUSTER)
"""What stands for an engine's own database, and for the cluster that it runs in, in the place of a URL."""
log = logging.getLogger(__name__)
VARIABLE = "COULER_{}_URL"
place_option = click.option(
    "--from",
    "places",
    multiple=True,
    metavar="PLACE",
    help="The URL of the engine's API, `database`, `cluster`, or files and folders that tell of runs.",
)


def is_file_place(place: str) -> bool:
    """Return whether --from names a file or a folder, and no engine."""
    return place not in PLACES and not place.startswith(("http://", "https://"))


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
@place_option
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

    The history has the times, attempts and outcome of each step, what it asked for and used, and what engines say of
    failures; no values, no code.

    Without --from, the URL is in COULER_ARGO_URL, COULER_TEKTON_URL, COULER_AIRFLOW_URL or COULER_KFP_URL. Credentials
    are in COULER_ARGO_TOKEN, COULER_TEKTON_TOKEN, COULER_KFP_TOKEN, COULER_AIRFLOW_TOKEN, or in
    COULER_AIRFLOW_USERNAME and COULER_AIRFLOW_PASSWORD. `cluster` is reached as kubectl does. `--from database` reads
    Airflow's database, on a host that is set up like its scheduler. COULER_PROMETHEUS_URL is for --prometheus.
    """
    log_retries()
    urls = prometheus or tuple(os.environ.get("COULER_PROMETHEUS_URL", "").split())
    history = _history_at(output, config.max_bytes)
    wanted = _wanted(history, engine, workflows, newest, since, use=bool(urls))
    files = list(filter(is_file_place, places))
    if len(places) > 1 and len(files) < len(places):
        raise click.UsageError("Give either files or one engine with --from.")
    with contextlib.redirect_stdout(sys.stderr):  # engines may print what they do: stdout is for data
        if files:
            runs = past_runs(config, files, engine, since)
            if runs and not any(wanted.is_meant(run.family) for run in runs):
                others = ", ".join(sorted({run.family for run in runs})[:5])
                log.warning("no run is of %s, only of %s", ", ".join(workflows), others)
        else:
            place = next(iter(places), "")
            source = ArchiveSource(place=place, max_bytes=config.max_bytes, namespace=namespace, context=context)
            runs = list(fetched_runs(usable_plugins(config), engine, source, wanted))
        runs = [run for run in runs if wanted.is_meant(run.family) and (since is None or run.at >= since)]
        new, replaced, present = history.add(_with_use(runs, history, urls, config.max_bytes))
    if (new or replaced) and is_url(output):
        write_url(str(output), history.content)
    elif new or replaced:
        write_text(history.content, output)
    said = f"{new:,} new, {replaced:,} replaced, {present:,} already there"
    say(f"{counted(new + replaced + present, 'run')}: {said}")


def _history_at(place: str | None, max_bytes: int) -> HistoryFile:
    """The history at a path or a URL; an empty one where nothing is, and for stdout.

    Raises:
        CoulerError: it cannot be read, or is something else.
    """
    content = b"" if place in (None, "-") else read_url(place, max_bytes * OF_LINES, is_optional=True)
    try:
        return HistoryFile(read_lines(content, redact_url(str(place))))
    except InvalidInput as error:
        error.hint = "name another file with -o; runs in this one are read with --from"
        raise


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
    runs = [run for run in history.runs if not goes_on(run) and engine in (None, run.engine)]
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


def fetched_runs(plugins: Plugins, named: str | None, source: ArchiveSource, wanted: Wanted) -> Iterator[Run]:
    """The runs of an engine, document by document; one that cannot be read is named in a warning."""
    engine, archive = archive_of(plugins, named, source)
    for number, data in enumerate(archive.fetch(wanted)):
        try:
            runs = runs_in(Document(engine, number, data, 1, ""), plugins, engine)
        except InvalidInput as error:
            log.warning("what %s says is left out: %s", engine, error.message)
        else:
            yield from (run if run.engine else replace(run, engine=engine) for run in runs)


def archive_of(plugins: Plugins, engine: str | None, source: ArchiveSource) -> tuple[str, Archive]:
    """What fetches runs from an engine, or from the only one that lets them be fetched, and the engine's name.

    Raises:
        InvalidInput: there is no such engine, it has no archive, several could be meant, or nothing says where it is.
    """
    names = list(plugins.adapters) if engine is None else [engine]
    places = {name: source.place or os.environ.get(VARIABLE.format(name.upper()), "") for name in names}
    archives = {name: plugins.adapter(name).archive(replace(source, place=place)) for name, place in places.items()}
    present = [(name, archive) for name, archive in archives.items() if archive is not None]
    if len(present) != 1:
        several = " or ".join(f"--engine {name}" for name, _ in present)
        message = "no engine is given" if engine is None else f"runs of {engine} are not fetched"
        raise InvalidInput(message, hint=f"give {f'{several}, or ' if several else ''}files with --from")
    ((name, archive),) = present
    if not places[name]:
        named = "".join(f" or `{one}`" for one in getattr(archive, "places", ()))
        hint = f"give --from with its URL{named}, or set {VARIABLE.format(name.upper())}"
        raise InvalidInput(f"nothing says where {name} is", engine=name, hint=hint)
    return name, archive


def _with_use(runs: Sequence[Run], history: HistoryFile, urls: Sequence[str], max_bytes: int) -> list[Run]:
    """The runs, with what Prometheus knows of those whose use the history lacks.

    Raises:
        InvalidInput: that is no URL of one.
        EngineError: it does not answer.
    """
    pending = [bool(urls) and history.needs(run) and not has_use(run) for run in runs]
    if not any(pending):
        return list(runs)
    answers: Sequence[Run] = [run for run, is_pending in zip(runs, pending, strict=True) if is_pending]
    for url in urls:
        answers = with_use(answers, url, max_bytes)
    following = iter(answers)
    return [next(following) if is_pending else run for run, is_pending in zip(runs, pending, strict=True)]


HEAD = ("", "engine", "runs", "steps", "attempts", "memory", "cpu", "from", "to")


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
    groups: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in past_runs(config, histories or config.history, None, None):
        groups[run.family, run.engine].append(run)
    records = [_record(*names, runs) for names, runs in sorted(groups.items())]
    if output_format == "json":
        print_json("couler.history/v1", {"workflows": records})
    else:
        write_bytes("".join(f"{line}\n" for line in columns(HEAD, [_cells(**record) for record in records])))


def _record(workflow: str, engine: str, runs: Sequence[Run]) -> dict[str, Any]:
    """What a history tells of one workflow: of how many attempts it is known what they used, and when runs ended."""
    uses = [attempt.containers for run in runs for step in run.steps for attempt in step.tries]
    ends = [run.at for run in runs if run.at]
    return {
        "workflow": workflow,
        "engine": engine,
        "runs": len(runs),
        "steps": sum(len(run.steps) for run in runs),
        "attempts": len(uses),
        "with_memory": sum(any(use.memory is not None for use in some) for some in uses),
        "with_cpu": sum(any(use.cpu is not None for use in some) for some in uses),
        "first": min(ends, default=None),
        "last": max(ends, default=None),
    }


def _cells(workflow: str, engine: str, **figures: Any) -> list[str]:
    counts = [f"{figures[name]:,}" for name in ("runs", "steps", "attempts")]
    shares = [
        figures[name] / figures["attempts"] if figures["attempts"] else None for name in ("with_memory", "with_cpu")
    ]
    percents = ["-" if share is None else f"{share:.0%}" for share in shares]
    times = ["-" if figures[name] is None else utc_text(figures[name])[:10] for name in ("first", "last")]
    return [printable(workflow), printable(engine) or "-", *counts, *percents, *times]
