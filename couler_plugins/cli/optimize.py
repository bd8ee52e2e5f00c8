"""`couler optimize` and `couler convert`: results are written, records printed, people told."""

from __future__ import annotations

import logging
from pathlib import Path

import click
import msgspec

from couler_plugins.cli.messages import counted, nothing_in, say
from couler_plugins.cli.migration import migration_report
from couler_plugins.cli.outputs import Destination, names, write_result
from couler_plugins.cli.records import file_record, print_json
from couler_plugins.cli.settings import (
    engine_option,
    in_place_option,
    json_option,
    output_option,
    pipeline_option,
    render_option,
    to_option,
)
from couler_plugins.cli.work import FileCall, file_command, refused_exit, report_exit, say_refused, say_unchanged
from couler_plugins.driver.conversion import convert_inputs
from couler_plugins.driver.differences import POLICIES, OnUnsupported, Policy
from couler_plugins.driver.results import Result
from couler_plugins.driver.session import optimize_inputs
from couler_plugins.inputs.files import replace_file
from couler_plugins.plan.part_files import parts_text

RECORDS = ("workflows", "decisions", "edits")
log = logging.getLogger(__name__)


@file_command(
    "optimize",
    pipeline_option,
    to_option,
    engine_option,
    render_option,
    output_option,
    in_place_option,
    click.option(
        "--save-plan",
        metavar="FILE",
        help="Write the parts of split workflows to FILE, for --previous of a later call.",
    ),
    click.option("--check", is_flag=True, help="Write nothing; exit with 1 if anything would change."),
    json_option,
    epilog="""\b
Examples:
  couler optimize workflow.yaml > optimized.yaml
  couler optimize -p dedupe manifests/ -o optimized/
  couler optimize -p 'dedupe,./my_pass.py:MyPass{limit=3}' manifests/ -o optimized/
  couler optimize --check manifests/
  couler optimize -p rightsize --history history.jsonl -i manifests/
  couler optimize -p 'tune{trials=8}' workflow.yaml > tuned.yaml
  couler optimize -p 'tune{tuner="llm{model=qwen3,url=http://localhost:8000/v1}"}' workflow.yaml
""",
)
def optimize(call: FileCall, *, output: str | None, in_place: bool, save_plan: str | None, check: bool) -> int:
    """Rewrites workflows to do the same work at lower cost.

    Changes only the lines that an optimization needs. Searches folders for *.yaml, *.yml and *.json. With --format
    json, prints a record of each file instead of its text. -o and --in-place still write the text.
    """
    if check and (output is not None or in_place):
        raise click.UsageError("--check writes nothing: leave out -o and --in-place.")
    _refuse_two_on_stdout(call, output)
    with call.session() as session:
        destination = None if check else _destination(call, output, in_place)
        result = optimize_inputs(call.files, call.config.pipeline, session)
    if save_plan is not None and not check:
        replace_file(Path(save_plan), parts_text(result.parts))
    return _finish(call, result, destination, "couler.optimize/v1", check=check)


@file_command(
    "convert",
    click.option("--to", required=True, metavar="ENGINE", help="The target engine, with options: argo{version=4.1}."),
    engine_option,
    click.option(
        "--on-unsupported",
        type=click.Choice(POLICIES),
        default=POLICIES[0],
        show_default=True,
        help="What to do where the engine cannot do something: refuse the file (error), leave out what concerns whole"
        " runs (warn; drop does not say so), or also put a step that fails in place of each such step (todo).",
    ),
    click.option("--strict", is_flag=True, help="Refuse a file also for a detail that would be left out."),
    click.option(
        "--report", metavar="FILE", help="Write what is carried, left out and to be done, as Markdown (- for stdout)."
    ),
    output_option,
    in_place_option,
    json_option,
    epilog="""\b
Examples:
  couler convert workflow.yaml --to argo
  couler convert manifests/ --to 'argo{version=4.1}' -o converted/
  couler convert workflow.yaml --to airflow -o dags/
  couler convert dags/train.py --to 'argo{image=debian}'
  couler convert repository/ --to tekton --on-unsupported todo --report migration.md -o tekton/
""",
)
def convert(
    call: FileCall,
    *,
    on_unsupported: OnUnsupported,
    strict: bool,
    report: str | None,
    output: str | None,
    in_place: bool,
) -> int:
    """Rewrites workflows for another engine, without optimizing.

    Writes a file for another engine if it computes the same there. Leaves out details of how it is run, and says so on
    top of the file. Refuses other files, and names each step and feature with its line. For a workflow's own engine,
    only the options in --to change the text.
    """
    _refuse_two_on_stdout(call, output)
    if report == "-" and (output in (None, "-") or call.as_json):
        raise click.UsageError("--report - prints the report on stdout: name a folder or a file for the rest with -o.")
    with call.session() as session:
        destination = _destination(call, output, in_place)
        work = msgspec.structs.replace(session, policy=Policy(on_unsupported, strict))
        result = convert_inputs(call.files, call.config.to, work)
    if report is not None:
        text = migration_report(result.files, call.config.to)
        if report == "-":
            click.echo(text, nl=False)
        else:
            replace_file(Path(report), text)
    return _finish(call, result, destination, "couler.convert/v1")


def _refuse_two_on_stdout(call: FileCall, output: str | None) -> None:
    if call.as_json and output == "-":
        raise click.UsageError("--format json prints records on stdout: -o - is taken.")


def _destination(call: FileCall, output: str | None, in_place: bool) -> Destination | None:
    """Where the results go; None where only records are printed."""
    only_records = call.as_json and output is None and not in_place
    return None if only_records else Destination.of(output, in_place, call.arguments, call.files)


def _finish(
    call: FileCall, result: Result, destination: Destination | None, schema: str, *, check: bool = False
) -> int:
    """Writes a result and reports on it.

    Args:
        call: what was asked for.
        result: what to write.
        destination: where to; None to write nothing.
        schema: the schema of the records.
        check: whether the call only checks: a change is a reason to exit with 1.

    Returns:
        The exit code.
    """
    result = result if destination is None else result.to_write()
    for path in write_result(result, destination) if destination is not None else ():
        log.info("wrote %s", path)
    if call.as_json:
        print_json(schema, {"files": [file_record(file, RECORDS) for file in result.files]})
    errors = [file.error for file in result.files]
    say_refused(errors)
    for file in result.files:
        if file.status == "refused" and destination is not None and destination.folder:
            log.warning("%s was not written", file.relative)
        elif file.status != "refused" and not file.workflows:
            log.info("%s: %s", file.name, nothing_in(file.name))
        elif check and file.status == "changed":
            log.warning("%s would change", file.name)
        for decision in file.decisions:
            log.log(logging.WARNING if decision.loss in ("run", "step") else logging.INFO, "%s", decision)
    if destination is not None and destination.in_place:
        refused = [file.name for file in result.files if file.status == "refused"]
        lost = f", {len(refused):,} not written because of an error: {names(refused, 5)}" if refused else ""
        changed = sum(file.status == "changed" for file in result.files)
        say(f"{changed:,} of {counted(len(result.files), 'file')} changed{lost}")
    if not check:
        return refused_exit(errors)
    say_unchanged(result)
    return report_exit(errors, call.files) or int(result.changed)
