"""`couler cache task-restore`."""

from __future__ import annotations

from pathlib import Path

import click

from couler_plugins.cli.cache_arguments import named, outputs_of
from couler_plugins.cli.cache_options import TEXT, harmless, max_age_option, opened, store_options, tidy, timeout_option
from couler_plugins.cli.cache_task import TaskCommand
from couler_plugins.cli.settings import with_settings
from couler_plugins.config import Config

__all__ = ["command"]

WHAT = "nothing was restored"
FILE = click.Path(path_type=Path)


@click.command("task-restore", hidden=True, cls=TaskCommand, what=WHAT)
@click.option("--spec", required=True, metavar="HASH", help="What is run, as the hash of it.")
@click.option("--hit", required=True, type=FILE, metavar="PATH", help="Where to write whether there was a result.")
@click.option("--key", required=True, type=FILE, metavar="PATH", help="Where to write the key; empty if there is none.")
@click.option("--output", "outputs", type=TEXT, multiple=True, metavar="NAME=PATH", help="A file or folder of it.")
@click.option("--file", "files", type=TEXT, multiple=True, metavar="NAME=PATH", help="A file or folder that it reads.")
@click.option("--lists", type=int, default=0, metavar="NUMBER", help="How many of the values are lists.")
@click.option("--end", type=TEXT, default="", metavar="TEXT", help="The value that follows the items of each list.")
@click.argument("values", nargs=-1, type=TEXT, metavar="[VALUE]...")
@max_age_option
@timeout_option
@store_options
@with_settings
def command(
    *,
    config: Config,
    spec: str,
    hit: Path,
    key: Path,
    outputs: tuple[str, ...],
    files: tuple[str, ...],
    lists: int,
    end: str,
    values: tuple[str, ...],
    max_age: float | None,
    timeout: float | None,
) -> None:
    """In the first step of a task: makes its key, and puts the result into place if there is one. It never fails.

    Where something is at the place of an output already, nothing is looked up, and nothing will be kept.
    """
    from couler_plugins.caching.dataplane.deadline import time_limit
    from couler_plugins.caching.dataplane.lookups import Values, key_of, taken
    from couler_plugins.caching.dataplane.outputs import restore
    from couler_plugins.errors import EngineError

    hit.write_text("false")
    key.write_text("")
    with harmless(WHAT, bad_input=True), tidy(), time_limit(timeout):
        wanted = outputs_of(outputs)
        if there := taken(wanted):
            raise EngineError(f"there is something at the place of its output {there[0]!r}")
        read = {name: Path(path) for name, path in map(named, files)}
        found = key_of(Values(spec=spec, texts=values, files=read, lists=lists, end=end))
        key.write_text(found)
        with opened(config) as cache:
            if restore(cache, found, wanted, max_age=max_age) is not None:
                hit.write_text("true")
