"""Application of caching to a plan: what each engine is asked, and what its cache makes of each workflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from msgspec.structs import replace

from couler_plugins.caching.choice import Limit
from couler_plugins.caching.decisions import copy_decision, part_decision
from couler_plugins.caching.known import read_known
from couler_plugins.caching.optimizer import Cache
from couler_plugins.caching.other_calls import circular, with_other_calls
from couler_plugins.caching.row_keys import check_rows
from couler_plugins.caching.settings import CacheSettings
from couler_plugins.caching.wrapping import Wrapper
from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.caching import EngineCache, Objection
from couler_plugins.plan import Decision, Plan


def apply_cache(options: Cache, plan: Plan, ctx: Context) -> Plan:
    """Ask the engines to cache what may be cached, and say of every other step which rule forbids it."""
    settings, before = _settings(options, ctx), plan.workflows
    caches = {engine: ctx.adapter(engine).cache(plan) for engine in {item.engine for item in before}}
    circles = circular(before)
    check_rows(rows := ctx.rows(options.name))
    outside: dict[int, Mapping[str, Decision]] = {}
    parts: dict[int, Objection] = {}
    for workflow in before:
        ctx.progress(f"looking for what may be cached in {workflow.label}")
        cache = caches[workflow.engine](workflow)
        if cache is None:
            continue
        cache.rows = rows
        if cache.part_of:
            parts[id(workflow)], decision = part_decision(workflow, cache.part_of)
            plan = plan.with_workflow(workflow, workflow, decision)
            continue
        _refuse_unsupported(options, cache, workflow.engine)
        its = replace(settings, circular=id(workflow) in circles)
        change = cache.apply(cache.admit(cache.verdicts(its), its), its)
        for copy in change.copies:
            plan = plan.with_added(copy, copy_decision(copy))
        plan = plan.with_workflow(workflow, change.workflow, *change.decisions)
        outside[id(workflow)] = change.outside
    return with_other_calls(plan, before, outside, parts, ctx)


def _refuse_unsupported(options: Cache, cache: EngineCache[Any, CacheSettings], engine: str) -> None:
    """Raises `Unsupported` for an option that the engine does not take."""
    for field in fields(options):
        name = field.name.replace("_", "-")
        said = _wraps(options) if name == "via" else getattr(options, field.name) != field.default
        if said and field.name not in {"assume_pure", *cache.options}:
            hint = "leave it out; with workflows of several engines, optimize one engine at a time (--engine)"
            message = f"option `{name}` is not supported by {engine}"
            raise Unsupported(message, engine=engine, feature=f"cache{{{name}}}", hint=hint)


def _wraps(options: Cache) -> bool:
    """Whether commands are wrapped; `auto` and `memoize` leave results to the engine, which any engine takes."""
    return options.via in ("wrapper", "both")


def _settings(options: Cache, ctx: Context) -> CacheSettings:
    wrapper = (
        Wrapper(**{name: getattr(options, name) for name in Wrapper.__struct_fields__}) if _wraps(options) else None
    )
    # A policy that nobody knows is a mistake without a capacity as well.
    policy = ctx.policy(options.policy) if options.capacity is not None or options.policy != Cache.policy else None
    return CacheSettings(
        ctx=ctx,
        assume_pure=options.assume_pure,
        via=options.via,
        wrapper=wrapper,
        limit=Limit(options.capacity, policy) if options.capacity is not None and policy is not None else None,
        epoch=options.epoch,
        min_seconds=options.min_seconds,
        strict=options.strict,
        results=read_known(options.known) if options.known else {},
    )
