"""`couler explain`, with the total at its end."""

from __future__ import annotations

from dataclasses import replace

import click

from couler_plugins.caching.optimizer import Cache
from couler_plugins.caching.result_keys import ResultKeys
from couler_plugins.cli.cache_options import store_options
from couler_plugins.cli.explanation import print_explanation, with_lines
from couler_plugins.cli.messages import write_bytes
from couler_plugins.cli.outputs import columns
from couler_plugins.cli.records import file_record, print_json
from couler_plugins.cli.settings import (
    engine_option,
    input_scale_option,
    json_option,
    pipeline_option,
    render_option,
    to_option,
)
from couler_plugins.cli.stored_results import read_results, results_record
from couler_plugins.cli.verdicts import total_record
from couler_plugins.cli.work import FileCall, file_command, say_empty
from couler_plugins.driver.pipeline import parse_pipeline
from couler_plugins.driver.results import Result
from couler_plugins.parallelism.optimizer import Split
from couler_plugins.parallelism.report import SplitAdvice


@file_command(
    "explain",
    pipeline_option,
    to_option,
    engine_option,
    render_option,
    input_scale_option,
    click.option(
        "--only",
        metavar="NAMES",
        multiple=True,
        help="Show only these optimizers. Separate names by commas, or repeat the option.",
    ),
    click.option(
        "--results",
        is_flag=True,
        help="Show what the store has of each step: who made it, when, and until when it is good. --store asks for it, "
        "too.",
    ),
    store_options,
    json_option,
    epilog="""\b
Examples:
  couler explain workflow.yaml
  couler explain dags/train.py
  couler explain --only cache .
  couler explain --store s3://bucket/cache workflow.yaml
  couler explain -p dedupe --format json manifests/
  couler explain -p rightsize --history history.jsonl workflow.yaml
""",
)
def command(call: FileCall, *, only: tuple[str, ...], results: bool) -> int:
    """Shows what `optimize` would change, and what prevents caching.

    Gives a reason for each change and for each step that is not cached, and a total at the end. Changes no file.
    Looks into a store only with --results or --store. With --history, says what a run costs.
    """
    results = results or call.config.origin("cache_store") == "flag"
    with call.session() as session:
        optimizers = parse_pipeline(call.config.pipeline, session.plugins)
        advice = [] if any(item.name == Split.name for item in optimizers) else [SplitAdvice()]
        keys = ResultKeys(any(isinstance(item, Cache) and item.assume_pure for item in optimizers))
        result, costs = call.optimize(session, [*([keys] if results else []), *optimizers, *advice])
    stored = read_results(call.config, keys.keys) if results else None
    result = with_lines(_only(result, only), (item.file for item in call.files if item.file is not None))
    if call.as_json:
        records = [file_record(file, ("workflows", "passes")) for file in result.files]
        content: dict[str, object] = {"pipeline": call.config.pipeline, "files": records, "total": total_record(result)}
        content |= {"results": results_record(stored, result)} if results else {}
        content |= {"cost": costs.costs} if costs is not None else {}
        print_json("couler.explain/v1", content)
    else:
        print_explanation(result, call.config, stored=stored)
        write_bytes("".join(f"{line}\n" for line in (costs.lines(columns) if costs is not None else ())))
    say_empty(result, call.files)
    return call.report([file.error for file in result.files])


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
        message = f"--only names {lost[0]!r}, which did not run; these did: {', '.join(sorted(ran))}."
        raise click.UsageError(f"{message} Add -p {lost[0]} to run it.")
    return replace(
        result,
        files=tuple(
            replace(file, passes=tuple(item for item in file.passes if item.optimizer.partition("{")[0] in wanted))
            for file in result.files
        ),
        optimizers=tuple(text for text in result.optimizers if text.partition("{")[0] in wanted),
    )
