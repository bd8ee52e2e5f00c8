"""`couler cache report`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import click
import msgspec

from couler_plugins.caching.report import Stored, report, report_of_store
from couler_plugins.caching.tallies import Report, Row
from couler_plugins.cli.cache_options import Age, opened, store_options
from couler_plugins.cli.messages import counted, write_bytes
from couler_plugins.cli.outputs import columns, printable, size_text, time_text
from couler_plugins.cli.records import print_json
from couler_plugins.cli.settings import engine_option, json_option, max_bytes_option, with_settings
from couler_plugins.cli.work import read_inputs, usable_plugins
from couler_plugins.driver.context import read_runs
from couler_plugins.driver.session import whole_file
from couler_plugins.options.config import Config
from couler_plugins.runs import Run

HEAD = ("", "runs", "hits", "missed", "unknown", "rate", "saved", "spent", "reused", "kept")


class Since(Age):
    """`7d`, or `2026-11-01`, as seconds since 1970."""

    examples = "90s, 24h, 7d or 2026-11-01"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds; a usage error where the text is neither an age nor a date."""
        try:
            date = datetime.fromisoformat(str(value))
        except ValueError:
            return time.time() - super().convert(value, param, ctx)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


@click.command(
    "report",
    epilog="""\b
Examples:
  kubectl get workflows -o json > runs.json && couler cache report runs.json --since 30d
  kubectl get pipelineruns,taskruns -o json | couler cache report -
  couler history fetch --engine airflow --from database -o runs.jsonl && couler cache report runs.jsonl
  couler cache report runs/ --store s3://bucket/cache --format json |
    jq -r '.steps[] | select(.hits == 0) | [.workflow, .step, .reason] | @tsv'
  couler cache report --store /data/cache
""",
)
@click.argument("histories", nargs=-1, metavar="[HISTORY|-]...")
@engine_option
@click.option(
    "--since",
    type=Since(),
    metavar="TIME",
    help="Only runs that ended since then: 30m, 24h, 7d, or a date such as 2026-11-01 (UTC).",
)
@json_option
@store_options
@max_bytes_option
@with_settings
def command(
    *, config: Config, histories: tuple[str, ...], engine: str | None, since: float | None, output_format: str
) -> None:
    """Shows what the cache saved, by workflow and step.

    HISTORY is what --history of other commands takes: workflows with their engine's status, fetched histories,
    histories of `couler run --local`. Default: the setting `history`. For each step that was looked up in a cache it
    shows the hits, what computing them would have taken (saved), what the hits took (spent), and the sizes of results;
    for each step without a hit, why.

    With --store, asks the store as well: for times, sizes, and hits of wrapped steps on Argo. Without any HISTORY, the
    store alone is asked. It needs an index for that.
    """
    places = histories or config.history
    if not places and not config.cache_store:
        raise click.UsageError("Give past runs as HISTORY, or --store.")
    if not places and (engine is not None or since is not None):
        raise click.UsageError("--engine and --since are of past runs: give them as HISTORY.")
    stored = list(_stored(config)) if config.cache_store else []
    result = report(past_runs(config, places, engine, since), stored) if places else report_of_store(stored)
    if output_format == "json":
        print_json("couler.cache-report/v1", msgspec.to_builtins(result))
    else:
        write_bytes("".join(f"{line}\n" for line in _lines(result, from_store=not places)))


def _stored(config: Config) -> Iterator[Stored]:
    with opened(config) as cache:
        yield from (Stored(entry, uses) for entry, uses in cache.uses())


def past_runs(config: Config, places: Sequence[str], engine: str | None, since: float | None) -> list[Run]:
    """The runs that files and folders tell of, oldest first: those of an engine, or that ended since a time."""
    files = [whole_file(item) for item in read_inputs(places, config)]
    documents = (document for file in files for document in file.documents)
    return [run for run in read_runs(documents, usable_plugins(config), engine) if since is None or run.at >= since]


def _lines(result: Report, *, from_store: bool) -> Iterator[str]:
    """The table, and what it cannot say."""
    source = "results in the store" if from_store else counted(result.runs, "run")
    if not result.steps:
        yield f"No step was looked up in a cache ({source})."
        return
    cells: list[list[str]] = []
    workflows = {row.workflow: row for row in result.workflows}
    for workflow, steps in groupby(result.steps, key=lambda row: row.workflow):
        cells.append(_cells(_name(workflow), workflows[workflow]))
        cells += [_cells(f"  {_name(row.step)}", row) for row in steps]
    cells.append(_cells("total", result.total))
    width = len(HEAD) - (result.total.bytes_kept is None)
    yield from columns(HEAD[:width], [line[:width] for line in cells])
    never = [row for row in result.steps if row.reason]
    if never:
        yield ""
        yield "Never hit:"
    for row in never:
        yield f"  {_name(row.workflow)}, {_name(row.step)}: {row.reason} ({counted(row.runs, 'look-up')})"
    yield from _remarks(result.total)


def _name(text: str) -> str:
    return printable(text) or "-"


def _cells(name: str, row: Row) -> list[str]:
    return [
        name,
        *(f"{count:,}" for count in (row.runs, row.hits, row.misses, row.unknown)),
        "?" if row.rate is None else f"{100 * row.rate:.0f} %",
        _text(row.seconds_saved, row.untimed, time_text),
        _text(row.seconds_spent, row.unmeasured, time_text),
        _text(row.bytes_reused, row.unsized, size_text),
        _text(row.bytes_kept, 0, size_text),
    ]


def _text(value: float | None, lacking: int, shown: Callable[[float], str]) -> str:
    """A figure; one that lacks a part is the least that it can be."""
    return "?" if value is None else f"≥ {shown(value)}" if lacking else shown(value)


def _remarks(total: Row) -> Iterator[str]:
    lines = [
        (total.inferred, "the store had the result before the step began, which counts as a hit", "look-up"),
        (total.untimed, "nothing like it was computed in these runs, so what it saved is not known", "hit"),
    ]
    for count, text, noun in lines:
        if count:
            yield ""
            yield f"{counted(count, noun)}: {text}."
