"""Which workflows a local run runs, with which parameters, and what of them it refuses to run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from shutil import which
from typing import Any

import msgspec

from couler_plugins.caching.key_models.written import WrittenKeys
from couler_plugins.caching.row_keys import check_rows
from couler_plugins.documents import read
from couler_plugins.errors import CoulerError, InvalidInput, Unsupported, restating
from couler_plugins.hookspecs import Adapter
from couler_plugins.hookspecs.caching import Knowledge
from couler_plugins.hookspecs.local import Local, Look, NotThere, Refusal
from couler_plugins.hookspecs.running import Job, Request
from couler_plugins.ir import (
    Call,
    CallSite,
    Graph,
    Operation,
    Step,
    Workflow,
    call_sites,
    callables,
    reachable,
    references,
)
from couler_plugins.running.local.roots import unnamed
from couler_plugins.running.local.scope import Scope, Whole

# What of a workflow cannot run here as its engine would run it; asked before anything runs.

SHOWN = 20
"""Reasons that an error shows."""


def refuse_unless_faithful(workflow: Workflow, facet: Local, *, contained: bool) -> None:
    """Does nothing where all of a workflow can run here.

    Raises:
        Unsupported: something cannot; every such place is named, with the reason.
    """
    reasons = list(dict.fromkeys([*_core(workflow, facet, contained), *facet.refusals()]))
    if reasons:
        lines = [f"{item.subject or workflow.label}: {item.reason}" for item in reasons]
        more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
        message = f"{workflow.label} cannot run here as it would run on {workflow.engine}:"
        raise Unsupported(
            "\n  ".join([message, *lines[:SHOWN], *more]),
            engine=workflow.engine,
            feature="run --local",
            hint="run it on its engine, without --local",
        )


def _core(workflow: Workflow, facet: Local, contained: bool) -> Iterator[Refusal]:
    if workflow.entry is None or workflow.library:
        yield Refusal("", "it is a library: nothing says where a run starts")
        return
    by_name = callables(workflow)
    for handler in workflow.handlers:
        if handler.event != "exit":
            yield Refusal(
                "", f"the handler {handler.step.name!r} runs beside the steps, whenever its condition comes true"
            )
    reached = reachable(workflow)
    for site in call_sites(workflow):
        if site.graph is None or site.graph.name in reached:
            yield from _step(site)
    for item in by_name.values():
        if item.name in reached:
            yield from _graph(item) if isinstance(item, Graph) else _operation(item, facet, contained)


def _step(site: CallSite) -> Iterator[Refusal]:
    step = site.step
    subject = f"{site.graph.name}/{step.name}" if site.graph is not None else step.name
    if not isinstance(step.call, Call):
        yield Refusal(subject, "it calls something that is not in the file, or that only its engine finds")
    yield from _those(subject, _beyond(step))
    for reference in references(step):
        if reference.to in ("secret", "workspace", "unknown"):
            yield Refusal(
                subject, f"it refers to {reference.native or reference.name!r}, which --local does not support"
            )


def _beyond(step: Step) -> Iterator[tuple[bool, str]]:
    yield step.retry is not None or step.timeout is not None, "it sets attempts or a timeout at the call"
    yield step.role != "normal", f"it is a {step.role}"
    yield bool(step.directives), "it asks its engine for something that --local does not support"
    loop = step.loop
    yield loop is not None and (loop.limit is not None or bool(loop.includes)), "its loop has a limit, or more items"
    yield loop is not None and len(loop.axes) != 1, "it loops over several lists"
    yield any(handler.event != "exit" for handler in step.handlers), "it has a hook that runs while it does"


def _graph(graph: Graph) -> Iterator[Refusal]:
    beyond = (
        (graph.regions, "it has groups of steps that loop"),
        (graph.retry, "it is tried again as a whole"),
        (graph.timeout, "it has a time limit as a whole"),
        (graph.memoized, "its owner has the engine cache it as a whole"),
        (graph.locks, "it takes locks that others hold as well"),
        (any(not isinstance(target, str) for target in graph.targets), "its targets are only known at run time"),
    )
    return _those(graph.name, beyond)


def _those(subject: str, reasons: Iterable[tuple[object, str]]) -> Iterator[Refusal]:
    """The refusals whose conditions hold."""
    return (Refusal(subject, reason) for holds, reason in reasons if holds)


def _operation(operation: Operation, facet: Local, contained: bool) -> Iterator[Refusal]:
    beyond = (
        (operation.daemon, "it keeps running beside the steps after it"),
        (operation.memoized, "its owner has the engine cache it, in a cache of the cluster"),
        (operation.locks, "it takes locks that others hold as well"),
        (operation.directives, "it asks its engine for something that --local does not support"),
    )
    yield from _those(operation.name, beyond)
    if operation.kind not in ("script", "python", *(["container"] if contained else [])):
        more = " and containers" if contained else ", or containers with --containers podman"
        more = more if contained or operation.kind == "container" else ""
        yield Refusal(operation.name, f"its kind is {operation.kind}, and --local runs only scripts{more}")
        return
    try:
        program = facet.program(operation, _declared(operation, facet))
    except NotThere as error:
        yield Refusal(operation.name, str(error))
        return
    if not contained and which(program.command[0]) is None:
        yield Refusal(operation.name, f"there is no {program.command[0]!r} here")
    for path in (*program.inputs.values(), *(place.path for place in program.outputs)):
        if ANY in path and contained:
            continue  # nothing is redirected there
        if ANY in path:
            yield Refusal(operation.name, f"its path {path.replace(ANY, '…')} is only known at run time")
        elif not path.startswith("/") or ".." in path.split("/") or path.strip("/") == "":
            yield Refusal(operation.name, f"its path {path!r:.80} is no absolute path of a file")
        elif not contained and unnamed(program.source, path):
            reason = f"its program does not contain the path {path}, so couler cannot redirect it to the step's folder"
            yield Refusal(operation.name, reason)


ANY = "\N{REPLACEMENT CHARACTER}"
"""What stands for a text that is only known at run time."""


def _declared(operation: Operation, facet: Local) -> Look:
    """Looks up what is known before a run: the paths of an operation's own inputs and outputs."""
    look = Scope(facet, Whole(parameters={}, facts={}), operation).look
    return lambda reference: str(look(reference)) if reference.path == ("path",) and not reference.step else ANY


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


def works_of(adapter: Adapter, documents: Sequence[Any], request: Request, *, contained: bool = False) -> list[Work]:
    """The workflows in some documents, to run as processes or contained in images.

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
        if caching is not None:
            check_rows(request.rows)
            caching.rows = request.rows
        bare = workflow if caching is None else caching.bare
        facet = adapter.local(bare, bundle)
        facet = facet.in_containers() if facet is not None and contained else facet
        if facet is None:
            raise Unsupported(
                f"{'--containers' if contained else '--local'} is not supported for workflows of {adapter.engine}",
                engine=adapter.engine,
                feature="run --local",
            )
        refuse_unless_faithful(bare, facet, contained=contained)
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
        with restating(NotThere, f"the parameter {port.name!r}", engine=workflow.engine):
            parameters[port.name] = facet.text(value, scope.look)
    return parameters
