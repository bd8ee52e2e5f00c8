"""Which fields need more than the stable API: `enable-api-fields`, or a switch that is off by default.

Source: `pkg/apis/config/feature_flags.go` and the calls of `ValidateEnabledAPIFields` in `pkg/apis/pipeline/v1`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from couler_plugins.documents import Mapped, Path
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.errors import Unsupported
from couler_tekton.kinds import KINDS, in_v1, is_older

LEVELS = ("stable", "beta", "alpha")
ARTIFACT = re.compile(r"\$\((?:steps|tasks)\.[^.]+\.(?:inputs|outputs)\.[^.)]+\)|\$\((?:step\.)?artifacts\.path\)")
"""What reads an artifact, as in `internal/artifactref`."""
URL = re.compile(r"[\w-]+:/+")
"""What Tekton takes for the beginning of a URL, in the name of a reference."""


class Feature(NamedTuple):
    """A field that not every cluster takes.

    Attributes:
        path: where it is in its object.
        name: what it is.
        level: from which level on it is taken; `alpha` also for what has a switch of its own.
        switch: the name of that switch in the ConfigMap `feature-flags`.
    """

    path: Path
    name: str
    level: str
    switch: str = "enable-api-fields"


def is_beyond(feature: Feature, api: str) -> bool:
    """Whether a cluster with these API fields refuses it."""
    return LEVELS.index(feature.level) > LEVELS.index(api)


def refuse_beyond(api: str, before: Any, after: Any, label: str) -> None:
    """Raises `Unsupported` where an object has a feature that these API fields do not allow, and that is new in it.

    An object that has it once runs on a cluster that allows it: it may have it more than once.
    """
    had = {feature.name for feature in features(before)}
    for feature in features(after):
        if is_beyond(feature, api) and feature.name not in had:
            raise _refusal(feature, label)


def refuse_unseen(api: str, seen: Collection[str], content: Any, label: str) -> None:
    """Raises `Unsupported` where a new object has a feature that these API fields do not allow.

    Args:
        api: the API fields.
        seen: the names of features that are allowed all the same: the user has objects with them.
        content: the object.
        label: what it is called in the error.
    """
    for feature in features(content):
        if is_beyond(feature, api) and feature.name not in seen:
            raise _refusal(feature, label)


def _refusal(feature: Feature, label: str) -> Unsupported:
    return Unsupported(
        f"{label} would have {feature.name}, which Tekton has at the level {feature.level} only",
        engine="tekton",
        feature=feature.name,
        path=feature.path,
        hint=f"write it with --to 'tekton{{api={feature.level}}}' where the cluster allows that",
    )


def features(data: Any) -> Iterator[Feature]:
    """The features of an object that need more than the stable API."""
    kind = KINDS.get(str(data.get("kind"))) if isinstance(data, dict) else None
    if kind is None:
        return
    spec = mapping_at(in_v1(data["kind"], data) if is_older(data["kind"], data.get("apiVersion")) else data, "spec")
    path: Path = ("spec",)
    if not kind.runs:
        yield from BODIES[kind.root](spec, path)
        return
    key = f"{kind.root}Spec"
    yield from _resolver(spec, f"{kind.root}Ref", path)
    yield from BODIES[kind.root](mapping_at(spec, key), (*path, key))
    if "debug" in spec:
        yield Feature((*path, "debug"), "debug", "alpha")
    for item, place in [(spec, path), *_items(spec, "taskRunSpecs", path)]:
        for name in ("stepSpecs", "sidecarSpecs", "computeResources"):
            if item.get(name) is not None:
                yield Feature((*place, name), name, "beta")


def _pipeline(spec: Mapped, path: Path) -> Iterator[Feature]:
    yield from _enums(spec, path)
    for key in ("tasks", "finally"):
        for task, place in _items(spec, key, path):
            yield from _task_of_pipeline(task, place)


def _task_of_pipeline(task: Mapped, path: Path) -> Iterator[Feature]:
    for key in ("pipelineRef", "pipelineSpec"):
        if task.get(key) is not None:
            yield Feature((*path, key), "a pipeline in a pipeline", "alpha")
    matrix = mapping_at(task, "matrix")
    if matrix.get("params") or matrix.get("include"):
        yield Feature((*path, "matrix"), "a matrix", "beta")
    if task.get("onError") and not str(task["onError"]).startswith("$(params"):
        yield Feature((*path, "onError"), "onError of a task", "beta")
    yield from _resolver(task, "taskRef", path)
    yield from _cel(task, path)
    for item, place in _items(task, "params", path):
        if _reads_artifacts(item.get("value")):
            yield Feature((*place, "value"), "artifacts", "alpha", "enable-artifacts")
    inner = mapping_at(task, "taskSpec")
    if not inner.get("apiVersion") and not inner.get("kind"):
        yield from _task(inner, (*path, "taskSpec"))
    yield from _pipeline(mapping_at(task, "pipelineSpec"), (*path, "pipelineSpec"))


def _task(spec: Mapped, path: Path) -> Iterator[Feature]:
    yield from _enums(spec, path)
    for key, what in (("steps", "step"), ("sidecars", "sidecar")):
        for item, place in _items(spec, key, path):
            if item.get("workspaces"):
                yield Feature((*place, "workspaces"), f"workspaces of a {what}", "beta")
    for step, place in _items(spec, "steps", path):
        yield from _resolver(step, "ref", place)
        yield from _cel(step, place)
        yield from _step(step, place)
        texts = [step.get("script"), step.get("command"), step.get("args")]
        texts += [variable.get("value") for variable, _ in _items(step, "env", place)]
        if any(map(_reads_artifacts, texts)):
            yield Feature(place, "artifacts", "alpha", "enable-artifacts")
        for key in ("stdoutConfig", "stderrConfig"):
            if step.get(key) is not None:
                yield Feature((*place, key), key, "alpha")


def _step(step: Mapped, path: Path) -> Iterator[Feature]:
    if str(step.get("script", "")).strip().startswith("#!win"):
        yield Feature((*path, "script"), "a script for Windows", "alpha")


BODIES = {"pipeline": _pipeline, "task": _task, "step": _step}


def _resolver(holder: Mapped, key: str, path: Path) -> Iterator[Feature]:
    reference = mapping_at(holder, key)
    if reference.get("resolver") or reference.get("params"):
        yield Feature((*path, key), "a resolver", "beta")
    if URL.search(str(reference.get("name", ""))):
        yield Feature((*path, key), "a URL as a name", "alpha", "enable-concise-resolver-syntax")


def _cel(holder: Mapped, path: Path) -> Iterator[Feature]:
    for item, place in _items(holder, "when", path):
        if item.get("cel"):
            yield Feature((*place, "cel"), "CEL in when", "alpha", "enable-cel-in-whenexpression")


def _enums(spec: Mapped, path: Path) -> Iterator[Feature]:
    for item, place in _items(spec, "params", path):
        if item.get("enum"):
            yield Feature((*place, "enum"), "enum of a parameter", "alpha", "enable-param-enum")


def _reads_artifacts(content: Any) -> bool:
    texts = content if isinstance(content, list) else [content]
    return any(isinstance(text, str) and ARTIFACT.search(text) for text in texts)


def _items(holder: Mapped, key: str, path: Path) -> list[tuple[Mapped, Path]]:
    content = holder.get(key)
    items = enumerate(content) if isinstance(content, list) else ()
    return [(item, (*path, key, number)) for number, item in items if isinstance(item, dict)]
