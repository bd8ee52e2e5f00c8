"""Contract of `couler doctor`: what this machine, an engine or a cluster has and lacks."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["Check"]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a feature needs.

    Attributes:
        feature: what needs it.
        state: whether it is there; `absent` where only those miss it who want the feature; `unknown` where nobody says.
        message: what was found, in half a sentence.
        remedy: what to do about it; empty for nothing.
    """

    feature: str
    state: Literal["ok", "missing", "absent", "unknown"]
    message: str
    remedy: str = ""
