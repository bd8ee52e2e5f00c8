"""`couler history`."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

import click

from couler_plugins.cli.messages import log_retries
from couler_plugins.cli.outputs import write_text
from couler_plugins.cli.settings import engine_option, max_bytes_option, with_settings
from couler_plugins.cli.work import usable_plugins
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.hookspecs.past_runs import Archive, ArchiveSource
from couler_plugins.options.config import Config
from couler_plugins.plugins import Plugins


@click.command(
    "history",
    epilog="""\b
Examples:
  couler history train --engine airflow --from https://airflow.example.com -o runs.json
  couler history train report --engine airflow --from database --newest 50 > runs.json
  couler history train --engine kfp --from https://kubeflow.example.com/pipeline -o runs.json
  couler explain dags/train.py --history runs.json
""",
)
@click.argument("workflows", nargs=-1, required=True, metavar="WORKFLOW...")
@click.option("--from", "place", default="", metavar="PLACE", help="The URL of the engine's API, or `database`.")
@engine_option
@click.option(
    "--newest", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Number of runs of each workflow."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Where to write; - for stdout.")
@max_bytes_option
@with_settings
def command(
    *,
    config: Config,
    workflows: tuple[str, ...],
    place: str,
    engine: str | None,
    newest: int,
    output: Path | None,
) -> None:
    """Fetches past runs of workflows, as a file for --history.

    Reads Airflow and KFP. For Argo, use `argo get -o json`. The file has the times, attempts and outcome of each
    step, but no values and no code.

    Without --from, the URL is in COULER_AIRFLOW_URL or COULER_KFP_URL. Credentials for Airflow are in
    COULER_AIRFLOW_TOKEN, or in COULER_AIRFLOW_USERNAME and COULER_AIRFLOW_PASSWORD. A token for KFP is in
    COULER_KFP_TOKEN. `--from database` reads Airflow's database, on a host that is set up like its scheduler.
    """
    source = ArchiveSource(place=place, max_bytes=config.max_bytes)
    with contextlib.redirect_stdout(sys.stderr):  # engines may print what they do: stdout is for data
        document = _archive_of(usable_plugins(config), engine, source).fetch(workflows, newest)
    write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", output)


def _archive_of(plugins: Plugins, engine: str | None, source: ArchiveSource) -> Archive:
    """What fetches runs from an engine, or from the only one that lets them be fetched.

    Raises:
        InvalidInput: there is no such engine, or several could be meant.
        Unsupported: the engine's own tools write its history.
    """
    log_retries()
    names = list(plugins.adapters) if engine is None else [engine]
    archives = {name: archive for name in names if (archive := plugins.adapter(name).archive(source)) is not None}
    if len(archives) == 1:
        return next(iter(archives.values()))
    if engine is None:
        several = " or ".join(f"--engine {name}" for name in archives)
        raise InvalidInput("no engine is given", hint=f"give {several or '--engine'}")
    hint = "name what its own tools print with --history"
    raise Unsupported(f"runs of {engine} are not fetched", engine=engine, feature="history", hint=hint)
