"""Spellings that differ between Argo 3 and Argo 4, rewritten where a target version is asked for.

Source: docs/upgrading.md (4.0 removed `synchronization.mutex`, `synchronization.semaphore` and CronWorkflow's
`schedule`, which 3.6 had deprecated in favour of lists: 3.6 and 3.7 know both spellings).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from couler_argo.codec import Mapped
from couler_argo.documents import SPEC_PATHS, Manifest
from couler_plugins.engine_kit.merge import part_at
from couler_plugins.errors import InvalidInput, Unsupported

LISTS_SINCE, LISTS_ONLY_SINCE = (3, 6), (4, 0)
SINGULAR = {"mutexes": "mutex", "semaphores": "semaphore"}


class Respelled(NamedTuple):
    """One change of spelling: where (a template, or empty for the workflow), from which key to which."""

    subject: str
    before: str
    after: str


def respell(manifest: Manifest, version: str) -> tuple[Mapped, list[Respelled]]:
    """The object in the spelling of a version of Argo.

    Args:
        manifest: the object; it is not changed.
        version: `3.5`, `4.1`, …: its first two numbers count.

    Returns:
        The object (the same one where nothing changed) and what was changed.

    Raises:
        InvalidInput: the version is none that we know.
        Unsupported: Argo before 3.6 cannot say it (several mutexes of one template).
    """
    changes: list[Respelled] = []
    numbers = check_version(version)
    if LISTS_SINCE <= numbers < LISTS_ONLY_SINCE:
        return manifest.data, changes
    rename = _to_lists if numbers >= LISTS_ONLY_SINCE else _to_single
    data = manifest.data

    def within(holder: Mapped, subject: str) -> Mapped:
        locks = holder.get("synchronization")
        if not isinstance(locks, dict):
            return holder
        renamed = rename(locks, SINGULAR, subject, changes)
        return holder if renamed is locks else {**holder, "synchronization": renamed}

    def within_spec(spec: Mapped) -> Mapped:
        spec = within(spec, "")
        templates = spec.get("templates")
        if not isinstance(templates, list):
            return spec
        after = [within(item, str(item.get("name", ""))) if isinstance(item, dict) else item for item in templates]
        same = all(one is two for one, two in zip(after, templates, strict=True))
        return spec if same else {**spec, "templates": after}

    spec = data["spec"]
    if manifest.kind == "CronWorkflow":
        spec = rename(spec, {"schedules": "schedule"}, "", changes)
        inner = within_spec(part_at(data, SPEC_PATHS[manifest.kind]))
        spec = spec if inner is spec["workflowSpec"] else {**spec, "workflowSpec": inner}
    else:
        spec = within_spec(spec)
    return (data if spec is data["spec"] else {**data, "spec": spec}), changes


def check_version(version: str) -> tuple[int, int]:
    """The first two numbers of a version.

    Raises:
        InvalidInput: it is none that we know.
    """
    match = re.fullmatch(r"v?(3|4)(?:\.(\d+|x))?(?:\.(?:\d+|x))?", version)
    if match is None:
        raise InvalidInput(f"argo{{version={version}}}: no such version", hint="give 3.5, 3.7, 4.1, …")
    return int(match[1]), int(match[2]) if (match[2] or "x") != "x" else 0  # of a whole series, what all of it knows


def _to_lists(mapping: Mapped, names: dict[str, str], subject: str, changes: list[Respelled]) -> Mapped:
    """`mapping` with what stands alone put into a list, behind what the list holds already."""
    single = {one: many for many, one in names.items() if mapping.get(one)}
    if not single:
        return mapping
    if "schedule" in single and mapping.get("schedules"):
        raise Unsupported(
            "schedule and schedules are both given", engine="argo", feature="schedules", hint="leave schedules only"
        )
    changes.extend(Respelled(subject, one, many) for one, many in single.items())
    lists = {many: [*(mapping.get(many) or []), mapping[one]] for one, many in single.items()}
    return {single.get(key, key): lists.get(single.get(key, key), content) for key, content in mapping.items()}


def _to_single(mapping: Mapped, names: dict[str, str], subject: str, changes: list[Respelled]) -> Mapped:
    lists = dict(_filled(mapping, names))
    for many, content in lists.items():
        if len(content) > 1 or mapping.get(names[many]):
            raise Unsupported(
                f"Argo before 3.6 takes one {names[many]} here, not several",
                engine="argo",
                step=subject,
                feature=many,
                hint="target a later version, or keep one of them",
            )
    changes.extend(Respelled(subject, many, names[many]) for many in lists)
    if not lists:
        return mapping
    return {
        names[key] if key in lists else key: lists[key][0] if key in lists else content
        for key, content in mapping.items()
    }


def _filled(mapping: Mapped, names: dict[str, str]) -> Iterator[tuple[str, list[Any]]]:
    for many in names:
        content = mapping.get(many)
        if isinstance(content, list) and content:
            yield many, content
