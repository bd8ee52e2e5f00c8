"""Why Python components cannot share a pod: what is no such component, what differs, and what cannot be handed on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from couler_kfp.cache.wrapping import is_wrapped
from couler_kfp.components import FOLLOWS
from couler_kfp.fuse.leftovers import installs_of, keeps_in_place, leaves_nothing, source_of
from couler_kfp.portable.types import said_of
from couler_kfp.texts import EXECUTOR_INPUT
from couler_plugins.documents.mappings import Mapped, mapping_at, without_empty
from couler_plugins.engine_kit.wiring import wire
from couler_plugins.hookspecs.fusing import Member, Refusal
from couler_plugins.ir import Reference, Template, references

CACHING = "cachingOptions"
KNOWN = frozenset({"executorLabel", "platforms"})
OURS = "couler.io/"
CACHED = "KFP caches its result, and it would run again where only another step of the pod is new"


def platforms_of(member: Member) -> Mapped:
    """Return the configuration of a component, without a timeout and what says something about it to couler."""
    config = mapping_at(said_of(member.operation), "platforms", "kubernetes")
    metadata = mapping_at(config, "podMetadata")
    kept = {name: text for name, text in mapping_at(metadata, "annotations").items() if not name.startswith(OURS)}
    config = {**config, "activeDeadlineSeconds": None, "podMetadata": without_empty({**metadata, "annotations": kept})}
    return without_empty({**said_of(member.operation).get("platforms", {}), "kubernetes": without_empty(config)})


def member_refusals(member: Member) -> Iterator[Refusal]:
    """Yield every reason why a task can be in no chain."""
    step, operation, _ = member
    if is_wrapped(operation):
        yield Refusal("cached", "couler's cache looks its result up inside of its pod", remedy="leave `cache` out")
    elif not source_of(operation):
        yield Refusal("component", "it is no Python component whose source stands in the pipeline")
    elif any(item.to != "run" or item.name != EXECUTOR_INPUT for item in references(operation.containers)):
        yield Refusal("placeholder", "KFP fills something in its command or its resources when it starts")
    if unknown := sorted({*said_of(operation).keys() - KNOWN, *said_of(step).keys() - {CACHING, "taskInfo"}}):
        yield Refusal("setting", f"it has {unknown[0]}, which a pod with several tasks may not keep")
    if mapping_at(said_of(step), CACHING).keys() - {"enableCache"}:
        yield Refusal("cached", "KFP caches it by a key of its own")
    elif _is_cached(member):
        yield Refusal("cached", CACHED, "idempotent")
    for item in references(step.arguments):
        if item.to == "run" and item.name.startswith("pipeline_task"):
            yield Refusal("own-name", "it is told its own name or number")
        elif item.to == "unknown":
            yield Refusal("value", f"it is given {item.name}, which couler does not know")


def _is_cached(member: Member) -> bool:
    return bool(mapping_at(said_of(member.step), CACHING).get("enableCache"))


def link_refusals(members: Sequence[Member], following: Member) -> Iterator[Refusal]:
    """Yield every reason why a task cannot share the pod of those in front of it."""
    first, last = members[0], following.operation
    main, own = first.operation.containers[0], last.containers[0]
    differences: dict[str, tuple[str, Any, Any]] = {
        "image": ("its image", main.image, own.image),
        "environment": ("its environment", main.env, own.env),
        "setting": ("what KFP's platform configuration says of its pod", platforms_of(first), platforms_of(following)),
        "resources": ("its accelerator or another of its resources", _others(main), _others(own)),
        "caching": ("whether KFP caches it", _is_cached(first), _is_cached(following)),
    }
    for rule, (what, one, other) in differences.items():
        if (one or None) != (other or None):
            yield Refusal(rule, f"{what} differs from that of {first.step.name!r}", remedy="the same for both")
    quiet = ("", installs_of(last))
    for step, operation, _ in members:
        if not leaves_nothing(operation) or installs_of(operation) not in quiet:
            reason = f"it would find files or packages that {step.name!r} leaves in its container"
            yield Refusal("files", reason, word="files")
            break
    steps = {member.step.name for member in members}
    if any(item.step in steps for item in references(last.native_extra)):
        yield Refusal("setting", "its pod is configured by what a step of the pod gives")
    yield from _handed_refusals(members, following)


def _others(container: Any) -> Mapped:
    """What a container has beside amounts of CPU and memory."""
    resources = mapping_at(said_of(container), "resources")
    others = {key: item for key, item in resources.items() if item != FOLLOWS}
    return without_empty({**said_of(container), "resources": others})


def _handed_refusals(members: Sequence[Member], following: Member) -> Iterator[Refusal]:
    by_name: Mapping[str, Member] = {member.step.name: member for member in members}
    outputs = {(name, output.kind, output.name) for name, item in by_name.items() for output in item.operation.outputs}
    for (step, kind, name), value in wire([*members, following]).inner.items():
        if step != following.step.name:
            continue
        whole = isinstance(value, Reference)
        parts = value.parts if isinstance(value, Template) and kind == "parameter" else (value,)
        read = [part for part in parts if isinstance(part, Reference)]
        if len(read) < sum(not isinstance(part, str) for part in parts) or any(
            item.path or (item.step, item.kind, item.name) not in outputs or (whole and item.kind != kind)
            for item in read
        ):
            yield Refusal("value", f"its {kind} {name!r} is something that only KFP can make of outputs of a step")
        elif kind == "artifact" and not keeps_in_place(by_name[read[0].step].operation, read[0].name):
            yield Refusal("artifact", f"{read[0].step!r} may put its artifact {name!r} elsewhere than it was told to")
