"""What the commands in the containers around a wrapped step have in common: they never fail the step."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

__all__ = ["PodCommand", "deadline_option"]

deadline_option = click.option(
    "--deadline",
    default="",
    metavar="TIME",
    help="When the run is to have ended: 2027-01-31T12:00:00Z. The store takes a small part of what is left.",
)


class PodCommand(click.Command):
    """A command that begins with FOLDER, and for which whatever is wrong with anything else is only a warning.

    The variables, settings and arguments of a pod come from several hands, and none of them is to fail a step.

    Args:
        first: what comes before all else, given the folder; only its errors are errors.
        what: what is not done where something is wrong.
        last: what comes after something was wrong, given the folder.
    """

    def __init__(
        self,
        *arguments: Any,
        what: str,
        first: Callable[[Path], None] | None = None,
        last: Callable[[Path], None] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self._what, self._first, self._last = what, first, last

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Reads the arguments, once the folder has what it needs."""
        folder = Path(args[0]) if args and not args[0].startswith("-") else None
        if folder is not None and self._first is not None and not extra.get("resilient_parsing"):
            self._first(folder)
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            if folder is None:  # it is not a pod that calls it
                raise
            self._warn(folder, error.format_message())
            raise click.exceptions.Exit(0) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Does it, as far as that is possible."""
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort):
            raise
        except click.ClickException as error:
            self._warn(Path(ctx.params["folder"]), error.format_message())
        except Exception as error:  # noqa: BLE001  # nothing of ours is to fail a step
            self._warn(Path(ctx.params["folder"]), str(error))
        return None

    def _warn(self, folder: Path, reason: str) -> None:
        from couler_plugins.redacting import redact

        sys.stderr.write(f"warning: {self._what}: {redact(reason)}\n")  # what sets up messages may be what failed
        if self._last is not None:
            self._last(folder)
