"""`couler cache task-save`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from couler_plugins.cli.cache_arguments import outputs_of
from couler_plugins.cli.cache_options import TEXT, harmless, opened, store_options, tidy, timeout_option
from couler_plugins.cli.cache_provenance import provenance_options
from couler_plugins.cli.cache_task import TaskCommand
from couler_plugins.cli.settings import with_settings
from couler_plugins.config import Config

if TYPE_CHECKING:
    from couler_plugins.caching.artifacts import Meta

__all__ = ["command"]

WHAT = "the result is not kept"


@click.command("task-save", hidden=True, cls=TaskCommand, what=WHAT)
@click.option("--key", required=True, type=TEXT, metavar="KEY", help="The key of the result; empty if it has none.")
@click.option("--output", "outputs", type=TEXT, multiple=True, metavar="NAME=PATH", help="A file or folder of it.")
@click.option(
    "--code",
    "codes",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="PATH",
    help="A file with an exit code that has to be 0.",
)
@provenance_options
@timeout_option
@store_options
@with_settings
def command(
    *,
    config: Config,
    key: str,
    outputs: tuple[str, ...],
    codes: tuple[Path, ...],
    meta: Meta,
    timeout: float | None,
) -> None:
    """In the last step of a task: keeps what its other steps have made. It never fails.

    Links that they left in the place of an output are not followed: this step sees more than they do.
    """
    from couler_plugins.caching.dataplane.deadline import time_limit
    from couler_plugins.caching.dataplane.lookups import went_well
    from couler_plugins.caching.dataplane.outputs import save
    from couler_plugins.errors import EngineError

    with harmless(WHAT, bad_input=True), tidy(), time_limit(timeout):
        if not key:
            return  # why it has none was said when it was looked up
        if not went_well(codes):
            raise EngineError("one of its steps has failed, although the task goes on")
        with opened(config, writing=True) as cache:
            if refusal := save(cache, key, outputs_of(outputs), meta):
                raise EngineError(refusal)
