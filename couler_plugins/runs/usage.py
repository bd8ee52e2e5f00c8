"""What single attempts of steps asked for and used, by container. Unknown is None, never zero."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from couler_plugins.ir.quantities import parse_quantity
from couler_plugins.net.redacting import redact

Amount = Annotated[float, msgspec.Meta(ge=0, le=1e15)]
Time = Annotated[float, msgspec.Meta(ge=0, le=1e11)]
"""Seconds since 1970; milliseconds are too many."""
Size = Annotated[int, msgspec.Meta(ge=0, le=1 << 60)]
"""Bytes; more than an EiB are a mistake, for which computations have no room."""
Text = Annotated[str, msgspec.Meta(max_length=1 << 20)]
LONGEST = 2000
"""Characters of a message."""


NOT_RUN = "NotRun"
"""The reason of what failed and runs nothing: a wait that was too long, a call whose `when` cannot be evaluated."""


class ContainerUse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one container of an attempt asked for and used.

    Attributes:
        container: its name in the pod, such as `main` (Argo, KFP), `step-build` (Tekton) or `base` (Airflow).
        cpu_request, cpu_limit: cores that it asked for, and that it could have at most.
        memory_request, memory_limit: bytes that it asked for, and that it could have at most.
        memory: bytes of its working set at the peak.
        cpu: cores that it used on average.
        cpu_p95: cores that it used for 95 % of its time at most.
    """

    container: Text
    cpu_request: Amount | None = None
    cpu_limit: Amount | None = None
    memory_request: Size | None = None
    memory_limit: Size | None = None
    memory: Size | None = None
    cpu: Amount | None = None
    cpu_p95: Amount | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt of a step. Times are in seconds since 1970.

    Attributes:
        start, end: when its pod began and ended.
        succeeded: how it ended.
        exit_code: that of its main container.
        reason: why it failed, in the engine's word, such as `OOMKilled` or `Evicted`; of a Python task the exception.
        message: what the engine says of the failure, with nothing secret in it (`couler_plugins.net.redacting`).
        pod, namespace, node: where it ran; empty where that is not known.
        input_bytes, output_bytes: the sizes of what it read and wrote.
        containers: what its containers asked for and used.
        partial: whether a cache may have given its result, so that it used less than its work takes.
    """

    start: Time | None = None
    end: Time | None = None
    succeeded: bool | None = None
    exit_code: int | None = None
    reason: Text = ""
    message: Text = ""
    pod: Text = ""
    namespace: Text = ""
    node: Text = ""
    input_bytes: Size | None = None
    output_bytes: Size | None = None
    containers: tuple[ContainerUse, ...] = ()
    partial: bool = False

    @property
    def seconds(self) -> float | None:
        """How long it took; None where that is not known."""
        return None if self.start is None or self.end is None or self.end < self.start else self.end - self.start


def container_use(container: str, resources: Mapping[str, Any] | None) -> ContainerUse:
    """Return what a container asks for, read from its `resources` as Kubernetes does: a limit is a request, too."""
    limits = (resources or {}).get("limits") or {}
    requests = {**limits, **((resources or {}).get("requests") or {})}
    cpu, memory = ([_amount(pairs.get(name)) for pairs in (requests, limits)] for name in ("cpu", "memory"))
    sizes = [None if amount is None else round(amount) for amount in memory]
    return ContainerUse(
        container=container, cpu_request=cpu[0], cpu_limit=cpu[1], memory_request=sizes[0], memory_limit=sizes[1]
    )


def _amount(text: object) -> float | None:
    """An amount that a machine can have; None for others."""
    amount = parse_quantity(text)
    return amount if amount is not None and amount <= 1e15 else None


def message_of(text: object) -> str:
    """Return what an engine says of a failure in one line: nothing secret, nothing that cannot be shown, no more than
    a few sentences.
    """
    words = " ".join(str(text or "").split())
    return "".join(char if char.isprintable() else " " for char in redact(words))[:LONGEST]


def time_of(text: object) -> float | None:
    """Seconds since 1970 of a date, in UTC where it names no zone; None where it is no date."""
    try:
        date = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
