"""What the cache said of the task that this process runs, until a listener asks. A worker runs one task at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_last: tuple[Any, Mapping[str, Any]] | None = None


def remember(ti: Any, message: Mapping[str, Any]) -> None:
    """Keeps what was said of a task instance, in the place of what was said before."""
    global _last  # noqa: PLW0603  # Airflow hands listeners nothing but the task instance
    _last = ti, message


def recall(ti: Any) -> Mapping[str, Any] | None:
    """What was said of this very task instance; once."""
    global _last  # as above
    if _last is None or _last[0] is not ti:
        return None
    message, _last = _last[1], None
    return message
