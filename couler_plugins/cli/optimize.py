"""`couler optimize`."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from couler_plugins.cli.settings import (
    engine_option,
    inputs_argument,
    json_option,
    max_bytes_option,
    pipeline_option,
    render_option,
    scope_depth_option,
    to_option,
    with_settings,
)
from couler_plugins.config import Config

__all__ = ["command"]

log = logging.getLogger(__name__)


@click.command(
    "optimize",
    epilog="""\b
Examples:
  couler optimize workflow.yaml > optimized.yaml
  couler optimize -p dedupe manifests/ -o optimized/
  couler optimize -p 'dedupe,./my_pass.py:MyPass{limit=3}' manifests/ -o optimized/
  couler optimize --check manifests/
  couler optimize -p 'tune{trials=8}' workflow.yaml > tuned.yaml
  couler optimize -p 'tune{tuner="llm{model=qwen3,url=http://localhost:8000/v1}"}' workflow.yaml
""",
)
@inputs_argument
@pipeline_option
@to_option
@engine_option
@render_option
@click.option("-o", "--output", metavar="PATH", help="Where to write: a file, a folder for several, - for stdout.")
@click.option("-i", "--in-place", is_flag=True, help="Replace the files themselves.")
@click.option("--save-plan", metavar="FILE", help="Keep how workflows were split, for --previous of a later call.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if anything would change.")
@json_option
@max_bytes_option
@scope_depth_option
@with_settings
@click.pass_context
def command(
    ctx: click.Context,
    *,
    config: Config,
    inputs: tuple[str, ...],
    engine: str | None,
    render: bool,
    output: str | None,
    in_place: bool,
    save_plan: str | None,
    check: bool,
    output_format: str,
) -> None:
    """Rewrites workflows so that they do the same at lower cost, and changes only the lines that this needs.

    Searches folders for *.yaml, *.yml and *.json. With --format json, prints a record of each file instead of its text;
    -o and --in-place write the text all the same.
    """
    from couler_plugins.cli.finish import finish
    from couler_plugins.cli.outputs import Destination, replace_file
    from couler_plugins.cli.work import read_workflows, working
    from couler_plugins.inputs import optimize_inputs
    from couler_plugins.planfile import parts_text

    if check and (output is not None or in_place):
        raise click.UsageError("--check writes nothing: leave out -o and --in-place.")
    if output_format == "json" and output == "-":
        raise click.UsageError("--format json prints records on stdout: -o - is taken.")
    silent = check or (output_format == "json" and output is None and not in_place)
    with working(config, engine=engine) as session:
        files = read_workflows(inputs, config, session, render=render)
        destination = None if silent else Destination.of(output, in_place, inputs, files)
        result = optimize_inputs(files, config.pipeline, session)
    if save_plan is not None and not check:
        replace_file(Path(save_plan), parts_text(result.parts))
    records = ("workflows", "decisions", "edits") if output_format == "json" else None
    checked = files if check else None
    ctx.exit(finish(result, destination, schema="couler.optimize/v1", records=records, checked=checked))
