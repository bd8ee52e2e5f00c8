"""Picks the best of some trials, for the optimizer `tune` of couler-plugins; it needs nothing but Python 3.7.

What trials have measured comes from programs that nobody here knows: it is read as numbers, and as nothing else.
"""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path


def measured(text: str, metric: str) -> float | None:
    """The number that a trial has left: its last line, or what that has by the metric's name; None where it is none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    line = lines[-1] if lines else ""
    try:
        value = json.loads(line)
        value = value.get(metric) if isinstance(value, dict) else value
    except (ValueError, RecursionError):
        value = "" if "_" in line else line
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def best(settings: list[dict[str, str]], trials: list[tuple[str, str]], metric: str, maximize: bool) -> dict[str, str]:
    """The setting of the best trial, of equal ones the first; the first setting where nothing was measured.

    `trials` holds pairs: the number of a setting, and the text that its trial has left.
    """
    ranked = []
    for number, text in trials:
        value = measured(text, metric)
        sys.stderr.write(f"trial {number}: {'no number' if value is None else value}\n")
        if value is not None and number.isdecimal() and int(number) < len(settings):
            ranked.append((-value if maximize else value, int(number)))
    if not ranked:
        sys.stderr.write("no trial has left a number: the first setting is taken\n")
    return settings[min(ranked)[1] if ranked else 0]


def main(places: dict[str, str], trials: list[tuple[str, str]]) -> None:
    """Writes each value of the best setting to its file; what there is to choose from is in the environment.

    So is what a run was given for a value of the first setting, where that is not what the workflow says.
    """
    settings = json.loads(os.environ["COULER_SETTINGS"])
    for name in places:
        settings[0][name] = os.environ.get("COULER_GIVEN_" + name, settings[0][name])
    chosen = best(settings, trials, os.environ["COULER_METRIC"], os.environ["COULER_GOAL"] == "maximize")
    sys.stderr.write(f"the best setting: {json.dumps(chosen)}\n")
    for name, path in places.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(chosen[name].encode())
