"""For those who write pipelines with KFP's SDK: `optimize` (a function and a decorator), `lift`, `lower`."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from couler_kfp.documents import is_platform
from couler_kfp.dsl_objects import (
    WAY_OUT,
    check_component,
    component_of,
    components_of,
    label,
    put_into,
    source_of,
)
from couler_plugins import api
from couler_plugins.driver.pipeline import parse_pipeline
from couler_plugins.driver.session import session
from couler_plugins.errors import CoulerError, InvalidInput, Unsupported, one_line
from couler_plugins.hookspecs import Optimizer
from couler_plugins.options.config import Config, load_config
from couler_plugins.plan import Plan
from couler_plugins.plugins import Plugins, load_plugins
from couler_plugins.plugins.checks import optimizer_problem

if TYPE_CHECKING:
    from kfp.dsl.base_component import BaseComponent

    Pipeline: TypeAlias = str | Sequence[Optimizer] | None

log = logging.getLogger(__name__)


@overload
def optimize(
    component: BaseComponent,
    pipeline: Pipeline = ...,
    *,
    to: str | None = ...,
    config: Config | None = ...,
    plugins: Plugins | None = ...,
    in_place: bool = ...,
) -> BaseComponent: ...
@overload
def optimize(
    component: None = None,
    pipeline: Pipeline = ...,
    *,
    to: str | None = ...,
    config: Config | None = ...,
    plugins: Plugins | None = ...,
    in_place: bool = ...,
) -> Callable[[BaseComponent], BaseComponent]: ...
def optimize(
    component: Any = None,
    pipeline: Pipeline = None,
    *,
    to: str | None = None,
    config: Config | None = None,
    plugins: Plugins | None = None,
    in_place: bool = False,
) -> Any:
    """Optimizes a pipeline of KFP's SDK; also a decorator above `@dsl.pipeline`, with arguments or without.

    A pipeline that cannot be optimized is a warning, and stays as it is: nobody's compilation fails because of this.

    Args:
        component: what `@dsl.pipeline`, `@dsl.component` or `kfp.components` made.
        pipeline: what to run, as text or as optimizers; unless given, what the settings say.
        to: options of the adapter (`kfp{merge=components}`).
        config: the settings; found as the command line finds them unless given.
        plugins: the plugins; loaded afresh unless given.
        in_place: whether the object itself is changed, as what `@dsl.pipeline` made can be; others may hold it already.

    Returns:
        A new component, which compiles, runs and nests as the old one does, of the same class where `@dsl.pipeline`
        made that; the very same object where nothing is to be done, where that failed, and with `in_place`.

    Raises:
        InvalidInput: this is no component, or the pipeline or an option is unknown.
        EngineError: KFP is not installed.
        Unsupported: it is a version that this was not tested with.
        PluginFailure: a plugin cannot be loaded.
    """
    settings = _settings(pipeline, to, config, plugins)
    if component is None:
        return functools.partial(_optimized, settings=settings, in_place=in_place)
    return _optimized(component, settings=settings, in_place=in_place)


def lift(component: BaseComponent, *, config: Config | None = None, plugins: Plugins | None = None) -> Plan:
    """A component of KFP's as optimizers see it; see `couler_plugins.lift`.

    Raises:
        InvalidInput: it is no component, or cannot be lifted.
    """
    check_component(component)
    return api.lift(source_of(component), engine="kfp", config=config, plugins=plugins)


def lower(plan: Plan, *, to: str | None = None, plugins: Plugins | None = None) -> list[BaseComponent | Any]:
    """The pipelines of a plan as components, in order; the data of documents that hold none.

    Raises:
        Unsupported: KFP cannot read a document.
        CoulerError: as `couler_plugins.lower`, or a document could not be lowered.
    """
    lowered = api.lower(plan, to=to, plugins=plugins)
    for error in lowered.refused.values():
        raise error
    return list(components_of([*lowered.documents, *lowered.added]))


@dataclass(frozen=True, slots=True)
class _Settings:
    """What a caller asked for, checked."""

    optimizers: Sequence[Optimizer]
    to: str | None
    config: Config
    plugins: Plugins


def _settings(pipeline: Pipeline, to: str | None, config: Config | None, plugins: Plugins | None) -> _Settings:

    config = config or load_config()
    plugins = plugins or load_plugins(config)
    session(config, plugins, to=to).options(plugins.adapter("kfp"))
    pipeline = config.pipeline if pipeline is None else pipeline
    optimizers = parse_pipeline(pipeline, plugins) if isinstance(pipeline, str) else tuple(pipeline)
    for problem in filter(None, (optimizer_problem(type(optimizer)) for optimizer in optimizers)):
        raise InvalidInput(f"this is no optimizer: {problem}", engine="kfp", hint="pipeline='dedupe'")
    return _Settings(optimizers, to, config, plugins)


def _optimized(component: BaseComponent, *, settings: _Settings, in_place: bool) -> BaseComponent:
    """What `optimize` returns: a failure of ours, or of an optimizer, is a warning."""
    check_component(component)
    try:
        documents = _documents(component, settings)
        if documents is None:
            return component
        if not in_place:
            return component_of(documents, component)
        put_into(component, documents)
    except CoulerError as error:
        error.file = error.file or label(component)
        log.warning("not optimized: %s", error)
    except Exception as error:  # whatever it is, the pipeline itself is in order
        log.info("the traceback of %s:", label(component), exc_info=error)
        log.warning("not optimized: %s: %s", label(component), one_line(error))
    return component


def _documents(component: BaseComponent, settings: _Settings) -> Sequence[Any] | None:
    """The documents that the optimizers make of a component; None where they leave it alone."""
    source = source_of(component)
    try:
        result = api.optimize(
            source,
            settings.optimizers,
            to=settings.to,
            engine="kfp",
            config=settings.config,
            plugins=settings.plugins,
        )
        documents = result.documents
    except CoulerError as error:
        error.line = None  # it is one of a text that nobody has seen
        raise
    for decision in result.decisions:
        log.info("%s", decision)
    if sum(not is_platform(data) for data in documents) != 1:
        message = f"the optimizers make {len(documents)} documents of it, and a component is one pipeline"
        raise Unsupported(message, file=label(component), engine="kfp", feature="dsl", hint=WAY_OUT)
    return documents if result.changed else None
