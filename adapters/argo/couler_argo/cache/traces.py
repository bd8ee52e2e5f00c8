"""What earlier caching left in a workflow that its owner has edited since: at places that no directive speaks of."""

from __future__ import annotations

import re

from couler_argo.cache.key_specs import has_specs, with_specs
from couler_argo.cache.memoize import Template, is_lineage, spec_in_key, without_cache
from couler_plugins.ir import (
    Argument,
    Call,
    Directive,
    Literal,
    Step,
    Workflow,
    call_sites,
    callables,
    map_steps,
    replace,
    replace_callables,
)

__all__ = ["without_traces"]

DIGEST = re.compile(r"[0-9a-f]{64}\Z")


def without_traces(workflow: Workflow) -> Workflow:
    """The workflow without the index, and without keys, lineages and exceptions from garbage collection of ours.

    What is cached (has a directive) is left as it is; an owner's own parameters of such names are told by their values.
    """
    by_name = callables(workflow)
    cached = {item.name for item in workflow.operations if _asks(item.directives)}
    hands_on: dict[str, list[bool]] = {}
    for site in call_sites(workflow):
        if isinstance(site.step.call, Call):
            if _asks(site.step.directives):
                cached.add(site.step.call.name)
            hands_on.setdefault(site.step.call.name, []).append(_hands_lineage(site.step))
    changed: dict[str, Template] = {}
    for name, item in by_name.items():
        if name not in cached:
            bare = _bare(item, hands_on.get(name, []))
            if bare != item:
                changed[name] = bare

    def without_lineage(step: Step) -> Step:
        callee = step.call.name if isinstance(step.call, Call) else ""
        if callee in cached or not _hands_lineage(step):
            return step
        return replace(step, arguments=tuple(item for item in step.arguments if not is_lineage(item)))

    bare_workflow = map_steps(replace_callables(workflow, changed) if changed else workflow, without_lineage)
    return with_specs(bare_workflow, {}) if has_specs(bare_workflow) else bare_workflow


def _bare(item: Template, hands_on: list[bool]) -> Template:
    """A template that is not cached, without what we put into it; `hands_on`: whether each call passes a lineage."""
    if spec_in_key(item) is not None:
        return without_cache(item)
    if any(map(is_lineage, item.inputs)) and not (hands_on and all(hands_on)):
        return item  # its owner's
    return replace(without_cache(item), memoized=item.memoized)


def _asks(directives: tuple[Directive, ...]) -> bool:
    return any(directive.kind == "cache" for directive in directives)


def _hands_lineage(step: Step) -> bool:
    """Whether a call passes what only we would pass."""
    return any(is_lineage(item) and _is_digest(item) for item in step.arguments)


def _is_digest(argument: Argument) -> bool:
    value = argument.value
    return isinstance(value, Literal) and isinstance(value.value, str) and DIGEST.match(value.value) is not None
