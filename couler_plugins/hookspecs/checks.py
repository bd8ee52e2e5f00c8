"""Contract of `couler doctor`: what a cluster has and lacks."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["Check"]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a feature needs.

    Attributes:
        feature: what needs it.
        state: whether it is there; `unknown` where the cluster does not say.
        message: what was found, in half a sentence.
        remedy: what to do about it; empty for nothing.
    """

    feature: str
    state: Literal["ok", "missing", "unknown"]
    message: str
    remedy: str = ""
