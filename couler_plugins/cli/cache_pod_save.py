"""`couler cache pod-save`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from couler_plugins.cli.cache_options import AGE, harmless, opened, store_options, tidy
from couler_plugins.cli.cache_provenance import provenance_options
from couler_plugins.cli.settings import with_settings
from couler_plugins.config import Config

if TYPE_CHECKING:
    from couler_plugins.caching.artifacts import Meta

__all__ = ["command"]


@click.command("pod-save")
@click.argument("folder", metavar="FOLDER")
@click.option("--key", required=True, metavar="KEY", help="The key of the result.")
@click.option("--timeout", type=AGE, metavar="TIME", help="How long the store may take: 90s, 10m (no limit).")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@provenance_options
@store_options
@with_settings
def command(
    *,
    config: Config,
    folder: str,
    key: str,
    timeout: float | None,
    names: tuple[str, ...],
    meta: Meta,
) -> None:
    """In the sidecar of a wrapped step: waits for the result that its command makes, and keeps it. It never fails."""
    import msgspec

    from couler_plugins.caching.dataplane.deadline import time_limit
    from couler_plugins.caching.dataplane.outputs import save
    from couler_plugins.caching.dataplane.pods import KEPT, SAVED, outputs_in, seconds_taken, wait_for_result
    from couler_plugins.errors import EngineError

    shared = Path(folder)
    with harmless("the result is not kept", bad_input=True), tidy():
        try:
            if not wait_for_result(shared):
                return
            meta = msgspec.structs.replace(meta, seconds=seconds_taken(shared))
            with time_limit(timeout), opened(config, writing=True) as cache:
                refusal = save(cache, key, outputs_in(shared, KEPT, names), meta)
        finally:
            (shared / SAVED).touch()
        if refusal:
            raise EngineError(refusal)
