"""`couler diff`."""

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
    "diff",
    epilog="""\b
Examples:
  couler diff workflow.yaml
  couler diff dags/train.py
  couler diff manifests/ | patch -p0
  couler diff --exit-code -p dedupe workflow.yaml
""",
)
@inputs_argument
@pipeline_option
@to_option
@engine_option
@render_option
@click.option("--exit-code", is_flag=True, help="Exit with 1 if there are differences, as diff does.")
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
    exit_code: bool,
    output_format: str,
) -> None:
    """Shows what `couler optimize` would change, as a unified diff; with --format json, as a list of edits."""
    from couler_plugins.cli.messages import use_color
    from couler_plugins.cli.outputs import write_bytes
    from couler_plugins.cli.records import file_record, print_json
    from couler_plugins.cli.unified import unified_diff
    from couler_plugins.cli.work import read_workflows, report_exit, say_refused, say_unchanged, working
    from couler_plugins.inputs import optimize_inputs

    with working(config, engine=engine) as session:
        files = read_workflows(inputs, config, session, render=render)
        result = optimize_inputs(files, config.pipeline, session)
    if output_format == "json":
        print_json("couler.diff/v1", {"files": [file_record(file, ("edits",)) for file in result.files]})
    else:
        color = use_color(config)
        for file in result.files:
            if file.status == "changed":
                write_bytes(unified_diff(file.original or "", file.text or "", file.name, color=color))
        write_bytes(unified_diff("", result.added, "added.yaml", color=color) if result.added else "")
    errors = [file.error for file in result.files]
    say_refused(errors)
    say_unchanged(result)
    ctx.exit(report_exit(errors, files) or int(exit_code and result.changed))
