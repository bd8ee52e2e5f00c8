"""What `couler cache task-restore` and `task-save` have in common: they never fail the task that they are steps of."""

from __future__ import annotations

import sys
from typing import Any

import click

__all__ = ["TaskCommand"]


class TaskCommand(click.Command):
    """A command for which whatever is wrong is only a warning: it exits with 0.

    The variables, settings and arguments of a task come from several hands, and none of them is to fail it.

    Args:
        what: what is not done where something is wrong.
    """

    def __init__(self, *arguments: Any, what: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._what = what

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Reads the arguments."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            self._warn(error.format_message())
            raise click.exceptions.Exit(0) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Does it, as far as that is possible."""
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort):
            raise
        except click.ClickException as error:
            self._warn(error.format_message())
        except Exception as error:  # noqa: BLE001  # nothing of ours is to fail a task
            self._warn(str(error))
        return None

    def _warn(self, reason: str) -> None:
        from couler_plugins.redacting import redact

        sys.stderr.write(f"warning: {self._what}: {redact(reason)}\n")  # what sets up messages may be what failed
