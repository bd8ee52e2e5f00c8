"""Directives: requests of optimizers that Argo can only carry out in the template.

`fold` takes our own expansions back out after lifting, `expand` puts them in before lowering. Our mark is an
annotation of the template, so that an owner's own settings are never taken for ours.

Source of the `cache` directive's expansion: docs/memoization.md; Argo 4's CRDs require `maxAge` beside `key`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from couler_argo.references import native
from couler_argo.spelling import write_native
from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    Call,
    Directive,
    Graph,
    Native,
    Operation,
    Step,
    Workflow,
    call_sites,
    callables,
    fresh_name,
    inline_callees,
    map_steps,
    replace,
    replace_callables,
    with_directive,
)

__all__ = ["MARK", "expand", "fold"]

MARK = "couler.io/directives"
"""The annotation of a template whose expansions are ours: their kinds, separated by commas."""

CACHE_OPTIONS = frozenset({"key", "max-age", "config-map"})

Directives = tuple[Directive, ...]
Template = Graph | Operation


def fold(workflow: Workflow) -> Workflow:
    """`workflow` with expansions that carry our mark turned back into directives of all call sites."""
    found: dict[str, Directive] = {}
    changed: dict[str, Template] = {}
    called = {site.step.call.name for site in call_sites(workflow) if isinstance(site.step.call, Call)}
    for name, item in callables(workflow).items():
        if name in called and _mark_of(item) == "cache" and (directive := _cache_directive(item)) is not None:
            found[name] = directive
            changed[name] = replace(item, memoized=None)
    if not found:
        return workflow

    def with_found(step: Step) -> Step:
        directive = found.get(step.call.name) if isinstance(step.call, Call) else None
        return step if directive is None else with_directive(step, directive)

    return map_steps(replace_callables(workflow, changed), with_found)


def expand(workflow: Workflow) -> Workflow:
    """`workflow` with every directive carried out in the template that its step calls.

    Equal directives of all call sites go into the template itself; otherwise, and where others can call the template,
    a call site gets a private copy of it.

    Raises:
        Unsupported: a directive of a kind or with options that we do not know, one on something outside this
            workflow, or one on a template that its owner caches already.
    """
    wanted: dict[str, dict[Directives, None]] = {}
    asked = False
    for site in call_sites(workflow):
        asked = asked or bool(site.step.directives)
        if isinstance(site.step.call, Call):
            wanted.setdefault(site.step.call.name, {})[site.step.directives] = None
        elif site.step.directives:
            raise _refusal(workflow, site.step.name, "what it calls is in another workflow")
    by_name = callables(workflow)
    marked = {name for name, item in by_name.items() if item.memoized is None and _mark_of(item)}
    if not asked and not marked:
        return workflow
    changed: dict[str, Template] = {}
    copies: dict[tuple[str, Directives], str] = {}
    added: list[Template] = []
    for name, item in by_name.items():
        groups = wanted.get(name, {})
        if len(groups) == 1 and (name in marked or item.inline or not workflow.library):
            changed[name] = _expanded(workflow, item, next(iter(groups)))
            continue
        if name in marked:
            changed[name] = _expanded(workflow, item, ())
        for directives in groups:
            if directives:
                if any(inline_callees(step, by_name) for step in getattr(item, "steps", ())):
                    raise _refusal(workflow, name, "a private copy is needed, but something in it is written inline")
                taken = {*by_name, *copies.values()}
                copies[name, directives] = fresh_name(f"{name}-{directives[0].kind}", taken)
                copy = replace(item, name=copies[name, directives])
                added.append(_expanded(workflow, copy, directives))

    def carried_out(step: Step) -> Step:
        call = step.call
        if isinstance(call, Call) and (copy := copies.get((call.name, step.directives))):
            call = Call(name=copy)
        return replace(step, call=call, directives=()) if step.directives else step

    return map_steps(replace_callables(workflow, changed, added), carried_out)


def _expanded(workflow: Workflow, item: Template, directives: Iterable[Directive]) -> Template:
    """The template with these directives carried out, and no other of ours."""
    expanded = item
    for directive in directives:
        if directive.kind != "cache":
            raise _refusal(workflow, item.name, f"the directive {directive.kind!r} is not known")
        if item.memoized is not None:
            raise _refusal(workflow, item.name, "its owner memoizes it already")
        expanded = replace(expanded, memoized=_memoize(workflow, item.name, dict(directive.options)))
    return _with_mark(expanded, ",".join(directive.kind for directive in directives))


def _memoize(workflow: Workflow, name: str, options: dict[str, Any]) -> Native:
    if not options.get("key") or not options.get("config-map") or not CACHE_OPTIONS.issuperset(options):
        raise _refusal(workflow, name, f"a cache directive takes {', '.join(sorted(CACHE_OPTIONS))}")
    cache = {"configMap": {"name": options["config-map"]}}
    return native({"key": options["key"], "maxAge": options.get("max-age", ""), "cache": cache})


def _cache_directive(item: Template) -> Directive | None:
    """The directive whose expansion this template holds; None where somebody has changed it since."""
    match item.memoized and write_native(item.memoized):
        case {"key": str(key), "maxAge": str(age), "cache": {"configMap": {"name": str(name), **no}}, **other} if (
            not no and not other
        ):
            return Directive(kind="cache", options=(("config-map", name), ("key", key), ("max-age", age)))
    return None


def _mark_of(item: Template) -> str:
    if item.rest is None or not any(isinstance(part, str) and MARK in part for part in item.rest.parts):
        return ""
    match write_native(item.rest):
        case {"metadata": {"annotations": dict(annotations)}}:
            mark = annotations.get(MARK)
            return mark if isinstance(mark, str) else ""
    return ""


def _with_mark(item: Template, mark: str) -> Template:
    """The template with our mark set, or (where it is empty) without it and the mappings that it leaves empty."""
    if mark == _mark_of(item):
        return item
    rest = write_native(item.rest) if item.rest is not None else {}
    metadata = dict(rest.get("metadata") or {})
    annotations = {key: text for key, text in (metadata.get("annotations") or {}).items() if key != MARK}
    if mark:
        annotations[MARK] = mark
    for mapping, key, content in ((metadata, "annotations", annotations), (rest, "metadata", metadata)):
        if content:
            mapping[key] = content
        else:
            mapping.pop(key, None)
    return replace(item, rest=native(rest) if rest else None)


def _refusal(workflow: Workflow, name: str, reason: str) -> Unsupported:
    return Unsupported(f"{name!r}: {reason}", engine="argo", step=f"{workflow.label}: {name}", feature="directive")
