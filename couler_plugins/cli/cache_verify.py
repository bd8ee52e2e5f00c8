"""`couler cache verify`."""

from __future__ import annotations

import click

from couler_plugins.cli.cache_options import long_work, opened, store_options
from couler_plugins.cli.settings import json_option, with_settings
from couler_plugins.config import Config

__all__ = ["command"]

LISTS = {
    "missing": "lacks bytes in the store",
    "corrupt": "has bytes that are not what was stored",
    "orphans": "is in the store, but nothing knows of it",
    "unknown": "the index and the store disagree, or it cannot be read",
    "later": "was made by a later version, and is left alone",
}


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
@click.option("--repair", is_flag=True, help="Drop what is wrong: it is computed anew when it is needed.")
@json_option
@store_options
@with_settings
@click.pass_context
def command(ctx: click.Context, *, config: Config, repair: bool, output_format: str) -> None:
    """Reads everything that the namespace holds, and compares it with what was stored."""
    import msgspec

    from couler_plugins.cli.records import print_json

    with long_work(config, "reading all that the cache holds"), opened(config) as cache:
        found = cache.verify(repair=repair)
        # Not all of this can be mended (what cannot be read, for one): only another look tells.
        rest = cache.verify() if repair and (found.unknown or found.over) else None
    if output_format == "json":
        print_json("couler.cache-verify/v1", {"ok": found.ok, **msgspec.to_builtins(found)})
    else:
        for name, what in LISTS.items():
            for item in getattr(found, name):
                click.echo(f"{item}: {what}")
        if found.leases:
            click.echo(f"{found.leases} leases of processes that are gone")
        if found.over:
            click.echo(f"{found.over:,} bytes more than it may hold")
        click.echo(f"{found.entries:,} results, {found.blobs:,} blobs, {found.bytes:,} bytes")
    mended = repair and (rest is None or not (rest.unknown or rest.over))
    ctx.exit(0 if found.ok or mended else 1)
