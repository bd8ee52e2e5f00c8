"""Lifts and optimizes files that were read already, and what that is done with; `couler_plugins.api` does the rest."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

from couler_plugins.documents import SourceFile
from couler_plugins.driver.differences import Policy
from couler_plugins.driver.isolation import raise_common_failure
from couler_plugins.driver.pipeline import check_order, parse_pipeline
from couler_plugins.driver.results import Result
from couler_plugins.driver.rewrite import Session, adapter_errors, lift_files, rewrite
from couler_plugins.errors import CoulerError, InvalidInput, PluginFailure, closest
from couler_plugins.hookspecs import Adapter, Optimizer
from couler_plugins.inputs.scanning import Scan, Skips
from couler_plugins.inputs.sources import Input, Source, read_source, set_places
from couler_plugins.ir import Bundle, Literal, call_sites
from couler_plugins.options.config import Config
from couler_plugins.options.grammar import parse_items
from couler_plugins.options.rows import URL, matches
from couler_plugins.plan import Plan
from couler_plugins.plan.part_files import read_parts
from couler_plugins.plugins import Plugins, load_plugins
from couler_plugins.plugins.checks import optimizer_problem
from couler_plugins.plugins.registry import OPTIMIZERS

log = logging.getLogger(__name__)


def session(
    config: Config,
    plugins: Plugins | None = None,
    *,
    to: str | None = None,
    engine: str | None = None,
    report: Callable[[str], None] = log.debug,
    policy: Policy | None = None,
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
    plugins = plugins or load_plugins(config)
    optimizers = plugins.all(OPTIMIZERS) if config.rows else {}
    reading = [name for name, optimizer in optimizers.items() if getattr(optimizer, "reads_rows", False)]
    for name, rows in config.rows.items():
        if rows and name not in reading:
            what = f"{name!r} reads no rows" if name in optimizers else f"there is no optimizer {name!r}"
            hint = f"rows are for {', '.join(f'[[{item}.declare]]' for item in reading)}"
            raise InvalidInput(f"{rows[0].place}: {what}", hint=hint)
    history = [whole_file(item) for item in read_source(config.history, config.max_bytes)]
    return Session(
        plugins=plugins,
        engine=engine,
        to=options,
        report=report,
        history=history,
        previous=read_parts(config.previous, config.max_bytes) if config.previous else (),
        rows=config.rows,
        policy=policy or Policy(),
    )


def read_workflows(
    source: Source, config: Config, work: Session, *, kinds: Iterable[str] = (), render: bool = False
) -> tuple[list[Input], Skips]:
    """Read a source, in folders only what holds workflows, and return what was skipped there as well.

    Args:
        source: paths, texts and mappings.
        config: the settings.
        work: whose adapters say what a workflow is.
        kinds: other kinds of objects that are looked for.
        render: whether charts and kustomizations are rendered.

    Raises:
        InvalidInput: a mapping holds something that no document can.
    """
    adapters = work.plugins.adapters
    chosen = adapters.values() if work.engine is None else [work.plugins.adapter(work.engine)]
    scan = Scan(chosen, exclude=config.exclude, kinds=kinds, render=render, max_bytes=config.max_bytes)
    return list(set_places(read_source(source, config.max_bytes, scan), config.scope_depth)), scan.skips


def lift_inputs(inputs: Sequence[Input], work: Session, refuse: Callable[[Input, CoulerError], None]) -> Plan:
    """As `lift`, for files already read; a file that cannot be read or lifted goes to `refuse`."""
    readable, engines = _engines(inputs, work, refuse)
    if len(engines) > 1:
        message = f"found workflows of several engines ({', '.join(engines)})"
        raise InvalidInput(message, hint="choose one with --engine")
    if not engines:
        raise _nothing(inputs, work)
    ((engine, among),) = engines.items()
    return _lifted(readable, among, work.plugins.adapter(engine), refuse)


def lift_each(inputs: Sequence[Input], work: Session, refuse: Callable[[Input, CoulerError], None]) -> list[Plan]:
    """As `lift_inputs`, for files of any engines: a plan for each of these, by the engine's name.

    Raises:
        InvalidInput: every file can be read, and there is no workflow in any.
        PluginFailure: an adapter failed.
    """
    readable, engines = _engines(inputs, work, refuse)
    if not engines and len(readable) == len(inputs):
        raise _nothing(inputs, work)
    return [_lifted(readable, among, work.plugins.adapter(engine), refuse) for engine, among in engines.items()]


def originals_in(inputs: Sequence[Input], work: Session) -> dict[str, str]:
    """The texts of files that were split, by name, as far as documents of these files keep them.

    Raises:
        InvalidInput: a file cannot be read, or a text is not whole.
    """
    files = [whole_file(item) for item in inputs]
    adapters = [work.plugins.adapter(name) for name in ([work.engine] if work.engine else work.plugins.adapters)]
    originals: dict[str, str] = {}
    for adapter in adapters:
        with adapter_errors(adapter.engine, "originals()"):
            originals.update(adapter.originals(Bundle.of(files)))
    return originals


def optimize_inputs(inputs: Sequence[Input], pipeline: str | Sequence[Optimizer], work: Session) -> Result:
    """As `optimize`, for files already read."""
    optimizers = parse_pipeline(pipeline, work.plugins) if isinstance(pipeline, str) else pipeline
    for optimizer in optimizers:
        if problem := optimizer_problem(type(optimizer)):
            raise PluginFailure(f"this is no optimizer: {problem}")
    check_order(optimizers)
    result = rewrite(inputs, work, optimizers)
    _warn_unused(result, work, searched=not all(item.named for item in inputs))
    return result


def _warn_unused(result: Result, work: Session, *, searched: bool) -> None:
    """Warn of rows for the optimizers that ran, where nothing has a name that a pattern fits.

    Args:
        result: what the call came to.
        work: has the rows.
        searched: whether folders were searched: a row for another file than those that were named is no mistake, and is
            a warning only where a name here is nearly the same, and else for those who ask for more (`-v`).
    """
    optimizers = dict.fromkeys(text.partition("{")[0] for text in result.optimizers)
    rows = [row for name in optimizers for row in work.rows.get(name, ()) if URL not in row.content]
    workflows = [first for item in result.workflow_versions if rows and (first := item.versions[0]) is not None]
    operations = [(workflow, operation) for workflow in workflows for operation in workflow.operations]
    images = [item.image for _, operation in operations for item in operation.containers]
    texts = [str(image.value) for image in images if isinstance(image, Literal)]
    names = {
        "workflow": [name for one in workflows for name in (one.name or one.prefix.rstrip("-"), one.label)],
        "step": [name for one in workflows for site in call_sites(one) for name in (site.step.name, site.label)],
        "task": [work.plugins.adapter(one.engine).pod_sizes(one, operation).task for one, operation in operations],
        "image": [name for text in texts for name in (text, text.partition("@")[0])],
    }
    pairs = ((row, key) for row in rows for key in row.patterns if workflows)
    for row, key in ((row, key) for row, key in pairs if not matches(row, key, names[key])):
        near = next((f"; {hint}" for text in row.patterns[key] if (hint := closest(text, names[key]))), "")
        level = logging.WARNING if near or searched else logging.INFO
        log.log(level, "%s: no %s here is called %s%s", row.place, key, " or ".join(row.patterns[key]), near)


def _engines(
    inputs: Sequence[Input], work: Session, refuse: Callable[[Input, CoulerError], None]
) -> tuple[list[Input], dict[str, list[int]]]:
    """Return the files that can be read, and the numbers among them of those with workflows, by engine."""
    for item in inputs:
        if item.error is not None:
            refuse(item, item.error)
    readable = [item for item in inputs if item.file is not None]
    return readable, work.engines(
        [item.file for item in readable], lambda number, error: refuse(readable[number], error)
    )


def _nothing(inputs: Sequence[Input], work: Session) -> InvalidInput:
    return InvalidInput(
        "there is no workflow that a plugin understands",
        file=inputs[0].name if len(inputs) == 1 else None,
        hint=f"there are adapters for {', '.join(work.plugins.adapters) or 'nothing'}",
    )


def _lifted(
    readable: Sequence[Input], among: Sequence[int], adapter: Adapter, refuse: Callable[[Input, CoulerError], None]
) -> Plan:
    refused: dict[int, CoulerError] = {}
    files = [item.file for item in readable if item.file is not None]
    plan = lift_files(adapter, files, among, refused.setdefault)
    raise_common_failure([refused.get(number) for number in among])
    for number, error in refused.items():
        refuse(readable[number], error)
    return plan


def whole_file(item: Input) -> SourceFile:
    """Return what a file holds.

    Raises:
        CoulerError: it could not be read.
    """
    if item.file is None:
        raise item.error or InvalidInput("it cannot be read", file=item.name)
    return item.file
