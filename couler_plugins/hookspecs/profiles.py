"""The contract of those who know what past runs of a workflow took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from couler_plugins.hookspecs.markers import hookspec

if TYPE_CHECKING:
    from couler_plugins.ir import Workflow

__all__ = ["Profile", "couler_profiles"]


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a step from past runs. Unknown is None, never zero.

    Attributes:
        seconds: how long one run takes.
        cpu: cores used on average.
        memory: bytes at the peak.
        output_bytes: bytes of all outputs together.
        success_rate: the share of attempts that succeed, 0 to 1.
    """

    seconds: float | None = None
    cpu: float | None = None
    memory: int | None = None
    output_bytes: int | None = None
    success_rate: float | None = None


@hookspec
def couler_profiles(workflow: Workflow) -> Mapping[str, Profile]:  # type: ignore[empty-body]  # pluggy wants none
    """Return what past runs say of this workflow's steps, by `graph/step`; leave out what is not known."""
