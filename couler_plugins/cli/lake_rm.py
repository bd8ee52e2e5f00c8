"""`couler lake rm`."""

from __future__ import annotations

from pathlib import Path

import click

from couler_plugins.cli.lake_options import lake_option
from couler_plugins.cli.settings import with_settings
from couler_plugins.config import Config

__all__ = ["command"]


@click.command("rm")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@lake_option
@with_settings
def command(*, config: Config, names: tuple[str, ...], lake: Path) -> None:
    """Takes workflows out of a lake."""
    from couler_plugins.nl.lake import remove

    for name in dict.fromkeys(names):
        remove(lake, name)
