"""Lines of logs, as they are shown: without secrets, colours and control characters."""

from __future__ import annotations

import re
from collections.abc import Callable

from couler_plugins.net.redacting import redact

LONGEST = 300
"""Characters of a line that are shown."""
ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""What sets colours on a terminal (ECMA-48, control sequences)."""


def last_lines(text: str, count: int, own: Callable[[list[str]], list[str]] = list) -> list[str]:
    """Return the last lines of a log.

    Args:
        text: the log, or its end.
        count: how many lines, at most.
        own: of all lines, those that the step itself has printed.
    """
    return [_shown(line) for line in own(ESCAPE.sub("", redact(text)).splitlines())[-count:]]


def _shown(line: str) -> str:
    plain = "".join(char if char.isprintable() else " " for char in line.rstrip())
    return plain if len(plain) <= LONGEST else f"{plain[:LONGEST]}…"
