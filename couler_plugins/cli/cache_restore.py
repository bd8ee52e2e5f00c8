"""`couler cache restore`."""

from __future__ import annotations

import logging

import click

from couler_plugins.cli.cache_arguments import places_of
from couler_plugins.cli.cache_options import (
    fail_open_options,
    harmless,
    long_work,
    max_age_option,
    opened,
    store_options,
    tidy,
)
from couler_plugins.cli.settings import with_settings
from couler_plugins.config import Config

__all__ = ["command"]

MISS = 1
log = logging.getLogger(__name__)


@click.command(
    "restore",
    epilog="""\b
Examples:
  couler cache restore "$key" model=out/model.bin metrics=out/metrics
  couler cache restore --timeout 60s "$key" model=model.bin || python train.py

\b
Exit codes:
  0    a hit: every output is in place, whole and verified
  1    a miss: all is as it was; also where the store is away, or what was
       read cannot be written, unless with --strict
  2    wrong usage or bad input
  3    the same, with --strict; and where what an output has replaced could
       not be put back: the error says what is where
""",
)
@click.argument("key")
@click.argument("outputs", nargs=-1, required=True, metavar="NAME=PATH...")
@max_age_option
@fail_open_options
@store_options
@with_settings
@click.pass_context
def command(
    ctx: click.Context,
    *,
    config: Config,
    key: str,
    outputs: tuple[str, ...],
    max_age: float | None,
    timeout: float | None,
    strict: bool,
) -> None:
    """Puts the outputs of a result into place, as files and folders.

    What is at a path is replaced; where that is a link, what it leads to. Links that lead out of a folder, and modes
    other than the executable bit, are not restored.
    """
    from couler_plugins.caching.dataplane.contents import resolved
    from couler_plugins.caching.dataplane.deadline import time_limit
    from couler_plugins.caching.dataplane.outputs import restore

    wanted = {name: resolved(path) for name, path in places_of(outputs).items()}
    found = None
    working = long_work(config, "restoring")
    with working, harmless("nothing was restored", strict=strict), tidy(), time_limit(timeout), opened(config) as cache:
        found = restore(cache, key, wanted, max_age=max_age)
    log.info("%s", "restored" if found is not None else "there is nothing of this key")
    ctx.exit(0 if found is not None else MISS)
