"""What the commands on files have in common: reading the inputs, loading the plugins, running the work."""

from __future__ import annotations

import contextlib
import functools
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
import msgspec

from couler_plugins.cli.messages import Progress, counted, nothing_in, say, say_error
from couler_plugins.cli.settings import inputs_argument, max_bytes_option, scope_depth_option, with_settings
from couler_plugins.documents import SourceFile
from couler_plugins.documents.mappings import by_key
from couler_plugins.driver import session as inputs
from couler_plugins.driver.pipeline import assuming_pure, parse_pipeline
from couler_plugins.driver.results import Result
from couler_plugins.driver.rewrite import Session
from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.hookspecs import Optimizer
from couler_plugins.inputs.sources import Input, read_source, read_stream, set_places
from couler_plugins.options.config import Config
from couler_plugins.plan import Plan
from couler_plugins.plugins import Plugins, load_plugins

if TYPE_CHECKING:  # nobody pays for it where no history is named
    from couler_plugins.costs.report import CostReport

log = logging.getLogger(__name__)
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class FileCall(msgspec.Struct, kw_only=True):
    """One call of a command on files.

    Attributes:
        config: the settings.
        arguments: what names the files.
        engine: the only engine whose documents are looked at; None for all.
        render: whether charts and kustomizations are rendered.
        output_format: what is printed: `text`, `json`, or what else the command has.
        searches: whether folders are searched for workflows; without, all their files are read.
        input_scale: how large the input of the next run is, beside that of past runs.
        files: what was read, once the session is open.
    """

    config: Config
    arguments: tuple[str, ...]
    engine: str | None
    render: bool
    output_format: str
    searches: bool
    input_scale: float
    files: list[Input] = msgspec.field(default_factory=list)

    @property
    def as_json(self) -> bool:
        """Whether JSON is printed."""
        return self.output_format == "json"

    @contextlib.contextmanager
    def session(self, kinds: Iterable[str] = ()) -> Iterator[Session]:
        """Read the files, and yield what works on them.

        Args:
            kinds: kinds of objects that are read in folders, besides those of workflows.

        Raises:
            click.UsageError: there is nothing to read.
            InvalidInput: there is something, and it is empty.
        """
        if not self.searches:
            self.files = read_inputs(self.arguments, self.config)
        with working(self.config, engine=self.engine) as session:
            if self.searches:
                self.files = read_workflows(self.arguments, self.config, session, kinds=kinds, render=self.render)
            yield session

    def lift(self, session: Session) -> tuple[list[Plan], list[CoulerError]]:
        """Lift the workflows of each file; also the errors of the files that are refused."""
        errors: list[CoulerError] = []

        def refuse(item: Input, error: CoulerError) -> None:
            error.file = error.file or item.name
            errors.append(error)

        return inputs.lift_each(self.files, session, refuse), errors

    def optimize(
        self, session: Session, pipeline: str | Sequence[Optimizer], *, as_read: bool = False
    ) -> tuple[Result, CostReport | None]:
        """Optimize the files; also return what runs cost, where past runs are named.

        Args:
            session: what works on the files.
            pipeline: the optimizers.
            as_read: as that of `CostMeter`; then costs are returned without past runs, too.
        """
        if not (session.history or as_read):
            return inputs.optimize_inputs(self.files, pipeline, session), None
        from couler_plugins.costs.report import CostMeter, CostReport

        meter = CostMeter(self.config.prices, self.input_scale, as_read)
        optimizers = parse_pipeline(pipeline, session.plugins) if isinstance(pipeline, str) else pipeline
        result = inputs.optimize_inputs(self.files, [*optimizers, meter], session)
        versions = tuple(replace(item, versions=item.versions[:-1]) for item in result.workflow_versions)
        costs = [cost for item in versions if (cost := meter.cost(item.versions[0])) is not None]
        return replace(result, optimizers=result.optimizers[:-1], workflow_versions=versions), CostReport(costs, meter)

    def report(self, errors: Sequence[CoulerError | None]) -> int:
        """Print the errors of refused files, and return the exit code of a report on them."""
        say_refused(errors)
        return report_exit(errors, self.files)


def file_command(
    name: str, *options: Decorator, epilog: str | None = None, searches: bool = True
) -> Callable[[Callable[..., int | None]], click.Command]:
    """Make a command on files of a function, which takes a `FileCall` and its own options, and returns an exit code.

    Args:
        name: the command's name.
        options: its options in the order of the help text, but for the last ones that all commands have.
        epilog: the end of its help text.
        searches: as that of `FileCall`.
    """

    def decorate(function: Callable[..., int | None]) -> click.Command:
        @functools.wraps(function)
        def call(
            *,
            config: Config,
            inputs: tuple[str, ...],
            engine: str | None = None,
            render: bool = False,
            output_format: str = "text",
            assume_pure: bool = False,
            input_scale: float = 1.0,
            **own: Any,
        ) -> None:
            if assume_pure:
                origins = {**config.origins, "pipeline": "flag"}
                config = replace(config, pipeline=assuming_pure(config.pipeline), origins=origins)
            files = FileCall(
                config=config,
                arguments=inputs,
                engine=engine,
                render=render,
                output_format=output_format,
                searches=searches,
                input_scale=input_scale,
            )
            click.get_current_context().exit(function(files, **own) or 0)

        command = with_settings(call)
        last = (max_bytes_option, scope_depth_option) if searches else (max_bytes_option,)
        for option in reversed((inputs_argument, *options, *last)):
            command = option(command)
        return click.command(name, epilog=epilog)(command)

    return decorate


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
    inputs_read, skips = inputs.read_workflows(_places(arguments), config, session, kinds=kinds, render=render)
    files = [*stream, *inputs_read]
    if files and all(item.file is not None and _is_empty(item.file) for item in files):
        raise InvalidInput("there is no document in it", file=files[0].name, hint="give a file or folder of workflows")
    if any(item.error is None for item in inputs_read):
        for line in skips.lines():
            say(line)
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
        yield inputs.session(config, usable_plugins(config), engine=engine, report=report)


def usable_plugins(config: Config) -> Plugins:
    """The plugins; those that are not wholly usable are warned of, and what they print goes to stderr."""
    with contextlib.redirect_stdout(sys.stderr):
        plugins = load_plugins(config)
    for record in plugins.loaded:
        if record.errors:
            log.warning("the plugin %s is not wholly usable: %s", record.name, "; ".join(record.errors))
    return plugins


def say_refused(errors: Iterable[CoulerError | None]) -> None:
    """Print the error of every refused file; of several that differ in nothing but the place, the first and a count."""
    alike = by_key(((error.message, error.hint), error) for error in errors if error is not None)
    for first, *others in alike.values():
        say_error(first, others)


def say_empty(result: Result, files: Sequence[Input]) -> None:
    """Say on stderr which of the files that somebody named hold no workflow."""
    for file, item in zip(result.files, files, strict=True):
        if item.named and file.status != "refused" and not file.workflows:
            say(f"{file.name}: {nothing_in(file.name)}")


def say_unchanged(result: Result) -> None:
    """Say on stderr that nothing would change, and of how many workflows."""
    with_workflows = [file for file in result.files if file.status != "refused" and file.workflows]
    if result.changed or not with_workflows:
        return
    workflows = counted(sum(file.workflows for file in with_workflows), "workflow")
    say(f"No changes in {workflows} of {counted(len(with_workflows), 'file')}.")


def refused_exit(errors: Iterable[CoulerError | None]) -> int:
    """Return the exit code that these errors call for; 0 where there are none."""
    return max((error.exit_code for error in errors if error is not None), default=0)


def report_exit(errors: Iterable[CoulerError | None], files: Sequence[Input]) -> int:
    """Return the exit code of a report on files: one that is refused is a finding, unless somebody named it."""
    names = {item.name for item in files if not item.named}
    code = InvalidInput.exit_code
    codes = [(1 if item.exit_code == code and item.file in names else item.exit_code) for item in errors if item]
    return max(codes, default=0)
