"""`couler cache show`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from couler_plugins.cli.cache_ls import entry_record
from couler_plugins.cli.cache_options import FEWEST, complete_key, opened, store_options
from couler_plugins.cli.settings import json_option, with_settings
from couler_plugins.config import Config
from couler_plugins.errors import InvalidInput

if TYPE_CHECKING:
    from couler_plugins.caching.artifacts import ArtifactCache, Hit
    from couler_plugins.caching.reads import Traces

__all__ = ["command"]


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
def command(ctx: click.Context, *, config: Config, key: str, output_format: str) -> None:
    """Shows what the cache has of a key: who made it, its outputs, and what was read when it was made.

    A key of 64 hexadecimal digits may be cut to its first six or more. Files and variables that were read are told by
    name: the store has digests of them, and not what is in them. A `!` stands before what has changed since, on this
    machine.
    """
    from couler_plugins.cli.records import print_json

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
    from couler_plugins.caching.artifacts import Lost
    from couler_plugins.caching.reads import Traces, decode_traces

    for output in hit.entry.outputs:
        try:
            return decode_traces(hit.read(output.name))
        except (InvalidInput, Lost):
            continue
    return Traces()


def _records(cache: ArtifactCache, key: str, traces: Traces) -> list[dict[str, Any]]:
    """Return what was read for each result, and the outputs that are kept with it, under a key of their own."""
    from couler_plugins.caching.reads import ReadSet, trace_key, verify

    kept = [cache.lookup(trace_key(key, trace.reads)) for trace in traces.traces]
    return [
        {
            "bytes": len(trace.content),
            "outputs": [] if entry is None else entry_record(entry)["outputs"],
            "reads": [
                {"kind": read.kind, "name": read.name, "holds": verify(ReadSet((read,))) is None}
                for read in trace.reads.reads
            ],
        }
        for trace, entry in zip(traces.traces, kept, strict=True)
    ]
