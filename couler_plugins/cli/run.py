"""`couler run`."""

from __future__ import annotations

from pathlib import Path

import click

from couler_plugins.cli.cache_options import AGE
from couler_plugins.cli.run_options import KeyValue, target_options
from couler_plugins.cli.settings import engine_option, inputs_argument, json_option, max_bytes_option, with_settings
from couler_plugins.config import Config

__all__ = ["command"]


@click.command(
    "run",
    epilog="""\b
Examples:
  couler run workflow.yaml
  couler run -p split big.yaml --namespace ml --journal run.jsonl
  couler run optimized/ --parameter date=2026-01-31 --run-id nightly-31 --no-wait
  couler run optimized/ --dry-run
  couler run pipeline.yaml --local
  couler run workflow.yaml --local --folder out --run-id nightly-31 --parallel 4 --cache
  couler run -p split pipeline.yaml --parameter rows=7 --journal run.jsonl

\b
Exit codes:
  0    it has succeeded (with --no-wait: it was submitted)
  1    a workflow failed, or had not ended after --timeout
  2    wrong usage or bad input
  3    the cluster or the network failed: what was submitted runs on
  130  interrupted: what was submitted runs on
""",
)
@inputs_argument
@engine_option
@target_options
@click.option(
    "--local", is_flag=True, help="Run it in this very process: steps that are Python or scripts, no containers."
)
@click.option("--parallel", type=click.IntRange(1), metavar="N", help="With --local: run so many steps at a time.")
@click.option("--cache", is_flag=True, help="With --local: reuse results of pure steps from the artifact cache.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False),
    default="couler-run",
    show_default=True,
    metavar="DIR",
    help="With --local: where what the steps make is kept.",
)
@click.option("-p", "--pipeline", "optimizers", metavar="TEXT", help="Optimize first: split, cache,split{…}.")
@click.option(
    "--parameter", "parameters", type=KeyValue(), multiple=True, metavar="NAME=VALUE", help="Set a parameter."
)
@click.option("--run-id", metavar="ID", help="The identity of the run; who gives it again finds what is there.")
@click.option(
    "--journal",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write down what happens; called again with it, the run is taken up where it was left.",
)
@click.option("--wait/--no-wait", default=True, help="Follow it until it has ended (the default).")
@click.option("--timeout", type=AGE, metavar="TIME", help="Follow it no longer than: 90s, 30m, 24h.")
@click.option("--dry-run", is_flag=True, help="Have the cluster check everything, and keep nothing.")
@click.option("--force", is_flag=True, help="Overwrite what others have changed in documents that are there.")
@json_option
@max_bytes_option
@with_settings
@click.pass_context
def command(
    ctx: click.Context,
    *,
    config: Config,
    inputs: tuple[str, ...],
    engine: str | None,
    context: str,
    namespace: str,
    local: bool,
    parallel: int | None,
    cache: bool,
    folder: str,
    optimizers: str | None,
    parameters: tuple[tuple[str, str], ...],
    run_id: str | None,
    journal: Path | None,
    wait: bool,
    timeout: float | None,
    dry_run: bool,
    force: bool,
    output_format: str,
) -> None:
    """Submits workflows to their engine, with all that they need beside them, and follows them to their ends.

    Templates, permissions and the like are put in place first, then the workflows are created: from what was optimized
    by -p, or from the files as they are. Nothing is submitted twice, however often the command is interrupted, killed
    and called again with the same --run-id or --journal.
    """
    from functools import partial

    from couler_plugins.cli.cache_options import opened
    from couler_plugins.cli.run_outcome import print_outcome
    from couler_plugins.cli.running import Asked, Local, run
    from couler_plugins.cli.work import read_inputs, working
    from couler_plugins.hookspecs.running import Where

    if dry_run and journal is not None:
        raise click.UsageError("--dry-run keeps nothing: leave --journal out.")
    if timeout is not None and not wait:
        raise click.UsageError("--timeout needs somebody who waits: leave --no-wait out.")
    if local and (context or namespace):
        raise click.UsageError("--local runs it here: leave --context and --namespace out.")
    if local and not wait:
        raise click.UsageError("--local runs it here, and it ends with this process: leave --no-wait out.")
    if not local and (parallel or cache):
        raise click.UsageError("--parallel and --cache are for --local.")
    if cache and not config.cache_store:
        raise click.UsageError(
            "--cache needs to know the store: set COULER_CACHE_STORE, or cache-store in couler.toml."
        )
    asked = Asked(
        where=Where(context=context, namespace=namespace, folder=folder if local else ""),
        run=run_id,
        parameters=dict(parameters),
        pipeline=optimizers,
        journal=journal,
        wait=wait and not dry_run,
        timeout=timeout,
        dry_run=dry_run,
        force=force,
        local=Local(parallel, partial(opened, config, writing=True) if cache else None),
    )
    files = read_inputs(inputs, config)
    with working(config, engine=engine) as session:
        done = run(files, session, asked, quiet=config.log_level == "error")
    ctx.exit(print_outcome(done, asked, as_json=output_format == "json"))
