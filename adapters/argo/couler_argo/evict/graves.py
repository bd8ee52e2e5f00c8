"""Artifacts of evicted entries that wait for their deletion, written down on the ConfigMap that the entries were in.

The change that removes an entry writes down its artifacts, so there is no moment at which either is lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from couler_argo.memo_entries import Artifact, parts_of

__all__ = ["EVICTED", "Grave", "graves_in", "graves_text", "with_graves"]

EVICTED = "couler.io/evicted-artifacts"
"""The annotation: a JSON object of artifacts' keys, each with the pod that made it and the time of the eviction."""

ROOM = 192 * 1024
"""Bytes of the annotation at most; Kubernetes takes 256 KiB for all annotations of an object."""


class Grave(NamedTuple):
    """One artifact: the part of its key that names its pod, and when its entry went, in seconds since 1970."""

    pod: str
    since: float


def graves_in(annotations: Mapping[str, str]) -> dict[str, Grave]:
    """The artifacts that wait, by key; none that we would not have written down."""
    try:
        written = msgspec.json.decode(annotations.get(EVICTED, "{}"), type=dict[str, tuple[str, float]])
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
        return {}
    return {key: Grave(pod, since) for key, (pod, since) in written.items() if pod and pod in parts_of(key)}


def graves_text(graves: Mapping[str, Grave]) -> str | None:
    """The annotation's text; None for none at all."""
    return json.dumps(graves, separators=(",", ":"), sort_keys=True) if graves else None


def with_graves(graves: Mapping[str, Grave], artifacts: Iterable[Artifact], now: float) -> dict[str, Grave] | None:
    """These and those of one more entry; None where they have no room."""
    more = {**{item.key: Grave(item.pod, int(now)) for item in artifacts}, **graves}
    return more if sum(len(key) + len(grave.pod) + 24 for key, grave in more.items()) <= ROOM else None
