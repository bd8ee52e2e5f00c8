"""Settings that optimizers want of a step on any engine: attempts, time, and what its pod gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from couler_plugins.ir.ports import Retry
from couler_plugins.ir.values import Literal, Node, Value, replace
from couler_plugins.ir.workflow import Step

Pairs = tuple[tuple[str, Value], ...]
S = TypeVar("S", bound="SettableStep")


class SettableStep(Step, frozen=True):
    """A call site with all settings in force for it: its own, or else those of what it calls.

    `Plan.map_steps` shows these, and writes what is changed in them to the place where the engine keeps it. The fields
    `retry` and `timeout` of `Step` are settings, too; a number of `timeout` counts seconds.

    Attributes:
        graph: the name of the graph that it is in; empty for one that is in none.
        requests, limits: resources of its main container, in Kubernetes' notation.
        env: environment variables of its main container.
        labels, annotations: metadata of its pod.
        node_selector: labels of the nodes that its pod may run on.
        priority: the priority class of its pod.
        scheduler: the name of the Kubernetes scheduler that finds a node for its pod.
        weight: a whole number; of steps that wait for a slot of their engine, the one of the largest starts first.
    """

    graph: str = ""
    requests: Pairs = ()
    limits: Pairs = ()
    env: Pairs = ()
    labels: Pairs = ()
    annotations: Pairs = ()
    node_selector: Pairs = ()
    priority: Value | None = None
    scheduler: Value | None = None
    weight: Value | None = None


PAIRS = tuple(name for name, kind in SettableStep.__annotations__.items() if kind == "Pairs")
"""The settings that are names with values."""
SETTINGS = ("retry", "timeout", *(name for name in SettableStep.__annotations__ if name != "graph"))
"""The names of all settings."""


def with_settings(step: S, **settings: Any) -> S:
    """Return `step` with some settings changed.

    Args:
        step: a call site, as `Plan.map_steps` shows it.
        settings: by their names. `retry` takes a number or a `Retry`, `timeout` seconds or a value, `priority` and
            `scheduler` a text or a value, `weight` a whole number or a value; the others take mappings of texts or
            values, which are added to what is there, name by name.
    """
    if unknown := settings.keys() - set(SETTINGS):
        raise TypeError(f"there is no setting {min(unknown)!r}; there are {', '.join(SETTINGS)}")
    changes: dict[str, Any] = {}
    for name, content in settings.items():
        if name in PAIRS:
            changes[name] = merged(getattr(step, name), content)
        else:
            changes[name] = Retry(limit=_value(content)) if name == "retry" and _plain(content) else _value(content)
    return replace(step, **changes)


def merged(old: Pairs, new: Mapping[str, Any] | Pairs) -> Pairs:
    """Return named values with others added or replaced; those that stay keep their places."""
    return tuple({**dict(old), **{name: _value(content) for name, content in dict(new).items()}}.items())


def _plain(content: object) -> bool:
    return content is not None and not isinstance(content, Node)


def _value(content: Any) -> Any:
    return Literal(value=content) if _plain(content) else content
