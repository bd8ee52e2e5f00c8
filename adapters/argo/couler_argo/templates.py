"""Templates: the tables for graphs (dag, steps), for operations (everything else) and for their containers.

Source: `pkg/apis/workflow/v1alpha1` (Template, DAGTemplate).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from typing import Literal as OneOf

from couler_argo.codec import Codec, Context, Field, flag, mappings, scalar, structure, text_list
from couler_argo.ports import INPUTS, OUTPUTS
from couler_argo.references import expression, native, value
from couler_argo.spelling import write, write_expression
from couler_plugins.documents.mappings import Mapped
from couler_plugins.engine_kit.durations import as_seconds, go_duration
from couler_plugins.engine_kit.structures import write_environment
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Container, EnvVar, Literal, Retry, Value

# Containers: the main one, the script, init containers and sidecars.
#
# Source: `pkg/apis/workflow/v1alpha1` (Template, ScriptTemplate, UserContainer) and Kubernetes' core/v1 Container.

ROLES: dict[str, OneOf["init", "sidecar"]] = {"initContainers": "init", "sidecars": "sidecar"}


def _name() -> Field:
    def read(mapping: Mapped, context: Context) -> tuple[str | None, Mapped]:
        name = mapping["name"]
        return (name, {}) if isinstance(name, str) and name else (None, {"name": name})

    return Field("name", ("name",), read, lambda node, context: {"name": node} if node else {})


def _environment() -> Field:
    def read(mapping: Mapped, context: Context) -> tuple[tuple[EnvVar, ...] | None, Mapped]:
        items = mapping["env"]
        if not mappings(items, lambda item: isinstance(item.get("name"), str)):
            return None, {"env": items}
        return tuple(_variable(item) for item in items), {}

    def write_all(variables: tuple[EnvVar, ...], context: Context) -> Mapped:
        return {"env": write_environment(variables, lambda value: write(value, context.scope))}

    return Field("env", ("env",), read, write_all)


def _variable(item: Mapped) -> EnvVar:
    """One variable: a plain value, or (as a structure) everything that Kubernetes says of it."""
    content = item.get("value")
    if len(item) == 2 and isinstance(content, (str, int, float)):
        return EnvVar(name=item["name"], value=value(content))
    return EnvVar(name=item["name"], value=native({key: part for key, part in item.items() if key != "name"}))


def _quantities(name: str) -> Field:
    """Requests or limits: quantities by the name of the resource."""

    def read(mapping: Mapped, context: Context) -> tuple[tuple[tuple[str, Value], ...] | None, Mapped]:
        content = mapping[name]
        if not isinstance(content, dict) or not content:
            return None, {name: content}
        if any(quantity is None or isinstance(quantity, (dict, list)) for quantity in content.values()):
            return None, {name: content}
        return tuple(sorted((key, value(quantity)) for key, quantity in content.items())), {}

    def write_all(quantities: tuple[tuple[str, Value], ...], context: Context) -> Mapped:
        return {name: {key: write(quantity, context.scope) for key, quantity in quantities}}

    return Field(name, (name,), read, write_all)


CONTAINER = Codec(
    _name(),
    scalar("image", "image"),
    text_list("command", "command"),
    text_list("args", "args"),
    _environment(),
    scalar("script", "source"),
    nested={"resources": Codec(_quantities("requests"), _quantities("limits"))},
    beside=("role",),
)


def _read(mapping: Mapped, context: Context) -> tuple[tuple[Container, ...] | None, Mapped]:
    containers: list[Container] = []
    remainder: Mapped = {}
    for key in ("container", "script"):
        content = mapping.get(key)
        if (
            isinstance(content, dict)
            and content
            and not containers
            and (key == "container") is not ("source" in content)
        ):
            containers.append(Container(role="main", **CONTAINER.lift(content, context)))
        elif key in mapping:
            remainder[key] = content
    for key, role in ROLES.items():
        items = mapping.get(key)
        if mappings(items, bool):
            containers.extend(Container(role=role, **CONTAINER.lift(item, context)) for item in items)
        elif key in mapping:
            remainder[key] = items
    return tuple(containers) or None, remainder


def _write(containers: tuple[Container, ...], context: Context) -> Mapped:
    written: Mapped = {}
    for container in containers:
        mapping = CONTAINER.write(container, context)
        if container.role == "main":
            if "script" in written or "container" in written:
                raise _refusal("Container.role", "a template has one main container, not several")
            written["script" if container.script is not None else "container"] = mapping
        else:
            if container.script is not None:
                raise _refusal("Container.script", "only the main container can be a script")
            key = next(key for key, role in ROLES.items() if role == container.role)
            written.setdefault(key, []).append(mapping)
    return written


def _refusal(feature: str, reason: str) -> Unsupported:
    return Unsupported(reason, engine="argo", feature=feature, hint="make it a template of its own")


CONTAINERS = Field("containers", ("container", "script", *ROLES), _read, _write)


KINDS = ("container", "script", "containerSet", "resource", "suspend", "http", "data", "plugin")
"""What a template can be, beside dag and steps."""


def _number(name: str, key: str, number: Callable[[str], Literal | None], spelt: Callable[[Any], Any]) -> Field:
    """A number that Argo has as a text; it stays as it is spelt there until it is changed."""

    def read(mapping: Mapped, context: Context) -> tuple[Value | None, Mapped]:
        content = mapping[key]
        if type(content) is int and spelt is _whole:
            return Literal(value=content), {}
        return (number(content) or value(content), {}) if isinstance(content, str) else (None, {key: content})

    def write_one(node: Value, context: Context) -> Mapped:
        is_number = isinstance(node, Literal) and isinstance(node.value, (int, float))
        return {key: (node.native or spelt(node.value)) if is_number else write(node, context.scope)}  # type: ignore[union-attr]

    return Field(name, (key,), read, write_one)


def _whole(number: float) -> int:
    if number % 1 != 0:
        hint = "give a whole number"
        raise Unsupported("Argo takes whole factors of delays", engine="argo", feature="Retry.factor", hint=hint)
    return int(number)


def _read_condition(mapping: Mapped, context: Context) -> tuple[Value | None, Mapped]:
    content = mapping["expression"]
    return (expression(content), {}) if isinstance(content, str) else (None, {"expression": content})


RETRY = Codec(
    scalar("limit", "limit"),
    Field(
        "condition",
        ("expression",),
        _read_condition,
        lambda node, context: {"expression": write_expression(node, context.scope)},
    ),
    nested={
        "backoff": Codec(
            _number("delay", "duration", as_seconds, go_duration),
            _number("factor", "factor", lambda text: as_seconds(text) if text.isdigit() else None, _whole),
            _number("max_delay", "cap", as_seconds, go_duration),
        )
    },
)


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
