"""Which workflows a local run runs, and with which parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from couler_plugins.caching.key_models.written import WrittenKeys
from couler_plugins.documents import read
from couler_plugins.errors import CoulerError, InvalidInput, Unsupported
from couler_plugins.hookspecs import Adapter
from couler_plugins.hookspecs.caching import Knowledge
from couler_plugins.hookspecs.local import Local, NotThere
from couler_plugins.hookspecs.running import Job, Request
from couler_plugins.ir import Workflow
from couler_plugins.running.local.scope import Scope, Whole
from couler_plugins.running.local.unsupported import refuse_unless_faithful

__all__ = ["Work", "works_of"]

OTHER = re.compile(r"[^A-Za-z0-9._-]+|^[^A-Za-z0-9]+")


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow that is to be run.

    Attributes:
        job: what it is to those who follow it.
        workflow: it, without what asks its engine to cache.
        facet: what its engine knows.
        parameters: the values of its parameters.
        caching: what decides what may be cached; None where its engine says nothing of it.
    """

    job: Job
    workflow: Workflow
    facet: Local
    parameters: Mapping[str, str]
    caching: Knowledge | None


def works_of(adapter: Adapter, documents: Sequence[Any], request: Request) -> list[Work]:
    """The workflows in some documents.

    Raises:
        InvalidInput: a document or a parameter makes no sense.
        Unsupported: something in them cannot run here.
    """
    text = "\n---\n".join(msgspec.json.encode(document).decode() for document in documents)
    bundle = adapter.load([read(text, "workflow.yaml")])
    errors: list[CoulerError] = []
    plan = adapter.lift(bundle, lambda number, error: errors.append(error))
    if errors:
        raise errors[0]
    if plan.links:
        hint = "run the workflow as it was before it was split"
        raise Unsupported("a workflow that was split does not run here", engine=adapter.engine, hint=hint)
    runnable = [workflow for workflow in plan.workflows if workflow.entry is not None and not workflow.library]
    if not runnable:
        raise InvalidInput("there is no workflow to run", engine=adapter.engine, hint="give a file that holds one")
    _refuse_unknown(runnable, request)
    works, cache_of = [], adapter.cache(plan)
    for workflow in runnable:
        cache = cache_of(workflow)
        caching = cache if isinstance(cache, WrittenKeys) else None
        bare = workflow if caching is None else caching.bare
        facet = adapter.local(bare, bundle)
        if facet is None:
            raise Unsupported(f"{adapter.engine} runs nothing here", engine=adapter.engine, feature="run --local")
        refuse_unless_faithful(bare, facet)
        works.append(_work(bare, facet, caching, request, documents))
    places = [work.job.place for work in works]
    if len(set(places)) < len(places):
        raise InvalidInput("two workflows have the same name", engine=adapter.engine, hint="remove one of them")
    return works


def _work(
    workflow: Workflow, facet: Local, caching: Knowledge | None, request: Request, documents: Sequence[Any]
) -> Work:
    label = workflow.name or workflow.prefix.rstrip("-.") or "workflow"
    place = f"{request.run}/{OTHER.sub('-', label)[:63]}"
    parameters = _parameters(workflow, facet, request)
    document = documents[int(workflow.source[0])] if workflow.source is not None else {}
    job = Job(name=label, place=place, runs=True, content={"document": document, "parameters": parameters})
    return Work(job=job, workflow=workflow, facet=facet, parameters=parameters, caching=caching)


def _refuse_unknown(workflows: Sequence[Workflow], request: Request) -> None:
    names = {port.name for workflow in workflows for port in workflow.parameters if port.kind == "parameter"}
    if unknown := sorted(request.parameters.keys() - names):
        hint = f"it has {', '.join(sorted(names)) or 'none'}"
        raise InvalidInput(f"no workflow has a parameter {unknown[0]!r:.60}", hint=hint)


def _parameters(workflow: Workflow, facet: Local, request: Request) -> dict[str, str]:
    parameters: dict[str, str] = {}
    scope = Scope(facet, Whole(parameters=parameters, facts={"id": request.run, "name": workflow.label}))
    for port in workflow.parameters:
        if port.kind != "parameter":
            raise Unsupported(f"{workflow.label} takes an artifact {port.name!r} from outside", step=port.name)
        if port.name in request.parameters:
            parameters[port.name] = request.parameters[port.name]
            continue
        value = port.value if port.value is not None else port.default
        if value is None:
            hint = f"give it: --parameter {port.name}=…"
            raise InvalidInput(f"the parameter {port.name!r} has no value", engine=workflow.engine, hint=hint)
        try:
            parameters[port.name] = facet.text(value, scope.look)
        except NotThere as error:
            raise InvalidInput(f"the parameter {port.name!r}: {error}", engine=workflow.engine) from None
    return parameters
