"""Python API: lift, lint, optimize, lower and convert workflows in a path, a text or a mapping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from couler_plugins.documents.collector import collector_paused
from couler_plugins.driver.conversion import carry, convert_inputs, target_of
from couler_plugins.driver.differences import OnUnsupported, Policy
from couler_plugins.driver.linting import Linted, lint_inputs
from couler_plugins.driver.results import FileResult, Result
from couler_plugins.driver.rewrite import adapter_errors
from couler_plugins.driver.session import lift_inputs, optimize_inputs, read_workflows, session
from couler_plugins.engine_kit.crd import load_schemas
from couler_plugins.errors import CoulerError
from couler_plugins.hookspecs import Optimizer
from couler_plugins.inputs.sources import Input, Source, Text
from couler_plugins.options.config import Config, load_config
from couler_plugins.plan import Lowered, Plan
from couler_plugins.plugins import Plugins

__all__ = ["FileResult", "Linted", "Result", "Source", "Text", "convert", "lift", "lint", "lower", "optimize"]


def lift(
    source: Source, *, engine: str | None = None, config: Config | None = None, plugins: Plugins | None = None
) -> Plan:
    """Return the workflows of a source as a plan for optimizers.

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
    return lift_inputs(read_workflows(source, config, work)[0], work, _raise)


def lower(
    plan: Plan,
    *,
    to: str | None = None,
    plugins: Plugins | None = None,
    on_unsupported: OnUnsupported = "error",
    strict: bool = False,
) -> Lowered:
    """Return the documents of a plan, and how they differ from the originals.

    Args:
        plan: what `lift` gave, changed or not.
        to: the engine with its options (`argo{version=4.1}`); the workflows' own unless given. For another one they are
            written anew, and are all in `Lowered.added`.
        plugins: the plugins; loaded afresh unless given.
        on_unsupported: as for `convert`.
        strict: as for `convert`.

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
        policy = Policy(on_unsupported, strict)
        with collector_paused():
            lowered, differences = carry(plan, source, adapter, work.options(adapter), policy)
        return replace(lowered, decisions=(*differences, *(item for item in lowered.decisions if not item.loss)))
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
    """Optimize the workflows of a source, and return the result; no file is written.

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
    inputs, _ = read_workflows(source, config, work)
    return optimize_inputs(inputs, config.pipeline if pipeline is None else pipeline, work)


def convert(
    source: Source,
    to: str,
    *,
    engine: str | None = None,
    config: Config | None = None,
    plugins: Plugins | None = None,
    on_unsupported: OnUnsupported = "error",
    strict: bool = False,
) -> Result:
    """Convert the workflows of a source for an engine, without optimizing them.

    What another engine cannot do is refused, file by file. Details of how something is run are left out, and told by
    decisions with a `loss`. The arguments that are not below are those of `optimize`.

    Args:
        on_unsupported: what becomes of what the engine cannot do: `error` refuses the file; `warn` leaves out what
            concerns whole runs, and tells it; `drop` does not tell it; `todo` also puts a step that fails in place of
            each step that it cannot do.
        strict: whether details refuse their file, too.

    Raises:
        InvalidInput: nothing is there, or the engine or an option is unknown.
        PluginFailure: an adapter failed.
    """
    config = config or load_config()
    work = session(config, plugins, to=to, engine=engine, policy=Policy(on_unsupported, strict))
    return convert_inputs(read_workflows(source, config, work)[0], to, work)


def lint(
    source: Source,
    *,
    schemas: Source = (),
    to: str | None = None,
    engine: str | None = None,
    config: Config | None = None,
    plugins: Plugins | None = None,
) -> Linted:
    """Return what the engines, and an API server, would refuse in a source, with files and lines.

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
    checks = load_schemas(schemas, config.max_bytes)
    inputs, _ = read_workflows(source, config, work, kinds=(kind for _, kind in checks.kinds))
    return lint_inputs(inputs, work, checks)


def _raise(item: Input, error: CoulerError) -> None:
    if error.file is None:
        error.file = item.name
    raise error
