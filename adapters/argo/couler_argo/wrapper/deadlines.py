"""The deadlines of a template, which a wrapper's own work counts towards.

Source: `workflow/controller/workflowpod.go`: `activeDeadlineSeconds` of a template becomes that of its pod, where the
kubelet counts from the pod's start, init containers and sidecars included; `timeout` counts from the moment when the
node of the step is made, and becomes the pod's deadline as well. Either fails the step. So both are moved by as much
as the wrapper may take, and that is no more than a part of them: a command that hangs is still ended, a little later.
"""

from __future__ import annotations

import re
from typing import Any

from couler_argo.references import native, value
from couler_argo.wrapper.parts import rest_of
from couler_plugins.ir import Literal, Operation, replace

__all__ = [
    "DEADLINE",
    "active_seconds",
    "deadline_objection",
    "later",
    "later_by",
    "limit_of",
    "sooner",
    "timeout_seconds",
]

DEADLINE = "activeDeadlineSeconds"
PART = 10
"""The tenth part of a step's deadline is what the store may take before its command, and after it."""
LEAST = 30  # seconds
BESIDE = 60  # seconds that two containers may take to start, and to end
UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:h|ms|m|s|us|µs|ns))+")
"""A duration as Go reads it: what is written several times is added."""


def deadline_objection(item: Operation, defaults: dict[str, Any]) -> str:
    """Why the deadlines of a template cannot be moved; empty where they can.

    Args:
        item: the template.
        defaults: what the workflow's `templateDefaults` say.
    """
    for name, limit, seconds in (
        (DEADLINE, rest_of(item).get(DEADLINE), active_seconds(item)),
        ("timeout", item.timeout, timeout_seconds(item)),
    ):
        if limit is None and name in defaults:
            return f"templateDefaults set its {name}, which includes the time of the wrapper: set it in the template"
        if limit is not None and seconds is None:
            return f"its {name}, which includes the time of the wrapper, is not a constant time"
    return ""


def limit_of(item: Operation, timeout: int) -> int:
    """How many seconds the store may take before the command, and after it."""
    limits = [seconds for seconds in (active_seconds(item), timeout_seconds(item)) if seconds is not None]
    return min(timeout, max(LEAST, int(min(limits)) // PART)) if limits else timeout


def later_by(item: Operation, limit: int) -> int:
    """How many seconds the deadlines of a template are moved by; 0 where it has none."""
    return 2 * limit + BESIDE if rest_of(item).get(DEADLINE) is not None or item.timeout is not None else 0


def later(item: Operation, limit: int) -> Operation:
    """The template with its deadlines moved by what a wrapper may take; `deadline_objection` has none against it."""
    rest, more = rest_of(item), later_by(item, limit)
    if (seconds := active_seconds(item)) is not None:
        rest[DEADLINE] = type(rest[DEADLINE])(seconds + more)
        item = replace(item, native_extra=native(rest))
    if isinstance(item.timeout, Literal):
        item = replace(item, timeout=value(f"{item.timeout.value}{more}s"))
    return item


def sooner(item: Operation, limit: int) -> Operation:
    """The template with its deadlines as they were before `later`, as far as that is what moved them."""
    rest, more = rest_of(item), later_by(item, limit)
    if (seconds := active_seconds(item)) is not None and seconds > more:
        rest[DEADLINE] = type(rest[DEADLINE])(seconds - more)
        item = replace(item, native_extra=native(rest))
    if isinstance(item.timeout, Literal) and str(item.timeout.value).endswith(f"{more}s"):
        item = replace(item, timeout=value(str(item.timeout.value).removesuffix(f"{more}s")))
    return item


def active_seconds(item: Operation) -> int | None:
    """Return the deadline of a template's pods, in seconds; None where it has none that is known beforehand."""
    seconds = rest_of(item).get(DEADLINE)
    plain = isinstance(seconds, int) and not isinstance(seconds, bool)
    text = str(seconds) if plain or isinstance(seconds, str) else ""
    return int(text) if re.fullmatch(r"[1-9]\d{0,8}", text) else None


def timeout_seconds(item: Operation) -> float | None:
    """Return the timeout of a template, in seconds; None where it has none that is known beforehand."""
    text = item.timeout.value if isinstance(item.timeout, Literal) else None
    if not isinstance(text, str) or not DURATION.fullmatch(text):
        return None
    return sum(float(amount) * UNITS[unit] for amount, unit in re.findall(r"([\d.]+)([a-zµ]+)", text))
