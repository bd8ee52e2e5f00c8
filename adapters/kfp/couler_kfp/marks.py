"""What an author says of a task, in the pipeline's own source: it reaches the platform document as annotations.

`kfp.kubernetes.add_pod_annotation` does the same where `kfp-kubernetes` is installed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from couler_plugins.caching.declarations import ALLOW, CACHE, TTL, VERSION
from couler_plugins.caching.waivers import WAIVERS, check_waivers
from couler_plugins.errors import InvalidInput
from couler_plugins.hpo.files import tune_annotations

Task = TypeVar("Task")


def pure(task: Task, *, ttl: str = "", version: str = "", allow: Sequence[str] = ()) -> Task:
    """Declares that what a task makes depends on nothing but its inputs and what its component says; returns it.

    Args:
        task: a `dsl.PipelineTask`.
        ttl: for how long that holds: `30m`, `24h`, `7d`; empty for ever.
        version: one that you change by hand when something changes that neither inputs nor component tell of.
        allow: what does not change the result although no fingerprint covers it: `secret`, `network`, ….

    Raises:
        InvalidInput: the time is none, or there is no such thing to allow.
    """
    said = f"ttl={ttl}" if ttl else "pure"
    if ttl and not TTL.match(said):
        raise InvalidInput(f"{ttl!r} is no time", engine="kfp", hint="write 30m, 24h, 7d or 1h30m")
    if isinstance(allow, str):
        raise InvalidInput("allow is a list of texts", engine="kfp", hint=f"give allow=({allow!r},)")
    check_waivers(allow, WAIVERS, "kfp")
    more = {VERSION: version, ALLOW: ",".join(allow)}
    return _annotated(task, {CACHE: said, **{key: text for key, text in more.items() if text}})


def always(task: Task) -> Task:
    """Declares that a task runs every time; returns it."""
    return _annotated(task, {CACHE: "always"})


def never(task: Task) -> Task:
    """Declares that a task is never cached, whatever else is said; returns it."""
    return _annotated(task, {CACHE: "never"})


def native(task: Task) -> Task:
    """Declares that KFP's own cache does what it should for a task, which is then left alone; returns it."""
    return _annotated(task, {CACHE: "native"})


def tune(
    task: Task,
    *,
    data: Mapping[str, Any],
    space: Mapping[str, Any],
    model: Mapping[str, Any] | None = None,
    candidates: Sequence[Mapping[str, Any]] = (),
    metric_from: str = "",
) -> Task:
    """Marks a task whose hyperparameters the optimizer `tune` is to choose; returns it.

    Args:
        task: a `dsl.PipelineTask`.
        data, space, model, candidates: as in a file of `couler tune`.
        metric_from: the output parameter that holds the metric (`Output`, where a component returns one value).

    Raises:
        InvalidInput: a field is missing, unknown, or not what it has to be.
    """
    return _annotated(task, tune_annotations(data, space, model, candidates, metric_from))


def _annotated(task: Task, annotations: dict[str, str]) -> Task:
    config: Any = getattr(task, "platform_config", None)
    if not isinstance(config, dict):
        hint = "call this on what a component returns inside of a @dsl.pipeline"
        raise InvalidInput(f"{type(task).__name__} is no task of a pipeline", engine="kfp", hint=hint)
    metadata = config.setdefault("kubernetes", {}).setdefault("podMetadata", {})
    metadata.setdefault("annotations", {}).update(annotations)
    return task
