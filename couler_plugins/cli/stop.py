"""`couler stop`."""

from __future__ import annotations

from pathlib import Path

import click

from couler_plugins.cli.cache_options import AGE
from couler_plugins.cli.run_options import target_options
from couler_plugins.cli.settings import engine_option, json_option, with_settings
from couler_plugins.config import Config

__all__ = ["command"]


@click.command(
    "stop",
    epilog="""\b
Examples:
  couler stop --engine argo ml/big-7f3a91c2
  couler stop --engine argo big-7f3a91c2 --namespace ml --terminate
  couler stop --journal run.jsonl
""",
)
@click.argument("places", nargs=-1, metavar="[[NAMESPACE/]NAME]...")
@click.option(
    "--journal",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Stop what `couler run --journal FILE` has submitted.",
)
@engine_option
@target_options
@click.option("--terminate", is_flag=True, help="Run no exit handlers, either.")
@click.option("--wait/--no-wait", default=True, help="Wait until it has ended (the default), and stop what came since.")
@click.option("--timeout", type=AGE, default="5m", show_default=True, metavar="TIME", help="Wait no longer than.")
@json_option
@with_settings
@click.pass_context
def command(
    ctx: click.Context,
    *,
    config: Config,
    places: tuple[str, ...],
    journal: Path | None,
    engine: str | None,
    context: str,
    namespace: str,
    terminate: bool,
    wait: bool,
    timeout: float,
    output_format: str,
) -> None:
    """Stops workflows, and the workflows that they have started for their parts.

    An engine stops what it is told to stop; Argo lets the parts of a workflow that was split run on. Exits with 1 if
    something had not ended after --timeout.
    """
    from couler_plugins.cli.stopping import Stop, print_stopped, stop
    from couler_plugins.hookspecs.running import Where

    if bool(places) == (journal is not None):
        raise click.UsageError("Give the names of workflows, or --journal FILE.")
    if journal is not None and (engine or context or namespace):
        raise click.UsageError("The journal says which engine, context and namespace are meant.")
    where = Where(context=context, namespace=namespace)
    asked = Stop(places, journal, engine, where, terminate, wait, timeout)
    ctx.exit(print_stopped(stop(config, asked), as_json=output_format == "json"))
