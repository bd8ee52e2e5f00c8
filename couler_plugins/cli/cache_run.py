"""`couler cache run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from couler_plugins.cli.cache_options import AGE, capacity_option, opened, outputs_of, store_options, tidy
from couler_plugins.cli.cache_provenance import provenance_options
from couler_plugins.cli.settings import with_settings
from couler_plugins.config import Config

if TYPE_CHECKING:
    from couler_plugins.caching.artifacts import Meta

__all__ = ["command"]


@click.command(
    "run",
    context_settings={"allow_interspersed_args": False},
    epilog="""\b
Examples:
  couler cache run --key "$key" --output model=model.bin -- python train.py
  couler cache run --key "$key" --output report=out/ --wait 10m --max-age 7d -- make report

\b
Exit codes:
  0    the result was there, or the command has made it
  2    wrong usage or bad input: the command was not run
  126  the command cannot be executed; 127: there is none
  Else the command's own; 128 and the number of the signal that has ended it.
""",
)
@click.option("--key", required=True, metavar="KEY", help="The key of the result: see `couler cache key`.")
@click.option("--output", "outputs", multiple=True, required=True, metavar="NAME=PATH", help="A file or folder of it.")
@click.option("--max-age", type=AGE, metavar="TIME", help="Take nothing that is older: 30m, 24h, 7d.")
@click.option("--wait", type=AGE, default="0s", metavar="TIME", help="Wait for another that runs the same (0s).")
@click.option("--timeout", type=AGE, metavar="TIME", help="How long the store may take, before and after (no limit).")
@provenance_options
@capacity_option
@store_options
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND [ARGS]...")
@with_settings
@click.pass_context
def command(
    ctx: click.Context,
    *,
    config: Config,
    key: str,
    outputs: tuple[str, ...],
    max_age: float | None,
    wait: float,
    timeout: float | None,
    meta: Meta,
    arguments: tuple[str, ...],
) -> None:
    """Runs a command unless its result is there already, and keeps its result if it succeeds.

    Signals go to the command, and what it exits with is what this exits with. Where the store is away, the command runs
    as if this were not there.
    """
    from couler_plugins.caching.dataplane.child import run_command
    from couler_plugins.caching.dataplane.reuse import Task, reuse_or_compute

    task = Task(
        key=key,
        outputs=outputs_of(outputs),
        meta=meta,
        max_age=max_age,
        wait=wait,
        timeout=timeout,
    )
    with tidy():
        ctx.exit(reuse_or_compute(task, opened(config, writing=True), lambda: run_command(arguments)))
