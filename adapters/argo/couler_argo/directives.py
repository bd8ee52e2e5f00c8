"""Directives: requests of optimizers that Argo can only carry out in the template.

`fold` takes our own expansions back out after lifting, `expand` puts them in before lowering. What is ours is known by
its key or marked in the document (see `couler_argo.cache.traces`), so that an owner's own settings are never taken
for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from couler_argo.cache.memoize import Template, directive_of, is_marked, with_cache, without_cache
from couler_argo.cache.traces import has_specs, read_specs, with_missing_specs, with_specs
from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    Call,
    Directive,
    Operation,
    Step,
    Workflow,
    call_sites,
    callables,
    carry_out,
    map_steps,
    replace,
    replace_callables,
    with_directive,
)


def fold(workflow: Workflow) -> Workflow:
    """`workflow` with our expansions turned back into directives.

    They become directives of all call sites, or of the template itself where others, or none at all, call it.
    """
    specs = read_specs(workflow)
    called = {site.step.call.name for site in call_sites(workflow) if isinstance(site.step.call, Call)}
    result: dict[str, Directive] = {}
    index: dict[str, str] = {}
    changed: dict[str, Template] = {}
    for name, item in callables(workflow).items():
        if item.inline or not is_marked(item):
            continue
        directive = directive_of(workflow, item, specs.get(name))
        if directive is None or (name not in called and not isinstance(item, Operation)):
            continue
        index[name] = str(dict(directive.options).get("spec", ""))
        bare = without_cache(item)
        if isinstance(bare, Operation) and (workflow.library or name not in called):
            changed[name] = replace(bare, directives=(directive,))
        else:
            changed[name], result[name] = bare, directive

    def with_found(step: Step) -> Step:
        directive = result.get(step.call.name) if isinstance(step.call, Call) else None
        return step if directive is None else with_directive(step, directive)

    if not changed:
        return workflow
    folded = map_steps(replace_callables(workflow, changed), with_found)
    if specs == index:
        return with_specs(folded, {})
    return folded if has_specs(folded) else with_missing_specs(folded)  # a wrong index stays until caching runs


def expand(workflow: Workflow) -> Workflow:
    """`workflow` with every directive carried out in a template.

    A template's own directives, and those of the first of its call sites if all have some, go into the template itself;
    for others, and where other workflows can call the template, a call site gets a private copy of it.

    Raises:
        Unsupported: a directive of a kind or with options that we do not know, one on something outside this
            workflow, or one on a template that its owner caches already or that has no name.
    """
    specs: dict[str, str] = {}
    expanded, _ = carry_out(
        workflow,
        attrgetter("directives"),
        lambda item, directives: _expanded(workflow, item, directives, specs),
        suffix=lambda directives: directives[0].kind,
        bare=lambda step: replace(step, directives=()),
        own=lambda item: getattr(item, "directives", ()),
        feature="directive",
    )
    return with_specs(expanded, specs) if specs and not has_specs(expanded) else expanded


def _expanded(workflow: Workflow, item: Template, directives: Iterable[Directive], specs: dict[str, str]) -> Template:
    """The template with these directives carried out; its mark goes into `specs`."""
    name = item.name
    if item.inline:
        raise _refusal(workflow, name, "it is written inline, and only a template with a name can be marked")
    if isinstance(item, Operation):
        item = replace(item, directives=())
    for directive in directives:
        if directive.kind != "cache":
            raise _refusal(workflow, name, f"the directive {directive.kind!r} is not known")
        if item.memoized is not None:
            raise _refusal(workflow, name, "its owner memoizes it already")
        try:
            item = with_cache(workflow, item, directive)
        except ValueError as error:
            raise _refusal(workflow, name, str(error)) from error
        specs[name] = str(dict(directive.options).get("spec", ""))
    return item


def _refusal(workflow: Workflow, name: str, reason: str) -> Unsupported:
    return Unsupported(f"{name!r}: {reason}", engine="argo", step=f"{workflow.label}: {name}", feature="directive")
