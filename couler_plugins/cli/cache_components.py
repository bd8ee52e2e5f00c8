"""`couler cache component-run`: the command of a wrapped KFP component. Whatever is wrong with the cache, it runs."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click
import msgspec

from couler_plugins.caching.artifacts import Meta
from couler_plugins.caching.dataplane.child import run_command
from couler_plugins.caching.dataplane.components import ComponentRun, child_environment, provide_program
from couler_plugins.caching.dataplane.deadline import time_limit
from couler_plugins.cli.cache_arguments import named
from couler_plugins.cli.cache_options import (
    TEXT,
    harmless,
    opened,
    provenance_options,
    store_options,
    tidy,
    timeout_option,
)
from couler_plugins.cli.cache_steps import NOT_KEPT, NOT_RESTORED, HarmlessCommand
from couler_plugins.cli.settings import with_settings
from couler_plugins.errors import EngineError
from couler_plugins.options.config import Config

END = "--"


class CommandAnyway(HarmlessCommand):
    """A command that runs what follows `--`, also where its own arguments or settings are wrong."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Reads the arguments."""
        self._words = args[args.index(END) + 1 :] if END in args else ["false"]
        return super().make_context(info_name, args, parent, **extra)

    def _warn(self, folder: Path | None, reason: str) -> None:
        super()._warn(folder, reason)
        raise click.exceptions.Exit(run_command(self._words, environment=child_environment()))


@click.command(
    "component-run",
    hidden=True,
    cls=CommandAnyway,
    what=NOT_RESTORED,
    context_settings={"allow_interspersed_args": False},
)
@click.option("--executor-input", required=True, type=TEXT, metavar="JSON", help="What the launcher tells of the run.")
@click.option("--spec", required=True, metavar="HASH", help="The hash of the component.")
@click.option("--identity", is_flag=True, help="The command reads names and addresses of its input artifacts.")
@click.option("--input", "inputs", type=TEXT, multiple=True, metavar="NAME=PATH", help="An input artifact.")
@click.option("--output", "outputs", type=TEXT, multiple=True, metavar="NAME=PATH", help="An output artifact.")
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND [ARGS]...")
@provenance_options
@timeout_option
@store_options
@with_settings
@click.pass_context
def component_run(
    ctx: click.Context,
    *,
    config: Config,
    executor_input: str,
    spec: str,
    identity: bool,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    arguments: tuple[str, ...],
    meta: Meta,
    timeout: float | None,
) -> None:
    """Runs the command of a KFP component, or restores its result. Exits with the command's exit code.

    A failure of the cache is a warning, and the command runs.
    """
    environment, key = child_environment(), ""
    with harmless(NOT_RESTORED, bad_input=True), tidy(), time_limit(timeout):
        run = ComponentRun(executor_input, _paths(inputs), _paths(outputs))
        if run.is_cached:
            key = run.key(spec, arguments, identity=identity)
            with opened(config) as cache:
                if run.restore(cache, key):
                    sys.stderr.write("couler: this result was computed before\n")
                    return
    began = time.monotonic()
    code = run_command(arguments, environment=environment)
    if code == 0 and key:
        meta = msgspec.structs.replace(meta, seconds=time.monotonic() - began)
        with harmless(NOT_KEPT, bad_input=True), tidy(), time_limit(timeout):
            with opened(config, writing=True) as cache:
                refusal = run.keep(cache, key, meta)
            if refusal:
                raise EngineError(refusal)
    ctx.exit(code)


@click.command("component-program", hidden=True)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--packages", type=click.Path(path_type=Path), multiple=True, help="The packages, instead of all here.")
def component_program(*, folder: Path, packages: tuple[Path, ...]) -> None:
    """Copies this program into a folder, to be run from there in other images that have a shell.

    It is what an init container of a wrapped KFP component does. Exits with 0, whatever happens.
    """
    with harmless("the program cannot be copied", bad_input=True):
        provide_program(folder, packages or [Path(path) for path in sys.path if path.endswith("-packages")])


def _paths(texts: tuple[str, ...]) -> dict[str, Path]:
    return {name: Path(path) for name, path in map(named, texts)}
