"""Templates: the tables for graphs (dag, steps) and for operations (everything else).

Source: `pkg/apis/workflow/v1alpha1` (Template, DAGTemplate).
"""

from __future__ import annotations

from typing import Any

from couler_argo.codec import Codec, Context, Field, Mapped
from couler_argo.containers import CONTAINERS
from couler_argo.ports import INPUTS, OUTPUTS
from couler_argo.references import value
from couler_argo.spelling import write
from couler_argo.values import flag, scalar, structure
from couler_plugins.ir import Retry, Value

__all__ = ["GRAPH", "OPERATION", "operation_kind"]

KINDS = ("container", "script", "containerSet", "resource", "suspend", "http", "data", "plugin")
"""What a template can be, beside dag and steps."""


RETRY = Codec(scalar("limit", "limit"))


def _read_retry(mapping: Mapped, context: Context) -> tuple[Retry | None, Mapped]:
    content = mapping["retryStrategy"]
    if not isinstance(content, dict):
        return None, {"retryStrategy": content}
    return Retry(**RETRY.lift(content, context)), {}


def _read_targets(mapping: Mapped, context: Context) -> tuple[tuple[Any, ...] | None, Mapped]:
    target = mapping["target"]
    if isinstance(target, str) and "{{" in target:
        return (value(target),), {}
    if not isinstance(target, str) or not target or " ".join(target.split()) != target:
        return None, {"target": target}
    return tuple(target.split(" ")), {}


def _write_targets(targets: tuple[str | Value, ...], context: Context) -> Mapped:
    return {"target": " ".join(item if isinstance(item, str) else write(item, context.scope) for item in targets)}


def _read_fail_fast(mapping: Mapped, context: Context) -> tuple[bool | None, Mapped]:
    content = mapping["failFast"]
    return (content, {}) if isinstance(content, bool) else (None, {"failFast": content})


def _write_name(name: str, context: Context) -> Mapped:
    return {"name": name} if name else {}


def _common() -> tuple[Field, ...]:
    return (
        Field("name", ("name",), lambda mapping, context: (mapping["name"], {}), _write_name),
        Field(
            "retry",
            ("retryStrategy",),
            _read_retry,
            lambda node, context: {"retryStrategy": RETRY.write(node, context)},
        ),
        scalar("timeout", "timeout"),
        structure("memoized", "memoize"),
        structure("locks", "synchronization"),
        structure("metrics", "metrics"),
    )


PORTS = {"inputs": INPUTS, "outputs": OUTPUTS}
DAG = Codec(
    Field("targets", ("target",), _read_targets, _write_targets),
    Field("fail_fast", ("failFast",), _read_fail_fast, lambda node, context: {"failFast": node}),
    ignored=("tasks",),
)
GRAPH = Codec(
    *_common(),
    scalar("parallelism", "parallelism"),
    nested={**PORTS, "dag": DAG},
    ignored=("steps",),
    beside=("inline", "stages", "steps"),
)
OPERATION = Codec(
    *_common(), flag("daemon", "daemon"), CONTAINERS, nested=PORTS, beside=("directives", "inline", "kind")
)


def operation_kind(template: Mapped) -> str:
    """What kind of operation a template is; `unknown` where it holds none that we have heard of."""
    return next((kind for kind in KINDS if kind in template), "unknown")
