"""What the result of `couler cache run` depends on, where its key follows from that."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from couler_plugins.cli.cache_arguments import inputs_of, named, readable, spec_of

if TYPE_CHECKING:
    from couler_plugins.caching.dataplane.states import State

__all__ = ["Described", "RunInputs", "check_variables"]


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """The words of one call.

    Attributes:
        programs, files, values, outputs: what these options say, in their own form.
        variables: the names of environment variables.
        command: the command line.
        stdin: the sha256 of the standard input; None where that is empty.
        observes: whether all that the command reads is observed.
    """

    programs: Sequence[str]
    files: Sequence[str]
    values: Sequence[str]
    outputs: Sequence[str]
    variables: Sequence[str]
    command: Sequence[str]
    stdin: str | None
    observes: bool = False


class RunInputs:
    """The inputs of one call, watched from now on.

    Args:
        described: what the call says.
        places: the outputs, all links followed.

    Raises:
        click.UsageError: an argument is not of its form.
        InvalidInput: a file cannot be read.

    Attributes:
        key: the key of the result.
    """

    def __init__(self, described: Described, places: Mapping[str, Path]) -> None:
        from couler_plugins.caching.dataplane.contents import resolved
        from couler_plugins.caching.dataplane.programs import argument_files
        from couler_plugins.caching.dataplane.states import WatchedInputs

        self._described = described
        covered = [*described.programs, *(named(text)[1] for text in described.files)]
        self._named = argument_files(described.command, [*places.values(), *(resolved(Path(path)) for path in covered)])
        with readable():
            self._watched = WatchedInputs(self._states())
        self.key = self._key()

    def objection(self) -> str:
        """Return which input was changed since; empty where none was.

        Raises:
            InvalidInput: one cannot be read any more.
        """
        with readable():
            changed = self._watched.changed()
        if not changed and self._key() == self.key:
            return ""
        if changed in self._named:
            return f"{changed!r} was changed while the command ran: if the command writes it, make it an --output"
        return f"{changed or 'something that it was computed from'} was changed while the command ran"

    def _key(self) -> str:
        from couler_plugins.caching.dataplane.observing import handed_on
        from couler_plugins.caching.dataplane.programs import Invocation, argument_variables
        from couler_plugins.caching.keys import key

        said = self._described
        names = {*said.variables, *argument_variables(said.command), *(handed_on(()) if said.observes else ())}
        invocation = Invocation(
            command=said.command,
            outputs=said.outputs,
            files=self._named,
            environment={name: os.environ.get(name) for name in sorted(names)},
            stdin=said.stdin,
            folder=os.getcwd() if said.observes else None,  # noqa: PTH109
        )
        inputs = inputs_of(said.values, said.files)
        return key(spec_of(said.programs, inputs, invocation), inputs.values.values())

    def _states(self) -> dict[str, Callable[[], State]]:
        from couler_plugins.caching.dataplane.programs import argument_file_state, program_state
        from couler_plugins.caching.dataplane.states import state_of

        said = self._described
        return {
            **{name: partial(argument_file_state, name) for name in self._named},
            **{f"--program {path}": partial(program_state, Path(path)) for path in said.programs},
            **{f"--file {text}": partial(state_of, Path(named(text)[1])) for text in said.files},
        }


def check_variables(names: Sequence[str]) -> None:
    """Make sure that these can be names of environment variables.

    Raises:
        click.UsageError: one cannot.
    """
    for name in names:
        if not name or "=" in name:
            raise click.UsageError(
                f"{name!r} is no name of an environment variable; give a value by --value NAME=VALUE."
            )
