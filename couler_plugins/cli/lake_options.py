"""The option that names a lake."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["lake_option"]

lake_option = click.option(
    "--lake",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".couler/lake"),
    show_default=True,
    envvar="COULER_LAKE",
    show_envvar=True,
    metavar="FOLDER",
    help="Where workflows are kept that others are written of.",
)
