"""Runs the command of `couler cache run`, unless its result is there."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from couler_plugins.caching.dataplane.child import run_command
from couler_plugins.caching.dataplane.fresh_outputs import FreshOutputs
from couler_plugins.caching.dataplane.programs import argument_files, argument_variables, unfollowed
from couler_plugins.caching.dataplane.reuse import Task, reuse_or_compute
from couler_plugins.caching.dataplane.stdin import has_nothing, spooled
from couler_plugins.cli.run_inputs import RunInputs
from couler_plugins.errors import InvalidInput

if TYPE_CHECKING:
    from couler_plugins.caching.artifacts import ArtifactCache
    from couler_plugins.caching.reads.read_sets import ReadSet

__all__ = ["Execution", "Input", "standard_input", "uncovered"]

Input = int | IO[bytes] | None
"""What a command has as its standard input, as `subprocess.Popen` takes it; None for ours."""
Opening = contextlib.AbstractContextManager["ArtifactCache"]


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
        from couler_plugins.caching.dataplane.observed_reuse import reuse_or_observe
        from couler_plugins.caching.dataplane.observing import handed_on, run_observed

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
    try:
        found = spooled()
    except OSError as error:
        raise InvalidInput(f"the standard input cannot be read: {error.strerror or error}") from error
    stack.enter_context(found.stream)
    return found.stream, found.sha256
