"""`couler convert`."""

from __future__ import annotations

import click

from couler_plugins.cli.settings import (
    engine_option,
    inputs_argument,
    json_option,
    max_bytes_option,
    scope_depth_option,
    with_settings,
)
from couler_plugins.config import Config

__all__ = ["command"]


@click.command(
    "convert",
    epilog="""\b
Examples:
  couler convert workflow.yaml --to argo
  couler convert manifests/ --to 'argo{version=4.1}' -o converted/
  couler convert workflow.yaml --to airflow -o dags/
  couler convert dags/train.py --to 'argo{image=debian}'
""",
)
@inputs_argument
@click.option("--to", required=True, metavar="ENGINE", help="The engine, and its options: argo{version=4.1}.")
@engine_option
@click.option("-o", "--output", metavar="PATH", help="Where to write: a file, a folder for several, - for stdout.")
@click.option("-i", "--in-place", is_flag=True, help="Replace the files themselves.")
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
    output: str | None,
    in_place: bool,
    output_format: str,
) -> None:
    """Writes workflows for an engine without optimizing them.

    For their own engine that is the identity: a file that its options do not concern keeps every character. For another
    engine each file is written anew, where it can mean the same there; else it is refused, by step and feature.
    """
    from couler_plugins.cli.finish import finish
    from couler_plugins.cli.outputs import Destination
    from couler_plugins.cli.work import read_workflows, working
    from couler_plugins.conversion import convert_inputs

    if output_format == "json" and output == "-":
        raise click.UsageError("--format json prints records on stdout: -o - is taken.")
    silent = output_format == "json" and output is None and not in_place
    with working(config, engine=engine) as session:
        files = read_workflows(inputs, config, session)
        destination = None if silent else Destination.of(output, in_place, inputs, files)
        result = convert_inputs(files, config.to, session)
    records = ("workflows", "decisions", "edits") if output_format == "json" else None
    ctx.exit(finish(result, destination, schema="couler.convert/v1", records=records))
