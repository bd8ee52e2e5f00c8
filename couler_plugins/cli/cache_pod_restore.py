"""`couler cache pod-restore`."""

from __future__ import annotations

from pathlib import Path

import click

from couler_plugins.cli.cache_options import AGE, harmless, opened, store_options, tidy
from couler_plugins.cli.cache_pod import PodCommand, deadline_option
from couler_plugins.cli.settings import with_settings
from couler_plugins.config import Config

__all__ = ["command"]

WHAT = "nothing was restored"


def _provide(folder: Path) -> None:
    from couler_plugins.caching.dataplane.pods import provide_launcher

    provide_launcher(folder)


@click.command("pod-restore", hidden=True, cls=PodCommand, what=WHAT, first=_provide)
@click.argument("folder", metavar="FOLDER")
@click.option("--key", required=True, metavar="KEY", help="The key of the result.")
@click.option("--max-age", type=AGE, metavar="TIME", help="Take nothing that is older: 30m, 24h, 7d.")
@click.option("--timeout", type=AGE, metavar="TIME", help="How long the store may take: 90s, 10m (no limit).")
@deadline_option
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@store_options
@with_settings
def command(
    *,
    config: Config,
    folder: str,
    key: str,
    max_age: float | None,
    timeout: float | None,
    deadline: str,
    names: tuple[str, ...],
) -> None:
    """In the init container of a wrapped step: puts the launcher and the result, if there is one, into a folder.

    It fails only where it cannot provide the launcher, which it does before all else.
    """
    from couler_plugins.caching.dataplane.outputs import restore
    from couler_plugins.caching.dataplane.pods import HIT, RESTORED, outputs_in, within

    shared = Path(folder)
    outputs = outputs_in(shared, RESTORED, names)
    with harmless(WHAT, bad_input=True), tidy(), within(timeout, deadline), opened(config) as cache:
        if restore(cache, key, outputs, max_age=max_age) is not None:
            (shared / HIT).touch()
