"""Inputs, outputs, loops, retries and containers of steps and operations."""

from __future__ import annotations

from typing import Literal as OneOf

import msgspec

from couler_plugins.ir.values import REST, Native, Node, Value

PortKind = OneOf["parameter", "artifact"]


class Argument(Node, frozen=True):
    """What a call site passes to an input of its callee.

    Attributes:
        name: the input's name.
        value: what is passed.
        kind: the input's kind: parameter or artifact.
    """

    name: str
    value: Value
    kind: PortKind = "parameter"


class Port(Node, frozen=True):
    """A declared input.

    Attributes:
        name: its name, unique among the inputs of its kind.
        kind: parameter or artifact.
        value: what it holds unless the caller passes something.
        default: what it falls back to.
        origin: an external place that its content comes from (a ConfigMap key, a bucket), engine's own structure.
        optional: whether it may stay empty.
        path: where an artifact appears in the container.
        native_extra: what else the engine says of it.
    """

    name: str
    kind: PortKind = "parameter"
    value: Value | None = None
    default: Value | None = None
    origin: Native | None = None
    optional: bool = False
    path: Value | None = None
    native_extra: Native | None = msgspec.field(default=None, name=REST)

    @property
    def required(self) -> bool:
        """Whether a caller has to pass something."""
        return not self.optional and self.value is None and self.default is None and self.origin is None


class Output(Node, frozen=True):
    """A declared output.

    Attributes:
        name: its name, unique among the outputs of its kind.
        kind: parameter or artifact.
        value: for a graph, what it hands out; for an operation, how the engine obtains it.
        default: what it falls back to.
        path: where an artifact is found in the container.
        exported: the name under which the whole run sees it, if any.
        native_extra: what else the engine says of it.
    """

    name: str
    kind: PortKind = "parameter"
    value: Value | None = None
    default: Value | None = None
    path: Value | None = None
    exported: Value | None = None
    native_extra: Native | None = msgspec.field(default=None, name=REST)


class Axis(Node, frozen=True):
    """One dimension of a loop.

    Attributes:
        name: the name under which a step sees its item.
        values: where the items come from.
    """

    name: str
    values: Value


class Loop(Node, frozen=True):
    """How often a step (or region) runs.

    Attributes:
        combine: `rows` (one axis), `product` or `zip` of several, `sequence` (counted by the engine).
        axes: the dimensions.
        limit: how many may run at a time.
        includes: further combinations, the engine's own structure each.
    """

    combine: OneOf["rows", "product", "zip", "sequence"] = "rows"
    axes: tuple[Axis, ...] = ()
    limit: Value | None = None
    includes: tuple[Native, ...] = ()


class Retry(Node, frozen=True):
    """How often a failed attempt is repeated.

    Numbers are `Literal` numbers where they are known beforehand.

    Attributes:
        limit: how many more attempts there are after the first.
        delay: seconds before the first repetition.
        factor: how many times as long each further delay is.
        max_delay: the longest delay, in seconds.
        condition: which failures are repeated, in the engine's own language.
        native_extra: what else the engine says of it.
    """

    limit: Value | None = None
    delay: Value | None = None
    factor: Value | None = None
    max_delay: Value | None = None
    condition: Value | None = None
    native_extra: Native | None = msgspec.field(default=None, name=REST)


class EnvVar(Node, frozen=True):
    """An environment variable; its order among the others counts, since later ones may refer to earlier ones.

    Attributes:
        name: its name.
        value: what it holds.
    """

    name: str
    value: Value


class Container(Node, frozen=True):
    """One container of an operation.

    Attributes:
        name: its name, empty where the engine gives it none.
        role: `main`, `init` or `sidecar`.
        image, command, args: as in Kubernetes.
        script: the text of a program that the engine writes to a file and runs.
        env: the environment.
        requests, limits: resources in Kubernetes' notation, sorted by name.
        native_extra: what else the engine says of it.
    """

    name: str = ""
    role: OneOf["main", "init", "sidecar"] = "main"
    image: Value | None = None
    command: tuple[Value, ...] = ()
    args: tuple[Value, ...] = ()
    script: Value | None = None
    env: tuple[EnvVar, ...] = ()
    requests: tuple[tuple[str, Value], ...] = ()
    limits: tuple[tuple[str, Value], ...] = ()
    native_extra: Native | None = msgspec.field(default=None, name=REST)
