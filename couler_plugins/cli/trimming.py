"""What `couler cache evict` does without an engine: it makes the store of `couler cache` smaller."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from couler_plugins.cli.cache_ls import entry_record
from couler_plugins.cli.cache_options import opened
from couler_plugins.cli.messages import say_error
from couler_plugins.cli.outputs import write_bytes
from couler_plugins.cli.records import print_json
from couler_plugins.config import Config
from couler_plugins.errors import CoulerError

if TYPE_CHECKING:
    from couler_plugins.hookspecs import CachePolicy

__all__ = ["trim"]


def trim(config: Config, policy: CachePolicy, capacity: int, *, as_json: bool) -> int:
    """One round; says what went, and returns the exit code."""
    try:
        with opened(config) as cache:
            gone = cache.evict(capacity, policy)
            left = sum(entry.bytes for entry in cache.entries())
    except CoulerError as error:
        say_error(error)
        return error.exit_code
    if as_json:
        record = {"policy": policy.name, "capacity": capacity, "evicted": [entry_record(entry) for entry in gone]}
        print_json("couler.cache-trim/v1", {**record, "bytes": left})
        return 0
    write_bytes("".join(f"{entry.key[:16]}: evicted ({entry.bytes:,} bytes, {entry.meta.step})\n" for entry in gone))
    click.echo(f"{len(gone)} results went, {left:,} bytes are left", err=True)
    return 0
