"""What the commands on files have in common: reading the inputs, loading the plugins, running the work."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence

import click

from couler_plugins import inputs
from couler_plugins.cli.messages import counted, nothing_in, say_error
from couler_plugins.cli.progress import Progress
from couler_plugins.config import Config
from couler_plugins.documents import SourceFile
from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.plugins import load_plugins
from couler_plugins.results import Result
from couler_plugins.rewrite import Session
from couler_plugins.scopes import set_places
from couler_plugins.sources import Input, read_source, read_stream

__all__ = [
    "read_inputs",
    "read_workflows",
    "refused_exit",
    "report_exit",
    "say_empty",
    "say_refused",
    "say_unchanged",
    "working",
]

log = logging.getLogger(__name__)


def read_inputs(arguments: Sequence[str], config: Config) -> list[Input]:
    """Read what the arguments name; stdin where they are `-`, or where there are none and something is piped in.

    Raises:
        click.UsageError: there is nothing to read.
    """
    files = read_source(_places(arguments), config.max_bytes)
    return [*_stdin(arguments, config), *set_places(files, config.scope_depth)]


def read_workflows(
    arguments: Sequence[str], config: Config, session: Session, *, kinds: Iterable[str] = (), render: bool = False
) -> list[Input]:
    """As `read_inputs`, but for what holds no workflow in folders; say what was skipped there.

    Raises:
        click.UsageError: there is nothing to read.
        InvalidInput: there is something, and it is empty.
    """
    stream = _stdin(arguments, config)
    found, skips = inputs.read_workflows(_places(arguments), config, session, kinds=kinds, render=render)
    files = [*stream, *found]
    if files and all(item.file is not None and _is_empty(item.file) for item in files):
        raise InvalidInput("there is no document in it", file=files[0].name, hint="give a file or folder of workflows")
    if config.log_level != "error" and any(item.error is None for item in found):
        for line in skips.lines():
            click.echo(line, err=True)
    return files


def _places(arguments: Sequence[str]) -> list[str]:
    return [argument for argument in arguments if argument != "-"]


def _stdin(arguments: Sequence[str], config: Config) -> list[Input]:
    if not arguments and (sys.stdin is None or sys.stdin.isatty()):
        raise click.UsageError("Give a file, a folder or a glob, or pipe something in.")
    if arguments and "-" not in arguments:
        return []
    return [read_stream(sys.stdin.buffer, "<stdin>", config.max_bytes)]


def _is_empty(file: SourceFile) -> bool:
    return file.format != "python" and all(document.data is None for document in file.documents)


@contextlib.contextmanager
def working(config: Config, *, engine: str | None = None) -> Iterator[Session]:
    """The plugins and all that goes with them; what plugins print goes to stderr, stdout is for data."""
    with contextlib.redirect_stdout(sys.stderr), Progress(config) as report:
        plugins = load_plugins(config)
        for record in plugins.failed:
            log.warning("the plugin %s is not wholly usable: %s", record.name, "; ".join(record.errors))
        yield inputs.session(config, plugins, engine=engine, report=report)


def say_refused(errors: Iterable[CoulerError | None]) -> None:
    """Print the error of every refused file; of several that differ in nothing but the place, the first and a count."""
    alike: dict[tuple[str, str | None], list[CoulerError]] = {}
    for error in errors:
        if error is not None:
            alike.setdefault((error.message, error.hint), []).append(error)
    for first, *others in alike.values():
        say_error(first, others)


def say_empty(result: Result, files: Sequence[Input]) -> None:
    """Say on stderr which of the files that somebody named hold no workflow."""
    for file, item in zip(result.files, files, strict=True):
        if item.named and file.status != "refused" and not file.workflows:
            sys.stderr.write(f"{file.name}: {nothing_in(file.name)}\n")


def say_unchanged(result: Result) -> None:
    """Say on stderr that nothing would change, and of how many workflows."""
    with_workflows = [file for file in result.files if file.status != "refused" and file.workflows]
    if result.changed or not with_workflows:
        return
    workflows = counted(sum(file.workflows for file in with_workflows), "workflow")
    sys.stderr.write(f"No changes in {workflows} of {counted(len(with_workflows), 'file')}.\n")


def refused_exit(errors: Iterable[CoulerError | None]) -> int:
    """Return the exit code that these errors call for; 0 where there are none."""
    return max((error.exit_code for error in errors if error is not None), default=0)


def report_exit(errors: Iterable[CoulerError | None], files: Sequence[Input]) -> int:
    """Return the exit code of a report on files: one that is refused is a finding, unless somebody named it."""
    found = {item.name for item in files if not item.named}
    code = InvalidInput.exit_code
    codes = [(1 if item.exit_code == code and item.file in found else item.exit_code) for item in errors if item]
    return max(codes, default=0)
