"""What became of steps that failed: what their engine says of each, and the last lines that its pod has printed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from couler_plugins.engine_kit.kubernetes.objects import Calls
from couler_plugins.engine_kit.kubernetes.step_logs import Container, Own, read_lines
from couler_plugins.errors import EngineError
from couler_plugins.hookspecs.running import Failure
from couler_plugins.net.redacting import redact

LOGS, LINES = 5, 10
"""Of how many steps the logs are read, and how many lines of each."""
WAITS = (0, 1)
"""Seconds before each look at a log, which is looked at again where it is empty."""


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


def failures(calls: Calls, failed: Iterable[Failed], own: Own = list) -> Iterator[Failure]:
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
        yield Failure(step=item.step, message=message, log=tuple(log), note=note)


def _last_lines(calls: Calls, container: Container, own: Own) -> list[str]:
    """Return the last lines that a step has printed; the kubelet may tell how it ended before it has written them."""
    lines: list[str] = []
    for wait in WAITS:
        time.sleep(wait)
        if lines := read_lines(calls, container, own, LINES):
            break
    return lines
