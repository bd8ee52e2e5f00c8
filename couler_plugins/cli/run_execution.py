"""What the result of `couler cache run` depends on, and running its command unless that result is there."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO

import click
import msgspec

from couler_plugins.caching.artifacts import ArtifactCache
from couler_plugins.caching.dataplane.child import has_nothing, run_command, spooled
from couler_plugins.caching.dataplane.contents import State, WatchedInputs, resolved, state_of
from couler_plugins.caching.dataplane.fresh_outputs import FreshOutputs
from couler_plugins.caching.dataplane.observed_reads import handed_on, run_observed
from couler_plugins.caching.dataplane.places import Places
from couler_plugins.caching.dataplane.programs import (
    Invocation,
    argument_file_state,
    argument_files,
    argument_variables,
    program_state,
    unfollowed,
)
from couler_plugins.caching.dataplane.reuse import Task, reuse_or_compute, reuse_or_observe
from couler_plugins.caching.keys import key
from couler_plugins.caching.reads.read_sets import ReadSet
from couler_plugins.cli.cache_arguments import inputs_of, named, readable, spec_of
from couler_plugins.errors import restating

Input = int | IO[bytes] | None
"""What a command has as its standard input, as `subprocess.Popen` takes it; None for ours."""
Opening = contextlib.AbstractContextManager[ArtifactCache]


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """The words of one call.

    Attributes:
        programs, files, values, outputs: what these options say, in their own form.
        variables: the names of environment variables.
        command: the command line.
        stdin: the sha256 of the standard input; None where that is empty.
        observes: whether all that the command reads is observed.
        places: those that the command reads or writes.
    """

    programs: Sequence[str]
    files: Sequence[str]
    values: Sequence[str]
    outputs: Sequence[str]
    variables: Sequence[str]
    command: Sequence[str]
    stdin: str | None
    observes: bool = False
    places: Places | None = None


class RunInputs:
    """The inputs of one call, watched from now on.

    Args:
        described: what the call says.
        places: the outputs, all links followed.

    Raises:
        click.UsageError: an argument is not of its form.
        InvalidInput: a file cannot be read.
        UnreadPlace: what is at a place cannot be told.

    Attributes:
        key: the key of the result.
    """

    def __init__(self, described: Described, places: Mapping[str, Path]) -> None:

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
        inputs = inputs_of(said.values, said.files, said.places)
        return key(spec_of(said.programs, inputs, invocation), inputs.values.values())

    def _states(self) -> dict[str, Callable[[], State]]:

        said = self._described
        return {
            **{name: partial(argument_file_state, name) for name in self._named},
            **{f"--program {path}": partial(program_state, Path(path)) for path in said.programs},
            **{f"--file {text}": partial(state_of, Path(named(text)[1])) for text in said.files},
        }


class Execution:
    """One command.

    Args:
        task: what it computes.
        command: the command line.
        outputs: the places of its outputs, all links followed.
        stdin: its standard input.
        inputs: what it depends on; None where its key is somebody's word.
    """

    def __init__(
        self, task: Task, command: Sequence[str], outputs: Collection[Path], stdin: Input, inputs: RunInputs | None
    ) -> None:
        self._command, self._outputs, self._stdin, self._inputs = command, outputs, stdin, inputs
        self._fresh = FreshOutputs(outputs)
        self._succeeded = False
        self._task = msgspec.structs.replace(task, objection=self._objection)

    def run(self, opening: Opening) -> int:
        """Run the command, unless its result is in the cache; its exit code, or 0."""
        with self._settled():
            return reuse_or_compute(self._task, opening, lambda: self._start(self._command, None))

    def observe(self, opening: Opening, allow: Collection[str], variables: Collection[str]) -> int:
        """Run the command under strace, unless there is a result for all that it would read; its exit code, or 0."""
        environment = handed_on({*variables, *argument_variables(self._command)})

        def compute() -> tuple[int, ReadSet | None]:
            return run_observed(self._command, self._outputs, allow, environment, self._start)

        with self._settled():
            return reuse_or_observe(self._task, opening, compute)

    def _start(self, command: Sequence[str], environment: Mapping[str, str] | None) -> int:
        self._fresh.begin()
        code = run_command(command, self._stdin, environment)
        self._succeeded = code == 0
        return code

    @contextlib.contextmanager
    def _settled(self) -> Iterator[None]:
        """At the end of the block, either what the command has made is in place, or what was there before."""
        try:
            yield
        finally:
            self._fresh.end(succeeded=self._succeeded)

    def _objection(self) -> str:
        return (self._inputs.objection() if self._inputs is not None else "") or self._fresh.objection()


def uncovered(command: Sequence[str], outputs: Iterable[Path], *, reads_stdin: bool) -> str:
    """Return why no key covers what the command reads; empty where one does."""
    if not reads_stdin and not has_nothing():
        return "the standard input may have something in it; add --stdin, or </dev/null"
    return unfollowed(argument_files(command, outputs))


def standard_input(stack: contextlib.ExitStack, *, reads: bool) -> tuple[Input, str | None]:
    """Return what a command gets as its standard input, and the sha256 of it; None where it is empty.

    Raises:
        InvalidInput: it cannot be read.
    """
    if not reads:
        return subprocess.DEVNULL, None
    with restating(OSError, "the standard input cannot be read"):
        spool = spooled()
    stack.enter_context(spool.stream)
    return spool.stream, spool.sha256


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
