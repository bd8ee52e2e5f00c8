"""`couler stop`: tells workflows to stop, again while they end, and says which were told."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click

from couler_plugins.cli.cache_options import AGE
from couler_plugins.cli.messages import log_retries, write_bytes
from couler_plugins.cli.records import print_json
from couler_plugins.cli.settings import engine_option, json_option, target_options, with_settings
from couler_plugins.cli.work import usable_plugins
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.running import Runner, Where
from couler_plugins.options.config import Config
from couler_plugins.running import Journal
from couler_plugins.running.runners import offered_runner, runner_of

PAUSE = 1.0
"""Seconds between two looks."""


class Stop(NamedTuple):
    """What the command line asks for; see the options of `couler stop`."""

    places: Sequence[str]
    journal: Path | None
    engine: str | None
    where: Where
    terminate: bool
    wait: bool
    timeout: float


class Stopped(NamedTuple):
    """What became of one place.

    Attributes:
        place: where it is.
        places: the places of all that was told to stop, its own included.
        phase: how far it is; empty where nobody waited.
    """

    place: str
    places: tuple[str, ...]
    phase: str


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
@click.option("--terminate", is_flag=True, help="Do not run exit handlers.")
@click.option(
    "--wait/--no-wait",
    default=True,
    help="Wait until all has ended (the default), and stop parts that start meanwhile.",
)
@click.option("--timeout", type=AGE, default="5m", show_default=True, metavar="TIME", help="Wait at most this long.")
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
    """Stops workflows, and the parts that they have started.

    Argo alone would let the parts of a split workflow run on. Exits with 1 if something is still running after
    --timeout.
    """
    if bool(places) == (journal is not None):
        raise click.UsageError("Give the names of workflows, or --journal FILE.")
    if journal is not None and (engine or context or namespace):
        raise click.UsageError("The journal names them already: leave --engine, --context and --namespace out.")
    where = Where(context=context, namespace=namespace)
    request = Stop(places, journal, engine, where, terminate, wait, timeout)
    ctx.exit(_print_stopped(_stop(config, request), as_json=output_format == "json"))


def _stop(config: Config, request: Stop) -> list[Stopped]:
    """Stops what is asked for.

    Raises:
        InvalidInput: the journal or the engine is not what it should be.
        EngineError: the engine failed, or has no such workflow.
    """
    plugins = usable_plugins(config)
    places, engine, where = request.places, request.engine, request.where
    if request.journal is not None:
        journal = Journal.read(request.journal)
        assert journal.head is not None
        engine, where = journal.head.engine, journal.head.where
        ended = {name for name, entry in journal.entries.items() if entry.phase}
        places = [
            place for name, (place, _) in journal.head.jobs.items() if name in journal.entries and name not in ended
        ]
    if engine is None:
        offering = [name for name in plugins.adapters if offered_runner(plugins, name, where) is not None]
        if len(offering) != 1:
            some = f"--engine {' or '.join(offering)}" if offering else "--engine"
            raise InvalidInput("no engine is given", hint=f"give {some}")
        engine = offering[0]
    log_retries()
    runner = runner_of(plugins, engine, where)
    deadline = time.monotonic() + request.timeout
    return [_stopped(runner, place, request, deadline) for place in places]


def _stopped(runner: Runner, place: str, request: Stop, deadline: float) -> Stopped:
    """Tells it to stop, and again until it has ended: what it had begun to start may come later."""
    messages = list(runner.stop(place, terminate=request.terminate))
    phase = ""
    while request.wait:
        phase = runner.status(place).phase
        more = runner.stop(place, terminate=request.terminate)
        messages += more
        if (phase in ("succeeded", "failed") and not more) or time.monotonic() >= deadline:
            break
        time.sleep(PAUSE)
    return Stopped(place, tuple(dict.fromkeys(messages)), phase)


def _print_stopped(stopped: Sequence[Stopped], *, as_json: bool) -> int:
    """Says what was stopped; returns the exit code."""
    if as_json:
        print_json(
            "couler.stop/v1",
            {"stopped": [{"place": item.place, "told": item.places, "phase": item.phase} for item in stopped]},
        )
    else:
        lines = []
        for item in stopped:
            lines += [f"{place}: told to stop" for place in item.places]
            if not item.places:
                lines.append(f"{item.place}: it was not running any more")
            elif item.phase:
                lines.append(f"{item.place}: {item.phase}")
        write_bytes("".join(f"{line}\n" for line in lines or ["nothing of it was submitted, or all of it has ended"]))
    return 1 if any(item.phase in ("pending", "running") for item in stopped) else 0
