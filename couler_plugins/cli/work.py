"""What the commands on files have in common: reading the inputs, loading the plugins, running the work."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence

import click

from couler_plugins.api import Result
from couler_plugins.cli.messages import say_error
from couler_plugins.cli.progress import Progress
from couler_plugins.config import Config
from couler_plugins.discovery import load_plugins
from couler_plugins.inputs import session
from couler_plugins.rewrite import Session
from couler_plugins.sources import Input, read_source, read_stream

__all__ = ["read_inputs", "refused_exit", "say_refused", "working"]

log = logging.getLogger(__name__)


def read_inputs(arguments: Sequence[str], config: Config) -> list[Input]:
    """What the arguments name; stdin where they are `-`, or where there are none and something is piped in.

    Raises:
        click.UsageError: there is nothing to read.
    """
    if not arguments and (sys.stdin is None or sys.stdin.isatty()):
        raise click.UsageError("Give a file, a folder or a glob, or pipe something in.")
    inputs = read_source([argument for argument in arguments if argument != "-"], config.max_bytes, config.scope_depth)
    if not arguments or "-" in arguments:
        inputs.insert(0, read_stream(sys.stdin.buffer, "<stdin>", config.max_bytes))
    return inputs


@contextlib.contextmanager
def working(config: Config, *, engine: str | None = None) -> Iterator[Session]:
    """The plugins and all that goes with them; what plugins print goes to stderr, stdout is for data."""
    with contextlib.redirect_stdout(sys.stderr), Progress(config) as report:
        plugins = load_plugins(config)
        for record in plugins.failed:
            log.warning("the plugin %s is not wholly usable: %s", record.name, "; ".join(record.errors))
        yield session(config, plugins, engine=engine, report=report)


def say_refused(result: Result) -> None:
    """Prints the error of every refused file."""
    for file in result.files:
        if file.error is not None:
            say_error(file.error)


def refused_exit(errors: Iterable[Exception | None]) -> int:
    """The exit code that these errors call for; 0 where there are none."""
    return max((getattr(error, "exit_code", 2) for error in errors if error is not None), default=0)
