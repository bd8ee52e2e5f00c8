"""What became of steps that failed: what their engine says of each, and the last lines that its pod has printed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from couler_plugins.engine_kit.kubernetes.objects import Calls
from couler_plugins.errors import EngineError
from couler_plugins.hookspecs.running import Failure
from couler_plugins.net.redacting import redact

LOGS, LINES = 5, 10
"""Of how many steps the logs are read, and how many lines of each."""
AROUND = 10
"""Lines that are read beside these, since an executor may have printed some of its own."""
WAITS = (0, 1)
"""Seconds before each look at a log, which is looked at again where it is empty."""
LINE, LOG = 300, 64 * 1024
"""Characters of a line that are shown, and bytes of a log that are read."""
ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""What sets colours on a terminal (ECMA-48, control sequences)."""


class Container(NamedTuple):
    """Where a step ran."""

    namespace: str
    pod: str
    name: str


class Failed(NamedTuple):
    """A step that failed.

    Attributes:
        step: its name.
        message: what the engine says of it.
        container: where it ran; None where it did not get so far.
    """

    step: str
    message: str
    container: Container | None = None


def failures(calls: Calls, failed: Iterable[Failed], own: Callable[[list[str]], list[str]] = list) -> Iterator[Failure]:
    """Says of each step what is known of it; of the first few, the last lines of their logs as well.

    Args:
        calls: the cluster.
        failed: the steps.
        own: of the lines of a log, those that the step itself has printed.
    """
    for number, item in enumerate(failed):
        message = redact(" ".join(item.message.split()))
        log: list[str] = []
        note = ""
        if item.container is not None and number < LOGS:
            try:
                log = _last_lines(calls, item.container, own)
            except EngineError as error:
                note = redact(error.message)
        yield Failure(step=item.step, message=message, log=tuple(map(_shown, log)), note=note)


def _last_lines(calls: Calls, container: Container, own: Callable[[list[str]], list[str]]) -> list[str]:
    """Return the last lines that a step has printed; the kubelet may tell how it ended before it has written them."""
    lines: list[str] = []
    for wait in WAITS:
        time.sleep(wait)
        text = calls.log(*container, lines=LINES + AROUND, most=LOG)
        if lines := own(ESCAPE.sub("", redact(text)).splitlines())[-LINES:]:
            break
    return lines


def _shown(line: str) -> str:
    plain = "".join(char if char.isprintable() else " " for char in line.rstrip())
    return plain if len(plain) <= LINE else f"{plain[:LINE]}…"
