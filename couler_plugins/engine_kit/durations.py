"""Times in Go's notation (`1h30m`), which engines on Kubernetes read and write."""

from __future__ import annotations

import math
import re

from couler_plugins.ir import Literal

UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
NEAR = 1e-6
"""A part of a millisecond that comes from fractions of two."""
MOST = 2**63 / 1e9


def go_seconds(text: str) -> float | None:
    """How long a duration is, as Go's `time.ParseDuration` reads it; None where it does not."""
    sign, digits = (-1.0, text[1:]) if text.startswith("-") else (1.0, text.removeprefix("+"))
    if digits == "0":
        return 0.0
    parts = list(PART.finditer(digits))
    if not parts or "".join(part[0] for part in parts) != digits:
        return None
    return sign * sum(float(part[1]) * UNITS[part[2]] for part in parts)


def go_duration(seconds: float) -> str:
    """Return a time in Go's notation, rounded up to milliseconds."""
    milliseconds = math.ceil(seconds * 1000 - NEAR)
    return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"


def as_seconds(text: str) -> Literal | None:
    """Return a time as a number of seconds, with its spelling; without a unit it is seconds as well.

    None for what is no time, has parts of milliseconds, or is more than Go can count.
    """
    seconds = go_seconds(f"{text}s" if text.isascii() and text.isdigit() else text)
    if seconds is None or not 0 <= seconds < MOST:
        return None
    milliseconds = round(seconds * 1000)
    if abs(seconds * 1000 - milliseconds) > NEAR:
        return None
    return Literal(value=milliseconds / 1000 if milliseconds % 1000 else milliseconds // 1000, native=text)
