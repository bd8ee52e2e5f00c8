"""Homes of settings in Tekton's objects: in one that is about one Task, and in a PipelineRun around many."""

from __future__ import annotations

from collections.abc import Callable as Function
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from couler_plugins.documents.mappings import Mapped, without
from couler_plugins.engine_kit.durations import go_duration
from couler_plugins.ir import CallSite, Home, Literal, Native, Retry, Workflow, replace
from couler_plugins.ir.settings import PAIRS
from couler_tekton.cache.declared import entries, mapping_at, rest_of
from couler_tekton.tasks import write_retry
from couler_tekton.variables import Scope, write_value

SPECS = "taskRunSpecs"


def setting_of(setting: str, data: Any) -> Any:
    """Return a setting as optimizers see it, of what a field of Tekton's holds."""
    if setting in PAIRS:
        items = data.items() if isinstance(data, dict) else ()
        return tuple((name, Scope().value(content)) for name, content in items)
    if data is None:
        return None
    return Retry(limit=Literal(value=data)) if setting == "retry" else Scope().value(data)


def spelled(setting: str, value: Any) -> Any:
    """Return what a field of Tekton's is to hold."""
    if setting in PAIRS:
        return {name: write_value(content) for name, content in value}
    if value is None:
        return None
    if setting == "retry":
        return write_retry(value, "the TaskRun")
    return write_value(in_go(value)) if setting == "timeout" else write_value(value)


def said_under(data: Any, path: Iterable[str]) -> Any:
    """Return what stands under a path; None where nothing does."""
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def with_path(data: Mapped, path: tuple[str, ...], content: Any) -> Mapped:
    """Return `data` with other content under a path; mappings that it leaves empty go."""
    key, *inner = path
    if inner:
        content = with_path(mapping_at(data, key), tuple(inner), content)
    return without(data, key) if content in (None, {}) else {**data, key: content}


def of_object(setting: str, *path: str) -> Home:
    """Return the home of a setting in an object that is about one Task only: a TaskRun, or a Task."""

    def get(workflow: Workflow) -> Function[[CallSite], Any]:
        value = setting_of(setting, said_under(rest_of(workflow), path))
        return lambda site: value

    def put(workflow: Workflow, changes: Iterable[tuple[CallSite, Any]]) -> Workflow:
        data = rest_of(workflow)
        for _, value in changes:
            data = with_path(data, path, spelled(setting, value))
        return replace(workflow, native_extra=Scope().rest(data))

    return Home(at="workflow", get=get, put=put)


def of_run(setting: str, *path: str) -> Home:
    """Return the home of a setting in what a PipelineRun says of one task, which goes before what it says of all."""

    def get(workflow: Workflow) -> Function[[CallSite], Any]:
        spec = mapping_at(rest_of(workflow), "spec")
        usual = said_under(spec, ("taskRunTemplate", *path))
        own = said_of_tasks(workflow.native_extra)

        def read(site: CallSite) -> Any:
            data = said_under(own.get(site.step.name), path)
            return setting_of(setting, usual if data is None else data)

        return read

    def put(workflow: Workflow, changes: Iterable[tuple[CallSite, Any]]) -> Workflow:
        rest = rest_of(workflow)
        items = entries(mapping_at(rest, "spec"), SPECS)
        places = {item.get("pipelineTaskName"): number for number, item in enumerate(items)}
        for site, value in changes:
            number = places.setdefault(site.step.name, len(items))
            if number == len(items):
                items.append({"pipelineTaskName": site.step.name})
            items[number] = with_path(items[number], path, spelled(setting, value))
        return replace(workflow, native_extra=Scope().rest(with_path(rest, ("spec", SPECS), items)))

    return Home(at="workflow", get=get, put=put)


@lru_cache(maxsize=2)  # a call of each task of a run asks for it
def said_of_tasks(rest: Native | None) -> Mapping[Any, Mapped]:
    """What a PipelineRun says of single tasks, by their names."""
    spec = mapping_at(write_value(rest), "spec") if rest is not None else {}
    return {item.get("pipelineTaskName"): item for item in entries(spec, SPECS)}


def in_go(timeout: Any) -> Any:
    """Return a timeout (or None) with its unit; a number is seconds."""
    if isinstance(timeout, Literal) and isinstance(timeout.value, (int, float)):
        return Literal(value=go_duration(timeout.value))
    return timeout
