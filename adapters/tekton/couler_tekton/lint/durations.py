"""Durations in Go's notation."""

from __future__ import annotations

import re

__all__ = ["seconds"]

UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")


def seconds(text: str) -> float | None:
    """How long a duration is, as Go's `time.ParseDuration` reads it; None where it does not."""
    sign, digits = (-1.0, text[1:]) if text.startswith("-") else (1.0, text.removeprefix("+"))
    if digits == "0":
        return 0.0
    parts = list(PART.finditer(digits))
    if not parts or "".join(part[0] for part in parts) != digits:
        return None
    return sign * sum(float(part[1]) * UNITS[part[2]] for part in parts)
