"""`couler cache run`."""

from __future__ import annotations

import contextlib
import logging

import click

from couler_plugins.caching.artifacts import Meta
from couler_plugins.caching.dataplane.child import run_command
from couler_plugins.caching.dataplane.contents import resolved
from couler_plugins.caching.dataplane.places import Places, UnreadPlace
from couler_plugins.caching.dataplane.reuse import Task
from couler_plugins.caching.dataplane.strace import strace_problem
from couler_plugins.cli.cache_arguments import named, place_option, places_of, program_options, refuse_inside
from couler_plugins.cli.cache_options import (
    TEXT,
    capacity_option,
    max_age_option,
    opened,
    provenance_options,
    store_options,
    tidy,
    timeout_option,
    wait_option,
)
from couler_plugins.cli.run_execution import (
    Described,
    Execution,
    RunInputs,
    check_variables,
    standard_input,
    uncovered,
)
from couler_plugins.cli.settings import with_settings
from couler_plugins.errors import InvalidInput
from couler_plugins.options.config import Config

log = logging.getLogger(__name__)
Texts = tuple[str, ...]


@click.command(
    "run",
    context_settings={"allow_interspersed_args": False},
    epilog="""\b
Examples:
  couler cache run --program train.py --file data=data.csv \\
    --output model=model.bin -- python train.py --rate 0.1
  couler cache run --observe --output report=report.html -- make report.html
  couler cache run --key "$key" --output report=out --wait 10m -- make report

\b
Exit codes:
  0    the result was there, or the command has made it
  2    wrong usage or bad input: the command was not run
  126  the command cannot be executed; 127: there is none
  Else the command's own; 128 and the number of the signal that has ended it.
""",
)
@click.option("--key", metavar="KEY", help="The cache key, instead of one made from the command.")
@program_options
@click.option(
    "--value",
    "values",
    type=TEXT,
    metavar="NAME=VALUE",
    multiple=True,
    help="Another value that the result depends on.",
)
@click.option(
    "--env",
    "variables",
    type=TEXT,
    metavar="NAME",
    multiple=True,
    help="An environment variable that the command reads. Its value counts.",
)
@place_option
@click.option(
    "--observe", "observes", is_flag=True, help="Run the command under strace. The result depends on all that it reads."
)
@click.option(
    "--allow",
    type=click.Choice(["network", "files", "times"]),
    multiple=True,
    help="With --observe: what cannot change the result. network: connections. files: files written "
    "elsewhere, and /proc and the like. times: times of files.",
)
@click.option("--stdin", "reads_stdin", is_flag=True, help="The command reads its standard input. Its content counts.")
@click.option(
    "--output",
    "outputs",
    multiple=True,
    metavar="NAME=PATH",
    help="An output file or folder. At least one is required.",
)
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
    places: Texts,
    reads_stdin: bool,
    observes: bool,
    allow: Texts,
    outputs: Texts,
    max_age: float | None,
    wait: float,
    timeout: float | None,
    meta: Meta,
    arguments: Texts,
) -> None:
    """Runs a command, or restores its result from the store.

    Keeps the result in the store if the command succeeds.

    The cache key is --key, or a hash of --program, --file, --value, --env, --place, --stdin, each --output and the
    command line. The command line counts with its words, the files that words name, and the variables in them ($NAME).

    The key does not cover what the command finds by itself: other files, folders that words name, variables without
    --env, the working folder, versions of programs, the network, the clock.

    With --observe, the result also depends on files that the command opens or looks for in vain, folders that it
    lists, and programs that it executes. The command gets only these variables: --env, PATH, HOME, USER, SHELL,
    VIRTUAL_ENV, the language and the time zone. The clock and random numbers are not covered.

    An existing file at the place of an output is set aside while the command runs. It comes back if the command
    fails or does not write it.

    Passes signals on to the command, and exits with its exit code. If the store is unreachable, just runs the
    command.
    """
    described = bool(programs or files or values or variables or places or reads_stdin or observes)
    outside = Places(places)
    _check_given(key, described, (*outputs, *(place.name for place in outside.written)), arguments)
    check_variables(variables)
    _check_observing(allow, observes=observes, places=places)
    wanted = places_of(outputs)
    refuse_inside(wanted, [*programs, *(path for _, path in map(named, files))])
    resolved_outputs = {name: resolved(path) for name, path in wanted.items()}
    if described and (reason := uncovered(arguments, resolved_outputs.values(), reads_stdin=reads_stdin)):
        log.warning("nothing is cached: %s", reason)
        ctx.exit(run_command(arguments))
    with contextlib.ExitStack() as stack:
        stdin, inputs = None, None
        if key is None:
            stdin, sha256 = standard_input(stack, reads=reads_stdin)
            said = Described(
                programs=programs,
                files=files,
                values=values,
                outputs=outputs,
                variables=variables,
                command=arguments,
                stdin=sha256,
                observes=observes,
                places=outside,
            )
            try:
                inputs = RunInputs(said, resolved_outputs)
            except UnreadPlace as error:
                log.warning("nothing is cached: %s", error.message)
                ctx.exit(run_command(arguments, stdin))
            key = inputs.key
        at = outside if places else None
        task = Task(key=key, outputs=wanted, meta=meta, max_age=max_age, wait=wait, timeout=timeout, places=at)
        execution = Execution(task, arguments, resolved_outputs.values(), stdin, inputs)
        log.info("the key is %s", task.key)
        stack.enter_context(tidy())
        opening = opened(config, writing=True)
        ctx.exit(execution.observe(opening, allow, variables) if observes else execution.run(opening))


def _check_observing(allow: Texts, *, observes: bool, places: Texts) -> None:
    """Makes sure that the command can be observed where that is wanted.

    Raises:
        click.UsageError: something is allowed that nobody looks at, or a place is named that strace does not see.
        InvalidInput: it cannot.
    """
    if allow and not observes:
        raise click.UsageError("--allow says what --observe may see; give --observe as well.")
    if observes and places:
        raise click.UsageError("--place says what --observe would; give one of them.")
    if observes and (problem := strace_problem()):
        hint = "install strace, or name what the command reads by --program, --file, --env and --stdin"
        raise InvalidInput(f"the command cannot be observed: {problem}", hint=hint)


def _check_given(key: str | None, described: bool, outputs: Texts, arguments: Texts) -> None:
    """Makes sure that all is said that is needed.

    Raises:
        click.UsageError: it is not; all that is missing is named at once.
    """
    needed = []
    if (key is not None) is described:
        needed.append(
            "either --key, or what the result depends on: --program, --file, --value, --env, --place, --stdin, "
            "--observe"
        )
    if not outputs:
        needed.append("what the result is: --output NAME=PATH")
    if not arguments:
        needed.append("what makes it: -- COMMAND")
    if needed:
        raise click.UsageError(f"Give {'; and '.join(needed)}.")
