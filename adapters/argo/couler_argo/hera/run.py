"""One Hera workflow through a pipeline."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from couler_argo.hera.objects import WAY_OUT, check_kind, document_of, filled, label, private_copy
from couler_plugins import api
from couler_plugins.errors import CoulerError, Unsupported
from couler_plugins.hookspecs import Optimizer
from couler_plugins.options.config import Config
from couler_plugins.plugins import Plugins

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
