"""The command line: one file a command, imported when it is called."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Runs `couler` and exits."""
    from couler_plugins.cli.group import couler

    couler(prog_name="couler")
