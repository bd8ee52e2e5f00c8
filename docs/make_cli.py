"""Writes docs/cli.md from the help texts of the commands: `python docs/make_cli.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from couler_plugins.cli.group import couler

PAGE = Path(__file__).with_name("cli.md")
HEAD = """\
# The command line

This page is made of the help texts, by `python docs/make_cli.py`.
"""


def page() -> str:
    """The page as it should be."""
    return "\n".join([HEAD, *sections()])


def sections() -> Iterator[str]:
    """One section for `couler`, and one for each command."""
    root = click.Context(couler, info_name="couler", terminal_width=100, help_option_names=["-h", "--help"])
    yield section(couler, root)
    for name in couler.list_commands(root):
        command = couler.get_command(root, name)
        assert command is not None
        yield section(command, click.Context(command, info_name=name, parent=root, terminal_width=100))


def section(command: click.Command, context: click.Context) -> str:
    """The help text of one command under its name."""
    return f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
