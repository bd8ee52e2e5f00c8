"""Hera: `install` (a hook), `optimize`, `service`, `tune`, `lift` and `lower` for workflows that Hera writes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from couler_argo.hera.objects import filled, hera_class_of, hera_classes
from couler_argo.hera.run import Installation, Pipeline, Settings, install, optimized, plain_document
from couler_plugins import api
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.running import Where
from couler_plugins.hpo.files import tune_annotations as tune
from couler_plugins.options.config import Config
from couler_plugins.plan import Plan
from couler_plugins.plugins import Plugins

if TYPE_CHECKING:
    from hera.workflows import Workflow, WorkflowsService

    P = ParamSpec("P")
    W = TypeVar("W", bound=Workflow)

__all__ = ["Installation", "install", "lift", "lower", "optimize", "service", "tune"]


@overload
def optimize(
    workflow: W,
    pipeline: Pipeline = ...,
    *,
    to: str | None = ...,
    config: Config | None = ...,
    plugins: Plugins | None = ...,
) -> W: ...
@overload
def optimize(
    workflow: Callable[P, W],
    pipeline: Pipeline = ...,
    *,
    to: str | None = ...,
    config: Config | None = ...,
    plugins: Plugins | None = ...,
) -> Callable[P, W]: ...
@overload
def optimize(
    workflow: None = None,
    pipeline: Pipeline = ...,
    *,
    to: str | None = ...,
    config: Config | None = ...,
    plugins: Plugins | None = ...,
) -> Callable[[Callable[P, W]], Callable[P, W]]: ...
def optimize(
    workflow: Any = None,
    pipeline: Pipeline = None,
    *,
    to: str | None = None,
    config: Config | None = None,
    plugins: Plugins | None = None,
) -> Any:
    """Optimizes a Hera workflow, or what a function returns; also a decorator, with arguments or without.

    Args:
        workflow: the workflow, or a function that returns one.
        pipeline: what to run, as text or as optimizers; unless given, what the settings say.
        to: options of the adapter (`argo{version=4.1}`).
        config: the settings; found as the command line finds them unless given.
        plugins: the plugins; loaded afresh unless given.

    Returns:
        A new workflow of the same class, and with the same service; the workflow itself where nothing is to be done.

    Raises:
        InvalidInput: this is no workflow, or the pipeline or an option is unknown.
        Unsupported: a Hera object cannot hold the result.
        EngineError: Hera is not installed.
        PluginFailure: an optimizer or the adapter failed.
    """
    settings = Settings(pipeline, to, config, plugins)
    if workflow is None:
        return functools.partial(_decorated, settings)
    if isinstance(workflow, hera_classes()["Workflow"]):
        return optimized(workflow, plain_document(workflow), settings)
    if callable(workflow):
        return _decorated(settings, workflow)
    hint = "optimize(workflow), @optimize, or @optimize(pipeline=…)"
    raise InvalidInput(f"a {type(workflow).__name__} is no Hera workflow, and no function", engine="argo", hint=hint)


def service(
    pipeline: Pipeline = None,
    *,
    to: str | None = None,
    config: Config | None = None,
    plugins: Plugins | None = None,
    where: Where | None = None,
    **connection: Any,
) -> WorkflowsService:
    """A service for `Workflow(workflows_service=…)` that creates all documents which the pipeline makes of a workflow.

    Args:
        pipeline: what to run, as text or as optimizers; unless given, what the settings say.
        to: options of the adapter (`argo{version=4.1}`).
        config: the settings; found as the command line finds them unless given.
        plugins: the plugins; loaded afresh unless given.
        where: the cluster for what Argo's server has no way to create, such as permissions, by the Kubernetes API;
            unless given, a warning says what has to be there.
        connection: what Hera's `WorkflowsService` takes: `host`, `token`, `namespace` and so on.

    Raises:
        EngineError: Hera is not installed.
        Unsupported: it is a version that this was not tested with.
    """
    from couler_argo.hera.services import service_of

    return service_of(Settings(pipeline, to, config, plugins), where, connection)


def lift(workflow: Workflow, *, config: Config | None = None, plugins: Plugins | None = None) -> Plan:
    """A Hera workflow as optimizers see it; see `couler_plugins.lift`."""
    hera_class_of(workflow)
    return api.lift(plain_document(workflow), engine="argo", config=config, plugins=plugins)


def lower(plan: Plan, *, to: str | None = None, plugins: Plugins | None = None) -> list[Workflow | Any]:
    """The documents of a plan as Hera workflows, in order; the data of those for which Hera has no class.

    Raises:
        Unsupported: a Hera workflow cannot hold a document.
        CoulerError: as `couler_plugins.lower`, or a document could not be lowered.
    """
    lowered = api.lower(plan, to=to, plugins=plugins)
    for error in lowered.refused.values():
        raise error
    documents = [lowered.changed.get(number, item.data) for number, item in enumerate(lowered.bundle.documents)]
    classes = hera_classes()

    def as_hera(document: Any) -> Workflow | Any:
        cls = classes.get(str(document.get("kind"))) if isinstance(document, dict) else None
        return document if cls is None else filled(cls(), document)

    return [as_hera(document) for document in (*documents, *lowered.added)]


def _decorated(settings: Settings, function: Callable[P, W]) -> Callable[P, W]:
    @functools.wraps(function)
    def optimizing(*args: P.args, **kwargs: P.kwargs) -> W:
        workflow = function(*args, **kwargs)
        hera_class_of(workflow)
        return optimized(workflow, plain_document(workflow), settings)

    return optimizing
