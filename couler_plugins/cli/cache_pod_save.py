"""`couler cache pod-save`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from couler_plugins.cli.cache_options import AGE, harmless, opened, store_options, tidy
from couler_plugins.cli.cache_pod import PodCommand, deadline_option
from couler_plugins.cli.cache_provenance import provenance_options
from couler_plugins.cli.settings import with_settings
from couler_plugins.config import Config

if TYPE_CHECKING:
    from couler_plugins.caching.artifacts import Meta

__all__ = ["command"]

WHAT = "the result is not kept"


def _release(folder: Path) -> None:
    from couler_plugins.caching.dataplane.pods import release_launcher

    release_launcher(folder)


@click.command("pod-save", hidden=True, cls=PodCommand, what=WHAT, last=_release)
@click.argument("folder", metavar="FOLDER")
@click.option("--key", required=True, metavar="KEY", help="The key of the result.")
@click.option("--timeout", type=AGE, metavar="TIME", help="How long the store may take: 90s, 10m (no limit).")
@deadline_option
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
    deadline: str,
    names: tuple[str, ...],
    meta: Meta,
) -> None:
    """In the sidecar of a wrapped step: waits for the result that its command makes, and keeps it. It never fails."""
    import msgspec

    from couler_plugins.caching.dataplane.outputs import save
    from couler_plugins.caching.dataplane.pods import (
        KEPT,
        at_work,
        outputs_in,
        release_launcher,
        seconds_taken,
        wait_for_result,
        within,
    )
    from couler_plugins.errors import EngineError

    shared = Path(folder)
    with at_work(shared):
        try:
            # What went wrong is said before the launcher goes on: once the command has ended, so has this container.
            with harmless(WHAT, bad_input=True), tidy():
                if not wait_for_result(shared):
                    return
                meta = msgspec.structs.replace(meta, seconds=seconds_taken(shared))
                with within(timeout, deadline), opened(config, writing=True) as cache:
                    refusal = save(cache, key, outputs_in(shared, KEPT, names), meta)
                if refusal:
                    raise EngineError(refusal)
        finally:
            release_launcher(shared)
