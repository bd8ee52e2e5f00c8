"""One Hera workflow through a pipeline.

The pre-build hook, with which Hera optimizes whatever it builds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias, TypeVar

from couler_argo.hera.objects import (
    WAY_OUT,
    check_kind,
    document_of,
    filled,
    hera_classes,
    is_unhooked,
    label,
    private_copy,
    unhooked,
)
from couler_plugins import api
from couler_plugins.driver.pipeline import parse_pipeline
from couler_plugins.driver.session import session
from couler_plugins.errors import CoulerError, InvalidInput, Unsupported, one_line
from couler_plugins.hookspecs import Optimizer
from couler_plugins.options.config import Config, load_config
from couler_plugins.plugins import Plugins, load_plugins

if TYPE_CHECKING:
    from hera.workflows import Workflow

    W = TypeVar("W", bound=Workflow)


log = logging.getLogger(__name__)

Pipeline: TypeAlias = str | Sequence[Optimizer] | None

_working: ContextVar[bool] = ContextVar("_working", default=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a caller asked for; see `couler_plugins.optimize`."""

    pipeline: Pipeline
    to: str | None
    config: Config | None
    plugins: Plugins | None


def working() -> bool:
    """Whether this thread (or task) is at work here: what it builds meanwhile is not to be optimized in turn."""
    return _working.get()


@contextmanager
def at_work() -> Iterator[None]:
    """Keeps our hooks out of what is built meanwhile, by us or by an optimizer."""
    token = _working.set(True)
    try:
        yield
    finally:
        _working.reset(token)


def plain_document(workflow: Workflow) -> dict[str, Any]:
    """What a workflow builds, hooks of others included, without our own."""
    with at_work():
        return document_of(private_copy(workflow))


def results_of(document: dict[str, Any], settings: Settings) -> tuple[tuple[Any, ...], bool]:
    """What the pipeline makes of a document, and whether that is something else.

    Raises:
        CoulerError: as `couler_plugins.optimize`.
    """
    with at_work():
        result = api.optimize(
            document,
            settings.pipeline,
            to=settings.to,
            engine="argo",
            config=settings.config,
            plugins=settings.plugins,
        )
    documents = result.documents
    for decision in result.decisions:
        log.info("%s", decision)
    return documents, result.changed


def optimized(workflow: W, document: dict[str, Any], settings: Settings) -> W:
    """A new workflow that says what the pipeline made of the document; the workflow itself where that is the same.

    Raises:
        Unsupported: a Hera object cannot hold the result.
        CoulerError: as `couler_plugins.optimize`.
    """
    check_kind(workflow, document)
    try:
        documents, changed = results_of(document, settings)
    except CoulerError as error:
        if error.file == "<mapping>":
            error.file, error.line = label(workflow), None  # the line is one of a text that nobody has seen
        raise
    if not changed:
        return workflow
    if len(documents) != 1:
        raise Unsupported(
            f"the pipeline makes {len(documents)} documents of it, and a Hera workflow is one",
            file=label(workflow),
            engine="argo",
            feature="hera",
            hint=WAY_OUT,
        )
    return filled(workflow, documents[0])


class Installation:
    """What `install` did, and how to undo it; as a context manager it puts back what was installed before."""

    current: ClassVar[Installation | None] = None
    """The one that works. Hera does not take hooks back: those of all others do nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._before = Installation.current

    def uninstall(self) -> None:
        """Leaves workflows alone from now on; does nothing where another `install` came after this one."""
        if Installation.current is self:
            Installation.current = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if Installation.current is self:
            Installation.current = self._before

    def hook_for(self, cls: type[W]) -> Callable[[W], W]:
        """The hook that optimizes workflows of exactly that class."""

        def couler_optimize(workflow: W) -> W:
            return self._optimized(workflow) if Installation.current is self and not working() else workflow

        # Hera finds hooks by what their return annotation *is*, and never calls one that is annotated with a text.
        couler_optimize.__annotations__ = {"workflow": cls, "return": cls}
        return couler_optimize

    def _optimized(self, workflow: W) -> W:
        """The workflow to build instead: a failure of ours is a warning, never a failed build."""
        try:
            copy = private_copy(workflow)
            copy.__class__ = silent = unhooked(type(workflow))  # the hooks of others are running as it is
            new = optimized(workflow, document_of(copy), self._settings)
        except CoulerError as error:
            error.file = error.file or label(workflow)
            log.warning("not optimized: %s", error)
        except Exception as error:
            log.info("the traceback of %s:", label(workflow), exc_info=error)
            log.warning("not optimized: %s: %s", label(workflow), one_line(error))
        else:
            if new is not workflow:
                new.__class__ = silent  # a CronWorkflow has the hooks run over the result a second time
            return new
        return workflow


def install(
    pipeline: Pipeline = None,
    *,
    to: str | None = None,
    config: Config | None = None,
    plugins: Plugins | None = None,
    classes: Sequence[type[Workflow]] = (),
) -> Installation:
    """Has Hera optimize whatever it builds from now on: `build`, `to_dict`, `to_yaml`, `create`, `lint` and so on.

    What an earlier call installed is replaced. Hooks of others run before this one if they were registered before.

    Args:
        pipeline: what to run, as text or as optimizers; unless given, what the settings say.
        to: options of the adapter (`argo{version=4.1}`).
        config: the settings; found once and for all, as the command line finds them, unless given.
        plugins: the plugins; loaded once and for all unless given.
        classes: subclasses of Hera's own classes: Hera calls a hook for exactly the class that it is registered for.

    Raises:
        InvalidInput: the pipeline, an option or a class is not what it should be.
        EngineError: Hera is not installed.
        Unsupported: it is a version that this was not tested with.
    """
    hooked = _hooked_classes(classes)
    from hera.shared import register_pre_build_hook

    config = config or load_config()
    plugins = plugins or load_plugins(config)
    session(config, plugins, to=to).options(plugins.adapter("argo"))  # bad options are refused now, not in a build
    pipeline = config.pipeline if pipeline is None else pipeline
    optimizers = parse_pipeline(pipeline, plugins) if isinstance(pipeline, str) else tuple(pipeline)
    installation = Installation(Settings(optimizers, to, config, plugins))
    for cls in hooked:
        register_pre_build_hook(installation.hook_for(cls))
    Installation.current = installation
    return installation


def _hooked_classes(classes: Sequence[Any]) -> list[type[Workflow]]:
    """Hera's own classes and these, with a warning about those that Hera would have no hook for."""
    own = hera_classes()
    base = own["Workflow"]
    for cls in classes:
        if not (isinstance(cls, type) and issubclass(cls, base)):
            raise InvalidInput(f"{cls!r} is no class of Hera workflows", engine="argo", hint="classes=[MyWorkflow]")
    hooked = list(dict.fromkeys((*own.values(), *classes)))
    if missed := sorted({cls.__name__ for cls in _subclasses(base) if cls not in hooked and not is_unhooked(cls)}):
        hint = f"install(classes=[{', '.join(missed)}])"
        log.warning(
            "not optimized, as Hera has no hooks for subclasses: %s; to change that: %s", ", ".join(missed), hint
        )
    return hooked


def _subclasses(cls: type[Workflow]) -> Iterator[type[Workflow]]:
    for direct in cls.__subclasses__():
        yield direct
        yield from _subclasses(direct)
