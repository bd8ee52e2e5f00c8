"""Hera's workflows as documents and back, with nothing lost on the way."""

from __future__ import annotations

import copy
import dataclasses
import types
from typing import TYPE_CHECKING, Any, TypeVar, cast

from couler_plugins.documents import diff, render
from couler_plugins.errors import EngineError, InvalidInput, Unsupported, install_hint, one_line, restating

if TYPE_CHECKING:
    from hera.workflows import Workflow

    W = TypeVar("W", bound=Workflow)

TESTED = "7"
"""The major version of Hera that this package was tested with."""

WAY_OUT = "work with documents instead: couler_plugins.optimize(workflow.to_dict(), …).documents"
"""What to do about a result that no Hera workflow can hold."""


def hera_classes() -> dict[str, type[Workflow]]:
    """Hera's own classes of workflows, by kind.

    Raises:
        EngineError: Hera is not installed.
        Unsupported: it is another major version than the one that this was tested with.
    """
    with restating(ImportError, "Hera cannot be imported", EngineError, extra="argo", engine="argo"):
        import hera
        from hera.workflows import ClusterWorkflowTemplate, CronWorkflow, Workflow, WorkflowTemplate
    version = str(hera.__version__)
    if version.partition(".")[0] != TESTED:
        message = f"Hera {version} is installed; this was tested with Hera {TESTED}"
        raise Unsupported(message, engine="argo", feature="hera", hint=install_hint("argo"))
    return {cls.__name__: cls for cls in (Workflow, WorkflowTemplate, ClusterWorkflowTemplate, CronWorkflow)}


def hera_class_of(workflow: object) -> type[Workflow]:
    """The class of Hera's own that an object is, or whose subclass it is.

    Raises:
        InvalidInput: it is no Hera workflow.
    """
    own = hera_classes().values()
    result = next((cls for cls in type(workflow).__mro__ if cls in own), None)
    if result is None:
        raise InvalidInput(f"this is a {type(workflow).__name__}, not a Hera workflow", engine="argo")
    return cast("type[Workflow]", result)


def label(workflow: Workflow) -> str:
    """What to call a workflow in messages."""
    return f"{workflow.kind} {workflow.name or workflow.generate_name or '(no name)'}"


def document_of(workflow: Workflow) -> dict[str, Any]:
    """What `to_dict` gives, but with times as the texts that are sent to the server; fires hooks, as it does."""
    document: dict[str, Any] = workflow.build().model_dump(mode="json", exclude_none=True, by_alias=True)
    return document


def check_kind(workflow: Workflow, document: dict[str, Any]) -> None:
    """Raises `InvalidInput` where a document's kind is not that of its object: Hera's models would lose most of it."""
    kind, cls = document.get("kind"), hera_class_of(workflow).__name__
    if kind != cls:
        message = f"its kind is {kind!r}, but Hera writes a {cls}"
        hint = f"subclasses are called after themselves: pass kind={cls!r} to {type(workflow).__name__}()"
        raise InvalidInput(message, file=label(workflow), engine="argo", hint=hint)


def private_copy(workflow: W) -> W:
    """A copy that can be built, by whatever hooks there are, without a trace in the original.

    Building a workflow is not free of effects: Hera collects volume claims in it, and hooks change what they are given.
    """
    twin = copy.copy(workflow)
    names = _fields(workflow)
    # All at once: the same template may be met in several of them.
    for name, value in copy.deepcopy({name: getattr(workflow, name) for name in names}).items():
        setattr(twin, name, value)
    return twin


_UNHOOKED: dict[type[Any], type[Any]] = {}


def unhooked(cls: type[W]) -> type[W]:
    """A class that differs from this one only in that Hera has no hooks and no defaults for it.

    Hera looks both up by an object's exact class, and applies defaults in `__post_init__`.
    """

    def define(namespace: dict[str, Any]) -> None:
        namespace |= {"__module__": __name__, "__doc__": cls.__doc__, "__post_init__": lambda self: None}

    if cls not in _UNHOOKED:
        _UNHOOKED[cls] = types.new_class(cls.__name__, (cls,), exec_body=define)
    return _UNHOOKED[cls]


def is_unhooked(cls: type[Workflow]) -> bool:
    """Whether it is a class that `unhooked` made."""
    return cls.__module__ == __name__


def filled(workflow: W, document: dict[str, Any]) -> W:
    """A copy of a workflow that says what the document says; all that no document holds, such as its service, stays.

    Raises:
        Unsupported: Hera would lose or change a part of the document.
    """
    check_kind(workflow, document)
    try:
        read = unhooked(hera_class_of(workflow)).from_dict(document)
    except ValueError as error:  # pydantic's, too
        raise _refusal(document, f"Hera cannot read it: {one_line(error)}") from error
    new = copy.copy(workflow)
    for name in _fields(workflow):
        setattr(new, name, getattr(read, name))
    new.__class__ = unhooked(type(workflow))
    difference = next(iter(diff(document, document_of(new))), None)
    if difference is not None:
        path = difference.before or difference.after or ()
        raise _refusal(document, f"Hera would lose or change {render(path)}", path)
    new.__class__ = type(workflow)
    return new


def _fields(workflow: Workflow) -> list[str]:
    """The attributes that Hera reads from documents; `CronWorkflow.from_dict` reads neither `apiVersion` nor `kind`."""
    others = ("api_version", "kind", "workflows_service")
    return [field.name for field in dataclasses.fields(hera_class_of(workflow)) if field.name not in others]


def _refusal(document: dict[str, Any], message: str, path: tuple[str | int, ...] = ()) -> Unsupported:
    metadata = document.get("metadata") or {}
    name = f"{document['kind']} {metadata.get('name') or metadata.get('generateName') or '(no name)'}"
    return Unsupported(message, file=name, path=path, engine="argo", feature="hera", hint=WAY_OUT)
