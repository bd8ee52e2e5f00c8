"""`couler cache save`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from couler_plugins.cli.cache_arguments import outputs_of
from couler_plugins.cli.cache_options import (
    AGE,
    capacity_option,
    fail_open_options,
    harmless,
    long_work,
    opened,
    store_options,
    tidy,
)
from couler_plugins.cli.cache_provenance import provenance_options
from couler_plugins.cli.settings import with_settings
from couler_plugins.config import Config

if TYPE_CHECKING:
    from couler_plugins.caching.artifacts import Meta

__all__ = ["command"]

NOT_KEPT = "the result is not kept"


@click.command(
    "save",
    epilog="""\b
Examples:
  couler cache save "$key" model=out/model.bin metrics=out/metrics
  couler cache save --step train --seconds 12m "$key" model=model.bin

\b
Exit codes:
  0    the result is kept; also where it could not be, unless with --strict
  2    wrong usage or bad input
  3    the result is not kept, with --strict
""",
)
@click.argument("key")
@click.argument("outputs", nargs=-1, required=True, metavar="NAME=PATH...")
@click.option("--seconds", type=AGE, metavar="TIME", help="How long computing it took: 90s, 12m.")
@provenance_options
@fail_open_options
@capacity_option
@store_options
@with_settings
def command(
    *,
    config: Config,
    key: str,
    outputs: tuple[str, ...],
    seconds: float | None,
    meta: Meta,
    timeout: float | None,
    strict: bool,
) -> None:
    """Keeps files and folders as the outputs of a result. What a key has already, it keeps.

    It is there for others once all of it is stored, and never fails a step: what goes wrong is warned of.
    """
    import msgspec

    from couler_plugins.caching.dataplane.contents import resolved
    from couler_plugins.caching.dataplane.deadline import time_limit
    from couler_plugins.caching.dataplane.outputs import save
    from couler_plugins.errors import EngineError

    given = {name: resolved(path) for name, path in outputs_of(outputs).items()}
    meta = msgspec.structs.replace(meta, seconds=seconds)
    with (
        long_work(config, "saving"),
        harmless(NOT_KEPT, strict=strict),
        tidy(),
        time_limit(timeout),
        opened(config, writing=True) as cache,
    ):
        if refusal := save(cache, key, given, meta):
            raise EngineError(refusal)
