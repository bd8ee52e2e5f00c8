"""Which tasks a pipeline has, from the specification that a backend keeps with a run or a version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from couler_kfp.history.records import Call
from couler_plugins.caching.keys import digest

__all__ = ["calls_of", "name_of"]


def name_of(specification: Any) -> str:
    """The pipeline's name; empty where the specification has none."""
    return str(_mapping(_spec(specification).get("pipelineInfo")).get("name") or "")


def calls_of(specification: Any) -> tuple[Call, ...]:
    """The tasks of all dags that the root reaches, each dag once; none where this is no specification."""
    spec = _spec(specification)
    components, calls = _mapping(spec.get("components")), []
    executors = _mapping(_mapping(spec.get("deploymentSpec")).get("executors"))
    waiting, seen = [("root", _mapping(spec.get("root")))], {"root"}
    for graph, holder in waiting:
        for call in _calls(graph, holder, components, executors):
            calls.append(call)
            if call.dag and call.component not in seen:
                seen.add(call.component)
                waiting.append((call.component, _mapping(components.get(call.component))))
    return tuple(calls)


def _calls(graph: str, holder: Any, components: Any, executors: Any) -> Iterator[Call]:
    tasks = _mapping(_mapping(holder.get("dag")).get("tasks"))
    for name in sorted(tasks):
        task = _mapping(tasks[name])
        component = str(_mapping(task.get("componentRef")).get("name") or "")
        body = _mapping(components.get(component))
        after = task.get("dependentTasks")
        yield Call(
            graph=graph,
            name=name,
            component=component,
            dag="dag" in body,
            spec=digest([body, executors.get(str(body.get("executorLabel")))]),
            after=tuple(sorted(str(item) for item in after if item in tasks)) if isinstance(after, list) else (),
        )


def _spec(specification: Any) -> Mapping[str, Any]:
    """The PipelineSpec: by itself, or in what holds the platform's beside it."""
    holder = _mapping(specification)
    return _mapping(holder.get("pipeline_spec")) or holder


def _mapping(content: Any) -> Mapping[str, Any]:
    return content if isinstance(content, Mapping) else {}
