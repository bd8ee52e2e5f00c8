"""`couler cache stats`."""

from __future__ import annotations

import click

from couler_plugins.cli.cache_options import opened, store_options
from couler_plugins.cli.settings import json_option, with_settings
from couler_plugins.config import Config

__all__ = ["command"]


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
def command(*, config: Config, output_format: str) -> None:
    """Says how much the cache holds, and how much of what it may."""
    import msgspec

    from couler_plugins.cli.records import print_json

    with opened(config) as cache:
        stats = cache.stats()
    if output_format == "json":
        print_json("couler.cache-stats/v1", msgspec.to_builtins(stats))
        return
    click.echo(f"{stats.url} (index: {stats.index})")
    limit = "no limit" if stats.capacity is None else f"limit: {stats.capacity:,} bytes"
    click.echo(f"{stats.bytes:,} bytes ({limit})")
    for name, usage in sorted(stats.usage.items()):
        quota = "" if usage.quota is None else f" of {usage.quota:,}"
        click.echo(f"  {name}: {usage.entries:,} results, {usage.bytes:,}{quota} bytes")
    click.echo(
        f"{stats.leases:,} results are being read or written, {stats.pins:,} are pinned, {stats.uses:,} uses so far"
    )
