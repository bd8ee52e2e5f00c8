"""`couler cache ls`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from couler_plugins.cli.cache_options import opened, store_options
from couler_plugins.cli.settings import json_option, with_settings
from couler_plugins.config import Config

if TYPE_CHECKING:
    from couler_plugins.caching.artifacts import Entry

__all__ = ["command", "entry_record"]


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
def command(*, config: Config, output_format: str) -> None:
    """Lists what the cache holds, the newest first: key, size, when it was made, how long that took, and by what."""
    from couler_plugins.cli.records import print_json

    with opened(config) as cache:
        entries = sorted(cache.entries(), key=lambda entry: (-entry.created, entry.key))
    if output_format == "json":
        print_json(
            "couler.cache-ls/v1", {"namespace": config.cache_namespace, "entries": list(map(entry_record, entries))}
        )
        return
    for entry in entries:
        click.echo("  ".join(_columns(entry)))


def entry_record(entry: Entry) -> dict[str, Any]:
    """A result as JSON; what is not known is null."""
    return {
        "key": entry.key,
        "bytes": entry.bytes,
        "created": entry.created,
        "seconds": entry.meta.seconds,
        **{name: getattr(entry.meta, name) for name in ("family", "step", "type", "run", "spec", "made_by")},
        "parents": list(entry.meta.parents),
        "outputs": [
            {
                "name": item.name,
                **({"path": path} if (path := entry.path(item)) else {}),
                "codec": item.codec,
                "bytes": item.bytes,
                "sha256": item.sha256,
            }
            for item in entry.outputs
        ],
    }


def _columns(entry: Entry) -> list[str]:
    seconds = "?" if entry.meta.seconds is None else f"{entry.meta.seconds:.1f}"
    created = datetime.fromtimestamp(entry.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    maker = "/".join(part for part in (entry.meta.family, entry.meta.step) if part) or "-"
    return [entry.key, f"{entry.bytes:>15,} B", created, f"{seconds:>9} s", _printable(maker)]


def _printable(text: str) -> str:
    """What somebody has said of a result, which neither ends the line nor moves the cursor."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
