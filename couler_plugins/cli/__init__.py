"""Command line: a table of commands, each imported when it is called."""

from __future__ import annotations

import atexit
import gc

from couler_plugins.cli.group import couler

__all__ = ["main"]

YOUNG = 1_000_000
"""Objects that are made before the collector looks for circles: importing alone makes most of them, and no circle."""


def main() -> None:
    """Runs `couler` and exits, without looking for circles in all that the process leaves behind."""
    gc.set_threshold(YOUNG)
    atexit.register(gc.freeze)
    couler(prog_name="couler")
