"""`couler explain`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from couler_plugins.results import Result

__all__ = ["command"]


@click.command(
    "explain",
    epilog="""\b
Examples:
  couler explain workflow.yaml
  couler explain dags/train.py
  couler explain --only cache .
  couler explain -p dedupe --format json manifests/
""",
)
@inputs_argument
@pipeline_option
@to_option
@engine_option
@render_option
@click.option(
    "--only",
    metavar="NAMES",
    multiple=True,
    help="Show only these optimizers, with commas between them; repeatable.",
)
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
    only: tuple[str, ...],
    output_format: str,
) -> None:
    """Shows what `couler optimize` would change and why, what prevents caching of each step, and a total."""
    from couler_plugins.cli.explanation import print_explanation
    from couler_plugins.cli.messages import use_color
    from couler_plugins.cli.records import file_record, print_json
    from couler_plugins.cli.totals import total_record
    from couler_plugins.cli.work import read_workflows, report_exit, say_empty, say_refused, working
    from couler_plugins.decision_lines import with_lines
    from couler_plugins.inputs import optimize_inputs
    from couler_plugins.parallelism.advice import SplitAdvice
    from couler_plugins.parallelism.optimizer import Split
    from couler_plugins.pipeline import parse_pipeline

    with working(config, engine=engine) as session:
        files = read_workflows(inputs, config, session, render=render)
        optimizers = parse_pipeline(config.pipeline, session.plugins)
        advice = [] if any(item.name == Split.name for item in optimizers) else [SplitAdvice()]
        result = optimize_inputs(files, [*optimizers, *advice], session)
    result = with_lines(_only(result, only), (item.file for item in files if item.file is not None))
    if output_format == "json":
        records = [file_record(file, ("workflows", "passes")) for file in result.files]
        content = {"pipeline": config.pipeline, "files": records, "total": total_record(result)}
        print_json("couler.explain/v1", content)
    else:
        print_explanation(result, color=use_color(config))
    say_empty(result, files)
    errors = [file.error for file in result.files]
    say_refused(errors)
    ctx.exit(report_exit(errors, files))


def _only(result: Result, names: tuple[str, ...]) -> Result:
    """The result with the passes of these optimizers; all of them where none is named.

    Raises:
        click.UsageError: one of them did not run.
    """
    wanted = {name.strip() for text in names for name in text.split(",") if name.strip()}
    if not wanted:
        return result
    ran = {text.partition("{")[0] for text in result.optimizers}
    if lost := sorted(wanted - ran):
        raise click.UsageError(f"--only names {lost[0]!r}, which did not run; these did: {', '.join(sorted(ran))}.")
    files = (
        replace(file, passes=tuple(item for item in file.passes if item.optimizer.partition("{")[0] in wanted))
        for file in result.files
    )
    optimizers = tuple(text for text in result.optimizers if text.partition("{")[0] in wanted)
    return replace(result, files=tuple(files), optimizers=optimizers)
