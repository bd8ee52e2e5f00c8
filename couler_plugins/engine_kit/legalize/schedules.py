"""Cron schedules and time zones, as the library that Argo uses reads them (robfig/cron, five fields)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(MONTHS, 1)}),
    ("day of the week", 0, 6, {name: number for number, name in enumerate(DAYS)}),
)
NAMED = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
DURATION = re.compile(r"[-+]?(0|((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)")
NUMBER = re.compile(r"\+?\d+")


def schedule_text(spec: Mapping[str, Any]) -> str:
    """Return when a workflow starts by itself, from the spec of a CronWorkflow, as people read it."""
    times = spec.get("schedules") or [spec.get("schedule", "")]
    zone = f", {spec['timezone']}" if spec.get("timezone") else ""
    return f"{'; '.join(map(str, times))}{zone}"


def is_zone(name: str) -> bool:
    """Whether there is a time zone of this name; yes where this machine knows no time zones."""
    if name in ("", "UTC", "Local") or not available_timezones():
        return True
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def schedule_problem(text: str) -> str:
    """Why a schedule cannot be read; empty where it can."""
    if text.startswith(("TZ=", "CRON_TZ=")):
        zone, space, text = text.partition(" ")
        zone = zone.partition("=")[2]
        if not space or not is_zone(zone):
            return f"there is no time zone {zone!r}"
        text = text.strip()
    if text.startswith("@"):
        duration = text.removeprefix("@every ")
        if text in NAMED or (duration != text and DURATION.fullmatch(duration)):
            return ""
        return f"there is no {text!r}"
    parts = text.split()
    if len(parts) != len(FIELDS):
        return f"it has {len(parts)} fields instead of {len(FIELDS)}"
    for part, (name, low, high, names) in zip(parts, FIELDS, strict=True):
        for item in filter(None, part.split(",")):
            if problem := _range_problem(item, low, high, names):
                return f"{problem} as a {name}"
    return ""


def _range_problem(text: str, low: int, high: int, names: dict[str, int]) -> str:
    span, *steps = text.split("/")
    first, *last = span.split("-")
    if len(steps) > 1 or len(last) > 1:
        return f"{text!r} is not a range"
    begin, end = low, high
    if first not in ("*", "?"):
        numbers = [_number(item, names) for item in (first, *last)]
        if None in numbers:
            return f"{text!r} is no number"
        begin, end = numbers[0] or 0, numbers[-1] or 0
        if steps and not last:
            end = high
    step = _number(steps[0], {}) if steps else 1
    if not step:
        return f"{text!r} has no step"
    return "" if low <= begin <= end <= high else f"{text!r} is out of range"


def _number(text: str, names: dict[str, int]) -> int | None:
    if text.lower() in names:
        return names[text.lower()]
    return int(text) if NUMBER.fullmatch(text) else None
