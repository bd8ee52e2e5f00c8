"""`couler cache run`."""

from __future__ import annotations

import contextlib
import logging
import subprocess
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from couler_plugins.cli.cache_arguments import named, places_of, program_options, refuse_inside
from couler_plugins.cli.cache_options import (
    TEXT,
    capacity_option,
    max_age_option,
    opened,
    store_options,
    tidy,
    timeout_option,
    wait_option,
)
from couler_plugins.cli.cache_provenance import provenance_options
from couler_plugins.cli.run_inputs import Described, RunInputs, check_variables
from couler_plugins.cli.settings import with_settings
from couler_plugins.config import Config
from couler_plugins.errors import InvalidInput

if TYPE_CHECKING:
    from couler_plugins.caching.artifacts import Meta
    from couler_plugins.caching.dataplane.fresh_outputs import FreshOutputs
    from couler_plugins.caching.dataplane.reuse import Task

__all__ = ["command"]

log = logging.getLogger(__name__)
Texts = tuple[str, ...]


@click.command(
    "run",
    context_settings={"allow_interspersed_args": False},
    epilog="""\b
Examples:
  couler cache run --program train.py --file data=data.csv \\
    --output model=model.bin -- python train.py --rate 0.1
  couler cache run --key "$key" --output report=out --wait 10m -- make report

\b
Exit codes:
  0    the result was there, or the command has made it
  2    wrong usage or bad input: the command was not run
  126  the command cannot be executed; 127: there is none
  Else the command's own; 128 and the number of the signal that has ended it.
""",
)
@click.option("--key", metavar="KEY", help="The key of the result, whatever the command is.")
@program_options
@click.option(
    "--value",
    "values",
    type=TEXT,
    metavar="NAME=VALUE",
    multiple=True,
    help="Something else that the result depends on.",
)
@click.option(
    "--env",
    "variables",
    type=TEXT,
    metavar="NAME",
    multiple=True,
    help="An environment variable that it reads, by its value.",
)
@click.option("--stdin", "reads_stdin", is_flag=True, help="The command reads its standard input: by its content.")
@click.option("--output", "outputs", multiple=True, metavar="NAME=PATH", help="A file or folder of it; one at least.")
@max_age_option
@wait_option("0s")
@timeout_option
@provenance_options
@capacity_option
@store_options
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND [ARGS]...")
@with_settings
@click.pass_context
def command(
    ctx: click.Context,
    *,
    config: Config,
    key: str | None,
    programs: Texts,
    files: Texts,
    values: Texts,
    variables: Texts,
    reads_stdin: bool,
    outputs: Texts,
    max_age: float | None,
    wait: float,
    timeout: float | None,
    meta: Meta,
    arguments: Texts,
) -> None:
    """Runs a command unless its result is there already, and keeps its result if it succeeds.

    What the result depends on is either --key, which is your word for it, or all of --program, --file, --value, --env
    and --stdin, together with each --output and the command line: its words, the files that words name, and the
    variables in them ($NAME).

    Not covered is what the command finds by itself: other files, folders that words name, variables without --env, the
    folder that it runs in, the versions of programs, the network, the clock.

    Each output is made anew: what is at its place is set aside while the command runs. It comes back if the command
    fails or does not write it.

    Signals go to the command, and what it exits with is what this exits with. Where the store is away, the command runs
    as if this were not there.
    """
    from couler_plugins.caching.dataplane.child import run_command
    from couler_plugins.caching.dataplane.contents import resolved
    from couler_plugins.caching.dataplane.fresh_outputs import FreshOutputs
    from couler_plugins.caching.dataplane.reuse import Task

    described = bool(programs or files or values or variables or reads_stdin)
    _check_given(key, described, outputs, arguments)
    check_variables(variables)
    wanted = places_of(outputs)
    refuse_inside(wanted, [*programs, *(path for _, path in map(named, files))])
    places = {name: resolved(path) for name, path in wanted.items()}
    if described and (reason := _uncovered(arguments, places.values(), reads_stdin=reads_stdin)):
        log.warning("nothing is cached: %s", reason)
        ctx.exit(run_command(arguments))
    fresh = FreshOutputs(places.values())
    checks, stdin = [fresh.objection], None
    with contextlib.ExitStack() as stack:
        if key is None:
            stdin, sha256 = _standard_input(stack, reads=reads_stdin)
            inputs = RunInputs(
                Described(
                    programs=programs,
                    files=files,
                    values=values,
                    outputs=outputs,
                    variables=variables,
                    command=arguments,
                    stdin=sha256,
                ),
                places,
            )
            key, checks = inputs.key, [inputs.objection, fresh.objection]
        task = Task(
            key=key,
            outputs=wanted,
            meta=meta,
            max_age=max_age,
            wait=wait,
            timeout=timeout,
            objection=partial(_first, checks),
        )
        log.info("the key is %s", task.key)
        stack.enter_context(tidy())
        ctx.exit(_run(task, config, fresh, lambda: run_command(arguments, stdin)))


def _run(task: Task, config: Config, fresh: FreshOutputs, start: Callable[[], int]) -> int:
    from couler_plugins.caching.dataplane.reuse import reuse_or_compute

    succeeded = False

    def compute() -> int:
        nonlocal succeeded
        fresh.begin()
        code = start()
        succeeded = code == 0
        return code

    try:
        return reuse_or_compute(task, opened(config, writing=True), compute)
    finally:
        fresh.end(succeeded=succeeded)


def _uncovered(arguments: Texts, places: Iterable[Path], *, reads_stdin: bool) -> str:
    """Why no key covers what the command reads; empty where one does."""
    from couler_plugins.caching.dataplane.programs import argument_files, unfollowed
    from couler_plugins.caching.dataplane.stdin import has_nothing

    if not reads_stdin and not has_nothing():
        return "the standard input may have something in it; add --stdin, or </dev/null"
    return unfollowed(argument_files(arguments, places))


def _standard_input(stack: contextlib.ExitStack, *, reads: bool) -> tuple[int | IO[bytes], str | None]:
    """What the command gets as its standard input, and the sha256 of it."""
    from couler_plugins.caching.dataplane.stdin import spooled

    if not reads:
        return subprocess.DEVNULL, None
    try:
        found = spooled()
    except OSError as error:
        raise InvalidInput(f"the standard input cannot be read: {error.strerror or error}") from error
    stack.enter_context(found.stream)
    return found.stream, found.sha256


def _first(checks: list[Callable[[], str]]) -> str:
    """The first objection; empty where there is none."""
    return next(filter(None, (check() for check in checks)), "")


def _check_given(key: str | None, described: bool, outputs: Texts, arguments: Texts) -> None:
    """Makes sure that all is said that is needed.

    Raises:
        click.UsageError: it is not; all that is missing is named at once.
    """
    needed = []
    if (key is not None) is described:
        needed.append("either --key, or what the result depends on: --program, --file, --value, --env, --stdin")
    if not outputs:
        needed.append("what the result is: --output NAME=PATH")
    if not arguments:
        needed.append("what makes it: -- COMMAND")
    if needed:
        raise click.UsageError(f"Give {'; and '.join(needed)}.")
