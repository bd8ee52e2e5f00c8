"""Groups of commands that are imported when they are called."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

__all__ = ["LazyGroup"]


class LazyGroup(click.Group):
    """A group whose commands are modules of this package, each with a `command`.

    Args:
        modules: the names of the commands, in the order of the help text, each with that of its module.
    """

    def __init__(self, *arguments: Any, modules: dict[str, str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, in the order of the help text."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports a command."""
        module = self._modules.get(cmd_name)
        if module is None:
            return None
        found = import_module(f"couler_plugins.cli.{module}").command
        assert isinstance(found, click.Command)
        return found
