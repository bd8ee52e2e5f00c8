"""What an adapter says of its engine: the features that it has, the kinds of its documents, and sizes of steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

__all__ = ["ApiGroup", "Capability", "Footprint"]


class Capability(msgspec.Struct, frozen=True):
    """Support of an adapter for one feature of the IR.

    Attributes:
        feature: the IR's name for it, such as `Step.condition`.
        support: `full` (lifted, and written wherever an optimizer sets it), `derived` (lifted, follows from other
            fields), `kept` (lifted, and lowering raises `Unsupported` where it was changed), or `refused` (not lifted;
            lowering raises `Unsupported`).
        native: what the engine calls it.
        note: the limits of it, in half a sentence.
    """

    feature: str
    support: Literal["full", "derived", "kept", "refused"]
    native: str = ""
    note: str = ""


class ApiGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group of kinds of Kubernetes that belongs to an engine: lint says where one of its documents is misspelt.

    Attributes:
        name: such as `argoproj.io`.
        kinds: the kinds that the adapter understands, each with the versions that there are, the newest first.
        others: kinds of the group that it leaves alone.
    """

    name: str
    kinds: Mapping[str, tuple[str, ...]]
    others: tuple[str, ...] = ()


class Footprint(msgspec.Struct, frozen=True, kw_only=True):
    """An upper estimate of what a step adds to its workflow, its directives' expansion included; additive.

    Attributes:
        bytes: bytes of the document as JSON.
        steps: entries in the engine's list of steps.
        pods: pods that it starts, for all items of its loop; None where only the run can tell.
    """

    bytes: int
    steps: int
    pods: int | None
