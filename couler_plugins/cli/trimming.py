"""What `couler cache evict` does without an engine: it makes the store of `couler cache` smaller."""

from __future__ import annotations

import math
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
    from couler_plugins.caching.artifacts import Entry
    from couler_plugins.hookspecs import CachePolicy

__all__ = ["trim"]


def trim(config: Config, policy: CachePolicy, capacity: float, *, as_json: bool) -> int:
    """One round; says what went, and returns the exit code.

    Args:
        config: the settings; the limit that the store has is lifted where there is to be none.
        policy: decides what goes.
        capacity: the bytes that results may take; infinitely many where there is no limit.
        as_json: whether it is said as JSON.
    """
    from couler_plugins.caching.artifacts.entry import bytes_of

    unlimited = math.isinf(capacity)
    try:
        with opened(config, writing=unlimited) as cache:
            gone = cache.evict(capacity, policy)
            left = bytes_of(cache.entries())
    except CoulerError as error:
        say_error(error)
        return error.exit_code
    if as_json:
        record = {
            "policy": policy.name,
            "capacity": None if unlimited else int(capacity),
            "evicted": [entry_record(entry) for entry in gone],
            "bytes": left,
        }
        print_json("couler.cache-trim/v1", record)
        return 0
    write_bytes("".join(map(_line, gone)))
    click.echo(f"{len(gone)} results went, {left:,} bytes are left", err=True)
    return 0


def _line(entry: Entry) -> str:
    step = f", {entry.meta.step}" if entry.meta.step else ""
    return f"{entry.key[:16]}: evicted ({entry.bytes:,} bytes{step})\n"
