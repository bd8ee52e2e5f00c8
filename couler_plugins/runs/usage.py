"""What single attempts of steps asked for and used, by container. Unknown is None, never zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from couler_plugins.ir.quantities import parse_quantity


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

    container: str
    cpu_request: float | None = None
    cpu_limit: float | None = None
    memory_request: int | None = None
    memory_limit: int | None = None
    memory: int | None = None
    cpu: float | None = None
    cpu_p95: float | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt of a step. Times are in seconds since 1970.

    Attributes:
        start, end: when its pod began and ended.
        succeeded: how it ended.
        exit_code: that of its main container.
        reason: why it failed, in the engine's word, such as `OOMKilled` or `Evicted`.
        pod, namespace, node: where it ran; empty where that is not known.
        input_bytes, output_bytes: the sizes of what it read and wrote.
        containers: what its containers asked for and used.
    """

    start: float | None = None
    end: float | None = None
    succeeded: bool | None = None
    exit_code: int | None = None
    reason: str = ""
    pod: str = ""
    namespace: str = ""
    node: str = ""
    input_bytes: int | None = None
    output_bytes: int | None = None
    containers: tuple[ContainerUse, ...] = ()

    @property
    def seconds(self) -> float | None:
        """How long it took; None where that is not known."""
        return None if self.start is None or self.end is None or self.end < self.start else self.end - self.start


def container_use(container: str, resources: Mapping[str, Any] | None) -> ContainerUse:
    """Return what a container asks for, read from its `resources` as Kubernetes does: a limit is a request, too."""
    limits = (resources or {}).get("limits") or {}
    requests = {**limits, **((resources or {}).get("requests") or {})}
    memory = [parse_quantity(amounts.get("memory")) for amounts in (requests, limits)]
    return ContainerUse(
        container=container,
        cpu_request=parse_quantity(requests.get("cpu")),
        cpu_limit=parse_quantity(limits.get("cpu")),
        memory_request=None if memory[0] is None else round(memory[0]),
        memory_limit=None if memory[1] is None else round(memory[1]),
    )
