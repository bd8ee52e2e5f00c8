"""What caching leaves in a document: an index of its keys, and what its owner has edited since.

The annotation `couler.io/key-spec` says which templates we cache, and the hash of what their keys cover: keys that are
made from a spec hash are known by what they look like, others only by it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import msgspec

from couler_argo.cache.memoize import Template, is_lineage, spec_in_key, without_cache
from couler_argo.documents import rest_of, with_annotation
from couler_plugins.caching.calls import is_cache
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.ir import (
    Argument,
    Call,
    Directive,
    Literal,
    Step,
    Workflow,
    callables,
    calls_by_callee,
    map_steps,
    replace,
    replace_callables,
)

KEY_SPEC = "couler.io/key-spec"
COPY = re.compile(r"(.+)-cache(-\d+)?")
"""The name of a private copy, and in it that of its original."""
DIGEST = re.compile(r"[0-9a-f]{64}\Z")


def has_specs(workflow: Workflow) -> bool:
    """Whether there is such an annotation, readable or not."""
    if workflow.native_extra is None or not any(
        isinstance(part, str) and KEY_SPEC in part for part in workflow.native_extra.parts
    ):
        return False
    return KEY_SPEC in mapping_at(rest_of(workflow), "metadata", "annotations")


def read_specs(workflow: Workflow) -> dict[str, str]:
    """The hash (empty for one that was not made from a spec) of each template that is marked; none if unreadable."""
    if not has_specs(workflow):
        return {}
    text = mapping_at(rest_of(workflow), "metadata", "annotations")[KEY_SPEC]
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except (msgspec.DecodeError, RecursionError, TypeError):
        return {}


def with_specs(workflow: Workflow, specs: Mapping[str, str]) -> Workflow:
    """The workflow with these marks and no others; without any, the mappings that are left empty go too.

    Raises:
        Unsupported: its metadata has no place for them.
    """
    text = json.dumps(dict(sorted(specs.items())), separators=(",", ":")) if specs else None
    return with_annotation(workflow, KEY_SPEC, text) if specs or has_specs(workflow) else workflow


def with_missing_specs(workflow: Workflow) -> Workflow:
    """The workflow with an empty index, for one that should have one: so that making it is a change."""
    return with_annotation(workflow, KEY_SPEC, "")


def without_traces(workflow: Workflow) -> Workflow:
    """The workflow without the index, and without keys, lineages and exceptions from garbage collection of ours.

    What is cached (has a directive) is left as it is; an owner's own parameters of such names are told by their values.
    """
    by_name = callables(workflow)
    cached = {item.name for item in workflow.operations if _asks(item.directives)}
    calls = calls_by_callee(workflow)
    cached |= {name for name, sites in calls.items() if any(_asks(site.step.directives) for site in sites)}
    changed: dict[str, Template] = {}
    for name, item in by_name.items():
        if name not in cached:
            bare = _bare(item, [_hands_lineage(site.step) for site in calls.get(name, ())])
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
    return any(map(is_cache, directives))


def _hands_lineage(step: Step) -> bool:
    """Whether a call passes what only we would pass."""
    return any(is_lineage(item) and _is_digest(item) for item in step.arguments)


def _is_digest(argument: Argument) -> bool:
    value = argument.value
    return isinstance(value, Literal) and isinstance(value.value, str) and DIGEST.match(value.value) is not None
