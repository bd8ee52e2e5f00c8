"""The command line: a table of commands, which are imported when they are called."""

from __future__ import annotations

from couler_plugins.cli.group import couler

__all__ = ["main"]


def main() -> None:
    """Runs `couler` and exits."""
    couler(prog_name="couler")
