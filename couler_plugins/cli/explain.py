"""`couler explain`."""

from __future__ import annotations

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


@click.command(
    "explain",
    epilog="""\b
Examples:
  couler explain workflow.yaml
  couler explain dags/train.py
  couler explain -p dedupe --format json manifests/
""",
)
@inputs_argument
@pipeline_option
@to_option
@engine_option
@render_option
@json_option
@max_bytes_option
@scope_depth_option
@with_settings
@click.pass_context
def command(
    ctx: click.Context, *, config: Config, inputs: tuple[str, ...], engine: str | None, render: bool, output_format: str
) -> None:
    """Says what `couler optimize` would do: per file and optimizer, to which step, why, and with which figures."""
    from couler_plugins.cli.explanation import print_explanation
    from couler_plugins.cli.messages import use_color
    from couler_plugins.cli.records import file_record, print_json
    from couler_plugins.cli.work import read_workflows, report_exit, say_refused, working
    from couler_plugins.inputs import optimize_inputs
    from couler_plugins.parallelism.advice import SplitAdvice
    from couler_plugins.parallelism.optimizer import Split
    from couler_plugins.pipeline import parse_pipeline

    with working(config, engine=engine) as session:
        files = read_workflows(inputs, config, session, render=render)
        optimizers = parse_pipeline(config.pipeline, session.plugins)
        advice = [] if any(item.name == Split.name for item in optimizers) else [SplitAdvice()]
        result = optimize_inputs(files, [*optimizers, *advice], session)
    if output_format == "json":
        records = [file_record(file, ("workflows", "passes")) for file in result.files]
        print_json("couler.explain/v1", {"pipeline": config.pipeline, "files": records})
    else:
        print_explanation(result, rich=use_color(config))
    errors = [file.error for file in result.files]
    say_refused(errors)
    ctx.exit(report_exit(errors, files))
