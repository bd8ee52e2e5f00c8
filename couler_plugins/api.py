"""The library: lift, lint, optimize, lower and convert what a path, a text or a mapping holds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from couler_plugins.collector import collector_paused
from couler_plugins.config import Config, load_config
from couler_plugins.contract import optimizer_problem
from couler_plugins.conversion import anew, convert_inputs, target_of
from couler_plugins.discovery import load_plugins
from couler_plugins.errors import CoulerError, InvalidInput, PluginFailure
from couler_plugins.grammar import parse_items
from couler_plugins.ir.bundle import Bundle
from couler_plugins.linting import Linted, lint_inputs
from couler_plugins.pipeline import parse_pipeline
from couler_plugins.plan import Lowered, Plan
from couler_plugins.planfile import read_parts
from couler_plugins.plugins import Plugins
from couler_plugins.results import FileResult, Result
from couler_plugins.rewrite import Session, adapter_errors, rewrite
from couler_plugins.schemas import load_schemas
from couler_plugins.sources import Input, Source, Text, read_source

if TYPE_CHECKING:
    from couler_plugins.documents import SourceFile
    from couler_plugins.hookspecs import Adapter, Optimizer

__all__ = [
    "FileResult",
    "Linted",
    "Result",
    "Source",
    "Text",
    "convert",
    "convert_inputs",
    "lift",
    "lift_each",
    "lift_inputs",
    "lint",
    "lower",
    "optimize",
    "optimize_inputs",
    "originals_in",
    "session",
]

log = logging.getLogger(__name__)


def lift(
    source: Source, *, engine: str | None = None, config: Config | None = None, plugins: Plugins | None = None
) -> Plan:
    """The workflows of a source, as optimizers see them.

    Args:
        source: a path (file, folder, glob), a `Text`, a document as a mapping, or several of these.
        engine: the engine that they are for; told from the documents unless given.
        config: the settings; found as the command line finds them unless given.
        plugins: the plugins; loaded afresh unless given.

    Raises:
        InvalidInput: nothing is there, something cannot be read or lifted, or there are workflows of several engines.
        PluginFailure: an adapter failed.
    """
    config = config or load_config()
    work = session(config, plugins, engine=engine)
    return lift_inputs(read_source(source, config.max_bytes), work, _raise)


def lower(plan: Plan, *, to: str | None = None, plugins: Plugins | None = None) -> Lowered:
    """The documents of a plan, and how they differ from the originals.

    Args:
        plan: what `lift` gave, changed or not.
        to: the engine with its options (`argo{version=4.1}`); the workflows' own unless given. For another one they are
            written anew, and are all in `Lowered.added`.
        plugins: the plugins; loaded afresh unless given.

    Raises:
        InvalidInput: there is no such engine, or no such option.
        Unsupported: the workflows belong to another engine, or hold something that it cannot write.
        PluginFailure: the adapter failed.
    """
    work = session(load_config(), plugins, to=to)
    engines = {workflow.engine for workflow in (*plan.originals, *plan.workflows)} or set(work.to)
    if not engines:
        return Lowered(bundle=plan.bundle, decisions=plan.decisions)
    adapter = work.plugins.adapter(min(engines))
    if to is not None and adapter.engine not in work.to:
        source, adapter = adapter, target_of(work, min(engines))
        plan = anew(plan, source, adapter)
    options = work.options(adapter)
    with collector_paused(), adapter_errors(adapter.engine, "lower()"):
        return adapter.lower(plan, options)


def optimize(
    source: Source,
    pipeline: str | Sequence[Optimizer] | None = None,
    *,
    to: str | None = None,
    engine: str | None = None,
    config: Config | None = None,
    plugins: Plugins | None = None,
) -> Result:
    """Optimizes the workflows of a source; nothing is written, the source stays as it is.

    Args:
        source: a path (file, folder, glob), a `Text`, a document as a mapping, or several of these.
        pipeline: what to run, as text (`dedupe,split{max-steps=200}`) or as optimizers; unless given, what the settings
            say.
        to: options of the engine's adapter (`argo{version=4.1}`).
        engine: the only engine whose documents are looked at; all of them unless given.
        config: the settings; found as the command line finds them unless given.
        plugins: the plugins; loaded afresh unless given.

    Returns:
        One record a file. A file that is refused does not stop the others: `Result.text` and `Result.documents` raise
        its error, `Result.files` holds it.

    Raises:
        InvalidInput: nothing is there, or the pipeline or an option is unknown.
        PluginFailure: an optimizer or an adapter failed.
    """
    config = config or load_config()
    work = session(config, plugins, to=to, engine=engine)
    return optimize_inputs(
        read_source(source, config.max_bytes), config.pipeline if pipeline is None else pipeline, work
    )


def convert(
    source: Source,
    to: str,
    *,
    engine: str | None = None,
    config: Config | None = None,
    plugins: Plugins | None = None,
) -> Result:
    """Writes the workflows of a source for an engine, without optimizing them. The arguments are those of `optimize`.

    What another engine cannot do is refused, file by file.

    Raises:
        InvalidInput: nothing is there, or the engine or an option is unknown.
        PluginFailure: an adapter failed.
    """
    config = config or load_config()
    work = session(config, plugins, to=to, engine=engine)
    return convert_inputs(read_source(source, config.max_bytes), to, work)


def lint(
    source: Source,
    *,
    schemas: Source = (),
    to: str | None = None,
    engine: str | None = None,
    config: Config | None = None,
    plugins: Plugins | None = None,
) -> Linted:
    """What the engines, and an API server, would refuse of a source, with files and lines.

    Args:
        source: a path (file, folder, glob), a `Text`, a document as a mapping, or several of these.
        schemas: a source of CustomResourceDefinitions to check against, or several.
        to: what the engine is like that they are for (`tekton{api=stable}`).
        engine: the only engine whose documents are looked at; all of them unless given.
        config: the settings; found as the command line finds them unless given.
        plugins: the plugins; loaded afresh unless given.

    Returns:
        The findings. A file that cannot be read stops no other: its error is among `Linted.errors`.

    Raises:
        InvalidInput: two engines understand the same document, a schema cannot be used, or `to` is not understood.
        PluginFailure: an adapter failed.
    """
    config = config or load_config()
    work = session(config, plugins, to=to, engine=engine)
    return lint_inputs(read_source(source, config.max_bytes), work, load_schemas(schemas, config.max_bytes))


def session(
    config: Config,
    plugins: Plugins | None = None,
    *,
    to: str | None = None,
    engine: str | None = None,
    report: Callable[[str], None] = log.debug,
) -> Session:
    """What the functions on inputs work with.

    Raises:
        InvalidInput: `to` does not follow the grammar, or names an engine twice, or the history, or how workflows were
            split before, cannot be read.
    """
    options = {}
    for item in parse_items(config.to if to is None else to, "--to"):
        if item.name in options:
            raise InvalidInput(f"--to names {item.name!r} twice", hint="give all options of an engine at once")
        options[item.name] = item.options
    history = [_whole(item) for item in read_source(config.history, config.max_bytes)]
    return Session(
        plugins=plugins or load_plugins(config),
        engine=engine,
        to=options,
        report=report,
        history=history,
        previous=read_parts(config.previous, config.max_bytes) if config.previous else (),
    )


def lift_inputs(inputs: Sequence[Input], work: Session, refuse: Callable[[Input, CoulerError], None]) -> Plan:
    """As `lift`, for files already read; a file that cannot be read or lifted goes to `refuse`."""
    readable, engines = _engines(inputs, work, refuse)
    if len(engines) > 1:
        message = f"there are workflows of {' and '.join(engines)}"
        raise InvalidInput(message, hint="choose one engine at a time")
    if not engines:
        raise _nothing(inputs, work)
    return _lifted(readable, work.plugins.adapter(engines[0]), refuse)


def lift_each(inputs: Sequence[Input], work: Session, refuse: Callable[[Input, CoulerError], None]) -> list[Plan]:
    """As `lift_inputs`, for files of any engines: a plan for each of these, by the engine's name.

    Raises:
        InvalidInput: every file can be read, and there is no workflow in any.
        PluginFailure: an adapter failed.
    """
    readable, engines = _engines(inputs, work, refuse)
    if not engines and len(readable) == len(inputs):
        raise _nothing(inputs, work)
    return [_lifted(readable, work.plugins.adapter(engine), refuse) for engine in engines]


def _engines(
    inputs: Sequence[Input], work: Session, refuse: Callable[[Input, CoulerError], None]
) -> tuple[list[Input], list[str]]:
    """The files that can be read, and the engines of the workflows in them."""
    for item in inputs:
        if item.error is not None:
            refuse(item, item.error)
    readable = [item for item in inputs if item.file is not None]
    return readable, work.engines(document for item in readable if item.file for document in item.file.documents)


def _nothing(inputs: Sequence[Input], work: Session) -> InvalidInput:
    return InvalidInput(
        "there is no workflow that a plugin understands",
        file=inputs[0].name if len(inputs) == 1 else None,
        hint=f"there are adapters for {', '.join(work.plugins.adapters) or 'nothing'}",
    )


def _lifted(readable: Sequence[Input], adapter: Adapter, refuse: Callable[[Input, CoulerError], None]) -> Plan:
    files = [item.file for item in readable if item.file is not None]
    with collector_paused(), adapter_errors(adapter.engine, "lift()"):
        return adapter.lift(adapter.load(files), lambda number, error: refuse(readable[number], error))


def originals_in(inputs: Sequence[Input], work: Session) -> dict[str, str]:
    """The texts of files that were split, by name, as far as documents of these files keep them.

    Raises:
        InvalidInput: a file cannot be read, or a text is not whole.
    """
    files = [_whole(item) for item in inputs]
    adapters = [work.plugins.adapter(name) for name in ([work.engine] if work.engine else work.plugins.adapters)]
    found: dict[str, str] = {}
    for adapter in adapters:
        offered = getattr(adapter, "originals", None)  # a facet, which an adapter may lack
        with adapter_errors(adapter.engine, "originals()"):
            found.update(offered(Bundle.of(files)) if offered is not None else {})
    return found


def optimize_inputs(inputs: Sequence[Input], pipeline: str | Sequence[Optimizer], work: Session) -> Result:
    """As `optimize`, for files already read."""
    optimizers = parse_pipeline(pipeline, work.plugins) if isinstance(pipeline, str) else pipeline
    for optimizer in optimizers:
        if problem := optimizer_problem(type(optimizer)):
            raise PluginFailure(f"this is no optimizer: {problem}")
    return rewrite(inputs, work, optimizers)


def _whole(item: Input) -> SourceFile:
    if item.file is None:
        raise item.error or InvalidInput("it cannot be read", file=item.name)
    return item.file


def _raise(item: Input, error: CoulerError) -> None:
    if error.file is None:
        error.file = item.name
    raise error
