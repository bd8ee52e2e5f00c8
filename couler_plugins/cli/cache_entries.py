"""`couler cache ls`, `show`, `stats` and `verify`: what a store holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
import msgspec

from couler_plugins.caching.artifacts import ArtifactCache, Entry, Hit, Lost
from couler_plugins.caching.reads import ReadSet, Traces, decode_traces, trace_key
from couler_plugins.caching.reads import verify as verify_reads
from couler_plugins.cli.cache_options import FEWEST, complete_key, long_work, opened, store_options
from couler_plugins.cli.outputs import printable, utc_text
from couler_plugins.cli.records import entry_record, print_json
from couler_plugins.cli.settings import json_option, with_settings
from couler_plugins.errors import InvalidInput
from couler_plugins.options.config import Config

LISTS = {
    "missing": "lacks bytes in the store",
    "corrupt": "has bytes that are not what was stored",
    "orphans": "is in the store, but nothing knows of it",
    "unknown": "the index and the store disagree, or it cannot be read",
    "later": "was made by a later version, and is left alone",
}


@click.command(
    "ls",
    epilog="""\b
Examples:
  couler cache ls --store s3://bucket/cache
  couler cache ls --format json |
    jq -r '.entries[] | select(.step == "train") | .key'
""",
)
@json_option
@store_options
@with_settings
def ls(*, config: Config, output_format: str) -> None:
    """Lists the stored results, the newest first.

    Shows the key, the size, the time of creation, the duration and the step of each.
    """
    with opened(config) as cache:
        entries = sorted(cache.entries(), key=lambda entry: (-entry.created, entry.key))
    if output_format == "json":
        print_json(
            "couler.cache-ls/v1", {"namespace": config.cache_namespace, "entries": list(map(entry_record, entries))}
        )
        return
    for entry in entries:
        click.echo(entry_line(entry))


def entry_line(entry: Entry) -> str:
    """A result in one line: its key, size, time of creation and duration, and who made it."""
    seconds = "?" if entry.meta.seconds is None else f"{entry.meta.seconds:.1f}"
    maker = "/".join(part for part in (entry.meta.family, entry.meta.step) if part) or "-"
    return "  ".join([entry.key, f"{entry.bytes:>15,} B", utc_text(entry.created), f"{seconds:>9} s", printable(maker)])


@click.command(
    "show",
    epilog="""\b
Examples:
  couler cache show "$key" --store s3://bucket/cache
  couler cache show 3f9c21
  couler cache show "$key" --format json | jq -r '.traces[0].reads[].name'

\b
Exit codes:
  0    it is shown
  1    there is nothing of that key
  2    several keys begin like this
""",
)
@click.argument("key", metavar="KEY")
@json_option
@store_options
@with_settings
@click.pass_context
def show(ctx: click.Context, *, config: Config, key: str, output_format: str) -> None:
    """Shows who made a result, its outputs, and what was read.

    The first six digits of a hexadecimal key are enough. Files and variables that were read are listed by name; the
    store has only their digests. A `!` marks what has changed since, on this machine.
    """
    with opened(config) as cache:
        key = complete_key(cache, key)
        hit = cache.get(key)
        if hit is None:
            short = " (the first six characters are the fewest)" if len(key) < FEWEST else ""
            click.echo(f"there is nothing of the key {key}{short}", err=True)
            ctx.exit(1)
        with hit:
            record = {**entry_record(hit.entry), "traces": _records(cache, key, _traces_of(hit))}
    if output_format == "json":
        print_json("couler.cache-show/v1", record)
        return
    for name in ("key", "family", "step", "type", "run", "seconds"):
        if record[name] not in (None, ""):
            click.echo(f"{name}: {record[name]}")
    for output in record["outputs"]:
        click.echo(f"output {_describe(output)}")
    for number, trace in enumerate(record["traces"], 1):
        click.echo(f"result {number} of {len(record['traces'])}: it read {len(trace['reads']) or 'nothing'}")
        for read in trace["reads"]:
            click.echo(f"  {' ' if read['holds'] else '!'} {read['kind']:<10} {ascii(read['name'])[1:-1]}")
        for output in trace["outputs"]:
            click.echo(f"  it keeps {_describe(output)}")


def _describe(output: Mapping[str, Any]) -> str:
    name = ascii(output.get("path", output["name"]))[1:-1]
    return f"{name}: {output['bytes']:,} B, sha256 {output['sha256']}"


def _traces_of(hit: Hit) -> Traces:
    """Return the traces of an entry; none where it has none, or where they cannot be understood."""
    for output in hit.entry.outputs:
        try:
            return decode_traces(hit.read(output.name))
        except (InvalidInput, Lost):
            continue
    return Traces()


def _records(cache: ArtifactCache, key: str, traces: Traces) -> list[dict[str, Any]]:
    """Return what was read for each result, and the outputs that are kept with it, under a key of their own."""
    kept = [cache.lookup(trace_key(key, trace.reads)) for trace in traces.traces]
    return [
        {
            "bytes": len(trace.content),
            "outputs": [] if entry is None else entry_record(entry)["outputs"],
            "reads": [
                {"kind": read.kind, "name": read.name, "holds": verify_reads(ReadSet((read,))) is None}
                for read in trace.reads.reads
            ],
        }
        for trace, entry in zip(traces.traces, kept, strict=True)
    ]


@click.command(
    "stats",
    epilog="""\b
Examples:
  couler cache stats --store /data/cache
  couler cache stats --format json | jq .bytes
""",
)
@json_option
@store_options
@with_settings
def stats(*, config: Config, output_format: str) -> None:
    """Shows the size and the capacity of the cache."""
    with opened(config) as cache:
        totals = cache.stats()
    if output_format == "json":
        print_json("couler.cache-stats/v1", msgspec.to_builtins(totals))
        return
    click.echo(f"{totals.url} (index: {totals.index})")
    limit = "no limit" if totals.capacity is None else f"limit: {totals.capacity:,} bytes"
    click.echo(f"{totals.bytes:,} bytes ({limit})")
    for name, usage in sorted(totals.usage.items()):
        quota = "" if usage.quota is None else f" of {usage.quota:,}"
        click.echo(f"  {name}: {usage.entries:,} results, {usage.bytes:,}{quota} bytes")
    click.echo(
        f"{totals.leases:,} results are being read or written, {totals.pins:,} are pinned, {totals.uses:,} uses so far"
    )


@click.command(
    "verify",
    epilog="""\b
Examples:
  couler cache verify --store s3://bucket/cache
  couler cache verify --repair

\b
Exit codes:
  0    all is well, or was mended
  1    something is wrong, or cannot be mended: what cannot be read, and more
       than the store may hold
  3    the store failed
""",
)
@click.option("--repair", is_flag=True, help="Remove damaged results. They are computed again when needed.")
@json_option
@store_options
@with_settings
@click.pass_context
def verify(ctx: click.Context, *, config: Config, repair: bool, output_format: str) -> None:
    """Compares all stored results with their checksums."""
    with long_work(config, "reading all that the cache holds"), opened(config) as cache:
        report = cache.verify(repair=repair)
        # Not all of this can be mended (what cannot be read, for one): only another look tells.
        rest = cache.verify() if repair and (report.unknown or report.over) else None
    if output_format == "json":
        print_json("couler.cache-verify/v1", {"ok": report.ok, **msgspec.to_builtins(report)})
    else:
        for name, what in LISTS.items():
            for item in getattr(report, name):
                click.echo(f"{item}: {what}")
        if report.leases:
            click.echo(f"{report.leases} leases of processes that are gone")
        if report.over:
            click.echo(f"{report.over:,} bytes more than it may hold")
        click.echo(f"{report.entries:,} results, {report.blobs:,} blobs, {report.bytes:,} bytes")
    mended = repair and (rest is None or not (rest.unknown or rest.over))
    ctx.exit(0 if report.ok or mended else 1)
