"""`couler cache run`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import click

from couler_plugins.cli.cache_arguments import inputs_of, named, places_of, program_options, refuse_inside, spec_of
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
from couler_plugins.cli.settings import with_settings
from couler_plugins.config import Config

if TYPE_CHECKING:
    from couler_plugins.caching.artifacts import Meta

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
    outputs: Texts,
    max_age: float | None,
    wait: float,
    timeout: float | None,
    meta: Meta,
    arguments: Texts,
) -> None:
    """Runs a command unless its result is there already, and keeps its result if it succeeds.

    What the result depends on is either --key, which is your word for it, or all of --program, --file and --value
    together with each --output and the command line, word for word. Neither covers what the command finds by itself:
    other files, the folder that it runs in, the versions of programs, the environment.

    Signals go to the command, and what it exits with is what this exits with. Where the store is away, the command runs
    as if this were not there.
    """
    from couler_plugins.caching.dataplane.child import run_command
    from couler_plugins.caching.dataplane.reuse import Task, reuse_or_compute

    described = bool(programs or files or values)
    _check_given(key, described, outputs, arguments)
    wanted = places_of(outputs)
    refuse_inside(wanted, [*programs, *(path for _, path in map(named, files))])
    derived = partial(_derived, programs, files, values, outputs, arguments)
    found: Callable[[], str] = derived if key is None else lambda: key
    task = Task(
        key=found(),
        outputs=wanted,
        meta=meta,
        max_age=max_age,
        wait=wait,
        timeout=timeout,
        identity=found,
    )
    log.info("the key is %s", task.key)
    with tidy():
        ctx.exit(reuse_or_compute(task, opened(config, writing=True), lambda: run_command(arguments)))


def _check_given(key: str | None, described: bool, outputs: Texts, arguments: Texts) -> None:
    """Makes sure that all is said that is needed.

    Raises:
        click.UsageError: it is not; all that is missing is named at once.
    """
    needed = []
    if (key is not None) is described:
        needed.append("either --key, or what the result depends on: --program, --file, --value")
    if not outputs:
        needed.append("what the result is: --output NAME=PATH")
    if not arguments:
        needed.append("what makes it: -- COMMAND")
    if needed:
        raise click.UsageError(f"Give {'; and '.join(needed)}.")


def _derived(programs: Texts, files: Texts, values: Texts, outputs: Texts, arguments: Texts) -> str:
    from couler_plugins.caching.keys import key

    inputs = inputs_of(values, files)
    return key(spec_of(programs, inputs, arguments, outputs), inputs.values.values())
