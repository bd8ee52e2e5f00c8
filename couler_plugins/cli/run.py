"""`couler run`, and what it says of what became of runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import click
import msgspec

from couler_plugins.cli.cache_options import AGE, opened
from couler_plugins.cli.messages import write_bytes
from couler_plugins.cli.records import print_json
from couler_plugins.cli.running import RunReport, RunRequest, described, run, some_of
from couler_plugins.cli.settings import KeyValue, engine_option, json_option, target_options
from couler_plugins.cli.work import FileCall, file_command
from couler_plugins.errors import PluginFailure
from couler_plugins.hookspecs.running import Failure, Where
from couler_plugins.running.runners import Local

SHOWN = 5
"""Steps that failed which are shown with what they printed."""


@file_command(
    "run",
    engine_option,
    target_options,
    click.option(
        "--local",
        is_flag=True,
        help="Run it on this machine, without a cluster. Takes steps that are Python or scripts; with --containers, "
        "containers as well.",
    ),
    click.option(
        "--containers",
        type=click.Choice(["podman", "docker", "none"]),
        default="none",
        metavar="PROGRAM",
        help="With --local: run each step in its image, by podman or docker. Default: none, scripts run as processes.",
    ),
    click.option(
        "--parallel", type=click.IntRange(1), metavar="N", help="With --local: run at most N steps at a time."
    ),
    click.option("--cache", is_flag=True, help="With --local: reuse results of pure steps from the artifact cache."),
    click.option(
        "--folder",
        type=click.Path(file_okay=False),
        default="couler-run",
        show_default=True,
        metavar="DIR",
        help="With --local: the folder for logs and outputs of the steps.",
    ),
    click.option("-p", "--pipeline", "optimizers", metavar="TEXT", help="Optimize first: split, or cache,split{…}."),
    click.option(
        "--parameter", "parameters", type=KeyValue(), multiple=True, metavar="NAME=VALUE", help="Set a parameter."
    ),
    click.option(
        "--run-id", metavar="ID", help="The identity of the run. A call with the same ID finds the existing run."
    ),
    click.option(
        "--journal",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Record the run in FILE. A call with the same FILE continues the run.",
    ),
    click.option("--wait/--no-wait", default=True, help="Follow the run until it has ended (the default)."),
    click.option("--timeout", type=AGE, metavar="TIME", help="Follow the run at most this long: 90s, 30m, 24h."),
    click.option("--dry-run", is_flag=True, help="Let the cluster check everything, but create nothing."),
    click.option("--force", is_flag=True, help="Overwrite changes that others made to existing objects."),
    json_option,
    searches=False,
    epilog="""\b
Examples:
  couler run workflow.yaml
  couler run -p split big.yaml --namespace ml --journal run.jsonl
  couler run optimized/ --parameter date=2026-01-31 --run-id nightly-31 --no-wait
  couler run optimized/ --dry-run
  couler run pipeline.yaml --local
  couler run workflow.yaml --local --containers podman
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
def command(
    call: FileCall,
    *,
    context: str,
    namespace: str,
    local: bool,
    containers: Literal["podman", "docker", "none"],
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
) -> int:
    """Submits workflows to their engine, and follows them.

    Applies templates, permissions and other objects first, then creates the workflows. With -p, optimizes them
    before. Never submits a workflow twice under the same --run-id or --journal, even if the command was killed.
    """
    if dry_run and journal is not None:
        raise click.UsageError("--dry-run keeps nothing: leave --journal out.")
    if timeout is not None and not wait:
        raise click.UsageError("--timeout cannot be combined with --no-wait.")
    if local and (context or namespace):
        raise click.UsageError("--local uses no cluster: leave --context and --namespace out.")
    if local and not wait:
        raise click.UsageError("--local cannot be combined with --no-wait: the run ends with this process.")
    if not local and (parallel or cache or containers != "none"):
        raise click.UsageError("--parallel, --cache and --containers are for --local.")
    if cache and containers != "none":
        raise click.UsageError("--cache cannot be combined with --containers: no key covers what is in an image.")
    if cache and not call.config.cache_store:
        raise click.UsageError(
            "--cache needs to know the store: set COULER_CACHE_STORE, or cache-store in couler.toml."
        )
    request = RunRequest(
        where=Where(context=context, namespace=namespace, folder=folder if local else ""),
        run=run_id,
        parameters=dict(parameters),
        pipeline=optimizers,
        journal=journal,
        wait=wait and not dry_run,
        timeout=timeout,
        dry_run=dry_run,
        force=force,
        local=Local(
            parallel,
            partial(opened, call.config, writing=True) if cache else None,
            containers if containers != "none" else None,
        ),
    )
    with call.session() as session:
        done = run(call.files, session, request, quiet=call.config.log_level == "error")
    return print_outcome(done, request, as_json=call.as_json)


def print_outcome(done: RunReport, request: RunRequest, *, as_json: bool) -> int:
    """Says what became of it; returns the exit code."""
    if as_json:
        print_json("couler.run/v1", _record(done, request))
    else:
        write_bytes("".join(f"{line}\n" for line in _lines(done, request)))
    failed = any(entry.phase == "failed" for entry in done.outcome.entries.values())
    return PluginFailure.exit_code if failed or (request.wait and not done.outcome.succeeded) else 0


def _lines(done: RunReport, request: RunRequest) -> Iterator[str]:
    for job in done.jobs:
        if not job.runs or job.name not in done.outcome.entries:
            continue
        entry, status = done.outcome.entries[job.name], done.outcome.running.get(job.name)
        if request.dry_run:
            if entry.outcome == "gathered":
                continue
            yield f"{job.place}: would be created"
        elif status is not None:
            yield f"{job.place}: {described(status)}"
        else:
            yield f"{job.place}: {entry.phase}{f' ({entry.message})' if entry.message else ''}"
        yield from (f"  {item.name} = {item.value}" for item in entry.outputs)
        yield from _failed(done.failures.get(job.name, ()))
    if not any(job.runs for job in done.jobs):
        yield "there is no workflow among the documents: they were applied, and nothing runs"


def _failed(failures: Sequence[Failure]) -> Iterator[str]:
    for failure in failures[:SHOWN]:
        message = f" ({failure.message})" if failure.message else ""
        yield f"  {failure.step}: failed{message}"
        yield from (f"    | {line}" for line in failure.log)
        yield from [f"    its log is not here: {failure.note}"] if failure.note else []
    if more := [failure.step for failure in failures[SHOWN:]]:
        yield f"  and failed as well: {some_of(more)}"


def _record(done: RunReport, request: RunRequest) -> dict[str, Any]:
    records = []
    for job in done.jobs:
        entry, status = done.outcome.entries.get(job.name), done.outcome.running.get(job.name)
        record: dict[str, Any] = {"name": job.name, "place": job.place, "runs": job.runs}
        if entry is not None:
            record |= {"submitted": entry.outcome, "phase": entry.phase or "running", "message": entry.message}
            record["outputs"] = msgspec.to_builtins(entry.outputs)
        if (submitted := done.outcome.submitted.get(job.name)) is not None:
            record["before"] = submitted.before
        if job.name in done.failures:
            record["failures"] = msgspec.to_builtins(done.failures[job.name])
        if status is not None:
            record |= msgspec.to_builtins(status)
        records.append(record)
    return {"run": done.run, "engine": done.engine, "dry_run": request.dry_run, "jobs": records}
